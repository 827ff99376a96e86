/* Machines that come and go by the word of others: a hypervisor's, another site's, the map-server's. */
#include "lisp/mobility.h"
#include "tests/unit/mapsys_messages.h"

#define ELSEWHERE "198.51.100.66"

/* A CHANGE-PRIORITY of a hypervisor or another site, signed with this secret. */
static void
announce_version(struct rig *r, const char *secret, bool hypervisor, const char *eid,
		 uint64_t nonce, uint16_t version)
{
	struct endpoint from = endpoint_of(ELSEWHERE, LISP_CONTROL_PORT);
	struct lisp_key plain = key_make(2, LISP_SHA256, false, secret);
	struct lisp_key key = lisp_auth_key_for(&rig_lisp_io, r, &plain, addr_of(RIG_OWN));
	struct lisp_msg msg = {.type = LISP_SHARED, .nonce = nonce, .auth = lisp_auth_header(&key)};
	struct lisp_record record = {.ttl = 1,
				     .eid = lisp_eid_make(BLUE, prefix_host(addr_of(eid)), false),
				     .map_version = version};
	struct lisp_locator l = {
		.priority = 1, .weight = 100, .reachable = true, .rloc = lisp_rloc_make(from.addr)};
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	msg.shared.hypervisor = hypervisor;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &record);
	if (!hypervisor)
		lisp_put_locator(&b, &l);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&rig_lisp_io, r, &key, &msg, data, (size_t)size), 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	rig_step(r);
}

static void
announce(struct rig *r, const char *secret, bool hypervisor, const char *eid, uint64_t nonce)
{
	announce_version(r, secret, hypervisor, eid, nonce, 0);
}

static uint16_t
version_of(const struct rig *r, const char *eid)
{
	return lisp_version_of(hwdt_find(r->vr->hwdt, BLUE, addr_of(eid))->b.mobility);
}

/* A machine of the LAN answers the router's question. */
static void
answer(struct rig *r, const char *eid)
{
	struct addr ip = addr_of(eid);
	struct arp arp = {.eth_dst = {{2, 0x56, 0x52, 0, 0, BLUE}},
			  .eth_src = rig_machine(ip.b[3]),
			  .op = ARP_REPLY,
			  .sha = rig_machine(ip.b[3]),
			  .spa = ip,
			  .tha = {{2, 0x56, 0x52, 0, 0, BLUE}},
			  .tpa = addr_of("10.1.0.1")};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(r->vr, BLUE, frame, sizeof(frame), false, r->now);
	rig_step(r);
}

/* Questions on the LAN for this address. */
static size_t
asked_for(const struct rig *r, const char *eid)
{
	size_t count = 0;

	for (size_t i = 0; i < r->arp_count && i < ARRAY_COUNT(r->arps); i++)
		count += r->arps[i].op == ARP_REQUEST && addr_equal(r->arps[i].tpa, addr_of(eid)) &&
			 !addr_equal(r->arps[i].spa, addr_of(eid));
	return count;
}

static void
a_hypervisor_says_where_a_machine_is(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_there(r, 0, "10.2.0.7", 5, false);
	announce(r, "wrong", true, "10.2.0.7", 1);
	assert_false(rig_is_here(r, "10.2.0.7"));
	rig_forget(r);
	announce(r, "push", true, "10.2.0.7", 2);
	assert_true(rig_is_here(r, "10.2.0.7"));
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 1);
	/* As with a RARP the machine must say itself that it is here. */
	rig_run(r, 100 * US_MS);
	assert_true(asked_for(r, "10.2.0.7") > 0);
	/* One that nobody ever saw is looked for; one of others' prefixes may not be here. */
	announce(r, "push", true, "10.2.0.8", 3);
	announce(r, "push", true, "10.3.0.8", 4);
	assert_int_equal(asked_for(r, "10.2.0.8"), 1);
	assert_int_equal(asked_for(r, "10.3.0.8"), 0);
	assert_false(rig_is_here(r, "10.2.0.8") || rig_is_here(r, "10.3.0.8"));
	answer(r, "10.2.0.8");
	assert_true(rig_is_here(r, "10.2.0.8"));
	/* Nor is the router itself moved. */
	announce(r, "push", true, "10.1.0.1", 5);
	assert_int_equal(asked_for(r, "10.1.0.1"), 0);
	rig_free(r);
}

