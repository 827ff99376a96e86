/* When more comes than a tunnel takes: messages do not wait behind data, and what is dropped is counted. */
#include "tests/unit/tunnel_rig.h"

/* A socket of somebody who has no keys. */
static int
stranger_open(const struct endpoint *to)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(to->port)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	memcpy(&a.sin_addr, to->addr.b, 4);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0);
	return fd;
}

static void
what_the_kernel_drops_is_counted(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	unsigned total = 600;
	int fd = stranger_open(&p->b.at);
	uint8_t *junk = calloc(1, 60000);

	(void)state;
	assert_non_null(junk);
	assert_int_equal(drops(&p->b, "kernel"), 0);
	/* 36 MB, and nobody reads. */
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(send(fd, junk, 60000, 0), 60000);
	assert_in_range(drops(&p->b, "kernel"), 1, total - 1);
	/* Asked twice, counted once. */
	WAIT_FOR(p, drops(&p->b, "malformed") + drops(&p->b, "kernel") >= total);
	assert_int_equal(drops(&p->b, "malformed") + drops(&p->b, "kernel"), total);
	free(junk);
	close(fd);
	pair_close(p);
}

/* 'count' datagrams that nobody reads, of which the kernel has room for some. */
static void
flood(const struct end *e, unsigned count)
{
	int fd = stranger_open(&e->at);
	uint8_t junk[1000] = {0};

	for (unsigned i = 0; i < count; i++)
		assert_int_equal(send(fd, junk, sizeof(junk), 0), sizeof(junk));
	close(fd);
}

static void
a_message_does_not_wait_behind_data(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	const uint8_t msg[200] = {1, 2, 3};
	struct pollfd ready;

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	flood(&p->b, 20000);
	assert_true(drops(&p->b, "kernel") > 0);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, msg, sizeof(msg), clock_now()), 0);
	ready = (struct pollfd){.fd = tunnel_urgent_fd(p->b.t), .events = POLLIN};
	assert_int_equal(poll(&ready, 1, 1000), 1);
	tunnel_urgent_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	assert_memory_equal(p->b.stream, msg, sizeof(msg));
	assert_int_equal(drops(&p->b, "malformed"), 0);
	pair_close(p);
}

/* Who has begun to read data looks for messages meanwhile. */
static void
a_message_waits_for_one_round_of_data(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, false, CRYPTO_AESGCM);
	const uint8_t msg[200] = {1, 2, 3};

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	flood(&p->b, 1000);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, msg, sizeof(msg), clock_now()), 0);
	tunnel_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	assert_in_range(drops(&p->b, "malformed"), 1, 999);
	pair_close(p);
}

/* As many records as the kernel keeps may be overtaken. */
static void
what_a_message_overtakes_is_taken_in(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, true, CRYPTO_AESGCM);
	uint8_t packet[64];
	struct frame f = {.data = packet};
	struct seal_inner inner = {.vn = 7};
	unsigned total = 40000;
	struct pollfd ready;

	(void)state;
	WAIT_FOR(p, p->b.mtu >= 1400);
	f.size = tcp_build(packet, 0, 1);
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(tunnel_send(p->a.t, SLOT, &inner, &f, clock_now()), 0);
	tunnel_flush(p->a.t);
	assert_int_equal(drops(&p->b, "kernel"), 0);
	assert_int_equal(tunnel_send_sync(p->a.t, SLOT, packet, f.size, clock_now()), 0);
	tunnel_urgent_readable(p->b.t, clock_now());
	assert_int_equal(p->b.syncs, 1);
	p->b.forgets = true;
	ready = (struct pollfd){.fd = tunnel_fd(p->b.t), .events = POLLIN};
	while (poll(&ready, 1, 0) == 1)
		tunnel_readable(p->b.t, clock_now());
	assert_int_equal(p->b.packets, total);
	assert_int_equal(drops(&p->b, "replayed"), 0);
	pair_close(p);
}

static void
what_is_larger_than_the_buffer_is_counted(void **state)
{
	struct pair *p = pair_open("127.0.0.1", "127.0.0.1", true, false, CRYPTO_AESGCM);
	int fd = stranger_open(&p->b.at);
	uint8_t junk[5000] = {0};

	(void)state;
	assert_int_equal(send(fd, junk, sizeof(junk), 0), sizeof(junk));
	WAIT_FOR(p, drops(&p->b, "truncated") == 1);
	assert_int_equal(drops(&p->b, "malformed"), 0);
	close(fd);
	pair_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_kernel_drops_is_counted),
		cmocka_unit_test(a_message_does_not_wait_behind_data),
		cmocka_unit_test(a_message_waits_for_one_round_of_data),
		cmocka_unit_test(what_a_message_overtakes_is_taken_in),
		cmocka_unit_test(what_is_larger_than_the_buffer_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
