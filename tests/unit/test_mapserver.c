/* The map-server as its peers see it: messages in, messages out. */
#include "lisp_world.h"

enum { SITE_A, SITE_B, SITE_C, SITES };

struct bench {
	struct world w;
	struct lisp_key keys[SITES][2];
	struct ms_prefix prefixes[SITES][3];
	struct ms_site sites[SITES];
	struct ms_mobile mobile;
};

static const uint16_t mobile_sites[] = {SITE_A, SITE_B};

/* A has 10.1.0.0/16 with more-specifics, and MACs of VN 7; B has 10.2.0.0/24 of VN 7 and a key with
 * HKDF; C has 10.1.9.0/24 inside A's, and speaks SHA-1 at full length.  10.1.5.0/24 is mobile
 * between A and B. */
static struct bench *
bench_open(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->keys[SITE_A][0] = key_make(1, LISP_AUTH_SHA256_128, false, "secret of a");
	b->keys[SITE_A][1] = key_make(2, LISP_AUTH_SHA256_128, true, "next secret of a");
	b->keys[SITE_B][0] = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, "secret of b");
	b->keys[SITE_C][0] = key_make(0, LISP_AUTH_SHA1_96, true, "secret of c");
	b->prefixes[SITE_A][0] = (struct ms_prefix){0, prefix_of("10.1.0.0/16"), false, true};
	b->prefixes[SITE_A][1] = (struct ms_prefix){.vn = 7, .macs = true};
	b->prefixes[SITE_A][2] = (struct ms_prefix){0, prefix_of("2001:db8::/32"), false, true};
	b->prefixes[SITE_B][0] = (struct ms_prefix){7, prefix_of("10.2.0.0/24"), false, false};
	b->prefixes[SITE_C][0] = (struct ms_prefix){0, prefix_of("10.1.9.0/24"), false, true};
	b->sites[SITE_A] = (struct ms_site){.name = "a", .key_count = 2, .prefix_count = 3};
	b->sites[SITE_B] = (struct ms_site){.name = "b", .key_count = 1, .prefix_count = 1};
	b->sites[SITE_C] = (struct ms_site){.name = "c", .key_count = 1, .prefix_count = 1};
	for (size_t i = 0; i < SITES; i++) {
		b->sites[i].keys = b->keys[i];
		b->sites[i].prefixes = b->prefixes[i];
	}
	b->mobile = (struct ms_mobile){0, prefix_of("10.1.5.0/24"), mobile_sites, 2, false};
	ms_conf_defaults(&b->w.conf);
	b->w.conf.sites = b->sites;
	b->w.conf.site_count = SITES;
	b->w.conf.mobiles = &b->mobile;
	b->w.conf.mobile_count = 1;
	b->w.conf.max_eids = 256;
	b->w.conf.max_etrs = 64;
	b->w.conf.max_subscriptions = 64;
	b->w.conf.max_displaced = 64;
	b->w.now = 1000 * US_S;
	world_start(&b->w);
	return b;
}

static void
bench_close(struct bench *b)
{
	mapserver_destroy(b->w.ms);
	free(b);
}

/* Registers one EID; the nonce is larger each time. */
static void
put(struct bench *b, unsigned site, const char *eid, const char *rloc, uint16_t version)
{
	struct rec rec = {.eid = eid, .rlocs = {rloc}, .version = version};
	struct lisp_xtr_id xtr = xtr_of((uint8_t)(site + 1), 0);
	struct reg reg = {.key = &b->keys[site][0],
			  .nonce = (uint64_t)++b->w.random,
			  .xtr = &xtr,
			  .recs = &rec,
			  .count = 1};

	world_register(&b->w, &reg);
}

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

/* Asks for an EID, and takes the one answer. */
static struct got
ask(struct bench *b, vn_id_t vn, const char *eid)
{
	struct req req = {.vn = vn, .eid = eid, .nonce = 77};

	b->w.sent_count = 0;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	return world_got(&b->w, 0);
}

