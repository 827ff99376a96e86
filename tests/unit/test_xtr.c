/* xTRs and a map-server over a network with a delay: questions, answers, registrations, moves. */
#include "tests/unit/lisp_moves.h"

static const struct addr nobody = {.family = ADDR_NONE};

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
		asked += xtr_resolve(net->nodes[B].x, VN, addr_of("10.1.0.5"), net->now) == 0;
		net_run(net, 100 * US_MS);
		/* As if it had been forgotten. */
		mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.0/24"));
	}
	assert_in_range(net_count(net, B, XTR_REQUESTS), 10, 13);
	assert_in_range(asked, 10, 13);
	net_free(net);
}

/* A Map-Reply for 'eid' from 'from' to B with this nonce. */
static void
forge_reply(struct net *net, uint64_t nonce, const char *eid, const char *rloc)
{
	struct lisp_msg msg = {.type = LISP_MAP_REPLY, .nonce = nonce};
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	struct rec rec = {.vn = VN, .eid = eid, .rlocs = {rloc}, .in_lcaf = true};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

/* The nonce of the message that was sent last. */
static uint64_t
last_nonce(const struct net *net)
{
	const struct packet *p = &net->last[(net->sent - 1) % ARRAY_COUNT(net->last)];
	struct lisp_dialect dialect = {0};
	struct lisp_ecm ecm;
	struct lisp_msg msg;

	assert_int_equal(lisp_ecm_parse(p->data, p->size, &ecm), 0);
	assert_int_equal(lisp_parse(ecm.message, ecm.size, &dialect, &msg), 0);
	return msg.nonce;
}

static void
replies_that_were_not_asked_for_change_nothing(void **state)
{
	struct net *net = net_standard();
	uint64_t nonce;

	(void)state;
	forge_reply(net, 0, "10.1.0.0/24", "192.0.2.66");
	forge_reply(net, 5, "10.1.0.0/24", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_UNSOLICITED), 2);
	/* The right nonce, but other EIDs. */
	net_resolve(net, B, "10.1.0.5");
	nonce = last_nonce(net);
	forge_reply(net, nonce, "10.2.0.0/24", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_NOT_ASKED), 1);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	/* It still waits for the real one. */
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	/* And that of a question that was answered is no use any more. */
	forge_reply(net, nonce, "10.1.0.0/24", "192.0.2.66");
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_int_equal(net_count(net, B, XTR_UNSOLICITED), 3);
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

/* ---- moves: 10.1.0.5 goes from A to C, B has asked for it ---- */

static void
an_smr_leads_to_the_new_site(void **state)
{
	struct net *net = net_standard();
	us_t moved;

	(void)state;
	before_a_move(net);
	moved = net->now;
	move(net, true, false);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	/* One and a half round trips: SMR, question, answer. */
	assert_int_equal(net->nodes[B].changed_at - moved, 3 * DELAY);
	assert_int_equal(net_count(net, B, XTR_SMRS_HEARD), 1);
	net_free(net);
}

/* What the pace of questions does not allow at once is asked when it does. */
static void
an_smr_that_comes_too_soon_is_followed_later(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");

	(void)state;
	before_a_move(net);
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, false, net->now);
	for (unsigned i = 0; i < 4; i++) {
		xtr_tell_askers(net->nodes[A].x, VN, eid, net->now);
		net_run(net, 5 * DELAY);
	}
	assert_true(net_count(net, B, XTR_SMR_LIMITED) > 0);
	move(net, true, false);
	net_run(net, 5 * DELAY);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net_free(net);
}

