/* The control socket: connections, deadlines, monitors. */
#include "vr/ctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "vr/ctl_request.h"

#define LISTENER     UINT32_MAX
#define ACCEPTS_MAX  8
#define REQUESTS_MAX 16     /* of one client per turn */
#define OUT_FULL     65536  /* no further rows are built while so much waits */
#define OUT_KEPT     262144 /* a larger buffer is given back once it is empty */
#define GROUPS_MAX   1024
/* How long nobody is accepted when descriptors have run out. */
#define ACCEPT_PAUSE US_S

struct client {
	int fd;
	unsigned uid;
	uint32_t armed; /* events that epoll watches for */
	char *in;       /* CTL_REQUEST_MAX + 1 bytes */
	size_t in_size;
	us_t in_since;   /* first byte of an unfinished request; 0: none */
	us_t idle_since; /* last request */
	us_t out_since;  /* its socket takes nothing since; 0: nothing waits, or not known yet */
	struct ctl_out out;
	struct ctl_pending pending;
	uint64_t missed; /* events that a slow monitor did not get */
	bool monitor;
	bool at_end;  /* it will send no more */
	bool closing; /* to be closed once 'out' is empty */
	bool broken;  /* to be closed now */
};

struct ctl {
	struct ctl_table table;
	int epoll_fd;
	int listen_fd;
	us_t accept_again; /* 0: accepting */
	struct sockaddr_un address;
	bool bound;
	struct client *clients[CTL_CLIENTS_MAX];
	struct log_gate gate;
};

static int
watch(struct ctl *ctl, int op, int fd, uint32_t events, uint32_t number)
{
	struct epoll_event event = {.events = events, .data.u32 = number};

	return epoll_ctl(ctl->epoll_fd, op, fd, &event) == 0 ? 0 : -errno;
}

/* Is anybody listening behind this name?  A name without a listener was left by a router that was killed. */
static bool
is_alive(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive;

	if (fd < 0)
		return true;
	alive = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

static void
make_directory(const char *path)
{
	char parent[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (slash != NULL && slash != parent) {
		*slash = '\0';
		/* When it cannot be made, bind() says why. */
		(void)mkdir(parent, 0755);
	}
}

static int
bind_socket(struct ctl *ctl)
{
	const struct sockaddr *address = (const struct sockaddr *)&ctl->address;
	const char *path = ctl->address.sun_path;
	struct stat st;

	make_directory(path);
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (is_alive(&ctl->address))
			return -EADDRINUSE;
		(void)unlink(path);
	}
	/* The mode of the descriptor becomes the mode of the name: at no time is it wider. */
	if (fchmod(ctl->listen_fd, 0660) != 0 ||
	    bind(ctl->listen_fd, address, sizeof(ctl->address)) != 0)
		return -errno;
	ctl->bound = true;
	if (chmod(path, 0660) != 0 || listen(ctl->listen_fd, CTL_CLIENTS_MAX) != 0)
		return -errno;
	return 0;
}

int
ctl_create(const char *path, const struct ctl_command *commands, size_t count, void *ctx,
	   struct log *log, struct ctl **out)
{
	struct ctl *ctl;
	int rc;

	*out = NULL;
	if (strlen(path) >= sizeof(ctl->address.sun_path))
		return -ENAMETOOLONG;
	ctl = calloc(1, sizeof(*ctl));
	if (ctl == NULL)
		return -ENOMEM;
	ctl->table = (struct ctl_table){commands, count, ctx, log};
	ctl->address.sun_family = AF_UNIX;
	memcpy(ctl->address.sun_path, path, strlen(path) + 1);
	ctl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	ctl->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl->epoll_fd < 0 || ctl->listen_fd < 0)
		rc = -errno;
	else
		rc = bind_socket(ctl);
	if (rc == 0)
		rc = watch(ctl, EPOLL_CTL_ADD, ctl->listen_fd, EPOLLIN, LISTENER);
	if (rc != 0) {
		ctl_destroy(ctl);
		return rc;
	}
	*out = ctl;
	return 0;
}

