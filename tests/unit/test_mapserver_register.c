/* Who may register what at the map-server, until when, and what it is told. */
#include "ms_bench.h"

static void
every_key_and_algorithm_of_a_site_registers(void **state)
{
	struct rec a = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct rec v = {.vn = 7, .eid = "10.2.0.0/24", .rlocs = {"192.0.2.2"}};
	struct rec c = {.eid = "10.1.9.0/24", .rlocs = {"192.0.2.3"}};
	struct bench *b = bench_open();
	struct reg regs[] = {
		{.key = &b->keys[SITE_A][0], .nonce = 1, .recs = &a, .count = 1, .notify = true},
		{.key = &b->keys[SITE_A][1], .nonce = 1, .recs = &a, .count = 1, .notify = true},
		{.key = &b->keys[SITE_B][0], .nonce = 1, .recs = &v, .count = 1, .notify = true},
		{.key = &b->keys[SITE_C][0], .nonce = 1, .recs = &c, .count = 1, .notify = true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(regs); i++) {
		struct got got;

		world_register(&b->w, &regs[i]);
		assert_int_equal(b->w.sent_count, i + 1);
		/* The Map-Notify is signed by the same key. */
		got = world_got(&b->w, i);
		assert_int_equal(got.msg.type, LISP_MAP_NOTIFY);
		assert_int_equal(lisp_auth_verify(&world_io, NULL, regs[i].key, &got.msg, got.data,
						  got.size),
				 0);
	}
	assert_count(&b->w, MS_REGISTERS, 4);
	bench_close(b);
}

static void
a_map_notify_has_what_the_map_register_had(void **state)
{
	struct rec recs[] = {{.eid = "10.1.1.0/24", .rlocs = {"192.0.2.9", "192.0.2.1"}},
			     {.eid = "2001:db8:1::/48", .rlocs = {"192.0.2.1"}, .in_lcaf = true}};
	struct lisp_xtr_id xtr = xtr_of(0xab, 0x1122334455667788);
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0],
			  .nonce = 100,
			  .recs = recs,
			  .count = 2,
			  .notify = true,
			  .xtr = &xtr};
	struct got got;

	(void)state;
	world_register(&b->w, &reg);
	got = world_got(&b->w, 0);
	assert_int_equal(got.msg.nonce, 100);
	assert_addr(got.to.addr, "192.0.2.1");
	assert_int_equal(got.to.port, LISP_CONTROL_PORT);
	assert_int_equal(got.msg.record_count, 2);
	/* As it came, also the order of the locators. */
	assert_addr(got.rloc, "192.0.2.9");
	assert_true(got.msg.has_xtr_id);
	assert_true(got.msg.notify.id_bit);
	assert_memory_equal(got.msg.xtr_id.xtr, xtr.xtr, 16);
	assert_int_equal(got.msg.xtr_id.site, xtr.site);
	/* Without ids: neither the bit nor bytes behind. */
	reg.xtr = NULL;
	reg.nonce++;
	world_register(&b->w, &reg);
	got = world_got(&b->w, 1);
	assert_false(got.msg.has_xtr_id);
	assert_false(got.msg.notify.id_bit);
	assert_int_equal(b->w.sent[0].size - b->w.sent[1].size, 24);
	/* Nobody who does not want one gets one. */
	reg.notify = false;
	reg.nonce++;
	world_register(&b->w, &reg);
	assert_int_equal(b->w.sent_count, 2);
	/* To the port that it came from, where that is configured. */
	b->sites[SITE_A].notify_to_source = true;
	reg.notify = true;
	reg.nonce++;
	world_register(&b->w, &reg);
	assert_int_equal(world_got(&b->w, 2).to.port, 40000);
	bench_close(b);
}

