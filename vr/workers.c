/* The control thread's side of the data workers: see workers.h. */
#include "vr/workers.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include "base/counter.h"
#include "vr/tunnel.h"
#include "vr/udp.h"
#include "vr/vr.h"
#include "vr/workers_link.h"
#include "wire/eth.h"

#define MODULE "workers"
/* Frames of one worker that are handled before others get their turn. */
#define BATCH 64
/* While there is something to do, it is counted so often; and so long after that. */
#define COUNT_PACE (20 * US_MS)
#define COUNT_TIME (2 * US_S)
/* Where the TTL is in a frame. */
#define TTL_AT (ETH_SIZE + 8)

#define AUTOMATIC_MAX  8
#define AUTOMATIC_FROM 3

static const struct counter counters[] = {WORKER_COUNTERS(COUNTER_ROW)};

unsigned
workers_automatic(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 0;
	count = CPU_COUNT(&set);
	if (count < AUTOMATIC_FROM)
		return 0;
	return count - 1 < AUTOMATIC_MAX ? (unsigned)count - 1 : AUTOMATIC_MAX;
}

/* ---- life ---- */

static void
worker_destroy(struct worker *w)
{
	if (w == NULL)
		return;
	for (size_t i = 0; w->ports != NULL && i < w->all->conf.port_count; i++)
		port_packet_destroy(w->ports[i].packet);
	if (w->wake_fd >= 0)
		close(w->wake_fd);
	ring_destroy(w->up);
	ring_destroy(w->down);
	flow_cache_destroy(w->cache);
	udp_destroy(w->udp);
	free(w->ports);
	free(w->fds);
	free(w);
}

static struct worker *
worker_create(struct workers *ws, unsigned number, int *err)
{
	size_t lines = (sizeof(struct worker) + 63) / 64 * 64, ports = ws->conf.port_count;
	struct worker *w = aligned_alloc(64, lines);

	*err = -ENOMEM;
	if (w == NULL)
		return NULL;
	memset(w, 0, sizeof(*w));
	w->all = ws;
	w->number = number;
	epoch_leave(&w->reader);
	w->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->up = ring_create(WORKER_UP_SIZE);
	w->down = ring_create(WORKER_DOWN_SIZE);
	w->cache = flow_cache_create(ws->conf.key);
	w->ports = calloc(ports + 1, sizeof(*w->ports));
	w->fds = calloc(ports + 1, sizeof(*w->fds));
	if (w->up != NULL && w->down != NULL && w->cache != NULL && w->ports != NULL &&
	    w->fds != NULL)
		*err = w->wake_fd < 0 ? -errno : udp_share(tunnel_udp(ws->conf.tunnel), &w->udp);
	if (*err == 0)
		return w;
	worker_destroy(w);
	return NULL;
}

int
workers_create(const struct workers_conf *conf, struct workers **out)
{
	struct workers *ws = aligned_alloc(64, (sizeof(*ws) + 63) / 64 * 64);
	int err = 0;

	if (ws == NULL)
		return -ENOMEM;
	memset(ws, 0, sizeof(*ws));
	ws->conf = *conf;
	atomic_store(&ws->epoch.now, 1);
	ws->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ws->rows = calloc(conf->count, sizeof(struct worker *));
	ws->ports = calloc(conf->port_count + 1, sizeof(struct port *));
	ws->port_confs = calloc(conf->port_count + 1, sizeof(*ws->port_confs));
	ws->vns = calloc(conf->port_count + 1, sizeof(*ws->vns));
	if (ws->fd < 0 || ws->rows == NULL || ws->ports == NULL || ws->port_confs == NULL ||
	    ws->vns == NULL)
		err = -ENOMEM;
	for (unsigned i = 0; err == 0 && i < conf->count; i++)
		ws->rows[i] = worker_create(ws, i, &err);
	if (err != 0) {
		workers_destroy(ws);
		return err;
	}
	*out = ws;
	return 0;
}

void
workers_destroy(struct workers *ws)
{
	if (ws == NULL)
		return;
	workers_stop(ws);
	workers_links_free(ws);
	for (unsigned i = 0; ws->rows != NULL && i < ws->conf.count; i++)
		worker_destroy(ws->rows[i]);
	if (ws->fd >= 0)
		close(ws->fd);
	free(ws->rows);
	free(ws->ports);
	free(ws->port_confs);
	free(ws->vns);
	free(ws);
}

void
workers_stop(struct workers *ws)
{
	uint64_t one = 1;

	for (unsigned i = 0; ws->rows != NULL && i < ws->conf.count; i++) {
		struct worker *w = ws->rows[i];

		if (w == NULL || !w->is_running)
			continue;
		atomic_store_explicit(&w->stop, true, memory_order_release);
		BUG_IF(write(w->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one));
	}
	for (unsigned i = 0; ws->rows != NULL && i < ws->conf.count; i++) {
		struct worker *w = ws->rows[i];

		if (w == NULL || !w->is_running)
			continue;
		pthread_join(w->thread, NULL);
		w->is_running = false;
		BUG_IF(read(w->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one));
	}
}

