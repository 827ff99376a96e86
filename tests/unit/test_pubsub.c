/* Subscriptions: who may, what is told, until when it is repeated, and what a stranger cannot do. */
#include "pubsub_bench.h"

static void
withdraw(struct desk *d, const char *eid)
{
	struct rec rec = {.eid = eid, .ttl = UINT32_MAX};
	struct reg reg = {.key = &d->key, .nonce = ++d->register_nonce, .recs = &rec, .count = 1};

	world_register(&d->w, &reg);
}

static void
a_subscription_is_confirmed_and_told_of_changes(void **state)
{
	struct desk *d = desk_open();
	struct got got;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	ask(d, &d->xtr, "10.1.2.3/32", 100, "198.51.100.9");
	assert_int_equal(d->w.sent_count, 1);
	got = last(d);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(got.msg.nonce, 100);
	assert_addr(got.to.addr, "198.51.100.9");
	assert_int_equal(got.to.port, LISP_CONTROL_PORT);
	assert_prefix(&got.record.eid, "10.1.0.0/16");
	assert_addr(got.rloc, "192.0.2.1");
	assert_true(got.msg.has_xtr_id && got.msg.notify.id_bit);
	assert_memory_equal(got.msg.xtr_id.xtr, d->xtr.xtr, 16);
	assert_int_equal(lisp_auth_verify(&world_io, NULL, &d->key, &got.msg, got.data, got.size),
			 0);
	assert_int_equal(in_force(d), 0);
	world_ack(&d->w, 0, &d->key);
	assert_int_equal(in_force(d), 1);
	assert_count(&d->w, MS_SUBSCRIBED, 1);
	/* A refresh is no change. */
	put(d, "10.1.0.0/16", "192.0.2.1");
	assert_int_equal(d->w.sent_count, 1);
	put(d, "10.1.0.0/16", "192.0.2.2");
	got = last(d);
	assert_int_equal(d->w.sent_count, 2);
	assert_int_equal(got.msg.nonce, 101);
	assert_addr(got.to.addr, "198.51.100.9");
	assert_addr(got.rloc, "192.0.2.2");
	desk_close(d);
}

static void
a_publication_is_repeated_until_acknowledged(void **state)
{
	static const us_t times[] = {3, 6, 9, 15, 27, 51};
	struct desk *d = desk_open();
	us_t start;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.2.3/32", 100);
	put(d, "10.1.0.0/16", "192.0.2.2");
	start = d->w.now;
	for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
		world_pass(&d->w, start + times[i] * US_S - d->w.now - 1);
		assert_int_equal(d->w.sent_count, i + 1);
		world_pass(&d->w, US_S / 2);
		assert_int_equal(d->w.sent_count, i + 2);
		put(d, "10.1.0.0/16", "192.0.2.2");
	}
	assert_count(&d->w, MS_RETRIES, 6);
	world_ack(&d->w, 0, &d->key);
	world_pass(&d->w, 100 * US_S);
	assert_int_equal(d->w.sent_count, 7);
	assert_int_equal(in_force(d), 1);
	desk_close(d);
}

static void
who_never_acknowledges_is_told_and_forgotten(void **state)
{
	struct desk *d = desk_open();
	struct req req = {.eid = "10.1.2.3/32",
			  .nonce = 100,
			  .xtr = &d->xtr,
			  .notify = true,
			  .itrs = {"198.51.100.1", "198.51.100.2"}};
	struct got got;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	world_request(&d->w, &req);
	world_ack(&d->w, 0, &d->key);
	d->w.sent_count = 0;
	put(d, "10.1.0.0/16", "192.0.2.2");
	world_pass(&d->w, 70 * US_S);
	put(d, "10.1.0.0/16", "192.0.2.2");
	/* Now the other locator. */
	assert_addr(last(d).to.addr, "198.51.100.1");
	world_pass(&d->w, 10 * US_S);
	assert_addr(last(d).to.addr, "198.51.100.2");
	for (unsigned i = 0; i < 8; i++) {
		world_pass(&d->w, 10 * US_S);
		put(d, "10.1.0.0/16", "192.0.2.2");
	}
	assert_int_equal(in_force(d), 0);
	assert_count(&d->w, MS_SUB_LOST, 1);
	got = last(d);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(got.record.locator_count, 0);
	assert_int_equal(got.record.action, LISP_DROP_AUTH);
	assert_int_equal(d->w.sent_count, 15);
	assert_true(mapserver_run(d->w.ms, d->w.now) > d->w.now);
	desk_close(d);
}

