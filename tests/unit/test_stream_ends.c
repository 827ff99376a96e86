/* How streams end, and when they are tried again. */
#include "tests/unit/stream_rig.h"

static void
ends_are_told_with_their_reason(void **state)
{
	struct rig r;
	uint32_t number;
	unsigned sent;
	int fd;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	number = open_raw(&r, &fd);
	close(fd);
	RIG_UNTIL(&r, NULL, r.closed == 1);
	assert_int_equal(r.reason, STREAM_DROP_CLOSED);
	assert_int_equal(r.ended, number);
	rig_fini(&r);

	rig_init(&r, (struct streams_conf){.queue_max = 0});
	number = open_raw(&r, &fd);
	raw_reset(fd);
	RIG_UNTIL(&r, NULL, r.closed == 1);
	assert_int_equal(r.reason, STREAM_DROP_BROKEN);
	rig_fini(&r);

	/* Found out while it is sent to: told later, never from within. */
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	number = open_raw(&r, &fd);
	raw_reset(fd);
	assert_int_equal(
		streams_send(r.s, number, STREAMS_DATA, (const uint8_t *)"x", 1, 1, r.now, &sent),
		-ENOTCONN);
	assert_int_equal(r.closed, 0);
	(void)streams_run(r.s, r.now);
	assert_int_equal(r.closed, 1);
	assert_int_equal(r.reason, STREAM_DROP_BROKEN);
	rig_fini(&r);
}

static void
a_stream_may_be_closed_while_it_is_heard(void **state)
{
	struct rig r;
	int fd;

	(void)state;
	rig_listen(&r, (struct streams_conf){.queue_max = 0});
	r.close_when = 2;
	fd = raw_connect(&r);
	raw_send(fd, "vrd\1\0\1a\0\1b\0\1c", 13);
	RIG_UNTIL(&r, NULL, r.heard == 2);
	assert_int_equal(rig_stats(&r).streams, 0);
	rig_turn(&r, NULL);
	assert_int_equal(r.heard, 2);
	/* Whoever closes need not be told. */
	assert_int_equal(r.closed, 0);
	close(fd);
	rig_fini(&r);
}

static void
a_failure_is_not_repeated_before_its_time(void **state)
{
	static const us_t pauses[] = {500, 1000, 2000, 4000, 8000, 16000, 16000, 16000};
	struct rig r;
	struct endpoint to;
	uint32_t number;
	int fd;

	(void)state;
	/* A port that nobody listens on. */
	close(raw_listen(&to, 1));
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	assert_int_equal(streams_retry(r.s, &to), 0);
	for (size_t k = 0; k < ARRAY_COUNT(pauses); k++) {
		us_t pause = pauses[k] * US_MS;

		r.closed = 0;
		if (streams_open(r.s, &to, r.now, &number) == 0) {
			RIG_UNTIL(&r, NULL, r.closed == 1);
			assert_int_equal(r.reason, STREAM_DROP_CONNECT);
		}
		assert_int_equal(rig_drops(&r, STREAM_DROP_CONNECT), k + 1);
		assert_int_equal(streams_retry(r.s, &to), r.now + pause);
		r.now += pause - 1;
		assert_int_equal(streams_open(r.s, &to, r.now, &number), -EAGAIN);
		r.now++;
	}
	/* Not even when it stands for a moment; only who is authentic begins anew. */
	r.opened = 0;
	(void)open_raw(&r, &fd);
	rig_fini(&r);
	close(fd);
}

