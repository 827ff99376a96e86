/* Plain LISP packets that come in from locators of the mapping system. */
#include "tests/unit/mapsys_messages.h"

#define TOO_BIG 0x0304

static void
a_plain_packet_is_delivered(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_forget(r);
	rig_plain(r, (struct rig_want){.mark = 9});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_LAN);
	assert_true(mac_equal(r->sent[0].mac, rig_machine(5)));
	assert_int_equal(r->sent[0].data[99], 9);
	assert_int_equal(r->vr->plain_frames, 1);
	/* Whoever sends has a mapping. */
	assert_int_equal(rig_askers(r), 1);
	rig_free(r);
}

/* One packet, and the one reason for which it ends here. */
struct refusal {
	struct rig_want want;
	enum vr_drop reason;
};

static void
refuse(struct rig *r, const struct refusal *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t before = rig_drops(r, cases[i].reason), askers = rig_askers(r);

		rig_forget(r);
		rig_plain(r, cases[i].want);
		if (rig_drops(r, cases[i].reason) != before + 1)
			fail_msg("%zu: not %s", i, vr_drop_name(cases[i].reason));
		assert_int_equal(r->sent_count, 0);
		assert_int_equal(r->message_count, 0);
		assert_int_equal(rig_askers(r), askers);
	}
}

static void
what_may_not_come_in_plain_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{{.is_cut = true}, DROP_MALFORMED},
		{{.vn = RED}, DROP_PLAIN_VN},
		{{.vn = 99}, DROP_PLAIN_VN},
		/* Without an Instance-ID it is VN 0, which is not there. */
		{{.ip6 = true}, DROP_IP6},
		{{.to = "224.0.0.1"}, DROP_MULTICAST},
		/* Machines of this site, of mobile prefixes, of a peer from elsewhere. */
		{{.from = "10.1.0.6"}, DROP_PLAIN_SOURCE},
		{{.from = "10.1.0.1"}, DROP_PLAIN_SOURCE},
		{{.from = "10.2.0.66"}, DROP_PLAIN_SOURCE},
		{{.from = "10.3.0.6"}, DROP_PLAIN_SOURCE},
		{{.from = "10.3.0.6", .rloc = RIG_B}, DROP_PLAIN_SOURCE},
		{{.from = "0.0.0.0"}, DROP_PLAIN_SOURCE},
		{{.from = "224.0.0.5"}, DROP_PLAIN_SOURCE},
	};
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_here(r, "10.1.0.6");
	refuse(r, cases, ARRAY_COUNT(cases));
	/* From the router that has it, it is what it says. */
	rig_forget(r);
	rig_plain(r, (struct rig_want){.from = "10.3.0.6", .rloc = RIG_C});
	assert_int_equal(r->sent_count, 1);
	rig_free(r);
}

static void
what_is_never_plain_does_not_come_in_plain(void **state)
{
	static const struct rig_text text = {
		.vn = "\"lisp\": {\"use\": true, \"encapsulation\": \"sealed\"},",
		.lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}]",
		.locators = "{\"address\": \"198.51.100.7\", \"encapsulation\": \"plain\"}"};
	static const struct rig_text other = {
		.vn = "",
		.lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}]",
		.locators = "{\"address\": \"198.51.100.7\", \"encapsulation\": \"sealed\"}"};
	static const struct refusal all[] = {{{.mark = 0}, DROP_PLAIN_REFUSED}},
				    one[] = {{{.rloc = "198.51.100.7"}, DROP_PLAIN_REFUSED}};
	struct rig *r = rig_make(&text);

	(void)state;
	rig_here(r, "10.1.0.5");
	refuse(r, all, 1);
	/* The one that is always spoken to plainly answers so. */
	rig_plain(r, (struct rig_want){.rloc = "198.51.100.7"});
	assert_int_equal(r->sent_count, 1);
	rig_free(r);
	r = rig_make(&other);
	rig_here(r, "10.1.0.5");
	refuse(r, one, 1);
	rig_plain(r, (struct rig_want){.mark = 0});
	assert_int_equal(r->sent_count, 1);
	rig_free(r);
}

static void
the_router_answers_the_way_a_packet_came(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_plain(r, (struct rig_want){.to = "10.1.0.1", .echo = true});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(RIG_FAR)));
	assert_int_equal(r->sent[0].data[20], 0);
	rig_forget(r);
	/* A narrow way back: in pieces. */
	r->plain_mtu = 600;
	rig_plain(r, (struct rig_want){.to = "10.1.0.1", .echo = true, .size = 1400});
	assert_int_equal(r->sent_count, 3);
	rig_forget(r);
	/* An error about a packet that does not fit the LAN; itself it fits the way back. */
	r->plain_mtu = 540;
	vr_lan_changed(r->vr, BLUE, (struct mac){{2, 0x56, 0x52, 0, 0, BLUE}}, 1000, true, r->now);
	rig_here(r, "10.1.0.5");
	rig_forget(r);
	rig_plain(r, (struct rig_want){.size = 1400, .df = true});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_int_equal(rig_error(&r->sent[0]), TOO_BIG);
	rig_free(r);
}

