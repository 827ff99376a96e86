/* Plain Proxy-ETRs that live and that do not: which of them a site uses, and how they answer its RLOC-probes. */
#include "tests/unit/mapsys_messages.h"

#define CLIENT   "198.19.0.10" /* outside */
#define SECOND   "198.51.100.2"
#define EID      "172.16.0.5"
#define INTERVAL (30 * US_S)
/* A locator is out of use at the end of its third second without an answer (docs/proxy.md). */
#define GIVEN_UP (3 * US_S)
#define STEP     (10 * US_MS) /* to and fro */

#define USES(more)                                                                                 \
	"\"lisp\": {\"use\": true, " more "\"petrs\": [\"" RIG_FAR "\", \"" SECOND "\"]},"

static const struct rig_text user = {.vn = USES(""),
				     .lisp = "\"rlocs\": [{\"address\": \"" RIG_OWN "\"}]",
				     .locators = "",
				     .probe_interval = INTERVAL};

/* Answers the probe in this message. */
static void
answer_probe(struct rig *r, size_t position)
{
	struct endpoint from = r->messages[position].to;
	struct lisp_msg asked, msg = {.type = LISP_MAP_REPLY};
	struct lisp_record record = {.ttl = 1, .authoritative = true};
	struct lisp_locator locator = {
		.reachable = true, .probed = true, .rloc = lisp_rloc_make(from.addr)};
	struct lisp_asked what;
	struct lisp_builder b;
	uint8_t data[256];

	rig_parse(r, position, &asked);
	msg.nonce = asked.nonce;
	msg.reply.probe = true;
	assert_true(lisp_asked_next(&asked.records, &what));
	record.eid = what.eid;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &record);
	lisp_put_locator(&b, &locator);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)lisp_end(&b), r->now));
}

/* How many probes to the locator are among the messages. */
static size_t
probes_to(const struct rig *r, const char *rloc)
{
	struct lisp_msg msg;
	size_t count = 0;

	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		count += msg.type == LISP_MAP_REQUEST && msg.request.probe &&
			 addr_equal(r->messages[i].to.addr, addr_of(rloc));
	}
	return count;
}

/* The time passes; only these Proxy-ETRs answer. */
static void
live(struct rig *r, us_t duration, bool first, bool second)
{
	us_t end = r->now + duration;

	while (r->now < end) {
		rig_forget(r);
		rig_run(r, STEP);
		for (size_t i = 0, count = r->message_count; i < count; i++) {
			struct addr to = r->messages[i].to.addr;
			struct lisp_msg msg;

			rig_parse(r, i, &msg);
			if (msg.type == LISP_MAP_REQUEST && msg.request.probe &&
			    ((first && addr_equal(to, addr_of(RIG_FAR))) ||
			     (second && addr_equal(to, addr_of(SECOND))))) {
				r->now += STEP;
				answer_probe(r, i);
			}
		}
	}
}

/* A packet to the outside leaves to this one. */
static void
assert_used(struct rig *r, const char *rloc)
{
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_string_equal(fmt_addr(r->sent[0].plain.rloc.addr).s, rloc);
}

static struct rig *
user_make(const struct rig_text *text)
{
	struct rig *r = rig_make(text);
	struct lisp_msg msg;

	rig_here(r, "10.1.0.5");
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	/* Probes come later: this is the question. */
	assert_true(r->message_count > 0);
	rig_parse(r, 0, &msg);
	assert_int_equal(msg.type, LISP_MAP_REQUEST);
	rig_answer(r,
		   (struct rig_answer){.prefix = "198.16.0.0/12", .action = LISP_NATIVE_FORWARD});
	mapcache_find(mapsys_cache(r->vr->mapsys), BLUE, addr_of(CLIENT))->expires = US_NEVER;
	return r;
}

/* ---- who uses them ---- */

static void
one_that_falls_silent_is_passed_over_until_it_answers(void **state)
{
	struct rig *r = user_make(&user);

	(void)state;
	live(r, 3 * INTERVAL, true, true);
	assert_used(r, RIG_FAR);
	live(r, INTERVAL + GIVEN_UP + STEP, false, true);
	assert_used(r, SECOND);
	live(r, 5 * INTERVAL, false, true);
	assert_used(r, SECOND);
	live(r, INTERVAL + 2 * STEP, true, true);
	assert_used(r, RIG_FAR);
	rig_free(r);
}