static void
a_registration_is_answered_for_the_etr(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 9);
	assert_count(&b->w, MS_REGISTERS, 1);
	assert_int_equal(b->w.sent_count, 0);
	got = ask(b, 0, "10.1.1.5/32");
	assert_int_equal(got.msg.type, LISP_MAP_REPLY);
	assert_int_equal(got.msg.nonce, 77);
	assert_addr(got.to.addr, "198.51.100.1");
	assert_int_equal(got.to.port, 50000);
	assert_prefix(&got.record.eid, "10.1.1.0/24");
	assert_false(got.record.eid.has_vn);
	assert_false(got.record.authoritative);
	assert_int_equal(got.record.ttl, 10);
	assert_int_equal(got.record.map_version, 9);
	assert_int_equal(got.record.locator_count, 1);
	assert_addr(got.rloc, "192.0.2.1");
	assert_count(&b->w, MS_REPLIES_PROXY, 1);
	bench_close(b);
}

static void
a_bare_request_is_answered_if_allowed(void **state)
{
	struct req req = {.eid = "10.1.1.5/32", .nonce = 5, .bare = true};
	struct bench *b = bench_open();
	struct endpoint from = endpoint_of("198.51.100.1", 50001);
	uint8_t data[1500];
	size_t size;

	(void)state;
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 0);
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	assert_int_equal(world_got(&b->w, 0).to.port, 50001);
	mapserver_destroy(b->w.ms);
	b->w.conf.bare_requests = false;
	world_start(&b->w);
	size = build_request(&req, data, sizeof(data));
	assert_false(mapserver_heard(b->w.ms, &from, data, size, b->w.now));
	assert_int_equal(b->w.sent_count, 1);
	bench_close(b);
}

static void
an_answer_goes_to_the_locator_that_asked(void **state)
{
	struct req req = {.eid = "10.1.1.5/32",
			  .itrs = {"203.0.113.9", "198.51.100.1", "2001:db8:ffff::1"}};
	struct bench *b = bench_open();

	(void)state;
	world_request(&b->w, &req);
	assert_addr(world_got(&b->w, 0).to.addr, "198.51.100.1");
	req.itrs[1] = "2001:db8:ffff::1";
	req.itrs[2] = NULL;
	world_request(&b->w, &req);
	assert_addr(world_got(&b->w, 1).to.addr, "203.0.113.9");
	/* Nothing that can be answered to. */
	req.itrs[0] = "224.0.0.1";
	req.itrs[1] = NULL;
	world_request(&b->w, &req);
	req.itrs[0] = "none";
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 2);
	assert_count(&b->w, MS_NO_ITR_RLOC, 2);
	bench_close(b);
}

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
	/* Another ETR, and another key of the same one, have nonces of their own. */
	second.from = "192.0.2.77";
	world_register(&b->w, &second);
	second.from = NULL;
	second.key = &b->keys[SITE_A][1];
	world_register(&b->w, &second);
	assert_count(&b->w, MS_REPLAYED, 2);
	/* A site whose nonces are not looked at. */
	b->sites[SITE_A].any_nonce = true;
	world_register(&b->w, &second);
	assert_count(&b->w, MS_REPLAYED, 2);
	assert_count(&b->w, MS_REGISTERS, 5);
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
negative_answers_are_as_wide_as_they_may_be(void **state)
{
	static const struct {
		vn_id_t vn;
		const char *eid, *prefix;
		uint32_t ttl;
	} cases[] = {
		/* Outside of all that is configured: 10.1.0.0/16 is the next. */
		{0, "192.168.1.1/32", "128.0.0.0/1", 15},
		{0, "10.128.0.1/32", "10.128.0.0/9", 15},
		{0, "10.0.0.1/32", "10.0.0.0/16", 15},
		{9, "10.0.0.1/32", "0.0.0.0/0", 15},
		{0, "3000::1/128", "3000::/4", 15},
		/* Inside A's, nothing registered there: beside C's and the mobile prefix. */
		{0, "10.1.128.1/32", "10.1.128.0/17", 1},
		{0, "10.1.4.1/32", "10.1.4.0/24", 1},
		/* In C's, which is away, and beside what is registered. */
		{0, "10.1.9.1/32", "10.1.9.0/24", 1},
		/* In the mobile prefix. */
		{0, "10.1.5.9/32", "10.1.5.0/24", 1},
	};
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		got = ask(b, cases[i].vn, cases[i].eid);
		assert_prefix(&got.record.eid, cases[i].prefix);
		assert_int_equal(got.record.ttl, cases[i].ttl);
		assert_int_equal(got.record.locator_count, 0);
		assert_int_equal(got.record.action, LISP_NATIVE_FORWARD);
		assert_int_equal(got.record.eid.vn, cases[i].vn);
	}
	/* Registered neighbours make it narrower. */
	put(b, SITE_A, "10.1.128.77/32", "192.0.2.1", 0);
	got = ask(b, 0, "10.1.128.1/32");
	assert_prefix(&got.record.eid, "10.1.128.0/26");
	got = ask(b, 0, "10.1.128.76/32");
	assert_prefix(&got.record.eid, "10.1.128.76/32");
	bench_close(b);
}

