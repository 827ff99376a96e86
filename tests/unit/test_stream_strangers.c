/* What somebody unknown may cost: time, bytes, places. */
#include "tests/unit/stream_rig.h"

static struct streams_conf
small(void)
{
	return (struct streams_conf){.strangers_max = 6, .strangers_each = 3, .streams_max = 10};
}

/* From 127.0.0.'host', accepted. */
static int
stranger(struct rig *r, unsigned host)
{
	uint64_t accepted = rig_stats(r).accepted;
	int fd = raw_connect_from(r, host);

	RIG_UNTIL(r, NULL, rig_stats(r).accepted == accepted + 1);
	return fd;
}

/* One that has shown to be authentic. */
static int
friend_of(struct rig *r, unsigned host, uint32_t peer)
{
	int fd = stranger(r, host);
	unsigned heard = r->heard;

	raw_send(fd, "vrd\1\0\1x", 7);
	RIG_UNTIL(r, NULL, r->heard > heard);
	streams_trust(r->s, r->number, peer);
	return fd;
}

static int friend(struct rig *r, unsigned host)
{
	return friend_of(r, host, 1);
}

static void
who_is_not_authentic_in_time_is_closed(void **state)
{
	struct rig r;
	int silent, talker, known;

	(void)state;
	rig_listen(&r, (struct streams_conf){.queue_max = 0});
	silent = stranger(&r, 1);
	known = friend(&r, 1);
	r.now += US_S;
	talker = stranger(&r, 1);
	raw_send(talker, "vrd\1\0\1x", 7);
	RIG_UNTIL(&r, NULL, r.heard == 2);
	assert_int_equal(rig_stats(&r).strangers, 2);
	assert_int_equal(streams_run(r.s, r.now), r.now + 4 * US_S);
	r.now += 4 * US_S - 1;
	(void)streams_run(r.s, r.now);
	assert_false(raw_at_end(silent));
	r.now++;
	assert_int_equal(streams_run(r.s, r.now), r.now + US_S);
	assert_true(raw_at_end(silent));
	/* Nobody was told that it had come. */
	assert_int_equal(r.closed, 0);
	r.now += US_S;
	assert_int_equal(streams_run(r.s, r.now), US_NEVER);
	assert_true(raw_at_end(talker));
	assert_int_equal(r.closed, 1);
	assert_int_equal(r.reason, STREAM_DROP_STRANGER);
	assert_int_equal(rig_drops(&r, STREAM_DROP_STRANGER), 2);
	assert_false(raw_at_end(known));
	assert_int_equal(rig_stats(&r).streams, 1);
	assert_int_equal(rig_stats(&r).strangers, 0);
	close(silent);
	close(talker);
	close(known);
	rig_fini(&r);
}

static void
a_stranger_has_few_bytes_a_friend_has_all(void **state)
{
	struct rig r;
	int fd = -1;

	(void)state;
	for (unsigned trusted = 0; trusted < 2; trusted++) {
		rig_listen(&r, (struct streams_conf){.queue_max = 0});
		r.trusts = trusted;
		fd = stranger(&r, 1);
		raw_send(fd, "vrd\1", 4);
		for (unsigned i = 0; i < 100; i++)
			raw_send_frame(fd, 998, (uint8_t)i);
		if (trusted)
			RIG_UNTIL(&r, NULL, r.heard == 100);
		else
			RIG_UNTIL(&r, NULL, rig_drops(&r, STREAM_DROP_STRANGER_BYTES) == 1);
		assert_int_equal(r.closed, !trusted);
		if (!trusted)
			assert_in_range(r.size, 15000, 16384 + 4096);
		close(fd);
		rig_fini(&r);
	}
}

