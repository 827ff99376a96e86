/* What a peer that belongs to the VN, but may not have an EID, can do to it: nothing, and that is counted. */
#include "tests/unit/vr_world.h"

#include "vr/limits.h"

/* A and B may host 10.1.0.0/24, C may not; the machine stands here. */
static struct world *
world_restricted(void)
{
	static char a[] = "a", b[] = "b";
	static char *hosts[] = {a, b};
	struct world *w = world_make();

	w->mobile.hosts = hosts;
	w->mobile.host_count = ARRAY_COUNT(hosts);
	world_start(w);
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	/* Nobody acknowledges: until it is given up. */
	run(w, 20 * US_S);
	return w;
}

static mobility_t
counter(const struct world *w)
{
	return entry(w, "10.1.0.5")->b.mobility;
}

/* The peer asks for the table and says that it has something newer. */
static void
pull_and_tell(struct world *w, size_t from, mobility_t newest, struct vr_id owner)
{
	struct sync_msg pull = {.type = SYNC_PULL, .id = 77, .vn = VN};
	struct sync_msg newer = {.type = SYNC_NEWER, .id = 77, .vn = VN};

	hear(w, from, &pull);
	newer.newer.count = 1;
	newer.newer.rows[0] =
		(struct sync_newer_row){.ip = ip("10.1.0.5"), .newest = newest, .owner = owner.v};
	hear(w, from, &newer);
}

static const mobility_t leaps[] = {0,
				   1,
				   1000,
				   LIMITS_JUMP - 1,
				   LIMITS_JUMP,
				   LIMITS_JUMP + 1,
				   LIMITS_MOBILITY_MAX,
				   UINT64_MAX - 100};

static void
a_newer_counter_of_a_router_that_may_not_have_it_changes_nothing(void **state)
{
	struct world *w = world_restricted();
	const struct vr_id owners[] = {self, peer_b, peer_c};
	mobility_t before = counter(w);
	unsigned deltas = w->sync_sent[SYNC_DELTA], queries = w->sync_sent[SYNC_QUERY];
	uint64_t refused = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(leaps); i++)
		for (size_t k = 0; k < ARRAY_COUNT(owners); k++) {
			pull_and_tell(w, 1, before + leaps[i], owners[k]);
			run(w, 2 * US_S);
			assert_int_equal(w->vr->drops[DROP_NEWER_REFUSED], ++refused);
		}
	assert_int_equal(counter(w), before);
	assert_int_equal(limits_next(w->vr, VN, ip("10.1.0.5")), before + 1);
	assert_int_equal(w->sync_sent[SYNC_DELTA], deltas);
	assert_int_equal(w->sync_sent[SYNC_QUERY], queries);
	assert_false(presence_has(w->vr->presence, PRESENCE_DOUBT, VN, ip("10.1.0.5")));
	/* B's honest claim is one larger than what it knew. */
	peer_says(w, 0, "10.1.0.5", vm, before + 1, false);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, peer_b.v);
	world_end(w);
}

static void
nor_does_its_answer_to_a_claim(void **state)
{
	struct world *w = world_restricted();
	struct sync_msg ack = {.type = SYNC_ACK, .vn = VN};
	mobility_t before;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(leaps); i++) {
		/* Another MAC: news to be answered. */
		say_arp(w, (struct mac){{2, 0, 0, 0, 9, (uint8_t)i}}, "10.1.0.5", "10.1.0.5");
		run(w, 10 * US_MS);
		before = counter(w);
		assert_int_equal(w->sync.type, SYNC_DELTA);
		ack.id = w->sync.id;
		ack.ack.count = 1;
		ack.ack.rows[0] = (struct sync_ack_row){
			.verdict = SYNC_STALE, .newest = before + leaps[i], .owner = self.v};
		hear(w, 1, &ack);
		run(w, 2 * US_S);
		assert_int_equal(counter(w), before);
		assert_int_equal(limits_next(w->vr, VN, ip("10.1.0.5")), before + 1);
		assert_int_equal(w->vr->drops[DROP_NEWER_REFUSED], i + 1);
	}
	world_end(w);
}

static void
newer_counters_are_for_tables_that_were_sent(void **state)
{
	struct world *w = world_restricted();
	struct sync_msg newer = {.type = SYNC_NEWER, .id = 5, .vn = VN};
	mobility_t before = counter(w);

	(void)state;
	newer.newer.count = 1;
	newer.newer.rows[0] = (struct sync_newer_row){
		.ip = ip("10.1.0.5"), .newest = before + 10, .owner = self.v};
	hear(w, 0, &newer);
	assert_int_equal(counter(w), before);
	assert_int_equal(w->vr->drops[DROP_NEWER_UNASKED], 1);
	pull_and_tell(w, 0, before + 10, self);
	assert_int_equal(counter(w), before + 11);
	assert_int_equal(w->vr->drops[DROP_NEWER_UNASKED], 1);
	world_end(w);
}