static void
an_absent_site_is_not_answered_with_what_surrounds_it(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "10.1.0.0/16", "192.0.2.1", 0);
	got = ask(b, 0, "10.1.9.1/32");
	assert_int_equal(got.record.locator_count, 0);
	assert_prefix(&got.record.eid, "10.1.9.0/24");
	/* A mobile prefix is no site: who is not registered there is at home. */
	got = ask(b, 0, "10.1.5.1/32");
	assert_addr(got.rloc, "192.0.2.1");
	/* The rest of the /16 is answered without C's part. */
	got = ask(b, 0, "10.1.8.1/32");
	assert_addr(got.rloc, "192.0.2.1");
	assert_prefix(&got.record.eid, "10.1.8.0/24");
	bench_close(b);
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
more_specifics_come_along_or_are_left_out(void **state)
{
	struct bench *b = bench_open();
	struct got got;

	(void)state;
	put(b, SITE_A, "2001:db8::/32", "192.0.2.1", 0);
	put(b, SITE_A, "2001:db8:1::/48", "192.0.2.2", 0);
	put(b, SITE_A, "2001:db8:1:1::/64", "192.0.2.3", 0);
	put(b, SITE_A, "2001:db8:1:2::/64", "192.0.2.4", 0);
	/* The example of RFC 9301 section 5.5. */
	got = ask(b, 0, "2001:db8:1:1::1/128");
	assert_int_equal(got.msg.record_count, 1);
	assert_prefix(&got.record.eid, "2001:db8:1:1::/64");
	got = ask(b, 0, "2001:db8:1:5::5/128");
	assert_int_equal(got.msg.record_count, 3);
	assert_prefix(&got.record.eid, "2001:db8:1::/48");
	/* Too many to be told: only the part around the EID. */
	for (unsigned i = 0; i < 9; i++) {
		char text[64];

		snprintf(text, sizeof(text), "2001:db8:1:%x::/64", 0x80 + i);
		put(b, SITE_A, text, "192.0.2.5", 0);
	}
	got = ask(b, 0, "2001:db8:1:5::5/128");
	assert_int_equal(got.msg.record_count, 1);
	assert_prefix(&got.record.eid, "2001:db8:1:4::/62");
	assert_addr(got.rloc, "192.0.2.2");
	bench_close(b);
}

static void
without_proxy_a_request_goes_on_to_an_etr(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0],
			  .nonce = 50,
			  .recs = &rec,
			  .count = 1,
			  .no_proxy = true};
	struct req req = {.eid = "10.1.1.1/32", .nonce = 88};
	struct lisp_ecm ecm;
	uint8_t data[1500];
	size_t size;

	(void)state;
	world_register(&b->w, &reg);
	size = build_request(&req, data, sizeof(data));
	world_heard(&b->w, "198.51.100.1", 50001, data, size);
	assert_int_equal(b->w.sent_count, 1);
	assert_addr(b->w.sent[0].to.addr, "192.0.2.1");
	assert_int_equal(b->w.sent[0].to.port, LISP_CONTROL_PORT);
	assert_int_equal(lisp_ecm_parse(b->w.sent[0].data, b->w.sent[0].size, &ecm), 0);
	assert_true(ecm.to_etr);
	assert_addr(ecm.src.addr, "198.51.100.1");
	assert_int_equal(ecm.src.port, 50000);
	/* The Map-Request is as it was. */
	assert_int_equal(ecm.size, size - lisp_ecm_size(ADDR_V4));
	assert_memory_equal(ecm.message, data + lisp_ecm_size(ADDR_V4), ecm.size);
	assert_count(&b->w, MS_FORWARDED, 1);
	/* Bare ones get headers. */
	req.bare = true;
	world_request(&b->w, &req);
	assert_int_equal(lisp_ecm_parse(b->w.sent[1].data, b->w.sent[1].size, &ecm), 0);
	assert_addr(ecm.src.addr, "198.51.100.1");
	assert_int_equal(ecm.src.port, 50001);
	assert_addr(ecm.dst.addr, "10.1.1.1");
	/* Or the map-server answers after all. */
	b->sites[SITE_A].always_proxy = true;
	reg.nonce++;
	world_register(&b->w, &reg);
	assert_int_equal(ask(b, 0, "10.1.1.1/32").msg.type, LISP_MAP_REPLY);
	bench_close(b);
}

