/* What must survive a restart: see state.h. */
#include "vr/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/limits.h"
#include "vr/loop.h"

/* What could not be written is tried again so often. */
#define RETRY_PACE (1 * US_S)
/* A handshake timestamp beyond this, nanoseconds in the year 2262, was never one of ours. */
#define CLOCK_MAX INT64_MAX

/* What the file is to say.  Text is made of it in the thread: it takes longer than to gather it. */
struct content {
	struct state_row *rows;
	size_t count, room;
};

struct state {
	char *file, *draft; /* the draft is written, then takes the file's place */
	int lock_fd;        /* of a file whose lock says that 'file' is ours */
	struct log *log;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock: what waits for the thread. */
	struct content waiting;
	bool has_waiting;
	bool stop;
	/* The loop's own: what is being gathered. */
	struct content build;
	bool building;
};

/* etr SITE KEY-ID XTR-ID|- SITE-ID ADDRESS|none RESERVE */
static void
write_etr(FILE *out, const struct state_row *row)
{
	const struct state_etr *e = &row->etr;

	fprintf(out, "etr %s %u ", e->site, e->key_id);
	for (size_t i = 0; e->has_xtr_id && i < sizeof(e->xtr); i++)
		fprintf(out, "%02x", e->xtr[i]);
	fprintf(out, "%s %" PRIu64 " %s %" PRIu64 "\n", e->has_xtr_id ? "" : "-", e->site_id,
		fmt_addr(e->addr).s, row->value);
}

static void
write_row(FILE *out, const struct state_row *row)
{
	const struct binding *b = &row->binding;

	switch (row->kind) {
	case STATE_BINDING:
		fprintf(out, "binding %" PRIu32 " %s %s %" PRIx64 " %" PRIu64 " %u %u\n", b->vn,
			fmt_addr(b->ip).s, fmt_mac(b->mac).s, b->vr.v, b->mobility, b->kind,
			b->withdrawn);
		break;
	case STATE_CLOCK:
		fprintf(out, "clock %" PRIu64 "\n", row->value);
		break;
	case STATE_HEARD:
		fprintf(out, "heard %" PRIx64 " %" PRIu64 "\n", row->peer.v, row->value);
		break;
	case STATE_REGISTERED:
		fprintf(out, "registered %" PRIu64 "\n", row->value);
		break;
	case STATE_ETR:
		write_etr(out, row);
		break;
	}
}

/* All of it is on the disk, or a negative errno. */
static int
write_all(FILE *out, const struct content *c)
{
	fputs("# Remembered by vrd across a restart; written anew whenever it changes.\n", out);
	for (size_t i = 0; i < c->count; i++)
		write_row(out, &c->rows[i]);
	if (fflush(out) != 0 || ferror(out) != 0)
		return errno != 0 ? -errno : -EIO;
	return fsync(fileno(out)) == 0 ? 0 : -errno;
}

/* The new name is on the disk, too. */
static int
sync_directory(const char *file)
{
	char *path = strdup(file), *slash = path != NULL ? strrchr(path, '/') : NULL;
	int fd, err = 0;

	if (path == NULL)
		return -ENOMEM;
	if (slash != NULL)
		slash[slash == path] = '\0';
	fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return -errno;
	/* Some file systems have no such thing. */
	if (fsync(fd) != 0 && errno != EINVAL)
		err = -errno;
	close(fd);
	return err;
}

