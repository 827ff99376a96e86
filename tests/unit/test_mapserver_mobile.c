/* EIDs that several sites may register, and what becomes of the one that has lost it. */
#include "ms_bench.h"

static void
withdraw(struct bench *b, unsigned site, const char *eid)
{
	struct rec rec = {.eid = eid, .rlocs = {"192.0.2.1"}, .ttl = UINT32_MAX};
	struct lisp_xtr_id xtr = xtr_of((uint8_t)(site + 1), 0);
	struct reg reg = {.key = &b->keys[site][0],
			  .nonce = (uint64_t)++b->w.random,
			  .xtr = &xtr,
			  .recs = &rec,
			  .count = 1};

	world_register(&b->w, &reg);
}

/* Whoever asked for a machine has the mapping of it alone, and asks for that again when it moves. */
static void
machines_can_be_answered_one_by_one(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "10.1.0.0/16", "192.0.2.1", 0);
	put(b, SITE_B, "10.1.5.9/32", "192.0.2.2", 0);
	b->mobile.by_host = true;
	assert_int_equal(mapserver_reload(b->w.ms, &b->w.conf, b->w.now), 0);
	got = ask(b, 0, "10.1.5.1/32");
	assert_int_equal(got.msg.record_count, 1);
	assert_prefix(&got.record.eid, "10.1.5.1/32");
	assert_addr(got.rloc, "192.0.2.1");
	/* There and back again. */
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	got = ask(b, 0, "10.1.5.1/32");
	assert_prefix(&got.record.eid, "10.1.5.1/32");
	assert_addr(got.rloc, "192.0.2.2");
	withdraw(b, SITE_B, "10.1.5.1/32");
	got = ask(b, 0, "10.1.5.1/32");
	assert_prefix(&got.record.eid, "10.1.5.1/32");
	assert_addr(got.rloc, "192.0.2.1");
	/* A prefix, and what is not mobile, as ever. */
	got = ask(b, 0, "10.1.5.0/30");
	assert_prefix(&got.record.eid, "10.1.5.0/29");
	got = ask(b, 0, "10.1.4.1/32");
	assert_prefix(&got.record.eid, "10.1.4.0/24");
	/* So are machines that nobody has. */
	withdraw(b, SITE_A, "10.1.0.0/16");
	got = ask(b, 0, "10.1.5.1/32");
	assert_int_equal(got.record.locator_count, 0);
	assert_prefix(&got.record.eid, "10.1.5.1/32");
	bench_close(b);
}

static void
a_mobile_eid_has_one_registration(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	assert_count(&b->w, MS_MOVES, 1);
	assert_addr(ask(b, 0, "10.1.5.1/32").rloc, "192.0.2.2");
	/* A's refresh is refused and answered with the new locators, wanted or not. */
	b->w.sent_count = 0;
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	assert_count(&b->w, MS_DISPLACED, 1);
	assert_int_equal(b->w.sent_count, 1);
	got = world_got(&b->w, 0);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_int_equal(got.msg.record_count, 1);
	assert_addr(got.rloc, "192.0.2.2");
	assert_int_equal(lisp_auth_verify(&world_io, NULL, &b->keys[SITE_A][0], &got.msg, got.data,
					  got.size),
			 0);
	/* As long as it goes on. */
	for (unsigned i = 0; i < 5; i++) {
		world_pass(&b->w, 50 * US_S);
		put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
		put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	}
	assert_count(&b->w, MS_DISPLACED, 6);
	assert_addr(ask(b, 0, "10.1.5.1/32").rloc, "192.0.2.2");
	/* After one register interval of silence it is a new owner like any other. */
	world_pass(&b->w, 61 * US_S);
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	assert_count(&b->w, MS_MOVES, 2);
	assert_addr(ask(b, 0, "10.1.5.1/32").rloc, "192.0.2.1");
	bench_close(b);
}

static void
a_newer_counter_brings_a_displaced_site_back(void **state)
{
	struct bench *b = bench_open();

	(void)state;
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 4094);
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 4095);
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 4094);
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 4095);
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	assert_count(&b->w, MS_DISPLACED, 3);
	assert_addr(ask(b, 0, "10.1.5.1/32").rloc, "192.0.2.2");
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 1);
	assert_count(&b->w, MS_MOVES, 2);
	assert_addr(ask(b, 0, "10.1.5.1/32").rloc, "192.0.2.1");
	/* Now B is the displaced one. */
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 4095);
	assert_count(&b->w, MS_DISPLACED, 4);
	bench_close(b);
}