static void
less_than_three_probes_without_an_answer_change_nothing(void **state)
{
	struct rig *r = user_make(&user);
	us_t end;

	(void)state;
	live(r, INTERVAL, true, true);
	/* Until the first that is not answered has been sent. */
	for (end = r->now + 2 * INTERVAL; r->now < end && probes_to(r, RIG_FAR) == 0;)
		live(r, STEP, false, true);
	assert_true(r->now < end);
	live(r, GIVEN_UP - US_S - 10 * STEP, false, true);
	assert_used(r, RIG_FAR);
	/* The third is answered. */
	live(r, INTERVAL, true, true);
	assert_used(r, RIG_FAR);
	rig_free(r);
}

static void
they_are_probed_at_once(void **state)
{
	struct rig *r = user_make(&user);

	(void)state;
	/* The first probes went out when the router started, a second before. */
	live(r, GIVEN_UP, false, true);
	assert_used(r, SECOND);
	rig_free(r);
}

/* Not every Proxy-ETR answers probes. */
static void
without_any_answer_the_first_is_used(void **state)
{
	struct rig *r = user_make(&user);

	(void)state;
	assert_used(r, RIG_FAR);
	live(r, 3 * INTERVAL, false, false);
	assert_used(r, RIG_FAR);
	/* They are asked all the time. */
	live(r, INTERVAL + 2 * STEP, false, true);
	assert_used(r, SECOND);
	/* One that may never have been able to answer is better than one that could. */
	live(r, 2 * INTERVAL, false, false);
	assert_used(r, RIG_FAR);
	live(r, 2 * INTERVAL, true, true);
	assert_used(r, RIG_FAR);
	live(r, 2 * INTERVAL, false, false);
	assert_used(r, RIG_FAR);
	rig_free(r);
}

static void
without_probes_the_first_is_used(void **state)
{
	struct rig_text text = user;
	struct rig *r;

	(void)state;
	text.probe_interval = 0;
	r = user_make(&text);
	live(r, 3 * INTERVAL, false, true);
	assert_used(r, RIG_FAR);
	assert_int_equal(xtr_count_of(mapsys_xtr(r->vr->mapsys), XTR_PROBES), 0);
	rig_free(r);
}

/* What is known of one stays, and one that is new is asked at once. */
static void
a_reload_forgets_nothing(void **state)
{
	const struct rig_text one = {.vn = "\"lisp\": {\"use\": true, \"petrs\": [\"" RIG_FAR
					   "\"]},",
				     .lisp = user.lisp,
				     .locators = ""};
	const struct rig_text *texts[] = {&user, &one, &user};
	struct rig *r = user_make(&user);

	(void)state;
	live(r, INTERVAL, true, true);
	live(r, INTERVAL + GIVEN_UP + STEP, false, true);
	for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
		conf_fini(&r->conf);
		rig_conf(&r->conf, texts[i]);
		assert_int_equal(vr_reload(r->vr, &r->conf, (struct vr_id[]){{2}, {3}}, r->now), 0);
		mapsys_reload(r->vr, r->now);
		if (i == 0)
			assert_used(r, SECOND);
		live(r, 2 * US_S, false, true);
		assert_used(r, i == 1 ? RIG_FAR : SECOND);
		/* One that is not configured any more is left alone, after the question that was due. */
		live(r, INTERVAL, false, true);
		live(r, INTERVAL, false, true);
	}
	rig_free(r);
}

/* Of one that is a peer its session says whether it lives. */
static void
a_session_needs_no_probe(void **state)
{
	const struct rig_text text = {.vn = "\"lisp\": {\"use\": true, \"petrs\": [\"" RIG_C
					    "\", \"" SECOND "\"]},",
				      .lisp = user.lisp,
				      .locators = "",
				      .probe_interval = INTERVAL};
	struct rig *r = user_make(&text);

	(void)state;
	live(r, 3 * INTERVAL, false, true);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_int_equal(r->sent[0].way, TO_PEER);
	assert_int_equal(r->sent[0].slot, r->slots[1]);
	/* Without it the same locator is one that has never answered. */
	rig_session(r, 1, false);
	assert_used(r, SECOND);
	rig_free(r);
}

