/* The management port: see ctl_port.h. */
#include "vr/ctl_port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "vr/ctl_request.h"

#define MODULE     "management"
#define AGAIN_TIME (1 * US_S)
/* The other end is away: its return wakes us; if it does not, this does. */
#define AWAY_TIME (500 * US_MS)
#define READS_MAX 16
#define OUT_MAX   65536 /* nobody reads: further replies are dropped */

struct ctl_port {
	struct loop *loop;
	struct log *log;
	char *path;
	struct ctl_table table;
	int fd;       /* -1: not open */
	int epoll_fd; /* edges: a device whose other end is away is readable all the time */
	struct loop_timer *timer;
	char in[CTL_PORT_LINE_MAX + 1];
	size_t in_size;
	bool skips; /* up to the end of a line that is too long */
	struct ctl_out out;
	struct ctl_pending pending;
	uint64_t garbage;
	bool was_refused; /* the device could not be opened, which is said once */
	struct log_gate gate;
};

/* ---- lines ---- */

static void
count_garbage(struct ctl_port *p, us_t now)
{
	p->garbage++;
	if (log_gate_open(&p->gate, now))
		log_line(p->log, LOG_WARNING, MODULE, "%s: a line that is no request", p->path);
}

/* Is it meant for us?  "monitor" would have the other end hear of all machines. */
static bool
is_request(const char *line, size_t size, bool *is_known)
{
	cJSON *request = cJSON_ParseWithLength(line, size);
	const cJSON *cmd = cJSON_GetObjectItemCaseSensitive(request, "cmd");
	bool is = cJSON_IsObject(request) && cJSON_IsString(cmd);

	*is_known = is && strcmp(cmd->valuestring, "monitor") != 0;
	cJSON_Delete(request);
	return is;
}

static void
answer(struct ctl_port *p, const char *line, size_t size, us_t now)
{
	bool is_known;

	if (size > 0 && line[size - 1] == '\r')
		size--;
	if (size == 0)
		return;
	if (!is_request(line, size, &is_known)) {
		count_garbage(p, now);
		return;
	}
	if (ctl_out_size(&p->out) > OUT_MAX)
		return;
	/* Without memory there is no reply. */
	if (!is_known)
		(void)!ctl_refuse(&p->out, "unknown-command", "not on this port");
	else
		(void)!ctl_answer(&p->table, line, size, 0, &p->pending, &p->out);
}

/* Complete lines, one after the other, each when the one before it was answered. */
static void
take_lines(struct ctl_port *p, us_t now)
{
	char *end;

	while (p->pending.command == NULL && (end = memchr(p->in, '\n', p->in_size)) != NULL) {
		size_t size = (size_t)(end - p->in);

		*end = '\0';
		if (!p->skips)
			answer(p, p->in, size, now);
		p->skips = false;
		p->in_size -= size + 1;
		memmove(p->in, end + 1, p->in_size);
	}
	if (p->in_size > CTL_PORT_LINE_MAX && memchr(p->in, '\n', p->in_size) == NULL) {
		if (!p->skips)
			count_garbage(p, now);
		p->skips = true;
		p->in_size = 0;
	}
}

/* ---- the device ---- */

static void
close_device(struct ctl_port *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->in_size = 0;
	p->skips = false;
	p->out.start = p->out.end = 0;
}

static void
lose_device(struct ctl_port *p, int err, us_t now)
{
	log_line(p->log, LOG_INFO, MODULE, "%s: %s", p->path, strerror(err));
	close_device(p);
	loop_timer_set(p->timer, now + AGAIN_TIME);
}

static void
flush(struct ctl_port *p, us_t now)
{
	while (p->fd >= 0 && ctl_out_size(&p->out) > 0) {
		ssize_t put = write(p->fd, p->out.bytes + p->out.start, ctl_out_size(&p->out));

		if (put > 0)
			p->out.start += (size_t)put;
		else if (put == 0 || errno == EAGAIN)
			return;
		else if (errno != EINTR)
			lose_device(p, errno, now);
	}
}

