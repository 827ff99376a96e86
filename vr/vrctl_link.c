/* What vrctl says and hears on the control socket of a router. */
#include "vr/vrctl_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "vr/loop.h"

#define ANSWER_TIME_S 30

enum vrctl_status
vrctl_usage_error(const char *what, const char *word)
{
	fprintf(stderr, "vrctl: %s%s%s (see vrctl help)\n", what, word[0] != '\0' ? ": " : "",
		word);
	return VRCTL_USAGE;
}

enum vrctl_status
vrctl_lost(const char *what)
{
	fprintf(stderr, "vrctl: %s\n", what);
	return VRCTL_NO_DAEMON;
}

void
vrctl_link_complete(struct vrctl_link *link)
{
	link->since = loop_now();
}

/* A silent router is no router; a monitor may be silent for as long as nothing happens. */
void
vrctl_link_patience(struct vrctl_link *link, time_t seconds)
{
	struct timeval time = {.tv_sec = seconds};

	link->patience = seconds * US_S;
	vrctl_link_complete(link);
	(void)setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	(void)setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

enum vrctl_status
vrctl_link_open(struct vrctl_link *link, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*link = (struct vrctl_link){.fd = -1};
	if (strlen(path) >= sizeof(address.sun_path))
		return vrctl_usage_error("the name of the socket is too long", path);
	memcpy(address.sun_path, path, strlen(path) + 1);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd >= 0)
		vrctl_link_patience(link, ANSWER_TIME_S);
	if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, "vrctl: no router at %s: %s\n", path, strerror(errno));
		return VRCTL_NO_DAEMON;
	}
	return VRCTL_DONE;
}

void
vrctl_link_close(struct vrctl_link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->bytes);
}

/* Sends the object and a line end; the object is consumed. */
enum vrctl_status
vrctl_link_say(struct vrctl_link *link, cJSON *request)
{
	char *text = cJSON_PrintUnformatted(request);
	size_t size = text == NULL ? 0 : strlen(text) + 1;
	size_t sent = 0;

	cJSON_Delete(request);
	if (text == NULL)
		return vrctl_lost("out of memory");
	text[size - 1] = '\n';
	while (sent < size) {
		ssize_t put = send(link->fd, text + sent, size - sent, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		/* A router that turns us away has said why before it closed. */
		if (put < 0)
			break;
		sent += (size_t)put;
	}
	free(text);
	return VRCTL_DONE;
}

/* Room for more behind what has come and was not taken. */
static bool
link_grow(struct vrctl_link *link)
{
	char *grown;

	if (link->start > 0) {
		link->size -= link->start;
		memmove(link->bytes, link->bytes + link->start, link->size);
		link->start = 0;
	}
	if (link->room - link->size > 1)
		return true;
	link->room = link->room * 2 + 65536;
	grown = realloc(link->bytes, link->room);
	if (grown == NULL)
		return false;
	link->bytes = grown;
	return true;
}

enum vrctl_status
vrctl_link_more(struct vrctl_link *link, size_t size, size_t max)
{
	ssize_t got;

	if (size > max)
		return vrctl_lost("what answers says more at once than a router does");
	if (link->patience > 0 && loop_now() - link->since >= link->patience)
		return vrctl_lost("the router does not finish its answer");
	if (!link_grow(link))
		return vrctl_lost("out of memory");
	do
		got = recv(link->fd, link->bytes + link->size, link->room - link->size - 1, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		return vrctl_lost("the router does not answer");
	if (got <= 0)
		return vrctl_lost("the router closed the connection");
	link->size += (size_t)got;
	link->bytes[link->size] = '\0';
	return VRCTL_DONE;
}

size_t
vrctl_link_waiting(const struct vrctl_link *link, char **bytes)
{
	*bytes = link->bytes + link->start;
	return link->size - link->start;
}

void
vrctl_link_take(struct vrctl_link *link, size_t size)
{
	link->start += size;
}

enum vrctl_status
vrctl_link_hear(struct vrctl_link *link, char **line)
{
	size_t searched = 0, size;
	enum vrctl_status status;
	char *bytes, *end;

	while ((size = vrctl_link_waiting(link, &bytes)) == searched ||
	       (end = memchr(bytes + searched, '\n', size - searched)) == NULL) {
		searched = size;
		status = vrctl_link_more(link, size, VRCTL_LINE_MAX);
		if (status != VRCTL_DONE)
			return status;
	}
	*end = '\0';
	vrctl_link_complete(link);
	vrctl_link_take(link, (size_t)(end - bytes) + 1);
	*line = bytes;
	return VRCTL_DONE;
}

cJSON *
vrctl_request(const char *cmd, const char *what)
{
	cJSON *request = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(request, "id", 1) == NULL ||
	    cJSON_AddStringToObject(request, "cmd", cmd) == NULL ||
	    (what != NULL && cJSON_AddStringToObject(request, "what", what) == NULL)) {
		cJSON_Delete(request);
		return NULL;
	}
	return request;
}