static void
a_packet_for_a_machine_that_has_left_follows_it(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_there(r, 0, "10.1.0.5", 100, false);
	rig_forget(r);
	rig_plain(r, (struct rig_want){.mark = 9});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PEER);
	assert_int_equal(r->sent[0].slot, r->slots[0]);
	assert_int_equal(r->sent[0].flags & SEAL_FLAG_REDIRECTED, SEAL_FLAG_REDIRECTED);
	assert_int_equal(r->vr->redirected, 1);
	/* One that was never here does not. */
	rig_plain(r, (struct rig_want){.to = "10.3.0.6"});
	assert_int_equal(rig_drops(r, DROP_NOT_HERE), 1);
	rig_free(r);
}

/* Its sender has not heard of the move, or not in time. */
static void
who_sends_to_the_old_site_is_told_once_a_second(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_plain(r, (struct rig_want){.mark = 9});
	rig_there(r, 0, "10.1.0.5", 100, false);
	rig_forget(r);
	for (unsigned i = 0; i < 25; i++) {
		rig_plain(r, (struct rig_want){.mark = 9});
		rig_run(r, 100 * US_MS);
	}
	assert_in_range(rig_smrs(r, RIG_FAR, "10.1.0.5"), 2, 3);
	assert_int_equal(rig_smrs(r, "198.51.100.77", "10.1.0.5"), 0);
	rig_free(r);
}

/* The mapping system leads to a peer's locator, and from there through the session, whatever the peer is known for. */
static void
what_is_led_here_through_a_session_is_taken(void **state)
{
	static const struct {
		const char *from;
		vn_id_t vn;
		bool taken;
	} cases[] = {
		{"172.16.0.5", BLUE, true},
		/* Of another router, and where there is no mapping system. */
		{"10.3.0.5", BLUE, false},
		{"172.16.0.5", RED, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig_want want = {.from = cases[i].from, .to = "10.1.0.5"};
		struct rig *r = rig_make(&usual);
		struct seal_inner inner = {.vn = cases[i].vn};
		struct frame f;
		uint8_t *bytes;
		uint64_t refused;

		rig_session(r, 0, true);
		rig_here(r, "10.1.0.5");
		rig_forget(r);
		refused = rig_drops(r, DROP_PEER_SOURCE) + rig_drops(r, DROP_PEER_NOT_IN_VN);
		bytes = rig_packet(&want, &f);
		vr_link_data(r->vr, r->slots[0], &inner, &f, r->now);
		rig_step(r);
		assert_int_equal(r->sent_count, cases[i].taken);
		refused = rig_drops(r, DROP_PEER_SOURCE) + rig_drops(r, DROP_PEER_NOT_IN_VN) -
			  refused;
		assert_int_equal(refused, !cases[i].taken);
		free(bytes);
		rig_free(r);
	}
}

/* Anybody can send to any address from any other: nothing is remembered of what is not here, and nobody told of it. */
static void
packets_to_everywhere_leave_nothing_behind(void **state)
{
	struct rig *r = rig_make(&usual);
	size_t messages;

	(void)state;
	rig_forget(r);
	for (unsigned i = 0; i < 2000; i++) {
		char to[32];

		/* Mobile ones that nobody has, and others. */
		snprintf(to, sizeof(to), i % 2 == 0 ? "10.2.0.%u" : "172.20.%u.7", i % 200);
		rig_plain(r, (struct rig_want){.to = to});
	}
	assert_int_equal(rig_askers(r), 0);
	assert_int_equal(rig_told(r, 0, &messages), 0);
	rig_free(r);
}

/* Bits that say that a locator is down are believed no more than so far as it is probed. */
static void
status_bits_of_strangers_change_nothing(void **state)
{
	static const struct rig_rloc rlocs[] = {{RIG_FAR, 1, 100}, {"198.51.100.2", 2, 100}};
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_learn(r, rlocs, 2);
	rig_here(r, "10.1.0.5");
	rig_plain(r, (struct rig_want){.rloc = "198.51.100.2",
				       .header = {.has_vn = true, .vn = BLUE, .has_lsb = true}});
	rig_forget(r);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(RIG_FAR)));
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_packet_is_delivered),
		cmocka_unit_test(what_may_not_come_in_plain_is_refused),
		cmocka_unit_test(what_is_never_plain_does_not_come_in_plain),
		cmocka_unit_test(the_router_answers_the_way_a_packet_came),
		cmocka_unit_test(a_packet_for_a_machine_that_has_left_follows_it),
		cmocka_unit_test(who_sends_to_the_old_site_is_told_once_a_second),
		cmocka_unit_test(what_is_led_here_through_a_session_is_taken),
		cmocka_unit_test(packets_to_everywhere_leave_nothing_behind),
		cmocka_unit_test(status_bits_of_strangers_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
