/* Log lines: each is put together in memory and leaves in one system call, so that lines of several
 * processes never mix. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LOG_TEXT_MAX   1024
#define LOG_PREFIX_MAX 128

#define GATE_BURST    5
#define GATE_INTERVAL US_S

struct log {
	enum log_level level;
	int fd;
	bool journal; /* the reader adds the time and wants a priority */
	char *file;   /* NULL: standard error */
};

/* systemd names the stream it gave us by device and inode; an inherited variable names another. */
static bool
is_journal(int fd)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (stream == NULL || fstat(fd, &st) != 0)
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, own) == 0;
}

static int
open_file(const char *file)
{
	int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);

	return fd >= 0 ? fd : -errno;
}

struct log *
log_create(enum log_level level, const char *file)
{
	struct log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->level = level;
	log->fd = STDERR_FILENO;
	if (file == NULL) {
		log->journal = is_journal(log->fd);
		return log;
	}
	log->file = strdup(file);
	if (log->file == NULL) {
		free(log);
		errno = ENOMEM;
		return NULL;
	}
	log->fd = open_file(file);
	if (log->fd < 0) {
		int err = -log->fd;

		free(log->file);
		free(log);
		errno = err;
		return NULL;
	}
	return log;
}

void
log_destroy(struct log *log)
{
	if (log == NULL)
		return;
	if (log->file != NULL)
		close(log->fd);
	free(log->file);
	free(log);
}

void
log_set_level(struct log *log, enum log_level level)
{
	log->level = level;
}

int
log_reopen(struct log *log)
{
	int fd;

	if (log->file == NULL)
		return 0;
	fd = open_file(log->file);
	if (fd < 0)
		return fd;
	close(log->fd);
	log->fd = fd;
	return 0;
}

bool
log_wants(const struct log *log, enum log_level level)
{
	return log != NULL && level <= log->level;
}

static const char *
level_name(enum log_level level)
{
	static const char *const names[] = {"ERROR", "WARNING", "INFO", "DEBUG"};

	return names[level];
}

/* Priorities of syslog, as systemd reads them at the start of a line. */
static int
level_priority(enum log_level level)
{
	static const int priorities[] = {3, 4, 6, 7};

	return priorities[level];
}

/* Time or priority, level and module: what stands in front of the text. */
static size_t
prefix_build(const struct log *log, enum log_level level, const char *module, char *out)
{
	struct timespec ts;
	struct tm tm;
	int size;

	if (log->journal) {
		size = snprintf(out, LOG_PREFIX_MAX, "<%d>%s %s: ", level_priority(level),
				level_name(level), module);
	} else {
		clock_gettime(CLOCK_REALTIME, &ts);
		gmtime_r(&ts.tv_sec, &tm);
		size = snprintf(out, LOG_PREFIX_MAX,
				"%d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s %s: ", tm.tm_year + 1900,
				tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
				ts.tv_nsec / 1000000, level_name(level), module);
	}
	return size < LOG_PREFIX_MAX ? (size_t)size : LOG_PREFIX_MAX - 1;
}

/* A log that cannot be written is no reason to stop routing: errors are dropped here. */
static void
write_line(const struct log *log, enum log_level level, const char *module, char *text,
	   size_t text_size)
{
	char prefix[LOG_PREFIX_MAX];
	char newline[] = "\n";
	struct iovec parts[] = {
		{.iov_base = prefix, .iov_len = prefix_build(log, level, module, prefix)},
		{.iov_base = text, .iov_len = text_size},
		{.iov_base = newline, .iov_len = 1},
	};
	ssize_t n;

	do
		n = writev(log->fd, parts, 3);
	while (n < 0 && errno == EINTR);
}

void
log_line(struct log *log, enum log_level level, const char *module, const char *format, ...)
{
	char text[LOG_TEXT_MAX];
	va_list args;
	int size;

	if (!log_wants(log, level))
		return;
	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size < 0)
		return;
	if (size >= LOG_TEXT_MAX) {
		size = LOG_TEXT_MAX - 1;
		memcpy(text + size - 3, "...", 3);
	}
	/* Text from a stranger must not be able to start a line of its own or steer a terminal. */
	for (int i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = '?';
	}
	write_line(log, level, module, text, (size_t)size);
}

void
log_json(struct log *log, enum log_level level, const char *module, const char *object)
{
	char *copy;

	if (!log_wants(log, level))
		return;
	copy = strdup(object);
	if (copy == NULL)
		return;
	write_line(log, level, module, copy, strlen(copy));
	free(copy);
}

bool
log_gate_open(struct log_gate *gate, us_t now)
{
	while (gate->used > 0 && now >= gate->next) {
		gate->used--;
		gate->next += GATE_INTERVAL;
	}
	if (gate->used >= GATE_BURST) {
		gate->held_back++;
		return false;
	}
	if (gate->used == 0)
		gate->next = now + GATE_INTERVAL;
	gate->used++;
	return true;
}
