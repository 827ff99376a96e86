/* From one request line to the bytes of its reply; the connection is not its business. */
#ifndef VR_CTL_REQUEST_H
#define VR_CTL_REQUEST_H

#include "base/err.h"
#include "vr/ctl.h"

struct cJSON;

/* Bytes to be sent, in order.  Zero-initialise. */
struct ctl_out {
	char *bytes;
	size_t start, end, room; /* from 'start' to 'end' waits to be sent */
};

/* 0 or -ENOMEM, with nothing added. */
MUST_USE int ctl_out_add(struct ctl_out *out, const char *bytes, size_t size);
void ctl_out_fini(struct ctl_out *out);
static inline size_t
ctl_out_size(const struct ctl_out *out)
{
	return out->end - out->start;
}

struct ctl_table {
	const struct ctl_command *commands;
	size_t count;
	void *ctx;
	struct log *log;
};

/* A reply that is not complete yet.  Zero-initialise. */
struct ctl_pending {
	const struct ctl_command *command; /* NULL: nothing is pending */
	struct cJSON *request;
	uint64_t cursor[CTL_CURSOR_WORDS];
	bool first; /* no row was written yet */
	bool waits; /* nothing to do before ctl_wake() */
};

enum ctl_answer {
	CTL_ANSWERED = 0, /* the reply is complete */
	CTL_PENDING,      /* its rows, or all of it, follow from ctl_continue() */
	CTL_MONITOR,      /* complete, and events are wanted from now on */
};

/* Answers one line (without its end).  'uid' is for the log.  One of the above, or -ENOMEM. */
MUST_USE int ctl_answer(const struct ctl_table *table, const char *line, size_t size, unsigned uid,
			struct ctl_pending *pending, struct ctl_out *out);
/* Writes the next rows, or the reply of a command that took time.  CTL_PENDING, CTL_ANSWERED with the end of the reply written, or -errno: the reply cannot be
 * completed. */
MUST_USE int ctl_continue(const struct ctl_table *table, struct ctl_pending *pending,
			  struct ctl_out *out);
void ctl_pending_fini(struct ctl_pending *pending);

/* A refusal that answers no request in particular. */
MUST_USE int ctl_refuse(struct ctl_out *out, const char *code, const char *text);
/* {"event":...} and the fields of the object.  0 or -ENOMEM. */
MUST_USE int ctl_event(struct ctl_out *out, const char *event, const struct cJSON *fields);

#endif