static void
only_who_is_trusted_begins_anew(void **state)
{
	struct rig r;
	struct endpoint to;
	int listener = raw_listen(&to, 8);
	uint32_t number;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	for (unsigned k = 0; k < 5; k++) {
		static const us_t pauses[] = {500, 1000, 2000, 500, 1000};

		assert_int_equal(streams_open(r.s, &to, r.now, &number), 0);
		RIG_UNTIL(&r, NULL, r.opened == k + 1);
		if (k == 3)
			streams_trust(r.s, number, 1);
		if (k % 2 == 0)
			streams_close(r.s, number, r.now);
		close(raw_accept(listener));
		if (k % 2 == 1)
			RIG_UNTIL(&r, NULL, rig_stats(&r).streams == 0);
		assert_int_equal(streams_retry(r.s, &to), r.now + pauses[k] * US_MS);
		r.now += pauses[k] * US_MS;
	}
	/* Who is closed although he is trusted may be called at once. */
	assert_int_equal(streams_open(r.s, &to, r.now, &number), 0);
	streams_trust(r.s, number, 1);
	streams_close(r.s, number, r.now);
	assert_int_equal(streams_retry(r.s, &to), 0);
	close(listener);
	rig_fini(&r);
}

static void
what_does_not_come_about_is_given_up(void **state)
{
	struct rig r;
	struct endpoint to;
	int listener = raw_listen(&to, 0), fillers[2];
	uint32_t number;

	(void)state;
	/* Nobody accepts: when its queue is full the kernel answers nothing. */
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in a = raw_address(to);

		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(fillers[i], (struct sockaddr *)&a, sizeof(a));
	}
	assert_int_equal(streams_open(r.s, &to, r.now, &number), 0);
	rig_turn(&r, NULL);
	assert_int_equal(r.opened, 0);
	assert_int_equal(streams_run(r.s, r.now), r.now + 5 * US_S);
	r.now += 5 * US_S - 1;
	(void)streams_run(r.s, r.now);
	assert_int_equal(r.closed, 0);
	r.now++;
	r.reopens = true;
	(void)streams_run(r.s, r.now);
	assert_int_equal(r.closed, 1);
	assert_int_equal(r.reason, STREAM_DROP_SLOW);
	assert_int_equal(rig_drops(&r, STREAM_DROP_SLOW), 1);
	/* Who is told may try again, but it is too early. */
	assert_int_equal(r.reopened, -EAGAIN);
	for (size_t i = 0; i < 2; i++)
		close(fillers[i]);
	close(listener);
	rig_fini(&r);
}

static void
streams_have_a_limit_and_what_waits_makes_room(void **state)
{
	struct rig r;
	struct endpoint nobody[3], somebody;
	uint32_t number;
	int listener = raw_listen(&somebody, 8), other;

	(void)state;
	rig_init(&r, (struct streams_conf){.streams_max = 2});
	for (size_t i = 0; i < 3; i++) {
		close(raw_listen(&nobody[i], 1));
		r.now += US_MS;
		if (streams_open(r.s, &nobody[i], r.now, &number) == 0)
			RIG_UNTIL(&r, NULL, rig_stats(&r).streams == 0);
	}
	/* The first was forgotten for the third. */
	assert_int_equal(streams_retry(r.s, &nobody[0]), 0);
	assert_true(streams_retry(r.s, &nobody[1]) > r.now);
	assert_true(streams_retry(r.s, &nobody[2]) > r.now);
	/* Two that stand leave no room for another. */
	assert_int_equal(streams_open(r.s, &somebody, r.now, &number), 0);
	other = raw_listen(&nobody[0], 8);
	assert_int_equal(streams_open(r.s, &nobody[0], r.now, &number), 0);
	r.now += US_S;
	assert_int_equal(streams_open(r.s, &nobody[1], r.now, &number), -ENOBUFS);
	close(other);
	close(listener);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_are_told_with_their_reason),
		cmocka_unit_test(a_stream_may_be_closed_while_it_is_heard),
		cmocka_unit_test(a_failure_is_not_repeated_before_its_time),
		cmocka_unit_test(only_who_is_trusted_begins_anew),
		cmocka_unit_test(what_does_not_come_about_is_given_up),
		cmocka_unit_test(streams_have_a_limit_and_what_waits_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