static void
client_destroy(struct ctl *ctl, uint32_t number)
{
	struct client *c = ctl->clients[number];

	ctl->clients[number] = NULL;
	close(c->fd);
	free(c->in);
	ctl_out_fini(&c->out);
	ctl_pending_fini(&c->pending);
	free(c);
}

void
ctl_destroy(struct ctl *ctl)
{
	uint32_t i;

	if (ctl == NULL)
		return;
	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		if (ctl->clients[i] != NULL)
			client_destroy(ctl, i);
	if (ctl->bound)
		(void)unlink(ctl->address.sun_path);
	if (ctl->listen_fd >= 0)
		close(ctl->listen_fd);
	if (ctl->epoll_fd >= 0)
		close(ctl->epoll_fd);
	free(ctl);
}

int
ctl_fd(const struct ctl *ctl)
{
	return ctl->epoll_fd;
}

/* The group that the socket's name belongs to: the administrator may have given it to another. */
static gid_t
socket_group(const struct ctl *ctl)
{
	struct stat st;

	return lstat(ctl->address.sun_path, &st) == 0 ? st.st_gid : getegid();
}

/* Root, the router's own user, and members of the socket's group. */
static bool
is_allowed(const struct ctl *ctl, int fd, unsigned *uid)
{
	gid_t group = socket_group(ctl);
	struct ucred cred;
	socklen_t size = sizeof(cred);
	gid_t *groups;
	bool allowed;
	size_t i;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) != 0)
		return false;
	*uid = cred.uid;
	if (cred.uid == 0 || cred.uid == geteuid() || cred.gid == group)
		return true;
	groups = calloc(GROUPS_MAX, sizeof(*groups));
	if (groups == NULL)
		return false;
	size = GROUPS_MAX * sizeof(*groups);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) != 0)
		size = 0;
	allowed = false;
	for (i = 0; i < size / sizeof(*groups); i++)
		allowed = allowed || groups[i] == group;
	free(groups);
	return allowed;
}

/* Says why, as far as the socket takes it, and closes. */
static void
turn_away(int fd, const char *code, const char *text)
{
	struct ctl_out out = {.bytes = NULL};

	if (ctl_refuse(&out, code, text) == 0)
		(void)send(fd, out.bytes, ctl_out_size(&out), MSG_NOSIGNAL | MSG_DONTWAIT);
	ctl_out_fini(&out);
	close(fd);
}

static int
client_create(struct ctl *ctl, int fd, unsigned uid, us_t now)
{
	struct client *c;
	uint32_t number = 0;

	while (number < CTL_CLIENTS_MAX && ctl->clients[number] != NULL)
		number++;
	if (number == CTL_CLIENTS_MAX)
		return -EBUSY;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return -ENOMEM;
	c->fd = fd;
	c->uid = uid;
	c->idle_since = now;
	c->armed = EPOLLIN;
	c->in = malloc(CTL_REQUEST_MAX + 1);
	if (c->in == NULL || watch(ctl, EPOLL_CTL_ADD, fd, c->armed, number) != 0) {
		free(c->in);
		free(c);
		return -ENOMEM;
	}
	ctl->clients[number] = c;
	return 0;
}

static void
accept_clients(struct ctl *ctl, us_t now)
{
	unsigned uid = 0;
	int i, fd;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(ctl->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
				return;
			/* Descriptors have run out: the connection stays in the queue. */
			ctl->accept_again = now + ACCEPT_PAUSE;
			(void)watch(ctl, EPOLL_CTL_MOD, ctl->listen_fd, 0, LISTENER);
			return;
		}
		if (!is_allowed(ctl, fd, &uid)) {
			if (log_gate_open(&ctl->gate, now))
				log_line(ctl->table.log, LOG_WARNING, "control",
					 "user %u is not in the socket's group", uid);
			turn_away(fd, "denied", "only root and the socket's group may ask");
		} else if (client_create(ctl, fd, uid, now) != 0) {
			turn_away(fd, "busy", "too many connections");
		}
	}
}