/* Seed 003, algorithm 1: H and C clear, to the site that had it. */
static void
a_machine_goes_where_only_the_mapping_system_knows(void **state)
{
	struct rig *r = rig_make(&usual);
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_here(r, "10.1.0.6");
	rig_here(r, "10.2.0.7");
	rig_asks(r, RIG_FAR, "10.1.0.5");
	rig_run(r, US_S);
	rig_forget(r);
	announce(r, "push", false, "10.1.0.5", 1);
	assert_false(rig_is_here(r, "10.1.0.5"));
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.1.0.5"), 1);
	assert_int_equal(rig_registers(r, "10.1.0.5/32", true), 0);
	/* Who asks now is told where it is. */
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 1);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_false(record.authoritative);
	assert_true(lisp_locator_next(&record.locators, &l));
	assert_true(addr_equal(l.rloc.addr, addr_of(ELSEWHERE)));
	/* What comes for it goes there: from the LAN, and from those that have not heard. */
	rig_forget(r);
	rig_sends(r, (struct rig_want){.from = "10.1.0.6", .to = "10.1.0.5", .mark = 1});
	rig_plain(r, (struct rig_want){.to = "10.1.0.5", .mark = 2, .ttl = 9});
	assert_int_equal(r->sent_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PLAIN);
		assert_true(addr_equal(r->sent[i].plain.rloc.addr, addr_of(ELSEWHERE)));
	}
	/* Between two sites that are both wrong it ends. */
	assert_int_equal(r->sent[1].data[8], 8);
	/* And what it says itself comes from there only. */
	rig_forget(r);
	rig_plain(r, (struct rig_want){
			     .from = "10.1.0.5", .to = "10.1.0.6", .rloc = ELSEWHERE, .mark = 3});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_LAN);
	rig_plain(r, (struct rig_want){.from = "10.1.0.5", .to = "10.1.0.6", .mark = 4});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(rig_drops(r, DROP_PLAIN_SOURCE), 1);
	/* A visitor was registered, and is not any more. */
	rig_forget(r);
	announce(r, "push", false, "10.2.0.7", 2);
	rig_run(r, 120 * US_S);
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 0);
	/* It comes back. */
	rig_here(r, "10.1.0.5");
	assert_true(rig_is_here(r, "10.1.0.5"));
	rig_forget(r);
	rig_sends(r, (struct rig_want){.from = "10.1.0.6", .to = "10.1.0.5", .mark = 5});
	assert_int_equal(r->sent[0].way, TO_LAN);
	rig_free(r);
}

/* The map-server takes back a site that the machine has left if it has a newer version than the one that has it. */
static void
one_that_comes_back_counts_on_from_where_it_was(void **state)
{
	/* As far ahead of ours as the other site was; behind it, around the circle, or without one. */
	static const unsigned ahead[] = {1, 2, 7, LISP_VERSIONS / 4};
	static const unsigned old[] = {0, LISP_VERSIONS - 3, LISP_VERSIONS / 2 + 2};
	struct rig *r = rig_make(&usual);
	uint64_t nonce = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(ahead) + ARRAY_COUNT(old); i++) {
		bool newer = i < ARRAY_COUNT(ahead);
		unsigned by = newer ? ahead[i] : old[i - ARRAY_COUNT(ahead)];
		uint16_t before, there;

		rig_here(r, "10.1.0.5");
		rig_run(r, 20 * US_S);
		assert_true(rig_is_here(r, "10.1.0.5"));
		before = version_of(r, "10.1.0.5");
		there = (uint16_t)(1 + (before - 1 + by) % LISP_VERSIONS);
		announce_version(r, "push", false, "10.1.0.5", ++nonce, there);
		assert_false(rig_is_here(r, "10.1.0.5"));
		rig_run(r, 20 * US_S);
		/* And on from there to a third site. */
		if (newer)
			announce_version(r, "push", false, "10.1.0.5", ++nonce,
					 (uint16_t)(1 + there % LISP_VERSIONS));
		rig_here(r, "10.1.0.5");
		assert_true(lisp_version_newer(version_of(r, "10.1.0.5"), before));
		if (newer)
			assert_true(lisp_version_newer(version_of(r, "10.1.0.5"),
						       (uint16_t)(1 + there % LISP_VERSIONS)));
	}
	rig_free(r);
}

/* Whoever has the key may be wrong: the LAN is asked, and has the last word. */
static void
one_that_answers_here_has_not_left(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_run(r, US_S);
	rig_forget(r);
	announce(r, "push", false, "10.1.0.5", 1);
	assert_false(rig_is_here(r, "10.1.0.5"));
	rig_run(r, 50 * US_MS);
	assert_true(asked_for(r, "10.1.0.5") > 0);
	answer(r, "10.1.0.5");
	rig_run(r, US_S);
	assert_true(rig_is_here(r, "10.1.0.5"));
	/* The map-servers hear that it is here. */
	assert_true(rig_registers(r, "10.1.0.5/32", false) > 0);
	rig_free(r);
}

