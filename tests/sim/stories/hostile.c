/* A router of the VN that may not have the machines, and says of them what it likes. */
#include "tests/sim/stories/story.h"

static mobility_t
counter(const struct cast *c, size_t router)
{
	return hwdt_find(sim_vr(c->sim, router)->hwdt, SIM_VN, sim_machine_ip(c->vm))->b.mobility;
}

/* C asks a router for its table, and says that it knows better. */
static void
tell_newer(struct cast *c, size_t to, mobility_t newest, struct vr_id owner)
{
	struct sync_msg pull = {.type = SYNC_PULL, .id = 4000, .vn = SIM_VN};
	struct sync_msg newer = {.type = SYNC_NEWER, .id = 4000, .vn = SIM_VN};

	sim_forge_sync(c->sim, C, to, &pull);
	newer.newer.count = 1;
	newer.newer.rows[0] = (struct sync_newer_row){
		.ip = sim_machine_ip(c->vm), .newest = newest, .owner = owner.v};
	sim_forge_sync(c->sim, C, to, &newer);
}

static const mobility_t leaps[] = {1, 1000, (UINT64_C(1) << 32) - 1, UINT64_C(1) << 32,
				   UINT64_C(1) << 62};

void
a_router_that_may_not_have_it_raises_no_counter(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);
		uint64_t before = sim_tables(c.sim);
		uint64_t told = 0;

		for (size_t i = 0; i < ARRAY_COUNT(leaps); i++)
			for (size_t owner = A; owner <= C; owner++) {
				tell_newer(&c, A, counter(&c, A) + leaps[i], sim_id(c.sim, owner));
				sim_run(c.sim, 1500 * US_MS);
				assert_int_equal(sim_drops(c.sim, A, DROP_NEWER_REFUSED), ++told);
			}
		assert_int_equal(sim_tables(c.sim), before);
		/* And in the middle of a move: it goes on as if nothing had been said. */
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 5 * US_MS + 1);
		tell_newer(&c, A, counter(&c, A) + 1000, sim_id(c.sim, A));
		tell_newer(&c, B, counter(&c, B) + 1000, sim_id(c.sim, A));
		sim_run(c.sim, 6 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 12 * US_S);
		assert_int_equal(sim_moves(c.sim, B, sim_machine_ip(c.vm)), 1);
		story_expect_at(c.sim, c.vm, B);
		story_end(c.sim);
	}
}

/* C answers every claim of the machine's owner as if it were old. */
struct liar {
	struct cast *c;
	mobility_t leap;
	unsigned answers;
};

static bool
answer_stale(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	struct liar *l = arg;

	if (msg->type == SYNC_ACK && from == C) {
		struct sync_msg ack = *msg;

		for (size_t i = 0; i < ack.ack.count; i++)
			ack.ack.rows[i] = (struct sync_ack_row){
				.verdict = SYNC_STALE,
				.newest = counter(l->c, to) + l->leap,
				.owner = sim_id(l->c->sim, l->answers++ % 2 == 0 ? to : C).v};
		sim_forge_sync(l->c->sim, C, to, &ack);
		return false;
	}
	return true;
}

void
a_router_that_may_not_have_it_answers_no_claim_away(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		for (size_t i = 0; i < ARRAY_COUNT(leaps); i++) {
			struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);
			struct liar liar = {.c = &c, .leap = leaps[i]};
			mobility_t before = counter(&c, A);

			sim_filter(c.sim, answer_stale, &liar);
			for (unsigned k = 1; k <= 3; k++) {
				sim_migrate(c.sim, c.vm, k % 2 == 1 ? B : A, &sim_by_rarp);
				sim_run(c.sim, 2 * US_S);
				story_expect_at(c.sim, c.vm, k % 2 == 1 ? B : A);
				assert_int_equal(counter(&c, C), before + k);
			}
			assert_true(liar.answers >= 3);
			assert_true(sim_drops(c.sim, A, DROP_NEWER_REFUSED) +
					    sim_drops(c.sim, B, DROP_NEWER_REFUSED) >=
				    3);
			sim_run(c.sim, 12 * US_S);
			sim_filter(c.sim, NULL, NULL);
			story_end(c.sim);
		}
	}
}

/* Those who could tell A what it has forgotten are down; C could, but is not to be believed.  So C believes A. */
void
an_owner_without_memory_is_believed_by_who_may_not_tell_it(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast_tuned(layout, story_hosts_a_and_b);

		for (unsigned i = 0; i < 4; i++) {
			sim_migrate(c.sim, c.vm, i % 2 == 0 ? B : A, &sim_by_rarp);
			sim_run(c.sim, 2 * US_S);
		}
		story_expect_at(c.sim, c.vm, A);
		sim_crash(c.sim, B);
		sim_run(c.sim, 6 * US_S);
		sim_crash(c.sim, A);
		sim_start(c.sim, A, false);
		/* It has a table again before anybody asks for it. */
		sim_run(c.sim, 25 * US_MS);
		sim_speak(c.sim, c.vm);
		sim_speak(c.sim, c.native_a);
		/* With the first table, which comes as soon as news could not explain it. */
		sim_run(c.sim, 200 * US_MS);
		assert_true(counter(&c, A) < 5);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), A);
		assert_int_equal(counter(&c, C), counter(&c, A));
		sim_run(c.sim, 2 * US_S);
		story_expect_at(c.sim, c.vm, A);
		/* B remembers, and A counts on from there. */
		sim_start(c.sim, B, true);
		sim_run(c.sim, 15 * US_S);
		sim_speak(c.sim, c.native_b);
		sim_run(c.sim, 15 * US_S);
		assert_true(counter(&c, A) >= 5);
		story_end(c.sim);
	}
}
