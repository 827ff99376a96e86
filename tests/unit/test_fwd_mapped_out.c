/* Packets to locators of the mapping system. */
#include "tests/unit/mapsys_messages.h"

#define UNREACHABLE_NET  0x0300
#define UNREACHABLE_HOST 0x0301
#define TOO_BIG          0x0304

static void
a_packet_leaves_as_plain_lisp(void **state)
{
	struct rig *r = rig_make(&usual);
	const struct rig_packet *p;

	(void)state;
	rig_learn_one(r, RIG_FAR);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(r->sent_count, 1);
	p = &r->sent[0];
	assert_int_equal(p->way, TO_PLAIN);
	assert_true(endpoint_equal(p->plain.rloc, endpoint_of(RIG_FAR, 4341)));
	assert_true(p->plain.header.has_vn);
	assert_int_equal(p->plain.header.vn, BLUE);
	assert_false(p->plain.header.has_lsb);
	assert_false(p->plain.zero_checksum);
	assert_int_equal(p->data[99], 9);
	/* One hop less. */
	assert_int_equal(p->data[8], 63);
	/* Nothing more is asked. */
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_free(r);
}

static void
status_bits_are_told_where_that_is_said(void **state)
{
	const struct rig_text silent = {
		.vn = "",
		.lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}, {\"address\": \"2001:db8::1\"}]",
		.locators = ""};
	const struct rig_text text = {
		.vn = "",
		.lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}, {\"address\": \"2001:db8::1\"}],"
			"\"data_port\": 14341, \"status_bits\": true",
		.locators = ""};
	struct rig *r = rig_make(&text);

	(void)state;
	rig_learn_one(r, "2001:db8::9");
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(r->sent_count, 1);
	assert_true(endpoint_equal(r->sent[0].plain.rloc, endpoint_of("2001:db8::9", 14341)));
	assert_true(r->sent[0].plain.header.has_lsb);
	assert_int_equal(r->sent[0].plain.header.lsb, 3);
	rig_free(r);
	/* RFC 9300 section 4.1: not over the public Internet. */
	r = rig_make(&silent);
	rig_learn_one(r, RIG_FAR);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(r->sent_count, 1);
	assert_false(r->sent[0].plain.header.has_lsb);
	rig_free(r);
}

static void
a_checksum_is_left_out_where_that_is_said(void **state)
{
	const struct rig_text text = {
		.vn = "",
		.lisp = usual.lisp,
		.locators = "{\"address\": \"198.51.100.0\"}, {\"address\": \"2001:db8::9\"},"
			    "{\"address\": \"203.0.113.9\"},"
			    "{\"address\": \"198.51.100.1\", \"zero_checksum\": true}"};
	const struct rig_text other = {
		.vn = "", .lisp = usual.lisp, .locators = "{\"address\": \"198.51.100.1\"}"};
	struct rig *r = rig_make(&text);

	(void)state;
	rig_learn_one(r, RIG_FAR);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_true(r->sent[0].plain.zero_checksum);
	/* A reload is followed at once. */
	conf_fini(&r->conf);
	rig_conf(&r->conf, &other);
	assert_int_equal(vr_reload(r->vr, &r->conf, (struct vr_id[]){{2}, {3}}, r->now), 0);
	mapsys_reload(r->vr, r->now);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_false(r->sent[r->sent_count - 1].plain.zero_checksum);
	rig_free(r);
}

static void
flows_are_shared_by_weight_and_stay(void **state)
{
	static const struct rig_rloc rlocs[] = {{"198.51.100.1", 1, 75},
						{"198.51.100.2", 1, 25},
						{"198.51.100.3", 2, 100},
						{"198.51.100.4", 255, 100}};
	struct rig *r = rig_make(&usual);
	unsigned sent[4] = {0};

	(void)state;
	rig_learn(r, rlocs, ARRAY_COUNT(rlocs));
	for (unsigned i = 0; i < 200; i++) {
		const struct rig_packet *a, *b;

		rig_forget(r);
		rig_sends(r, (struct rig_want){.port = (uint16_t)(1000 + i)});
		rig_sends(r, (struct rig_want){.port = (uint16_t)(1000 + i), .size = 200});
		assert_int_equal(r->sent_count, 2);
		a = &r->sent[0];
		b = &r->sent[1];
		assert_true(endpoint_equal(a->plain.rloc, b->plain.rloc));
		assert_int_equal(a->plain.flow, b->plain.flow);
		sent[a->plain.rloc.addr.b[3] - 1]++;
	}
	assert_in_range(sent[0], 130, 170);
	assert_int_equal(sent[0] + sent[1], 200);
	rig_free(r);
}

