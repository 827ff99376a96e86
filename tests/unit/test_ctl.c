/* The control socket as its clients see it: a real socket in a directory of its own, a clock of ours. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static int
show_vr(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)request;
	(void)error;
	*data = cJSON_Parse("{\"name\":\"a\"}");
	return 0;
}

static int
show_peers(void *ctx, const struct cJSON *request, struct cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)request;
	(void)error;
	*data = cJSON_Parse("[{\"name\":\"b\",\"vns\":[7,8]},{\"name\":\"c\",\"vns\":[8]}]");
	return 0;
}

static int
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

static int
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

static int
broken_row(void *ctx, const struct cJSON *request, uint64_t *cursor, struct cJSON **out)
{
	(void)ctx;
	(void)request;
	(void)cursor;
	(void)out;
	return -EIO;
}

/* Done as soon as the fixture says so. */
static int
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

static int
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

static int
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

static int
dial(const struct fixture *f)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the router's side until a line has come; "" when the connection ended first.  Free it. */
static char *
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

static void
expect(struct fixture *f, int fd, const char *wanted)
{
	char *line = hear(f, fd);

	assert_string_equal(line, wanted);
	free(line);
}

static void
ask(struct fixture *f, const char *request, const char *wanted)
{
	int fd = dial(f);

	say(fd, request);
	expect(f, fd, wanted);
	close(fd);
	ctl_readable(f->ctl, f->now);
}

static void
replies_carry_the_id_and_the_data(void **state)
{
	static const struct {
		const char *request, *reply;
	} rows[] = {
		{"{\"id\":1,\"cmd\":\"show\",\"what\":\"vr\"}\n",
		 "{\"id\":1,\"ok\":true,\"data\":{\"name\":\"a\"}}"},
		{"{\"id\":\"x\",\"cmd\":\"reload\"} \t\r\n", "{\"id\":\"x\",\"ok\":true}"},
		{"{\"id\":[1],\"cmd\":\"reload\"}\n",
		 "{\"id\":null,\"ok\":false,\"code\":\"failed\",\"text\":\"Permission denied\","
		 "\"data\":[\"line one\"]}"},
		{"{\"cmd\":\"reload\"}\n",
		 "{\"id\":null,\"ok\":false,\"code\":\"bad-config\",\"text\":\"1 errors\","
		 "\"data\":[\"line one\"]}"},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++)
		ask(*state, rows[i].request, rows[i].reply);
}

/* Turns of the router in which nothing may come. */
static void
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

static void
a_reply_that_takes_time_comes_when_it_is_there(void **state)
{
	static const char request[] = "{\"id\":1,\"cmd\":\"wait\"}\n"
				      "{\"id\":2,\"cmd\":\"show\",\"what\":\"vr\"}\n";
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, request);
	expect_nothing(f, fd);
	/* For as long as it takes; what else happens in the router is no reason to ask. */
	f->now += 60 * US_S;
	expect_nothing(f, fd);
	ctl_wake(f->ctl, f->now);
	expect_nothing(f, fd);
	f->done = 1;
	expect_nothing(f, fd);
	ctl_wake(f->ctl, f->now);
	expect(f, fd, "{\"id\":1,\"ok\":true,\"data\":3}");
	expect(f, fd, "{\"id\":2,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	close(fd);
	/* What is there at once is said at once. */
	f->done = -1;
	ask(f, "{\"id\":3,\"cmd\":\"wait\"}\n",
	    "{\"id\":3,\"ok\":false,\"code\":\"refused\",\"text\":\"no\",\"data\":1}");
}

static void
who_leaves_while_it_waits_is_forgotten(void **state)
{
	struct fixture *f = *state;
	int fds[CTL_CLIENTS_MAX];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
			fds[i] = dial(f);
			say(fds[i], "{\"id\":1,\"cmd\":\"wait\"}\n");
			expect_nothing(f, fds[i]);
		}
		for (size_t i = 0; i < ARRAY_COUNT(fds); i++)
			close(fds[i]);
		for (int turns = 0; turns < 3; turns++)
			ctl_readable(f->ctl, f->now);
	}
	f->done = 1;
	ctl_wake(f->ctl, f->now);
	ask(f, "{\"id\":3,\"cmd\":\"wait\"}\n", "{\"id\":3,\"ok\":true,\"data\":1}");
}

