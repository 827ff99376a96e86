/* Subscriptions that are refused, limited, forgotten, or not understood. */
#include "pubsub_bench.h"

static void
a_forged_subscription_changes_nothing(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.0.0/16", 100);
	/* A stranger who knows the xTR-ID wants the publications, or that there are none. */
	ask(d, &d->xtr, "10.1.0.0/16", UINT64_MAX, "198.51.100.66");
	world_ack(&d->w, 0, NULL);
	assert_count(&d->w, MS_ACK_FAILED, 1);
	ask(d, &d->xtr, "10.1.0.0/16", UINT64_MAX - 1, "none");
	world_ack(&d->w, 1, &d->other_key);
	assert_int_equal(in_force(d), 1);
	d->w.sent_count = 0;
	put(d, "10.1.0.0/16", "192.0.2.2");
	assert_int_equal(d->w.sent_count, 1);
	assert_addr(last(d).to.addr, "198.51.100.1");
	assert_int_equal(last(d).msg.nonce, 101);
	world_ack(&d->w, 0, &d->key);
	/* The true one can still change it. */
	ask(d, &d->xtr, "10.1.0.0/16", 102, "198.51.100.2");
	world_ack(&d->w, 1, &d->key);
	put(d, "10.1.0.0/16", "192.0.2.3");
	assert_addr(last(d).to.addr, "198.51.100.2");
	/* An unconfirmed one is not worth many messages. */
	d->w.sent_count = 0;
	ask(d, &d->second, "10.1.0.0/16", 1, "198.51.100.66");
	world_pass(&d->w, 60 * US_S);
	{
		unsigned victims = 0;

		for (size_t i = 0; i < d->w.sent_count; i++)
			victims += d->w.sent[i].to.addr.b[3] == 66;
		assert_int_equal(victims, 4);
	}
	assert_int_equal(in_force(d), 1);
	desk_close(d);
}

static void
strangers_get_a_map_reply(void **state)
{
	struct lisp_xtr_id stranger = xtr_of(0x99, 12345);
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	ask(d, &stranger, "10.1.0.0/16", 100, "198.51.100.1");
	assert_int_equal(last(d).msg.type, LISP_MAP_REPLY);
	ask(d, NULL, "10.1.0.0/16", 100, "198.51.100.1");
	assert_int_equal(last(d).msg.type, LISP_MAP_REPLY);
	assert_count(&d->w, MS_SUB_UNKNOWN, 2);
	desk_close(d);
}

static void
an_xtr_that_registers_may_subscribe(void **state)
{
	struct rec rec = {.eid = "11.1.0.0/16", .rlocs = {"192.0.2.1"}};
	struct lisp_xtr_id xtr = xtr_of(0x77, 0);
	struct desk *d = desk_open();
	struct reg reg = {.key = &d->other_key, .nonce = 1, .recs = &rec, .count = 1, .xtr = &xtr};
	struct got got;

	(void)state;
	world_register(&d->w, &reg);
	ask(d, &xtr, "11.1.0.0/16", 100, "198.51.100.1");
	got = last(d);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(
		lisp_auth_verify(&world_io, NULL, &d->other_key, &got.msg, got.data, got.size), 0);
	desk_close(d);
}

static void
what_is_not_proxied_is_not_published(void **state)
{
	struct rec rec = {.eid = "10.1.0.0/16", .rlocs = {"192.0.2.1"}};
	struct desk *d = desk_open();
	struct reg reg = {.key = &d->key, .nonce = 1, .recs = &rec, .count = 1, .no_proxy = true};

	(void)state;
	world_register(&d->w, &reg);
	ask(d, &d->xtr, "10.1.0.0/16", 100, "198.51.100.1");
	assert_count(&d->w, MS_FORWARDED, 1);
	assert_int_equal(in_force(d), 0);
	desk_close(d);
}

static void
an_xtr_has_a_limit(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.1.%u.0/24", i);
		put(d, text, "192.0.2.1");
		ask(d, &d->xtr, text, 100, "198.51.100.1");
		assert_int_equal(last(d).msg.type, i < 8 ? LISP_MAP_NOTIFY : LISP_MAP_REPLY);
	}
	assert_count(&d->w, MS_SUBS_FULL, 4);
	ask(d, &d->second, "10.1.1.0/24", 100, "198.51.100.1");
	assert_int_equal(last(d).msg.type, LISP_MAP_NOTIFY);
	desk_close(d);
}

static void
an_xtr_that_subscribes_too_fast_gets_map_replies(void **state)
{
	struct desk *d = desk_open();
	unsigned replies = 0;

	(void)state;
	mapserver_destroy(d->w.ms);
	d->w.conf.notify_rate = 5;
	world_start(&d->w);
	put(d, "10.1.0.0/16", "192.0.2.1");
	for (uint64_t i = 0; i < 20; i++) {
		ask(d, &d->xtr, "10.1.0.0/16", 100 + i, "198.51.100.1");
		replies += last(d).msg.type == LISP_MAP_REPLY;
	}
	assert_in_range(replies, 13, 15);
	assert_count(&d->w, MS_SUB_LIMITED, replies);
	desk_close(d);
}