static void
nobody_leaves_who_may_not(void **state)
{
	static const struct rig_text text = {
		.whole = "\"local\": [\"10.1.0.0/24\"], \"addresses\": [\"10.1.0.1/24\"],"
			 "\"lisp\": {\"use\": true}",
		.vn = "",
		.lisp = usual.lisp,
		.locators = ""};
	struct rig *r = rig_make(&text);

	(void)state;
	rig_here(r, "10.1.0.5");
	announce(r, "push", false, "10.1.0.5", 1);
	/* Nor the router's own address, nor what was never here. */
	announce(r, "push", false, "10.1.0.1", 2);
	announce(r, "push", false, "10.1.0.6", 3);
	assert_true(rig_is_here(r, "10.1.0.5"));
	assert_int_equal(xtr_count_of(mapsys_xtr(r->vr->mapsys), XTR_PUSH_REFUSED), 3);
	rig_free(r);
}

/* The map-server refuses a refresh of what another site has registered. */
static void
a_refused_refresh_ends_the_registration(void **state)
{
	struct rig *r = rig_make(&usual);
	struct endpoint from = endpoint_of(RIG_MS, LISP_CONTROL_PORT);
	struct lisp_record record = {.ttl = 1,
				     .eid = lisp_eid_make(BLUE, prefix_of("10.2.0.7/32"), false)};
	struct lisp_locator l = {.priority = 1,
				 .weight = 100,
				 .reachable = true,
				 .rloc = lisp_rloc_make(addr_of(ELSEWHERE))};
	struct lisp_msg reg, notify = {.type = LISP_MAP_NOTIFY};
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	(void)state;
	rig_forget(r);
	rig_here(r, "10.2.0.7");
	assert_int_equal(rig_count(r, LISP_MAP_REGISTER, &reg), 1);
	notify.nonce = reg.nonce;
	notify.auth = lisp_auth_header(&r->xtr.servers[0].key);
	lisp_begin(&b, data, sizeof(data), &notify);
	lisp_put_record(&b, &record);
	lisp_put_locator(&b, &l);
	size = lisp_end(&b);
	assert_int_equal(lisp_auth_sign(&rig_lisp_io, r, &r->xtr.servers[0].key, &notify, data,
					(size_t)size),
			 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	rig_step(r);
	assert_false(rig_is_here(r, "10.2.0.7"));
	rig_forget(r);
	rig_run(r, 130 * US_S);
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 0);
	rig_sends(r, (struct rig_want){.to = "10.2.0.7", .mark = 1});
	rig_free(r);
}

/* A machine may be where no router of ours has it. */
static void
a_mobile_eid_without_a_route_is_asked_for(void **state)
{
	static const struct rig_text text = {
		.whole = "\"local\": [\"10.1.0.0/24\"], \"addresses\": [\"10.1.0.1/24\"],"
			 "\"lisp\": {\"use\": true}, \"mobile\": [{\"prefix\": \"10.9.0.0/24\"}]",
		.vn = "",
		.lisp = usual.lisp,
		.locators = ""};
	struct rig *r = rig_make(&text);
	struct lisp_msg msg;

	(void)state;
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = "10.9.0.9", .mark = 1});
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &msg), 1);
	rig_answer(r, (struct rig_answer){.prefix = "10.9.0.9/32", .rlocs = {{ELSEWHERE, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(ELSEWHERE)));
	/* Of one that is nowhere nothing leaves the network, nor does an error end a connection. */
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = "10.9.0.10", .mark = 2});
	rig_answer(r, (struct rig_answer){.prefix = "10.9.0.10/32", .action = LISP_NATIVE_FORWARD});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_drops(r, DROP_NO_ROUTE), 1);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hypervisor_says_where_a_machine_is),
		cmocka_unit_test(a_machine_goes_where_only_the_mapping_system_knows),
		cmocka_unit_test(one_that_comes_back_counts_on_from_where_it_was),
		cmocka_unit_test(one_that_answers_here_has_not_left),
		cmocka_unit_test(nobody_leaves_who_may_not),
		cmocka_unit_test(a_refused_refresh_ends_the_registration),
		cmocka_unit_test(a_mobile_eid_without_a_route_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