/* A lost SMR is made good by the data that goes on coming to the wrong site. */
static void
a_sender_that_goes_on_to_the_old_site_is_told_again(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");
	uint64_t told;

	(void)state;
	before_a_move(net);
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, false, net->now);
	move(net, false, false);
	net->nodes[A].own[1].is_here = false;
	net->nodes[A].own[1].elsewhere = net->nodes[C].rloc;
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	told = net_count(net, A, XTR_SMRS);
	for (unsigned i = 0; i < 100; i++)
		xtr_tell_sender(net->nodes[A].x, VN, eid, net->nodes[B].rloc, net->now);
	/* Nobody is told who never asked. */
	xtr_tell_sender(net->nodes[A].x, VN, eid, net->nodes[D].rloc, net->now);
	assert_int_equal(net_count(net, A, XTR_SMRS), told + 1);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	xtr_tell_sender(net->nodes[A].x, VN, eid, net->nodes[B].rloc, net->now);
	assert_int_equal(net_count(net, A, XTR_SMRS), told + 2);
	net_free(net);
}

static void
a_push_leads_to_the_new_site_at_once(void **state)
{
	struct net *net = net_standard();
	us_t moved;

	(void)state;
	before_a_move(net);
	moved = net->now;
	move(net, true, true);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	assert_int_equal(net->nodes[B].changed_at - moved, DELAY);
	assert_int_equal(net_count(net, C, XTR_PUSHED), 1);
	assert_int_equal(net_count(net, B, XTR_PUSHES_HEARD), 1);
	net_free(net);
}

/* Seed 003, algorithm 1: the previous site knows who asked, and tells them. */
static void
the_previous_site_tells_who_asked_there(void **state)
{
	struct net *net = net_standard();
	us_t moved;

	(void)state;
	before_a_move(net);
	xtr_asked(net->nodes[A].x, VN, addr_of("10.1.0.5"), net->nodes[B].rloc, nobody, true,
		  net->now);
	moved = net->now;
	move(net, false, false);
	xtr_tell_previous(net->nodes[C].x, VN, addr_of("10.1.0.5"), net->nodes[A].rloc, net->now);
	net_run(net, US_S);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	assert_int_equal(net->nodes[B].changed_at - moved, 2 * DELAY);
	/* It has stopped registering it. */
	net_run(net, 120 * US_S);
	net_resolve(net, D, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, D, "10.1.0.5", "192.0.2.3");
	net_free(net);
}

/* A site that is no router of ours is found by what the mapping system says just before. */
static void
the_previous_site_is_found_in_the_mapping_system(void **state)
{
	struct net *net = net_standard();
	us_t moved;

	(void)state;
	before_a_move(net);
	xtr_asked(net->nodes[A].x, VN, addr_of("10.1.0.5"), net->nodes[B].rloc, nobody, true,
		  net->now);
	moved = net->now;
	xtr_ask_previous(net->nodes[C].x, VN, addr_of("10.1.0.5"), net->now);
	move(net, false, false);
	net_run(net, US_S);
	assert_int_equal(net_count(net, C, XTR_PUSHED), 1);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_true(addr_equal(net->nodes[A].departed_to, net->nodes[C].rloc));
	/* Map-Request, Map-Reply, H=0 C=0, H=0 C=1. */
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	assert_int_equal(net->nodes[B].changed_at - moved, 4 * DELAY);
	/* It was no question for the map-cache. */
	assert_int_equal(mapcache_count(net->nodes[C].cache), 0);
	net_run(net, 60 * US_S);
	assert_int_equal(net->nodes[C].unanswered, 0);
	assert_int_equal(net_count(net, C, XTR_UNANSWERED), 0);
	net_free(net);
}

