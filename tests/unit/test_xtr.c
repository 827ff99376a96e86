/* xTRs and a map-server over a network with a delay: questions, answers, registrations, moves. */
#include "tests/unit/xtr_forge.h"

static void
a_miss_is_answered_after_a_round_trip(void **state)
{
	struct net *net = net_standard();
	us_t asked = net->now;

	(void)state;
	assert_int_equal(net->nodes[A].in_force, 1);
	net_resolve(net, B, "10.1.0.5");
	/* Asked once, however many packets want it. */
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_int_equal(net->nodes[B].changed_at, asked + 2 * DELAY);
	assert_int_equal(net->nodes[B].mapped, 1);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 1);
	net_free(net);
}

/* Without P the map-server sends the question on to the ETR (RFC 9301 section 8.3). */
static void
an_etr_answers_itself(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, A);
	conf.servers[0].proxy_reply = false;
	net_restart(net, A, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_int_equal(net_count(net, A, XTR_REPLIES), 1);
	assert_int_equal(net->nodes[A].asked, 1);
	assert_true(mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"))->authoritative);
	net_free(net);
}

static void
what_nobody_has_is_a_negative_mapping(void **state)
{
	struct net *net = net_standard();
	const struct mapping *m;

	(void)state;
	net_resolve(net, B, "172.16.0.1");
	net_run(net, US_S);
	m = mapcache_find(net->nodes[B].cache, VN, addr_of("172.16.0.1"));
	assert_non_null(m);
	assert_int_equal(m->count, 0);
	assert_int_equal(m->action, LISP_NATIVE_FORWARD);
	/* It ends, and is not asked for again by itself. */
	net_run(net, 16 * 60 * US_S);
	assert_null(mapcache_find(net->nodes[B].cache, VN, addr_of("172.16.0.1")));
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 1);
	net_free(net);
}

static void
a_lost_question_is_asked_again_and_given_up(void **state)
{
	struct net *net = net_standard();

	(void)state;
	net->cut = net->ms_addr;
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S + US_MS);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 2);
	net->cut = (struct addr){0};
	net_run(net, 2 * US_S + 2 * DELAY);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net->cut = net->ms_addr;
	net_resolve(net, B, "10.9.0.5");
	net_run(net, 60 * US_S);
	assert_int_equal(net->nodes[B].unanswered, 1);
	assert_int_equal(net_count(net, B, XTR_UNANSWERED), 1);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 3 + 4);
	net_free(net);
}

/* RFC 9301: the same question once a second; a few are ahead. */
static void
questions_have_a_pace(void **state)
{
	struct net *net = net_standard();
	unsigned asked = 0;

	(void)state;
	net->ms_conf.reply_rate = 0;
	for (unsigned i = 0; i < 100; i++) {
		asked += xtr_resolve(net->nodes[B].x, VN, addr_of("10.1.0.5"),
				     (struct addr){.family = ADDR_NONE}, net->now) == 0;
		net_run(net, 100 * US_MS);
		/* As if it had been forgotten. */
		mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.0/24"));
	}
	assert_in_range(net_count(net, B, XTR_REQUESTS), 10, 13);
	assert_in_range(asked, 10, 13);
	net_free(net);
}

static void
a_mapping_does_not_overrule_what_the_router_knows(void **state)
{
	struct net *net = net_standard();

	(void)state;
	net->nodes[B].known = prefix_of("10.1.0.0/16");
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	assert_int_equal(net_count(net, B, XTR_OVERCLAIM), 1);
	net_free(net);
}

/* One peer's negative Map-Reply has a prefix beside the EID. */
static void
a_negative_reply_for_other_eids_counts_for_the_one_asked_for(void **state)
{
	struct net *net = net_standard();

	(void)state;
	net->cut = net->ms_addr;
	net_resolve(net, B, "10.7.0.5");
	forge_reply(net, last_nonce(net), "10.8.0.0/16", NULL);
	assert_true(
		prefix_equal(mapcache_find(net->nodes[B].cache, VN, addr_of("10.7.0.5"))->prefix,
			     prefix_of("10.7.0.5/32")));
	assert_null(mapcache_find(net->nodes[B].cache, VN, addr_of("10.8.0.5")));
	net_free(net);
}

