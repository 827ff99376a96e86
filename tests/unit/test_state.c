/* The state file: what is written comes back, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "vr/loop.h"
#include "vr/state.h"

struct fixture {
	char dir[32], file[48], lock[64], log_file[48];
	struct log *log;
	struct state_row rows[8];
	size_t count;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	snprintf(f->dir, sizeof(f->dir), "/tmp/test_state.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/a.state", f->dir);
	snprintf(f->lock, sizeof(f->lock), "%s.lock", f->file);
	snprintf(f->log_file, sizeof(f->log_file), "%s/log", f->dir);
	f->log = log_create(LOG_ERROR, f->log_file);
	assert_non_null(f->log);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	unlink(f->file);
	unlink(f->lock);
	unlink(f->log_file);
	assert_int_equal(rmdir(f->dir), 0); /* no draft is left behind */
	log_destroy(f->log);
	free(f);
	return 0;
}

static void
take(void *ctx, const struct state_row *row)
{
	struct fixture *f = ctx;

	assert_true(f->count < ARRAY_COUNT(f->rows));
	f->rows[f->count++] = *row;
}

static void
what_was_remembered_comes_back(void **state)
{
	struct fixture *f = *state;
	struct state_row rows[] = {
		{.kind = STATE_BINDING,
		 .binding = {.vn = VN_ID_MAX,
			     .mac = {{2, 0, 0, 0, 0, 1}},
			     .vr = {UINT64_MAX},
			     .mobility = UINT64_C(1) << 63,
			     .kind = BINDING_GATEWAY,
			     .withdrawn = true}},
		{.kind = STATE_CLOCK, .value = INT64_MAX},
		{.kind = STATE_HEARD, .peer = {1}, .value = 5},
		{.kind = STATE_REGISTERED, .value = 77},
		{.kind = STATE_ETR,
		 .etr = {.site = "rome",
			 .key_id = 255,
			 .has_xtr_id = true,
			 .xtr = {0, 1, 2, 0xff, 9},
			 .site_id = UINT64_MAX},
		 .value = 88},
		{.kind = STATE_ETR,
		 .etr = {.site = "paris", .addr = {.family = ADDR_V4, .b = {192, 0, 2, 1}}},
		 .value = 99},
	};
	struct state *s;

	assert_int_equal(addr_from_text("fd00::1", &rows[0].binding.ip), 0);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	state_begin(s);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		state_add(s, &rows[i]);
	state_commit(s);
	state_destroy(s);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	assert_int_equal(state_read(s, take, f), 0);
	state_destroy(s);
	assert_int_equal(f->count, ARRAY_COUNT(rows));
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		assert_int_equal(f->rows[i].kind, rows[i].kind);
		assert_int_equal(f->rows[i].value, rows[i].value);
		assert_int_equal(f->rows[i].peer.v, rows[i].peer.v);
	}
	assert_true(addr_equal(f->rows[0].binding.ip, rows[0].binding.ip));
	assert_int_equal(f->rows[0].binding.mobility, rows[0].binding.mobility);
	assert_int_equal(f->rows[0].binding.vr.v, rows[0].binding.vr.v);
	assert_true(f->rows[0].binding.withdrawn);
}

static void
count_rows(void *ctx, const struct state_row *row)
{
	uint64_t *sum = ctx;

	sum[0]++;
	sum[1] += row->value;
}

static void
the_last_of_several_is_written_whole(void **state)
{
	struct fixture *f = *state;
	uint64_t sum[2] = {0, 0};
	struct state *s;

	assert_int_equal(state_create(f->file, f->log, &s), 0);
	for (uint64_t turn = 0; turn < 3; turn++) {
		state_begin(s);
		state_add(s, &(struct state_row){.kind = STATE_CLOCK, .value = 1});
		/* Begun anew: what was gathered is gone. */
		state_begin(s);
		for (uint64_t i = 0; i < 1000; i++)
			state_add(s, &(struct state_row){.kind = STATE_CLOCK, .value = i * turn});
		state_commit(s);
	}
	/* Never committed. */
	state_begin(s);
	state_add(s, &(struct state_row){.kind = STATE_CLOCK, .value = 7});
	state_destroy(s);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	assert_int_equal(state_read(s, count_rows, sum), 0);
	state_destroy(s);
	assert_int_equal(sum[0], 1000);
	assert_int_equal(sum[1], 2 * 999 * 1000 / 2);
}

