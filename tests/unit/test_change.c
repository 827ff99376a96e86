/* Change feed: what is published is read once, in order, and what was lost is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tables/change.h"

static void
publish(struct change_feed *feed, vn_id_t vn, size_t count)
{
	while (count-- > 0) {
		struct change c = {.kind = CHANGE_BINDING_MOVED, .vn = vn};

		change_publish(feed, &c);
	}
}

static void
changes_are_read_once_and_in_order(void **state)
{
	struct change_feed *feed = change_feed_create(8);
	uint64_t cursor = change_next_number(feed);
	uint64_t missed = 9;
	struct change c;
	vn_id_t i;

	(void)state;
	assert_int_equal(cursor, 1);
	assert_false(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(missed, 0);
	for (i = 1; i <= 5; i++)
		publish(feed, i, 1);
	assert_int_equal(change_next_number(feed), 6);
	for (i = 1; i <= 5; i++) {
		assert_true(change_read(feed, &cursor, &c, &missed));
		assert_int_equal(missed, 0);
		assert_int_equal(c.number, i);
		assert_int_equal(c.vn, i);
		assert_int_equal(c.kind, CHANGE_BINDING_MOVED);
	}
	assert_false(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(cursor, 6);
	change_feed_destroy(feed);
}

static void
slow_reader_is_told_how_much_it_missed(void **state)
{
	struct change_feed *feed = change_feed_create(5); /* which makes it 8 */
	uint64_t cursor = change_next_number(feed);
	uint64_t missed;
	struct change c;
	uint64_t i;

	(void)state;
	publish(feed, 1, 20);
	assert_true(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(missed, 12);
	assert_int_equal(c.number, 13);
	for (i = 14; i <= 20; i++) {
		assert_true(change_read(feed, &cursor, &c, &missed));
		assert_int_equal(missed, 0);
		assert_int_equal(c.number, i);
	}
	assert_false(change_read(feed, &cursor, &c, &missed));
	change_feed_destroy(feed);
}

static void
reader_exactly_one_ring_behind_misses_nothing(void **state)
{
	struct change_feed *feed = change_feed_create(4);
	uint64_t cursor = 3;
	uint64_t missed;
	struct change c;

	(void)state;
	publish(feed, 1, 6);
	assert_true(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(missed, 0);
	assert_int_equal(c.number, 3);
	change_feed_destroy(feed);
}

static void
cursor_zero_starts_at_the_first_change(void **state)
{
	struct change_feed *feed = change_feed_create(4);
	uint64_t cursor = 0;
	uint64_t missed;
	struct change c;

	(void)state;
	publish(feed, 1, 2);
	assert_true(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(missed, 0);
	assert_int_equal(c.number, 1);
	change_feed_destroy(feed);
}

static void
cursor_of_the_future_waits(void **state)
{
	struct change_feed *feed = change_feed_create(4);
	uint64_t cursor = 100;
	uint64_t missed;
	struct change c;

	(void)state;
	publish(feed, 1, 20);
	assert_false(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(cursor, 100);
	change_feed_destroy(feed);
}

static void
readers_do_not_disturb_each_other(void **state)
{
	struct change_feed *feed = change_feed_create(4);
	uint64_t a = 1;
	uint64_t b = 1;
	uint64_t missed;
	struct change c;

	(void)state;
	publish(feed, 1, 3);
	while (change_read(feed, &a, &c, &missed))
		continue;
	assert_true(change_read(feed, &b, &c, &missed));
	assert_int_equal(c.number, 1);
	change_feed_destroy(feed);
}

static void
feed_of_no_size_keeps_the_last_change(void **state)
{
	struct change_feed *feed = change_feed_create(0);
	uint64_t cursor = 1;
	uint64_t missed;
	struct change c;

	(void)state;
	publish(feed, 7, 3);
	assert_true(change_read(feed, &cursor, &c, &missed));
	assert_int_equal(missed, 2);
	assert_int_equal(c.number, 3);
	change_feed_destroy(feed);
	change_feed_destroy(NULL);
}

static void
text_is_cut_to_its_room(void **state)
{
	struct change_feed *feed = change_feed_create(2);
	struct change in = {.kind = CHANGE_ALARM};
	uint64_t cursor = 1;
	uint64_t missed;
	struct change out;

	(void)state;
	memset(in.text, 'x', sizeof(in.text));
	change_publish(feed, &in);
	assert_true(change_read(feed, &cursor, &out, &missed));
	assert_int_equal(strlen(out.text), sizeof(out.text) - 1);
	change_feed_destroy(feed);
}

static void
every_kind_has_a_name(void **state)
{
	int kind;

	(void)state;
	for (kind = CHANGE_BINDING_NEW; kind <= CHANGE_ALARM; kind++)
		assert_string_not_equal(change_kind_name((enum change_kind)kind), "unknown");
	assert_string_equal(change_kind_name((enum change_kind)99), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_are_read_once_and_in_order),
		cmocka_unit_test(slow_reader_is_told_how_much_it_missed),
		cmocka_unit_test(reader_exactly_one_ring_behind_misses_nothing),
		cmocka_unit_test(cursor_zero_starts_at_the_first_change),
		cmocka_unit_test(cursor_of_the_future_waits),
		cmocka_unit_test(readers_do_not_disturb_each_other),
		cmocka_unit_test(feed_of_no_size_keeps_the_last_change),
		cmocka_unit_test(text_is_cut_to_its_room),
		cmocka_unit_test(every_kind_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
