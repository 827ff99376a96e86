/* The loop looks on after a packet, as long as that pays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vr/loop.h"

#define LONG (50 * US_MS)

/* A pipe by which packets come, each of which a timer sends some time after the one before. */
struct bench {
	struct loop *loop;
	struct loop_timer *sender;
	int pipe[2];
	us_t gap;  /* between two packets */
	us_t work; /* what handling one takes */
	unsigned left, heard;
	bool unwatches;
};

static void
on_send(void *ctx, us_t now)
{
	struct bench *b = ctx;

	(void)now;
	assert_int_equal(write(b->pipe[1], "x", 1), 1);
}

static void
on_packet(void *ctx, us_t now)
{
	struct bench *b = ctx;
	char byte;

	assert_int_equal(read(b->pipe[0], &byte, 1), 1);
	b->heard++;
	while (loop_now() < now + b->work)
		;
	if (b->unwatches)
		loop_unwatch(b->loop, b->pipe[0]);
	if (b->unwatches || --b->left == 0)
		loop_stop(b->loop);
	else
		loop_timer_set(b->sender, loop_now() + b->gap);
}

static void
start(struct bench *b, us_t look_on, bool has_packets)
{
	b->loop = loop_create();
	assert_non_null(b->loop);
	assert_int_equal(pipe(b->pipe), 0);
	loop_look_on(b->loop, look_on);
	b->sender = loop_timer(b->loop, on_send, b);
	assert_non_null(b->sender);
	assert_int_equal(has_packets ? loop_watch_packets(b->loop, b->pipe[0], on_packet, b)
				     : loop_watch(b->loop, b->pipe[0], on_packet, b),
			 0);
	loop_timer_set(b->sender, 0);
}

static struct loop_stats
run(struct bench *b)
{
	struct loop_stats stats;

	loop_run(b->loop);
	stats = loop_stats(b->loop);
	loop_destroy(b->loop);
	close(b->pipe[0]);
	close(b->pipe[1]);
	return stats;
}

static us_t
cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (us_t)t.tv_sec * US_S + t.tv_nsec / 1000;
}

/* Timers are looked at, too: it is one that sends. */
static void
what_comes_soon_is_found_awake(void **state)
{
	struct bench b = {.gap = 100, .left = 400};
	struct loop_stats stats;

	(void)state;
	start(&b, LONG, true);
	stats = run(&b);
	assert_int_equal(b.heard, 400);
	/* But for moments in which others had the core. */
	assert_in_range(stats.looked_on, 40, 399);
	assert_in_range(stats.found, stats.looked_on / 2, stats.looked_on);
}

static void
what_never_comes_soon_is_waited_for_asleep(void **state)
{
	struct bench b = {.gap = 3 * US_MS, .left = 64};
	us_t before = cpu_time();
	struct loop_stats stats;

	(void)state;
	start(&b, 1 * US_MS, true);
	stats = run(&b);
	assert_int_equal(b.heard, 64);
	/* Once of itself, then each 16th time. */
	assert_in_range(stats.looked_on, 1, 8);
	assert_true(cpu_time() - before < 64 * US_MS);
}

static void
trust_comes_back(void **state)
{
	struct bench b = {.gap = 3 * US_MS, .left = 20};
	struct loop_stats before, stats;

	(void)state;
	start(&b, 1 * US_MS, true);
	loop_run(b.loop);
	before = loop_stats(b.loop);
	b.left = 400;
	b.gap = 50;
	loop_timer_set(b.sender, 0);
	stats = run(&b);
	assert_int_equal(b.heard, 420);
	assert_true(stats.found - before.found >= 20);
}

static void
much_to_do_is_done_together(void **state)
{
	struct bench b = {.gap = 100, .work = 60, .left = 40};
	struct loop_stats stats;

	(void)state;
	start(&b, LONG, true);
	stats = run(&b);
	assert_int_equal(b.heard, 40);
	assert_int_equal(stats.looked_on, 0);
}

static void
nobody_looks_on_unasked(void **state)
{
	struct bench off = {.gap = 100, .left = 10}, other = {.gap = 100, .left = 10};

	(void)state;
	start(&off, 0, true);
	assert_int_equal(run(&off).looked_on, 0);
	assert_int_equal(off.heard, 10);
	start(&other, LONG, false);
	assert_int_equal(run(&other).looked_on, 0);
	assert_int_equal(other.heard, 10);
}

static void
on_end(void *ctx, us_t now)
{
	struct bench *b = ctx;

	(void)now;
	loop_unwatch(b->loop, b->pipe[0]);
	loop_stop(b->loop);
}

static void
a_watch_may_end_meanwhile(void **state)
{
	struct bench in_packet = {.left = 2, .unwatches = true},
		     in_timer = {.gap = LONG, .left = 2};
	struct loop_timer *end;

	(void)state;
	start(&in_packet, LONG, true);
	(void)run(&in_packet);
	assert_int_equal(in_packet.heard, 1);
	start(&in_timer, LONG, true);
	end = loop_timer(in_timer.loop, on_end, &in_timer);
	assert_non_null(end);
	loop_timer_set(end, loop_now() + 5 * US_MS);
	(void)run(&in_timer);
	assert_int_equal(in_timer.heard, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_soon_is_found_awake),
		cmocka_unit_test(what_never_comes_soon_is_waited_for_asleep),
		cmocka_unit_test(trust_comes_back),
		cmocka_unit_test(much_to_do_is_done_together),
		cmocka_unit_test(nobody_looks_on_unasked),
		cmocka_unit_test(a_watch_may_end_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