static void
the_locator_is_chosen_by_priority(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1", "192.0.2.2"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0],
			  .nonce = 50,
			  .recs = &rec,
			  .count = 1,
			  .no_proxy = true,
			  .from = "192.0.2.50"};
	unsigned hits[2] = {0};

	(void)state;
	world_register(&b->w, &reg);
	for (uint64_t i = 0; i < 200; i++) {
		struct req req = {.eid = "10.1.1.1/32", .nonce = i * UINT64_C(0x9e3779b97f4a7c15)};

		b->w.sent_count = 0;
		world_request(&b->w, &req);
		hits[b->w.sent[0].to.addr.b[3] - 1]++;
	}
	assert_in_range(hits[0], 60, 140);
	/* Priority 255 is never used: the ETR's own address is what is left. */
	rec.priority = 255;
	reg.nonce++;
	world_register(&b->w, &reg);
	b->w.sent_count = 0;
	world_request(&b->w, &(struct req){.eid = "10.1.1.1/32"});
	assert_addr(b->w.sent[0].to.addr, "192.0.2.50");
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

static void
macs_of_a_vn_are_eids_too(void **state)
{
	struct rec rec = {.vn = 7, .mac = {{2, 0, 0, 0, 0, 1}}, .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	struct req req = {.vn = 7, .mac = {{2, 0, 0, 0, 0, 1}}};
	struct got got;

	(void)state;
	world_register(&b->w, &reg);
	assert_count(&b->w, MS_REGISTERS, 1);
	world_request(&b->w, &req);
	got = world_got(&b->w, 0);
	assert_int_equal(got.record.eid.kind, LISP_EID_MAC);
	assert_addr(got.rloc, "192.0.2.1");
	req.mac.b[5] = 2;
	world_request(&b->w, &req);
	got = world_got(&b->w, 1);
	assert_int_equal(got.record.locator_count, 0);
	assert_int_equal(got.record.ttl, 1);
	assert_true(mac_equal(got.record.eid.mac, req.mac));
	bench_close(b);
}

static void
vns_do_not_see_each_other(void **state)
{
	struct rec rec = {.vn = 7, .eid = "10.2.0.0/24", .rlocs = {"192.0.2.2"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_B][0], .nonce = 50, .recs = &rec, .count = 1};
	struct got got;

	(void)state;
	world_register(&b->w, &reg);
	got = ask(b, 7, "10.2.0.1/32");
	assert_addr(got.rloc, "192.0.2.2");
	assert_int_equal(got.record.eid.vn, 7);
	assert_int_equal(ask(b, 0, "10.2.0.1/32").record.locator_count, 0);
	assert_int_equal(ask(b, 8, "10.2.0.1/32").record.locator_count, 0);
	bench_close(b);
}

static void
limits_are_kept(void **state)
{
	struct bench *b = bench_open();
	unsigned answered = 0;

	(void)state;
	b->sites[SITE_A].max_eids = 3;
	for (unsigned i = 0; i < 6; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.1.1.%u/32", i);
		put(b, SITE_A, text, "192.0.2.1", 0);
	}
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 3);
	assert_count(&b->w, MS_EIDS_FULL, 3);
	put(b, SITE_A, "10.1.1.0/32", "192.0.2.1", 0);
	assert_count(&b->w, MS_EIDS_FULL, 3);
	/* Answers to one address. */
	for (unsigned i = 0; i < 3000; i++) {
		b->w.sent_count = 0;
		world_request(&b->w, &(struct req){.eid = "10.1.1.0/32"});
		answered += (unsigned)b->w.sent_count;
	}
	assert_in_range(answered, 990, 1010);
	assert_count(&b->w, MS_REPLY_LIMITED, 3000 - answered);
	bench_close(b);
}

