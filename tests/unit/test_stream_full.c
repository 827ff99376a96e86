/* What waits to be sent has a limit, and whoever reads it finds whole datagrams. */
#include "tests/unit/stream_rig.h"

/* Sends numbered datagrams of this size until one is lost; how many were not. */
static uint32_t
fill(struct rig *r, uint32_t number, enum streams_class class, size_t size, uint32_t first)
{
	uint8_t *datagram = calloc(1, size);
	unsigned sent = 1;

	for (;; first++) {
		memcpy(datagram, &first, sizeof(first));
		if (streams_send(r->s, number, class, datagram, size, size, r->now, &sent) != 0)
			break;
	}
	assert_int_equal(sent, 0);
	free(datagram);
	return first;
}

static void
a_full_queue_drops_whole_datagrams(void **state)
{
	const size_t size = 1200, queue = 50000;
	struct rig r;
	struct stream_info info;
	uint32_t number, data, control, expected = 0;
	uint8_t frame[STREAM_LENGTH_SIZE + 1200], train[4000] = {0};
	uint64_t drops;
	unsigned sent;
	int fd;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = queue});
	number = open_raw(&r, &fd);
	/* Nobody reads. */
	data = fill(&r, number, STREAMS_DATA, size, 0);
	assert_true(streams_info(r.s, number, &info));
	assert_in_range(info.queued, queue - 2 * size, queue);
	assert_int_equal(rig_drops(&r, STREAM_DROP_QUEUE), 1);
	/* A train of which nothing has room is lost, and counted, as a whole. */
	assert_int_equal(streams_send(r.s, number, STREAMS_DATA, train, 4000, 1300, r.now, &sent),
			 -ENOBUFS);
	assert_int_equal(sent, 0);
	assert_int_equal(rig_drops(&r, STREAM_DROP_QUEUE), 5);
	/* There is something left for what keeps the session. */
	control = fill(&r, number, STREAMS_CONTROL, size, data);
	assert_in_range(control - data, 10, 14);
	assert_true(streams_info(r.s, number, &info));
	assert_true(info.queued < queue + 16384 + size);
	drops = rig_drops(&r, STREAM_DROP_QUEUE);
	/* What was taken comes, whole and in order, when somebody reads. */
	raw_expect(fd, "vrd\1", 4);
	for (time_t deadline = rig_deadline(); expected < control;) {
		ssize_t got = recv(fd, frame, sizeof(frame), MSG_PEEK | MSG_DONTWAIT);
		uint32_t found;

		assert_false(rig_late(deadline));
		if (got != (ssize_t)sizeof(frame)) {
			rig_turn(&r, NULL);
			continue;
		}
		raw_expect(fd, frame, sizeof(frame));
		assert_int_equal(frame[0] << 8 | frame[1], size);
		memcpy(&found, frame + STREAM_LENGTH_SIZE, sizeof(found));
		assert_int_equal(found, expected);
		expected++;
	}
	assert_true(streams_info(r.s, number, &info));
	assert_int_equal(info.queued, 0);
	assert_int_equal(info.tx_datagrams, control);
	assert_int_equal(info.tx_bytes, control * size);
	assert_int_equal(rig_drops(&r, STREAM_DROP_QUEUE), drops);
	close(fd);
	rig_fini(&r);
}

static void
the_queue_of_a_slow_stream_is_short(void **state)
{
	struct rig r;
	struct stream_info info;
	uint32_t number;
	int fd;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 200000});
	number = open_raw(&r, &fd);
	fill(&r, number, STREAMS_DATA, 1200, 0);
	assert_true(streams_info(r.s, number, &info));
	assert_in_range(info.queued, 190000, 200000);
	/* It leaves slowly: whoever sends more would wait for long. */
	while (info.queued > 40000) {
		uint8_t drain[10000];

		assert_true(recv(fd, drain, sizeof(drain), 0) > 0);
		r.now += 20 * US_MS;
		rig_turn(&r, NULL);
		assert_true(streams_info(r.s, number, &info));
	}
	fill(&r, number, STREAMS_DATA, 1200, 0);
	assert_true(streams_info(r.s, number, &info));
	assert_true(info.queued <= 40000);
	close(fd);
	rig_fini(&r);
}

static void
little_waits_before_a_stream_stands(void **state)
{
	struct rig r;
	struct endpoint to;
	uint32_t number, count;
	int listener = raw_listen(&to, 1);

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	assert_int_equal(streams_open(r.s, &to, r.now, &number), 0);
	count = fill(&r, number, STREAMS_DATA, 1000, 0);
	assert_int_equal(count, 16);
	close(listener);
	RIG_UNTIL(&r, NULL, r.closed == 1);
	/* They were lost with it. */
	assert_int_equal(rig_drops(&r, STREAM_DROP_LOST), 1);
	rig_fini(&r);
}

static void
a_queue_gives_its_memory_back(void **state)
{
	struct rig r;
	uint32_t number;
	us_t due;
	int fd;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	number = open_raw(&r, &fd);
	/* The time of what is done meanwhile, to stand, may come once more. */
	r.now += 5 * US_S;
	assert_int_equal(streams_run(r.s, r.now), US_NEVER);
	fill(&r, number, STREAMS_DATA, 1200, 0);
	due = streams_run(r.s, r.now);
	assert_int_equal(due, r.now + 10 * US_S);
	/* What waits keeps it. */
	r.now = due;
	due = streams_run(r.s, r.now);
	assert_int_equal(due, r.now + 10 * US_S);
	for (struct stream_info info = {.queued = 1}; info.queued != 0;) {
		uint8_t drain[65536];

		assert_true(recv(fd, drain, sizeof(drain), 0) > 0);
		rig_turn(&r, NULL);
		assert_true(streams_info(r.s, number, &info));
	}
	r.now = due;
	assert_int_equal(streams_run(r.s, r.now), US_NEVER);
	close(fd);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_queue_drops_whole_datagrams),
		cmocka_unit_test(the_queue_of_a_slow_stream_is_short),
		cmocka_unit_test(little_waits_before_a_stream_stands),
		cmocka_unit_test(a_queue_gives_its_memory_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
