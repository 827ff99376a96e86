/* Requests over the control socket, and their replies. */
#include "tests/unit/ctl_rig.h"

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
