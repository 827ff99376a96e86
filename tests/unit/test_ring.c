/* The ring between two threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "vr/ring.h"

#define SIZE     4096
#define MESSAGES 200000

static void
put(struct ring *r, uint8_t byte, size_t size)
{
	void *room = ring_room(r, size);

	assert_non_null(room);
	memset(room, byte, size);
	ring_put(r, size);
}

static void
expect(struct ring *r, uint8_t byte, size_t size)
{
	size_t found = 0;
	const uint8_t *message = ring_next(r, &found);

	assert_non_null(message);
	assert_int_equal(found, size);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(message[i], byte);
}

static void
messages_come_out_as_they_went_in(void **state)
{
	struct ring *r = ring_create(SIZE);
	size_t size;

	(void)state;
	assert_null(ring_next(r, &size));
	put(r, 1, 1);
	put(r, 2, 64);
	put(r, 3, 0);
	put(r, 4, 1000);
	expect(r, 1, 1);
	expect(r, 2, 64);
	expect(r, 3, 0);
	expect(r, 4, 1000);
	assert_null(ring_next(r, &size));
	ring_destroy(r);
}

static void
what_was_read_stays_until_it_is_released(void **state)
{
	struct ring *r = ring_create(SIZE);
	unsigned count = 0;
	size_t size;

	(void)state;
	while (ring_room(r, 448) != NULL) {
		put(r, (uint8_t)count, 448);
		count++;
	}
	assert_int_equal(count, SIZE / 512);
	for (unsigned i = 0; i < count; i++)
		expect(r, (uint8_t)i, 448);
	assert_null(ring_next(r, &size));
	assert_null(ring_room(r, 448));
	ring_release(r);
	put(r, 9, 448);
	expect(r, 9, 448);
	ring_destroy(r);
}

static void
a_message_never_wraps(void **state)
{
	struct ring *r = ring_create(SIZE);

	(void)state;
	/* Every size that leaves another rest at the end. */
	for (unsigned i = 0; i < 1000; i++) {
		size_t size = i * 37 % (SIZE / 2 - 64);

		put(r, (uint8_t)i, size);
		expect(r, (uint8_t)i, size);
		ring_release(r);
	}
	ring_destroy(r);
}

static void
what_is_too_large_is_refused(void **state)
{
	struct ring *r = ring_create(SIZE);

	(void)state;
	assert_non_null(ring_room(r, SIZE / 2 - 64));
	assert_null(ring_room(r, SIZE / 2 - 63));
	assert_null(ring_room(r, SIZE_MAX / 2));
	ring_destroy(r);
}

static size_t
size_of(uint32_t number)
{
	return sizeof(number) + number * 2654435761u % 900;
}

static void *
writer(void *ring)
{
	for (uint32_t i = 0; i < MESSAGES;) {
		uint8_t *room = ring_room(ring, size_of(i));

		if (room == NULL) {
			sched_yield();
			continue;
		}
		memset(room, (uint8_t)i, size_of(i));
		memcpy(room, &i, sizeof(i));
		ring_put(ring, size_of(i));
		i++;
	}
	return NULL;
}

static void
two_threads_lose_nothing_and_keep_the_order(void **state)
{
	struct ring *r = ring_create(SIZE);
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, writer, r), 0);
	for (uint32_t i = 0; i < MESSAGES;) {
		uint8_t *message;
		uint32_t number;
		size_t size;

		message = ring_next(r, &size);
		if (message == NULL) {
			ring_release(r);
			sched_yield();
			continue;
		}
		memcpy(&number, message, sizeof(number));
		assert_int_equal(number, i);
		assert_int_equal(size, size_of(i));
		assert_true(size == sizeof(number) || message[size - 1] == (uint8_t)i);
		/* The reader may write there. */
		memset(message, 0xff, size);
		i++;
		if (i % 3 == 0)
			ring_release(r);
	}
	pthread_join(thread, NULL);
	ring_destroy(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_out_as_they_went_in),
		cmocka_unit_test(what_was_read_stays_until_it_is_released),
		cmocka_unit_test(a_message_never_wraps),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(two_threads_lose_nothing_and_keep_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