/* What the network says, what is said of the locator, whether there is a session with the peer there. */
static void
plain_or_sealed(void **state)
{
	static const struct {
		const char *network, *locator;
		bool session;
		enum rig_way way; /* 0: refused */
	} cases[] = {
		{"auto", NULL, true, TO_PEER},       {"auto", NULL, false, TO_PLAIN},
		{"plain", NULL, true, TO_PLAIN},     {"sealed", NULL, true, TO_PEER},
		{"sealed", NULL, false, 0},          {"auto", "plain", true, TO_PLAIN},
		{"auto", "sealed", false, 0},        {"plain", "sealed", true, TO_PEER},
		{"sealed", "plain", true, TO_PLAIN}, {"plain", "auto", true, TO_PLAIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char vn[128], locators[128] = "";
		const struct rig_text text = {.vn = vn, .lisp = usual.lisp, .locators = locators};
		struct rig *r;

		snprintf(vn, sizeof(vn), "\"lisp\": {\"use\": true, \"encapsulation\": \"%s\"},",
			 cases[i].network);
		if (cases[i].locator != NULL)
			snprintf(locators, sizeof(locators),
				 "{\"address\": \"" RIG_B "\", \"encapsulation\": \"%s\"}",
				 cases[i].locator);
		r = rig_make(&text);
		rig_session(r, 0, cases[i].session);
		rig_learn_one(r, RIG_B);
		rig_sends(r, (struct rig_want){.mark = 9});
		assert_int_equal(r->sent_count, 1);
		if (cases[i].way != 0) {
			assert_int_equal(r->sent[0].way, cases[i].way);
		} else {
			/* The first one, which had waited, too; its sender hears of it. */
			assert_int_equal(rig_drops(r, DROP_PLAIN_REFUSED), 2);
			assert_int_equal(r->sent[0].way, TO_LAN);
			assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_HOST);
		}
		rig_free(r);
	}
}

/* A mapping that is there already follows the sessions, and nobody inherits the slot of a peer that is gone. */
static void
a_session_that_comes_or_goes_changes_the_way(void **state)
{
	struct conf_peer other = {
		.name = (char[]){"d"}, .vns = &(struct conf_peer_vn){.id = BLUE}, .vn_count = 1};
	struct rig *r = rig_make(&usual);
	const struct mapping *m;
	uint32_t slot;

	(void)state;
	rig_session(r, 1, false);
	rig_learn_one(r, RIG_C);
	rig_sends(r, (struct rig_want){.mark = 1});
	rig_session(r, 1, true);
	rig_sends(r, (struct rig_want){.mark = 2});
	rig_session(r, 1, false);
	rig_sends(r, (struct rig_want){.mark = 3});
	rig_session(r, 1, true);
	m = mapcache_find(mapsys_cache(r->vr->mapsys), BLUE, addr_of("172.16.0.5"));
	assert_int_equal(m->locators[0].peer, r->slots[1] + 1);
	vr_peer_remove(r->vr, r->slots[1], r->now);
	assert_int_equal(m->locators[0].peer, 0);
	assert_int_equal(vr_peer_add(r->vr, &other, (struct vr_id){4}, r->now, &slot), 0);
	assert_int_equal(slot, r->slots[1]);
	r->rlocs[1] = addr_of("192.0.2.4");
	rig_session(r, 1, true);
	rig_sends(r, (struct rig_want){.mark = 4});
	assert_int_equal(r->sent_count, 4);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_int_equal(r->sent[1].way, TO_PEER);
	assert_int_equal(r->sent[1].slot, r->slots[1]);
	assert_int_equal(r->sent[2].way, TO_PLAIN);
	assert_int_equal(r->sent[3].way, TO_PLAIN);
	rig_free(r);
}