static void
what_is_not_for_us_or_broken_is_told_apart(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	struct endpoint from = endpoint_of("192.0.2.1", 1);
	uint8_t data[MS_SIZE_MAX + 1] = {0};
	size_t size = build_register(&reg, data, sizeof(data));

	(void)state;
	for (size_t cut = 1; cut < size; cut++)
		world_heard(&b->w, "192.0.2.1", 1, data, cut);
	assert_count(&b->w, MS_MALFORMED, size - 1);
	assert_false(mapserver_heard(b->w.ms, &from, data, 0, b->w.now));
	assert_true(mapserver_heard(b->w.ms, &from, data, sizeof(data), b->w.now));
	assert_count(&b->w, MS_OVERSIZED, 1);
	data[0] = LISP_MAP_REPLY << 4;
	assert_false(mapserver_heard(b->w.ms, &from, data, size, b->w.now));
	data[0] = LISP_MAP_NOTIFY_ACK << 4;
	assert_false(mapserver_heard(b->w.ms, &from, data, size, b->w.now));
	/* An RLOC-probe is not for the mapping system. */
	world_request(&b->w, &(struct req){.eid = "10.1.1.1/32", .probe = true});
	world_request(&b->w, &(struct req){.eid = "10.1.1.1/32", .probe = true, .bare = true});
	assert_count(&b->w, MS_PROBE, 2);
	assert_int_equal(b->w.sent_count, 0);
	bench_close(b);
}

static void
an_ecm_around_anything_else_is_refused(void **state)
{
	struct rec rec = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1};
	struct lisp_ecm ecm = {.src = endpoint_of("198.51.100.1", 50000),
			       .dst = endpoint_of("203.0.113.1", 4342)};
	uint8_t data[1500];
	size_t head = lisp_ecm_size(ADDR_V4);
	int size;

	(void)state;
	ecm.size = build_register(&reg, data + head, sizeof(data) - head);
	size = lisp_ecm_build(&ecm, data, sizeof(data));
	assert_true(size > 0);
	/* A Map-Register is an RTR's to relay; a Map-Notify nobody's to send here. */
	world_heard(&b->w, "192.0.2.1", 1, data, (size_t)size);
	assert_count(&b->w, MS_RTR_UNKNOWN, 1);
	data[head] = LISP_MAP_NOTIFY << 4;
	size = lisp_ecm_build(&ecm, data, sizeof(data));
	world_heard(&b->w, "192.0.2.1", 1, data, (size_t)size);
	assert_count(&b->w, MS_ECM_CONTENT, 1);
	data[0] |= 0x08;
	world_heard(&b->w, "192.0.2.1", 1, data, (size_t)size);
	assert_count(&b->w, MS_UNSUPPORTED, 1);
	assert_int_equal(registry_count(mapserver_registry(b->w.ms)), 0);
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

static void
a_full_table_of_etrs_is_fair(void **state)
{
	struct rec here = {.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}};
	struct rec there = {.vn = 7, .eid = "10.2.0.0/24", .rlocs = {"192.0.2.2"}};
	struct bench *b = bench_open();
	struct reg reg = {.nonce = 50, .count = 1};
	struct lisp_xtr_id xtr;

	(void)state;
	reg.xtr = &xtr;
	/* B comes once, A with more xTRs than there is room for. */
	xtr = xtr_of(200, 0);
	reg.key = &b->keys[SITE_B][0];
	reg.recs = &there;
	world_register(&b->w, &reg);
	reg.key = &b->keys[SITE_A][0];
	reg.recs = &here;
	for (uint8_t i = 0; i < 100; i++) {
		xtr = xtr_of(i, 0);
		world_register(&b->w, &reg);
	}
	assert_count(&b->w, MS_REGISTERS, 101);
	assert_int_equal(nonces_count(mapserver_nonces(b->w.ms)), 64);
	/* B's is still known; A's first one is not. */
	xtr = xtr_of(200, 0);
	reg.key = &b->keys[SITE_B][0];
	reg.recs = &there;
	world_register(&b->w, &reg);
	assert_count(&b->w, MS_REPLAYED, 1);
	xtr = xtr_of(99, 0);
	reg.key = &b->keys[SITE_A][0];
	reg.recs = &here;
	world_register(&b->w, &reg);
	assert_count(&b->w, MS_REPLAYED, 2);
	bench_close(b);
}

