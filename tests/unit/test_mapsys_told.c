/* Who is told of a move by the mapping system, and by whom. */
#include "tests/unit/mapsys_messages.h"

static void
a_question_is_answered_and_the_peers_hear_of_it(void **state)
{
	struct rig *r = rig_make(&usual);
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;
	size_t messages;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 1);
	assert_true(lisp_record_next(&msg.records, &record));
	/* Its machines move: each is a mapping of its own. */
	assert_true(prefix_equal(record.eid.prefix, prefix_of("10.1.0.5/32")));
	assert_true(lisp_locator_next(&record.locators, &l));
	assert_true(addr_equal(l.rloc.addr, addr_of(RIG_OWN)));
	assert_int_equal(rig_told(r, 0, &messages), 1);
	assert_int_equal(rig_told(r, 1, &messages), 1);
	assert_true(addr_equal(r->syncs[r->sync_count - 1].asked.rows[0].rloc, addr_of(RIG_FAR)));
	/* Once; and of what is not ours nothing. */
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	rig_asks(r, RIG_FAR, "10.3.0.5");
	rig_asks(r, RIG_FAR, "172.16.0.5");
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, NULL), 1);
	assert_int_equal(rig_told(r, 0, &messages), 0);
	rig_free(r);
}

static void
a_machine_that_is_away_is_said_to_be_there(void **state)
{
	struct rig *r = rig_make(&usual);
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_there(r, 0, "10.1.0.5", 100, false);
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 1);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_false(record.authoritative);
	assert_int_equal(record.map_version, lisp_version_of(100));
	assert_true(lisp_locator_next(&record.locators, &l));
	assert_true(addr_equal(l.rloc.addr, addr_of(RIG_B)));
	/* Without a session nobody knows where that is. */
	rig_session(r, 0, false);
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, NULL), 0);
	rig_free(r);
}

static void
who_asked_hears_that_it_has_left(void **state)
{
	const struct rig_text text = {.vn = "",
				      .lisp = usual.lisp,
				      .locators =
					      "{\"address\": \"198.51.100.7\", \"push\": true}"};
	struct rig *r = rig_make(&text);
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_asks(r, RIG_FAR, "10.1.0.5");
	rig_asks(r, "198.51.100.7", "10.1.0.5");
	rig_asks(r, "198.51.100.8", "10.1.0.6");
	rig_forget(r);
	rig_there(r, 0, "10.1.0.5", 100, false);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.1.0.5"), 1);
	assert_int_equal(rig_smrs(r, "198.51.100.7", "10.1.0.5"), 0);
	assert_int_equal(rig_smrs(r, "198.51.100.8", "10.1.0.5"), 0);
	/* One is known to take CHANGE-PRIORITY, which says where it is. */
	assert_int_equal(rig_count(r, LISP_SHARED, &msg), 1);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_true(lisp_locator_next(&record.locators, &l));
	assert_true(addr_equal(l.rloc.addr, addr_of(RIG_B)));
	rig_free(r);
}

/* The router that a machine comes to knows from the others who asked, and tells them: at once, and when it is in force. */
static void
who_asked_elsewhere_hears_that_it_is_here(void **state)
{
	struct rig *r = rig_make(&usual);
	struct sync_msg asked = {.type = SYNC_ASKED, .id = 5, .vn = BLUE};
	struct lisp_msg msg;
	size_t messages;

	(void)state;
	rig_there(r, 0, "10.2.0.7", 5, false);
	asked.asked.count = 1;
	asked.asked.rows[0].ip = addr_of("10.2.0.7");
	asked.asked.rows[0].rloc = addr_of(RIG_FAR);
	rig_hear(r, 0, &asked);
	/* Nobody is told what everybody was told. */
	assert_int_equal(rig_told(r, 1, &messages), 0);
	assert_int_equal(rig_askers(r), 1);
	rig_run(r, 20 * US_S);
	rig_forget(r);
	rig_here(r, "10.2.0.7");
	assert_int_equal(rig_registers(r, "10.2.0.7/32", false), 1);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.2.0.7"), 1);
	/* Registered first: who hears of it asks at once. */
	rig_parse(r, 0, &msg);
	assert_int_equal(msg.type, LISP_MAP_REGISTER);
	rig_acknowledge(r);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.2.0.7"), 2);
	/* Not with every refresh. */
	rig_run(r, 60 * US_S);
	rig_acknowledge(r);
	assert_int_equal(rig_smrs(r, RIG_FAR, "10.2.0.7"), 2);
	rig_free(r);
}

