/* Trains that threads open. */
#include "tests/unit/tunnel_rig.h"

static void
check_stream(const struct end *e, const struct shape *shape)
{
	uint8_t *packet = malloc(65536);

	assert_non_null(packet);
	assert_int_equal(e->stream_size, shape->frames * shape->payload);
	for (unsigned i = 0; i < shape->frames; i++) {
		(void)tcp_build(packet, shape->payload, (uint8_t)i);
		assert_memory_equal(e->stream + i * shape->payload, packet + 40, shape->payload);
	}
	free(packet);
}

/* Keys change all the time, and messages come in between. */
static void
carry_by_threads(struct pair *p)
{
	const struct shape shape = {3, 40 * 1300, 1300, 3};
	us_t end = clock_now() + 4 * DEADLINE;
	struct tunnel_peer_stats peer;
	struct tunnel_stats stats;

	WAIT_FOR(p, p->a.mtu >= 1400);
	do {
		unsigned syncs = p->b.syncs;

		assert_true(clock_now() < end);
		p->b.packets = 0;
		p->b.stream_size = 0;
		send_shape(p, &shape);
		WAIT_FOR(p, p->b.packets == records_of(&shape));
		check_stream(&p->b, &shape);
		send_shape(p, &shape);
		assert_int_equal(
			tunnel_send_sync(p->a.t, SLOT, (const uint8_t *)"abc", 3, clock_now()), 0);
		/* Control need not wait for the data before it, and takes none of it away. */
		WAIT_FOR(p, p->b.syncs == syncs + 1 && p->b.packets == 2 * records_of(&shape));
		assert_true(tunnel_peer_stats(p->a.t, SLOT, clock_now(), &peer));
		tunnel_stats(p->b.t, &stats);
	} while (stats.opened_trains < 20 || peer.rekeys < 4);
}

static void
trains_that_threads_open_keep_their_order_through_rekeys(void **state)
{
	static const char *const refused[] = {"replayed", "forged", "no-index", "malformed"};

	(void)state;
	for (unsigned workers = 1; workers <= 4; workers *= 2) {
		struct pair *p = calloc(1, sizeof(*p));

		assert_non_null(p);
		p->a.rekey_records = p->b.rekey_records = 1000;
		p->b.workers = workers;
		end_open(&p->a, "127.0.0.1", true, true, CRYPTO_AESGCM, 1);
		end_open(&p->b, "127.0.0.1", true, true, CRYPTO_AESGCM, 2);
		peer_add(&p->b, 1, NULL);
		peer_add(&p->a, 2, &p->b.at);
		carry_by_threads(p);
		for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
			assert_int_equal(drops(&p->b, refused[i]), 0);
		/* Some of it may be in their hands. */
		send_shape(p, &(struct shape){3, 40 * 1300, 1300, 3});
		tunnel_readable(p->b.t, clock_now());
		pair_close(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trains_that_threads_open_keep_their_order_through_rekeys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
