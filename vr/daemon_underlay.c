/* The host's part of the underlay, and the daemon: what changes there is told to the sessions at once. */
#include <errno.h>
#include <stdlib.h>

#include "vr/daemon.h"
#include "vr/underlay.h"

struct daemon_underlay {
	struct underlay *underlay;
	struct loop_timer *timer;
};

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

	(void)now;
	log_line(d->log, LOG_INFO, "underlay",
		 "this machine has been moved, says its network card");
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

static void
step(struct daemon *d, us_t now)
{
	us_t due = underlay_run(d->underlay->underlay, now);

	loop_timer_set(d->underlay->timer, due);
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

int
daemon_underlay_open(struct daemon *d)
{
	const char **ignored = calloc(d->conf->vn_count + 1, sizeof(*ignored));
	struct underlay_conf conf = {.ignored = ignored, .ignored_count = d->conf->vn_count};
	int err = -ENOMEM;

	d->underlay = calloc(1, sizeof(*d->underlay));
	if (ignored == NULL || d->underlay == NULL)
		goto out;
	for (size_t i = 0; i < d->conf->vn_count; i++)
		ignored[i] = d->conf->vns[i].device;
	d->underlay->timer = loop_timer(d->loop, on_timer, d);
	if (d->underlay->timer != NULL)
		err = underlay_create(&conf, &underlay_ops, d, d->log, &d->underlay->underlay);
	/* What is there from the start. */
	if (err == 0)
		on_changed(d, loop_now());
out:
	if (err != 0)
		log_line(d->log, LOG_ERROR, "underlay", "cannot hear of changes: %s",
			 strerror(-err));
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
	underlay_destroy(d->underlay->underlay);
	free(d->underlay);
	d->underlay = NULL;
}