/* Questions about just this EID. */
static size_t
questions(const struct rig *r, const char *eid)
{
	struct lisp_asked asked;
	struct lisp_msg msg;
	size_t count = 0;

	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		if (msg.type == LISP_MAP_REQUEST && !msg.request.smr &&
		    lisp_asked_next(&msg.records, &asked))
			count += prefix_equal(asked.eid.prefix, prefix_host(addr_of(eid)));
	}
	return count;
}

/* A site that is no router of ours had the machine: it is asked for first, then it is registered, then that site is told. */
static void
a_machine_from_elsewhere_is_announced_there(void **state)
{
	struct rig *r = rig_make(&usual);
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;

	(void)state;
	rig_forget(r);
	rig_here(r, "10.2.0.7");
	assert_int_equal(questions(r, "10.2.0.7"), 1);
	rig_parse(r, 0, &msg);
	assert_int_equal(msg.type, LISP_MAP_REQUEST);
	rig_parse(r, 1, &msg);
	assert_int_equal(msg.type, LISP_MAP_REGISTER);
	rig_answer(r, (struct rig_answer){.prefix = "10.2.0.7/32",
					  .rlocs = {{RIG_FAR, 1, 100}, {RIG_B, 1, 100}}});
	/* B is up, and of ours. */
	assert_int_equal(rig_count(r, LISP_SHARED, &msg), 1);
	assert_true(addr_equal(r->messages[r->message_count - 1].to.addr, addr_of(RIG_FAR)));
	assert_false(msg.shared.hypervisor || msg.shared.update_cache);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_true(prefix_equal(record.eid.prefix, prefix_of("10.2.0.7/32")));
	assert_true(lisp_locator_next(&record.locators, &l));
	assert_true(addr_equal(l.rloc.addr, addr_of(RIG_OWN)));
	assert_int_equal(mapcache_count(mapsys_cache(r->vr->mapsys)), 0);
	rig_free(r);
}

/* Who is up has heard of it; one that is down is found by what it has registered. */
static void
a_router_of_ours_is_announced_to_when_it_is_down(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_there(r, 0, "10.2.0.7", 5, false);
	rig_there(r, 0, "10.2.0.8", 5, false);
	rig_forget(r);
	rig_here(r, "10.2.0.7");
	assert_true(rig_is_here(r, "10.2.0.7"));
	assert_int_equal(questions(r, "10.2.0.7"), 0);
	/* At home: nothing to be asked. */
	rig_here(r, "10.1.0.9");
	assert_int_equal(questions(r, "10.1.0.9"), 0);
	rig_session(r, 0, false);
	rig_run(r, 60 * US_S);
	rig_forget(r);
	rig_here(r, "10.2.0.8");
	assert_true(rig_is_here(r, "10.2.0.8"));
	assert_int_equal(questions(r, "10.2.0.8"), 1);
	rig_answer(r, (struct rig_answer){.prefix = "10.2.0.0/24", .rlocs = {{RIG_B, 1, 100}}});
	assert_int_equal(rig_count(r, LISP_SHARED, NULL), 1);
	rig_free(r);
}

/* Questions from ever other locators: the peers hear of some, several in one message, and no more. */
static void
peers_are_not_flooded(void **state)
{
	struct rig *r = rig_make(&usual);
	size_t told = 0, all = 0, messages;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_forget(r);
	for (unsigned i = 0; i < 5000; i++) {
		char rloc[32];

		snprintf(rloc, sizeof(rloc), "203.0.%u.%u", i / 250, i % 250 + 1);
		xtr_asked(mapsys_xtr(r->vr->mapsys), BLUE, addr_of("10.1.0.5"), addr_of(rloc),
			  (struct addr){.family = ADDR_NONE}, r->now);
		if (i % 10 == 9) {
			rig_step(r);
			told += rig_told(r, 0, &messages);
			all += messages;
			rig_forget(r);
		}
	}
	assert_int_equal(told, 1000);
	assert_int_equal(all, 100);
	/* The newest are said twice more. */
	rig_run(r, 2 * US_S);
	assert_int_equal(rig_told(r, 0, &messages), 2 * MAPSYS_SAID_MAX * 10);
	assert_int_equal(messages, 2 * MAPSYS_SAID_MAX);
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_told(r, 0, &messages), 1);
	rig_free(r);
}