static void
the_displaced_etr_is_told_at_once_and_again(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	b->w.sent_count = 0;
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	assert_int_equal(b->w.sent_count, 1);
	got = world_got(&b->w, 0);
	assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
	assert_addr(got.to.addr, "192.0.2.1");
	assert_addr(got.rloc, "192.0.2.2");
	world_pass(&b->w, 4 * US_S);
	assert_int_equal(b->w.sent_count, 2);
	/* A forged acknowledgement does not end it, an authentic one does. */
	world_ack(&b->w, 0, NULL);
	assert_count(&b->w, MS_ACK_FAILED, 1);
	world_pass(&b->w, 4 * US_S);
	assert_int_equal(b->w.sent_count, 3);
	world_ack(&b->w, 0, &b->keys[SITE_A][0]);
	assert_count(&b->w, MS_ACKS, 1);
	world_pass(&b->w, 60 * US_S);
	assert_int_equal(b->w.sent_count, 3);
	bench_close(b);
}

static void
a_part_of_a_message_may_be_displaced(void **state)
{
	struct rec recs[] = {{.eid = "10.1.5.1/32", .rlocs = {"192.0.2.1"}},
			     {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}}};
	struct bench *b = bench_open();
	struct reg reg = {
		.key = &b->keys[SITE_A][0], .nonce = 50, .recs = recs, .count = 2, .notify = true};
	struct got got;
	struct lisp_record second;
	struct rd records;

	(void)state;
	world_register(&b->w, &reg);
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	b->w.sent_count = 0;
	reg.nonce++;
	world_register(&b->w, &reg);
	assert_int_equal(b->w.sent_count, 1);
	got = world_got(&b->w, 0);
	assert_int_equal(got.msg.record_count, 2);
	assert_addr(got.rloc, "192.0.2.2");
	records = got.msg.records;
	assert_true(lisp_record_next(&records, &second) && lisp_record_next(&records, &second));
	assert_prefix(&second.eid, "10.1.1.0/24");
	bench_close(b);
}

/* Each with a key of its own, and none known by its xTR-ID yet. */
static void
many_sites_share_a_mobile_prefix(void **state)
{
	enum { MANY = 100 };
	static struct lisp_key keys[MANY];
	static struct ms_site sites[MANY];
	static uint16_t numbers[MANY];
	static char names[MANY][8];
	struct ms_mobile mobile = {0, prefix_of("10.1.5.0/24"), numbers, MANY, false};
	struct rec rec = {.eid = "10.1.5.1/32", .rlocs = {"192.0.2.1"}};
	struct world *w = calloc(1, sizeof(*w));
	struct lisp_key forged = key_make(1, LISP_AUTH_SHA256_128, false, "forged");
	struct reg reg = {.key = &forged, .recs = &rec, .count = 1};

	(void)state;
	assert_non_null(w);
	for (uint16_t i = 0; i < MANY; i++) {
		snprintf(names[i], sizeof(names[i]), "s%u", i);
		keys[i] = key_make(1, LISP_AUTH_SHA256_128, false, names[i]);
		sites[i] = (struct ms_site){.name = names[i], .keys = &keys[i], .key_count = 1};
		numbers[i] = i;
	}
	ms_conf_defaults(&w->conf);
	w->conf.sites = sites;
	w->conf.site_count = MANY;
	w->conf.mobiles = &mobile;
	w->conf.mobile_count = 1;
	w->conf.max_eids = w->conf.max_etrs = 256;
	w->conf.max_subscriptions = 16;
	world_start(w);
	for (unsigned i = 0; i < MANY; i++) {
		reg.key = &keys[i];
		reg.nonce++;
		world_register(w, &reg);
		assert_count(w, MS_REGISTERS, i + 1);
		w->sent_count = 0;
	}
	assert_count(w, MS_MOVES, MANY - 1);
	/* A flood of forged ones does not try all keys for ever; the next second it may. */
	reg.key = &forged;
	for (unsigned i = 0; i < 2000; i++)
		world_register(w, &reg);
	assert_count(w, MS_AUTH_FAILED, 2000);
	w->now += 2 * US_S;
	reg.key = &keys[0];
	reg.nonce = 1000;
	world_register(w, &reg);
	assert_int_equal(mapserver_count(w->ms, MS_REGISTERS), MANY + 1);
	/* The key says who it is: no two sites may have the same. */
	mapserver_destroy(w->ms);
	keys[7] = keys[8];
	assert_int_equal(
		mapserver_create(&w->conf, &world_io, w, &(struct hash_key){1, 2}, 0, &w->ms),
		-EINVAL);
	free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(machines_can_be_answered_one_by_one),
		cmocka_unit_test(a_mobile_eid_has_one_registration),
		cmocka_unit_test(a_newer_counter_brings_a_displaced_site_back),
		cmocka_unit_test(the_displaced_etr_is_told_at_once_and_again),
		cmocka_unit_test(a_part_of_a_message_may_be_displaced),
		cmocka_unit_test(many_sites_share_a_mobile_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
