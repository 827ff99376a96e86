/* The records of moves: what happened when, in monotonic microseconds, kept for the operator. */
#ifndef MIGRATION_REPORT_H
#define MIGRATION_REPORT_H

#include "base/err.h"
#include "base/types.h"
#include "migration/detector.h"

#define REPORT_EIDS_MAX 24

enum report_trigger { TRIGGER_RARP, TRIGGER_GARP, TRIGGER_ARP, TRIGGER_DATA, TRIGGER_RECHECK };
#define REPORT_TRIGGERS 5

const char *report_trigger_name(enum report_trigger trigger);

enum report_outcome {
	OUTCOME_WAITING,     /* for acknowledgements */
	OUTCOME_DONE,        /* all took it in, and the machine was heard */
	OUTCOME_UNCONFIRMED, /* all took it in, but the machine was not heard */
	OUTCOME_SUPERSEDED,  /* by a newer move */
	OUTCOME_REFUSED,     /* a router did not take it in */
	OUTCOME_INCOMPLETE,  /* a router did not answer, or could not be told */
};
#define REPORT_OUTCOMES 6

/* As `vrctl` says it. */
const char *report_outcome_name(enum report_outcome outcome);

struct report_ack {
	struct vr_id vr;
	us_t at;         /* 0: not yet */
	uint8_t verdict; /* enum sync_verdict */
};

/* Times are absolute monotonic; 0 means it has not happened. */
struct report {
	uint64_t number; /* 1, 2, 3 ... */
	vn_id_t vn;
	struct mac mac;
	struct addr eids[REPORT_EIDS_MAX];
	size_t eid_count;
	struct vr_id from, to;
	enum report_trigger trigger;
	mobility_t mobility; /* of the first EID */
	int64_t wall_ms; /* wall clock of 'heard', for people; 0: heard of from another router */
	us_t heard, resolved, claimed, confirmed, first_frame, superseded;
	us_t settled;    /* nobody is waited for any more */
	us_t all_acked;  /* everybody who was told has answered, whatever it says */
	bool is_refused; /* an answer was another one than 'accepted' */
	bool is_counted;
	struct report_ack *acks;
	size_t ack_count;
};

struct reports;

/* The last 'max' records are kept. NULL when memory is short. */
struct reports *reports_create(size_t max);
void reports_destroy(struct reports *r);
/* A new record, with room for 'acks'; the oldest goes.  NULL when memory is short.  Valid until 'max' more have been
 * made: keep the number, not the pointer. */
struct report *reports_add(struct reports *r, size_t acks);
/* NULL when it was never there or is gone. */
struct report *reports_find(const struct reports *r, uint64_t number);
/* The newest record of this EID, or NULL. */
struct report *reports_last(const struct reports *r, vn_id_t vn, struct addr ip);
/* The same, looking no further back than to what was heard at 'since': for every packet. */
struct report *reports_since(const struct reports *r, vn_id_t vn, struct addr ip, us_t since);
/* Walks from old to new: start with '*number' 0; NULL at the end. */
const struct report *reports_next(const struct reports *r, uint64_t *number);

enum report_outcome report_outcome(const struct report *r);
/* Counts the move once, with the outcome that it has now.  A record that goes uncounted is counted then. */
void reports_count(struct reports *r, uint64_t number);
uint64_t reports_counted(const struct reports *r, enum report_trigger trigger,
			 enum report_outcome outcome);
/* One JSON object without a newline into 'text' (use REPORT_JSON_MAX; of very many acknowledgements the first ones are shown).  'name' gives a router's name or
 * NULL.  Returns the length. */
#define REPORT_JSON_MAX 8192
size_t report_json(const struct report *r, const char *(*name)(const void *ctx, struct vr_id id),
		   const void *ctx, char *text, size_t size);

#endif
