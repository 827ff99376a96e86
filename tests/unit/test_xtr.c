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

/* ---- registrations ---- */

static void
registrations_survive_loss_and_are_refreshed(void **state)
{
	struct net *net = net_make();
	struct xtr_registration r;
	size_t position = 0, count = 0;

	(void)state;
	net->lose_every = 3;
	net_start(net);
	for (unsigned i = 0; i < 300; i++) {
		struct addr eid = addr_of("10.5.0.0");

		eid.b[2] = (uint8_t)(i >> 8);
		eid.b[3] = (uint8_t)i;
		assert_int_equal(xtr_own_put(net->nodes[A].x, VN, prefix_host(eid), 0, net->now),
				 0);
	}
	net_run(net, 30 * US_S);
	assert_int_equal(net->nodes[A].in_force, 300);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 300);
	net_run(net, 600 * US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 300);
	while (xtr_registration_next(net->nodes[A].x, &position, &r)) {
		assert_true(r.in_force);
		assert_int_equal(r.since <= 130 * US_S, 1);
		count++;
	}
	assert_int_equal(count, 300);
	net_free(net);
}

/* RFC 9301 section 5.7: only what nobody asked for is acknowledged, unless the map-server wants more. */
static void
an_answer_to_a_register_is_acknowledged_where_that_is_said(void **state)
{
	struct net *net = net_standard();
	struct xtr_conf conf = net_xtr_conf(net, A);

	(void)state;
	assert_int_equal(net_count(net, A, XTR_REGISTERED), 1);
	assert_int_equal(net->nodes[A].acks, 0);
	conf.servers[0].acknowledge_all = true;
	net_restart(net, A, &conf);
	net_own(net, A, "10.1.0.0/24", 1);
	net_run(net, US_S);
	assert_int_equal(net_count(net, A, XTR_REGISTERED), 1);
	assert_int_equal(net->nodes[A].acks, 1);
	net_free(net);
}

/* Locators of what is registered for the prefix at the map-server. */
static unsigned
registered_locators(const struct net *net, const char *prefix)
{
	struct lisp_eid eid = lisp_eid_make(VN, prefix_of(prefix), false);
	const struct registry *registry = mapserver_registry(net->ms);
	struct eid_key key;
	struct rd locators;
	struct lisp_locator l;
	unsigned count = 0;
	uint32_t number;

	assert_true(eid_key_from(&eid, &key));
	number = registry_find(registry, &key);
	if (number == 0)
		return 0;
	locators = sets_locators(registry_at(registry, number)->set);
	while (lisp_locator_next(&locators, &l))
		count++;
	return count;
}

/* A and C are routers of one site. */
static void
routers_of_one_site_are_registered_together(void **state)
{
	struct net *net = net_make();
	struct xtr_conf a, c;

	(void)state;
	net_start(net);
	a = net_xtr_conf(net, A);
	c = net_xtr_conf(net, C);
	c.servers[0].key = net->keys[A];
	c.ids.site = a.ids.site;
	a.servers[0].merge = c.servers[0].merge = true;
	net_restart(net, A, &a);
	net_restart(net, C, &c);
	net_own(net, A, "10.1.0.0/24", 0);
	net_own(net, C, "10.1.0.0/24", 0);
	net_run(net, US_S);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(registered_locators(net, "10.1.0.0/24"), 2);
		net_run(net, a.register_interval);
	}
	/* One leaves, the other stays. */
	xtr_own_remove(net->nodes[C].x, VN, prefix_of("10.1.0.0/24"), true, net->now);
	net_run(net, US_S);
	assert_int_equal(registered_locators(net, "10.1.0.0/24"), 1);
	/* Without it the last to register has it all. */
	c.servers[0].merge = false;
	net_restart(net, C, &c);
	net_own(net, C, "10.1.0.0/24", 1);
	net_run(net, US_S);
	assert_int_equal(registered_locators(net, "10.1.0.0/24"), 1);
	net_free(net);
}

static void
a_withdrawn_eid_is_gone_at_the_server(void **state)
{
	struct net *net = net_standard();
	struct xtr_registration r;
	size_t position = 0;

	(void)state;
	net_own(net, A, "10.2.0.0/24", 0);
	net_run(net, US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 2);
	xtr_own_remove(net->nodes[A].x, VN, prefix_of("10.2.0.0/24"), true, net->now);
	net_run(net, US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 1);
	assert_true(xtr_registration_next(net->nodes[A].x, &position, &r));
	assert_false(xtr_registration_next(net->nodes[A].x, &position, &r));
	/* Also when the server does not answer any more: it is given up. */
	net->cut = net->ms_addr;
	xtr_own_remove(net->nodes[A].x, VN, prefix_of("10.1.0.0/24"), true, net->now);
	net_run(net, 60 * US_S);
	position = 0;
	assert_false(xtr_registration_next(net->nodes[A].x, &position, &r));
	net_free(net);
}

