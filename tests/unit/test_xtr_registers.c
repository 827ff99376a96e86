/* Own EIDs of an xTR at its map-servers. */
#include "tests/unit/xtr_forge.h"

static void
registrations_survive_loss_and_are_refreshed(void **state)
{
	struct net *net = net_make();
	struct xtr_registration r;
	size_t position = 0, count = 0;

	(void)state;
	/* Seven tries within three minutes, as RFC 9301 section 5.7 has them: more loss is too much for some. */
	net->lose_every = 5;
	net_start(net);
	for (unsigned i = 0; i < 300; i++) {
		struct addr eid = addr_of("10.5.0.0");

		eid.b[2] = (uint8_t)(i >> 8);
		eid.b[3] = (uint8_t)i;
		assert_int_equal(xtr_own_put(net->nodes[A].x, VN, prefix_host(eid), 0, net->now),
				 0);
	}
	net_run(net, 60 * US_S);
	assert_int_equal(net->nodes[A].in_force, 300);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 300);
	net_run(net, 600 * US_S);
	assert_int_equal(registry_count(mapserver_registry(net->ms)), 300);
	while (xtr_registration_next(net->nodes[A].x, &position, &r)) {
		assert_true(r.in_force);
		assert_true(r.since <= 160 * US_S);
		count++;
	}
	assert_int_equal(count, 300);
	net_free(net);
}

/* RFC 9301 section 5.7: after one second, two, four ...; and what answers an earlier try late is an answer, too. */
static void
what_is_not_acknowledged_is_repeated_ever_later(void **state)
{
	static const us_t repeated[] = {0, 1 * US_S, 3 * US_S, 7 * US_S, 15 * US_S};
	struct net *net = net_make();
	us_t began;

	(void)state;
	net_start(net);
	net->deaf = net->ms_addr;
	net_own(net, A, "10.1.0.0/24", 0);
	began = net->now;
	for (unsigned i = 0; i < ARRAY_COUNT(repeated); i++) {
		if (repeated[i] > 0)
			net_run_to(net, began + repeated[i] - US_MS);
		assert_int_equal(net_count(net, A, XTR_REGISTERS), i);
		net_run_to(net, began + repeated[i] + US_MS);
		assert_int_equal(net_count(net, A, XTR_REGISTERS), i + 1);
	}
	net_free(net);
}

static void
an_answer_may_come_after_the_next_try(void **state)
{
	struct net *net = net_make();

	(void)state;
	net_start(net);
	net_own(net, A, "10.1.0.0/24", 0);
	net_run(net, DELAY + US_MS);
	/* The Map-Notify is on its way for more than a second. */
	assert_int_equal(net->queued, 1);
	net->queue[0].due += 1500 * US_MS;
	net->deaf = net->ms_addr;
	net_run(net, 2 * US_S);
	assert_int_equal(net_count(net, A, XTR_REGISTERS), 2);
	assert_int_equal(net_count(net, A, XTR_REGISTERED), 1);
	assert_int_equal(net_count(net, A, XTR_NOTIFY_UNKNOWN), 0);
	assert_int_equal(net->nodes[A].acks, 0);
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
	net_run(net, 2 * US_S);
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
		cmocka_unit_test(registrations_survive_loss_and_are_refreshed),
		cmocka_unit_test(what_is_not_acknowledged_is_repeated_ever_later),
		cmocka_unit_test(an_answer_may_come_after_the_next_try),
		cmocka_unit_test(an_answer_to_a_register_is_acknowledged_where_that_is_said),
		cmocka_unit_test(routers_of_one_site_are_registered_together),
		cmocka_unit_test(a_withdrawn_eid_is_gone_at_the_server),
		cmocka_unit_test(a_server_that_is_gone_is_said_to_be),
		cmocka_unit_test(what_is_not_put_again_is_withdrawn),
		cmocka_unit_test(a_map_server_beside_leaves_an_xtr_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