static void
hostile_registers_change_nothing_and_are_counted(void **state)
{
	struct lisp_key forged = key_make(1, LISP_AUTH_SHA256_128, false, "guess");
	struct lisp_key unknown_id = key_make(9, LISP_AUTH_SHA256_128, false, "secret of a");
	struct lisp_key longer = key_make(1, LISP_AUTH_SHA256_128, true, "secret of a");
	struct lisp_key sha1 = key_make(1, LISP_AUTH_SHA1_96, false, "secret of a");
	struct rec good = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.66"}};
	struct rec wide = {.eid = "10.0.0.0/8", .rlocs = {"192.0.2.66"}};
	struct rec foreign = {.vn = 7, .eid = "10.2.0.0/24", .rlocs = {"192.0.2.66"}};
	struct rec other_vn = {.vn = 8, .eid = "10.1.1.0/24", .rlocs = {"192.0.2.66"}};
	struct rec mobile_itself = {.eid = "10.1.5.0/24", .rlocs = {"192.0.2.66"}};
	struct rec mixed[] = {good, foreign};
	struct bench *b = bench_open();
	struct {
		struct lisp_key *key;
		const struct rec *recs;
		size_t count;
		enum ms_count counted;
	} cases[] = {
		{&forged, &good, 1, MS_AUTH_FAILED},
		{&unknown_id, &good, 1, MS_KEY_UNKNOWN},
		{&longer, &good, 1, MS_KEY_UNKNOWN},
		{&sha1, &good, 1, MS_KEY_UNKNOWN},
		{&b->keys[SITE_A][0], &wide, 1, MS_PREFIX_REFUSED},
		{&b->keys[SITE_A][0], &other_vn, 1, MS_PREFIX_REFUSED},
		{&b->keys[SITE_A][0], mixed, 2, MS_PREFIX_REFUSED},
		{&b->keys[SITE_A][0], NULL, 0, MS_NO_RECORD},
		/* B may register parts of the mobile prefix, not the whole. */
		{&b->keys[SITE_B][0], &mobile_itself, 1, MS_PREFIX_REFUSED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct reg reg = {.key = cases[i].key,
				  .nonce = 1000 + i,
				  .recs = cases[i].recs,
				  .count = cases[i].count,
				  .notify = true};
		uint64_t before = mapserver_count(b->w.ms, cases[i].counted);

		world_register(&b->w, &reg);
		assert_count(&b->w, cases[i].counted, before + 1);
		assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 0);
		assert_int_equal(b->w.sent_count, 0);
	}
	assert_count(&b->w, MS_REGISTERS, 0);
	bench_close(b);
}

static void
a_replayed_register_is_refused(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	struct reg second = reg;

	(void)state;
	world_register(&b->w, &reg);
	rec.rlocs[0] = "192.0.2.2";
	reg.nonce = 51;
	world_register(&b->w, &reg);
	rec.rlocs[0] = "192.0.2.1";
	world_register(&b->w, &second);
	world_register(&b->w, &reg);
	assert_count(&b->w, MS_REPLAYED, 2);
	assert_addr(ask(b, 0, "10.1.1.1/32").rloc, "192.0.2.2");
	/* Anybody can send it from another address. */
	second.from = "192.0.2.77";
	world_register(&b->w, &second);
	assert_count(&b->w, MS_REPLAYED, 3);
	assert_addr(ask(b, 0, "10.1.1.1/32").rloc, "192.0.2.2");
	second.from = NULL;
	/* Another key has nonces of its own. */
	second.key = &b->keys[SITE_A][1];
	world_register(&b->w, &second);
	assert_count(&b->w, MS_REPLAYED, 3);
	/* A site whose nonces are not looked at. */
	b->sites[SITE_A].any_nonce = true;
	world_register(&b->w, &second);
	assert_count(&b->w, MS_REPLAYED, 3);
	assert_count(&b->w, MS_REGISTERS, 4);
	bench_close(b);
}

static struct ms_kept kept[16];
static size_t kept_count;

static void
keep(void *ctx, const struct ms_kept *row)
{
	(void)ctx;
	kept[kept_count++] = *row;
}

static void
restart(struct bench *b)
{
	mapserver_destroy(b->w.ms);
	world_start(&b->w);
	for (size_t i = 0; i < kept_count; i++)
		mapserver_recall(b->w.ms, &kept[i]);
}

static void
write_down(struct bench *b)
{
	kept_count = 0;
	mapserver_keep(b->w.ms, keep, NULL);
	for (size_t i = 0; i < kept_count; i++)
		kept[i].site = strcmp(kept[i].site, "a") == 0 ? "a" : "c";
}

/* Nobody is told that nothing is there while those who were registered have not had the time to come back. */
static void
after_a_restart_nothing_is_denied_too_soon(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	struct req req = {.eid = "10.1.1.5/32", .nonce = 1};
	us_t restarted;

	(void)state;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	assert_int_equal(world_got(&b->w, 0).record.locator_count, 0);
	world_register(&b->w, &reg);
	write_down(b);
	restart(b);
	restarted = b->w.now;
	b->w.sent_count = 0;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 0);
	assert_count(&b->w, MS_UNSETTLED, 1);
	/* Of what is no site's it is certain. */
	req.eid = "172.16.0.1/32";
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	/* What is registered again is answered, what is not is denied in the end. */
	reg.nonce = 1000;
	world_register(&b->w, &reg);
	b->w.sent_count = 0;
	req.eid = "10.1.1.5/32";
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	assert_int_equal(world_got(&b->w, 0).record.locator_count, 1);
	req.eid = "10.1.2.5/32";
	b->w.now = restarted + 59 * US_S;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	b->w.now = restarted + 60 * US_S;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 2);
	assert_int_equal(world_got(&b->w, 1).record.locator_count, 0);
	bench_close(b);
}

