/* The daemon's data workers. */
#include <errno.h>

#include "vr/crypto.h"
#include "vr/daemon.h"
#include "vr/workers.h"

unsigned
daemon_workers_count(const struct conf *conf)
{
	return conf->workers == CONF_WORKERS_AUTO ? workers_automatic()
						  : conf_workers_count(conf->workers);
}

int
daemon_workers_open(struct daemon *d)
{
	struct workers_conf conf = {.count = daemon_workers_count(d->conf),
				    .vr = d->vr,
				    .tunnel = d->tunnel,
				    .log = d->log,
				    .port_count = d->port_count};
	int err;

	if (conf.count == 0)
		return 0;
	err = crypto_random(&conf.key, sizeof(conf.key));
	if (err == 0)
		err = workers_create(&conf, &d->workers);
	if (err != 0)
		log_line(d->log, LOG_ERROR, "workers", "cannot make them: %s", strerror(-err));
	else
		log_line(d->log, LOG_INFO, "workers", "%u data workers", conf.count);
	return err;
}

static void
count_soon(struct daemon *d, us_t now)
{
	loop_timer_set(d->workers_timer, workers_run(d->workers, now));
}

void
daemon_workers_take(struct daemon *d, us_t now)
{
	if (d->workers == NULL)
		return;
	workers_readable(d->workers, now);
	daemon_flush(d);
	workers_flushed(d->workers);
	count_soon(d, now);
}

static void
on_workers_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	daemon_workers_take(d, now);
	daemon_step(d, now);
}

static void
on_workers_timer(void *ctx, us_t now)
{
	count_soon(ctx, now);
	daemon_step(ctx, now);
	daemon_flush(ctx);
}

int
daemon_workers_watch(struct daemon *d)
{
	int err;

	if (d->workers == NULL)
		return 0;
	d->workers_timer = loop_timer(d->loop, on_workers_timer, d);
	if (d->workers_timer == NULL)
		return -ENOMEM;
	err = loop_watch(d->loop, workers_fd(d->workers), on_workers_readable, d);
	for (size_t i = 0; err == 0 && i < d->port_count; i++)
		workers_port_changed(d->workers, (unsigned)i, d->ports[i].port, d->ports[i].vn);
	return err;
}
