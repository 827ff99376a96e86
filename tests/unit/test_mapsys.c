/* The mapping system's side of a router: packets that wait, what is registered, who is told of a move. */
#include "tests/unit/mapsys_messages.h"

static void
a_miss_waits_and_leaves_in_order(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	for (uint8_t i = 1; i <= 3; i++)
		rig_sends(r, (struct rig_want){.mark = i});
	rig_sends(r, (struct rig_want){.to = "172.16.9.9", .mark = 4});
	rig_sends(r, (struct rig_want){.to = "172.17.0.1", .mark = 5});
	assert_int_equal(r->sent_count, 0);
	/* A question for each, however many packets. */
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 3);
	/* The answer to the last is for others, too. */
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/15", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, 5);
	for (uint8_t i = 0; i < 5; i++) {
		assert_int_equal(r->sent[i].way, TO_PLAIN);
		assert_int_equal(r->sent[i].data[99], i + 1);
	}
	rig_run(r, 2 * PENDING_TIMEOUT);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), 0);
	rig_free(r);
}

static void
an_answer_about_others_releases_nothing(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_sends(r, (struct rig_want){.to = "172.16.0.5", .mark = 1});
	rig_sends(r, (struct rig_want){.to = "172.17.0.5", .mark = 2});
	rig_answer(r, (struct rig_answer){.prefix = "172.17.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 2);
	rig_free(r);
}

static void
of_too_many_packets_the_oldest_go(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	for (uint8_t i = 1; i <= PENDING_PACKETS_MAX + 2; i++)
		rig_sends(r, (struct rig_want){.mark = i});
	assert_int_equal(rig_drops(r, DROP_MAPPING_PENDING), 2);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, PENDING_PACKETS_MAX);
	assert_int_equal(r->sent[0].data[99], 3);
	rig_free(r);
}

/* A packet to the 'i'th of many addresses. */
static void
send_to(struct rig *r, unsigned i, size_t size)
{
	char to[32];

	snprintf(to, sizeof(to), "172.16.%u.%u", i / 250, i % 250 + 1);
	rig_sends(r, (struct rig_want){.to = to, .size = size});
}

static void
of_too_many_addresses_the_longest_waiting_goes(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	for (unsigned i = 0; i < PENDING_EIDS_MAX + 3; i++)
		send_to(r, i, 100);
	assert_int_equal(rig_drops(r, DROP_MAPPING_PENDING), 3);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, PENDING_EIDS_MAX);
	assert_int_equal(r->sent[0].data[19], 4);
	rig_free(r);
}

/* Super-frames are large: what waits has a limit in bytes too, and gives it back. */
static void
what_waits_is_bounded_in_bytes(void **state)
{
	struct rig *r = rig_make(&usual);
	size_t fit = PENDING_BYTES_MAX / 65000;

	(void)state;
	for (unsigned i = 0; i < fit + 5; i++)
		send_to(r, i, 65000);
	assert_int_equal(rig_drops(r, DROP_MAPPING_PENDING), 5);
	rig_run(r, 2 * PENDING_TIMEOUT);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), fit);
	send_to(r, 1000, 65000);
	assert_int_equal(rig_drops(r, DROP_MAPPING_PENDING), 5);
	rig_free(r);
}

static void
nobody_waits_for_ever(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_sends(r, (struct rig_want){.mark = 1});
	rig_run(r, 2 * US_S);
	rig_sends(r, (struct rig_want){.mark = 2});
	assert_int_equal(mapsys_run(r->vr, r->now) <= r->now + US_S, 1);
	rig_run(r, US_S - US_MS);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), 0);
	rig_run(r, US_MS);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), 2);
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

