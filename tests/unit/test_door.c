/* What the door lets in, whom it tells a cookie, and that addresses share their allowance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "vr/door.h"

static struct endpoint
v4(uint8_t last, uint16_t port)
{
	return (struct endpoint){.addr = addr_make(ADDR_V4, (const uint8_t[]){192, 0, 2, last}),
				 .port = port};
}

static struct endpoint
v6(uint8_t net, uint8_t host)
{
	uint8_t b[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, net};

	b[15] = host;
	return (struct endpoint){.addr = addr_make(ADDR_V6, b), .port = 5};
}

static void
door_make(struct door *d)
{
	uint8_t seed[CRYPTO_KEY_SIZE + 16];

	/* With this one none of the addresses below fall together. */
	memset(seed, 0x3c, sizeof(seed));
	door_init(d, seed);
}

/* Uses up what strangers share. */
static void
door_load(struct door *d, us_t now)
{
	const uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT};
	const struct endpoint from = v4(1, 1);
	uint8_t cookie[HANDSHAKE_MAC_SIZE];

	for (unsigned i = 0; i < 1000; i++)
		if (door_ask(d, init, &from, now, cookie) != DOOR_PASS)
			return;
	fail_msg("never under load");
}

static void
all_pass_while_there_is_no_load(void **state)
{
	const uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT};
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	struct door d;

	(void)state;
	door_make(&d);
	for (unsigned i = 0; i < 5000; i++) {
		const struct endpoint from = v4(9, (uint16_t)i);

		assert_int_equal(door_ask(&d, init, &from, i * 10 * US_MS, cookie), DOOR_PASS);
	}
	door_fini(&d);
}

static void
under_load_only_a_proven_address_passes(void **state)
{
	uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT}, cookie[HANDSHAKE_MAC_SIZE];
	uint8_t other[HANDSHAKE_MAC_SIZE];
	const struct endpoint a = v4(20, 7), b = v4(21, 7), a_port = v4(20, 8);
	us_t now = 1000 * US_S;
	struct door d;

	(void)state;
	door_make(&d);
	door_load(&d, now);
	assert_int_equal(door_ask(&d, init, &a, now, cookie), DOOR_COOKIE);
	handshake_init_prove(init, cookie);
	assert_int_equal(door_ask(&d, init, &a, now, other), DOOR_PASS);
	/* A cookie is worth nothing at another address or port, nor with another message. */
	assert_int_equal(door_ask(&d, init, &b, now, other), DOOR_COOKIE);
	assert_int_equal(door_ask(&d, init, &a_port, now, other), DOOR_COOKIE);
	init[30] ^= 1;
	assert_int_equal(door_ask(&d, init, &a, now, other), DOOR_COOKIE);
	init[30] ^= 1;
	/* It lasts for two minutes at least and four at most. */
	for (us_t age = 0; age < 120 * US_S; age += 10 * US_S) {
		door_load(&d, now + age);
		assert_int_equal(door_ask(&d, init, &a, now + age, other), DOOR_PASS);
	}
	door_load(&d, now + 240 * US_S);
	assert_int_equal(door_ask(&d, init, &a, now + 240 * US_S, other), DOOR_COOKIE);
	door_fini(&d);
}

/* How many of 500 callers at once, who all have their cookie, pass. */
static unsigned
passes(struct door *d, const struct endpoint *from, bool vary_port, bool vary_host, us_t now)
{
	uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT}, cookie[HANDSHAKE_MAC_SIZE];
	unsigned count = 0;

	for (unsigned i = 0; i < 500; i++) {
		struct endpoint ep = *from;

		if (vary_port)
			ep.port = (uint16_t)i;
		if (vary_host)
			ep.addr.b[12] = (uint8_t)i;
		memset(init + 1, 0, sizeof(init) - 1);
		door_load(d, now);
		assert_int_equal(door_ask(d, init, &ep, now, cookie), DOOR_COOKIE);
		handshake_init_prove(init, cookie);
		count += door_ask(d, init, &ep, now, cookie) == DOOR_PASS;
	}
	return count;
}

static void
the_allowance_is_per_address_not_per_port(void **state)
{
	const struct endpoint a = v4(30, 1), b = v4(31, 1), c = v6(1, 1), e = v6(2, 1);
	us_t now = 1000 * US_S;
	struct door d;

	(void)state;
	door_make(&d);
	assert_int_equal(passes(&d, &a, true, false, now), 16);
	assert_int_equal(passes(&d, &b, false, false, now), 16);
	/* An IPv6 network is one source. */
	assert_int_equal(passes(&d, &c, true, true, now), 16);
	assert_int_equal(passes(&d, &e, true, true, now), 16);
	/* It comes back with time. */
	assert_int_equal(passes(&d, &a, true, false, now + US_S), 10);
	door_fini(&d);
}

/* What strangers say, also in the name of a peer, does not keep its cookie from it. */
static void
a_flood_in_its_own_name_does_not_take_a_cookie_from_a_peer(void **state)
{
	const uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT};
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	const struct endpoint peer = v4(40, 7);
	struct door d;

	(void)state;
	door_make(&d);
	door_load(&d, US_S);
	/* 20,000 a second, half from anywhere. */
	for (unsigned i = 0; i < 100000; i++) {
		struct endpoint from = i % 2 == 0 ? peer : v4((uint8_t)i, (uint16_t)i);
		us_t now = US_S + i * 50;

		if (i % 2 != 0)
			memcpy(from.addr.b, &i, sizeof(i));
		(void)door_ask(&d, init, &from, now, cookie);
		if (i % 1000 == 999)
			assert_int_not_equal(door_ask(&d, init, &peer, now, cookie), DOOR_DROP);
	}
	door_fini(&d);
}

/* There is an end, so that the rest of the router goes on. */
static void
all_cookies_together_are_limited(void **state)
{
	const uint8_t init[HANDSHAKE_INIT_SIZE] = {SEAL_INIT};
	uint8_t cookie[HANDSHAKE_MAC_SIZE];
	unsigned count = 0;
	struct door d;

	(void)state;
	door_make(&d);
	for (unsigned i = 0; i < 1000000; i++) {
		const struct endpoint from = v4((uint8_t)i, (uint16_t)i);

		count += door_ask(&d, init, &from, US_S + i, cookie) == DOOR_COOKIE;
	}
	assert_in_range(count, 50000, 55000);
	assert_true(2 * HANDSHAKE_COOKIE_SIZE < HANDSHAKE_INIT_SIZE);
	door_fini(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pass_while_there_is_no_load),
		cmocka_unit_test(under_load_only_a_proven_address_passes),
		cmocka_unit_test(the_allowance_is_per_address_not_per_port),
		cmocka_unit_test(a_flood_in_its_own_name_does_not_take_a_cookie_from_a_peer),
		cmocka_unit_test(all_cookies_together_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