static void
nobody_is_told_who_needs_not(void **state)
{
	struct net *net = net_standard();
	struct xtr_conf conf = net_xtr_conf(net, D);
	uint64_t requests;

	(void)state;
	before_a_move(net);
	/* A router of ours hears of it otherwise. */
	net->nodes[C].peer = net->nodes[A].rloc;
	xtr_ask_previous(net->nodes[C].x, VN, addr_of("10.1.0.5"), net->now);
	move(net, false, false);
	net_run(net, US_S);
	/* It was here before. */
	xtr_ask_previous(net->nodes[C].x, VN, addr_of("10.1.0.5"), net->now);
	/* Nobody had it. */
	net_own(net, C, "10.9.0.5/32", 1);
	xtr_ask_previous(net->nodes[C].x, VN, addr_of("10.9.0.6"), net->now);
	net_run(net, US_S);
	assert_int_equal(net_count(net, C, XTR_PUSHED), 0);
	/* The answer is lost: it is not asked again. */
	net->cut = net->ms_addr;
	requests = net_count(net, C, XTR_REQUESTS);
	net_own(net, C, "10.1.0.7/32", 1);
	xtr_ask_previous(net->nodes[C].x, VN, addr_of("10.1.0.7"), net->now);
	net_run(net, 20 * US_S);
	assert_int_equal(net_count(net, C, XTR_REQUESTS), requests + 1);
	assert_int_equal(net_count(net, C, XTR_UNANSWERED), 0);
	net->cut = (struct addr){0};
	/* Without a key there is nothing to say. */
	conf.has_push_key = false;
	net_restart(net, D, &conf);
	xtr_ask_previous(net->nodes[D].x, VN, addr_of("10.1.0.5"), net->now);
	assert_int_equal(net_count(net, D, XTR_REQUESTS), 0);
	net_free(net);
}

static void
a_displaced_site_hears_of_it_with_its_refresh(void **state)
{
	static const uint16_t sites[] = {A, C};
	struct net *net = net_make();
	struct ms_mobile mobile = {
		.vn = VN, .prefix = prefix_of("10.1.0.0/24"), .sites = sites, .site_count = 2};

	(void)state;
	net->ms_conf.mobiles = &mobile;
	net->ms_conf.mobile_count = 1;
	net_start(net);
	net_own(net, A, "10.1.0.5/32", 1);
	net_run(net, US_S);
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, 120 * US_S);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_true(addr_equal(net->nodes[A].departed_to, net->nodes[C].rloc));
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
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

/* A Map-Request without an ECM, for one EID or for none. */
struct bare_request {
	struct addr from;
	struct lisp_eid eid;
	bool probe, smr;
};

static size_t
build_bare_request(const struct bare_request *want, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = 5};
	struct lisp_rloc itr = lisp_rloc_make(want->from);
	struct lisp_asked asked = {.eid = want->eid};
	struct lisp_builder b;
	int size;

	msg.request.probe = want->probe;
	msg.request.smr = want->smr;
	lisp_begin(&b, data, room, &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(size > 0);
	return (size_t)size;
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

/* ---- hostile ---- */

/* CHANGE-PRIORITY to B for 10.1.0.5 at 192.0.2.66. */
static void
forge_shared(struct net *net, const struct lisp_key *key, uint64_t nonce, bool hypervisor,
	     bool update_cache)
{
	struct lisp_msg msg = {.type = LISP_SHARED, .nonce = nonce, .auth = lisp_auth_header(key)};
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	struct rec rec = {.vn = VN, .eid = "10.1.0.5/32", .rlocs = {"192.0.2.66"}, .in_lcaf = true};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	msg.shared.sub_type = 77;
	msg.shared.hypervisor = hypervisor;
	msg.shared.update_cache = update_cache;
	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, key, &msg, data, (size_t)size), 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

static void
forge_push(struct net *net, const struct lisp_key *key, uint64_t nonce, bool update_cache)
{
	forge_shared(net, key, nonce, false, update_cache);
}

/* One address, two senders: what one says does not make the other's next word an old one. */
static void
a_hypervisor_beside_a_router_has_nonces_of_its_own(void **state)
{
	struct net *net = net_standard();

	(void)state;
	before_a_move(net);
	forge_shared(net, &net->push_key, 1000, true, false);
	assert_int_equal(net->nodes[B].arrived, 1);
	forge_push(net, &net->push_key, 50, true);
	assert_leads(net, B, "10.1.0.5", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 0);
	forge_shared(net, &net->push_key, 1000, true, false);
	forge_push(net, &net->push_key, 50, true);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 2);
	assert_int_equal(net->nodes[B].arrived, 1);
	net_free(net);
}