static void
after_a_restart_nonces_up_to_the_reserve_are_refused(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	uint64_t taken = 0;

	(void)state;
	world_register(&b->w, &reg);
	assert_int_equal(b->w.persists, 1);
	write_down(b);
	assert_int_equal(kept_count, 1);
	assert_int_equal(kept[0].reserve, 51);
	/* What is accepted now is on disk already; the next reserve is asked for. */
	reg.nonce = 51;
	world_register(&b->w, &reg);
	assert_int_equal(b->w.persists, 2);
	restart(b);
	for (reg.nonce = 40; reg.nonce < 60; reg.nonce++) {
		world_register(&b->w, &reg);
		taken = mapserver_count(b->w.ms, MS_REGISTERS);
		assert_int_equal(taken, reg.nonce > 51 ? reg.nonce - 51 : 0);
	}
	/* Who sends much between two writings has a reserve to match. */
	write_down(b);
	assert_int_equal(kept[0].reserve, 59 + 2 * (59 - 52));
	/* Silence brings it back. */
	write_down(b);
	assert_int_equal(kept[0].reserve, 60);
	bench_close(b);
}

static void
a_registration_ends_when_it_is_not_refreshed(void **state)
{
	struct bench *b = bench_open();

	(void)state;
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 0);
	world_pass(&b->w, 100 * US_S);
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 0);
	world_pass(&b->w, 179 * US_S);
	assert_int_equal(ask(b, 0, "10.1.1.1/32").record.locator_count, 1);
	world_pass(&b->w, 2 * US_S);
	assert_int_equal(ask(b, 0, "10.1.1.1/32").record.locator_count, 0);
	assert_count(&b->w, MS_EXPIRED, 1);
	assert_true(mapserver_run(b->w.ms, b->w.now) == US_NEVER);
	bench_close(b);
}

static void
a_registration_may_ask_for_its_ttl(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}, .ttl = 60};
	struct bench *b = bench_open();
	struct reg reg = {
		.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1, .use_ttl = true};

	(void)state;
	world_register(&b->w, &reg);
	world_pass(&b->w, 3590 * US_S);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 1);
	world_pass(&b->w, 11 * US_S);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 0);
	bench_close(b);
}

static void
a_ttl_of_zero_withdraws(void **state)
{
	struct rec rec = {.eid = "10.1.5.1/32", .rlocs = {"192.0.2.1"}, .ttl = UINT32_MAX};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_B][0], .nonce = 50, .recs = &rec, .count = 1};

	(void)state;
	put(b, SITE_A, "10.1.5.1/32", "192.0.2.1", 0);
	/* Only by the site that has it. */
	world_register(&b->w, &reg);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 1);
	reg.key = &b->keys[SITE_A][0];
	world_register(&b->w, &reg);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 0);
	assert_count(&b->w, MS_WITHDRAWN, 1);
	bench_close(b);
}

static void
a_reload_ends_what_is_allowed_no_longer(void **state)
{
	struct bench *b = bench_open();
	struct ms_conf conf;
	struct ms_site fewer[2];

	(void)state;
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 0);
	put(b, SITE_C, "10.1.9.0/24", "192.0.2.3", 0);
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 3);
	conf = b->w.conf;
	fewer[0] = b->sites[SITE_C];
	fewer[1] = b->sites[SITE_A];
	conf.sites = fewer;
	conf.site_count = 2;
	conf.mobile_count = 0;
	assert_int_equal(mapserver_reload(b->w.ms, &conf, b->w.now), 0);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 2);
	assert_addr(ask(b, 0, "10.1.9.1/32").rloc, "192.0.2.3");
	put(b, SITE_B, "10.1.5.1/32", "192.0.2.2", 0);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 2);
	/* A configuration that is none changes nothing. */
	fewer[1].name = "c";
	assert_int_equal(mapserver_reload(b->w.ms, &conf, b->w.now), -EINVAL);
	assert_addr(ask(b, 0, "10.1.9.1/32").rloc, "192.0.2.3");
	bench_close(b);
}

static void
who_wants_no_answer_gets_none(void **state)
{
	struct bench *b = bench_open();
	struct req req = {.eid = "10.1.1.1/32", .bare = true};
	uint8_t data[1500];
	size_t size = build_request(&req, data, sizeof(data));

	(void)state;
	/* D, behind L. */
	data[2] |= 0x20;
	world_heard(&b->w, "198.51.100.1", 1, data, size);
	assert_count(&b->w, MS_NO_REPLY, 1);
	assert_int_equal(b->w.sent_count, 0);
	bench_close(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_key_and_algorithm_of_a_site_registers),
		cmocka_unit_test(a_map_notify_has_what_the_map_register_had),
		cmocka_unit_test(hostile_registers_change_nothing_and_are_counted),
		cmocka_unit_test(a_replayed_register_is_refused),
		cmocka_unit_test(after_a_restart_nothing_is_denied_too_soon),
		cmocka_unit_test(after_a_restart_nonces_up_to_the_reserve_are_refused),
		cmocka_unit_test(a_registration_ends_when_it_is_not_refreshed),
		cmocka_unit_test(a_registration_may_ask_for_its_ttl),
		cmocka_unit_test(a_ttl_of_zero_withdraws),
		cmocka_unit_test(a_reload_ends_what_is_allowed_no_longer),
		cmocka_unit_test(who_wants_no_answer_gets_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
