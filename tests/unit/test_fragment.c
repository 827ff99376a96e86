/* Fragments of IPv4 packets: put together again they are the packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/packet.h"
#include "tests/unit/span.h"
#include "wire/ip.h"

#define MTU_MIN 68

static struct ip
parsed(const uint8_t *packet, size_t size)
{
	struct ip ip;

	assert_int_equal(ip_parse(packet, size, &ip), 0);
	return ip;
}

/* Cuts the packet and compares what all fragments carry with it.  Returns how many there were. */
static unsigned
cut_and_compare(const uint8_t *p, const struct ip *ip, uint16_t mtu)
{
	size_t payload = ip->size - ip->header_size, at = 0, size;
	unsigned index = 0;
	uint8_t *out = malloc(mtu);

	assert_non_null(out);
	while ((size = ip4_fragment(p, ip, mtu, index, out)) != 0) {
		struct ip part = parsed(out, size);

		assert_true(size <= mtu && size == part.size);
		assert_int_equal(part.fragment_offset, ip->fragment_offset + at);
		assert_int_equal(packet_get16(out + 4), packet_get16(p + 4));
		assert_true(addr_equal(part.src, ip->src) && addr_equal(part.dst, ip->dst));
		assert_int_equal(part.ttl, ip->ttl);
		assert_int_equal(part.tos, ip->tos);
		assert_int_equal(part.proto, ip->proto);
		size -= part.header_size;
		assert_true(at + size <= payload);
		assert_memory_equal(out + part.header_size, p + ip->header_size + at, size);
		at += size;
		assert_int_equal(part.more_fragments, at < payload || ip->more_fragments);
		assert_true(at == payload || size % 8 == 0);
		index++;
	}
	assert_int_equal(at, payload);
	free(out);
	return index;
}

static void
the_fragments_make_up_the_packet(void **state)
{
	static const struct {
		size_t options, payload;
		uint16_t mtu;
		unsigned count;
	} rows[] = {
		{0, 1480, 1500, 1},   {0, 1481, 1500, 2},        {0, 2960, 1500, 2},
		{0, 2961, 1500, 3},   {0, 1480, 1499, 2},        {0, 1480, 1280, 2},
		{0, 65515, 1400, 48}, {0, 65515, MTU_MIN, 1365}, {0, 49, MTU_MIN, 2},
		{0, 48, MTU_MIN, 1},  {40, 100, MTU_MIN, 3},     {4, 1480, 1500, 2},
		{40, 3000, 1500, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct packet_want want = {.proto = PACKET_UDP,
						 .options = rows[i].options,
						 .payload = rows[i].payload};
		size_t size = packet_header_size(&want) + want.payload;
		uint8_t *p = packet_make(&want);
		struct ip ip = parsed(p, size);

		assert_int_equal(cut_and_compare(p, &ip, rows[i].mtu), rows[i].count);
		free(p);
	}
}

static void
a_fragment_can_be_cut_again(void **state)
{
	static const uint16_t fields[] = {0x2000, 0x2010, 0x0010, 0x1f00};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
		const struct packet_want want = {
			.proto = PACKET_UDP, .payload = 1480, .fragment = fields[i]};
		uint8_t *p = packet_make(&want);
		struct ip ip = parsed(p, 1500);

		assert_int_equal(cut_and_compare(p, &ip, 576), 3);
		free(p);
	}
}