static void
rows_that_do_not_match_are_left_out(void **state)
{
	static const struct {
		const char *match, *data;
	} rows[] = {
		{"{}", "{\"name\":\"b\",\"vns\":[7,8]},{\"name\":\"c\",\"vns\":[8]}"},
		{"{\"name\":\"c\"}", "{\"name\":\"c\",\"vns\":[8]}"},
		{"{\"vns\":7}", "{\"name\":\"b\",\"vns\":[7,8]}"},
		{"{\"name\":\"c\",\"vns\":7}", ""},
		{"{\"unknown\":1}", ""},
	};
	char request[128], reply[192];
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		snprintf(request, sizeof(request),
			 "{\"id\":2,\"cmd\":\"show\",\"what\":\"peers\",\"match\":%s}\n",
			 rows[i].match);
		snprintf(reply, sizeof(reply), "{\"id\":2,\"ok\":true,\"data\":[%s]}",
			 rows[i].data);
		ask(*state, request, reply);
	}
}

static void
what_is_no_command_is_refused_with_a_code(void **state)
{
	static const struct {
		const char *request, *code;
	} rows[] = {
		{"nonsense\n", "bad-json"},
		{"\n", "bad-json"},
		{"[]\n", "bad-json"},
		{"{\"id\":1}x\n", "bad-json"},
		{"{\"cmd\":\"show\"\n", "bad-json"},
		{"{\"cmd\":1}\n", "bad-request"},
		{"{\"cmd\":\"show\",\"what\":7}\n", "bad-request"},
		{"{\"cmd\":\"show\",\"what\":\"vr\",\"match\":7}\n", "bad-request"},
		{"{\"cmd\":\"show\"}\n", "unknown-command"},
		{"{\"cmd\":\"show\",\"what\":\"\"}\n", "unknown-command"},
		{"{\"cmd\":\"show vr\"}\n", "unknown-command"},
		{"{\"cmd\":\"sho\",\"what\":\"vr\"}\n", "unknown-command"},
		{"{\"cmd\":\"reload\",\"what\":\"vr\"}\n", "unknown-command"},
		{"{\"cmd\":\"\xc3\xa4\"}\n", "unknown-command"},
	};
	size_t i;

	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		struct fixture *f = *state;
		int fd = dial(f);
		char *line;
		cJSON *reply;

		say(fd, rows[i].request);
		line = hear(f, fd);
		reply = cJSON_Parse(line);
		assert_true(cJSON_IsFalse(cJSON_GetObjectItem(reply, "ok")));
		assert_string_equal(cJSON_GetObjectItem(reply, "code")->valuestring, rows[i].code);
		cJSON_Delete(reply);
		free(line);
		/* The connection goes on. */
		say(fd, "{\"id\":1,\"cmd\":\"show\",\"what\":\"vr\"}\n");
		expect(f, fd, "{\"id\":1,\"ok\":true,\"data\":{\"name\":\"a\"}}");
		close(fd);
	}
}

static void
help_lists_every_command(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	cJSON *reply;
	char *line;

	say(fd, "{\"id\":1,\"cmd\":\"help\"}\n");
	line = hear(f, fd);
	reply = cJSON_Parse(line);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(reply, "data")),
			 ARRAY_COUNT(commands) + 2);
	cJSON_Delete(reply);
	free(line);
	close(fd);
}

static void
requests_may_come_in_pieces_and_in_bunches(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"id\":1,\"cmd\":");
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	say(fd, "\"reload\"}\n{\"id\":2,\"cmd\":\"show\",\"what\":\"vr\"}\n{\"id\":3,");
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	expect(f, fd, "{\"id\":2,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	say(fd, "\"cmd\":\"show\",\"what\":\"vr\"}\n");
	expect(f, fd, "{\"id\":3,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	close(fd);
}

static void
replies_follow_a_closed_writing_side(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{\"id\":1,\"cmd\":\"show\",\"what\":\"vr\"}\n");
	shutdown(fd, SHUT_WR);
	expect(f, fd, "{\"id\":1,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	expect(f, fd, "");
	close(fd);
}

/* Count of rows with this "vn", or of all with -1. */
static void
expect_rows(struct fixture *f, const char *request, int wanted)
{
	int fd = dial(f);
	cJSON *reply;
	char *line;

	say(fd, request);
	line = hear(f, fd);
	reply = cJSON_Parse(line);
	assert_non_null(reply);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(reply, "data")), wanted);
	cJSON_Delete(reply);
	free(line);
	close(fd);
}

static void
long_tables_come_in_turns(void **state)
{
	expect_rows(*state, "{\"cmd\":\"show\",\"what\":\"rows\"}\n", ROWS);
	expect_rows(*state, "{\"cmd\":\"show\",\"what\":\"rows\",\"match\":{\"vn\":1}}\n",
		    ROWS / 2);
	expect_rows(*state, "{\"cmd\":\"show\",\"what\":\"rows\",\"match\":{\"vn\":9}}\n", 0);
}

