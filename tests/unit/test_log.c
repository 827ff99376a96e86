/* Log lines: their form, what is kept out of them, and the gate in front of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"

/* A folder of its own for each test, and what was written to the log in it. */
struct place {
	char folder[32];
	char file[64];
	char moved[64];
	char text[8192];
};

static int
setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	strcpy(p->folder, "/tmp/test_log.XXXXXX");
	if (mkdtemp(p->folder) == NULL) {
		free(p);
		return -1;
	}
	snprintf(p->file, sizeof(p->file), "%s/log", p->folder);
	snprintf(p->moved, sizeof(p->moved), "%s/log.1", p->folder);
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	unlink(p->file);
	unlink(p->moved);
	rmdir(p->folder);
	free(p);
	return 0;
}

static const char *
read_file(struct place *p, const char *file)
{
	FILE *f = fopen(file, "r");
	size_t size;

	assert_non_null(f);
	size = fread(p->text, 1, sizeof(p->text) - 1, f);
	fclose(f);
	p->text[size] = '\0';
	return p->text;
}

static bool
matches(const char *text, const char *pattern)
{
	regex_t regex;
	bool found;

	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, text, 0, NULL, 0) == 0;
	regfree(&regex);
	return found;
}

#define TIME "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z"

static void
a_line_has_time_level_module_and_text(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_DEBUG, p->file);

	assert_non_null(log);
	log_line(log, LOG_ERROR, "port", "%s is %d", "gone", 7);
	log_line(log, LOG_WARNING, "a", "b");
	log_json(log, LOG_INFO, "move", "{\"number\":1}");
	log_line(log, LOG_DEBUG, "c", "d");
	log_destroy(log);
	read_file(p, p->file);
	assert_true(matches(p->text, "^" TIME " ERROR port: gone is 7\n" TIME " WARNING a: b\n" TIME
				     " INFO move: \\{\"number\":1\\}\n" TIME " DEBUG c: d\n$"));
}

static void
lines_below_the_level_are_left_out(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_WARNING, p->file);

	assert_non_null(log);
	assert_true(log_wants(log, LOG_ERROR));
	assert_true(log_wants(log, LOG_WARNING));
	assert_false(log_wants(log, LOG_INFO));
	log_line(log, LOG_INFO, "a", "b");
	log_json(log, LOG_INFO, "a", "{}");
	assert_string_equal(read_file(p, p->file), "");
	log_set_level(log, LOG_INFO);
	log_line(log, LOG_INFO, "a", "b");
	assert_true(matches(read_file(p, p->file), "INFO a: b"));
	log_destroy(log);
}

static void
no_log_takes_every_call(void **state)
{
	(void)state;
	assert_false(log_wants(NULL, LOG_ERROR));
	log_line(NULL, LOG_ERROR, "a", "b");
	log_json(NULL, LOG_ERROR, "a", "{}");
	log_destroy(NULL);
}

static void
a_stranger_cannot_start_a_line(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_INFO, p->file);

	assert_non_null(log);
	log_line(log, LOG_INFO, "a", "%s", "x\nERROR b: y\r\x1b[2J\x7f \xc3\xa4");
	log_destroy(log);
	assert_true(matches(read_file(p, p->file),
			    "^" TIME " INFO a: x\\?ERROR b: y\\?\\?\\[2J\\? \xc3\xa4\n$"));
}

static void
a_long_text_is_cut(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_INFO, p->file);
	char text[1025];
	const char *start;

	assert_non_null(log);
	memset(text, 'x', sizeof(text));
	text[1023] = '\0';
	log_line(log, LOG_INFO, "a", "%s", text);
	start = strstr(read_file(p, p->file), ": ");
	assert_non_null(start);
	assert_int_equal(strlen(start + 2), 1024);
	assert_null(strstr(start, "..."));

	text[1023] = 'x';
	text[1024] = '\0';
	log_line(log, LOG_INFO, "b", "%s", text);
	start = strstr(read_file(p, p->file), " b: ");
	assert_non_null(start);
	assert_int_equal(strlen(start + 4), 1024);
	assert_string_equal(start + 4 + 1020, "...\n");
	log_destroy(log);
}

static void
an_object_of_any_size_is_one_line(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_INFO, p->file);
	char object[4001];

	assert_non_null(log);
	memset(object, 'x', sizeof(object));
	object[4000] = '\0';
	log_json(log, LOG_INFO, "move", object);
	log_destroy(log);
	assert_int_equal(strlen(strstr(read_file(p, p->file), ": ") + 2), 4001);
}

