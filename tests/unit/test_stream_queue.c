/* A ring of bytes, and the rate at which it is emptied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "vr/stream_queue.h"

#define TIME (50 * US_MS)
#define MIN  1000
#define MAX  100000

static size_t
copy_out(const struct stream_queue *q, uint8_t *out)
{
	struct iovec spans[2];
	int count = stream_queue_spans(q, spans);
	size_t size = 0;

	for (int i = 0; i < count; i++) {
		assert_true(spans[i].iov_len > 0);
		memcpy(out + size, spans[i].iov_base, spans[i].iov_len);
		size += spans[i].iov_len;
	}
	return size;
}

static void
bytes_leave_in_order_also_around_the_end_and_through_growth(void **state)
{
	struct stream_queue q = {.room = 0};
	uint8_t in[64], out[512];
	uint8_t next_in = 0, next_out = 0;

	(void)state;
	assert_int_equal(stream_queue_spans(&q, (struct iovec[2]){{NULL, 0}}), 0);
	assert_int_equal(stream_queue_reserve(&q, 100), 0);
	for (size_t round = 0; round < 1000; round++) {
		size_t size = 1 + round * 7 % sizeof(in);
		size_t had = q.used;

		if (round == 500)
			assert_int_equal(stream_queue_reserve(&q, 300), 0);
		size = size > q.room - q.used ? q.room - q.used : size;
		for (size_t i = 0; i < size; i++)
			in[i] = next_in++;
		stream_queue_push(&q, in, size, 0);
		assert_int_equal(q.used, had + size);
		assert_int_equal(copy_out(&q, out), q.used);
		size = 1 + round * 5 % sizeof(in);
		size = size > q.used ? q.used : size;
		for (size_t i = 0; i < size; i++)
			assert_int_equal(out[i], next_out++);
		stream_queue_pull(&q, size, 0);
	}
	stream_queue_fini(&q);
	assert_null(q.data);
}

/* Puts in 'rate' bytes per millisecond, or what has room, and takes out as much. */
static us_t
drain(struct stream_queue *q, size_t rate, us_t from, unsigned ms)
{
	static const uint8_t zeros[MAX * 2];

	for (unsigned i = 0; i < ms; i++) {
		size_t limit = stream_queue_limit(q, TIME, MIN, MAX, from);

		if (limit > q->used)
			stream_queue_push(q, zeros, limit - q->used, from);
		from += US_MS;
		stream_queue_pull(q, rate < q->used ? rate : q->used, from);
	}
	return from;
}

static void
a_queue_is_as_long_as_its_rate_allows(void **state)
{
	struct stream_queue q = {.room = 0};
	us_t now = US_S;

	(void)state;
	assert_int_equal(stream_queue_reserve(&q, 2 * MAX), 0);
	/* Nothing known: all. */
	assert_int_equal(stream_queue_limit(&q, TIME, MIN, MAX, now), MAX);
	/* 1000 bytes each millisecond: 50,000 within the time. */
	now = drain(&q, 1000, now, 1000);
	assert_in_range(stream_queue_limit(&q, TIME, MIN, MAX, now), 49000, 51000);
	assert_true(q.used <= 51000);
	/* Slower, and faster again. */
	now = drain(&q, 200, now, 2000);
	assert_in_range(stream_queue_limit(&q, TIME, MIN, MAX, now), 9500, 10500);
	now = drain(&q, 1500, now, 1000);
	assert_in_range(stream_queue_limit(&q, TIME, MIN, MAX, now), 73000, 77000);
	now = drain(&q, 9000, now, 1000);
	assert_int_equal(stream_queue_limit(&q, TIME, MIN, MAX, now), MAX);
	/* It stands still. */
	assert_true(q.used > 0);
	assert_true(stream_queue_limit(&q, TIME, MIN, MAX, now + US_S) < MAX / 5);
	assert_int_equal(stream_queue_limit(&q, TIME, MIN, MAX, now + 3600 * US_S), MIN);
	stream_queue_fini(&q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_leave_in_order_also_around_the_end_and_through_growth),
		cmocka_unit_test(a_queue_is_as_long_as_its_rate_allows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