/* Also of a router that may have it. */
static void
a_counter_is_raised_so_far_and_so_often_only(void **state)
{
	struct world *w = world_restricted();
	mobility_t first = counter(w);

	(void)state;
	pull_and_tell(w, 0, first + LIMITS_JUMP, self);
	assert_int_equal(counter(w), first);
	assert_int_equal(w->vr->drops[DROP_NEWER_REFUSED], 1);
	pull_and_tell(w, 0, first + LIMITS_JUMP - 1, self);
	assert_int_equal(counter(w), first + LIMITS_JUMP);
	/* What is told within a second waits, and is not forgotten. */
	pull_and_tell(w, 0, first + LIMITS_JUMP + 5, self);
	run(w, 900 * US_MS);
	pull_and_tell(w, 0, first + LIMITS_JUMP + 3, self);
	assert_int_equal(counter(w), first + LIMITS_JUMP);
	run(w, 200 * US_MS);
	assert_int_equal(counter(w), first + LIMITS_JUMP + 6);
	assert_int_equal(w->sync.type, SYNC_DELTA);
	assert_int_equal(w->sync.delta.bindings[0].mobility, first + LIMITS_JUMP + 6);
	world_end(w);
}

/* Else what an owner says after a leap, however it came to that, would never be believed again. */
static void
an_owner_may_count_as_it_likes(void **state)
{
	struct world *w = world_standard();

	(void)state;
	peer_says(w, 0, "10.2.0.6", native, 1, false);
	peer_says(w, 0, "10.2.0.6", native, 1 + 3 * (LIMITS_JUMP + 1), false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_ACCEPTED);
	peer_says(w, 0, "10.2.0.6", native, LIMITS_MOBILITY_MAX + 1, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_REFUSED);
	/* Another one's leap is refused as before. */
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	peer_says(w, 1, "10.1.0.5", vm, 2 + LIMITS_JUMP, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_REFUSED);
	peer_says(w, 1, "10.1.0.5", vm, 1 + LIMITS_JUMP, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_ACCEPTED);
	world_end(w);
}

/* B shows a table of one machine when asked for it. */
static void
peer_shows(struct world *w, const char *eid, mobility_t mobility)
{
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1, .count = 1}};
	struct sync_msg table = {.type = SYNC_TABLE, .vn = VN};
	unsigned pulls = w->sync_sent[SYNC_PULL];

	hello.hello.digests[0] =
		(struct sync_digest){.vn = VN, .count = 1, .sum = (uint64_t)w->now};
	hear(w, 0, &hello);
	for (int i = 0; i < 1000 && w->sync_sent[SYNC_PULL] == pulls; i++)
		run(w, US_MS);
	assert_int_equal(w->sync.type, SYNC_PULL);
	table.id = w->sync.id;
	table.table.is_last = true;
	table.table.count = 1;
	table.table.bindings[0] =
		(struct sync_binding){.ip = ip(eid), .mac = native, .mobility = mobility};
	hear(w, 0, &table);
}

/* Only routers that may have the EID can tell the owner of what it has forgotten. */
static void
who_may_not_have_it_believes_the_owner_that_lost_its_memory(void **state)
{
	struct world *w = world_standard();

	(void)state;
	peer_says(w, 0, "10.2.0.6", native, 500, false);
	run(w, US_S);
	peer_says(w, 0, "10.2.0.6", native, 2, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_STALE);
	assert_int_equal(w->sync.ack.rows[0].newest, 0);
	peer_shows(w, "10.2.0.6", 2);
	assert_int_equal(w->sync_sent[SYNC_NEWER], 0);
	assert_int_equal(entry(w, "10.2.0.6")->b.mobility, 2);
	/* Whoever may have it says so instead. */
	peer_says(w, 0, "10.1.0.7", native, 500, false);
	run(w, 20 * US_S);
	peer_shows(w, "10.1.0.7", 2);
	assert_int_equal(w->sync_sent[SYNC_NEWER], 1);
	assert_int_equal(entry(w, "10.1.0.7")->b.mobility, 500);
	world_end(w);
}

static void
presence_is_asked_by_those_who_may_have_it(void **state)
{
	struct world *w = world_restricted();
	struct sync_msg msg = {.type = SYNC_PRESENCE, .vn = VN, .presence = {.ip = ip("10.1.0.5")}};
	unsigned before = w->arps;

	(void)state;
	hear(w, 1, &msg);
	run(w, US_S);
	assert_int_equal(w->arps, before);
	assert_int_equal(w->sync_sent[SYNC_PRESENT], 0);
	assert_int_equal(w->vr->drops[DROP_PRESENCE_REFUSED], 1);
	hear(w, 0, &msg);
	run(w, US_S);
	assert_in_range(w->arps, before + 1, before + 5);
	assert_int_equal(w->sync_sent[SYNC_PRESENT], 1);
	assert_int_equal(w->vr->drops[DROP_PRESENCE_REFUSED], 1);
	world_end(w);
}

