/* ICMP and ICMPv6: when an error may be sent, what it says, and echo replies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/packet.h"
#include "tests/unit/span.h"
#include "wire/ip.h"

static struct ip
parsed(const uint8_t *packet, size_t size)
{
	struct ip ip;

	assert_int_equal(ip_parse(packet, size, &ip), 0);
	return ip;
}

static struct addr
router(bool ip6)
{
	static const uint8_t six[16] = {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
	static const uint8_t four[4] = {10, 1, 0, 1};

	return ip6 ? addr_make(ADDR_V6, six) : addr_make(ADDR_V4, four);
}

static const struct {
	enum icmp_error error;
	uint8_t type4, code4, type6, code6;
} kinds[] = {
	{ICMP_NET_UNREACHABLE, 3, 0, 1, 0},
	{ICMP_HOST_UNREACHABLE, 3, 1, 1, 3},
	{ICMP_TOO_BIG, 3, 4, 2, 0},
	{ICMP_TTL_EXCEEDED, 11, 0, 3, 0},
};

static void
an_error_quotes_the_packet_that_caused_it(void **state)
{
	static const size_t payloads[] = {8, 100, 528 - 40, 548 - 20, 548 - 20 + 1, 1480, 65000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds) * ARRAY_COUNT(payloads); i++) {
		size_t k = i % ARRAY_COUNT(kinds);
		const struct packet_want want = {.proto = PACKET_UDP,
						 .payload = payloads[i / ARRAY_COUNT(kinds)]};
		size_t size = 20 + want.payload;
		uint8_t *p = packet_make(&want);
		uint8_t *out = malloc(ICMP_ERROR_SIZE_MAX);
		struct ip ip = parsed(p, size), about;
		size_t quoted = size > 548 ? 548 : size;

		assert_int_equal(icmp_error_build(p, &ip, kinds[k].error, 1400, router(false), out),
				 28 + quoted);
		about = parsed(out, 28 + quoted);
		assert_int_equal(about.size, 28 + quoted);
		assert_int_equal(about.proto, IP_PROTO_ICMP);
		assert_int_equal(about.ttl, 64);
		assert_true(addr_equal(about.src, router(false)));
		assert_true(addr_equal(about.dst, ip.src));
		assert_int_equal(out[20], kinds[k].type4);
		assert_int_equal(out[21], kinds[k].code4);
		assert_int_equal(packet_get16(out + 24), 0);
		assert_int_equal(packet_get16(out + 26), kinds[k].error == ICMP_TOO_BIG ? 1400 : 0);
		assert_int_equal(packet_sum(out + 20, 8 + quoted, 0), 0xffff);
		assert_memory_equal(out + 28, p, quoted);
		free(out);
		free(p);
	}
}

static void
an_icmp6_error_quotes_the_packet_that_caused_it(void **state)
{
	static const size_t payloads[] = {8, 100, 528 - 40, 528 - 40 + 1, 1440, 65000};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds) * ARRAY_COUNT(payloads); i++) {
		size_t k = i % ARRAY_COUNT(kinds);
		const struct packet_want want = {.ip6 = true,
						 .proto = PACKET_TCP,
						 .payload = payloads[i / ARRAY_COUNT(kinds)]};
		size_t size = 40 + want.payload;
		uint8_t *p = packet_make(&want);
		uint8_t *out = malloc(ICMP_ERROR_SIZE_MAX);
		struct ip ip = parsed(p, size), about;
		size_t quoted = size > 528 ? 528 : size;

		assert_int_equal(icmp_error_build(p, &ip, kinds[k].error, 1400, router(true), out),
				 48 + quoted);
		about = parsed(out, 48 + quoted);
		assert_int_equal(about.size, 48 + quoted);
		assert_int_equal(about.proto, IP_PROTO_ICMP6);
		assert_true(addr_equal(about.src, router(true)));
		assert_true(addr_equal(about.dst, ip.src));
		assert_int_equal(out[40], kinds[k].type6);
		assert_int_equal(out[41], kinds[k].code6);
		assert_int_equal(packet_get16(out + 44), 0);
		assert_int_equal(packet_get16(out + 46), kinds[k].error == ICMP_TOO_BIG ? 1400 : 0);
		assert_int_equal(packet_l4_sum(out, 48 + quoted), 0xffff);
		assert_memory_equal(out + 48, p, quoted);
		free(out);
		free(p);
	}
}

/* True when an error about the packet is built, which must be well-formed then. */
static bool
is_answered(const uint8_t *p, size_t size, enum icmp_error error)
{
	uint8_t *out = malloc(ICMP_ERROR_SIZE_MAX);
	struct ip ip = parsed(p, size);
	size_t built = icmp_error_build(p, &ip, error, 1400, router(ip.family == ADDR_V6), out);

	if (built != 0)
		parsed(out, built);
	free(out);
	return built != 0;
}