static void
a_table_that_fails_closes_the_connection(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	char byte;
	int i;

	say(fd, "{\"cmd\":\"show\",\"what\":\"broken\"}\n");
	for (i = 0; i < 10; i++)
		ctl_readable(f->ctl, f->now);
	while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1)
		assert_int_not_equal(byte, '\n');
	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0);
	close(fd);
}

static void
a_request_that_is_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(CTL_REQUEST_MAX);
	int fd = dial(f);

	memset(text, ' ', CTL_REQUEST_MAX);
	assert_int_equal(send(fd, text, CTL_REQUEST_MAX, 0), CTL_REQUEST_MAX);
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	say(fd, "  ");
	expect(f, fd,
	       "{\"id\":null,\"ok\":false,\"code\":\"too-large\",\"text\":"
	       "\"a request has at most 65536 bytes\"}");
	expect(f, fd, "");
	close(fd);
	free(text);
}

static void
the_largest_request_is_answered(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(CTL_REQUEST_MAX + 1);
	static const char request[] = "{\"id\":1,\"cmd\":\"reload\"}";
	int fd = dial(f);

	memset(text, ' ', CTL_REQUEST_MAX);
	memcpy(text, request, strlen(request));
	text[CTL_REQUEST_MAX] = '\n';
	assert_int_equal(send(fd, text, CTL_REQUEST_MAX + 1, 0), CTL_REQUEST_MAX + 1);
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	close(fd);
	free(text);
}

static void
a_request_must_arrive_in_time(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{");
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REQUEST_TIME);
	f->now += CTL_REQUEST_TIME;
	expect(f, fd,
	       "{\"id\":null,\"ok\":false,\"code\":\"timeout\",\"text\":"
	       "\"the request took too long\"}");
	expect(f, fd, "");
	close(fd);
}

static void
who_says_nothing_is_closed_and_who_monitors_is_not(void **state)
{
	struct fixture *f = *state;
	int idle = dial(f);
	int monitor = dial(f);

	say(monitor, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, monitor, "{\"id\":1,\"ok\":true}");
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_IDLE_TIME);
	f->now += CTL_IDLE_TIME;
	expect(f, idle, "");
	assert_true(ctl_has_monitors(f->ctl));
	assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
	close(idle);
	close(monitor);
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	assert_false(ctl_has_monitors(f->ctl));
}

static void
who_takes_nothing_of_a_reply_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	int i;

	/* Far more than the socket takes, and never read. */
	for (i = 0; i < 200; i++)
		say(fd, "{\"cmd\":\"show\",\"what\":\"rows\"}\n");
	for (i = 0; i < 200; i++)
		ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REPLY_TIME);
	f->now += CTL_REPLY_TIME;
	assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
	close(fd);
}

