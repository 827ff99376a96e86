/* The event loop: file descriptors, timers, signals.  libev stands behind it, in one file.
 *
 * Every callback gets 'now', read from CLOCK_MONOTONIC when its event is handled; nobody else reads
 * that clock.
 * Timers are timerfds, so that they may be due in less than a millisecond.
 *
 * What follows a packet often comes so soon that waking up costs more than looking.  After a packet
 * the loop therefore looks on for a while before it sleeps: at all descriptors and timers, giving
 * way to whoever wants the core each time.  It does so only as long as it pays, and not while there
 * is more to do than single packets: then those that come together are better handled together. */
#ifndef VR_LOOP_H
#define VR_LOOP_H

#include "base/err.h"
#include "base/types.h"

struct loop;
struct loop_timer;

typedef void loop_fn(void *ctx, us_t now);

/* NULL when memory or descriptors are short. */
struct loop *loop_create(void);
/* Ends everything that was added; file descriptors stay open: they belong to the caller. */
void loop_destroy(struct loop *l);
/* Calls 'fn' whenever the descriptor is readable.  0 or -ENOMEM. */
MUST_USE int loop_watch(struct loop *l, int fd, loop_fn *fn, void *ctx);
/* The same; when several are readable at once, these come first. */
MUST_USE int loop_watch_first(struct loop *l, int fd, loop_fn *fn, void *ctx);
/* The same for one that packets come by: after each the loop looks on, see loop_look_on(). */
MUST_USE int loop_watch_packets(struct loop *l, int fd, loop_fn *fn, void *ctx);
/* For how long at most, each time.  0, as it is at first: not at all. */
void loop_look_on(struct loop *l, us_t time);
/* How often it did, and how often another packet came meanwhile. */
struct loop_stats {
	uint64_t looked_on;
	uint64_t found;
};
struct loop_stats loop_stats(const struct loop *l);
/* No longer.  To be called before the descriptor is closed; no-op for one that is not watched. */
void loop_unwatch(struct loop *l, int fd);
/* A signal becomes an event, also one that was blocked and has come meanwhile.  0 or -ENOMEM. */
MUST_USE int loop_signal(struct loop *l, int signal, loop_fn *fn, void *ctx);
/* A timer that is not set yet.  Owned by the loop.  NULL when memory or descriptors are short. */
struct loop_timer *loop_timer(struct loop *l, loop_fn *fn, void *ctx);
/* Due at this time, once; US_NEVER stops it.  Cheap when nothing changes. */
void loop_timer_set(struct loop_timer *t, us_t due);
/* Returns after loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
us_t loop_now(void);
/* Wall-clock nanoseconds since 1970, for times people read and for stamps that grow over a restart;
 * never for an interval. */
uint64_t loop_wall_ns(void);

#endif