static void
no_error_about_an_icmp_error(void **state)
{
	static const struct {
		uint8_t type;
		bool answered;
	} rows[] = {{0, true},  {8, true},   {13, true},  {14, true}, {3, false},  {4, false},
		    {5, false}, {11, false}, {12, false}, {9, false}, {40, false}, {255, false}};
	const struct packet_want want = {.proto = PACKET_ICMP, .payload = 8};
	const struct packet_want empty = {.proto = PACKET_ICMP, .payload = 0};
	uint8_t *p = packet_make(&want);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		p[20] = rows[i].type;
		assert_int_equal(is_answered(p, 28, ICMP_TTL_EXCEEDED), rows[i].answered);
	}
	free(p);
	p = packet_make(&empty);
	assert_false(is_answered(p, 20, ICMP_TTL_EXCEEDED));
	free(p);
}

static void
no_error_about_a_later_fragment(void **state)
{
	static const struct {
		uint16_t fragment;
		bool answered;
	} rows[] = {{0x2000, true}, {0x2001, false}, {0x0001, false}, {0x4000, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct packet_want want = {
			.proto = PACKET_UDP, .payload = 16, .fragment = rows[i].fragment};
		uint8_t *p = packet_make(&want);

		assert_int_equal(is_answered(p, 36, ICMP_TOO_BIG), rows[i].answered);
		free(p);
	}
}

static void
no_error_to_or_about_addresses_of_no_single_host(void **state)
{
	static const struct {
		uint8_t src[4], dst[4];
		bool answered;
	} rows[] = {
		{{10, 1, 0, 5}, {10, 2, 0, 6}, true},
		{{0, 0, 0, 0}, {10, 2, 0, 6}, false},
		{{0, 1, 2, 3}, {10, 2, 0, 6}, false},
		{{127, 0, 0, 1}, {10, 2, 0, 6}, false},
		{{224, 0, 0, 1}, {10, 2, 0, 6}, false},
		{{240, 0, 0, 1}, {10, 2, 0, 6}, false},
		{{255, 255, 255, 255}, {10, 2, 0, 6}, false},
		{{10, 1, 0, 5}, {224, 0, 0, 251}, false},
		{{10, 1, 0, 5}, {255, 255, 255, 255}, false},
	};
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 8};
	uint8_t *p = packet_make(&want);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		memcpy(p + 12, rows[i].src, 4);
		memcpy(p + 16, rows[i].dst, 4);
		packet_ip4_sum(p);
		assert_int_equal(is_answered(p, 28, ICMP_TTL_EXCEEDED), rows[i].answered);
	}
	free(p);
}

static void
no_error_from_an_address_of_another_family(void **state)
{
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 8};
	uint8_t *p = packet_make(&want);
	uint8_t out[ICMP_ERROR_SIZE_MAX];
	struct ip ip = parsed(p, 28);
	const struct addr none = {.family = ADDR_NONE};

	(void)state;
	assert_int_equal(icmp_error_build(p, &ip, ICMP_TOO_BIG, 1400, router(true), out), 0);
	assert_int_equal(icmp_error_build(p, &ip, ICMP_TOO_BIG, 1400, none, out), 0);
	free(p);
}

