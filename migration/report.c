/* The records of moves: see report.h. */
#include "migration/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/fmt.h"
#include "wire/sync.h"

struct reports {
	struct report *rows; /* ring: number n stands at n % max */
	size_t max;
	uint64_t last;
	uint64_t counts[REPORT_TRIGGERS][REPORT_OUTCOMES];
};

const char *
report_trigger_name(enum report_trigger trigger)
{
	static const char *const names[] = {"rarp", "garp", "arp", "data", "recheck"};

	return names[trigger];
}

const char *
report_outcome_name(enum report_outcome outcome)
{
	static const char *const names[] = {"waiting",    "done",    "unconfirmed",
					    "superseded", "refused", "incomplete"};

	return names[outcome];
}

struct reports *
reports_create(size_t max)
{
	struct reports *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->max = max;
	r->rows = calloc(max, sizeof(*r->rows));
	if (r->rows == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
reports_destroy(struct reports *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->max; i++)
		free(r->rows[i].acks);
	free(r->rows);
	free(r);
}

struct report *
reports_add(struct reports *r, size_t acks)
{
	struct report_ack *rows = calloc(acks + 1, sizeof(*rows));
	struct report *row;

	if (rows == NULL)
		return NULL;
	if (r->last >= r->max)
		reports_count(r, r->last + 1 - r->max);
	row = &r->rows[++r->last % r->max];
	free(row->acks);
	*row = (struct report){.number = r->last, .acks = rows, .ack_count = acks};
	return row;
}

struct report *
reports_find(const struct reports *r, uint64_t number)
{
	struct report *row = &r->rows[number % r->max];

	return number != 0 && row->number == number ? row : NULL;
}

static bool
has_eid(const struct report *row, vn_id_t vn, struct addr ip)
{
	if (row->number == 0 || row->vn != vn)
		return false;
	for (size_t i = 0; i < row->eid_count; i++)
		if (addr_equal(row->eids[i], ip))
			return true;
	return false;
}

static uint64_t
oldest(const struct reports *r)
{
	return r->last > r->max ? r->last - r->max + 1 : 1;
}

struct report *
reports_since(const struct reports *r, vn_id_t vn, struct addr ip, us_t since)
{
	for (uint64_t n = r->last; n >= oldest(r) && n > 0; n--) {
		struct report *row = &r->rows[n % r->max];

		if (row->heard < since)
			break;
		if (has_eid(row, vn, ip))
			return row;
	}
	return NULL;
}

struct report *
reports_last(const struct reports *r, vn_id_t vn, struct addr ip)
{
	return reports_since(r, vn, ip, INT64_MIN);
}

const struct report *
reports_next(const struct reports *r, uint64_t *number)
{
	uint64_t n = *number + 1;

	if (n < oldest(r))
		n = oldest(r);
	if (n > r->last)
		return NULL;
	*number = n;
	return &r->rows[n % r->max];
}

enum report_outcome
report_outcome(const struct report *r)
{
	if (r->superseded != 0)
		return OUTCOME_SUPERSEDED;
	if (r->settled == 0)
		return OUTCOME_WAITING;
	if (r->is_refused)
		return OUTCOME_REFUSED;
	if (r->all_acked == 0)
		return OUTCOME_INCOMPLETE;
	return r->confirmed != 0 ? OUTCOME_DONE : OUTCOME_UNCONFIRMED;
}

void
reports_count(struct reports *r, uint64_t number)
{
	struct report *row = reports_find(r, number);
	enum report_outcome outcome;

	if (row == NULL || row->is_counted)
		return;
	outcome = report_outcome(row);
	row->is_counted = true;
	/* One that goes while somebody is waited for has no other end. */
	r->counts[row->trigger][outcome == OUTCOME_WAITING ? OUTCOME_INCOMPLETE : outcome]++;
}

uint64_t
reports_counted(const struct reports *r, enum report_trigger trigger, enum report_outcome outcome)
{
	return r->counts[trigger][outcome];
}

struct text {
	char *s;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void
add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->s + t->used, t->size - t->used, format, args);
	va_end(args);
	if (n > 0)
		t->used = (size_t)n < t->size - t->used ? t->used + (size_t)n : t->size - 1;
}

static void
add_name(struct text *t, const char *key, const char *name, struct vr_id id)
{
	if (vr_id_is_none(id))
		add(t, "\"%s\":null,", key);
	else
		add(t, "\"%s\":\"%s\",", key, name != NULL ? name : fmt_vr_id(id).s);
}

/* Microseconds after 'heard', or null when it has not happened. */
static void
add_since(struct text *t, const char *key, us_t heard, us_t at)
{
	if (at == 0)
		add(t, "\"%s\":null,", key);
	else
		add(t, "\"%s\":%lld,", key, (long long)(at - heard));
}

/* One acknowledgement: a name, a time and a verdict; what follows the last one. */
#define ACK_TEXT_MAX  192
#define TAIL_TEXT_MAX 256

size_t
report_json(const struct report *r, const char *(*name)(const void *ctx, struct vr_id id),
	    const void *ctx, char *text, size_t size)
{
	static const char *const verdicts[] = {"accepted", "stale", "refused", "full", "frozen"};
	struct text t = {.s = text, .size = size};
	time_t wall = (time_t)(r->wall_ms / 1000);
	struct tm tm = {0};
	char at[32] = "";

	if (gmtime_r(&wall, &tm) != NULL)
		strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%S", &tm);
	add(&t, "{\"number\":%llu,\"vn\":%u,\"mac\":\"%s\",\"eids\":[",
	    (unsigned long long)r->number, r->vn, fmt_mac(r->mac).s);
	for (size_t i = 0; i < r->eid_count; i++)
		add(&t, "%s\"%s\"", i > 0 ? "," : "", fmt_addr(r->eids[i]).s);
	add(&t, "],");
	add_name(&t, "from", name(ctx, r->from), r->from);
	add_name(&t, "to", name(ctx, r->to), r->to);
	add(&t, "\"trigger\":\"%s\",\"mobility\":\"%s\",\"at\":\"%s.%03dZ\",\"heard_us\":%lld,",
	    report_trigger_name(r->trigger), fmt_mobility(r->mobility).s, at,
	    (int)(r->wall_ms % 1000), (long long)r->heard);
	add_since(&t, "resolved_us", r->heard, r->resolved);
	add_since(&t, "claimed_us", r->heard, r->claimed);
	add(&t, "\"acks\":[");
	/* Room is left for what comes behind: the text stays JSON however many routers there are. */
	for (size_t i = 0; i < r->ack_count && t.used + ACK_TEXT_MAX + TAIL_TEXT_MAX < size; i++) {
		const struct report_ack *a = &r->acks[i];

		add(&t, "%s{", i > 0 ? "," : "");
		add_name(&t, "vr", name(ctx, a->vr), a->vr);
		add_since(&t, "us", r->heard, a->at);
		add(&t, "\"verdict\":\"%s\"}",
		    a->at == 0                           ? "waiting"
		    : a->verdict < ARRAY_COUNT(verdicts) ? verdicts[a->verdict]
							 : "unknown");
	}
	add(&t, "],");
	add_since(&t, "all_acked_us", r->heard, r->all_acked);
	add_since(&t, "confirmed_us", r->heard, r->confirmed);
	add_since(&t, "first_frame_us", r->heard, r->first_frame);
	add(&t, "\"outcome\":\"%s\"}", report_outcome_name(report_outcome(r)));
	return t.used;
}
