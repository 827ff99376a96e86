/* Bodies of the records about paths. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fmt.h"
#include "tests/unit/span.h"
#include "wire/paths.h"

static struct endpoint
endpoint(const char *text)
{
	struct endpoint e;

	assert_int_equal(endpoint_from_text(text, &e), 0);
	return e;
}

static struct paths_candidates
sample(void)
{
	return (struct paths_candidates){
		.serial = 7,
		.heard = 5,
		.answer = true,
		.count = 3,
		.rows = {{CANDIDATE_HOST, endpoint("10.0.0.2:51341")},
			 {CANDIDATE_REFLEXIVE, endpoint("192.0.2.1:40000")},
			 {CANDIDATE_CONFIGURED, endpoint("[2001:db8::1]:51341")}},
	};
}

static void
a_check_says_its_token_and_may_be_padded(void **state)
{
	const struct paths_check c = {.token = 0x0102030405060708, .in_use = true};
	uint8_t body[PATHS_CHECK_SIZE + 5] = {0};
	struct paths_check out;

	(void)state;
	paths_check_build(&c, body);
	assert_int_equal(body[0], 1);
	for (size_t size = 0; size <= sizeof(body); size++) {
		uint8_t *copy = span_copy(body, size);
		int rc = paths_check_parse(copy, size, &out);

		assert_int_equal(rc, size < PATHS_CHECK_SIZE ? -EBADMSG : 0);
		if (rc == 0)
			assert_true(out.token == c.token && out.in_use);
		free(copy);
	}
	body[8] = 0;
	assert_int_equal(paths_check_parse(body, sizeof(body), &out), 0);
	assert_false(out.in_use || out.lossy);
	body[8] = 2;
	assert_int_equal(paths_check_parse(body, sizeof(body), &out), 0);
	assert_true(out.lossy && !out.in_use);
	body[8] = 4;
	assert_int_equal(paths_check_parse(body, sizeof(body), &out), -EBADMSG);
}

static void
acknowledgements_come_back_as_they_were_and_not_cut(void **state)
{
	const struct paths_ack rows[] = {
		{.token = 1, .size = 1500, .seen = endpoint("192.0.2.1:1")},
		{.token = UINT64_MAX, .size = 0, .seen = endpoint("[2001:db8::1]:65535")},
		{.token = 3, .size = 40, .seen = {.port = 0}},
	};
	static const size_t sizes[] = {8 + 2 + 7, 8 + 2 + 19, 8 + 2 + 3};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t body[PATHS_ACK_SIZE_MAX + 1] = {0};
		size_t whole = paths_ack_build(&rows[i], body);

		assert_int_equal(whole, sizes[i]);
		for (size_t size = 0; size <= whole + 1; size++) {
			uint8_t *copy = span_copy(body, size);
			struct paths_ack out;
			int rc = paths_ack_parse(copy, size, &out);

			assert_int_equal(rc, size == whole ? 0 : -EBADMSG);
			if (rc == 0) {
				assert_true(out.token == rows[i].token);
				assert_int_equal(out.size, rows[i].size);
				assert_true(endpoint_equal(out.seen, rows[i].seen));
			}
			free(copy);
		}
	}
}

static void
candidates_come_back_as_they_were_and_not_cut(void **state)
{
	struct paths_candidates c = sample();
	uint8_t body[PATHS_TELL_SIZE_MAX + 1] = {0};
	size_t whole = paths_candidates_build(&c, body);

	(void)state;
	assert_int_equal(whole, 10 + 8 + 8 + 20);
	for (size_t size = 0; size <= whole + 1; size++) {
		uint8_t *copy = span_copy(body, size);
		struct paths_candidates out;
		int rc = paths_candidates_parse(copy, size, &out);

		assert_int_equal(rc, size == whole ? 0 : -EBADMSG);
		if (rc == 0) {
			assert_int_equal(out.serial, 7);
			assert_int_equal(out.heard, 5);
			assert_true(out.answer);
			assert_int_equal(out.count, 3);
			for (uint8_t i = 0; i < 3; i++) {
				assert_int_equal(out.rows[i].origin, c.rows[i].origin);
				assert_true(endpoint_equal(out.rows[i].to, c.rows[i].to));
			}
		}
		free(copy);
	}
	c.count = PATHS_CANDIDATES_MAX;
	for (uint8_t i = 0; i < c.count; i++)
		c.rows[i] = c.rows[2 * (i % 2)];
	assert_true(paths_candidates_build(&c, body) <= PATHS_TELL_SIZE_MAX);
}

static void
what_nobody_can_be_reached_at_is_refused(void **state)
{
	static const char *const places[] = {
		"127.0.0.1:5", "0.0.0.0:5", "0.1.2.3:5", "224.0.0.1:5", "255.255.255.255:5",
		"10.0.0.1:0",  "[::]:5",    "[::1]:5",   "[ff02::1]:5", "[::ffff:127.0.0.1]:5",
	};
	uint8_t body[PATHS_TELL_SIZE_MAX];
	struct paths_candidates out;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct paths_candidates c = sample();

		c.rows[1].to = endpoint(places[i]);
		assert_false(paths_is_reachable(c.rows[1].to));
		assert_int_equal(
			paths_candidates_parse(body, paths_candidates_build(&c, body), &out),
			-EBADMSG);
	}
	assert_false(paths_is_reachable((struct endpoint){.port = 5}));
	assert_true(paths_is_reachable(endpoint("10.0.0.1:5")));
}

static void
unknown_values_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} rows[] = {
		{3, 0},                                /* serial 0 */
		{8, 2},  {8, 0x80},                    /* flags */
		{9, 2},  {9, 4},    {9, 255},          /* count */
		{10, 0}, {10, 4},   {11, 5},  {11, 0}, /* origin, family */
	};
	struct paths_candidates c = sample(), out;
	uint8_t body[PATHS_TELL_SIZE_MAX];
	size_t size = paths_candidates_build(&c, body);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *copy = span_copy(body, size);

		copy[rows[i].at] = rows[i].byte;
		assert_int_equal(paths_candidates_parse(copy, size, &out), -EBADMSG);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_says_its_token_and_may_be_padded),
		cmocka_unit_test(acknowledgements_come_back_as_they_were_and_not_cut),
		cmocka_unit_test(candidates_come_back_as_they_were_and_not_cut),
		cmocka_unit_test(what_nobody_can_be_reached_at_is_refused),
		cmocka_unit_test(unknown_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