/* Sends what waits. */
static void
client_flush(struct client *c)
{
	while (ctl_out_size(&c->out) > 0 && !c->broken) {
		ssize_t sent = send(c->fd, c->out.bytes + c->out.start, ctl_out_size(&c->out),
				    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent > 0)
			c->out.start += (size_t)sent;
		else if (errno == EAGAIN)
			return;
		else if (errno != EINTR)
			c->broken = true;
	}
	if (c->out.room > OUT_KEPT)
		ctl_out_fini(&c->out);
	if (c->closing)
		c->broken = true;
}

static void
client_refuse(struct client *c, const char *code, const char *text)
{
	c->closing = true;
	c->in_since = 0;
	c->in_size = 0;
	if (ctl_refuse(&c->out, code, text) != 0)
		c->broken = true;
}

static void
client_settle(struct client *c, int answer)
{
	if (answer < 0)
		c->broken = true;
	else if (answer == CTL_MONITOR)
		c->monitor = true;
}

/* Answers the first complete line, if there is one. */
static bool
answer_line(struct ctl *ctl, struct client *c, us_t now)
{
	char *end = memchr(c->in, '\n', c->in_size);
	size_t size;

	if (end == NULL)
		return false;
	size = (size_t)(end - c->in);
	*end = '\0';
	client_settle(c, ctl_answer(&ctl->table, c->in, size, c->uid, &c->pending, &c->out));
	c->in_size -= size + 1;
	memmove(c->in, end + 1, c->in_size);
	c->in_since = c->in_size > 0 ? now : 0;
	c->idle_since = now;
	return true;
}

static void
read_more(struct client *c, us_t now)
{
	ssize_t got =
		recv(c->fd, c->in + c->in_size, CTL_REQUEST_MAX + 1 - c->in_size, MSG_DONTWAIT);

	if (got > 0) {
		if (c->in_size == 0)
			c->in_since = now;
		c->in_size += (size_t)got;
	} else if (got == 0) {
		c->at_end = true;
	} else if (errno != EAGAIN && errno != EINTR) {
		c->broken = true;
	}
}

/* Nothing waits to be sent and no reply is unfinished: the next request may be looked at. */
static bool
is_free(const struct client *c)
{
	return ctl_out_size(&c->out) == 0 && c->pending.command == NULL && !c->closing &&
	       !c->broken;
}

static bool
has_line(const struct client *c)
{
	return memchr(c->in, '\n', c->in_size) != NULL;
}

/* One client's share of a turn. */
static void
client_turn(struct ctl *ctl, struct client *c, bool readable, us_t now)
{
	int i;

	client_flush(c);
	if (c->pending.command != NULL && !c->pending.waits && ctl_out_size(&c->out) < OUT_FULL &&
	    !c->broken) {
		client_settle(c, ctl_continue(&ctl->table, &c->pending, &c->out));
		client_flush(c);
	}
	if (readable && is_free(c) && !c->at_end && !has_line(c))
		read_more(c, now);
	for (i = 0; i < REQUESTS_MAX && is_free(c) && answer_line(ctl, c, now); i++)
		client_flush(c);
	if (is_free(c) && !has_line(c)) {
		if (c->in_size > CTL_REQUEST_MAX)
			client_refuse(c, "too-large", "a request has at most 65536 bytes");
		else if (c->at_end && !c->monitor)
			c->closing = true;
		client_flush(c);
	}
}

static bool
is_busy(const struct client *c)
{
	return !is_free(c) || has_line(c);
}

/* A socket that can be written is how unfinished work of ours gets its next turn. */
static void
client_arm(struct ctl *ctl, struct client *c, uint32_t number)
{
	uint32_t events = c->pending.waits ? 0 : is_busy(c) ? EPOLLOUT : c->at_end ? 0 : EPOLLIN;

	if (events != c->armed && watch(ctl, EPOLL_CTL_MOD, c->fd, events, number) != 0)
		c->broken = true;
	c->armed = events;
}

static void
client_ready(struct ctl *ctl, uint32_t number, uint32_t events, us_t now)
{
	struct client *c = ctl->clients[number];

	if (c == NULL)
		return;
	/* Its end is gone for reading too. */
	if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (c->at_end || c->pending.waits))
		c->broken = true;
	client_turn(ctl, c, (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0, now);
	client_arm(ctl, c, number);
	/* The next turn of a busy client comes when its socket takes something. */
	c->out_since = is_busy(c) ? now : 0;
	if (c->broken)
		client_destroy(ctl, number);
}