static void
only_the_newest_state_is_told(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.2.3/32", 100);
	put(d, "10.1.0.0/16", "192.0.2.2");
	put(d, "10.1.0.0/16", "192.0.2.3");
	assert_int_equal(d->w.sent_count, 2);
	/* The old one's acknowledgement is none for the new one. */
	world_ack(&d->w, 0, &d->key);
	world_pass(&d->w, 4 * US_S);
	assert_int_equal(d->w.sent_count, 3);
	assert_int_equal(last(d).msg.nonce, 102);
	assert_addr(last(d).rloc, "192.0.2.3");
	world_ack(&d->w, 2, &d->key);
	world_pass(&d->w, 40 * US_S);
	assert_int_equal(d->w.sent_count, 3);
	desk_close(d);
}

static void
more_specifics_and_the_end_are_told(void **state)
{
	struct desk *d = desk_open();
	struct got got;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.2.3/32", 100);
	put(d, "10.1.2.3/32", "192.0.2.9");
	assert_int_equal(d->w.sent_count, 1);
	got = last(d);
	assert_prefix(&got.record.eid, "10.1.2.3/32");
	world_ack(&d->w, 0, &d->key);
	withdraw(d, "10.1.2.3/32");
	assert_int_equal(d->w.sent_count, 2);
	assert_int_equal(last(d).record.ttl, 0);
	assert_int_equal(last(d).record.locator_count, 0);
	world_ack(&d->w, 1, &d->key);
	/* Also when it is not refreshed. */
	world_pass(&d->w, 181 * US_S);
	assert_int_equal(d->w.sent_count, 3);
	assert_int_equal(last(d).record.ttl, 0);
	/* Nothing of other prefixes. */
	put(d, "10.2.0.0/16", "192.0.2.1");
	assert_int_equal(d->w.sent_count, 3);
	desk_close(d);
}

static void
an_eid_that_is_not_there_is_told_when_it_comes(void **state)
{
	struct desk *d = desk_open();
	struct got got;

	(void)state;
	ask(d, &d->xtr, "10.1.2.3/32", 100, "198.51.100.1");
	got = last(d);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(got.record.locator_count, 0);
	assert_int_equal(got.record.ttl, 1);
	assert_prefix(&got.record.eid, "10.0.0.0/8");
	world_ack(&d->w, 0, &d->key);
	put(d, "10.1.2.3/32", "192.0.2.1");
	assert_int_equal(d->w.sent_count, 2);
	got = last(d);
	assert_prefix(&got.record.eid, "10.1.2.3/32");
	world_ack(&d->w, 1, &d->key);
	/* It ends by itself. */
	for (unsigned i = 0; i < 14; i++) {
		world_pass(&d->w, 60 * US_S);
		put(d, "10.1.2.3/32", "192.0.2.1");
	}
	assert_int_equal(in_force(d), 1);
	world_pass(&d->w, 70 * US_S);
	assert_int_equal(in_force(d), 0);
	desk_close(d);
}

static void
assert_told(const struct desk *d, size_t index, const char *prefix)
{
	struct got got = world_got(&d->w, index);

	assert_prefix(&got.record.eid, prefix);
}

