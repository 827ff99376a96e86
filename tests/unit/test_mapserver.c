/* The map-server as its peers see it: messages in, messages out. */
#include "ms_bench.h"

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

/* RFC 9301 section 5.2, A: whoever wants the site's own answer gets that. */
static void
one_who_wants_the_sites_own_answer_gets_that(void **state)
{
	struct bench *b = bench_open();
	struct lisp_ecm ecm;

	(void)state;
	put(b, SITE_A, "10.1.1.0/24", "192.0.2.1", 0);
	b->w.sent_count = 0;
	world_request(&b->w, &(struct req){.eid = "10.1.1.1/32", .authoritative = true});
	assert_int_equal(b->w.sent_count, 1);
	assert_addr(b->w.sent[0].to.addr, "192.0.2.1");
	assert_int_equal(lisp_ecm_parse(b->w.sent[0].data, b->w.sent[0].size, &ecm), 0);
	assert_true(ecm.to_etr);
	/* Where there is no site there is nobody else to say so. */
	b->w.sent_count = 0;
	world_request(&b->w, &(struct req){.eid = "10.1.2.1/32", .authoritative = true});
	assert_int_equal(world_got(&b->w, 0).record.locator_count, 0);
	bench_close(b);
}

/* RFC 9301 section 5.2: who asks for several EIDs hears of all.  An ETR gets the message once, whatever it has of them. */
static void
each_etr_gets_a_request_once(void **state)
{
	static const struct {
		const char *first, *second, *etrs[2];
	} cases[] = {
		{"10.1.1.1/32", "10.1.2.1/32", {"192.0.2.1", "192.0.2.2"}},
		{"10.1.1.1/32", "10.1.3.1/32", {"192.0.2.1"}},
	};
	struct rec recs[] = {{.eid = "10.1.1.0/24", .rlocs = {"192.0.2.1"}},
			     {.eid = "10.1.2.0/24", .rlocs = {"192.0.2.2"}},
			     {.eid = "10.1.3.0/24", .rlocs = {"192.0.2.1"}}};
	struct bench *b = bench_open();
	struct reg reg = {.key = &b->keys[SITE_A][0],
			  .nonce = 50,
			  .recs = recs,
			  .count = ARRAY_COUNT(recs),
			  .no_proxy = true};

	(void)state;
	world_register(&b->w, &reg);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t count = 1u + (cases[i].etrs[1] != NULL);

		b->w.sent_count = 0;
		world_request(&b->w,
			      &(struct req){.eid = cases[i].first, .second = cases[i].second});
		assert_int_equal(b->w.sent_count, count);
		for (size_t j = 0; j < count; j++)
			assert_addr(b->w.sent[j].to.addr, cases[i].etrs[j]);
	}
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
		cmocka_unit_test(negative_answers_are_as_wide_as_they_may_be),
		cmocka_unit_test(an_absent_site_is_not_answered_with_what_surrounds_it),
		cmocka_unit_test(more_specifics_come_along_or_are_left_out),
		cmocka_unit_test(without_proxy_a_request_goes_on_to_an_etr),
		cmocka_unit_test(one_who_wants_the_sites_own_answer_gets_that),
		cmocka_unit_test(each_etr_gets_a_request_once),
		cmocka_unit_test(the_locator_is_chosen_by_priority),
		cmocka_unit_test(macs_of_a_vn_are_eids_too),
		cmocka_unit_test(vns_do_not_see_each_other),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(what_is_not_for_us_or_broken_is_told_apart),
		cmocka_unit_test(an_ecm_around_anything_else_is_refused),
		cmocka_unit_test(a_full_table_of_etrs_is_fair),
		cmocka_unit_test(etrs_with_registrations_are_not_forgotten),
		cmocka_unit_test(a_lost_answer_is_counted),
		cmocka_unit_test(names_are_stable_and_unique),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
