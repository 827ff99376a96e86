/* RLOC-probes of an xTR, and those that it gets. */
#include "tests/unit/xtr_forge.h"

static void
a_silent_locator_is_out_of_use_until_it_answers(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;
	const struct mapping *m;
	uint64_t probes;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, B);
	conf.probe_interval = 10 * US_S;
	net_restart(net, B, &conf);
	conf = net_xtr_conf(net, A);
	/* A site with two routers: A and C, A is preferred. */
	conf.rlocs[1] = (struct xtr_rloc){.addr = net->nodes[C].rloc, .priority = 2, .weight = 100};
	conf.rloc_count = 2;
	net_restart(net, A, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_own(net, C, "10.1.0.0/24", 0);
	xtr_own_remove(net->nodes[C].x, VN, prefix_of("10.1.0.0/24"), false, net->now);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, 30 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	m = mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"));
	assert_int_equal(m->locators[0].rtt, 2 * DELAY);
	net->cut = net->nodes[A].rloc;
	net_run(net, 20 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net->cut = (struct addr){0};
	net_run(net, 20 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	/* Status bits are a hint: what is said to be down is asked, and answers. */
	xtr_status_bits(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[C].rloc, 2, 8,
			net->now);
	net_run(net, 100 * US_MS);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net->cut = net->nodes[A].rloc;
	xtr_status_bits(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[C].rloc, 2, 8,
			net->now);
	/* A second after the probe before, and three without an answer. */
	net_run(net, 4 * US_S + DELAY);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	/* However many packets say so, it is asked once per second. */
	probes = net_count(net, B, XTR_PROBES);
	net->cut = (struct addr){0};
	for (unsigned i = 0; i < 300; i++) {
		xtr_status_bits(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[C].rloc, 1, 8,
				net->now);
		net_run(net, 10 * US_MS);
	}
	assert_in_range(net_count(net, B, XTR_PROBES) - probes, 3, 5);
	net_free(net);
}

/* The mapping that a locator was first heard of in is gone: its site knows nothing of those EIDs any more. */
static void
a_probe_names_an_eid_that_is_still_there(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, B);
	conf.probe_interval = 10 * US_S;
	net_restart(net, B, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_own(net, A, "10.2.0.0/24", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.2.0.5");
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.2.0.0/24"));
	assert_true(net->nodes[A].own[1].prefix.addr.b[1] == 2);
	net->nodes[A].own_count = 1;
	xtr_own_remove(net->nodes[A].x, VN, prefix_of("10.2.0.0/24"), true, net->now);
	net_run(net, 60 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* RFC 9301 section 5.2: each is answered.  Only one that leads to the EID, or is asked for none, names the locator. */
static void
each_probe_is_answered(void **state)
{
	static const struct {
		const char *eid; /* NULL: none */
		unsigned locators;
	} cases[] = {{"10.1.0.5/32", 1}, {"10.9.0.5/32", 0}, {NULL, 1}};
	struct net *net = net_standard();
	struct endpoint from = {net->nodes[B].rloc, 40000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bare_request want = {.from = from.addr, .probe = true};
		struct lisp_record record;
		struct lisp_locator l;
		struct lisp_msg msg;
		uint8_t data[256];
		size_t size;

		if (cases[i].eid != NULL)
			want.eid = lisp_eid_make(VN, prefix_of(cases[i].eid), false);
		size = build_bare_request(&want, data, sizeof(data));
		assert_true(xtr_heard(net->nodes[A].x, &from, data, size, net->now));
		assert_int_equal(net_count(net, A, XTR_PROBES_ANSWERED), i + 1);
		last_message(net, &msg);
		assert_true(msg.type == LISP_MAP_REPLY && msg.reply.probe && msg.nonce == 5);
		assert_true(lisp_record_next(&msg.records, &record));
		assert_true(record.authoritative);
		assert_int_equal(record.locator_count, cases[i].locators);
		if (cases[i].locators == 0)
			continue;
		assert_true(lisp_locator_next(&record.locators, &l));
		assert_true(l.probed && addr_equal(l.rloc.addr, net->nodes[A].rloc));
	}
	net_free(net);
}

/* One that has left, too: where it is now, and that the locator lives. */
static void
a_probe_for_one_that_has_left_is_answered_with_authority(void **state)
{
	struct net *net = net_standard();
	struct endpoint from = {net->nodes[B].rloc, 40000};
	struct bare_request want = {.from = from.addr,
				    .eid = lisp_eid_make(VN, prefix_of("10.1.0.5/32"), false),
				    .probe = true};
	struct lisp_record record;
	struct lisp_msg msg;
	uint8_t data[256];
	size_t size = build_bare_request(&want, data, sizeof(data));

	(void)state;
	net_own(net, A, "10.1.0.5/32", 1);
	net->nodes[A].own[1].is_here = false;
	net->nodes[A].own[1].elsewhere = net->nodes[C].rloc;
	assert_true(xtr_heard(net->nodes[A].x, &from, data, size, net->now));
	last_message(net, &msg);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_true(msg.reply.probe && record.authoritative && record.locator_count == 1);
	net_free(net);
}

/* A reply to the probe that B has sent last, for 10.1.0.5 at A's locator. */
struct answer {
	const char *from;
	const char *rlocs[3];
	unsigned probed; /* bits of 'rlocs' */
	bool not_authoritative;
};

static void
answer_probe(struct net *net, const struct answer *answer)
{
	struct endpoint from = endpoint_of(answer->from, LISP_CONTROL_PORT);
	struct lisp_record record = {.ttl = 10,
				     .eid = lisp_eid_make(VN, prefix_of("10.1.0.0/24"), false),
				     .authoritative = !answer->not_authoritative};
	struct lisp_msg msg, reply = {.type = LISP_MAP_REPLY};
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	last_message(net, &msg);
	assert_true(msg.type == LISP_MAP_REQUEST && msg.request.probe);
	reply.nonce = msg.nonce;
	reply.reply.probe = true;
	lisp_begin(&b, data, sizeof(data), &reply);
	lisp_put_record(&b, &record);
	for (unsigned i = 0; i < ARRAY_COUNT(answer->rlocs) && answer->rlocs[i] != NULL; i++) {
		struct lisp_locator l = {.priority = 1,
					 .weight = 100,
					 .reachable = true,
					 .probed = (answer->probed >> i & 1) != 0,
					 .rloc = lisp_rloc_make(addr_of(answer->rlocs[i]))};

		lisp_put_locator(&b, &l);
	}
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

/* RFC 9301 section 5.4: the first that is marked counts, wherever the answer comes from, and none without authority. */
static void
an_answer_is_about_the_locator_that_it_marks(void **state)
{
	static const struct {
		struct answer answer;
		bool taken;
	} cases[] = {
		{{.from = "192.0.2.1", .rlocs = {"192.0.2.1"}, .probed = 1}, true},
		/* From another interface of that router. */
		{{.from = "192.0.2.77", .rlocs = {"192.0.2.1"}, .probed = 1}, true},
		{{.from = "192.0.2.1", .rlocs = {"192.0.2.1"}}, true},
		{{.from = "192.0.2.77", .rlocs = {"192.0.2.1"}}, false},
		{{.from = "192.0.2.1", .rlocs = {"192.0.2.3", "192.0.2.1"}, .probed = 2}, true},
		{{.from = "192.0.2.1", .rlocs = {"192.0.2.3", "192.0.2.1"}, .probed = 1}, false},
		{{.from = "192.0.2.1", .rlocs = {"192.0.2.3", "192.0.2.1"}, .probed = 3}, false},
		{{.from = "192.0.2.1",
		  .rlocs = {"192.0.2.1"},
		  .probed = 1,
		  .not_authoritative = true},
		 false},
		/* It lives, and has not this EID. */
		{{.from = "192.0.2.1"}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct net *net = net_make();
		struct xtr_conf conf;
		const struct mapping *m;

		net_start(net);
		conf = net_xtr_conf(net, B);
		conf.probe_interval = 10 * US_S;
		net_restart(net, B, &conf);
		net_own(net, A, "10.1.0.0/24", 0);
		net_run(net, US_S);
		net_resolve(net, B, "10.1.0.5");
		net->deaf = net->nodes[A].rloc;
		while (net_count(net, B, XTR_PROBES) == 0)
			net_run(net, US_MS);
		m = mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"));
		assert_int_equal(m->locators[0].rtt, 0);
		answer_probe(net, &cases[i].answer);
		if ((m->locators[0].rtt > 0) != cases[i].taken)
			fail_msg("case %zu", i);
		assert_int_equal(net_count(net, B, XTR_PROBE_REFUSED), !cases[i].taken);
		net_free(net);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_locator_is_out_of_use_until_it_answers),
		cmocka_unit_test(a_probe_names_an_eid_that_is_still_there),
		cmocka_unit_test(each_probe_is_answered),
		cmocka_unit_test(a_probe_for_one_that_has_left_is_answered_with_authority),
		cmocka_unit_test(an_answer_is_about_the_locator_that_it_marks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