static void
only_copied_options_are_in_later_fragments(void **state)
{
	static const struct {
		uint8_t options[12];
		uint8_t copied[12];
		size_t copied_size;
	} rows[] = {
		/* Router alert (copied), timestamp (not). */
		{{0x94, 4, 0, 0, 0x44, 8, 5, 0, 0, 0, 0, 0}, {0x94, 4, 0, 0}, 4},
		/* A loose source route of 7 bytes, padded. */
		{{1, 0x83, 7, 4, 10, 0, 0, 1, 0, 0, 0, 0}, {0x83, 7, 4, 10, 0, 0, 1, 0}, 8},
		/* Nothing is copied from behind the end. */
		{{0, 0x94, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0}, 0},
		/* Sizes that cannot be end the search. */
		{{0x94, 4, 0, 0, 0x94, 0, 0, 0, 0x94, 4, 0, 0}, {0x94, 4, 0, 0}, 4},
		{{0x94, 4, 0, 0, 0x94, 1, 0, 0, 0x94, 4, 0, 0}, {0x94, 4, 0, 0}, 4},
		{{0x94, 4, 0, 0, 0x94, 9, 0, 0, 0, 0, 0, 0}, {0x94, 4, 0, 0}, 4},
		{{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x94}, {0}, 0},
		/* All of it. */
		{{0x82, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1},
		 {0x82, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0},
		 12},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct packet_want want = {
			.proto = PACKET_UDP, .payload = 300, .options = 12};
		uint8_t *p = packet_make(&want);
		uint8_t out[200];
		struct ip ip, part;
		size_t size;

		memcpy(p + 20, rows[i].options, 12);
		packet_ip4_sum(p);
		ip = parsed(p, 332);
		size = ip4_fragment(p, &ip, sizeof(out), 0, out);
		part = parsed(out, size);
		assert_int_equal(part.header_size, 32);
		assert_memory_equal(out + 20, rows[i].options, 12);
		size = ip4_fragment(p, &ip, sizeof(out), 1, out);
		part = parsed(out, size);
		assert_int_equal(part.header_size, 20 + rows[i].copied_size);
		assert_memory_equal(out + 20, rows[i].copied, rows[i].copied_size);
		assert_true(cut_and_compare(p, &ip, sizeof(out)) >= 2);
		free(p);
	}
}

static void
what_must_not_be_cut_is_not(void **state)
{
	static const struct {
		struct packet_want want;
		uint16_t mtu;
	} rows[] = {
		{{.proto = PACKET_UDP, .payload = 1480, .fragment = 0x4000}, 1400},
		{{.ip6 = true, .proto = PACKET_UDP, .payload = 1480}, 1400},
		{{.proto = PACKET_UDP, .payload = 1480}, MTU_MIN - 1},
		{{.proto = PACKET_UDP, .payload = 1480}, 0},
		/* Would end behind byte 65535. */
		{{.proto = PACKET_UDP, .payload = 1480, .fragment = 0x1fff}, 1400},
	};
	uint8_t out[1500];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = packet_header_size(&rows[i].want) + rows[i].want.payload;
		uint8_t *p = packet_make(&rows[i].want);
		struct ip ip = parsed(p, size);

		assert_int_equal(ip4_fragment(p, &ip, rows[i].mtu, 0, out), 0);
		assert_int_equal(ip4_fragment(p, &ip, rows[i].mtu, 1, out), 0);
		free(p);
	}
}

static void
a_packet_that_fits_is_its_own_fragment(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_UDP, .payload = 480, .fragment = 0x4000},
		{.proto = PACKET_UDP, .payload = 480, .fragment = 0x1fff},
		{.proto = PACKET_UDP, .payload = 0},
	};
	uint8_t out[500];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wants); i++) {
		size_t size = 20 + wants[i].payload;
		uint8_t *p = packet_make(&wants[i]);
		struct ip ip = parsed(p, size);

		assert_int_equal(ip4_fragment(p, &ip, sizeof(out), 0, out), size);
		assert_memory_equal(out, p, size);
		assert_int_equal(ip4_fragment(p, &ip, sizeof(out), 1, out), 0);
		free(p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fragments_make_up_the_packet),
		cmocka_unit_test(a_fragment_can_be_cut_again),
		cmocka_unit_test(only_copied_options_are_in_later_fragments),
		cmocka_unit_test(what_must_not_be_cut_is_not),
		cmocka_unit_test(a_packet_that_fits_is_its_own_fragment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