static int
replace_file(const struct state *s, const struct content *c)
{
	int fd = open(s->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
	int err = out == NULL ? -errno : 0;

	if (out == NULL) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	err = write_all(out, c);
	fclose(out);
	if (err == 0 && rename(s->draft, s->file) != 0)
		err = -errno;
	/* Half a draft is of no use, and a full disk needs its room. */
	if (err != 0)
		(void)unlink(s->draft);
	return err == 0 ? sync_directory(s->file) : err;
}

static void
content_free(struct content *c)
{
	free(c->rows);
	*c = (struct content){.rows = NULL};
}

/* Waits for a new content, which takes the place of '*c'; with 'again', for no longer than until '*c' is to be tried once
 * more.  False: there is nothing to write.  '*stop': it is the last time. */
static bool
wait_for_content(struct state *s, struct content *c, bool again, bool *stop)
{
	us_t due = loop_now() + RETRY_PACE;
	struct timespec at = {.tv_sec = due / US_S, .tv_nsec = due % US_S * 1000};
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	while (!s->has_waiting && !s->stop && rc != ETIMEDOUT)
		rc = again ? pthread_cond_timedwait(&s->wake, &s->lock, &at)
			   : pthread_cond_wait(&s->wake, &s->lock);
	if (s->has_waiting) {
		content_free(c);
		*c = s->waiting;
		s->waiting = (struct content){.rows = NULL};
		s->has_waiting = false;
		again = true;
	}
	*stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return again;
}

/* A disk that stays full is said once. */
static void
say_written(const struct state *s, int before, int err)
{
	if (err != 0 && err != before)
		log_line(s->log, LOG_ERROR, "state", "%s: %s", s->file, strerror(-err));
	else if (err == 0 && before != 0)
		log_line(s->log, LOG_INFO, "state", "%s: written again", s->file);
}

static void *
writer(void *arg)
{
	struct content c = {.rows = NULL};
	struct state *s = arg;
	bool stop;
	int err = 0;

	do {
		int before = err;

		if (!wait_for_content(s, &c, err != 0, &stop))
			continue;
		err = replace_file(s, &c);
		say_written(s, before, err);
		if (err == 0)
			content_free(&c);
	} while (!stop);
	content_free(&c);
	return NULL;
}

/* Two routers that write the same file would each forget what the other remembers; and they are the same router twice. The
 * lock ends with the process, however that ends; its file stays.  0, -EBUSY or another negative
 * errno. */
static int
lock_file(struct state *s)
{
	char *path;
	int err = 0;

	if (asprintf(&path, "%s.lock", s->file) < 0)
		return -ENOMEM;
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (s->lock_fd < 0)
		err = -errno;
	else if (flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (err != 0)
		log_line(s->log, LOG_ERROR, "state", "%s: %s", err == -EBUSY ? s->file : path,
			 err == -EBUSY ? "in use by another router, of the same name"
				       : strerror(-err));
	free(path);
	return err;
}

/* The thread's deadlines are on the loop's clock. */
static int
start_writer(struct state *s)
{
	pthread_condattr_t attr;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	err = pthread_create(&s->thread, NULL, writer, s);
	if (err == 0)
		return 0;
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	return -err;
}

static void
state_free(struct state *s)
{
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	content_free(&s->build);
	content_free(&s->waiting);
	free(s->file);
	free(s->draft);
	free(s);
}

int
state_create(const char *file, struct log *log, struct state **out)
{
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->log = log;
	s->lock_fd = -1;
	s->file = strdup(file);
	if (asprintf(&s->draft, "%s.new", file) < 0)
		s->draft = NULL;
	err = s->file == NULL || s->draft == NULL ? -ENOMEM : lock_file(s);
	if (err == 0)
		err = start_writer(s);
	if (err != 0)
		state_free(s);
	else
		*out = s;
	return err;
}

void
state_destroy(struct state *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	state_free(s);
}

/* binding VN EID MAC OWNER MOBILITY KIND WITHDRAWN */
static int
parse_binding(const char *line, struct state_row *row)
{
	struct binding *b = &row->binding;
	char ip[64], mac[32];
	unsigned kind, withdrawn;

	if (sscanf(line, "binding %" SCNu32 " %63s %31s %" SCNx64 " %" SCNu64 " %u %u", &b->vn, ip,
		   mac, &b->vr.v, &b->mobility, &kind, &withdrawn) != 7)
		return -EINVAL;
	if (b->vn > VN_ID_MAX || kind > BINDING_GATEWAY || withdrawn > 1 ||
	    addr_from_text(ip, &b->ip) != 0 || mac_from_text(mac, &b->mac) != 0)
		return -EINVAL;
	/* What no router would take must not get into a message to them. */
	if (addr_is_unspecified(b->ip) || addr_is_multicast(b->ip) || mac_is_multicast(b->mac) ||
	    mac_is_zero(b->mac) || vr_id_is_none(b->vr) || b->mobility > LIMITS_MOBILITY_MAX)
		return -EINVAL;
	b->kind = (uint8_t)kind;
	b->withdrawn = withdrawn != 0;
	row->kind = STATE_BINDING;
	return 0;
}

static int
parse_xtr_id(const char *text, struct state_etr *e)
{
	e->has_xtr_id = strcmp(text, "-") != 0;
	for (size_t i = 0; e->has_xtr_id && i < sizeof(e->xtr); i++)
		if (sscanf(text + 2 * i, "%2hhx", &e->xtr[i]) != 1)
			return -EINVAL;
	return 0;
}

static int
parse_etr(const char *line, struct state_row *row)
{
	struct state_etr *e = &row->etr;
	char xtr[33], addr[64];
	unsigned key_id;

	if (sscanf(line, "etr %63s %u %32s %" SCNu64 " %63s %" SCNu64, e->site, &key_id, xtr,
		   &e->site_id, addr, &row->value) != 6 ||
	    key_id > UINT8_MAX || (strcmp(xtr, "-") != 0 && strlen(xtr) != 32) ||
	    parse_xtr_id(xtr, e) != 0)
		return -EINVAL;
	if (strcmp(addr, "none") != 0 && addr_from_text(addr, &e->addr) != 0)
		return -EINVAL;
	e->key_id = (uint8_t)key_id;
	row->kind = STATE_ETR;
	return 0;
}

static int
parse_row(const char *line, struct state_row *row)
{
	*row = (struct state_row){0};
	if (strncmp(line, "binding ", 8) == 0)
		return parse_binding(line, row);
	if (sscanf(line, "clock %" SCNu64, &row->value) == 1) {
		/* No timestamp would be larger, and no handshake ever answered. */
		row->kind = STATE_CLOCK;
		return row->value <= CLOCK_MAX ? 0 : -EINVAL;
	}
	if (sscanf(line, "heard %" SCNx64 " %" SCNu64, &row->peer.v, &row->value) == 2) {
		row->kind = STATE_HEARD;
		return 0;
	}
	if (sscanf(line, "registered %" SCNu64, &row->value) == 1) {
		row->kind = STATE_REGISTERED;
		return 0;
	}
	if (strncmp(line, "etr ", 4) == 0)
		return parse_etr(line, row);
	return -EINVAL;
}

int
state_read(const struct state *s, void (*each)(void *ctx, const struct state_row *row), void *ctx)
{
	FILE *f = fopen(s->file, "re");
	int err = f == NULL ? -errno : 0;
	char line[256];
	unsigned bad = 0;

	if (err == -ENOENT)
		return 0;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct state_row row;

		if (line[0] == '#')
			continue;
		if (parse_row(line, &row) == 0)
			each(ctx, &row);
		else
			bad++;
	}
	if (f != NULL && ferror(f) != 0)
		err = errno != 0 ? -errno : -EIO;
	if (f != NULL)
		fclose(f);
	if (err != 0)
		log_line(s->log, LOG_ERROR, "state", "%s: cannot read it: %s", s->file,
			 strerror(-err));
	else if (bad > 0)
		log_line(s->log, LOG_WARNING, "state",
			 "%s: %u lines make no sense and are left out", s->file, bad);
	return err;
}

void
state_begin(struct state *s)
{
	s->build.count = 0;
	s->building = true;
}

void
state_add(struct state *s, const struct state_row *row)
{
	struct content *c = &s->build;

	if (!s->building)
		return;
	if (c->count == c->room) {
		size_t room = c->room == 0 ? 64 : 2 * c->room;
		struct state_row *rows = realloc(c->rows, room * sizeof(*rows));

		if (rows == NULL) {
			s->building = false;
			return;
		}
		c->rows = rows;
		c->room = room;
	}
	c->rows[c->count++] = *row;
}

void
state_commit(struct state *s)
{
	struct state_row *old;

	if (!s->building) {
		log_line(s->log, LOG_ERROR, "state", "no memory to write %s", s->file);
		return;
	}
	s->building = false;
	pthread_mutex_lock(&s->lock);
	old = s->waiting.rows;
	s->waiting = s->build;
	s->has_waiting = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	s->build = (struct content){0};
	free(old);
}
