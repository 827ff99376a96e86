/* Replies that come in pieces, and long ones. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "vr/loop.h"
#include "vr/vrctl_print.h"
#include "vr/vrctl_reply.h"

#define HEAD "{\"id\":1,\"ok\":true"

struct shown {
	enum vrctl_status status;
	char *text;
	size_t size;
	size_t room; /* that the link took for what came */
};

/* Shows a reply of these bytes that comes in pieces of 'piece' bytes; then the router closes. */
static struct shown
show(const char *reply, size_t size, size_t piece, const char *command, bool json)
{
	struct vrctl_link link = {.fd = -1};
	struct shown shown;
	int ends[2];
	pid_t child;
	FILE *out = open_memstream(&shown.text, &shown.size);

	/* Each piece is read by itself. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(ends[0]);
		for (size_t at = 0; at < size; at += piece)
			if (send(ends[1], reply + at, size - at < piece ? size - at : piece,
				 MSG_NOSIGNAL) < 0)
				break;
		_exit(0);
	}
	close(ends[1]);
	link.fd = ends[0];
	shown.status = vrctl_reply_show(&link, command != NULL ? vrctl_view_find(command) : NULL,
					json, out);
	shown.room = link.room;
	vrctl_link_close(&link);
	fclose(out);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return shown;
}

static void
expect(const char *reply, const char *command, bool json, enum vrctl_status status,
       const char *text)
{
	size_t pieces[] = {1, 2, 3, 7, 31, 4096};

	for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
		struct shown shown = show(reply, strlen(reply), pieces[i], command, json);

		assert_int_equal(shown.status, status);
		assert_string_equal(shown.text, text);
		free(shown.text);
	}
}

static void
a_table_is_the_same_however_it_comes(void **state)
{
	(void)state;
	expect(HEAD ",\"data\":[{\"vn\":7,\"prefix\":\"}]{\\\"\\\\\",\"kind\":\"x\",\"vr\":null,"
		    "\"hosts\":[\"a\",\"]\"]},{\"vn\":10,\"prefix\":\"b\"}]}\n",
	       "show lndt", false, VRCTL_DONE,
	       "VN  PREFIX  KIND  ROUTER  HOSTS\n"
	       " 7  }]{\"\\   x     -       a,]\n"
	       "10  b       -     -       -\n");
	expect(HEAD ",\"data\":[]}\n", "show gndt", false, VRCTL_DONE,
	       "VN  PREFIX  ROUTER  ORIGIN  HERE\n");
	/* No view, no table, no data. */
	expect(HEAD ",\"data\":[{\"a\":1},{\"a\":2}]}\n", NULL, false, VRCTL_DONE, "a\n1\n2\n");
	expect(HEAD ",\"data\":{\"a\":1}}\n", "show vr", false, VRCTL_DONE, "a: 1\n");
	expect(HEAD "}\n", "monitor", false, VRCTL_DONE, "");
}

static void
json_is_passed_on_as_it_is(void **state)
{
	static const char *const replies[] = {
		HEAD ",\"data\":[{\"vn\":7},{\"vn\":8}]}\n",
		HEAD ",\"data\":[]}\n",
		HEAD ",\"data\":{}}\n",
		HEAD "}\n",
	};
	static const char no[] =
		"{\"id\":1,\"ok\":false,\"code\":\"c\",\"data\":{\"text\":\"t\"}}\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(replies); i++)
		expect(replies[i], "show lndt", true, VRCTL_DONE, replies[i]);
	expect(no, "show lndt", true, VRCTL_REFUSED, no);
}