static void
etrs_with_registrations_are_not_forgotten(void **state)
{
	struct bench *b = bench_open();
	struct rec rec = {.rlocs = {"192.0.2.1"}};
	struct lisp_xtr_id xtr;
	struct reg reg = {
		.key = &b->keys[SITE_A][0], .nonce = 50, .recs = &rec, .count = 1, .xtr = &xtr};

	(void)state;
	for (uint8_t i = 0; i < 70; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.1.1.%u/32", i);
		rec.eid = text;
		xtr = xtr_of(i, 0);
		world_register(&b->w, &reg);
	}
	assert_count(&b->w, MS_REGISTERS, 64);
	assert_count(&b->w, MS_ETRS_FULL, 6);
	/* When they have expired there is room again. */
	world_pass(&b->w, 200 * US_S);
	rec.eid = "10.1.1.99/32";
	world_register(&b->w, &reg);
	assert_count(&b->w, MS_REGISTERS, 65);
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

static void
a_lost_answer_is_counted(void **state)
{
	struct bench *b = bench_open();

	(void)state;
	b->w.send_fails = true;
	world_request(&b->w, &(struct req){.eid = "10.1.1.1/32"});
	assert_count(&b->w, MS_SEND_FAILED, 1);
	bench_close(b);
}

static void
names_are_stable_and_unique(void **state)
{
	(void)state;
	for (unsigned i = 0; i < MS_COUNT_END; i++) {
		assert_true(strlen(ms_count_text(i)) > 0);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(ms_count_name(i), ms_count_name(k));
	}
	assert_string_equal(ms_count_name(MS_AUTH_FAILED), "auth-failed");
	assert_string_equal(ms_count_name(MS_COUNT_END), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_is_answered_for_the_etr),
		cmocka_unit_test(a_bare_request_is_answered_if_allowed),
		cmocka_unit_test(an_answer_goes_to_the_locator_that_asked),
		cmocka_unit_test(every_key_and_algorithm_of_a_site_registers),
		cmocka_unit_test(a_map_notify_has_what_the_map_register_had),
		cmocka_unit_test(hostile_registers_change_nothing_and_are_counted),
		cmocka_unit_test(a_replayed_register_is_refused),
		cmocka_unit_test(after_a_restart_nothing_is_denied_too_soon),
		cmocka_unit_test(after_a_restart_nonces_up_to_the_reserve_are_refused),
		cmocka_unit_test(a_registration_ends_when_it_is_not_refreshed),
		cmocka_unit_test(a_registration_may_ask_for_its_ttl),
		cmocka_unit_test(a_ttl_of_zero_withdraws),
		cmocka_unit_test(negative_answers_are_as_wide_as_they_may_be),
		cmocka_unit_test(an_absent_site_is_not_answered_with_what_surrounds_it),
		cmocka_unit_test(machines_can_be_answered_one_by_one),
		cmocka_unit_test(more_specifics_come_along_or_are_left_out),
		cmocka_unit_test(without_proxy_a_request_goes_on_to_an_etr),
		cmocka_unit_test(the_locator_is_chosen_by_priority),
		cmocka_unit_test(a_mobile_eid_has_one_registration),
		cmocka_unit_test(a_newer_counter_brings_a_displaced_site_back),
		cmocka_unit_test(the_displaced_etr_is_told_at_once_and_again),
		cmocka_unit_test(a_part_of_a_message_may_be_displaced),
		cmocka_unit_test(macs_of_a_vn_are_eids_too),
		cmocka_unit_test(vns_do_not_see_each_other),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(what_is_not_for_us_or_broken_is_told_apart),
		cmocka_unit_test(an_ecm_around_anything_else_is_refused),
		cmocka_unit_test(a_reload_ends_what_is_allowed_no_longer),
		cmocka_unit_test(many_sites_share_a_mobile_prefix),
		cmocka_unit_test(a_full_table_of_etrs_is_fair),
		cmocka_unit_test(etrs_with_registrations_are_not_forgotten),
		cmocka_unit_test(who_wants_no_answer_gets_none),
		cmocka_unit_test(a_lost_answer_is_counted),
		cmocka_unit_test(names_are_stable_and_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
