/* Doubts: a machine is heard here that another router owns.  When is who asked, and what comes of the answers? */
#include "tests/unit/presence_desk.h"

#define FAR_TIME (300 * US_MS)

static const struct vr_id other_owner = {0xb};

static void
nobody_is_asked_about_a_machine_that_is_not_here(void **state)
{
	struct desk d = doubt();

	(void)state;
	begin(&d);
	run(&d, 2 * US_S);
	assert_in_range(d.probes, 3, 6);
	assert_int_equal(d.asks, 0);
	assert_int_equal(d.taken + d.told_duplicates + d.untold_duplicates, 0);
	assert_false(is_open(&d));
	presence_destroy(d.presence);
}

static void
one_that_is_here_is_asked_about_at_once(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = true;
	begin(&d);
	run(&d, LAN_TIME + US_MS);
	assert_int_equal(d.asks, 1);
	run(&d, PRESENCE_LOCAL_DEADLINE + LINK_TIME);
	assert_int_equal(d.taken, 1);
	/* Once more: what it answers shows the switches where it is. */
	assert_int_equal(d.probes, 2);
	run(&d, 2 * US_S);
	assert_int_equal(d.taken, 1);
	assert_int_equal(d.probes, 2);
	assert_false(is_open(&d));
	presence_destroy(d.presence);
}

static void
one_at_both_places_is_asked_about_twice(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = d.is_there = true;
	begin(&d);
	run(&d, 2 * US_S);
	assert_int_equal(d.taken, 0);
	assert_int_equal(d.told_duplicates, 1);
	assert_int_equal(d.answers, 2);
	presence_destroy(d.presence);
}

static void
a_lost_answer_is_asked_for_again(void **state)
{
	(void)state;
	for (unsigned lost = 1; lost <= 8; lost++) {
		struct desk d = doubt();

		d.is_here = true;
		d.lost = lost;
		begin(&d);
		run(&d, (lost + 1) * 450 * US_MS);
		assert_int_equal(d.taken, 1);
		/* The same question may have been on its way again. */
		assert_in_range(d.answers, lost + 1, lost + 2);
		run(&d, 9 * US_S);
		assert_int_equal(d.taken, 1);
		assert_int_equal(d.told_duplicates + d.untold_duplicates, 0);
		presence_destroy(d.presence);
	}
}

static void
who_lives_and_never_answers_is_told_of(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = true;
	d.lost = 1000;
	begin(&d);
	run(&d, PRESENCE_ROUNDS * PRESENCE_REMOTE_DEADLINE);
	assert_true(is_open(&d));
	run(&d, PRESENCE_ROUNDS * 2 * LAN_TIME);
	assert_false(is_open(&d));
	assert_int_equal(d.untold_duplicates, 1);
	assert_int_equal(d.taken + d.told_duplicates, 0);
	presence_destroy(d.presence);
}

static void
who_is_down_is_not_waited_for(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = d.is_down = true;
	begin(&d);
	run(&d, PRESENCE_REMOTE_DEADLINE + LAN_TIME);
	assert_int_equal(d.taken, 1);
	presence_destroy(d.presence);

	/* It dies while it is asked. */
	d = doubt();
	d.is_here = true;
	d.lost = 1000;
	begin(&d);
	run(&d, 1500 * US_MS);
	d.is_down = true;
	run(&d, PRESENCE_REMOTE_DEADLINE);
	assert_int_equal(d.taken, 1);
	assert_int_equal(d.untold_duplicates, 0);
	presence_destroy(d.presence);
}

static void
who_is_reached_late_has_its_time(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = d.is_there = d.is_down = true;
	begin(&d);
	run(&d, 500 * US_MS);
	d.is_down = false;
	run(&d, 2 * US_S);
	assert_int_equal(d.taken, 0);
	assert_int_equal(d.told_duplicates, 1);
	presence_destroy(d.presence);
}

/* It has answered, and is silent when the owner's second answer is lost. */
static struct desk *
silent_after_a_round(struct desk *d)
{
	*d = doubt();
	d->is_here = true;
	d->lost = 2;
	begin(d);
	run(d, 600 * US_MS);
	d->is_here = false;
	return d;
}

static void
one_that_leaves_while_the_owner_is_silent_is_not_taken(void **state)
{
	struct desk desk, *d = silent_after_a_round(&desk);

	(void)state;
	/* The owner's answer comes in the next round: the machine's is of the one before. */
	run(d, PRESENCE_ROUNDS * (PRESENCE_REMOTE_DEADLINE + LAN_TIME));
	assert_int_equal(d->taken + d->told_duplicates + d->untold_duplicates, 0);
	assert_false(is_open(d));
	presence_destroy(d->presence);
}