static void
a_server_that_is_gone_is_said_to_be(void **state)
{
	struct net *net = net_standard();
	struct xtr_registration r;
	size_t position = 0;

	(void)state;
	net->cut = net->ms_addr;
	net_run(net, 300 * US_S);
	assert_true(xtr_registration_next(net->nodes[A].x, &position, &r));
	assert_false(r.in_force);
	net->cut = (struct addr){0};
	net_run(net, 61 * US_S);
	position = 0;
	assert_true(xtr_registration_next(net->nodes[A].x, &position, &r));
	assert_true(r.in_force);
	net_free(net);
}

/* ---- probes ---- */

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

static void
what_is_not_put_again_is_withdrawn(void **state)
{
	struct net *net = net_standard();

	(void)state;
	net_own(net, A, "10.2.0.0/24", 0);
	net_run(net, US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 2);
	xtr_own_begin(net->nodes[A].x);
	assert_int_equal(xtr_own_put(net->nodes[A].x, VN, prefix_of("10.2.0.0/24"), 0, net->now),
			 0);
	xtr_own_end(net->nodes[A].x, net->now);
	net_run(net, US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 1);
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
	xtr_asked(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[A].rloc, nobody, false,
		  net->now);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->nodes[C].rloc, nobody, false,
		  net->now);
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
		xtr_asked(net->nodes[node].x, VN, addr_of(eid), rloc, nobody, false, net->now);
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
	xtr_asked(net->nodes[B].x, VN, addr_of("10.2.0.5"), net->nodes[A].rloc, nobody, false,
		  net->now);
	xtr_asked(net->nodes[B].x, VN, addr_of("10.2.0.5"), net->nodes[D].rloc, nobody, false,
		  net->now);
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

static void
a_probe_without_an_eid_is_no_harm(void **state)
{
	struct net *net = net_standard();
	struct endpoint from = {net->nodes[B].rloc, 40000};
	unsigned sent = net->sent;
	uint8_t data[256];
	size_t size = build_bare_request(&(struct bare_request){.from = from.addr, .probe = true},
					 data, sizeof(data));

	(void)state;
	assert_true(xtr_heard(net->nodes[A].x, &from, data, size, net->now));
	assert_int_equal(net_count(net, A, XTR_NO_EID), 1);
	assert_int_equal(net->sent, sent);
	net_free(net);
}

/* One address for both roles: a map-server that sends a question to the ETR at its own address must not hear it itself. */
static void
a_map_server_beside_leaves_an_xtr_its_own(void **state)
{
	static const struct {
		const char *eid;
		bool probe, smr, to_etr, in_ecm, wanted;
	} cases[] = {
		{.eid = "10.1.0.5/32", .wanted = true},
		{.eid = "10.9.0.5/32", .wanted = false},
		{.eid = "10.9.0.5/32", .probe = true, .wanted = true},
		{.eid = "10.9.0.5/32", .smr = true, .wanted = true},
		{.eid = "10.1.0.5/32", .in_ecm = true, .wanted = false},
		{.eid = "10.1.0.5/32", .in_ecm = true, .to_etr = true, .wanted = true},
	};
	struct net *net = net_standard();
	uint8_t other[64] = {LISP_MAP_REGISTER << 4};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct bare_request want = {
			.from = net->nodes[B].rloc,
			.eid = lisp_eid_make(VN, prefix_of(cases[i].eid), false),
			.probe = cases[i].probe,
			.smr = cases[i].smr};
		struct lisp_ecm ecm = {.to_etr = cases[i].to_etr,
				       .src = {net->nodes[B].rloc, LISP_CONTROL_PORT},
				       .dst = {addr_of("10.1.0.5"), LISP_CONTROL_PORT}};
		size_t head = cases[i].in_ecm ? lisp_ecm_size(ADDR_V4) : 0;
		uint8_t data[256];
		int size;

		ecm.size = build_bare_request(&want, data + head, sizeof(data) - head);
		size = cases[i].in_ecm ? lisp_ecm_build(&ecm, data, sizeof(data)) : (int)ecm.size;
		assert_true(size > 0);
		assert_int_equal(xtr_wants(net->nodes[A].x, data, (size_t)size), cases[i].wanted);
		assert_false(xtr_wants(net->nodes[A].x, data, 5));
	}
	assert_false(xtr_wants(net->nodes[A].x, other, sizeof(other)));
	assert_false(xtr_wants(net->nodes[A].x, other, 0));
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
		cmocka_unit_test(registrations_survive_loss_and_are_refreshed),
		cmocka_unit_test(an_answer_to_a_register_is_acknowledged_where_that_is_said),
		cmocka_unit_test(routers_of_one_site_are_registered_together),
		cmocka_unit_test(a_withdrawn_eid_is_gone_at_the_server),
		cmocka_unit_test(a_server_that_is_gone_is_said_to_be),
		cmocka_unit_test(a_silent_locator_is_out_of_use_until_it_answers),
		cmocka_unit_test(a_probe_names_an_eid_that_is_still_there),
		cmocka_unit_test(what_is_not_put_again_is_withdrawn),
		cmocka_unit_test(messages_to_other_routers_go_to_their_port),
		cmocka_unit_test(a_map_server_beside_leaves_an_xtr_its_own),
		cmocka_unit_test(who_has_answered_is_not_forgotten_for_strangers),
		cmocka_unit_test(a_probe_without_an_eid_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