static void
what_is_no_reply_is_said_to_be_none(void **state)
{
	static const char *const replies[] = {
		"",
		"x\n",
		"[]\n",
		"{\"id\":1,\"ok\":true",
		"{\"id\":1 \"ok\":true,\"data\":[{\"vn\":7}]}\n",
		HEAD ",\"data\":[{\"vn\":7}",
		HEAD ",\"data\":[{\"vn\":7},",
		HEAD ",\"data\":[{\"vn\":7},3]}\n",
		HEAD ",\"data\":[{\"vn\":7}{\"vn\":8}]}\n",
		HEAD ",\"data\":[{\"vn\":7]]}\n",
		HEAD ",\"data\":[{\"vn\":7}}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(replies); i++)
		expect(replies[i], "show lndt", false, VRCTL_NO_DAEMON, "");
	expect(HEAD ",\"data\":[{\"vn\":7}", "show lndt", true, VRCTL_NO_DAEMON,
	       HEAD ",\"data\":[{\"vn\":7}");
}

static void
a_refusal_is_one(void **state)
{
	(void)state;
	expect("{\"id\":1,\"ok\":false,\"code\":\"c\",\"text\":\"t\"}\n", "show lndt", false,
	       VRCTL_REFUSED, "");
	expect("{\"id\":1,\"ok\":false,\"code\":\"c\",\"text\":\"t\",\"data\":[{\"vn\":7}]}\n",
	       "show lndt", false, VRCTL_REFUSED, "");
}

/* Rows of both kinds of "show registrations", own ones first: the later, the longer. */
static char *
long_reply(size_t own, size_t here, size_t *size)
{
	char *text;
	FILE *out = open_memstream(&text, size);

	fputs(HEAD ",\"data\":[", out);
	for (size_t i = 0; i < own + here; i++)
		fprintf(out,
			"%s{\"kind\":\"%s\",\"vn\":7,\"prefix\":\"10.%zu.%zu.%zu/32\","
			"\"locators\":[{\"rloc\":\"192.0.2.1\"},{\"rloc\":\"192.0.2.2\"}]}",
			i > 0 ? "," : "", i < own ? "own" : "here", i >> 16, i >> 8 & 255, i & 255);
	fputs("]}\n", out);
	fclose(out);
	return text;
}

static size_t
count(const char *text, const char *what)
{
	size_t found = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		found++;
	return found;
}

static void
a_long_table_takes_no_more_memory_than_a_page(void **state)
{
	const size_t own = VRCTL_PAGE_ROWS + 5, here = 20 * VRCTL_PAGE_ROWS + 7;
	size_t size, lines = 0;
	char *reply = long_reply(own, here, &size);
	struct shown shown = show(reply, size, 10000, "show registrations", false);

	(void)state;
	assert_int_equal(shown.status, VRCTL_DONE);
	assert_true(shown.room < 256 * 1024 && size > 16 * shown.room);
	/* Two headings, a blank line between the tables, a line for each locator. */
	for (const char *c = shown.text; *c != '\0'; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 2 * (own + here) + 3);
	assert_int_equal(count(shown.text, "OWN PREFIX"), 1);
	assert_int_equal(count(shown.text, "REGISTERED HERE"), 1);
	assert_int_equal(count(shown.text, "\n\nVN  REGISTERED HERE"), 1);
	assert_int_equal(count(shown.text, "10.0.1.2/32 "), 2);
	assert_int_equal(count(shown.text, "10.0.100.7/32 "), 2);
	free(shown.text);
	free(reply);
}

static void
a_page_stands_in_order_and_columns_only_grow(void **state)
{
	size_t size;
	char *text, *line, *rest;
	struct shown shown;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs(HEAD ",\"data\":[", out);
	for (unsigned i = 0; i < VRCTL_PAGE_ROWS; i++)
		fprintf(out, "{\"vn\":%u,\"prefix\":\"p\"},", VRCTL_PAGE_ROWS - i);
	fputs("{\"vn\":1,\"prefix\":\"wider\"},{\"vn\":10000,\"prefix\":\"q\"}]}\n", out);
	fclose(out);
	shown = show(text, size, 5000, "show gndt", false);
	assert_int_equal(shown.status, VRCTL_DONE);
	line = strtok_r(shown.text, "\n", &rest);
	assert_string_equal(line, "  VN  PREFIX  ROUTER  ORIGIN  HERE");
	for (unsigned i = 1; i <= VRCTL_PAGE_ROWS; i++) {
		line = strtok_r(NULL, "\n", &rest);
		assert_int_equal(strtoul(line, NULL, 10), i);
	}
	assert_string_equal(strtok_r(NULL, "\n", &rest), "    1  wider   -       -       -");
	assert_string_equal(strtok_r(NULL, "\n", &rest), "10000  q       -       -       -");
	assert_null(strtok_r(NULL, "\n", &rest));
	free(shown.text);
	free(text);
}

/* What a hostile socket says: a beginning, and then the same piece over and over, 'pause' ms after each. */
struct drip {
	const char *begin, *piece;
	int pause;
	size_t times;
	us_t patience;
};

/* The status, and how much was kept ('room') and printed ('size'); 'took' us. */
static struct shown
show_drip(const struct drip *drip, const char *command, bool json, us_t *took)
{
	struct vrctl_link link = {.patience = drip->patience, .since = loop_now()};
	us_t start = loop_now();
	struct shown shown;
	int ends[2];
	pid_t child;
	FILE *out = open_memstream(&shown.text, &shown.size);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct pollfd reader = {.fd = ends[1]};

		close(ends[0]);
		(void)!send(ends[1], drip->begin, strlen(drip->begin), MSG_NOSIGNAL);
		for (size_t i = 0; i < drip->times; i++) {
			if (send(ends[1], drip->piece, strlen(drip->piece), MSG_NOSIGNAL) < 0)
				break;
			/* Nobody listens any more: it ends. */
			(void)poll(&reader, 1, drip->pause);
			if ((reader.revents & POLLHUP) != 0)
				break;
		}
		_exit(0);
	}
	close(ends[1]);
	link.fd = ends[0];
	shown.status = vrctl_reply_show(&link, command != NULL ? vrctl_view_find(command) : NULL,
					json, out);
	*took = loop_now() - start;
	shown.room = link.room;
	vrctl_link_close(&link);
	fclose(out);
	free(shown.text);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return shown;
}