int
workers_start(struct workers *ws)
{
	for (unsigned i = 0; i < ws->conf.count; i++) {
		struct worker *w = ws->rows[i];
		sigset_t all, before;
		int err;

		atomic_store_explicit(&w->stop, false, memory_order_relaxed);
		/* Signals are for the event loop. */
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(&w->thread, NULL, worker_main, w);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
		if (err != 0) {
			workers_stop(ws);
			return -err;
		}
		w->is_running = true;
	}
	return 0;
}

/* ---- ports ---- */

/* No thread runs. */
static void
close_port(struct workers *ws, unsigned number)
{
	for (unsigned i = 0; i < ws->conf.count; i++) {
		struct worker_port *p = &ws->rows[i]->ports[number];

		port_packet_destroy(p->packet);
		*p = (struct worker_port){.packet = NULL};
	}
	ws->ports[number] = NULL;
}

static int
open_port(struct workers *ws, unsigned number, struct port *port)
{
	struct port_packet_conf conf = ws->port_confs[number];
	int rc = 0;

	conf.fanout = PORT_FANOUT_FIRST;
	for (unsigned i = 0; rc == 0 && i < ws->conf.count; i++) {
		struct worker_port *p = &ws->rows[i]->ports[number];

		rc = port_packet_create(&conf, &p->packet);
		if (rc == 0)
			conf.fanout_group = port_packet_fanout(p->packet);
		conf.fanout = PORT_FANOUT_NEXT;
		p->vn = ws->vns[number];
	}
	/* Not before they are all there, so that each flow finds its own. */
	if (rc == 0)
		rc = port_bulk_hear(port, false);
	for (unsigned i = 0; rc == 0 && i < ws->conf.count; i++)
		rc = port_packet_hear(ws->rows[i]->ports[number].packet, true);
	ws->ports[number] = port;
	return rc;
}

static void
run_threads(struct workers *ws)
{
	int rc = workers_start(ws);

	if (rc == 0)
		return;
	log_line(ws->conf.log, LOG_ERROR, MODULE, "cannot start a thread: %s", strerror(-rc));
	for (unsigned i = 0; i < ws->conf.port_count; i++) {
		struct port *port = ws->ports[i];

		if (port == NULL)
			continue;
		close_port(ws, i);
		rc = port_bulk_hear(port, true);
		if (rc != 0)
			log_line(ws->conf.log, LOG_ERROR, MODULE, "VN %u: %s", ws->vns[i],
				 strerror(-rc));
	}
}

void
workers_port_closing(struct workers *ws, unsigned number)
{
	if (ws == NULL || ws->ports[number] == NULL)
		return;
	workers_stop(ws);
	close_port(ws, number);
	run_threads(ws);
}

static bool
is_same(const struct port_packet_conf *a, const struct port_packet_conf *b)
{
	return a->index == b->index && mac_equal(a->mac, b->mac) && a->mtu == b->mtu;
}

void
workers_port_changed(struct workers *ws, unsigned number, struct port *port, vn_id_t vn)
{
	struct port_packet_conf conf;
	int rc;

	if (ws == NULL || !port_bulk_conf(port, &conf) ||
	    (ws->ports[number] != NULL && is_same(&conf, &ws->port_confs[number])))
		return;
	workers_stop(ws);
	close_port(ws, number);
	ws->port_confs[number] = conf;
	ws->vns[number] = vn;
	rc = open_port(ws, number, port);
	if (rc != 0) {
		log_line(ws->conf.log, LOG_ERROR, MODULE, "VN %u: it stays with one thread: %s", vn,
			 strerror(-rc));
		close_port(ws, number);
		rc = port_bulk_hear(port, true);
	}
	if (rc != 0)
		log_line(ws->conf.log, LOG_ERROR, MODULE, "VN %u: %s", vn, strerror(-rc));
	run_threads(ws);
}

/* ---- decisions ---- */

void
workers_saw_link(struct workers *ws, uint32_t slot, const struct seal_inner *inner,
		 const struct frame *f)
{
	if (ws == NULL || !ws->saw.is_watched)
		return;
	ws->saw.count++;
	ws->saw.slot = slot;
	ws->saw.data = f->data;
	/* A redirected packet says more of itself than its key does. */
	if ((inner->flags & ~SEAL_FLAG_CSUM_PARTIAL) != 0)
		ws->saw.is_other = true;
}

void
workers_saw_other(struct workers *ws)
{
	if (ws != NULL)
		ws->saw.is_other = true;
}