static void
a_probe_names_the_default_route(void **state)
{
	struct rig *r = rig_make(&user);
	struct lisp_asked asked;
	struct lisp_msg msg;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < r->message_count; i++) {
		rig_parse(r, i, &msg);
		if (msg.type != LISP_MAP_REQUEST)
			continue;
		count++;
		assert_int_equal(r->messages[i].data[0] >> 4, LISP_MAP_REQUEST);
		assert_int_equal(r->messages[i].to.port, LISP_CONTROL_PORT);
		assert_true(msg.request.probe && !msg.request.smr && !msg.request.pitr);
		assert_int_equal(msg.request.source.kind, LISP_EID_NONE);
		assert_true(lisp_asked_next(&msg.records, &asked));
		assert_int_equal(asked.eid.kind, LISP_EID_IP);
		assert_int_equal(asked.eid.vn, BLUE);
		assert_string_equal(fmt_prefix(asked.eid.prefix).s, "0.0.0.0/0");
	}
	assert_true(probes_to(r, RIG_FAR) > 0 && probes_to(r, SECOND) > 0);
	assert_true(count >= 2);
	rig_free(r);
}

/* ---- who is one ---- */

static struct rig *
proxy_make(const char *more)
{
	struct rig_text text = {.vn = "",
				.lisp = user.lisp,
				.locators = "",
				.red = "\"addresses\": [\"198.18.0.1/24\"]"};
	char whole[512];

	snprintf(whole, sizeof(whole),
		 "\"addresses\": [\"198.18.0.1/24\"], \"native_gateway\": \"198.18.0.254\","
		 "\"lisp\": {\"use\": true}, \"proxy\": {\"prefixes\": [\"172.16.0.0/12\", "
		 "\"10.2.0.0/24\"]%s}",
		 more);
	text.whole = whole;
	return rig_make(&text);
}

struct question {
	const char *eid; /* NULL: none */
	vn_id_t vn;
	bool is_no_probe, in_ecm;
};

/* A site asks; true, and the answer, when there is one. */
static bool
is_answered(struct rig *r, const struct question *q, struct lisp_msg *answer)
{
	struct endpoint from = endpoint_of(RIG_FAR, LISP_CONTROL_PORT);
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = 4711};
	struct lisp_asked asked = {.eid = {.kind = LISP_EID_NONE}};
	struct lisp_rloc itr = lisp_rloc_make(from.addr);
	struct lisp_ecm ecm = {.src = from, .dst = endpoint_of(RIG_OWN, LISP_CONTROL_PORT)};
	struct lisp_builder b;
	uint8_t data[256], outer[512];
	int size;

	if (q->eid != NULL)
		asked.eid = lisp_eid_make(q->vn, prefix_of(q->eid), false);
	msg.request.probe = !q->is_no_probe;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	size = lisp_end(&b);
	assert_true(size > 0);
	ecm.size = (size_t)size;
	rig_forget(r);
	if (q->in_ecm) {
		memcpy(outer + lisp_ecm_size(ADDR_V4), data, ecm.size);
		size = lisp_ecm_build(&ecm, outer, sizeof(outer));
		assert_true(size > 0);
	}
	assert_true(mapsys_heard(r->vr, &from, q->in_ecm ? outer : data, (size_t)size, r->now));
	if (r->message_count == 0)
		return false;
	assert_int_equal(r->message_count, 1);
	assert_true(addr_equal(r->messages[0].to.addr, from.addr));
	rig_parse(r, 0, answer);
	assert_int_equal(answer->type, LISP_MAP_REPLY);
	return true;
}

