/* The machine comes to B and is back at A after 100 ms, while the hypervisor of B still repeats its RARP; and one that comes
 * to B again so soon that its RARP could be such a repeat. */
#include <limits.h>

#include "tests/sim/stories/story.h"

static void
go_and_return(struct cast *c)
{
	struct sim_announce quick = {.rarp = true, .pause = 1 * US_MS};

	sim_migrate(c->sim, c->vm, B, &quick);
	sim_run(c->sim, 100 * US_MS);
	story_expect_at(c->sim, c->vm, B);
	sim_migrate(c->sim, c->vm, A, &quick);
	sim_run(c->sim, 20 * US_MS);
	story_expect_at(c->sim, c->vm, A);
	/* B says RARP again at 200, 450 and 800 ms: nobody believes it. */
	for (int i = 0; i < 200; i++) {
		sim_run(c->sim, 10 * US_MS);
		story_expect_at(c->sim, c->vm, A);
	}
	assert_int_equal(sim_moves(c->sim, B, sim_machine_ip(c->vm)), 1);
	assert_int_equal(sim_moves(c->sim, A, sim_machine_ip(c->vm)), 1);
}

void
a_return_after_100_ms_is_believed(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast silent = story_cast(layout);
		struct cast talking = story_cast(layout);

		go_and_return(&silent);
		sim_run(silent.sim, 12 * US_S);
		story_end(silent.sim);

		story_talk(&talking, 10 * US_MS);
		go_and_return(&talking);
		story_expect_talk(&talking, 10 * US_MS);
		sim_run(talking.sim, 12 * US_S);
		story_end(talking.sim);
	}
}

/* Answers from A to B that get lost, and those that do not. */
struct answers {
	unsigned lost, sent;
};

static bool
lose_answers(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	struct answers *answers = arg;

	if (msg->type != SYNC_PRESENT || from != A || to != B)
		return true;
	if (answers->lost == 0)
		return true;
	answers->lost--;
	answers->sent++;
	return false;
}

static void
move_by_one_rarp(struct cast *c, size_t to)
{
	sim_migrate_now(c->sim, c->vm, to, false, false);
	sim_rarp(c->sim, SIM_VN, to, sim_machine_mac(c->vm));
	sim_run(c->sim, 20 * US_MS);
}

/* To B, to A, and to B again: once each is said that it is there. */
static struct cast
back_and_forth(enum sim_layout layout, bool talks, struct answers *answers)
{
	struct cast c = story_cast(layout);

	if (talks)
		story_talk(&c, 10 * US_MS);
	sim_filter(c.sim, lose_answers, answers);
	move_by_one_rarp(&c, B);
	story_expect_at(c.sim, c.vm, B);
	move_by_one_rarp(&c, A);
	story_expect_at(c.sim, c.vm, A);
	move_by_one_rarp(&c, B);
	return c;
}

void
an_answer_that_is_lost_is_asked_for_again(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (int talks = 0; talks <= 1; talks++)
		for (unsigned lost = 0; lost <= 8; lost++) {
			struct answers answers = {.lost = lost};
			struct cast c = back_and_forth(layout, talks, &answers);

			/* A looks for 300 ms each time before it says no. */
			sim_run(c.sim, (lost + 1) * 420 * US_MS);
			assert_int_equal(answers.sent, lost);
			story_expect_at(c.sim, c.vm, B);
			assert_int_equal(sim_alarms(c.sim, B, "duplicate"), 0);
			sim_run(c.sim, 12 * US_S);
			story_end(c.sim);
		}
}

void
an_owner_that_lives_and_never_answers_is_told_of(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	for (int talks = 0; talks <= 1; talks++) {
		struct answers answers = {.lost = UINT_MAX};
		struct cast c = back_and_forth(layout, talks, &answers);

		sim_run(c.sim, 4600 * US_MS);
		assert_in_range(answers.sent, 8, 16);
		assert_int_equal(sim_alarms(c.sim, B, "duplicate?"), 1);
		assert_int_equal(sim_alarms(c.sim, B, "duplicate:"), 0);
		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)), A);
		/* It is asked again later, and then it answers. */
		answers.lost = 0;
		sim_run(c.sim, 6 * US_S);
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}