static void
negative_mappings_say_what_to_do(void **state)
{
	static const struct {
		uint8_t action;
		bool outside;
	} cases[] = {{LISP_NO_ACTION, false},
		     {LISP_NATIVE_FORWARD, true},
		     {LISP_DROP_NO_REASON, false},
		     {LISP_DROP_POLICY, false},
		     {LISP_DROP_AUTH, false}};
	const struct rig_text text = {
		.vn = "\"native_gateway\": \"10.1.0.254\",", .lisp = usual.lisp, .locators = ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct rig *r = rig_make(&text);

		rig_here(r, "10.1.0.254");
		rig_sends(r, (struct rig_want){.mark = 1});
		rig_sends(r, (struct rig_want){.mark = 2});
		assert_int_equal(r->sent_count, 0);
		rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/12",
						  .action = cases[i].action});
		/* Those that waited, and those that come now. */
		rig_sends(r, (struct rig_want){.mark = 3});
		if (cases[i].outside) {
			assert_int_equal(r->sent_count, 3);
			for (uint8_t j = 0; j < 3; j++) {
				assert_int_equal(r->sent[j].way, TO_LAN);
				assert_true(mac_equal(r->sent[j].mac, rig_machine(254)));
				assert_int_equal(r->sent[j].data[99], j + 1);
			}
		} else {
			assert_int_equal(rig_drops(r, DROP_NEGATIVE), 3);
			assert_true(r->sent_count > 0);
			assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_NET);
		}
		rig_free(r);
	}
}

/* Action Send-Map-Request: each packet may ask again, at the pace of questions. */
static void
an_answer_can_be_to_ask_again(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_sends(r, (struct rig_want){.mark = 1});
	rig_answer(r,
		   (struct rig_answer){.prefix = "172.16.0.0/16", .action = LISP_SEND_MAP_REQUEST});
	rig_run(r, 2 * US_S);
	rig_sends(r, (struct rig_want){.mark = 2});
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 2);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[0].data[99], 1);
	rig_free(r);
}

static void
a_mapping_may_have_no_locator_that_can_be_used(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_learn(r, &(struct rig_rloc){RIG_FAR, 255, 100}, 1);
	assert_int_equal(rig_drops(r, DROP_NO_LOCATOR), 1);
	rig_run(r, US_S);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(rig_drops(r, DROP_NO_LOCATOR), 2);
	assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_HOST);
	rig_free(r);
}

static void
what_the_underlay_does_not_take_is_counted(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_learn_one(r, RIG_FAR);
	r->plain_result = -EAFNOSUPPORT;
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(rig_drops(r, DROP_NO_LOCATOR), 1);
	r->plain_result = -EMSGSIZE;
	rig_sends(r, (struct rig_want){.mark = 9});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	rig_free(r);
}

static void
a_packet_is_made_to_fit_the_path_to_the_locator(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_learn_one(r, RIG_FAR);
	rig_sends(r, (struct rig_want){.size = MTU + 1});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_int_equal(packet_get16(r->sent[1].data + 2), r->sent[1].size);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.size = MTU + 1, .df = true});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	assert_int_equal(rig_error(&r->sent[0]), TOO_BIG);
	assert_int_equal(packet_get16(r->sent[0].data + 26), MTU);
	rig_free(r);
}

static void
a_network_without_lisp_asks_nobody(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_sends(r, (struct rig_want){.vn = RED, .mark = 9});
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	assert_int_equal(rig_drops(r, DROP_NO_ROUTE), 1);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet_leaves_as_plain_lisp),
		cmocka_unit_test(status_bits_are_told_where_that_is_said),
		cmocka_unit_test(a_checksum_is_left_out_where_that_is_said),
		cmocka_unit_test(flows_are_shared_by_weight_and_stay),
		cmocka_unit_test(plain_or_sealed),
		cmocka_unit_test(a_session_that_comes_or_goes_changes_the_way),
		cmocka_unit_test(negative_mappings_say_what_to_do),
		cmocka_unit_test(an_answer_can_be_to_ask_again),
		cmocka_unit_test(a_mapping_may_have_no_locator_that_can_be_used),
		cmocka_unit_test(what_the_underlay_does_not_take_is_counted),
		cmocka_unit_test(a_packet_is_made_to_fit_the_path_to_the_locator),
		cmocka_unit_test(a_network_without_lisp_asks_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