static void
too_much_at_once_is_spread(void **state)
{
	struct desk *d = desk_open();
	struct lisp_xtr_id xtr;

	(void)state;
	mapserver_destroy(d->w.ms);
	d->w.conf.notify_total = 10;
	d->w.conf.has_v6 = true;
	world_start(&d->w);
	put(d, "10.1.0.0/16", "192.0.2.1");
	for (uint8_t i = 0; i < 40; i++) {
		xtr = xtr_of(i, 7);
		ask(d, &xtr, "10.1.0.0/16", 100, "198.51.100.1");
		world_pass(&d->w, US_S / 2);
		world_ack(&d->w, d->w.sent_count - 1, &d->key);
		put(d, "10.1.0.0/16", "192.0.2.1");
	}
	assert_int_equal(in_force(d), 40);
	world_pass(&d->w, 3 * US_S);
	d->w.sent_count = 0;
	put(d, "10.1.0.0/16", "192.0.2.2");
	assert_in_range(d->w.sent_count, 10, 12);
	world_pass(&d->w, US_S);
	assert_in_range(d->w.sent_count, 18, 24);
	world_pass(&d->w, 2 * US_S + US_S / 2);
	assert_true(d->w.sent_count >= 40);
	desk_close(d);
}

static void
a_trusted_site_needs_no_acknowledgement(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	d->sites[0].trusts_requests = true;
	put(d, "10.1.0.0/16", "192.0.2.1");
	ask(d, &d->xtr, "10.1.0.0/16", 100, "198.51.100.1");
	assert_int_equal(in_force(d), 1);
	put(d, "10.1.0.0/16", "192.0.2.2");
	assert_int_equal(d->w.sent_count, 2);
	for (unsigned i = 0; i < 20; i++) {
		world_pass(&d->w, 10 * US_S);
		put(d, "10.1.0.0/16", "192.0.2.2");
	}
	assert_int_equal(in_force(d), 1);
	/* A larger nonce is still wanted. */
	ask(d, &d->xtr, "10.1.0.0/16", 100, "198.51.100.66");
	assert_count(&d->w, MS_SUB_REPLAYED, 1);
	ask(d, &d->xtr, "10.1.0.0/16", 200, "none");
	assert_int_equal(in_force(d), 0);
	desk_close(d);
}

static void
ids_are_written_as_the_site_wants_them(void **state)
{
	struct desk *d = desk_open();

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	d->sites[0].ids = MS_IDS_WITHOUT_BIT;
	ask(d, &d->xtr, "10.1.0.0/16", 100, "198.51.100.1");
	assert_true(last(d).msg.has_xtr_id);
	assert_int_equal(last(d).data[0], LISP_MAP_NOTIFY << 4);
	d->sites[0].ids = MS_IDS_LEFT_OUT;
	ask(d, &d->second, "10.1.0.0/16", 100, "198.51.100.1");
	assert_false(last(d).msg.has_xtr_id);
	world_ack(&d->w, d->w.sent_count - 1, &d->key);
	assert_int_equal(in_force(d), 1);
	desk_close(d);
}

static void
a_site_that_is_gone_has_no_subscribers(void **state)
{
	struct desk *d = desk_open();
	struct ms_conf conf;

	(void)state;
	put(d, "10.1.0.0/16", "192.0.2.1");
	join(d, &d->xtr, "10.1.0.0/16", 100);
	conf = d->w.conf;
	conf.sites = &d->sites[1];
	conf.site_count = 1;
	assert_int_equal(mapserver_reload(d->w.ms, &conf, d->w.now), 0);
	assert_int_equal(in_force(d), 0);
	world_pass(&d->w, 60 * US_S);
	assert_int_equal(d->w.sent_count, 0);
	desk_close(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_forged_subscription_changes_nothing),
		cmocka_unit_test(strangers_get_a_map_reply),
		cmocka_unit_test(an_xtr_that_registers_may_subscribe),
		cmocka_unit_test(what_is_not_proxied_is_not_published),
		cmocka_unit_test(an_xtr_has_a_limit),
		cmocka_unit_test(an_xtr_that_subscribes_too_fast_gets_map_replies),
		cmocka_unit_test(too_much_at_once_is_spread),
		cmocka_unit_test(a_trusted_site_needs_no_acknowledgement),
		cmocka_unit_test(ids_are_written_as_the_site_wants_them),
		cmocka_unit_test(a_site_that_is_gone_has_no_subscribers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
