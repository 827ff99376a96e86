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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_locator_is_out_of_use_until_it_answers),
		cmocka_unit_test(a_probe_names_an_eid_that_is_still_there),
		cmocka_unit_test(a_probe_without_an_eid_is_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