/* Who goes on asking stays known to the peers: they hear of it again before they forget it. */
static void
peers_hear_again_of_who_goes_on_asking(void **state)
{
	const struct rig_text text = {.vn = "", .lisp = usual.lisp, .locators = "", .ttl_min = 1};
	struct rig *r = rig_make(&text);
	size_t messages;

	(void)state;
	rig_here(r, "10.1.0.5");
	for (unsigned minute = 0; minute < 3; minute++) {
		rig_forget(r);
		for (unsigned i = 0; i < 30; i++) {
			rig_asks(r, RIG_FAR, "10.1.0.5");
			rig_run(r, 2 * US_S);
		}
		/* Often enough, and not each time; each time is said three times. */
		assert_in_range(rig_told(r, 0, &messages), 3, 12);
		assert_in_range(rig_told(r, 1, &messages), 3, 12);
	}
	/* One that is silent is not spoken of. */
	rig_forget(r);
	rig_run(r, 180 * US_S);
	assert_int_equal(rig_told(r, 0, &messages), 0);
	rig_session(r, 0, false);
	rig_session(r, 0, true);
	rig_run(r, US_S);
	assert_int_equal(rig_told(r, 0, &messages), 0);
	rig_free(r);
}

/* A router that comes up has heard nothing of what was said before: it is told, and only of those who asked here. */
static void
a_peer_that_comes_up_is_told_who_asked(void **state)
{
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 2, .sent = 1}};
	struct sync_msg asked = {.type = SYNC_ASKED, .id = 5, .vn = BLUE, .asked = {.count = 1}};
	struct rig *r = rig_make(&usual);
	size_t messages;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct addr eid = addr_of("10.1.0.50"), rloc = addr_of(RIG_FAR);

		eid.b[3] = (uint8_t)(eid.b[3] + i / 10);
		rloc.b[3] = (uint8_t)(rloc.b[3] + i % 10);
		xtr_asked(mapsys_xtr(r->vr->mapsys), BLUE, eid, rloc,
			  (struct addr){.family = ADDR_NONE}, r->now);
	}
	/* Of no machine that moves; and by hearsay. */
	xtr_asked(mapsys_xtr(r->vr->mapsys), BLUE, addr_of("10.9.0.1"), addr_of(RIG_FAR),
		  (struct addr){.family = ADDR_NONE}, r->now);
	asked.asked.rows[0].ip = addr_of("10.2.0.7");
	asked.asked.rows[0].rloc = addr_of(RIG_FAR);
	rig_hear(r, 1, &asked);
	rig_step(r);
	assert_int_equal(rig_told(r, 0, &messages), 100);
	rig_session(r, 0, false);
	rig_forget(r);
	rig_run(r, 2 * US_S);
	assert_int_equal(rig_told(r, 0, &messages), 0);
	rig_forget(r);
	rig_session(r, 0, true);
	/* Not all at once. */
	assert_in_range(rig_told(r, 0, &messages), 1, 24);
	rig_run(r, US_S);
	/* Twice: the first can get lost. */
	assert_int_equal(rig_told(r, 0, &messages), 200);
	assert_int_equal(messages, 10);
	assert_int_equal(rig_told(r, 1, &messages), 0);
	/* The same when it restarts and nobody noticed. */
	rig_forget(r);
	rig_hear(r, 0, &hello);
	rig_run(r, US_S);
	assert_int_equal(rig_told(r, 0, &messages), 200);
	rig_free(r);
}

