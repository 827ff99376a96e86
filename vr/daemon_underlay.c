/* The host's part of the underlay, and the daemon: what changes there is told to the sessions at once.
 *
 * Where the router is one machine's own it also sees to the address itself: by a management action,
 * after a move that its network card tells of, and when no peer is heard any more. */
#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/action.h"
#include "vr/daemon.h"
#include "vr/place.h"
#include "vr/renew.h"
#include "vr/underlay.h"

#define MODULE "underlay"
/* How often the peers' signs of life are counted. */
#define TICK (100 * US_MS)
/* After a move what was under way has arrived by the first of these, and answers to what is asked then by the second, if there
 * is a way to the peers. */
#define MOVED_GRACE    (100 * US_MS)
#define MOVED_PATIENCE (500 * US_MS)
#define AGAIN_FIRST    (2 * US_S)
#define AGAIN_LAST     (60 * US_S)

struct daemon_underlay {
	struct underlay *underlay;
	struct loop_timer *timer;
	struct renew *renew;
	uint32_t tokens[ACTIONS_MAX]; /* actions that wait for a command's end: */
	size_t served;                /* the first ones for that of the one that runs, */
	size_t token_count;           /* the others came meanwhile, and wait for the next one's */
	uint64_t heard_count;         /* records of all peers */
	us_t heard;                   /* that changed */
	us_t moved;                   /* 0: its consequences have been drawn */
	bool is_asked;                /* the peers were, after its grace, with so many records: */
	uint64_t asked_count;
	us_t renew_after; /* not again before */
	us_t renew_pause;
};

/* ---- changes ---- */

static void
on_changed(void *ctx, us_t now)
{
	struct addr own[UNDERLAY_ADDRS_MAX];
	struct daemon *d = ctx;
	size_t count = underlay_addrs(d->underlay->underlay, own);

	tunnel_underlay_changed(d->tunnel, own, count, now);
}

static void
on_moved(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	/* The card says so several times. */
	if (d->underlay->moved != 0)
		return;
	d->underlay->moved = now;
	d->underlay->is_asked = false;
	log_line(d->log, LOG_INFO, MODULE, "this machine has been moved, says its network card");
}

static bool
concerns_peer(void *ctx, struct prefix to)
{
	struct daemon *d = ctx;

	for (size_t i = 0; i < d->peer_count; i++) {
		struct tunnel_peer_stats s;

		if (tunnel_peer_stats(d->tunnel, d->peers[i].slot, 0, &s) &&
		    prefix_contains(to, s.endpoint.addr))
			return true;
	}
	return false;
}

static const struct underlay_ops underlay_ops = {
	.changed = on_changed, .moved = on_moved, .concerns = concerns_peer};

/* ---- another address ---- */

static int
start_renewal(struct daemon *d, const char *why, us_t now)
{
	const struct conf_underlay *conf = &d->conf->underlay;
	struct daemon_underlay *u = d->underlay;

	log_line(d->log, LOG_INFO, MODULE, "asks for an address: %s", why);
	u->moved = 0;
	u->renew_pause = u->renew_pause == 0 ? AGAIN_FIRST : 2 * u->renew_pause;
	if (u->renew_pause > AGAIN_LAST)
		u->renew_pause = AGAIN_LAST;
	u->renew_after = now + u->renew_pause;
	return renew_start(u->renew, conf->renew, conf->renew_count, conf->renew_time, now);
}

/* For all orders that wait. */
static int
start_ordered(struct daemon *d, us_t now)
{
	struct daemon_underlay *u = d->underlay;
	int err = start_renewal(d, "ordered", now);

	if (err == 0)
		u->served = u->token_count;
	return err;
}

/* Their command has ended, or cannot be started: then all that wait are told. */
static void
settle(struct daemon *d, size_t count, enum sync_outcome outcome, uint16_t detail, us_t now)
{
	struct daemon_underlay *u = d->underlay;

	for (size_t i = 0; i < count; i++)
		action_done(d->vr, u->tokens[i], outcome, detail, now);
	u->token_count -= count;
	memmove(u->tokens, u->tokens + count, u->token_count * sizeof(*u->tokens));
	u->served = 0;
}

static void step(struct daemon *d, us_t now);

static void
on_renewed(void *ctx, enum renew_end how, int status, us_t now)
{
	struct daemon *d = ctx;
	struct daemon_underlay *u = d->underlay;
	enum sync_outcome outcome = how == RENEW_TIMEOUT                 ? SYNC_OUT_TIMEOUT
				    : how == RENEW_EXITED && status == 0 ? SYNC_OUT_DONE
									 : SYNC_OUT_FAILED;

	/* The kernel's news of it may still be to be read. */
	on_changed(d, now);
	settle(d, u->served, outcome, (uint16_t)status, now);
	u->renew_after = now + u->renew_pause;
	if (u->token_count > 0) {
		int err = start_ordered(d, now);

		if (err != 0)
			settle(d, u->token_count, SYNC_OUT_FAILED, (uint16_t)-err, now);
	}
	step(d, now);
}

/* A command that runs already may have asked before the machine was moved: the order has one of its own, as soon as that one
 * has ended. */
static int
renew(struct daemon *d, uint32_t token, us_t now)
{
	struct daemon_underlay *u = d->underlay;
	int err = 0;

	if (d->conf->underlay.renew_count == 0)
		return -EOPNOTSUPP;
	if (u->token_count == ARRAY_COUNT(u->tokens))
		return -EBUSY;
	u->tokens[u->token_count++] = token;
	if (!renew_is_running(u->renew))
		err = start_ordered(d, now);
	if (err != 0)
		u->token_count--;
	return err;
}

