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

/* What may come before something complete does: the head of a reply or a row of a list, and a whole line of anything else. */
#define VRCTL_ROW_MAX  ((size_t)1 << 20)
#define VRCTL_LINE_MAX ((size_t)64 << 20)

/* A connection and what came over it that was not taken yet. */
struct vrctl_link {
	int fd;
	char *bytes; /* NUL-terminated */
	size_t start, size, room;
	us_t patience; /* from one complete row to the next; 0: for ever */
	us_t since;    /* of the last one */
};

/* Close it also when it could not be opened. */
enum vrctl_status vrctl_link_open(struct vrctl_link *link, const char *path);
void vrctl_link_close(struct vrctl_link *link);
/* A silent router is no router; a monitor (0) may be silent for as long as nothing happens. */
void vrctl_link_patience(struct vrctl_link *link, time_t seconds);
/* Sends the object and a line end; the object is consumed. */
enum vrctl_status vrctl_link_say(struct vrctl_link *link, struct cJSON *request);
/* Waits for more than there is: 'size' bytes of something that has 'max' at most.  Says so when there are more, and when
 * it takes longer than the patience although something comes. */
enum vrctl_status vrctl_link_more(struct vrctl_link *link, size_t size, size_t max);
/* Something is complete: the patience begins anew. */
void vrctl_link_complete(struct vrctl_link *link);
/* How many bytes have come and were not taken; '*bytes' is valid until vrctl_link_more(). */
size_t vrctl_link_waiting(const struct vrctl_link *link, char **bytes);
/* Of those. */
void vrctl_link_take(struct vrctl_link *link, size_t size);
/* The next line, without its end, valid until the next call; of VRCTL_LINE_MAX at most. */
enum vrctl_status vrctl_link_hear(struct vrctl_link *link, char **line);

/* NULL when memory is short. */
struct cJSON *vrctl_request(const char *cmd, const char *what);

#endif