/* Chains of IPv6 headers and whether an error about them may be sent. */
static void
icmp6_errors_are_found_behind_extension_headers(void **state)
{
	static const struct {
		uint8_t next; /* of the fixed header */
		uint8_t size;
		uint8_t bytes[32];
		bool answered;
	} rows[] = {
		{58, 8, {1}, false}, /* destination unreachable */
		{58, 8, {127}, false},
		{58, 8, {128}, true},  /* echo request */
		{58, 8, {135}, true},  /* neighbour solicitation */
		{58, 8, {137}, false}, /* redirect */
		{58, 0, {0}, false},
		{17, 8, {0}, true},
		{59, 0, {0}, true}, /* no next header */
		{0, 16, {58, 0, 0, 0, 0, 0, 0, 0, 128}, true},
		{0, 16, {58, 0, 0, 0, 0, 0, 0, 0, 3}, false},
		{60, 24, {58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, false},
		{60, 24, {58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 129}, true},
		{0, 24, {43, 0, 0, 0, 0, 0, 0, 0, 58, 0, 0, 0, 0, 0, 0, 0, 4}, false},
		{44, 16, {58, 9, 0, 1, 0, 0, 0, 0, 128}, true}, /* first fragment */
		{44, 16, {58, 9, 0, 1, 0, 0, 0, 0, 1}, false},
		{44, 16, {58, 0, 0, 8, 0, 0, 0, 0, 128}, false}, /* a later one */
		{44, 16, {17, 0, 0, 8, 0, 0, 0, 0, 0}, false},
		{0, 7, {17}, false},    /* cut */
		{0, 8, {17, 1}, false}, /* longer than the packet */
		{0, 8, {58, 0}, false}, /* nothing behind */
		{0, 8, {17, 0}, true},
		{0, 8, {17, 255}, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct packet_want want = {
			.ip6 = true, .proto = rows[i].next, .payload = rows[i].size};
		uint8_t *p = packet_make(&want);

		memcpy(p + 40, rows[i].bytes, rows[i].size);
		if (is_answered(p, 40u + rows[i].size, ICMP_TTL_EXCEEDED) != rows[i].answered)
			fail_msg("row %zu", i);
		free(p);
	}
}

static void
only_too_big_is_sent_about_ip6_multicast(void **state)
{
	const struct packet_want want = {.ip6 = true, .proto = PACKET_UDP, .payload = 8};
	uint8_t *p = packet_make(&want);

	(void)state;
	p[24] = 0xff;
	assert_false(is_answered(p, 48, ICMP_TTL_EXCEEDED));
	assert_false(is_answered(p, 48, ICMP_NET_UNREACHABLE));
	assert_true(is_answered(p, 48, ICMP_TOO_BIG));
	p[8] = 0xff;
	assert_false(is_answered(p, 48, ICMP_TOO_BIG));
	memset(p + 8, 0, 16);
	assert_false(is_answered(p, 48, ICMP_TOO_BIG));
	free(p);
}

/* A right echo request of 'payload' ICMP bytes. */
static uint8_t *
echo_make(const struct packet_want *want)
{
	uint8_t *p = packet_make(want);
	size_t head = packet_header_size(want), size = head + want->payload;

	p[head] = want->ip6 ? 128 : 8;
	p[head + 1] = 0;
	packet_put16(p + head + 2, 0);
	packet_put16(p + head + 2, want->ip6 ? (uint16_t)~packet_l4_sum(p, size)
					     : (uint16_t)~packet_sum(p + head, want->payload, 0));
	return p;
}

static void
an_echo_request_becomes_its_reply(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_ICMP, .payload = 8, .ttl = 1},
		{.proto = PACKET_ICMP, .payload = 65, .ttl = 255},
		{.proto = PACKET_ICMP, .payload = 64, .options = 8},
		{.ip6 = true, .proto = 58, .payload = 8, .ttl = 1},
		{.ip6 = true, .proto = 58, .payload = 65},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wants); i++) {
		bool ip6 = wants[i].ip6;
		size_t head = packet_header_size(&wants[i]), size = head + wants[i].payload;
		uint8_t *p = echo_make(&wants[i]);
		uint8_t *before = span_copy(p, size);
		struct ip ip = parsed(p, size), reply;

		assert_true(icmp_echo_reply(p, &ip));
		reply = parsed(p, size);
		assert_true(addr_equal(reply.src, ip.dst));
		assert_true(addr_equal(reply.dst, ip.src));
		assert_int_equal(reply.ttl, 64);
		assert_int_equal(p[head], ip6 ? 129 : 0);
		assert_memory_equal(p + head + 4, before + head + 4, wants[i].payload - 4);
		assert_int_equal(ip6 ? packet_l4_sum(p, size)
				     : packet_sum(p + head, wants[i].payload, 0),
				 0xffff);
		free(before);
		free(p);
	}
}