static void
one_that_is_slow_while_the_owner_is_silent_is_waited_for(void **state)
{
	struct desk desk, *d = silent_after_a_round(&desk);

	(void)state;
	run(d, 2 * US_S);
	assert_int_equal(d->taken, 0);
	d->is_here = true;
	run(d, 1 * US_S);
	assert_int_equal(d->taken, 1);
	assert_false(is_open(d));
	presence_destroy(d->presence);
}

static void
a_new_owner_is_asked_from_the_beginning(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = true;
	d.lost = 1;
	begin(&d);
	run(&d, 200 * US_MS);
	presence_moved(d.presence, VN, d.ip, other_owner, d.now);
	memset(d.to_owner, 0, sizeof(d.to_owner));
	memset(d.open, 0, sizeof(d.open));
	d.lost = 0;
	run(&d, LAN_TIME + US_MS);
	assert_int_equal(d.asked.v, other_owner.v);
	run(&d, PRESENCE_LOCAL_DEADLINE + LINK_TIME);
	assert_int_equal(d.taken, 1);
	presence_destroy(d.presence);
}

static void
a_far_owner_that_answers_many_times_has_answered_once(void **state)
{
	/* The machine returns while the owner's answers are under way: at the owner so long after the doubt began. */
	static const us_t leaves[] = {FAR_TIME / 2 + 10 * US_MS, FAR_TIME / 2 + 50 * US_MS,
				      FAR_TIME / 2 + 130 * US_MS, FAR_TIME / 2 + 250 * US_MS};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(leaves); i++) {
		struct desk d = doubt();

		d.link_time = FAR_TIME;
		d.is_here = d.is_there = true;
		begin(&d);
		run(&d, leaves[i]);
		d.is_there = false;
		run(&d, 3 * US_S);
		assert_int_equal(d.taken, 1);
		assert_int_equal(d.told_duplicates + d.untold_duplicates, 0);
		assert_false(is_open(&d));
		presence_destroy(d.presence);
	}
}

static void
a_far_duplicate_answers_two_questions(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.link_time = FAR_TIME;
	d.is_here = d.is_there = true;
	begin(&d);
	run(&d, FAR_TIME + 2 * LAN_TIME + 130 * US_MS);
	assert_in_range(d.answers, 2, 4);
	assert_true(is_open(&d));
	run(&d, FAR_TIME);
	assert_int_equal(d.told_duplicates, 1);
	assert_int_equal(d.taken, 0);
	presence_destroy(d.presence);
}

static void
who_answers_later_than_the_time_of_a_round_is_heard(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.link_time = PRESENCE_REMOTE_DEADLINE;
	d.is_here = true;
	begin(&d);
	run(&d, PRESENCE_REMOTE_DEADLINE + PRESENCE_LOCAL_DEADLINE + 4 * LAN_TIME);
	assert_int_equal(d.taken, 1);
	assert_int_equal(d.told_duplicates + d.untold_duplicates, 0);
	presence_destroy(d.presence);
}

static void
each_question_has_its_own_answer(void **state)
{
	struct desk d = doubt();

	(void)state;
	begin_asked(&d);
	run(&d, 10 * US_MS);
	presence_asked(d.presence, owner, QUESTION, VN, d.ip, d.now);
	run(&d, 200 * US_MS);
	presence_asked(d.presence, owner, QUESTION + 1, VN, d.ip, d.now);
	run(&d, PRESENCE_LOCAL_DEADLINE - 200 * US_MS);
	assert_int_equal(d.told_no, 1);
	assert_int_equal(d.told_question, QUESTION);
	/* It comes: that answers the question which is open, and no other. */
	d.is_here = true;
	run(&d, PRESENCE_LOCAL_DEADLINE);
	assert_int_equal(d.told_no, 1);
	assert_int_equal(d.told_yes, 1);
	assert_int_equal(d.told_question, QUESTION + 1);
	presence_destroy(d.presence);
}

/* The router stands still for so long, and looks at its clock before it reads what has come. */
static void
stand_still(struct desk *d, us_t duration)
{
	d->now += duration;
	(void)presence_run(d->presence, d->now);
}

