/* Runs one command of the operator's at a time (a DHCP client, as a rule) beside the event loop: its
 * output goes to the log line by line, and it is ended when it takes too long.
 *
 * It gets the capabilities that the process hands on (privileges.h), an empty signal mask, and no
 * descriptor but the three standard ones. */
#ifndef VR_RENEW_H
#define VR_RENEW_H

#include "base/err.h"
#include "base/log.h"
#include "vr/loop.h"

struct renew;

enum renew_end { RENEW_EXITED, RENEW_KILLED, RENEW_TIMEOUT };

/* 'status': of the exit, or the signal.  Another one may be started from here. */
typedef void renew_fn(void *ctx, enum renew_end how, int status, us_t now);

/* 'loop' and 'log' are borrowed.  NULL when memory is short. */
struct renew *renew_create(struct loop *loop, struct log *log, renew_fn *fn, void *ctx);
/* A command that runs is killed.  To be called before the loop goes. */
void renew_destroy(struct renew *r);
/* 'argv[0]' is looked for in PATH; the words are borrowed for the call.  0; -EBUSY: one is running; -ENOENT and other -errno:
 * it cannot be run. */
MUST_USE int renew_start(struct renew *r, char *const *argv, size_t count, us_t patience, us_t now);
bool renew_is_running(const struct renew *r);

#endif