/* RFC 9301 section 5.3: ten repetitions without an answer, then 30 seconds without a question, however many packets come. */
static void
who_is_never_answered_rests(void **state)
{
	struct net *net = net_standard();
	us_t last = net->now, gap = 0;
	uint64_t count = 0;

	(void)state;
	net->cut = net->ms_addr;
	for (unsigned i = 0; i < 1200; i++) {
		(void)xtr_resolve(net->nodes[B].x, VN, addr_of("10.1.0.5"), nobody, net->now);
		if (net_count(net, B, XTR_REQUESTS) != count) {
			gap = net->now - last > gap ? net->now - last : gap;
			last = net->now;
			count = net_count(net, B, XTR_REQUESTS);
		}
		net_run(net, 100 * US_MS);
	}
	/* Three series of four, the rest, and three more. */
	assert_in_range(count, 22, 25);
	assert_in_range(gap, 30 * US_S, 40 * US_S);
	net->cut = (struct addr){0};
	for (unsigned i = 0; i < 400; i++) {
		(void)xtr_resolve(net->nodes[B].x, VN, addr_of("10.1.0.5"), nobody, net->now);
		net_run(net, 100 * US_MS);
	}
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* Whoever asks for a packet says for whose; a refresh is nobody's (RFC 9301 section 5.2). */
static void
a_question_names_the_source_of_the_packet(void **state)
{
	struct net *net = net_standard();
	const struct packet *p;
	struct lisp_ecm ecm;
	struct lisp_msg msg;

	(void)state;
	assert_int_equal(xtr_resolve(net->nodes[B].x, VN, addr_of("10.1.0.5"), addr_of("10.2.0.7"),
				     net->now),
			 0);
	p = &net->last[(net->sent - 1) % ARRAY_COUNT(net->last)];
	assert_int_equal(lisp_ecm_parse(p->data, p->size, &ecm), 0);
	assert_int_equal(lisp_parse(ecm.message, ecm.size, NULL, &msg), 0);
	assert_int_equal(msg.type, LISP_MAP_REQUEST);
	assert_int_equal(msg.request.source.kind, LISP_EID_IP);
	assert_int_equal(msg.request.source.vn, VN);
	assert_true(prefix_equal(msg.request.source.prefix, prefix_of("10.2.0.7/32")));
	net_run(net, US_S);
	/* The site that was asked knows now who is behind the one that asked. */
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net->nodes[B].is_proxy = true;
	assert_int_equal(xtr_resolve(net->nodes[B].x, VN, addr_of("10.9.0.5"), addr_of("10.2.0.7"),
				     net->now),
			 0);
	p = &net->last[(net->sent - 1) % ARRAY_COUNT(net->last)];
	assert_int_equal(lisp_ecm_parse(p->data, p->size, &ecm), 0);
	assert_int_equal(lisp_parse(ecm.message, ecm.size, NULL, &msg), 0);
	assert_int_equal(msg.request.source.kind, LISP_EID_NONE);
	net_free(net);
}

static void
mappings_in_use_are_refreshed_before_their_end(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, A);
	conf.ttl_min = 5;
	net_restart(net, A, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_own(net, A, "10.2.0.0/24", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_resolve(net, B, "10.2.0.5");
	for (unsigned i = 0; i < 20 * 60; i++) {
		struct mapping *m = mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"));

		net_run(net, US_S);
		assert_true(i < 2 || m != NULL);
		if (m != NULL)
			mapping_count(m, 0, 100, net->now);
	}
	/* The one without packets ended. */
	assert_null(mapcache_find(net->nodes[B].cache, VN, addr_of("10.2.0.5")));
	assert_in_range(net_count(net, B, XTR_REQUESTS), 5, 8);
	net_free(net);
}

/* Control messages go to the port of the configuration, whoever they are for. */
static void
messages_to_other_routers_go_to_their_port(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;
	const struct packet *p;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, B);
	conf.port = 14342;
	net_restart(net, B, &conf);
	net->nodes[B].takes_push = net->nodes[C].rloc;
	net_own(net, B, "10.1.0.5/32", 1);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[A].rloc, nobody, net->now);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[C].rloc, nobody, net->now);
	xtr_tell_askers(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->now);
	/* One by SMR, one that is known to take it by CHANGE-PRIORITY. */
	assert_int_equal(net_count(net, B, XTR_SMRS), 1);
	assert_int_equal(net_count(net, B, XTR_PUSHED), 1);
	for (unsigned i = 1; i <= 2; i++) {
		p = &net->last[(net->sent - i) % ARRAY_COUNT(net->last)];
		assert_int_equal(p->to.port, 14342);
	}
	net_free(net);
}