static void
messages_about_a_vn_that_the_peer_is_not_in_are_counted(void **state)
{
	struct world *w = world_restricted();
	uint64_t counted = 0;
	struct sync_binding row = {.ip = ip("10.1.0.5"), .mac = vm, .mobility = 9};

	(void)state;
	for (uint8_t type = SYNC_PULL; type <= SYNC_NEWER; type++) {
		struct sync_msg msg = {.type = type, .id = 1, .vn = VN + 1};

		switch (type) {
		case SYNC_TABLE:
			msg.table.is_last = true;
			break;
		case SYNC_DELTA:
			msg.delta.count = 1;
			msg.delta.bindings[0] = row;
			break;
		case SYNC_ACK:
			msg.ack.count = 1;
			break;
		case SYNC_QUERY:
			msg.query.ip = row.ip;
			break;
		case SYNC_ANSWER:
			msg.answer.count = 1;
			msg.answer.bindings[0] = row;
			break;
		case SYNC_PRESENCE:
		case SYNC_PRESENT:
			msg.presence.ip = row.ip;
			break;
		case SYNC_NEWER:
			msg.newer.count = 1;
			msg.newer.rows[0] = (struct sync_newer_row){.ip = row.ip};
			break;
		default:
			break;
		}
		hear(w, 1, &msg);
		assert_int_equal(w->vr->drops[DROP_PEER_NOT_IN_VN], ++counted);
	}
	assert_int_equal(counted, 9);
	world_end(w);
}

/* C says that many machines of its own have the MAC of this one. */
static void
borrow_mac(struct world *w, unsigned first, unsigned count)
{
	char text[32];

	for (unsigned i = first; i < first + count; i++) {
		snprintf(text, sizeof(text), "10.3.0.%u", i);
		peer_says(w, 1, text, vm, 1, false);
		assert_non_null(entry(w, text));
	}
}

static void
a_mac_that_others_use_too_still_moves(void **state)
{
	(void)state;
	/* Said before it, or after. */
	for (unsigned before = 0; before <= 120; before += 60) {
		struct world *w = world_standard();

		borrow_mac(w, 10, before);
		peer_says(w, 0, "10.1.0.5", vm, 1, false);
		borrow_mac(w, 10 + before, 120 - before);
		say_rarp(w, VN, vm);
		assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
		world_end(w);
	}
}

static void
frames_to_a_machine_here_are_not_taken_whoever_uses_its_mac(void **state)
{
	struct world *w = world_standard();

	(void)state;
	borrow_mac(w, 10, 60);
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	lan_sends(w, native, vm, "10.1.0.6", "10.1.0.5", 100);
	assert_int_equal(w->vr->lan_taken, 0);
	assert_int_equal(w->lan_sent, 0);
	world_end(w);
}

static void
an_answer_that_helps_nobody_does_not_end_the_question(void **state)
{
	struct world *w = world_standard();
	struct sync_msg answer = {.type = SYNC_ANSWER, .id = 1, .vn = VN};

	(void)state;
	say_rarp(w, VN, vm);
	assert_int_equal(w->sync.type, SYNC_QUERY);
	answer.answer.count = 1;
	answer.answer.bindings[0] =
		(struct sync_binding){.ip = ip("10.3.0.66"), .mac = vm, .mobility = 1};
	hear(w, 1, &answer);
	answer.answer.bindings[0].ip = ip("10.1.0.5");
	hear(w, 0, &answer);
	assert_int_equal(entry(w, "10.1.0.5")->b.vr.v, self.v);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_counter_of_a_router_that_may_not_have_it_changes_nothing),
		cmocka_unit_test(nor_does_its_answer_to_a_claim),
		cmocka_unit_test(newer_counters_are_for_tables_that_were_sent),
		cmocka_unit_test(a_counter_is_raised_so_far_and_so_often_only),
		cmocka_unit_test(an_owner_may_count_as_it_likes),
		cmocka_unit_test(who_may_not_have_it_believes_the_owner_that_lost_its_memory),
		cmocka_unit_test(presence_is_asked_by_those_who_may_have_it),
		cmocka_unit_test(messages_about_a_vn_that_the_peer_is_not_in_are_counted),
		cmocka_unit_test(a_mac_that_others_use_too_still_moves),
		cmocka_unit_test(frames_to_a_machine_here_are_not_taken_whoever_uses_its_mac),
		cmocka_unit_test(an_answer_that_helps_nobody_does_not_end_the_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