static void
rows_that_no_router_would_take_are_left_out(void **state)
{
	static const char *const bad[] = {
		"binding 7 10.1.0.5 ff:ff:ff:ff:ff:ff a 1 0 0", /* a group */
		"binding 7 10.1.0.5 00:00:00:00:00:00 a 1 0 0",
		"binding 7 0.0.0.0 02:00:00:00:00:01 a 1 0 0",
		"binding 7 224.0.0.1 02:00:00:00:00:01 a 1 0 0",
		"binding 7 10.1.0.5 02:00:00:00:00:01 0 1 0 0", /* nobody's */
		"binding 7 10.1.0.5 02:00:00:00:00:01 a 1 2 0", /* no such kind */
		"binding 7 10.1.0.5 02:00:00:00:00:01 a 1 0 2",
		"binding 99999999 10.1.0.5 02:00:00:00:00:01 a 1 0 0",
		"binding 7 10.1.0.5",
		"binding",
		/* A counter and a clock that could never become larger. */
		"binding 7 10.1.0.5 02:00:00:00:00:01 a 9223372036854775809 0 0",
		"binding 7 10.1.0.5 02:00:00:00:00:01 a -1 0 0",
		"clock 9223372036854775808",
		"clock -5",
		"heard a",
		"\x01\xff\xfe",
		"",
	};
	struct fixture *f = *state;
	FILE *file = fopen(f->file, "w");
	struct state *s;

	assert_non_null(file);
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++)
		fprintf(file, "%s\n", bad[i]);
	for (size_t i = 0; i < 1000; i++)
		fputc('x', file);
	fprintf(file, "\nbinding 7 10.1.0.5 02:00:00:00:00:01 a 1 0 0\n");
	fclose(file);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	assert_int_equal(state_read(s, take, f), 0);
	state_destroy(s);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->rows[0].binding.vn, 7);
}

static void
commit_clock(struct state *s, uint64_t value)
{
	state_begin(s);
	state_add(s, &(struct state_row){.kind = STATE_CLOCK, .value = value});
	state_commit(s);
}

/* Waits until a file is there and says something. */
static void
wait_for_file(const char *file)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	us_t deadline = loop_now() + 10 * US_S;
	struct stat st;

	while (stat(file, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
		assert_true(loop_now() < deadline);
		nanosleep(&moment, NULL);
	}
}

static void
what_cannot_be_written_is_written_later(void **state)
{
	struct fixture *f = *state;
	struct state *s;

	/* A file cannot take the place of a directory. */
	assert_int_equal(mkdir(f->file, 0700), 0);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	commit_clock(s, 5);
	wait_for_file(f->log_file);
	/* Nobody says anything new. */
	assert_int_equal(rmdir(f->file), 0);
	wait_for_file(f->file);
	assert_int_equal(state_read(s, take, f), 0);
	assert_int_equal(f->count, 1);
	assert_int_equal(f->rows[0].value, 5);
	state_destroy(s);
}

static void
the_end_does_not_wait_for_a_disk_that_stays_full(void **state)
{
	struct fixture *f = *state;
	struct state *s;

	assert_int_equal(mkdir(f->file, 0700), 0);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	commit_clock(s, 5);
	state_destroy(s);
	assert_int_equal(rmdir(f->file), 0);
}

static void
a_file_that_cannot_be_read_is_no_empty_one(void **state)
{
	struct fixture *f = *state;
	struct state *s;

	assert_int_equal(mkdir(f->file, 0700), 0);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	assert_int_equal(state_read(s, take, f), -EISDIR);
	assert_int_equal(f->count, 0);
	state_destroy(s);
	assert_int_equal(rmdir(f->file), 0);
}

static void
a_file_has_one_writer(void **state)
{
	struct fixture *f = *state;
	struct state *s, *other;

	assert_int_equal(state_create(f->file, f->log, &s), 0);
	assert_int_equal(state_create(f->file, f->log, &other), -EBUSY);
	state_destroy(s);
	assert_int_equal(state_create(f->file, f->log, &s), 0);
	state_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_remembered_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_of_several_is_written_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(rows_that_no_router_would_take_are_left_out, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_written_is_written_later, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_end_does_not_wait_for_a_disk_that_stays_full,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_read_is_no_empty_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_has_one_writer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
