/* The router's side of the control socket: one JSON object per line each way.
 *
 * This is the generic part: it listens, checks who calls, reads requests, looks commands up in the
 * caller's table and writes the replies; docs/control-protocol.md has the words.  Rows that lack
 * the
 * fields of the request's "match" are left out here, whatever built them.
 *
 * Nothing blocks and everything is bound: clients, the size of a request, the time it may take to
 * arrive and its reply to leave, and the rows built per turn. */
#ifndef VR_CTL_H
#define VR_CTL_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

struct cJSON;
struct ctl;

#define CTL_CLIENTS_MAX  32
#define CTL_REQUEST_MAX  65536         /* bytes of one request */
#define CTL_REQUEST_TIME (5 * US_S)    /* from its first byte to its last */
#define CTL_REPLY_TIME   (10 * US_S)   /* without the client taking anything of its reply */
#define CTL_IDLE_TIME    (300 * US_S)  /* without a request; a monitor may be silent for ever */
#define CTL_EVENTS_MAX   (1024 * 1024) /* bytes waiting for a monitor; further events are skipped */

/* Why a command was refused.  The code is stable, for programs; the text is for people. */
struct ctl_error {
	char code[32];
	char text[256];
};

__attribute__((format(printf, 3, 4))) void ctl_error_set(struct ctl_error *error, const char *code,
							 const char *format, ...);

/* A command is named by one word ("reload": the request's "cmd") or by two ("show moves": "cmd" and "what"). */
#define CTL_CURSOR_WORDS  4
#define CTL_ROWS_PER_TURN 256

struct ctl_command {
	const char *name;
	const char *usage; /* "show moves [vn=N]" */
	const char *help;
	bool changes_state; /* logged at level info, with who asked */

	/* Does the command.  '*data' (NULL before) becomes the reply's "data" and belongs to ctl then, also beside
	 * an error.  0, or -errno with 'error' set (without a code it becomes "failed" and the
	 * errno's
	 * text).  May be NULL when there is 'row'. */
	int (*handler)(void *ctx, const struct cJSON *request, struct cJSON **data,
		       struct ctl_error *error);
	/* For long tables, instead of data: called again and again, at most CTL_ROWS_PER_TURN times per turn of the event
	 * loop, with a cursor of CTL_CURSOR_WORDS numbers that are 0 at first and the callee's own
	 * after that.  '*row' becomes the next element of "data" and belongs to ctl; NULL at the
	 * end.  0 or -errno (the connection is
	 * closed). */
	int (*row)(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **row);
	/* For what takes time, instead of a handler: called at once with a cursor of zeros, and again after each ctl_wake() with
	 * the cursor as it left it, until the result, which is as that of a handler, is not
	 * -EINPROGRESS.  It sees to an end by itself; the client may be gone before. */
	int (*later)(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **data,
		     struct ctl_error *error);
};

/* Binds the socket, mode 0660.  A socket that nobody listens on any more is replaced; missing
 * directories are made, the last one only.  'commands' and 'ctx' are borrowed; 'log' may be NULL.
 * "help" and "monitor" are answered here.  0 and '*out'; -EADDRINUSE when another router listens
 * there; -ENAMETOOLONG; other -errno. */
MUST_USE int ctl_create(const char *path, const struct ctl_command *commands, size_t count,
			void *ctx, struct log *log, struct ctl **out);
/* Closes every connection and removes the socket's name. */
void ctl_destroy(struct ctl *ctl);

/* Readable whenever ctl_readable() has something to do, writing included. */
int ctl_fd(const struct ctl *ctl);
/* Does a bounded part of it.  Ask ctl_run() afterwards for the next deadline. */
void ctl_readable(struct ctl *ctl, us_t now);
/* Closes what took too long; returns when to be called next. */
us_t ctl_run(struct ctl *ctl, us_t now);

/* What a command waits for may have happened. */
void ctl_wake(struct ctl *ctl, us_t now);

/* True when somebody monitors: saves building events for nobody. */
bool ctl_has_monitors(const struct ctl *ctl);
/* Sends {"event": NAME, ...} to all monitors.  'fields' is an object or NULL, borrowed. */
void ctl_publish(struct ctl *ctl, const char *event, const struct cJSON *fields);

#endif