static void
a_file_that_was_moved_away_is_opened_anew(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_INFO, p->file);

	assert_non_null(log);
	log_line(log, LOG_INFO, "a", "first");
	assert_int_equal(rename(p->file, p->moved), 0);
	log_line(log, LOG_INFO, "a", "second");
	assert_int_equal(log_reopen(log), 0);
	log_line(log, LOG_INFO, "a", "third");
	assert_true(matches(read_file(p, p->moved), "first\n.*second\n$"));
	assert_true(matches(read_file(p, p->file), "third\n$"));
	assert_null(strstr(p->text, "second"));
	log_destroy(log);
}

static void
the_old_file_stays_when_a_new_one_cannot_be_opened(void **state)
{
	struct place *p = *state;
	struct log *log = log_create(LOG_INFO, p->file);

	assert_non_null(log);
	assert_int_equal(rename(p->file, p->moved), 0);
	assert_int_equal(mkdir(p->file, 0700), 0);
	assert_int_equal(log_reopen(log), -EISDIR);
	log_line(log, LOG_INFO, "a", "still here");
	log_destroy(log);
	assert_true(matches(read_file(p, p->moved), "still here\n$"));
	assert_int_equal(rmdir(p->file), 0);
}

static void
a_file_that_cannot_be_opened_is_no_log(void **state)
{
	struct place *p = *state;

	errno = 0;
	assert_null(log_create(LOG_INFO, p->folder));
	assert_int_equal(errno, EISDIR);
}

/* Runs one line through a log on the standard error while that is a file of ours. */
static void
line_on_standard_error(struct place *p, const char *journal_stream)
{
	FILE *f = fopen(p->file, "w");
	int kept = dup(STDERR_FILENO);
	struct stat st;
	char own[64];
	struct log *log;

	assert_non_null(f);
	assert_int_equal(fstat(fileno(f), &st), 0);
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	setenv("JOURNAL_STREAM", journal_stream != NULL ? journal_stream : own, 1);
	log = log_create(LOG_INFO, NULL);
	if (log != NULL) {
		log_line(log, LOG_WARNING, "a", "b");
		assert_int_equal(log_reopen(log), 0);
	}
	log_destroy(log);
	unsetenv("JOURNAL_STREAM");
	dup2(kept, STDERR_FILENO);
	close(kept);
	fclose(f);
	read_file(p, p->file);
}

static void
the_journal_gets_a_priority_and_no_time(void **state)
{
	struct place *p = *state;

	line_on_standard_error(p, NULL);
	assert_string_equal(p->text, "<4>WARNING a: b\n");
}

static void
an_inherited_journal_variable_is_not_believed(void **state)
{
	struct place *p = *state;

	line_on_standard_error(p, "1:1");
	assert_true(matches(p->text, "^" TIME " WARNING a: b\n$"));
}

static void
a_gate_lets_five_through_and_then_one_per_second(void **state)
{
	struct log_gate gate = {0};
	us_t start = 1000 * US_S;
	unsigned opened = 0;

	(void)state;
	for (unsigned ms = 0; ms < 10000; ms++)
		opened += log_gate_open(&gate, start + ms * US_MS);
	assert_int_equal(opened, 5 + 9);
	assert_int_equal(gate.held_back, 10000 - opened);
}

static void
a_gate_that_rested_gives_the_whole_burst_again(void **state)
{
	struct log_gate gate = {0};

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		us_t now = round * 100 * US_S;

		for (unsigned i = 0; i < 5; i++)
			assert_true(log_gate_open(&gate, now));
		assert_false(log_gate_open(&gate, now));
		assert_false(log_gate_open(&gate, now + US_S - 1));
		assert_true(log_gate_open(&gate, now + US_S));
		assert_false(log_gate_open(&gate, now + US_S));
	}
	assert_int_equal(gate.held_back, 9);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(a_line_has_time_level_module_and_text),
		WITH_PLACE(lines_below_the_level_are_left_out),
		cmocka_unit_test(no_log_takes_every_call),
		WITH_PLACE(a_stranger_cannot_start_a_line),
		WITH_PLACE(a_long_text_is_cut),
		WITH_PLACE(an_object_of_any_size_is_one_line),
		WITH_PLACE(a_file_that_was_moved_away_is_opened_anew),
		WITH_PLACE(the_old_file_stays_when_a_new_one_cannot_be_opened),
		WITH_PLACE(a_file_that_cannot_be_opened_is_no_log),
		WITH_PLACE(the_journal_gets_a_priority_and_no_time),
		WITH_PLACE(an_inherited_journal_variable_is_not_believed),
		cmocka_unit_test(a_gate_lets_five_through_and_then_one_per_second),
		cmocka_unit_test(a_gate_that_rested_gives_the_whole_burst_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