static void
a_push_is_taken_once_and_with_the_key_only(void **state)
{
	struct net *net = net_standard();
	struct lisp_key wrong = key_make(9, LISP_AUTH_SHA256_128, false, "guess");

	(void)state;
	before_a_move(net);
	forge_push(net, &wrong, 50, true);
	assert_int_equal(net_count(net, B, XTR_AUTH_FAILED), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	forge_push(net, &net->push_key, 50, true);
	assert_leads(net, B, "10.1.0.5", "192.0.2.66");
	forge_push(net, &net->push_key, 50, true);
	forge_push(net, &net->push_key, 49, true);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 2);
	/* For an EID that nobody here uses it changes nothing. */
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32"));
	forge_push(net, &net->push_key, 51, true);
	assert_int_equal(net_count(net, B, XTR_PUSH_REFUSED), 1);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	/* What the router refuses is counted. */
	net->nodes[B].refuses = true;
	forge_push(net, &net->push_key, 52, false);
	assert_int_equal(net_count(net, B, XTR_PUSH_REFUSED), 2);
	net_free(net);
}

/* An SMR to B for this EID, from 192.0.2.66. */
static void
forge_smr(struct net *net, struct addr eid)
{
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	const struct bare_request want = {
		.from = from.addr, .eid = lisp_eid_make(VN, prefix_host(eid), false), .smr = true};
	uint8_t data[256];
	size_t size = build_bare_request(&want, data, sizeof(data));

	assert_true(xtr_heard(net->nodes[B].x, &from, data, size, net->now));
}

/* An SMR is a hint: it leads to a question to the map-resolver, and floods to no more than its pace. */
static void
smrs_of_a_stranger_are_harmless(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");
	uint64_t before;

	(void)state;
	before_a_move(net);
	before = net_count(net, B, XTR_REQUESTS);
	for (unsigned i = 0; i < 1000; i++) {
		forge_smr(net, eid);
		net_run(net, 10 * US_MS);
	}
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_in_range(net_count(net, B, XTR_REQUESTS) - before, 5, 14);
	assert_in_range(net_count(net, B, XTR_SMR_LIMITED), 900, 1000);
	/* Of what is not in the cache: not even that. */
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32"));
	before = net_count(net, B, XTR_REQUESTS);
	forge_smr(net, eid);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), before);
	assert_int_equal(net_count(net, B, XTR_SMR_UNKNOWN), 1);
	net_free(net);
}

/* Questions that strangers set off leave room for those of packets. */
/* Some peers name the EID that moved as the source, and an EID of the receiver in the record: both are understood, and both are
 * said to whom an EID is known of. */
static void
an_smr_may_have_the_eid_that_moved_as_its_source(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5"), source = addr_of("10.2.0.7");
	struct endpoint from = endpoint_of("192.0.2.1", LISP_CONTROL_PORT);
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = 5};
	struct lisp_asked asked = {.eid = lisp_eid_make(VN, prefix_host(source), false)};
	struct lisp_rloc itr = lisp_rloc_make(from.addr);
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	(void)state;
	before_a_move(net);
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, 5 * US_S);
	msg.request.smr = true;
	msg.request.source = lisp_eid_make(VN, prefix_host(eid), false);
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
	net_run(net, US_S);
	assert_int_equal(net_count(net, B, XTR_SMRS_HEARD), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	/* About nothing that is in the map-cache. */
	asked.eid = msg.request.source = lisp_eid_make(VN, prefix_host(source), false);
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
	assert_int_equal(net_count(net, B, XTR_SMR_UNKNOWN), 1);
	net_free(net);
}

static void
whose_eid_is_known_is_told_in_both_forms(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5"), source = addr_of("10.2.0.7");
	us_t moved;

	(void)state;
	before_a_move(net);
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, US_S);
	xtr_asked(net->nodes[C].x, VN, eid, net->nodes[B].rloc, source, false, net->now);
	/* It is not forgotten by what says nothing of it. */
	xtr_told(net->nodes[C].x, VN, eid, net->nodes[B].rloc, net->now);
	moved = net->now;
	xtr_tell_askers(net->nodes[C].x, VN, eid, net->now);
	assert_int_equal(net_count(net, C, XTR_SMRS), 2);
	net_run(net, US_S);
	/* One question. */
	assert_int_equal(net->nodes[B].changed_at - moved, 3 * DELAY);
	assert_int_equal(net_count(net, B, XTR_SMRS_HEARD), 2);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 2);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net_free(net);
}