static const struct {
	const char *begin;
	bool json;
} unfinished[] = {
	{"{\"id\":1,\"ok\":true,\"text\":\"", false}, {"{\"id\":1,\"ok\":true,\"text\":\"", true},
	{HEAD ",\"data\":[{\"prefix\":\"", false},    {HEAD ",\"data\":[{\"prefix\":\"", true},
	{HEAD ",\"data\":[{\"prefix\":1},", true},
};

static void
an_endless_head_or_row_ends(void **state)
{
	static char piece[100001];
	us_t took;

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	for (size_t i = 0; i < ARRAY_COUNT(unfinished); i++) {
		struct drip drip = {.begin = unfinished[i].begin, .piece = piece, .times = 500};
		struct shown shown = show_drip(&drip, "show lndt", unfinished[i].json, &took);

		assert_int_equal(shown.status, VRCTL_NO_DAEMON);
		assert_true(shown.room <= 3 * VRCTL_ROW_MAX);
		assert_true(shown.size <= 2 * VRCTL_ROW_MAX);
	}
}

static void
an_endless_line_of_anything_else_ends(void **state)
{
	static char piece[1000001];
	struct drip drip = {.begin = HEAD ",\"data\":{\"text\":\"", .piece = piece, .times = 300};
	struct shown shown;
	us_t took;

	(void)state;
	memset(piece, 'x', sizeof(piece) - 1);
	shown = show_drip(&drip, "show vr", false, &took);
	assert_int_equal(shown.status, VRCTL_NO_DAEMON);
	assert_true(shown.room <= 3 * VRCTL_LINE_MAX);
	shown = show_drip(&drip, "show vr", true, &took);
	assert_int_equal(shown.status, VRCTL_NO_DAEMON);
	assert_true(shown.size <= 2 * VRCTL_LINE_MAX);
}

static void
a_row_that_comes_too_slowly_ends(void **state)
{
	us_t took;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(unfinished); i++) {
		struct drip drip = {.begin = unfinished[i].begin,
				    .piece = "x",
				    .pause = 10,
				    .times = 300,
				    .patience = 200 * US_MS};
		struct shown shown = show_drip(&drip, "show lndt", unfinished[i].json, &took);

		assert_int_equal(shown.status, VRCTL_NO_DAEMON);
		assert_true(took < 2 * US_S);
	}
}

/* A list takes as long as it takes, as long as its rows come. */
static void
many_rows_may_take_longer_than_the_patience(void **state)
{
	us_t took;

	(void)state;
	for (unsigned json = 0; json < 2; json++) {
		struct drip drip = {.begin = HEAD ",\"data\":[{\"vn\":1}",
				    .piece = ",{\"vn\":7}",
				    .pause = 10,
				    .times = 60,
				    .patience = 300 * US_MS};

		(void)show_drip(&drip, "show lndt", json != 0, &took);
		assert_true(took >= 600 * US_MS);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_the_same_however_it_comes),
		cmocka_unit_test(json_is_passed_on_as_it_is),
		cmocka_unit_test(what_is_no_reply_is_said_to_be_none),
		cmocka_unit_test(a_refusal_is_one),
		cmocka_unit_test(a_long_table_takes_no_more_memory_than_a_page),
		cmocka_unit_test(a_page_stands_in_order_and_columns_only_grow),
		cmocka_unit_test(an_endless_head_or_row_ends),
		cmocka_unit_test(an_endless_line_of_anything_else_ends),
		cmocka_unit_test(a_row_that_comes_too_slowly_ends),
		cmocka_unit_test(many_rows_may_take_longer_than_the_patience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