static void
monitors_get_every_event_in_order(void **state)
{
	struct fixture *f = *state;
	cJSON *fields = cJSON_Parse("{\"number\":1,\"eids\":[\"10.1.0.5\"]}");
	int a = dial(f);
	int b = dial(f);

	assert_false(ctl_has_monitors(f->ctl));
	ctl_publish(f->ctl, "move", fields);
	say(a, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, a, "{\"id\":1,\"ok\":true}");
	ctl_publish(f->ctl, "move", fields);
	ctl_publish(f->ctl, "peer-up", NULL);
	say(b, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, b, "{\"id\":1,\"ok\":true}");
	ctl_publish(f->ctl, "peer-down", NULL);
	expect(f, a, "{\"event\":\"move\",\"number\":1,\"eids\":[\"10.1.0.5\"]}");
	expect(f, a, "{\"event\":\"peer-up\"}");
	expect(f, a, "{\"event\":\"peer-down\"}");
	expect(f, b, "{\"event\":\"peer-down\"}");
	say(a, "{\"id\":2,\"cmd\":\"show\",\"what\":\"vr\"}\n");
	expect(f, a, "{\"id\":2,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	close(a);
	close(b);
	cJSON_Delete(fields);
}

static void
a_slow_monitor_is_told_how_much_it_missed(void **state)
{
	struct fixture *f = *state;
	cJSON *fields = cJSON_CreateObject();
	unsigned long published = 0, heard = 0, missed = 0;
	char *text = malloc(8192);
	int fd = dial(f);

	memset(text, 'x', 8191);
	text[8191] = '\0';
	cJSON_AddStringToObject(fields, "text", text);
	say(fd, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	for (; published < 1000; published++)
		ctl_publish(f->ctl, "move", fields);
	while (missed == 0) {
		char *line = hear(f, fd);
		cJSON *event = cJSON_Parse(line);
		const cJSON *count = cJSON_GetObjectItem(event, "count");

		heard += count == NULL;
		missed = count == NULL ? 0 : (unsigned long)count->valuedouble;
		/* Only a further event can carry the news. */
		if (heard == 50) {
			ctl_publish(f->ctl, "move", fields);
			published++;
		}
		cJSON_Delete(event);
		free(line);
	}
	free(hear(f, fd));
	heard++;
	assert_int_equal(heard + missed, published);
	close(fd);
	cJSON_Delete(fields);
	free(text);
}

static void
a_monitor_that_takes_nothing_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	int i;

	say(fd, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	for (i = 0; i < 100000; i++)
		ctl_publish(f->ctl, "move", NULL);
	for (i = 0; i < 100; i++)
		ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REPLY_TIME);
	f->now += CTL_REPLY_TIME;
	ctl_run(f->ctl, f->now);
	assert_false(ctl_has_monitors(f->ctl));
	close(fd);
}

static void
one_client_too_many_is_told_so(void **state)
{
	struct fixture *f = *state;
	int fds[CTL_CLIENTS_MAX];
	int one_more, i;

	for (i = 0; i < CTL_CLIENTS_MAX; i++) {
		fds[i] = dial(f);
		ctl_readable(f->ctl, f->now);
	}
	one_more = dial(f);
	expect(f, one_more,
	       "{\"id\":null,\"ok\":false,\"code\":\"busy\",\"text\":\"too many connections\"}");
	expect(f, one_more, "");
	close(one_more);
	close(fds[3]);
	ctl_readable(f->ctl, f->now);
	fds[3] = dial(f);
	say(fds[3], "{\"id\":1,\"cmd\":\"reload\"}\n");
	expect(f, fds[3], "{\"id\":1,\"ok\":true}");
	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void
a_client_that_goes_away_at_any_time_does_no_harm(void **state)
{
	struct fixture *f = *state;
	static const char *const requests[] = {"", "{", "{\"cmd\":\"show\",\"what\":\"rows\"}\n",
					       "{\"cmd\":\"monitor\"}\n"};
	size_t i;
	int turns, j;

	for (i = 0; i < ARRAY_COUNT(requests); i++) {
		for (turns = 0; turns < 6; turns++) {
			int fd = dial(f);

			say(fd, requests[i]);
			for (j = 0; j < turns; j++)
				ctl_readable(f->ctl, f->now);
			close(fd);
			ctl_publish(f->ctl, "move", NULL);
			for (j = 0; j < 4; j++)
				ctl_readable(f->ctl, f->now);
			assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
		}
	}
}

static void
the_socket_is_for_its_owner_and_group_only(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void
only_a_dead_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[108];
	struct ctl *other;
	FILE *file;
	int fd;

	assert_int_equal(ctl_create(f->path, commands, 1, f, NULL, &other), -EADDRINUSE);
	assert_null(other);
	assert_int_equal(access(f->path, F_OK), 0);

	snprintf(path, sizeof(path), "%s/run/dead", f->directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(ctl_create(path, commands, 1, f, NULL, &other), 0);
	ctl_destroy(other);

	file = fopen(path, "w");
	fclose(file);
	assert_int_equal(ctl_create(path, commands, 1, f, NULL, &other), -EADDRINUSE);
	assert_int_equal(unlink(path), 0);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	char path[200];
	struct ctl *other;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ctl_create(path, commands, 1, NULL, NULL, &other), -ENAMETOOLONG);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(replies_carry_the_id_and_the_data),
		TEST(a_reply_that_takes_time_comes_when_it_is_there),
		TEST(who_leaves_while_it_waits_is_forgotten),
		TEST(rows_that_do_not_match_are_left_out),
		TEST(what_is_no_command_is_refused_with_a_code),
		TEST(help_lists_every_command),
		TEST(requests_may_come_in_pieces_and_in_bunches),
		TEST(replies_follow_a_closed_writing_side),
		TEST(long_tables_come_in_turns),
		TEST(a_table_that_fails_closes_the_connection),
		TEST(a_request_that_is_too_large_is_refused),
		TEST(the_largest_request_is_answered),
		TEST(a_request_must_arrive_in_time),
		TEST(who_says_nothing_is_closed_and_who_monitors_is_not),
		TEST(who_takes_nothing_of_a_reply_is_closed),
		TEST(monitors_get_every_event_in_order),
		TEST(a_slow_monitor_is_told_how_much_it_missed),
		TEST(a_monitor_that_takes_nothing_is_closed),
		TEST(one_client_too_many_is_told_so),
		TEST(a_client_that_goes_away_at_any_time_does_no_harm),
		TEST(the_socket_is_for_its_owner_and_group_only),
		TEST(only_a_dead_socket_is_replaced),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