/* Nobody acknowledges it, and the site that asked does not ask again for hours. */
static void
who_asked_is_said_three_times(void **state)
{
	struct rig *r = rig_make(&usual);
	size_t messages;

	(void)state;
	rig_here(r, "10.1.0.5");
	rig_forget(r);
	rig_asks(r, RIG_FAR, "10.1.0.5");
	assert_int_equal(rig_told(r, 0, &messages), 1);
	rig_run(r, 199 * US_MS);
	assert_int_equal(rig_told(r, 0, &messages), 1);
	rig_run(r, 2 * US_MS);
	assert_int_equal(rig_told(r, 0, &messages), 2);
	rig_run(r, 800 * US_MS);
	assert_int_equal(rig_told(r, 0, &messages), 3);
	assert_int_equal(rig_told(r, 1, &messages), 3);
	rig_run(r, 60 * US_S);
	assert_int_equal(rig_told(r, 0, &messages), 3);
	rig_free(r);
}

/* An answer covers nothing that has a mapping of its own (RFC 9301 section 5.5): no machine that may move, no prefix of
 * another router. */
static void
an_answer_hides_nothing_more_specific(void **state)
{
	static const struct {
		const char *eid, *prefix;
	} rows[] = {
		{"10.128.0.1", "10.128.0.0/9"}, {"10.1.9.9", "10.1.8.0/21"},
		{"10.1.1.9", "10.1.1.0/24"},    {"10.3.1.5", "10.3.1.0/24"},
		{"10.1.0.9", "10.1.0.9/32"},    {"10.4.0.0", "10.4.0.0/14"},
	};
	const struct rig_text text = {
		.whole = "\"local\": [\"10.0.0.0/8\"], \"addresses\": [\"10.1.0.1/24\"],"
			 "\"lisp\": {\"use\": true}, \"mobile\": [{\"prefix\": \"10.1.0.0/24\"},"
			 " {\"prefix\": \"10.2.0.0/24\"}]",
		.vn = "",
		.lisp = usual.lisp,
		.locators = ""};
	struct rig *r = rig_make(&text);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lisp_record record;
		struct lisp_msg msg;

		rig_forget(r);
		rig_asks(r, RIG_FAR, rows[i].eid);
		assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 1);
		assert_true(lisp_record_next(&msg.records, &record));
		assert_true(prefix_equal(record.eid.prefix, prefix_of(rows[i].prefix)));
		rig_run(r, US_S);
	}
	rig_free(r);
}

static void
messages_of_others_are_left_to_others(void **state)
{
	static const uint8_t info[32] = {0x70};
	struct endpoint from = endpoint_of(RIG_FAR, LISP_CONTROL_PORT);
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_forget(r);
	(void)mapsys_heard(r->vr, &from, info, sizeof(info), r->now);
	(void)mapsys_heard(r->vr, &from, info, 0, r->now);
	assert_int_equal(r->message_count, 0);
	/* A router without an xTR has nothing to do with any of it. */
	mapsys_destroy(r->vr->mapsys);
	r->vr->mapsys = NULL;
	assert_false(mapsys_heard(r->vr, &from, info, sizeof(info), r->now));
	assert_true(mapsys_run(r->vr, r->now) == US_NEVER);
	mapsys_reload(r->vr, r->now);
	mapsys_peer(r->vr, r->slots[0], true);
	mapsys_told(r->vr, BLUE, addr_of("10.1.0.5"), from.addr, r->now);
	rig_sends(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_NO_ROUTE), 1);
	rig_plain(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_PLAIN_VN), 1);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_answered_and_the_peers_hear_of_it),
		cmocka_unit_test(a_machine_that_is_away_is_said_to_be_there),
		cmocka_unit_test(who_asked_hears_that_it_has_left),
		cmocka_unit_test(who_asked_elsewhere_hears_that_it_is_here),
		cmocka_unit_test(a_machine_from_elsewhere_is_announced_there),
		cmocka_unit_test(a_router_of_ours_is_announced_to_when_it_is_down),
		cmocka_unit_test(peers_are_not_flooded),
		cmocka_unit_test(peers_hear_again_of_who_goes_on_asking),
		cmocka_unit_test(a_peer_that_comes_up_is_told_who_asked),
		cmocka_unit_test(who_asked_is_said_three_times),
		cmocka_unit_test(an_answer_hides_nothing_more_specific),
		cmocka_unit_test(messages_of_others_are_left_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
