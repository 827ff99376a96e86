/* Log lines: one line, one event.  No global state: a 'struct log' is handed to who logs.
 *
 * A line is "LEVEL module: text" with a wall-clock time (UTC) in front when it goes to a terminal
 * or file, and with the <N> priority prefix of systemd instead when the standard error is the
 * stream that JOURNAL_STREAM names.  Control characters become '?'; a text of more than 1023
 * bytes is cut and ends in "...". */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/types.h"

enum log_level { LOG_ERROR = 0, LOG_WARNING, LOG_INFO, LOG_DEBUG };

struct log;

/* 'file' NULL means standard error; a file is appended to.  Returns NULL with errno set when the
 * file cannot be opened or memory is short. */
struct log *log_create(enum log_level level, const char *file);
void log_destroy(struct log *log);
void log_set_level(struct log *log, enum log_level level);
/* Opens the file anew, after a log rotation.  Keeps the old one when that fails; 0 or -errno. */
int log_reopen(struct log *log);

/* True when a line of this level would be written; 'log' NULL never writes. */
bool log_wants(const struct log *log, enum log_level level);

__attribute__((format(printf, 4, 5))) void log_line(struct log *log, enum log_level level,
						    const char *module, const char *format, ...);

/* One JSON object, already built, as a line of its own: "LEVEL module: {...}". */
void log_json(struct log *log, enum log_level level, const char *module, const char *object);

/* A gate lets five lines through and then one per second (token bucket), and counts what it held
 * back.  Zero-initialise it. */
struct log_gate {
	us_t next;          /* when one more line is allowed again */
	uint32_t held_back; /* lines refused; zero it when you have reported it */
	uint8_t used;       /* lines of the five that are spent */
};

/* True when the line may be written now. */
bool log_gate_open(struct log_gate *gate, us_t now);

#endif
