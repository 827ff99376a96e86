/* The daemon's events: what the kernel has for us, what the router wants done, and what is due. */
#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "vr/ctl.h"
#include "vr/daemon.h"
#include "vr/workers.h"

/* The state file is written at most so often. */
#define STATE_PACE (1 * US_S)
/* News is written when the packets that caused it are on their way. */
#define STATE_DELAY (20 * US_MS)

/* ---- after every event ---- */

/* Runs what the event started and sets the timers. */
void
daemon_step(struct daemon *d, us_t now)
{
	if (d->vr->wake || now >= d->vr_due)
		d->vr_due = vr_run(d->vr, now);
	daemon_lisp_step(d, now);
	/* What was sent, or a new peer, may have brought a handshake forward; and that may wake the router. */
	loop_timer_set(d->tunnel_timer, tunnel_run(d->tunnel, now));
	loop_timer_set(d->vr_timer, d->vr->wake ? now : d->vr_due);
	if (d->ctl != NULL)
		daemon_ctl_events(d);
	/* Every event ends here, not every one by a flush. */
	daemon_lisp_mail(d);
	workers_settle(d->workers);
}

void
daemon_flush(struct daemon *d)
{
	tunnel_flush(d->tunnel);
	daemon_lisp_flush(d);
	for (size_t i = 0; i < d->port_count; i++)
		port_flush(d->ports[i].port);
}

static struct daemon_port *
port_of(struct daemon *d, vn_id_t vn)
{
	for (size_t i = 0; i < d->port_count; i++)
		if (d->ports[i].vn == vn)
			return &d->ports[i];
	return NULL;
}

/* ---- what the router wants done ---- */

static int
io_lan_send(void *ctx, vn_id_t vn, struct frame *f)
{
	struct daemon *d = ctx;

	workers_saw_other(d->workers);
	return port_send(port_of(d, vn)->port, f);
}

static int
io_lan_inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	struct daemon *d = ctx;

	workers_saw_other(d->workers);
	return port_inject(port_of(d, vn)->port, frame, size);
}

static void
io_lan_flush(void *ctx, vn_id_t vn)
{
	port_flush(port_of(ctx, vn)->port);
}

/* Control waits meanwhile. */
#define DRAIN_TIME (1 * US_MS)

static void
io_lan_drain(void *ctx, vn_id_t vn, us_t now)
{
	struct daemon *d = ctx;
	struct port *port = port_of(d, vn)->port;
	struct pollfd fds[] = {{.fd = port_bulk_fd(port), .events = POLLIN},
			       {.fd = workers_fd(d->workers), .events = POLLIN}};
	us_t end = loop_now() + DRAIN_TIME;

	/* From now on the workers send by what has changed. */
	workers_settle(d->workers);
	while (poll(fds, ARRAY_COUNT(fds), 0) > 0 && loop_now() < end) {
		port_bulk_readable(port, now);
		daemon_workers_take(d, now);
	}
}

static int
io_link_send(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	workers_saw_link(d->workers, slot, inner, f);
	return tunnel_send(d->tunnel, slot, inner, f, now);
}

static int
io_link_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct daemon *d = ctx;

	return tunnel_send_sync(d->tunnel, slot, msg, size, now);
}

static void
io_link_urge(void *ctx, uint32_t slot, us_t now)
{
	struct daemon *d = ctx;

	tunnel_peer_urge(d->tunnel, slot, now);
}

static bool
io_link_rloc(void *ctx, uint32_t slot, struct addr *rloc)
{
	struct tunnel_peer_stats stats;
	struct daemon *d = ctx;

	if (!tunnel_peer_stats(d->tunnel, slot, 0, &stats) || !stats.up)
		return false;
	*rloc = stats.endpoint.addr;
	return true;
}

static int
io_plain_send(void *ctx, const struct plain_to *to, struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	workers_saw_other(d->workers);
	return plain_send(daemon_plain(d), to, f, now);
}

static uint16_t
io_plain_mtu(void *ctx, struct addr rloc, us_t now)
{
	return plain_mtu(daemon_plain(ctx), rloc, now);
}

static us_t
io_clock(void *ctx)
{
	(void)ctx;
	return loop_now();
}

static int64_t
io_wall_ms(void *ctx)
{
	(void)ctx;
	return (int64_t)(loop_wall_ns() / 1000000);
}

static void
write_state_soon(struct daemon *d)
{
	us_t due = loop_now() + STATE_DELAY;

	if (due < d->state_written + STATE_PACE)
		due = d->state_written + STATE_PACE;
	loop_timer_set(d->state_timer, due);
}

static void
io_persist(void *ctx)
{
	struct daemon *d = ctx;

	if (d->state_waits)
		return;
	d->state_waits = true;
	/* While a writing is under way, the timer is its own. */
	if (!d->state_walks)
		write_state_soon(d);
}