static void
smrs_for_many_eids_leave_room(void **state)
{
	struct net *net = net_make();
	struct addr forged = addr_of("10.1.0.5"), eid = addr_of("172.16.0.1");

	(void)state;
	net_start(net);
	net_own(net, A, "10.1.0.0/16", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net->cut = net->ms_addr;
	for (unsigned i = 0; i < 4000; i++) {
		forged.b[2] = (uint8_t)(i >> 8);
		forged.b[3] = (uint8_t)i;
		forge_smr(net, forged);
	}
	assert_in_range(net_count(net, B, XTR_SMRS_HEARD), XTR_ASKS_MAX / 4, XTR_ASKS_MAX / 2);
	for (unsigned i = 0; i < 40; i++) {
		eid.b[3] = (uint8_t)i;
		assert_int_equal(xtr_resolve(net->nodes[B].x, VN, eid, net->now), 0);
	}
	net_free(net);
}

static void
malformed_messages_are_counted(void **state)
{
	struct net *net = net_standard();
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);

	(void)state;
	for (unsigned type = 0; type < 16; type++)
		(void)xtr_heard(net->nodes[B].x, &from, (const uint8_t[]){(uint8_t)(type << 4)}, 1,
				net->now);
	(void)xtr_heard(net->nodes[B].x, &from, (const uint8_t[]){0}, 0, net->now);
	assert_int_equal(net_count(net, B, XTR_MALFORMED) + net_count(net, B, XTR_UNSUPPORTED), 17);
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
		cmocka_unit_test(replies_that_were_not_asked_for_change_nothing),
		cmocka_unit_test(a_mapping_does_not_overrule_what_the_router_knows),
		cmocka_unit_test(a_negative_reply_for_other_eids_counts_for_the_one_asked_for),
		cmocka_unit_test(mappings_in_use_are_refreshed_before_their_end),
		cmocka_unit_test(an_smr_leads_to_the_new_site),
		cmocka_unit_test(an_smr_that_comes_too_soon_is_followed_later),
		cmocka_unit_test(a_sender_that_goes_on_to_the_old_site_is_told_again),
		cmocka_unit_test(a_push_leads_to_the_new_site_at_once),
		cmocka_unit_test(the_previous_site_tells_who_asked_there),
		cmocka_unit_test(the_previous_site_is_found_in_the_mapping_system),
		cmocka_unit_test(nobody_is_told_who_needs_not),
		cmocka_unit_test(a_displaced_site_hears_of_it_with_its_refresh),
		cmocka_unit_test(registrations_survive_loss_and_are_refreshed),
		cmocka_unit_test(a_withdrawn_eid_is_gone_at_the_server),
		cmocka_unit_test(a_server_that_is_gone_is_said_to_be),
		cmocka_unit_test(a_silent_locator_is_out_of_use_until_it_answers),
		cmocka_unit_test(a_probe_names_an_eid_that_is_still_there),
		cmocka_unit_test(what_is_not_put_again_is_withdrawn),
		cmocka_unit_test(messages_to_other_routers_go_to_their_port),
		cmocka_unit_test(a_map_server_beside_leaves_an_xtr_its_own),
		cmocka_unit_test(a_probe_without_an_eid_is_no_harm),
		cmocka_unit_test(a_push_is_taken_once_and_with_the_key_only),
		cmocka_unit_test(a_hypervisor_beside_a_router_has_nonces_of_its_own),
		cmocka_unit_test(smrs_of_a_stranger_are_harmless),
		cmocka_unit_test(an_smr_may_have_the_eid_that_moved_as_its_source),
		cmocka_unit_test(whose_eid_is_known_is_told_in_both_forms),
		cmocka_unit_test(smrs_for_many_eids_leave_room),
		cmocka_unit_test(malformed_messages_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