/* What a router knows itself is not asked for, and no answer changes it. */
static void
what_routers_know_is_no_matter_of_mappings(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_sends(r, (struct rig_want){.to = "10.3.0.7", .mark = 1});
	/* A mobile one that nobody has now is found among the routers. */
	rig_there(r, 0, "10.2.0.7", 5, true);
	rig_sends(r, (struct rig_want){.to = "10.1.0.77", .mark = 2});
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_forget(r);
	/* An answer that is too wide does not cover it either. */
	rig_sends(r, (struct rig_want){.to = "10.9.0.7", .mark = 3});
	rig_answer(r, (struct rig_answer){.prefix = "10.0.0.0/8", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	rig_sends(r, (struct rig_want){.to = "10.3.0.7", .mark = 4});
	assert_int_equal(r->sent[1].way, TO_PEER);
	rig_sends(r, (struct rig_want){.to = "10.9.0.8", .mark = 5});
	rig_forget(r);
	rig_run(r, 2 * US_S);
	rig_free(r);
}

static bool
is_registered(const struct rig *r, const char *prefix)
{
	struct xtr_registration row;
	size_t position = 0;

	while (xtr_registration_next(mapsys_xtr(r->vr->mapsys), &position, &row))
		if (prefix_equal(row.prefix, prefix_of(prefix)))
			return true;
	return false;
}

/* ---- what is registered ---- */

static void
prefixes_and_machines_away_from_home_are_registered(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	assert_true(is_registered(r, "10.1.0.0/24"));
	assert_true(rig_registers(r, "10.1.0.0/24", false) > 0);
	/* At home: the prefix is enough. */
	rig_here(r, "10.1.0.5");
	assert_false(is_registered(r, "10.1.0.5/32"));
	/* A visitor. */
	rig_here(r, "10.2.0.7");
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 1);
	/* One that goes is registered where it is now, and forgotten here; back home it is to be found again. */
	rig_there(r, 0, "10.1.0.5", 100, false);
	assert_false(is_registered(r, "10.1.0.5/32"));
	rig_run(r, 20 * US_S);
	rig_here(r, "10.1.0.5");
	assert_int_equal(rig_registers(r, "10.1.0.5/32", false), 1);
	/* The visitor moves on to another router of ours, which says so itself: no withdrawal. */
	rig_there(r, 1, "10.2.0.7", 100, false);
	assert_false(is_registered(r, "10.2.0.7/32"));
	assert_int_equal(rig_registers(r, "10.2.0.7/32", true), 0);
	rig_free(r);
}

static void
a_machine_that_is_gone_is_withdrawn(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.2.0.7");
	rig_acknowledge(r);
	vr_withdraw(r->vr, hwdt_find(r->vr->hwdt, BLUE, addr_of("10.2.0.7"))->b, r->now);
	rig_step(r);
	assert_int_equal(rig_registers(r, "10.2.0.7/32", true), 1);
	rig_acknowledge(r);
	assert_false(is_registered(r, "10.2.0.7/32"));
	rig_free(r);
}

static void
a_network_without_lisp_is_not_registered(void **state)
{
	struct rig *r = rig_make(&usual);
	struct xtr_registration row;
	size_t position = 0;

	(void)state;
	while (xtr_registration_next(mapsys_xtr(r->vr->mapsys), &position, &row))
		assert_int_equal(row.vn, BLUE);
	assert_int_equal(position, 1);
	/* Nor is anything said of it. */
	mapsys_told(r->vr, RED, addr_of("10.1.0.5"), addr_of(RIG_FAR), r->now);
	assert_int_equal(rig_askers(r), 0);
	rig_free(r);
}

static void
own_prefixes_follow_a_reload(void **state)
{
	struct rig *r = rig_make(&usual);
	struct prefix other = prefix_of("10.77.0.0/24"), *was = r->conf.vns[0].local;

	(void)state;
	rig_here(r, "10.2.0.7");
	rig_forget(r);
	r->conf.vns[0].local = &other;
	mapsys_reload(r->vr, r->now);
	rig_step(r);
	assert_int_equal(rig_registers(r, "10.77.0.0/24", false), 1);
	assert_int_equal(rig_registers(r, "10.1.0.0/24", true), 1);
	assert_true(is_registered(r, "10.2.0.7/32"));
	assert_int_equal(rig_registers(r, "10.2.0.7/32", true), 0);
	r->conf.vns[0].local = was;
	rig_free(r);
}

/* More changes than the feed holds: what was missed is in the tables. */
static void
a_change_that_was_missed_is_made_up_for(void **state)
{
	struct rig *r = rig_make(&usual);
	struct change filler = {.kind = CHANGE_ALARM, .at = r->now};
	struct addr ip = addr_of("10.2.0.7");
	struct binding b = {.vn = BLUE,
			    .ip = ip,
			    .mac = rig_machine(7),
			    .vr = {1},
			    .mobility = 9,
			    .kind = BINDING_HOST};

	(void)state;
	assert_int_equal(vr_bind(r->vr, &b, r->now), HWDT_ADDED);
	for (unsigned i = 0; i < 5000; i++)
		change_publish(r->vr->feed, &filler);
	assert_false(is_registered(r, "10.2.0.7/32"));
	(void)mapsys_run(r->vr, r->now);
	assert_true(is_registered(r, "10.2.0.7/32"));
	rig_free(r);
}

/* More changes than the feed holds. */
static void
overflow(struct rig *r)
{
	struct change filler = {.kind = CHANGE_ALARM, .at = r->now};

	for (unsigned i = 0; i < 5000; i++)
		change_publish(r->vr->feed, &filler);
}

/* A peer says where a machine is, and nobody has looked at the feed yet. */
static void
rig_there_unseen(struct rig *r, size_t peer, const char *eid, mobility_t mobility)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = BLUE};

	msg.delta.count = 1;
	msg.delta.bindings[0] = (struct sync_binding){
		.ip = addr_of(eid), .mac = rig_machine(addr_of(eid).b[3]), .mobility = mobility};
	rig_hear(r, peer, &msg);
}