/* A subscriber that asks again takes no smaller nonces any more: what waits for it goes on with greater ones. */
static void
what_is_under_way_goes_on_with_the_nonces_of_a_renewal(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.2.3/32", 100);
	put(d, "10.1.2.3/32", "192.0.2.9");
	assert_int_equal(last(d).msg.nonce, 101);
	ask(d, &d->xtr, "10.1.0.0/16", 600, "198.51.100.1");
	assert_int_equal(d->w.sent_count, 2);
	assert_told(d, d->w.sent_count - 1, "10.1.0.0/16");
	assert_int_equal(last(d).msg.nonce, 600);
	world_ack(&d->w, 1, &d->key);
	/* It is in force, and no other one was made. */
	assert_int_equal(in_force(d), 1);
	d->w.sent_count = 0;
	world_pass(&d->w, 4 * US_S);
	assert_int_equal(d->w.sent_count, 1);
	assert_told(d, d->w.sent_count - 1, "10.1.2.3/32");
	assert_int_equal(last(d).msg.nonce, 601);
	world_ack(&d->w, 0, &d->key);
	world_pass(&d->w, 60 * US_S);
	assert_int_equal(d->w.sent_count, 1);
	desk_close(d);
}

/* Asked for just what is registered, it is that, and what is inside is told when it is in force: by who had it before, too,
 * as its map-server may have lost it. */
static void
who_subscribes_to_all_of_a_registration_hears_of_what_is_inside(void **state)
{
	struct desk *d = desk_open();
	char eid[32];

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	put(d, "10.1.2.3/32", "192.0.2.9");
	put(d, "10.1.7.0/24", "192.0.2.8");
	d->w.sent_count = 0;
	ask(d, &d->xtr, "10.1.0.0/16", 100, "198.51.100.1");
	assert_int_equal(d->w.sent_count, 1);
	assert_told(d, d->w.sent_count - 1, "10.1.0.0/16");
	world_ack(&d->w, 0, &d->key);
	assert_int_equal(d->w.sent_count, 3);
	assert_told(d, 1, "10.1.2.3/32");
	assert_addr(world_got(&d->w, 1).rloc, "192.0.2.9");
	assert_int_equal(world_got(&d->w, 1).msg.nonce, 101);
	assert_told(d, d->w.sent_count - 1, "10.1.7.0/24");
	assert_int_equal(last(d).msg.nonce, 102);
	world_ack(&d->w, 1, &d->key);
	world_ack(&d->w, 2, &d->key);
	/* A renewal of what is in force says nothing that was said. */
	d->w.sent_count = 0;
	ask(d, &d->xtr, "10.1.0.0/16", 200, "198.51.100.1");
	world_ack(&d->w, 0, &d->key);
	assert_int_equal(d->w.sent_count, 1);
	/* Where there is too much inside it is to the part that has nothing inside, as for one EID. */
	for (unsigned i = 0; i < 100; i++) {
		snprintf(eid, sizeof(eid), "10.1.128.%u/32", i);
		put(d, eid, "192.0.2.9");
	}
	world_pass(&d->w, US_S);
	d->w.sent_count = 0;
	ask(d, &d->second, "10.1.0.0/16", 100, "198.51.100.1");
	assert_int_equal(d->w.sent_count, 1);
	assert_told(d, d->w.sent_count - 1, "10.1.0.0/23");
	desk_close(d);
}

static void
a_change_before_the_confirmation_is_told_after_it(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	ask(d, &d->xtr, "10.1.2.3/32", 100, "198.51.100.1");
	put(d, "10.1.0.0/16", "192.0.2.2");
	assert_int_equal(d->w.sent_count, 1);
	world_ack(&d->w, 0, &d->key);
	assert_int_equal(d->w.sent_count, 2);
	assert_int_equal(last(d).msg.nonce, 101);
	assert_addr(last(d).rloc, "192.0.2.2");
	desk_close(d);
}

static void
each_xtr_is_told_once(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.0.0.0/8", "192.0.2.1");
	join(d, &d->xtr, "10.0.0.0/8", 100);
	put(d, "10.1.0.0/16", "192.0.2.2");
	world_ack(&d->w, 0, &d->key);
	join(d, &d->xtr, "10.1.0.0/16", 500);
	join(d, &d->second, "10.1.0.0/16", 900);
	put(d, "10.1.0.0/16", "192.0.2.3");
	assert_int_equal(d->w.sent_count, 2);
	assert_true(world_got(&d->w, 0).msg.nonce == 901 || world_got(&d->w, 1).msg.nonce == 901);
	assert_true(world_got(&d->w, 0).msg.nonce == 501 || world_got(&d->w, 1).msg.nonce == 501);
	desk_close(d);
}

