/* What was not delivered, everywhere in the daemon; and all counters for the log. */
#include <stdio.h>
#include <stdlib.h>

#include "lisp/mapserver.h"
#include "lisp/rtr.h"
#include "vr/ctl_port.h"
#include "vr/daemon.h"
#include "vr/mapsys.h"
#include "vr/plain.h"
#include "vr/workers.h"

static void
port_drops(const struct daemon_port *p, daemon_drop_fn *each, void *ctx)
{
	struct port_stats s;
	char where[32];

	port_stats(p->port, &s);
	snprintf(where, sizeof(where), "port %u", p->vn);
	each(ctx, where, "vlan", s.drop_vlan, "a tagged frame");
	each(ctx, where, "kernel", s.drop_kernel, "the kernel dropped it before it was read");
	each(ctx, where, "tx", s.drop_tx, "the device did not take it");
	each(ctx, where, "malformed", s.drop_malformed, "not a well-formed frame");
	each(ctx, where, "too-large", s.drop_too_large, "larger than the LAN's MTU");
}

/* Plain LISP data, and control messages that were refused. */
static void
lisp_drops(const struct daemon *d, daemon_drop_fn *each, void *ctx)
{
	const struct ms *ms = daemon_map_server(d);
	const struct xtr *x = mapsys_xtr(d->vr->mapsys);

	daemon_lisp_drops(d, each, ctx);
	for (unsigned i = 0; i < PLAIN_DROP_COUNT; i++)
		each(ctx, "plain", plain_drop_name(i), plain_drop_count(daemon_plain(d), i),
		     plain_drop_text(i));
	for (unsigned i = XTR_REFUSALS; i < XTR_COUNT_END; i++)
		each(ctx, "xtr", xtr_count_name(i), xtr_count_of(x, i), xtr_count_text(i));
	for (unsigned i = RTR_REFUSALS; d->vr->rtr != NULL && i < RTR_COUNT_END; i++)
		each(ctx, "rtr", rtr_count_name(i), rtr_count_of(d->vr->rtr, i), rtr_count_text(i));
	for (unsigned i = MS_REFUSALS; ms != NULL && i < MS_COUNT_END; i++)
		each(ctx, "map-server", ms_count_name(i), mapserver_count(ms, i), ms_count_text(i));
}

static void
worker_drops(const struct workers *ws, daemon_drop_fn *each, void *ctx)
{
	for (unsigned reason = WORKER_DROPS; workers_count(ws) > 0 && reason < WORKER_DROPS_END;
	     reason++) {
		enum worker_counter counter = (enum worker_counter)reason;
		uint64_t sum = 0;

		for (unsigned i = 0; i < workers_count(ws); i++)
			sum += workers_counter(ws, i, counter);
		each(ctx, "workers", worker_counter_name(counter), sum,
		     worker_counter_text(counter));
	}
}

void
daemon_drops(const struct daemon *d, daemon_drop_fn *each, void *ctx)
{
	for (unsigned i = 0; i < DROP_COUNT; i++)
		each(ctx, "router", vr_drop_name((enum vr_drop)i), d->vr->drops[i],
		     vr_drop_text((enum vr_drop)i));
	for (unsigned i = 0; tunnel_drop_name(i) != NULL; i++)
		each(ctx, tunnel_drop_where(i), tunnel_drop_name(i),
		     tunnel_drop_count(d->tunnel, i), tunnel_drop_text(i));
	for (size_t i = 0; i < d->port_count; i++)
		port_drops(&d->ports[i], each, ctx);
	worker_drops(d->workers, each, ctx);
	if (d->ctl_port != NULL)
		each(ctx, "management", "garbage", ctl_port_garbage(d->ctl_port),
		     "a line on the management port that is no request");
	if (d->vr->mapsys != NULL)
		lisp_drops(d, each, ctx);
}

static void
log_drop(void *ctx, const char *where, const char *reason, uint64_t count, const char *text)
{
	struct log *log = ctx;

	if (count > 0)
		log_line(log, LOG_INFO, "drop", "%s %s %llu: %s", where, reason,
			 (unsigned long long)count, text);
}

void
daemon_dump(const struct daemon *d)
{
	char *stats = daemon_ctl_stats(d);

	if (stats != NULL)
		log_json(d->log, LOG_INFO, "stats", stats);
	free(stats);
	/* Each reason that has happened has a line. */
	daemon_drops(d, log_drop, d->log);
}
