/* What the daemon remembers across a restart, and how it comes back. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vr/daemon.h"

static void
keep_binding(void *ctx, const struct binding *b)
{
	struct daemon *d = ctx;

	state_add(d->state, &(struct state_row){.kind = STATE_BINDING, .binding = *b});
}

static void
begin(struct daemon *d)
{
	d->state_waits = false;
	d->state_walks = true;
	d->state_position = 0;
	d->state_written = loop_now();
	state_begin(d->state);
	state_add(d->state,
		  &(struct state_row){.kind = STATE_CLOCK, .value = tunnel_clock(d->tunnel)});
	for (size_t i = 0; i < d->peer_count; i++)
		state_add(d->state,
			  &(struct state_row){.kind = STATE_HEARD,
					      .peer = d->peers[i].id,
					      .value = tunnel_heard(d->tunnel, d->peers[i].slot)});
	daemon_lisp_keep(d);
}

static bool
gather(struct daemon *d, size_t count)
{
	if (!vr_keep(d->vr, &d->state_position, count, keep_binding, d))
		return false;
	d->state_walks = false;
	state_commit(d->state);
	return true;
}

/* Records looked at in one turn: well below the time that a batch of packets takes. */
#define STATE_TURN 1024

bool
daemon_state_step(struct daemon *d)
{
	if (!d->state_walks)
		begin(d);
	return gather(d, STATE_TURN);
}

void
daemon_state_write(struct daemon *d)
{
	begin(d);
	BUG_IF(!gather(d, SIZE_MAX));
}

static void
recall_row(void *ctx, const struct state_row *row)
{
	struct daemon *d = ctx;

	switch (row->kind) {
	case STATE_BINDING:
		vr_recall(d->vr, &row->binding, loop_now());
		break;
	case STATE_CLOCK:
		d->clock_floor = row->value;
		break;
	case STATE_REGISTERED:
	case STATE_ETR:
		daemon_lisp_recall(d, row);
		break;
	case STATE_HEARD:
		for (size_t i = 0; i < d->peer_count; i++)
			if (vr_id_equal(d->peers[i].id, row->peer))
				d->peers[i].heard_floor = row->value;
		break;
	}
}

/* It is written first when something has to be kept: too late to find out that it cannot be. */
static int
make_directory(const char *path)
{
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -errno;
	return faccessat(AT_FDCWD, path, W_OK | X_OK, AT_EACCESS) == 0 ? 0 : -errno;
}

int
daemon_state_open(struct daemon *d)
{
	const char *directory = d->conf->state_dir;
	int err = make_directory(directory);
	char *file;

	if (err != 0) {
		log_line(d->log, LOG_ERROR, "state", "%s: %s", directory, strerror(-err));
		return err;
	}
	if (asprintf(&file, "%s/%s.state", directory, d->conf->name) < 0)
		return -ENOMEM;
	err = state_create(file, d->log, &d->state);
	free(file);
	return err;
}

int
daemon_state_recall(struct daemon *d)
{
	return state_read(d->state, recall_row, d);
}
