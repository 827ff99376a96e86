/* A router that doubts, the machine that it doubts of, and the owner that it asks, with a clock of their own. */
#ifndef TESTS_UNIT_PRESENCE_DESK_H
#define TESTS_UNIT_PRESENCE_DESK_H

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
#define MAIL_MAX  16

static const struct vr_id owner = {0xa};
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

static inline struct mail *
mail_of(struct mail *box, uint32_t question)
{
	for (size_t i = 0; i < MAIL_MAX; i++)
		if (box[i].due > 0 && box[i].question == question)
			return &box[i];
	return NULL;
}

static inline void
post(struct mail *box, struct mail letter)
{
	size_t i = 0;

	while (i < MAIL_MAX && box[i].due > 0)
		i++;
	assert_in_range(i, 0, MAIL_MAX - 1);
	box[i] = letter;
}

/* Takes out one that is due. */
static inline bool
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

static inline void
probe(void *ctx, vn_id_t vn, struct addr ip)
{
	struct desk *d = ctx;

	assert_int_equal(vn, VN);
	assert_true(addr_equal(ip, d->ip));
	d->probes++;
	if (d->is_here && d->answer_due == US_NEVER)
		d->answer_due = d->now + LAN_TIME;
}

static inline bool
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

static inline void
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

static inline void
take(void *ctx, vn_id_t vn, struct addr ip, struct mac mac, us_t now)
{
	struct desk *d = ctx;

	(void)vn;
	(void)ip;
	(void)now;
	assert_true(mac_equal(mac, machine));
	d->taken++;
}

static inline void
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

static inline struct desk
doubt(void)
{
	struct desk d = {.now = START, .answer_due = US_NEVER, .link_time = LINK_TIME};

	assert_int_equal(addr_from_text("10.1.0.5", &d.ip), 0);
	return d;
}

static inline void
begin(struct desk *d)
{
	d->presence = presence_create(&ops, d);
	assert_non_null(d->presence);
	presence_start(d->presence, PRESENCE_DOUBT, VN, d->ip, machine, owner, d->now);
}

#define QUESTION 77

static inline void
begin_asked(struct desk *d)
{
	d->presence = presence_create(&ops, d);
	assert_non_null(d->presence);
	presence_asked(d->presence, owner, QUESTION, VN, d->ip, d->now);
}

/* Yes at once, no after a while; a question that comes while it looks is the same one.  It goes on while we stand still. */
static inline void
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

static inline void
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

static inline void
run(struct desk *d, us_t duration)
{
	us_t end = d->now + duration;

	for (; d->now < end; d->now += US_MS) {
		answers_come(d);
		(void)presence_run(d->presence, d->now);
	}
}

static inline bool
is_open(const struct desk *d)
{
	return presence_has(d->presence, PRESENCE_DOUBT, VN, d->ip);
}

#endif
