/* A control socket in a directory of its own, a clock of ours, and clients of it. */
#ifndef TESTS_UNIT_CTL_RIG_H
#define TESTS_UNIT_CTL_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "vr/ctl.h"

#define ROWS 3000

struct fixture {
	struct ctl *ctl;
	char directory[64];
	char path[96];
	us_t now;
	unsigned reloads;
	int done; /* -1: badly */
};

static inline int
show_vr(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)request;
	(void)error;
	*data = cJSON_Parse("{\"name\":\"a\"}");
	return 0;
}

static inline int
show_peers(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)request;
	(void)error;
	*data = cJSON_Parse("[{\"name\":\"b\",\"vns\":[7,8]},{\"name\":\"c\",\"vns\":[8]}]");
	return 0;
}

static inline int
reload(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error)
{
	struct fixture *f = ctx;

	(void)request;
	if (f->reloads++ == 0)
		return 0;
	*data = cJSON_Parse("[\"line one\"]");
	if (f->reloads == 2)
		return -EACCES;
	ctl_error_set(error, "bad-config", "%d errors", 1);
	return -EINVAL;
}

static inline int
row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **out)
{
	(void)ctx;
	(void)request;
	if (*cursor == ROWS)
		return 0;
	*out = cJSON_CreateObject();
	cJSON_AddNumberToObject(*out, "n", (double)(*cursor)++);
	cJSON_AddNumberToObject(*out, "vn", (double)(*cursor % 2));
	return 0;
}

static inline int
broken_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **out)
{
	(void)ctx;
	(void)request;
	(void)cursor;
	(void)out;
	return -EIO;
}

/* Done as soon as the fixture says so. */
static inline int
wait_for_it(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **data,
	    struct ctl_error *error)
{
	struct fixture *f = ctx;

	(void)request;
	cursor[0]++;
	if (!f->done)
		return -EINPROGRESS;
	*data = cJSON_CreateNumber((double)cursor[0]);
	if (f->done > 0)
		return 0;
	ctl_error_set(error, "refused", "no");
	return -EINVAL;
}

static const struct ctl_command commands[] = {
	{"show vr", "show vr", "This router.", false, show_vr, NULL, NULL},
	{"show peers", "show peers", "The other routers.", false, show_peers, NULL, NULL},
	{"show rows", "show rows", "Many rows.", false, NULL, row, NULL},
	{"show broken", "show broken", "No rows.", false, NULL, broken_row, NULL},
	{"reload", "reload", "Reads the file again.", true, reload, NULL, NULL},
	{"wait", "wait", "Takes time.", true, NULL, NULL, wait_for_it},
};

static inline int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->directory, sizeof(f->directory), "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(f->directory));
	snprintf(f->path, sizeof(f->path), "%s/run/vrd.sock", f->directory);
	f->now = US_S;
	assert_int_equal(ctl_create(f->path, commands, ARRAY_COUNT(commands), f, NULL, &f->ctl), 0);
	*state = f;
	return 0;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;
	char run[96];

	ctl_destroy(f->ctl);
	assert_int_equal(access(f->path, F_OK), -1);
	snprintf(run, sizeof(run), "%s/run", f->directory);
	rmdir(run);
	assert_int_equal(rmdir(f->directory), 0);
	free(f);
	return 0;
}

static inline int
dial(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static inline void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the router's side until a line has come; "" when the connection ended first.  Free it. */
static inline char *
hear(struct fixture *f, int fd)
{
	size_t size = 0, room = 1 << 20;
	char *line = calloc(1, room);
	int turns;

	for (turns = 0; turns < 2000; turns++) {
		ssize_t got;

		ctl_readable(f->ctl, f->now);
		ctl_run(f->ctl, f->now);
		while ((got = recv(fd, line + size, 1, MSG_DONTWAIT)) == 1) {
			if (line[size] == '\n') {
				line[size] = '\0';
				return line;
			}
			assert_true(++size < room);
		}
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			assert_int_equal(size, 0);
			return line;
		}
	}
	fail_msg("no line came, but \"%s\"", line);
	return line;
}

static inline void
expect(struct fixture *f, int fd, const char *wanted)
{
	char *line = hear(f, fd);

	assert_string_equal(line, wanted);
	free(line);
}

static inline void
ask(struct fixture *f, const char *request, const char *wanted)
{
	int fd = dial(f);

	say(fd, request);
	expect(f, fd, wanted);
	close(fd);
	ctl_readable(f->ctl, f->now);
}

/* Turns of the router in which nothing may come. */
static inline void
expect_nothing(struct fixture *f, int fd)
{
	char byte;

	for (int turns = 0; turns < 20; turns++) {
		ctl_readable(f->ctl, f->now);
		(void)ctl_run(f->ctl, f->now);
		assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
		assert_int_equal(errno, EAGAIN);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
