/* Doubts: a machine is heard here that another router owns.  When is who asked, and what comes of the answers? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "migration/presence.h"

#define VN    7
#define START (1000 * US_S)
/* A machine answers so late, and so long is a round trip to the owner. */
#define LAN_TIME  (5 * US_MS)
#define LINK_TIME (20 * US_MS)
#define FAR_TIME  (300 * US_MS)
#define MAIL_MAX  16

static const struct vr_id owner = {0xa}, other_owner = {0xb};
static const struct mac machine = {{0x52, 0x54, 0, 0, 0, 5}};

/* A question on its way, or an answer. */
struct mail {
	uint32_t question;
	us_t due;
	bool present; /* an answer's */
};

/* What a doubt does, and how the world answers. */
struct desk {
	struct presence *presence;
	struct addr ip;
	us_t now, answer_due, link_time;
	bool is_here, is_there, is_down; /* the machine, the machine, the owner */
	unsigned lost;                   /* of the owner's answers */
	unsigned probes, asks, answers;
	unsigned taken, told_duplicates, untold_duplicates;
	unsigned told_yes, told_no; /* by us, who were asked */
	uint32_t told_question;
	struct vr_id asked;
	struct mail to_owner[MAIL_MAX], open[MAIL_MAX],
		to_us[MAIL_MAX]; /* 'open': it looks, and has said no when due */
};

static struct mail *
mail_of(struct mail *box, uint32_t question)
{
	for (size_t i = 0; i < MAIL_MAX; i++)
		if (box[i].due > 0 && box[i].question == question)
			return &box[i];
	return NULL;
}

static void
post(struct mail *box, struct mail letter)
{
	size_t i = 0;

	while (i < MAIL_MAX && box[i].due > 0)
		i++;
	assert_in_range(i, 0, MAIL_MAX - 1);
	box[i] = letter;
}

/* Takes out one that is due. */
static bool
take_out(struct mail *box, us_t now, struct mail *letter)
{
	for (size_t i = 0; i < MAIL_MAX; i++) {
		if (box[i].due == 0 || box[i].due > now)
			continue;
		*letter = box[i];
		box[i].due = 0;
		return true;
	}
	return false;
}

static void
probe(void *ctx, vn_id_t vn, struct addr ip)
{
	struct desk *d = ctx;

	assert_int_equal(vn, VN);
	assert_true(addr_equal(ip, d->ip));
	d->probes++;
	if (d->is_here && d->answer_due == US_NEVER)
		d->answer_due = d->now + LAN_TIME;
}

static bool
ask(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip)
{
	struct desk *d = ctx;

	(void)vn;
	(void)ip;
	if (d->is_down)
		return false;
	d->asks++;
	d->asked = whom;
	post(d->to_owner, (struct mail){.question = question, .due = d->now + d->link_time / 2});
	return true;
}

static void
tell(void *ctx, struct vr_id whom, uint32_t question, vn_id_t vn, struct addr ip, struct mac mac,
     bool present, us_t now)
{
	struct desk *d = ctx;

	(void)vn;
	(void)ip;
	(void)mac;
	(void)now;
	assert_true(vr_id_equal(whom, owner));
	d->told_question = question;
	if (present)
		d->told_yes++;
	else
		d->told_no++;
}

static void
take(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	struct desk *d = ctx;

	(void)vn;
	(void)ip;
	(void)now;
	assert_true(mac_equal(mac, machine));
	d->taken++;
}

static void
duplicate(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, struct vr_id other, bool is_told,
	  us_t now)
{
	struct desk *d = ctx;

	(void)vn;
	(void)ip;
	(void)mac;
	(void)now;
	assert_true(vr_id_equal(other, d->asked));
	if (is_told)
		d->told_duplicates++;
	else
		d->untold_duplicates++;
}

static const struct presence_ops ops = {
	.probe = probe, .ask = ask, .tell = tell, .take = take, .duplicate = duplicate};

static struct desk
doubt(void)
{
	struct desk d = {.now = START, .answer_due = US_NEVER, .link_time = LINK_TIME};

	assert_int_equal(addr_from_text("10.1.0.5", &d.ip), 0);
	return d;
}

static void
begin(struct desk *d)
{
	d->presence = presence_create(&ops, d);
	assert_non_null(d->presence);
	presence_start(d->presence, PRESENCE_DOUBT, VN, d->ip, machine, owner, d->now);
}

#define QUESTION 77

static void
begin_asked(struct desk *d)
{
	d->presence = presence_create(&ops, d);
	assert_non_null(d->presence);
	presence_asked(d->presence, owner, QUESTION, VN, d->ip, d->now);
}

/* Yes at once, no after a while; a question that comes while it looks is the same one.  It goes on while we stand still. */
static void
owner_works(struct desk *d)
{
	struct mail letter;

	if (d->is_there)
		for (size_t i = 0; i < MAIL_MAX; i++)
			if (d->open[i].due > d->now)
				d->open[i].due = d->now;
	while (take_out(d->to_owner, d->now, &letter))
		if (mail_of(d->open, letter.question) == NULL) {
			letter.due += d->is_there ? 0 : PRESENCE_LOCAL_DEADLINE;
			post(d->open, letter);
		}
	while (take_out(d->open, d->now, &letter)) {
		letter.due += d->link_time / 2;
		letter.present = d->is_there;
		post(d->to_us, letter);
	}
}

static void
answers_come(struct desk *d)
{
	struct mail letter;

	if (d->answer_due <= d->now) {
		d->answer_due = US_NEVER;
		presence_answered(d->presence, VN, d->ip, machine, d->now);
	}
	owner_works(d);
	while (take_out(d->to_us, d->now, &letter)) {
		d->answers++;
		if (d->answers > d->lost)
			presence_told(d->presence, d->asked, letter.question, VN, d->ip,
				      letter.present, d->now);
	}
}

static void
run(struct desk *d, us_t duration)
{
	us_t end = d->now + duration;

	for (; d->now < end; d->now += US_MS) {
		answers_come(d);
		(void)presence_run(d->presence, d->now);
	}
}

static bool
is_open(const struct desk *d)
{
	return presence_has(d->presence, PRESENCE_DOUBT, VN, d->ip);
}

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