static bool
is_remembered(struct net *net, size_t node, const char *eid, struct addr rloc)
{
	struct xtr_asker asker;
	size_t position = 0;

	while (xtr_asker_next(net->nodes[node].x, &position, &asker))
		if (addr_equal(asker.eid, addr_of(eid)) && addr_equal(asker.rloc, rloc))
			return true;
	return false;
}

/* Questions from ever other locators, which nobody has to have. */
static void
forged_questions(struct net *net, size_t node, const char *eid, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct addr rloc = addr_of("203.0.113.0");

		rloc.b[2] = (uint8_t)(i >> 8);
		rloc.b[3] = (uint8_t)i;
		xtr_asked(net->nodes[node].x, VN, addr_of(eid), rloc, nobody, net->now);
	}
}

/* Strangers push out each other, and not whose locator is known to answer; one of these that is silent for long is no better
 * than they. */
static void
who_has_answered_is_not_forgotten_for_strangers(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;
	uint64_t full;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, B);
	conf.probe_interval = 10 * US_S;
	net_restart(net, B, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_own(net, B, "10.2.0.5/32", 1);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, 20 * US_S);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.2.0.5"), net->nodes[A].rloc, nobody, net->now);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.2.0.5"), net->nodes[D].rloc, nobody, net->now);
	assert_int_equal(net_count(net, B, XTR_ASKERS_FULL), 0);
	net_run(net, US_S);
	forged_questions(net, B, "10.2.0.5", 1000);
	assert_true(is_remembered(net, B, "10.2.0.5", net->nodes[A].rloc));
	/* Nothing is known of this one. */
	assert_false(is_remembered(net, B, "10.2.0.5", net->nodes[D].rloc));
	full = net_count(net, B, XTR_ASKERS_FULL);
	assert_in_range(full, 1002 - 32, 1002);
	/* It has no mapping any more. */
	net->now += 2 * (us_t)conf.ttl_min * 60 * US_S;
	forged_questions(net, B, "10.2.0.5", 32);
	assert_false(is_remembered(net, B, "10.2.0.5", net->nodes[A].rloc));
	/* Nor have the others: no loss. */
	assert_int_equal(net_count(net, B, XTR_ASKERS_FULL), full);
	net_free(net);
}

/* Of more locators than there is room for those of the best priorities, in their order. */
static void
of_many_locators_the_best_are_kept(void **state)
{
	struct net *net = net_standard();
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	struct lisp_msg msg = {.type = LISP_MAP_REPLY};
	struct lisp_record record = {.ttl = 10,
				     .eid = lisp_eid_make(VN, prefix_of("10.1.0.0/24"), false)};
	const struct mapping *m;
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	(void)state;
	net_resolve(net, B, "10.1.0.5");
	msg.nonce = last_nonce(net);
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &record);
	for (uint8_t i = 0; i < 3 * MAP_LOCATORS_MAX; i++) {
		struct addr rloc = addr_of("203.0.113.0");
		/* Those at 1, 4, 7 ... are the best. */
		struct lisp_locator l = {.priority = (uint8_t)(i % 3 == 1 ? 1 : 200 - i),
					 .weight = 100,
					 .reachable = true};

		rloc.b[3] = i;
		l.rloc = lisp_rloc_make(rloc);
		lisp_put_locator(&b, &l);
	}
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
	m = mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"));
	assert_int_equal(m->count, MAP_LOCATORS_MAX);
	for (unsigned i = 0; i < m->count; i++)
		assert_int_equal(m->locators[i].rloc.b[3], 3 * i + 1);
	net_free(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_miss_is_answered_after_a_round_trip),
		cmocka_unit_test(an_etr_answers_itself),
		cmocka_unit_test(what_nobody_has_is_a_negative_mapping),
		cmocka_unit_test(a_lost_question_is_asked_again_and_given_up),
		cmocka_unit_test(questions_have_a_pace),
		cmocka_unit_test(who_is_never_answered_rests),
		cmocka_unit_test(a_question_names_the_source_of_the_packet),
		cmocka_unit_test(a_mapping_does_not_overrule_what_the_router_knows),
		cmocka_unit_test(a_negative_reply_for_other_eids_counts_for_the_one_asked_for),
		cmocka_unit_test(mappings_in_use_are_refreshed_before_their_end),
		cmocka_unit_test(messages_to_other_routers_go_to_their_port),
		cmocka_unit_test(who_has_answered_is_not_forgotten_for_strangers),
		cmocka_unit_test(of_many_locators_the_best_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