static int
set(struct daemon *d, const struct action_order *o, us_t now)
{
	const char *device = d->conf->underlay.device;
	int err = device == NULL ? -EOPNOTSUPP : place_set(device, o->address, o->len, o->gateway);

	if (device == NULL)
		return err;
	log_line(d->log, err == 0 ? LOG_INFO : LOG_WARNING, MODULE, "%s gets %s/%u, gateway %s%s%s",
		 device, fmt_addr(o->address).s, o->len, fmt_addr(o->gateway).s,
		 err == 0 ? "" : ": ", err == 0 ? "" : strerror(-err));
	underlay_look(d->underlay->underlay, now);
	on_changed(d, now);
	return err;
}

int
daemon_underlay_act(void *daemon, const struct action_order *order, uint32_t token, us_t now)
{
	struct daemon *d = daemon;
	int err = 0;

	if (order->act == SYNC_ACT_RENEW)
		return renew(d, token, now);
	if (order->act == SYNC_ACT_SET)
		err = set(d, order, now);
	else
		on_changed(d, now);
	if (err == 0)
		action_done(d->vr, token, SYNC_OUT_DONE, 0, now);
	return err;
}

/* ---- silence ---- */

static void
count_heard(struct daemon *d, us_t now)
{
	struct daemon_underlay *u = d->underlay;
	uint64_t count = 0;

	for (size_t i = 0; i < d->peer_count; i++) {
		struct tunnel_peer_stats s;

		if (tunnel_peer_stats(d->tunnel, d->peers[i].slot, 0, &s))
			count += s.rx_records + s.handshakes;
	}
	if (count == u->heard_count)
		return;
	u->heard_count = count;
	u->heard = now;
	/* The next silence is another one. */
	if (!renew_is_running(u->renew)) {
		u->renew_pause = 0;
		u->renew_after = 0;
	}
}

/* After a move: is there no way to any peer? */
static bool
moved_run(struct daemon *d, us_t now)
{
	struct daemon_underlay *u = d->underlay;

	if (u->moved == 0 || now < u->moved + MOVED_GRACE)
		return false;
	if (!u->is_asked) {
		u->is_asked = true;
		u->asked_count = u->heard_count;
		on_changed(d, now);
	}
	if (u->heard_count != u->asked_count)
		u->moved = 0;
	return u->moved != 0 && now >= u->moved + MOVED_PATIENCE;
}

/* Does what a silence asks for; returns when to look again. */
static us_t
silence_run(struct daemon *d, us_t now)
{
	struct daemon_underlay *u = d->underlay;

	if (d->conf->underlay.renew_count == 0 || d->peer_count == 0)
		return US_NEVER;
	count_heard(d, now);
	if (renew_is_running(u->renew))
		return now + TICK;
	/* What cannot be run now is tried again later. */
	if (moved_run(d, now))
		(void)!start_renewal(d, "moved, and no peer is heard", now);
	else if (now >= u->heard + d->conf->underlay.silent_time && now >= u->renew_after)
		(void)!start_renewal(d, "no peer is heard", now);
	return now + TICK;
}

/* ---- events ---- */

static void
step(struct daemon *d, us_t now)
{
	us_t due = underlay_run(d->underlay->underlay, now);
	us_t look = silence_run(d, now);

	loop_timer_set(d->underlay->timer, look < due ? look : due);
	daemon_step(d, now);
	daemon_flush(d);
}

static void
on_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	underlay_readable(d->underlay->underlay, now);
	step(d, now);
}

static void
on_timer(void *ctx, us_t now)
{
	step(ctx, now);
}

/* ---- life ---- */

int
daemon_underlay_open(struct daemon *d)
{
	const char **ignored = calloc(d->conf->vn_count + 1, sizeof(*ignored));
	struct underlay_conf conf = {.ignored = ignored, .ignored_count = d->conf->vn_count};
	struct daemon_underlay *u = calloc(1, sizeof(*u));
	int err = -ENOMEM;

	d->underlay = u;
	if (ignored == NULL || u == NULL)
		goto out;
	for (size_t i = 0; i < d->conf->vn_count; i++)
		ignored[i] = d->conf->vns[i].device;
	u->heard = loop_now();
	u->timer = loop_timer(d->loop, on_timer, d);
	u->renew = renew_create(d->loop, d->log, on_renewed, d);
	if (u->timer != NULL && u->renew != NULL)
		err = underlay_create(&conf, &underlay_ops, d, d->log, &u->underlay);
	if (err == 0) {
		loop_timer_set(u->timer, u->heard);
		/* What is there from the start. */
		on_changed(d, u->heard);
	}
out:
	if (err != 0)
		log_line(d->log, LOG_ERROR, MODULE, "cannot hear of changes: %s", strerror(-err));
	free(ignored);
	return err;
}

int
daemon_underlay_watch(struct daemon *d)
{
	return loop_watch(d->loop, underlay_fd(d->underlay->underlay), on_readable, d);
}

void
daemon_underlay_destroy(struct daemon *d)
{
	if (d->underlay == NULL)
		return;
	renew_destroy(d->underlay->renew);
	underlay_destroy(d->underlay->underlay);
	free(d->underlay);
	d->underlay = NULL;
}