static void
a_petr_answers_probes_and_says_nothing_more(void **state)
{
	static const struct {
		struct question q;
		bool answered, is_way;
	} cases[] = {
		{{.eid = "0.0.0.0/0", .vn = BLUE}, true, true},
		/* As sites of other kinds may ask. */
		{{.eid = NULL, .vn = 0}, true, true},
		{{.eid = "198.16.0.0/12", .vn = BLUE}, true, true},
		{{.eid = CLIENT "/32", .vn = BLUE}, true, true},
		/* An EID: its own site is to be asked. */
		{{.eid = EID "/32", .vn = BLUE}, true, false},
		{{.eid = "10.2.0.0/24", .vn = BLUE}, true, false},
		{{.eid = "10.3.0.5/32", .vn = BLUE}, true, false}, /* not served, and a peer's */
		{{.eid = "::/0", .vn = BLUE}, true, false},
		/* No proxy there, or no network. */
		{{.eid = "0.0.0.0/0", .vn = RED}, true, false},
		{{.eid = "0.0.0.0/0", .vn = 99}, true, false},
		{{.eid = "0.0.0.0/0", .vn = BLUE, .is_no_probe = true}, false, false},
		{{.eid = NULL, .vn = 0, .is_no_probe = true}, false, false},
		{{.eid = "0.0.0.0/0", .vn = BLUE, .in_ecm = true}, false, false},
	};
	struct rig *r = proxy_make("");
	struct lisp_record record;
	struct lisp_locator l;
	struct lisp_msg msg;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct question *q = &cases[i].q;

		if (is_answered(r, q, &msg) != cases[i].answered)
			fail_msg("%zu: %s", i, q->eid);
		if (!cases[i].answered)
			continue;
		assert_true(msg.reply.probe && msg.nonce == 4711);
		assert_int_equal(msg.record_count, 1);
		assert_true(lisp_record_next(&msg.records, &record));
		assert_int_equal(record.ttl, 1);
		assert_int_equal(record.eid.kind, q->eid != NULL ? LISP_EID_IP : LISP_EID_NONE);
		if (q->eid != NULL)
			assert_string_equal(fmt_prefix(record.eid.prefix).s, q->eid);
		assert_int_equal(record.eid.vn, q->vn);
		assert_true(record.authoritative);
		assert_int_equal(record.locator_count, cases[i].is_way);
		if (!cases[i].is_way)
			continue;
		assert_true(lisp_locator_next(&record.locators, &l));
		assert_true(l.probed && l.reachable && addr_equal(l.rloc.addr, addr_of(RIG_OWN)));
	}
	assert_int_equal(rig_askers(r), 0);
	assert_int_equal(xtr_count_of(mapsys_xtr(r->vr->mapsys), XTR_PROBES_ANSWERED), 10);
	rig_free(r);
}

/* Locators that it names as a way to everything. */
static unsigned
ways_out(struct rig *r)
{
	const struct question out = {.eid = "0.0.0.0/0", .vn = BLUE};
	struct lisp_record record;
	struct lisp_msg msg;

	assert_true(is_answered(r, &out, &msg));
	assert_true(lisp_record_next(&msg.records, &record));
	return record.locator_count;
}

static void
who_is_no_petr_is_no_way_out(void **state)
{
	struct rig *rigs[] = {proxy_make(", \"egress\": false"), rig_make(&usual)};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rigs); i++) {
		assert_int_equal(ways_out(rigs[i]), 0);
		rig_free(rigs[i]);
	}
	rigs[0] = proxy_make(", \"ingress\": false");
	assert_int_equal(ways_out(rigs[0]), 1);
	rig_free(rigs[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_falls_silent_is_passed_over_until_it_answers),
		cmocka_unit_test(less_than_three_probes_without_an_answer_change_nothing),
		cmocka_unit_test(they_are_probed_at_once),
		cmocka_unit_test(without_any_answer_the_first_is_used),
		cmocka_unit_test(without_probes_the_first_is_used),
		cmocka_unit_test(a_reload_forgets_nothing),
		cmocka_unit_test(a_session_needs_no_probe),
		cmocka_unit_test(a_probe_names_the_default_route),
		cmocka_unit_test(a_petr_answers_probes_and_says_nothing_more),
		cmocka_unit_test(who_is_no_petr_is_no_way_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