const struct vr_io daemon_vr_io = {.lan_send = io_lan_send,
				   .lan_inject = io_lan_inject,
				   .lan_flush = io_lan_flush,
				   .lan_drain = io_lan_drain,
				   .link_send = io_link_send,
				   .link_sync = io_link_sync,
				   .link_urge = io_link_urge,
				   .link_rloc = io_link_rloc,
				   .plain_send = io_plain_send,
				   .plain_mtu = io_plain_mtu,
				   .clock = io_clock,
				   .wall_ms = io_wall_ms,
				   .persist = io_persist,
				   .act = daemon_underlay_act};

/* ---- what comes in ---- */

static void
on_tunnel_data(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	vr_link_data(d->vr, slot, inner, f, now);
}

static void
on_tunnel_sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	struct daemon *d = ctx;

	vr_link_sync(d->vr, slot, msg, size, now);
}

static void
on_batch_end(void *ctx, us_t now)
{
	(void)now;
	daemon_flush(ctx);
}

static void
on_tunnel_session(void *ctx, uint32_t slot, bool up, us_t now)
{
	struct daemon *d = ctx;

	vr_link_session(d->vr, slot, up, now);
}

static void
on_tunnel_mtu(void *ctx, uint32_t slot, uint16_t inner_mtu, us_t now)
{
	struct daemon *d = ctx;

	(void)now;
	vr_link_mtu(d->vr, slot, inner_mtu);
}

const struct tunnel_ops daemon_tunnel_ops = {.data = on_tunnel_data,
					     .sync = on_tunnel_sync,
					     .batch_end = on_batch_end,
					     .session = on_tunnel_session,
					     .mtu = on_tunnel_mtu,
					     .persist = io_persist};

static void
on_port_frame(void *ctx, unsigned number, struct frame *f, us_t now)
{
	struct daemon *d = ctx;

	vr_lan_frame(d->vr, d->ports[number].vn, f, now);
}

static void
on_port_control(void *ctx, unsigned number, const uint8_t *frame, size_t size, bool outgoing,
		us_t now)
{
	struct daemon *d = ctx;

	vr_lan_control(d->vr, d->ports[number].vn, frame, size, outgoing, now);
}

static void
on_port_beside(void *ctx, unsigned number, const uint8_t *frame, size_t size, us_t now)
{
	struct daemon *d = ctx;

	vr_lan_beside(d->vr, d->ports[number].vn, frame, size, now);
}

static void on_bulk_readable(void *ctx, us_t now);
static void on_control_readable(void *ctx, us_t now);

static void
watch_port(struct daemon *d, struct daemon_port *p, int fd, loop_fn *fn)
{
	if (fd >= 0 && loop_watch_packets(d->loop, fd, fn, p) != 0)
		log_line(d->log, LOG_ERROR, "port", "VN %u: no memory: restart", p->vn);
}

static void
watch_control(struct daemon *d, struct daemon_port *p)
{
	int fd = port_control_fd(p->port);

	if (fd >= 0 && loop_watch_first(d->loop, fd, on_control_readable, p) != 0)
		log_line(d->log, LOG_ERROR, "port", "VN %u: no memory: restart", p->vn);
}

static void
on_port_closing(void *ctx, unsigned number)
{
	struct daemon *d = ctx;
	struct daemon_port *p = &d->ports[number];

	workers_port_closing(d->workers, number);
	loop_unwatch(d->loop, port_bulk_fd(p->port));
	loop_unwatch(d->loop, port_control_fd(p->port));
	p->is_watched = false;
}

static void
on_port_changed(void *ctx, unsigned number, us_t now)
{
	struct daemon *d = ctx;
	struct daemon_port *p = &d->ports[number];

	if (!p->is_watched && port_bulk_fd(p->port) >= 0) {
		watch_port(d, p, port_bulk_fd(p->port), on_bulk_readable);
		watch_control(d, p);
		p->is_watched = true;
	}
	workers_port_changed(d->workers, number, p->port, p->vn);
	vr_lan_changed(d->vr, p->vn, port_mac(p->port), port_mtu(p->port), port_is_up(p->port),
		       now);
}

const struct port_ops daemon_port_ops = {.frame = on_port_frame,
					 .control = on_port_control,
					 .beside = on_port_beside,
					 .batch_end = on_batch_end,
					 .closing = on_port_closing,
					 .changed = on_port_changed};

static void
on_bulk_readable(void *ctx, us_t now)
{
	struct daemon_port *p = ctx;

	port_bulk_readable(p->port, now);
	daemon_step(p->daemon, now);
}

static void
on_control_readable(void *ctx, us_t now)
{
	struct daemon_port *p = ctx;

	port_control_readable(p->port, now);
	daemon_flush(p->daemon);
	daemon_step(p->daemon, now);
}

static void
run_ports(struct daemon *d, us_t now)
{
	us_t due = US_NEVER;

	for (size_t i = 0; i < d->port_count; i++) {
		us_t next = port_run(d->ports[i].port, now);

		due = next < due ? next : due;
	}
	loop_timer_set(d->port_timer, due);
	daemon_step(d, now);
	daemon_flush(d);
}

static void
on_link_event(void *ctx, us_t now)
{
	struct daemon_port *p = ctx;

	port_link_event_readable(p->port, now);
	run_ports(p->daemon, now);
}