static void
a_subscriber_leaves(void **state)
{
	struct desk *d = desk_open();
	struct got got;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.0.0/16", 100);
	ask(d, &d->xtr, "10.1.0.0/16", 101, "none");
	got = last(d);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(got.msg.nonce, 101);
	/* To the source of the Map-Request. */
	assert_addr(got.to.addr, "198.51.100.1");
	world_ack(&d->w, 0, &d->key);
	assert_count(&d->w, MS_UNSUBSCRIBED, 1);
	assert_int_equal(in_force(d), 0);
	put(d, "10.1.0.0/16", "192.0.2.2");
	assert_int_equal(d->w.sent_count, 1);
	/* Its nonce is remembered. */
	ask(d, &d->xtr, "10.1.0.0/16", 101, "198.51.100.1");
	assert_int_equal(d->w.sent_count, 1);
	assert_count(&d->w, MS_SUB_REPLAYED, 1);
	join(d, &d->xtr, "10.1.0.0/16", 102);
	assert_int_equal(in_force(d), 1);
	desk_close(d);
}

static void
a_part_of_a_subscription_can_be_silenced(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.0.0/16", 100);
	put(d, "10.1.2.3/32", "192.0.2.1");
	world_ack(&d->w, 0, &d->key);
	ask(d, &d->xtr, "10.1.2.3/32", 1, "none");
	assert_int_equal(d->w.sent_count, 2);
	world_ack(&d->w, 1, &d->key);
	put(d, "10.1.2.3/32", "192.0.2.9");
	assert_int_equal(d->w.sent_count, 2);
	put(d, "10.1.2.4/32", "192.0.2.9");
	assert_int_equal(d->w.sent_count, 3);
	desk_close(d);
}

/* RFC 9437: the Map-Notifies that answer one Map-Request have one nonce.  An acknowledgement is that of its EID. */
static void
an_acknowledgement_is_about_its_eid(void **state)
{
	struct desk *d = desk_open();
	struct req req = {.eid = "10.1.0.0/16",
			  .second = "10.2.0.0/16",
			  .nonce = 100,
			  .xtr = &d->xtr,
			  .notify = true,
			  .itrs = {"198.51.100.1"}};

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	put(d, "10.2.0.0/16", "192.0.2.1");
	for (size_t i = 0; i < 2; i++) {
		d->w.sent_count = 0;
		req.nonce++;
		world_request(&d->w, &req);
		assert_int_equal(d->w.sent_count, 2);
		/* Whichever is heard, and twice: it is the other one that goes on being repeated. */
		world_ack(&d->w, i, &d->key);
		world_ack(&d->w, i, &d->key);
		assert_count(&d->w, MS_ACKS, 2 * i + 1);
		world_ack(&d->w, 1 - i, &d->key);
		assert_count(&d->w, MS_ACKS, 2 * i + 2);
		assert_int_equal(in_force(d), 2);
	}
	desk_close(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subscription_is_confirmed_and_told_of_changes),
		cmocka_unit_test(a_publication_is_repeated_until_acknowledged),
		cmocka_unit_test(who_never_acknowledges_is_told_and_forgotten),
		cmocka_unit_test(only_the_newest_state_is_told),
		cmocka_unit_test(more_specifics_and_the_end_are_told),
		cmocka_unit_test(an_eid_that_is_not_there_is_told_when_it_comes),
		cmocka_unit_test(what_is_under_way_goes_on_with_the_nonces_of_a_renewal),
		cmocka_unit_test(who_subscribes_to_all_of_a_registration_hears_of_what_is_inside),
		cmocka_unit_test(a_change_before_the_confirmation_is_told_after_it),
		cmocka_unit_test(each_xtr_is_told_once),
		cmocka_unit_test(a_subscriber_leaves),
		cmocka_unit_test(a_part_of_a_subscription_can_be_silenced),
		cmocka_unit_test(an_acknowledgement_is_about_its_eid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