/* Who asked is told of a departure that was missed, once, and the registration is left to the one that has it now. */
static void
a_departure_that_was_missed_is_told(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_here(r, "10.2.0.7");
	rig_acknowledge(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	rig_asks(r, RIG_FAR, "10.2.0.7");
	rig_asks(r, "198.51.100.8", "10.2.0.7");
	rig_asks(r, RIG_FAR, "10.1.0.6");
	rig_run(r, 5 * US_S);
	rig_forget(r);
	rig_there_unseen(r, 0, "10.1.0.5", 100);
	rig_there_unseen(r, 1, "10.2.0.7", 100);
	overflow(r);
	assert_int_equal(r->message_count, 0);
	rig_step(r);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.1.0.5"), 1);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.2.0.7"), 1);
	assert_int_equal(rig_smrs(r, "198.51.100.8", "10.2.0.7"), 1);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.1.0.6"), 0);
	assert_false(is_registered(r, "10.2.0.7/32"));
	assert_int_equal(rig_registers(r, "10.2.0.7/32", true), 0);
	/* What was told is not told again when the feed overflows once more. */
	rig_run(r, 5 * US_S);
	rig_forget(r);
	overflow(r);
	rig_step(r);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.1.0.5"), 0);
	rig_free(r);
}

/* What came here is registered first, and who asked elsewhere is told. */
static void
an_arrival_that_was_missed_is_told(void **state)
{
	struct rig *r = rig_make(&usual);
	struct binding b = {.vn = BLUE,
			    .ip = addr_of("10.2.0.7"),
			    .mac = rig_machine(7),
			    .vr = {1},
			    .mobility = 9,
			    .kind = BINDING_HOST};
	struct lisp_msg msg;

	(void)state;
	rig_there(r, 0, "10.2.0.7", 5, false);
	mapsys_told(r->vr, BLUE, b.ip, addr_of(RIG_FAR), r->now);
	rig_run(r, 5 * US_S);
	rig_forget(r);
	assert_int_equal(vr_bind(r->vr, &b, r->now), HWDT_MOVED);
	overflow(r);
	(void)mapsys_run(r->vr, r->now);
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 1);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.2.0.7"), 1);
	rig_parse(r, 0, &msg);
	assert_int_equal(msg.type, LISP_MAP_REGISTER);
	rig_free(r);
}

/* A machine that is withdrawn everywhere, and of which nobody heard, is withdrawn at the map-server. */
static void
an_end_that_was_missed_is_made_up_for(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.2.0.7");
	rig_acknowledge(r);
	rig_forget(r);
	vr_withdraw(r->vr, hwdt_find(r->vr->hwdt, BLUE, addr_of("10.2.0.7"))->b, r->now);
	overflow(r);
	rig_step(r);
	assert_int_equal(rig_registers(r, "10.2.0.7/32", true), 1);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_miss_waits_and_leaves_in_order),
		cmocka_unit_test(an_answer_about_others_releases_nothing),
		cmocka_unit_test(of_too_many_packets_the_oldest_go),
		cmocka_unit_test(of_too_many_addresses_the_longest_waiting_goes),
		cmocka_unit_test(what_waits_is_bounded_in_bytes),
		cmocka_unit_test(nobody_waits_for_ever),
		cmocka_unit_test(what_routers_know_is_no_matter_of_mappings),
		cmocka_unit_test(prefixes_and_machines_away_from_home_are_registered),
		cmocka_unit_test(a_machine_that_is_gone_is_withdrawn),
		cmocka_unit_test(a_network_without_lisp_is_not_registered),
		cmocka_unit_test(own_prefixes_follow_a_reload),
		cmocka_unit_test(a_change_that_was_missed_is_made_up_for),
		cmocka_unit_test(a_departure_that_was_missed_is_told),
		cmocka_unit_test(an_arrival_that_was_missed_is_told),
		cmocka_unit_test(an_end_that_was_missed_is_made_up_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
