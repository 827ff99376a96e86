/* vrctl's end of the control socket, and what all of its commands share. */
#ifndef VR_VRCTL_LINK_H
#define VR_VRCTL_LINK_H

#include "base/err.h"
#include "base/types.h"

struct cJSON;

/* Exit statuses. */
enum vrctl_status { VRCTL_DONE = 0, VRCTL_REFUSED, VRCTL_USAGE, VRCTL_NO_DAEMON };

/* Both say it on the standard error. */
enum vrctl_status vrctl_usage_error(const char *what, const char *word);
enum vrctl_status vrctl_lost(const char *what);

/* A connection and what came over it that was not taken yet. */
struct vrctl_link {
	int fd;
	char *bytes; /* NUL-terminated */
	size_t start, size, room;
};

/* Close it also when it could not be opened. */
enum vrctl_status vrctl_link_open(struct vrctl_link *link, const char *path);
void vrctl_link_close(struct vrctl_link *link);
/* A silent router is no router; a monitor (0) may be silent for as long as nothing happens. */
void vrctl_link_patience(const struct vrctl_link *link, time_t seconds);
/* Sends the object and a line end; the object is consumed. */
enum vrctl_status vrctl_link_say(struct vrctl_link *link, struct cJSON *request);
/* Waits for more than there is. */
enum vrctl_status vrctl_link_more(struct vrctl_link *link);
/* How many bytes have come and were not taken; '*bytes' is valid until vrctl_link_more(). */
size_t vrctl_link_waiting(const struct vrctl_link *link, char **bytes);
/* Of those. */
void vrctl_link_take(struct vrctl_link *link, size_t size);
/* The next line, without its end, valid until the next call. */
enum vrctl_status vrctl_link_hear(struct vrctl_link *link, char **line);

/* NULL when memory is short. */
struct cJSON *vrctl_request(const char *cmd, const char *what);

#endif