/* Not even a frame that never ends gives more. */
static void
an_unfinished_datagram_counts(void **state)
{
	struct rig r;
	uint8_t bytes[20000] = {0};
	int fd;

	(void)state;
	rig_listen(&r, (struct streams_conf){.queue_max = 0});
	fd = stranger(&r, 1);
	raw_send(fd, "vrd\1\xff\xff", 6);
	raw_send(fd, bytes, sizeof(bytes));
	RIG_UNTIL(&r, NULL, rig_drops(&r, STREAM_DROP_STRANGER_BYTES) == 1);
	assert_int_equal(r.heard, 0);
	close(fd);
	rig_fini(&r);
}

static void
a_stranger_is_told_little(void **state)
{
	struct rig r;
	uint8_t bytes[1000] = {0};
	struct stream_info info;
	unsigned sent;
	int rc, fd;

	(void)state;
	rig_listen(&r, (struct streams_conf){.queue_max = 0});
	fd = stranger(&r, 1);
	raw_send(fd, "vrd\1", 4);
	RIG_UNTIL(&r, NULL, r.opened == 1);
	do
		rc = streams_send(r.s, r.number, STREAMS_CONTROL, bytes, sizeof(bytes),
				  sizeof(bytes), r.now, &sent);
	while (rc == 0);
	assert_int_equal(rc, -ENOBUFS);
	assert_true(streams_info(r.s, r.number, &info));
	assert_true(info.queued <= 4096 + sizeof(bytes));
	close(fd);
	rig_fini(&r);
}

static void
the_oldest_of_an_address_goes(void **state)
{
	struct rig r;
	int fds[5], other;

	(void)state;
	rig_listen(&r, small());
	other = stranger(&r, 2);
	for (unsigned i = 0; i < 5; i++) {
		r.now += US_MS;
		fds[i] = stranger(&r, 1);
		assert_int_equal(rig_stats(&r).strangers, i < 3 ? i + 2 : 4);
	}
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(raw_at_end(fds[i]), i < 2);
	assert_false(raw_at_end(other));
	assert_int_equal(rig_drops(&r, STREAM_DROP_CROWD), 2);
	for (unsigned i = 0; i < 5; i++)
		close(fds[i]);
	close(other);
	rig_fini(&r);
}

static void
when_there_are_too_many_the_largest_crowd_gives_way(void **state)
{
	struct rig r;
	int first, crowd[3], others[2], late;

	(void)state;
	rig_listen(&r, small());
	first = stranger(&r, 1);
	for (unsigned i = 0; i < 3; i++)
		crowd[i] = stranger(&r, 2);
	for (unsigned i = 0; i < 2; i++)
		others[i] = stranger(&r, 3);
	assert_int_equal(rig_stats(&r).strangers, 6);
	late = stranger(&r, 4);
	assert_int_equal(rig_stats(&r).strangers, 6);
	assert_true(raw_at_end(crowd[0]));
	assert_false(raw_at_end(first));
	assert_int_equal(rig_drops(&r, STREAM_DROP_CROWD), 1);
	close(first);
	close(late);
	for (unsigned i = 0; i < 3; i++)
		close(crowd[i]);
	for (unsigned i = 0; i < 2; i++)
		close(others[i]);
	rig_fini(&r);
}

static void
friends_are_no_crowd_and_stay(void **state)
{
	struct rig r;
	int friends[8], strangers[4], late;

	(void)state;
	rig_listen(&r, small());
	for (unsigned i = 0; i < 8; i++)
		friends[i] = friend(&r, 1);
	assert_int_equal(rig_stats(&r).strangers, 0);
	/* Two places are left: from then on a stranger displaces strangers only. */
	for (unsigned i = 0; i < 4; i++)
		strangers[i] = stranger(&r, 2 + i);
	assert_int_equal(rig_stats(&r).streams, 10);
	assert_int_equal(rig_stats(&r).strangers, 2);
	assert_int_equal(rig_drops(&r, STREAM_DROP_CROWD), 2);
	for (unsigned i = 0; i < 8; i++)
		assert_false(raw_at_end(friends[i]));
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(raw_at_end(strangers[i]), i < 2);
	/* All are friends: nobody comes in. */
	for (unsigned i = 2; i < 4; i++) {
		raw_send(strangers[i], "vrd\1\0\1x", 7);
		RIG_UNTIL(&r, NULL, r.heard == 8 + i - 1);
		streams_trust(r.s, r.number, 1);
	}
	late = raw_connect_from(&r, 9);
	RIG_UNTIL(&r, NULL, rig_drops(&r, STREAM_DROP_FULL) == 1);
	assert_int_equal(rig_stats(&r).streams, 10);
	assert_true(raw_at_end(late));
	close(late);
	for (unsigned i = 0; i < 8; i++)
		close(friends[i]);
	for (unsigned i = 0; i < 4; i++)
		close(strangers[i]);
	rig_fini(&r);
}

