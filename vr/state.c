/* What must survive a restart: see state.h. */
#include "vr/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/fmt.h"

struct state {
	char *file, *draft; /* the draft is written, then takes the file's place */
	struct log *log;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock: the text that waits for the thread. */
	char *waiting;
	size_t waiting_size;
	bool stop;
	/* The loop's own: the text being built. */
	FILE *build;
	char *text;
	size_t size;
};

static int
write_all(int fd, const char *text, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, text, size);

		if (n < 0)
			return -errno;
		text += n;
		size -= (size_t)n;
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

static int
replace_file(const struct state *s, const char *text, size_t size)
{
	int fd = open(s->draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = write_all(fd, text, size);
	close(fd);
	if (err == 0 && rename(s->draft, s->file) != 0)
		err = -errno;
	return err;
}

static void *
writer(void *arg)
{
	struct state *s = arg;
	bool stop;

	do {
		char *text;
		size_t size;
		int err;

		pthread_mutex_lock(&s->lock);
		while (s->waiting == NULL && !s->stop)
			pthread_cond_wait(&s->wake, &s->lock);
		text = s->waiting;
		size = s->waiting_size;
		s->waiting = NULL;
		stop = s->stop;
		pthread_mutex_unlock(&s->lock);
		if (text == NULL)
			continue;
		err = replace_file(s, text, size);
		if (err != 0)
			log_line(s->log, LOG_ERROR, "state", "%s: %s", s->file, strerror(-err));
		free(text);
	} while (!stop);
	return NULL;
}

int
state_create(const char *file, struct log *log, struct state **out)
{
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (s == NULL)
		return -ENOMEM;
	s->log = log;
	s->file = strdup(file);
	if (s->file == NULL || asprintf(&s->draft, "%s.new", file) < 0) {
		free(s->file);
		free(s);
		return -ENOMEM;
	}
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	err = pthread_create(&s->thread, NULL, writer, s);
	if (err != 0) {
		free(s->file);
		free(s->draft);
		free(s);
		return -err;
	}
	*out = s;
	return 0;
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
	if (s->build != NULL)
		fclose(s->build);
	free(s->text);
	free(s->waiting);
	free(s->file);
	free(s->draft);
	free(s);
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
	    mac_is_zero(b->mac) || vr_id_is_none(b->vr))
		return -EINVAL;
	b->kind = (uint8_t)kind;
	b->withdrawn = withdrawn != 0;
	row->kind = STATE_BINDING;
	return 0;
}

static int
parse_row(const char *line, struct state_row *row)
{
	*row = (struct state_row){0};
	if (strncmp(line, "binding ", 8) == 0)
		return parse_binding(line, row);
	if (sscanf(line, "clock %" SCNu64, &row->value) == 1) {
		row->kind = STATE_CLOCK;
		return 0;
	}
	if (sscanf(line, "heard %" SCNx64 " %" SCNu64, &row->peer.v, &row->value) == 2) {
		row->kind = STATE_HEARD;
		return 0;
	}
	return -EINVAL;
}

int
state_read(const struct state *s, void (*each)(void *ctx, const struct state_row *row), void *ctx)
{
	FILE *f = fopen(s->file, "re");
	char line[256];
	unsigned bad = 0;

	if (f == NULL)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), f) != NULL) {
		struct state_row row;

		if (line[0] == '#')
			continue;
		if (parse_row(line, &row) == 0)
			each(ctx, &row);
		else
			bad++;
	}
	fclose(f);
	if (bad > 0)
		log_line(s->log, LOG_WARNING, "state",
			 "%s: %u lines make no sense and are left out", s->file, bad);
	return 0;
}

void
state_begin(struct state *s)
{
	s->build = open_memstream(&s->text, &s->size);
	if (s->build != NULL)
		fputs("# Remembered by vrd across a restart; written anew whenever it changes.\n",
		      s->build);
}

void
state_add(struct state *s, const struct state_row *row)
{
	const struct binding *b = &row->binding;

	if (s->build == NULL)
		return;
	switch (row->kind) {
	case STATE_BINDING:
		fprintf(s->build, "binding %" PRIu32 " %s %s %" PRIx64 " %" PRIu64 " %u %u\n",
			b->vn, fmt_addr(b->ip).s, fmt_mac(b->mac).s, b->vr.v, b->mobility, b->kind,
			b->withdrawn);
		break;
	case STATE_CLOCK:
		fprintf(s->build, "clock %" PRIu64 "\n", row->value);
		break;
	case STATE_HEARD:
		fprintf(s->build, "heard %" PRIx64 " %" PRIu64 "\n", row->peer.v, row->value);
		break;
	}
}

void
state_commit(struct state *s)
{
	char *old;

	if (s->build == NULL || fclose(s->build) != 0) {
		s->build = NULL;
		log_line(s->log, LOG_ERROR, "state", "no memory to write %s", s->file);
		free(s->text);
		s->text = NULL;
		return;
	}
	s->build = NULL;
	pthread_mutex_lock(&s->lock);
	old = s->waiting;
	s->waiting = s->text;
	s->waiting_size = s->size;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	s->text = NULL;
	free(old);
}
