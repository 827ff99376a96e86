/* Streams over real sockets: datagrams both ways, and what is refused. */
#include "tests/unit/stream_rig.h"

/* Bytes that differ. */
static uint8_t *
pattern(size_t size)
{
	uint8_t *bytes = malloc(size);

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	return bytes;
}

static void
datagrams_arrive_whole_in_order_both_ways(void **state)
{
	static const struct {
		size_t size, segment;
	} trains[] = {{1, 1},       {100, 100},    {148, 999},     {2800, 1400},
		      {1401, 1400}, {9000, 1400},  {65535, 65535}, {3 * 65535, 65535},
		      {400, 1},     {300000, 1372}};
	struct rig a, b;
	struct endpoint to;
	uint8_t *bytes = pattern(300000);
	uint32_t number, again;
	unsigned sent;

	(void)state;
	rig_init(&a, (struct streams_conf){.queue_max = 1000000});
	rig_listen(&b, (struct streams_conf){.queue_max = 1000000});
	b.trusts = true;
	to = streams_endpoint(b.s);
	assert_int_equal(streams_open(a.s, &to, a.now, &number), 0);
	assert_int_equal(streams_open(a.s, &to, a.now, &again), 0);
	assert_int_equal(number, again);
	for (size_t k = 0; k < ARRAY_COUNT(trains); k++) {
		size_t count = (trains[k].size + trains[k].segment - 1) / trains[k].segment;

		/* The first before the stream stands. */
		if (k == 1)
			RIG_UNTIL(&a, &b, a.opened == 1);
		b.heard = 0;
		b.size = 0;
		assert_int_equal(streams_send(a.s, number, STREAMS_DATA, bytes, trains[k].size,
					      trains[k].segment, a.now, &sent),
				 0);
		assert_int_equal(sent, count);
		RIG_UNTIL(&a, &b, b.size == trains[k].size);
		assert_int_equal(b.heard, count);
		assert_memory_equal(b.bytes, bytes, b.size);
		a.heard = 0;
		a.size = 0;
		assert_int_equal(streams_send(b.s, b.number, STREAMS_DATA, bytes, trains[k].size,
					      trains[k].segment, b.now, &sent),
				 0);
		RIG_UNTIL(&a, &b, a.size == trains[k].size);
		assert_int_equal(a.heard, count);
		assert_memory_equal(a.bytes, bytes, a.size);
	}
	assert_true(endpoint_equal(a.from, to));
	assert_int_equal(a.opened, 1);
	assert_int_equal(b.opened, 1);
	assert_int_equal(a.closed + b.closed, 0);
	assert_int_equal(rig_stats(&a).opened, 1);
	assert_int_equal(rig_stats(&b).accepted, 1);
	for (unsigned i = 0; i < STREAM_DROP_COUNT; i++)
		assert_int_equal(rig_drops(&a, i) + rig_drops(&b, i), 0);
	rig_fini(&a);
	rig_fini(&b);
	free(bytes);
}

static void
it_works_over_ipv6_and_an_accepted_ipv4_is_one(void **state)
{
	struct rig a, b;
	struct endpoint to;
	uint32_t number;
	unsigned sent;

	(void)state;
	rig_init(&a, (struct streams_conf){.queue_max = 0});
	rig_init(&b, (struct streams_conf){.listen = {.addr = {.family = ADDR_V6}}});
	to = streams_endpoint(b.s);
	for (unsigned i = 0; i < 2; i++) {
		struct endpoint at = rig_endpoint(i == 0 ? "127.0.0.1:1" : "[::1]:1");

		at.port = to.port;
		if (streams_open(a.s, &at, a.now, &number) == -EADDRNOTAVAIL)
			skip(); /* this machine has no IPv6 */
		assert_int_equal(streams_send(a.s, number, STREAMS_CONTROL, (const uint8_t *)"x", 1,
					      1, a.now, &sent),
				 0);
		RIG_UNTIL(&a, &b, b.heard == i + 1);
		assert_true(addr_equal(b.from.addr, at.addr));
	}
	rig_fini(&a);
	rig_fini(&b);
}