void
ctl_readable(struct ctl *ctl, us_t now)
{
	struct epoll_event events[CTL_CLIENTS_MAX + 1];
	int count = epoll_wait(ctl->epoll_fd, events, CTL_CLIENTS_MAX + 1, 0);
	int i;

	for (i = 0; i < count; i++) {
		if (events[i].data.u32 == LISTENER)
			accept_clients(ctl, now);
		else
			client_ready(ctl, events[i].data.u32, events[i].events, now);
	}
}

void
ctl_wake(struct ctl *ctl, us_t now)
{
	for (uint32_t i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct client *c = ctl->clients[i];

		if (c == NULL || !c->pending.waits)
			continue;
		c->pending.waits = false;
		client_ready(ctl, i, 0, now);
	}
}

/* When this client will have taken too long. */
static us_t
client_deadline(const struct client *c)
{
	if (c->pending.waits)
		return US_NEVER;
	if (is_busy(c))
		return c->out_since + CTL_REPLY_TIME;
	if (c->in_since != 0)
		return c->in_since + CTL_REQUEST_TIME;
	return c->monitor ? US_NEVER : c->idle_since + CTL_IDLE_TIME;
}

/* Returns when to look again, or 0 when the client was closed. */
static us_t
client_run(struct ctl *ctl, uint32_t number, us_t now)
{
	struct client *c = ctl->clients[number];
	us_t due;

	if (is_busy(c) && c->out_since == 0)
		c->out_since = now;
	due = client_deadline(c);
	if (due > now)
		return due;
	if (c->in_since != 0 && !is_busy(c)) {
		client_refuse(c, "timeout", "the request took too long");
		client_flush(c);
		client_arm(ctl, c, number);
		c->out_since = now;
	} else {
		c->broken = true;
	}
	if (!c->broken)
		return client_deadline(c);
	client_destroy(ctl, number);
	return 0;
}

us_t
ctl_run(struct ctl *ctl, us_t now)
{
	us_t next = US_NEVER;
	uint32_t i;

	if (ctl->accept_again != 0 && ctl->accept_again <= now) {
		ctl->accept_again = 0;
		(void)watch(ctl, EPOLL_CTL_MOD, ctl->listen_fd, EPOLLIN, LISTENER);
	}
	if (ctl->accept_again != 0)
		next = ctl->accept_again;
	for (i = 0; i < CTL_CLIENTS_MAX; i++) {
		us_t due = ctl->clients[i] == NULL ? 0 : client_run(ctl, i, now);

		if (due != 0 && due < next)
			next = due;
	}
	return next;
}

bool
ctl_has_monitors(const struct ctl *ctl)
{
	uint32_t i;

	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		if (ctl->clients[i] != NULL && ctl->clients[i]->monitor)
			return true;
	return false;
}

/* An event may only stand between two replies. */
static bool
takes_events(const struct client *c)
{
	return c->monitor && c->pending.command == NULL && !c->closing &&
	       ctl_out_size(&c->out) < CTL_EVENTS_MAX;
}

static int
tell_missed(struct client *c)
{
	cJSON *fields;
	int rc;

	if (c->missed == 0)
		return 0;
	fields = cJSON_CreateObject();
	if (cJSON_AddNumberToObject(fields, "count", (double)c->missed) == NULL)
		rc = -ENOMEM;
	else
		rc = ctl_event(&c->out, "missed", fields);
	cJSON_Delete(fields);
	if (rc == 0)
		c->missed = 0;
	return rc;
}

void
ctl_publish(struct ctl *ctl, const char *event, const struct cJSON *fields)
{
	uint32_t i;

	for (i = 0; i < CTL_CLIENTS_MAX; i++) {
		struct client *c = ctl->clients[i];

		if (c == NULL || !c->monitor)
			continue;
		if (!takes_events(c) || tell_missed(c) != 0 ||
		    ctl_event(&c->out, event, fields) != 0)
			c->missed++;
		client_arm(ctl, c, i);
	}
}