/* Half a line of an end that has gone is no start of the next one's. */
static void
note_away(struct ctl_port *p, us_t now)
{
	p->in_size = 0;
	p->skips = false;
	loop_timer_set(p->timer, now + AWAY_TIME);
}

static void
turn(struct ctl_port *p, us_t now)
{
	for (unsigned i = 0; p->fd >= 0 && i < READS_MAX; i++) {
		ssize_t got;

		take_lines(p, now);
		flush(p, now);
		/* What is full of lines that wait is read later. */
		if (p->fd < 0 || p->in_size > CTL_PORT_LINE_MAX)
			return;
		got = read(p->fd, p->in + p->in_size, sizeof(p->in) - p->in_size);
		if (got > 0) {
			p->in_size += (size_t)got;
			continue;
		}
		if (got == 0)
			note_away(p, now);
		else if (errno != EAGAIN && errno != EINTR)
			lose_device(p, errno, now);
		return;
	}
	/* More than one turn's share. */
	if (p->fd >= 0)
		loop_timer_set(p->timer, now);
}

/* A terminal would echo, and wait for whole lines. */
static void
set_raw(int fd)
{
	struct termios t;

	if (tcgetattr(fd, &t) != 0)
		return;
	cfmakeraw(&t);
	(void)tcsetattr(fd, TCSANOW, &t);
}

static void
open_device(struct ctl_port *p, us_t now)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};

	p->fd = open(p->path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (p->fd < 0) {
		if (!p->was_refused)
			log_line(p->log, LOG_WARNING, MODULE, "%s: %s; it is tried again", p->path,
				 strerror(errno));
		p->was_refused = true;
		loop_timer_set(p->timer, now + AGAIN_TIME);
		return;
	}
	p->was_refused = false;
	set_raw(p->fd);
	if (epoll_ctl(p->epoll_fd, EPOLL_CTL_ADD, p->fd, &event) != 0) {
		lose_device(p, errno, now);
		return;
	}
	log_line(p->log, LOG_INFO, MODULE, "%s is open", p->path);
	turn(p, now);
}

static void
on_event(void *ctx, us_t now)
{
	struct epoll_event event;
	struct ctl_port *p = ctx;

	(void)epoll_wait(p->epoll_fd, &event, 1, 0);
	turn(p, now);
}

static void
on_timer(void *ctx, us_t now)
{
	struct ctl_port *p = ctx;

	if (p->fd < 0)
		open_device(p, now);
	else
		turn(p, now);
}

/* ---- life ---- */

int
ctl_port_create(const struct ctl_port_conf *conf, struct loop *loop, struct log *log,
		struct ctl_port **out)
{
	struct ctl_port *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (p == NULL)
		return -ENOMEM;
	p->loop = loop;
	p->log = log;
	p->table = (struct ctl_table){conf->commands, conf->count, conf->ctx, log};
	p->fd = -1;
	p->path = strdup(conf->path);
	p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	p->timer = loop_timer(loop, on_timer, p);
	if (p->path != NULL && p->epoll_fd >= 0 && p->timer != NULL)
		rc = loop_watch(loop, p->epoll_fd, on_event, p);
	if (rc != 0) {
		ctl_port_destroy(p);
		return rc;
	}
	loop_timer_set(p->timer, 0);
	*out = p;
	return 0;
}

void
ctl_port_destroy(struct ctl_port *p)
{
	if (p == NULL)
		return;
	close_device(p);
	if (p->epoll_fd >= 0) {
		loop_unwatch(p->loop, p->epoll_fd);
		close(p->epoll_fd);
	}
	ctl_out_fini(&p->out);
	ctl_pending_fini(&p->pending);
	free(p->path);
	free(p);
}

void
ctl_port_wake(struct ctl_port *p, us_t now)
{
	if (p == NULL || p->pending.command == NULL)
		return;
	(void)!ctl_continue(&p->table, &p->pending, &p->out);
	turn(p, now);
}

uint64_t
ctl_port_garbage(const struct ctl_port *p)
{
	return p != NULL ? p->garbage : 0;
}