static void
a_flood_of_connections_costs_nothing_lasting(void **state)
{
	struct rig r;
	int known;

	(void)state;
	rig_listen(&r, small());
	known = friend(&r, 1);
	for (unsigned i = 0; i < 500; i++) {
		int fd = raw_connect_from(&r, 1 + i % 50);

		if (i % 3 == 0)
			raw_send(fd, "vrd\1\0\4zzzz", 10);
		rig_turn(&r, NULL);
		assert_true(rig_stats(&r).strangers <= 6);
		if (i % 2 == 0)
			close(fd);
		else
			raw_reset(fd);
	}
	RIG_UNTIL(&r, NULL, rig_stats(&r).strangers == 0);
	assert_int_equal(rig_stats(&r).streams, 1);
	assert_false(raw_at_end(known));
	close(known);
	rig_fini(&r);
}

/* Nobody who is authentic takes all places: of one peer's the longest silent goes, of the others' none. */
static void
a_peer_has_so_many_streams_at_most(void **state)
{
	struct rig r;
	int of_one[5], other;

	(void)state;
	rig_listen(&r, (struct streams_conf){.peer_each = 3});
	other = friend_of(&r, 1, 8);
	for (unsigned i = 0; i < 3; i++) {
		r.now += US_S;
		of_one[i] = friend_of(&r, 1, 7);
	}
	/* The first has something to say. */
	r.now += US_S;
	r.heard = 0;
	raw_send_frame(of_one[0], 10, 1);
	RIG_UNTIL(&r, NULL, r.heard == 1);
	assert_int_equal(rig_drops(&r, STREAM_DROP_PEER_CROWD), 0);
	of_one[3] = friend_of(&r, 1, 7);
	(void)streams_run(r.s, r.now);
	assert_int_equal(rig_drops(&r, STREAM_DROP_PEER_CROWD), 1);
	assert_int_equal(r.reason, STREAM_DROP_PEER_CROWD);
	assert_true(raw_at_end(of_one[1]));
	r.now += US_S;
	of_one[4] = friend_of(&r, 1, 7);
	(void)streams_run(r.s, r.now);
	assert_int_equal(rig_drops(&r, STREAM_DROP_PEER_CROWD), 2);
	assert_true(raw_at_end(of_one[2]));
	assert_int_equal(r.closed, 2);
	assert_int_equal(rig_stats(&r).streams, 4);
	assert_false(raw_at_end(other) || raw_at_end(of_one[0]) || raw_at_end(of_one[3]) ||
		     raw_at_end(of_one[4]));
	for (unsigned i = 0; i < 5; i++)
		close(of_one[i]);
	close(other);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_authentic_in_time_is_closed),
		cmocka_unit_test(a_stranger_has_few_bytes_a_friend_has_all),
		cmocka_unit_test(an_unfinished_datagram_counts),
		cmocka_unit_test(a_stranger_is_told_little),
		cmocka_unit_test(the_oldest_of_an_address_goes),
		cmocka_unit_test(when_there_are_too_many_the_largest_crowd_gives_way),
		cmocka_unit_test(friends_are_no_crowd_and_stay),
		cmocka_unit_test(a_flood_of_connections_costs_nothing_lasting),
		cmocka_unit_test(a_peer_has_so_many_streams_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