static void
on_port_timer(void *ctx, us_t now)
{
	run_ports(ctx, now);
}

static void
on_tunnel_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	fwd_memo_open(d->vr);
	tunnel_readable(d->tunnel, now);
	fwd_memo_close(d->vr);
	daemon_step(d, now);
}

static void
on_urgent_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	fwd_memo_open(d->vr);
	tunnel_urgent_readable(d->tunnel, now);
	fwd_memo_close(d->vr);
	daemon_step(d, now);
}

static void
on_tunnel_opened(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	fwd_memo_open(d->vr);
	tunnel_opened(d->tunnel, now);
	fwd_memo_close(d->vr);
	daemon_step(d, now);
}

static void
on_streams_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	fwd_memo_open(d->vr);
	tunnel_streams_readable(d->tunnel, now);
	fwd_memo_close(d->vr);
	daemon_step(d, now);
}

static void
on_vr_timer(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	daemon_step(d, now);
	daemon_flush(d);
}

static void
on_tunnel_timer(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	daemon_step(d, now);
	daemon_flush(d);
}

static void
on_ctl_readable(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	/* Who asks is told of what the workers have done up to now. */
	(void)workers_run(d->workers, now);
	ctl_readable(d->ctl, now);
	loop_timer_set(d->ctl_timer, ctl_run(d->ctl, now));
	daemon_step(d, now);
}

static void
on_ctl_timer(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	loop_timer_set(d->ctl_timer, ctl_run(d->ctl, now));
}

static void
on_state_timer(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	if (!daemon_state_step(d))
		loop_timer_set(d->state_timer, now);
	else if (d->state_waits)
		write_state_soon(d);
}

static void
on_stop(void *ctx, us_t now)
{
	struct daemon *d = ctx;

	(void)now;
	log_line(d->log, LOG_INFO, "main", "stopping");
	loop_stop(d->loop);
}

static void
on_hup(void *ctx, us_t now)
{
	struct daemon_reload result;
	struct daemon *d = ctx;

	/* After a log rotation the old file is gone. */
	(void)log_reopen(d->log);
	daemon_reload(d, &result, now);
	daemon_reload_fini(&result);
	daemon_step(d, now);
}

static void
on_usr1(void *ctx, us_t now)
{
	(void)now;
	daemon_dump(ctx);
}

int
daemon_timers(struct daemon *d)
{
	struct loop *l = d->loop;

	d->vr_timer = loop_timer(l, on_vr_timer, d);
	d->tunnel_timer = loop_timer(l, on_tunnel_timer, d);
	d->ctl_timer = loop_timer(l, on_ctl_timer, d);
	d->state_timer = loop_timer(l, on_state_timer, d);
	d->port_timer = loop_timer(l, on_port_timer, d);
	if (d->vr_timer == NULL || d->tunnel_timer == NULL || d->ctl_timer == NULL ||
	    d->state_timer == NULL || d->port_timer == NULL)
		return -ENOMEM;
	return 0;
}

int
daemon_watch(struct daemon *d)
{
	struct loop *l = d->loop;
	int err = 0;

	err = daemon_workers_watch(d);
	for (size_t i = 0; err == 0 && i < d->port_count; i++)
		err = loop_watch(l, port_link_event_fd(d->ports[i].port), on_link_event,
				 &d->ports[i]);
	for (size_t i = 0; err == 0 && i < d->port_count; i++)
		err = loop_watch_packets(l, port_bulk_fd(d->ports[i].port), on_bulk_readable,
					 &d->ports[i]);
	for (size_t i = 0; err == 0 && i < d->port_count; i++)
		err = loop_watch_first(l, port_control_fd(d->ports[i].port), on_control_readable,
				       &d->ports[i]);
	for (size_t i = 0; i < d->port_count; i++)
		d->ports[i].is_watched = true;
	if (err == 0)
		err = loop_watch_packets(l, tunnel_fd(d->tunnel), on_tunnel_readable, d);
	if (err == 0 && tunnel_urgent_fd(d->tunnel) >= 0)
		err = loop_watch_first(l, tunnel_urgent_fd(d->tunnel), on_urgent_readable, d);
	if (err == 0 && tunnel_opened_fd(d->tunnel) >= 0)
		err = loop_watch(l, tunnel_opened_fd(d->tunnel), on_tunnel_opened, d);
	if (err == 0)
		err = loop_watch(l, tunnel_streams_fd(d->tunnel), on_streams_readable, d);
	if (err == 0)
		err = daemon_lisp_watch(d);
	if (err == 0)
		err = daemon_underlay_watch(d);
	if (err == 0)
		err = loop_watch(l, ctl_fd(d->ctl), on_ctl_readable, d);
	if (err == 0)
		err = loop_signal(l, SIGTERM, on_stop, d);
	if (err == 0)
		err = loop_signal(l, SIGINT, on_stop, d);
	if (err == 0)
		err = loop_signal(l, SIGHUP, on_hup, d);
	if (err == 0)
		err = loop_signal(l, SIGUSR1, on_usr1, d);
	return err;
}