void
workers_settle(struct workers *ws)
{
	uint64_t changes;

	if (ws == NULL)
		return;
	/* Each only grows: their sum stays the same only if both do. */
	changes = ws->conf.vr->changes + tunnel_changes(ws->conf.tunnel);
	if (changes == ws->changes)
		return;
	ws->changes = changes;
	epoch_advance(&ws->epoch);
}

static struct addr
address_of(const uint8_t bytes[4])
{
	struct addr a = {.family = ADDR_V4};

	memcpy(a.b, bytes, 4);
	return a;
}

static void
decide(struct workers *ws, struct worker *w, const struct note *note, bool counts_hop, us_t now)
{
	vn_id_t vn = ws->vns[note->key.port];
	struct flow flow = {.key = note->key,
			    .epoch = epoch_now(&ws->epoch),
			    .vn = vn,
			    .counts_hop = counts_hop,
			    .told = now};
	void *room;

	if (!vr_lan_is_settled(ws->conf.vr, vn, note->key.from, address_of(note->key.src)))
		return;
	flow.link = workers_link(ws, ws->saw.slot);
	room = flow.link != NULL ? ring_room(w->down, sizeof(flow)) : NULL;
	if (room == NULL)
		return;
	memcpy(room, &flow, sizeof(flow));
	ring_put(w->down, sizeof(flow));
}

static void
handle_frame(struct workers *ws, struct worker *w, struct note *note, us_t now)
{
	uint8_t *data = (uint8_t *)(note + 1) + FRAME_HEADROOM;
	struct frame f = {.data = data,
			  .size = note->size,
			  .gso_size = note->gso_size,
			  .gso = note->gso,
			  .csum_partial = note->csum_partial,
			  .csum_verified = note->csum_verified};
	uint8_t ttl = note->is_plain ? data[TTL_AT] : 0;
	uint64_t time;

	workers_settle(ws);
	time = epoch_now(&ws->epoch);
	memset(&ws->saw, 0, sizeof(ws->saw));
	ws->saw.is_watched = note->is_plain;
	vr_lan_frame(ws->conf.vr, ws->vns[note->key.port], &f, now);
	ws->saw.is_watched = false;
	w->handled = note->number;
	workers_settle(ws);
	/* What it has changed may change what is decided about the next one. */
	if (note->is_plain && ws->saw.count == 1 && !ws->saw.is_other &&
	    ws->saw.data == data + ETH_SIZE && epoch_now(&ws->epoch) == time)
		decide(ws, w, note, data[TTL_AT] != ttl, now);
}

static void
handle(struct workers *ws, struct worker *w, struct note *note, us_t now)
{
	switch ((enum note_kind)note->kind) {
	case NOTE_FRAME:
		handle_frame(ws, w, note, now);
		break;
	case NOTE_SEEN:
		vr_lan_seen(ws->conf.vr, ws->vns[note->key.port], note->key.from,
			    address_of(note->key.src), now);
		break;
	case NOTE_REFUSED:
		tunnel_refused(ws->conf.tunnel, note->slot, note->size, now);
		break;
	}
}

void
workers_readable(struct workers *ws, us_t now)
{
	uint64_t count, one = 1;
	bool more = false;

	/* Before the rings are looked at: what comes meanwhile is said again. */
	if (read(ws->fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	ws->active = now;
	for (unsigned i = 0; i < ws->conf.count; i++) {
		struct worker *w = ws->rows[i];
		struct note *note = NULL;
		size_t size;

		for (unsigned n = 0; n < BATCH && (note = ring_next(w->up, &size)) != NULL; n++)
			handle(ws, w, note, now);
		more = more || note != NULL;
	}
	if (more && write(ws->fd, &one, sizeof(one)) < 0)
		return;
}

void
workers_flushed(struct workers *ws)
{
	for (unsigned i = 0; i < ws->conf.count; i++) {
		struct worker *w = ws->rows[i];

		ring_release(w->up);
		atomic_store_explicit(&w->done, w->handled, memory_order_release);
	}
}

us_t
workers_run(struct workers *ws, us_t now)
{
	if (ws == NULL)
		return US_NEVER;
	if (workers_links_run(ws, now))
		ws->active = now;
	return ws->active != 0 && now - ws->active < COUNT_TIME ? now + COUNT_PACE : US_NEVER;
}

int
workers_fd(const struct workers *ws)
{
	return ws != NULL ? ws->fd : -1;
}

/* ---- counters ---- */

unsigned
workers_count(const struct workers *ws)
{
	return ws != NULL ? ws->conf.count : 0;
}

uint64_t
workers_counter(const struct workers *ws, unsigned worker, enum worker_counter counter)
{
	return atomic_load_explicit(&ws->rows[worker]->counters[counter], memory_order_relaxed);
}

const char *
worker_counter_name(enum worker_counter counter)
{
	return counters[counter].name;
}

const char *
worker_counter_text(enum worker_counter counter)
{
	return counters[counter].text;
}