static void
what_is_no_echo_request_is_left_alone(void **state)
{
	static const struct {
		struct packet_want want;
		size_t at;
		uint8_t byte;
	} rows[] = {
		{{.proto = PACKET_ICMP, .payload = 8}, 20, 0},   /* a reply */
		{{.proto = PACKET_ICMP, .payload = 8}, 20, 128}, /* of the other family */
		{{.proto = PACKET_ICMP, .payload = 8}, 21, 1},   /* code */
		{{.proto = PACKET_ICMP, .payload = 16, .fragment = 0x2000}, 24, 0},
		{{.proto = PACKET_ICMP, .payload = 16, .fragment = 0x0001}, 24, 0},
		{{.proto = PACKET_UDP, .payload = 8}, 24, 0},
		{{.proto = PACKET_ICMP, .payload = 8}, 12, 224}, /* from a group */
		{{.proto = PACKET_ICMP, .payload = 8}, 12, 0},
		{{.proto = PACKET_ICMP, .payload = 8}, 16, 224}, /* to a group */
		{{.ip6 = true, .proto = 58, .payload = 8}, 40, 129},
		{{.ip6 = true, .proto = 58, .payload = 8}, 40, 8},
		{{.ip6 = true, .proto = 58, .payload = 8}, 41, 1},
		{{.ip6 = true, .proto = 58, .payload = 8}, 24, 0xff},
		{{.ip6 = true, .proto = PACKET_ICMP, .payload = 8}, 45, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = packet_header_size(&rows[i].want) + rows[i].want.payload;
		uint8_t *p = echo_make(&rows[i].want);
		uint8_t *before;
		struct ip ip;

		p[rows[i].at] = rows[i].byte;
		if (!rows[i].want.ip6)
			packet_ip4_sum(p);
		before = span_copy(p, size);
		ip = parsed(p, size);
		if (icmp_echo_reply(p, &ip))
			fail_msg("row %zu", i);
		assert_memory_equal(p, before, size);
		free(before);
		free(p);
	}
}

static void
a_cut_echo_request_is_left_alone(void **state)
{
	(void)state;
	for (size_t payload = 0; payload < 8; payload++) {
		const struct packet_want want = {.proto = PACKET_ICMP, .payload = payload};
		uint8_t *p = packet_make(&want);
		struct ip ip;

		if (payload > 0)
			p[20] = 8;
		ip = parsed(p, 20 + payload);
		assert_false(icmp_echo_reply(p, &ip));
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_error_quotes_the_packet_that_caused_it),
		cmocka_unit_test(an_icmp6_error_quotes_the_packet_that_caused_it),
		cmocka_unit_test(no_error_about_an_icmp_error),
		cmocka_unit_test(no_error_about_a_later_fragment),
		cmocka_unit_test(no_error_to_or_about_addresses_of_no_single_host),
		cmocka_unit_test(no_error_from_an_address_of_another_family),
		cmocka_unit_test(icmp6_errors_are_found_behind_extension_headers),
		cmocka_unit_test(only_too_big_is_sent_about_ip6_multicast),
		cmocka_unit_test(an_echo_request_becomes_its_reply),
		cmocka_unit_test(what_is_no_echo_request_is_left_alone),
		cmocka_unit_test(a_cut_echo_request_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