static void
who_stood_still_reads_the_answers_before_it_says_no(void **state)
{
	/* From the first question on, and from the last. */
	static const us_t asked[] = {0, 200 * US_MS};
	static const us_t durations[] = {120 * US_MS, PRESENCE_LOCAL_DEADLINE, 3 * US_S};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(asked) * ARRAY_COUNT(durations); i++) {
		struct desk d = doubt();

		begin_asked(&d);
		run(&d, asked[i / ARRAY_COUNT(durations)]);
		d.is_here = true;
		run(&d, US_MS);
		assert_true(d.answer_due < US_NEVER);
		stand_still(&d, durations[i % ARRAY_COUNT(durations)]);
		run(&d, US_MS);
		assert_int_equal(d.told_yes, 1);
		run(&d, 1 * US_S);
		assert_int_equal(d.told_yes, 1);
		assert_int_equal(d.told_no, 0);
		presence_destroy(d.presence);
	}
}

static void
who_stands_still_again_reads_them_again(void **state)
{
	struct desk d = doubt();

	(void)state;
	begin_asked(&d);
	run(&d, US_MS);
	stand_still(&d, 100 * US_MS);
	while (d.probes < 3)
		run(&d, US_MS);
	/* It answers the last question. */
	d.is_here = true;
	while (d.answer_due == US_NEVER)
		run(&d, US_MS);
	stand_still(&d, PRESENCE_LOCAL_DEADLINE);
	run(&d, US_MS);
	assert_int_equal(d.told_yes, 1);
	assert_int_equal(d.told_no, 0);
	presence_destroy(d.presence);
}

static void
who_stood_still_asks_again_before_it_says_no(void **state)
{
	struct desk d = doubt();

	(void)state;
	/* What the machine said was lost meanwhile: it has the time that it would have had. */
	begin_asked(&d);
	run(&d, US_MS);
	stand_still(&d, 3 * US_S);
	d.is_here = true;
	run(&d, PRESENCE_LOCAL_DEADLINE);
	assert_int_equal(d.told_yes, 1);
	assert_int_equal(d.told_no, 0);
	presence_destroy(d.presence);
}

static void
who_stood_still_goes_on_doubting(void **state)
{
	struct desk d = doubt();

	(void)state;
	d.is_here = d.is_there = true;
	begin(&d);
	run(&d, US_MS);
	stand_still(&d, 1 * US_S);
	run(&d, US_MS);
	assert_int_equal(d.asks, 1);
	/* The owner's answer waits too. */
	stand_still(&d, PRESENCE_REMOTE_DEADLINE);
	run(&d, US_MS);
	assert_int_equal(d.answers, 1);
	run(&d, LAN_TIME + LINK_TIME + 2 * US_MS);
	assert_int_equal(d.told_duplicates, 1);
	assert_int_equal(d.taken, 0);
	presence_destroy(d.presence);
}

static void
who_is_always_late_ends_all_the_same(void **state)
{
	struct desk d = doubt();

	(void)state;
	begin_asked(&d);
	for (unsigned i = 0; i < 20; i++)
		stand_still(&d, 3 * PRESENCE_LATE);
	assert_int_equal(d.told_no, 1);
	assert_int_equal(d.told_yes, 0);
	presence_destroy(d.presence);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_asked_about_a_machine_that_is_not_here),
		cmocka_unit_test(one_that_is_here_is_asked_about_at_once),
		cmocka_unit_test(one_at_both_places_is_asked_about_twice),
		cmocka_unit_test(a_lost_answer_is_asked_for_again),
		cmocka_unit_test(who_lives_and_never_answers_is_told_of),
		cmocka_unit_test(who_is_down_is_not_waited_for),
		cmocka_unit_test(who_is_reached_late_has_its_time),
		cmocka_unit_test(one_that_leaves_while_the_owner_is_silent_is_not_taken),
		cmocka_unit_test(one_that_is_slow_while_the_owner_is_silent_is_waited_for),
		cmocka_unit_test(a_new_owner_is_asked_from_the_beginning),
		cmocka_unit_test(a_far_owner_that_answers_many_times_has_answered_once),
		cmocka_unit_test(a_far_duplicate_answers_two_questions),
		cmocka_unit_test(who_answers_later_than_the_time_of_a_round_is_heard),
		cmocka_unit_test(each_question_has_its_own_answer),
		cmocka_unit_test(who_stood_still_reads_the_answers_before_it_says_no),
		cmocka_unit_test(who_stands_still_again_reads_them_again),
		cmocka_unit_test(who_stood_still_asks_again_before_it_says_no),
		cmocka_unit_test(who_stood_still_goes_on_doubting),
		cmocka_unit_test(who_is_always_late_ends_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
