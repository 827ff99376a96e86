/* xTRs when a machine moves: SMR, pushes, and who is told. */
#include "tests/unit/xtr_forge.h"

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
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, net->now);
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
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, net->now);
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
	net->nodes[A].takes_push = net->nodes[B].rloc;
	xtr_asked(net->nodes[A].x, VN, addr_of("10.1.0.5"), net->nodes[B].rloc, nobody, net->now);
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
	net->nodes[A].takes_push = net->nodes[B].rloc;
	xtr_asked(net->nodes[A].x, VN, addr_of("10.1.0.5"), net->nodes[B].rloc, nobody, net->now);
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

/* Where the map-cache has it is told without a question, and once; the answer is for a site that it does not know of. */
static void
the_site_that_the_map_cache_knows_is_told_at_once(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");
	us_t moved;

	(void)state;
	before_a_move(net);
	net_resolve(net, C, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, C, "10.1.0.5", "192.0.2.1");
	net->nodes[A].takes_push = net->nodes[B].rloc;
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, net->now);
	moved = net->now;
	move(net, false, false);
	xtr_ask_previous(net->nodes[C].x, VN, eid, net->now);
	net_run(net, US_S);
	assert_int_equal(net_count(net, C, XTR_PUSHED), 1);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	assert_int_equal(net->nodes[B].changed_at - moved, 2 * DELAY);
	net_free(net);
}

/* It has moved twice since. */
static void
the_map_cache_may_be_old(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");

	(void)state;
	before_a_move(net);
	net_resolve(net, D, "10.1.0.5");
	net_run(net, US_S);
	move(net, false, false);
	net_run(net, US_S);
	net_own(net, D, "10.1.0.5/32", 3);
	xtr_ask_previous(net->nodes[D].x, VN, eid, net->now);
	net_run(net, US_S);
	/* The one that the map-cache has, and the one that had it. */
	assert_int_equal(net_count(net, D, XTR_PUSHED), 2);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_int_equal(net->nodes[C].departed, 1);
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

/* A site that nobody but the map-server tells. */
static struct net *
move_at_the_map_server(void)
{
	static const uint16_t sites[] = {A, C};
	struct net *net = net_make();
	static struct ms_mobile mobile = {.vn = VN, .sites = sites, .site_count = 2};

	mobile.prefix = prefix_of("10.1.0.0/24");
	net->ms_conf.mobiles = &mobile;
	net->ms_conf.mobile_count = 1;
	net_start(net);
	net_own(net, A, "10.1.0.5/32", 1);
	net_run(net, US_S);
	net_own(net, C, "10.1.0.5/32", 2);
	return net;
}

/* What is told unasked makes it refresh its registration, and the answer to that is believed. */
static void
a_displaced_site_asks_when_it_is_told(void **state)
{
	struct net *net = move_at_the_map_server();

	(void)state;
	net_run(net, 4 * DELAY - US_MS);
	assert_int_equal(net->nodes[A].departed, 0);
	net_run(net, US_MS);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_true(addr_equal(net->nodes[A].departed_to, net->nodes[C].rloc));
	assert_int_equal(net->nodes[A].acks, 1);
	net_free(net);
}

/* The Map-Notify that told A of its loss, said again and again when it has the EID back: it looks once a second, and keeps it. */
static void
an_old_loss_that_is_told_again_changes_nothing(void **state)
{
	struct net *net = move_at_the_map_server();
	const struct packet *told = NULL;
	uint64_t registers;
	struct packet copy;

	(void)state;
	net_run(net, US_S);
	for (size_t i = 0; i < ARRAY_COUNT(net->last); i++)
		if (net->last[i].data[0] >> 4 == LISP_MAP_NOTIFY &&
		    addr_equal(net->last[i].to.addr, net->nodes[A].rloc))
			told = &net->last[i];
	assert_non_null(told);
	copy = *told;
	net_own(net, A, "10.1.0.5/32", 3);
	net_run(net, 5 * US_S);
	registers = net_count(net, A, XTR_REGISTERS);
	for (unsigned i = 0; i < 100; i++) {
		net_deliver(net, &copy);
		net_run(net, 10 * US_MS);
	}
	assert_int_equal(net->nodes[A].departed, 1);
	assert_in_range(net_count(net, A, XTR_REGISTERS) - registers, 1, 2);
	net_free(net);
}

static void
a_displaced_site_hears_of_it_with_its_refresh(void **state)
{
	struct net *net = move_at_the_map_server();

	(void)state;
	/* Nothing that the map-server says unasked arrives. */
	net->cut = net->nodes[A].rloc;
	net_run(net, 50 * US_S);
	net->cut = (struct addr){0};
	net_run(net, 70 * US_S);
	assert_int_equal(net->nodes[A].departed, 1);
	assert_true(addr_equal(net->nodes[A].departed_to, net->nodes[C].rloc));
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
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
	xtr_asked(net->nodes[C].x, VN, eid, net->nodes[B].rloc, source, net->now);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_smr_leads_to_the_new_site),
		cmocka_unit_test(an_smr_that_comes_too_soon_is_followed_later),
		cmocka_unit_test(a_sender_that_goes_on_to_the_old_site_is_told_again),
		cmocka_unit_test(a_push_leads_to_the_new_site_at_once),
		cmocka_unit_test(the_previous_site_tells_who_asked_there),
		cmocka_unit_test(the_previous_site_is_found_in_the_mapping_system),
		cmocka_unit_test(the_site_that_the_map_cache_knows_is_told_at_once),
		cmocka_unit_test(the_map_cache_may_be_old),
		cmocka_unit_test(nobody_is_told_who_needs_not),
		cmocka_unit_test(a_displaced_site_asks_when_it_is_told),
		cmocka_unit_test(an_old_loss_that_is_told_again_changes_nothing),
		cmocka_unit_test(a_displaced_site_hears_of_it_with_its_refresh),
		cmocka_unit_test(an_smr_may_have_the_eid_that_moved_as_its_source),
		cmocka_unit_test(whose_eid_is_known_is_told_in_both_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