static void
an_acceptor_is_silent_until_it_has_something_to_say(void **state)
{
	struct rig r;
	unsigned sent;
	int fd;

	(void)state;
	rig_listen(&r, (struct streams_conf){.queue_max = 0});
	fd = raw_connect(&r);
	raw_send(fd, "vrd\1", 4);
	RIG_UNTIL(&r, NULL, r.opened == 1);
	raw_send_frame(fd, 5, 'a');
	RIG_UNTIL(&r, NULL, r.heard == 1);
	assert_int_equal(recv(fd, &sent, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(streams_send(r.s, r.number, STREAMS_CONTROL, (const uint8_t *)"hello", 5,
				      5, r.now, &sent),
			 0);
	raw_expect(fd, "vrd\1\0\5hello", 11);
	assert_int_equal(streams_send(r.s, r.number, STREAMS_CONTROL, (const uint8_t *)"abc", 3, 2,
				      r.now, &sent),
			 0);
	assert_int_equal(sent, 2);
	raw_expect(fd, "\0\2ab\0\1c", 7);
	close(fd);
	rig_fini(&r);
}

static void
it_does_not_matter_how_the_bytes_come(void **state)
{
	struct rig r;
	uint8_t stream[600], expected[300];
	size_t size = 0, all = 0;
	unsigned count = 0;
	int fd, one = 1;

	(void)state;
	stream_magic_build(stream);
	size = STREAM_MAGIC_SIZE;
	for (size_t length = 1; length < 20; length++, count++) {
		stream_frame_build(length, stream + size);
		size += STREAM_LENGTH_SIZE;
		memset(stream + size, (int)length, length);
		memset(expected + all, (int)length, length);
		size += length;
		all += length;
	}
	for (size_t step = 1; step < 40; step += 3) {
		rig_listen(&r, (struct streams_conf){.datagram_max = 20});
		fd = raw_connect(&r);
		assert_int_equal(
			setsockopt(fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one)), 0);
		RIG_UNTIL(&r, NULL, rig_stats(&r).strangers == 1);
		for (size_t at = 0; at < size; at += step) {
			uint64_t calls = rig_stats(&r).rx_calls;

			raw_send(fd, stream + at, size - at < step ? size - at : step);
			RIG_UNTIL(&r, NULL, rig_stats(&r).rx_calls > calls);
		}
		assert_int_equal(r.heard, count);
		assert_int_equal(r.size, all);
		assert_memory_equal(r.bytes, expected, all);
		assert_int_equal(r.closed, 0);
		close(fd);
		rig_fini(&r);
	}
}

static void
what_is_no_stream_is_ended_and_counted(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		enum stream_drop reason;
		unsigned opened, heard;
	} rows[] = {
		{"GET / HTTP/1.1\r\n", 16, STREAM_DROP_MAGIC, 0, 0},
		{"\x16\x03\x01", 3, STREAM_DROP_MAGIC, 0, 0},
		{"vrd\2", 4, STREAM_DROP_MAGIC, 0, 0},
		{"vrd\1\0\0", 6, STREAM_DROP_LENGTH, 1, 0},
		{"vrd\1\0\1x\0\0", 9, STREAM_DROP_LENGTH, 1, 1},
		{"vrd\1\0\x15", 6, STREAM_DROP_LENGTH, 1, 0},
		{"vrd\1\xff\xff", 6, STREAM_DROP_LENGTH, 1, 0},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		struct rig r;
		int fd;

		rig_listen(&r, (struct streams_conf){.datagram_max = 20});
		fd = raw_connect(&r);
		raw_send(fd, rows[k].bytes, rows[k].size);
		RIG_UNTIL(&r, NULL, rig_drops(&r, rows[k].reason) == 1);
		assert_int_equal(r.opened, rows[k].opened);
		assert_int_equal(r.heard, rows[k].heard);
		/* Who was told of it is told of its end. */
		assert_int_equal(r.closed, rows[k].opened);
		assert_int_equal(rig_stats(&r).streams, 0);
		assert_true(raw_at_end(fd));
		close(fd);
		rig_fini(&r);
	}
}

static void
sizes_that_cannot_be_are_refused(void **state)
{
	struct rig r;
	uint8_t *bytes = pattern(70000);
	uint32_t number;
	unsigned sent;
	int fd;

	(void)state;
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	number = open_raw(&r, &fd);
	assert_int_equal(streams_send(r.s, number, STREAMS_DATA, bytes, 0, 1, r.now, &sent),
			 -EINVAL);
	assert_int_equal(streams_send(r.s, number, STREAMS_DATA, bytes, 1, 0, r.now, &sent),
			 -EINVAL);
	assert_int_equal(streams_send(r.s, number, STREAMS_DATA, bytes, 70000, 65536, r.now, &sent),
			 -EINVAL);
	assert_int_equal(streams_send(r.s, number + 1, STREAMS_DATA, bytes, 1, 1, r.now, &sent),
			 -ENOTCONN);
	assert_int_equal(streams_send(r.s, STREAM_NONE, STREAMS_DATA, bytes, 1, 1, r.now, &sent),
			 -ENOTCONN);
	close(fd);
	rig_fini(&r);
	free(bytes);
}

static void
every_reason_has_a_name_and_a_text(void **state)
{
	unsigned count = 0;

	(void)state;
	while (stream_drop_name(count) != NULL) {
		assert_true(strlen(stream_drop_text(count)) > 0);
		for (unsigned k = 0; k < count; k++)
			assert_string_not_equal(stream_drop_name(count), stream_drop_name(k));
		count++;
	}
	assert_int_equal(count, STREAM_DROP_COUNT);
	assert_null(stream_drop_text(count));
	assert_string_equal(stream_drop_name(STREAM_DROP_QUEUE), "queue");
}

static void
a_place_that_is_taken_is_told(void **state)
{
	struct rig r;
	struct streams_conf conf = {.queue_max = 0};
	struct streams *s = NULL;

	(void)state;
	rig_listen(&r, conf);
	conf.listen = streams_endpoint(r.s);
	assert_int_equal(streams_create(&conf, &rig_ops, &r, NULL, &s), -EADDRINUSE);
	conf = (struct streams_conf){.streams_max = STREAMS_MAX + 1};
	assert_int_equal(streams_create(&conf, &rig_ops, &r, NULL, &s), -EINVAL);
	assert_null(s);
	rig_fini(&r);
	rig_init(&r, (struct streams_conf){.queue_max = 0});
	assert_true(addr_is_none(streams_endpoint(r.s).addr));
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_arrive_whole_in_order_both_ways),
		cmocka_unit_test(it_works_over_ipv6_and_an_accepted_ipv4_is_one),
		cmocka_unit_test(an_acceptor_is_silent_until_it_has_something_to_say),
		cmocka_unit_test(it_does_not_matter_how_the_bytes_come),
		cmocka_unit_test(what_is_no_stream_is_ended_and_counted),
		cmocka_unit_test(sizes_that_cannot_be_are_refused),
		cmocka_unit_test(every_reason_has_a_name_and_a_text),
		cmocka_unit_test(a_place_that_is_taken_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
