/* IPv4 and IPv6 headers: what is read, what is refused, and checksums that stay right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/fmt.h"
#include "tests/unit/packet.h"
#include "tests/unit/span.h"
#include "wire/ip.h"

/* Parses a whole packet that must be well-formed. */
static struct ip
parsed(const uint8_t *packet, size_t size)
{
	struct ip ip;

	assert_int_equal(ip_parse(packet, size, &ip), 0);
	return ip;
}

static void
an_ip4_header_is_read(void **state)
{
	const struct packet_want want = {
		.proto = PACKET_TCP, .payload = 33, .fragment = 0x4000, .tcp_words = 8, .ttl = 7};
	uint8_t *p = packet_make(&want);
	struct ip ip;

	(void)state;
	p[1] = 0xb8;
	packet_ip4_sum(p);
	memset(&ip, 0xee, sizeof(ip));
	assert_int_equal(ip_parse(p, 53, &ip), 0);
	assert_int_equal(ip.family, ADDR_V4);
	assert_string_equal(fmt_addr(ip.src).s, "10.1.0.5");
	assert_string_equal(fmt_addr(ip.dst).s, "10.2.0.6");
	assert_true(addr_equal(ip.src, addr_make(ADDR_V4, (const uint8_t[]){10, 1, 0, 5})));
	assert_int_equal(ip.ttl, 7);
	assert_int_equal(ip.proto, IP_PROTO_TCP);
	assert_int_equal(ip.tos, 0xb8);
	assert_int_equal(ip.header_size, 20);
	assert_int_equal(ip.size, 53);
	assert_true(ip.dont_fragment);
	assert_false(ip.more_fragments);
	assert_int_equal(ip.fragment_offset, 0);
	assert_int_equal(ip.sport, 4660);
	assert_int_equal(ip.dport, 80);
	assert_int_equal(ip.l4_header_size, 32);
	free(p);
}

static void
an_ip6_header_is_read(void **state)
{
	const struct packet_want want = {.ip6 = true, .proto = PACKET_UDP, .payload = 9};
	uint8_t *p = packet_make(&want);
	struct ip ip;

	(void)state;
	p[0] = 0x6a;
	p[1] = 0x51;
	memset(&ip, 0xee, sizeof(ip));
	assert_int_equal(ip_parse(p, 49, &ip), 0);
	assert_int_equal(ip.family, ADDR_V6);
	assert_string_equal(fmt_addr(ip.src).s, "2001:db8:1::5");
	assert_string_equal(fmt_addr(ip.dst).s, "2001:db8:2::6");
	assert_int_equal(ip.ttl, 64);
	assert_int_equal(ip.tos, 0xa5);
	assert_int_equal(ip.header_size, 40);
	assert_int_equal(ip.size, 49);
	assert_true(ip.dont_fragment);
	assert_false(ip.more_fragments);
	assert_int_equal(ip.fragment_offset, 0);
	assert_int_equal(ip.sport, 4660);
	assert_int_equal(ip.dport, 80);
	assert_int_equal(ip.l4_header_size, 8);
	free(p);
}

static void
every_truncation_is_refused(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_TCP, .payload = 30},
		{.proto = PACKET_UDP, .payload = 10, .options = 40},
		{.ip6 = true, .proto = PACKET_TCP, .payload = 30},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wants); i++) {
		size_t whole = packet_header_size(&wants[i]) + wants[i].payload;
		uint8_t *p = packet_make(&wants[i]);

		for (size_t size = 0; size < whole; size++) {
			uint8_t *copy = span_copy(p, size);
			struct ip ip;

			assert_int_equal(ip_parse(copy, size, &ip), -EBADMSG);
			free(copy);
		}
		free(p);
	}
}

static void
ethernet_padding_is_no_part_of_the_packet(void **state)
{
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 8};
	uint8_t *p = packet_make(&want);
	uint8_t frame[46] = {0};
	struct ip ip;

	(void)state;
	memcpy(frame, p, 28);
	ip = parsed(frame, sizeof(frame));
	assert_int_equal(ip.size, 28);
	free(p);
}

/* Bytes changed in a packet of 20 + 8 bytes; the header checksum is made right again unless told. */
static void
headers_that_cannot_be_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		bool keep_sum;
		int err;
	} rows[] = {
		{0, 0x45, false, 0},        {0, 0x44, false, -EBADMSG}, {0, 0x40, false, -EBADMSG},
		{0, 0x48, false, -EBADMSG}, {0, 0x55, true, -EBADMSG},  {0, 0x05, true, -EBADMSG},
		{0, 0x65, true, -EBADMSG},  {3, 28, false, 0},          {3, 27, false, 0},
		{3, 20, false, 0},          {3, 19, false, -EBADMSG},   {3, 0, false, -EBADMSG},
		{3, 29, false, -EBADMSG},   {2, 1, false, -EBADMSG},    {8, 63, true, -EBADMSG},
		{10, 0x5a, true, -EBADMSG}, {11, 0x5a, true, -EBADMSG}, {12, 11, true, -EBADMSG},
		{19, 7, true, -EBADMSG},    {20, 0xff, true, 0},
	};
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 8};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *p = packet_make(&want);
		struct ip ip;

		p[rows[i].at] = rows[i].byte;
		if (!rows[i].keep_sum && (p[0] & 15) <= 7)
			packet_ip4_sum(p);
		if (ip_parse(p, 28, &ip) != rows[i].err)
			fail_msg("row %zu", i);
		free(p);
	}
}

static void
every_single_bit_error_in_a_header_is_noticed(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_UDP, .payload = 8},
		{.proto = PACKET_UDP, .payload = 8, .options = 12}};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(wants); k++) {
		uint8_t *p = packet_make(&wants[k]);
		size_t head = packet_header_size(&wants[k]);

		for (size_t bit = 0; bit < head * 8; bit++) {
			struct ip ip;

			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(ip_parse(p, head + 8, &ip), -EBADMSG);
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		free(p);
	}
}

static void
ports_are_read_only_from_a_whole_transport_header(void **state)
{
	static const struct {
		struct packet_want want;
		uint16_t l4_header_size;
	} rows[] = {
		{{.proto = PACKET_TCP, .payload = 20}, 20},
		{{.proto = PACKET_TCP, .payload = 19}, 0},
		{{.proto = PACKET_TCP, .payload = 0}, 0},
		{{.proto = PACKET_TCP, .payload = 60, .tcp_words = 15}, 60},
		{{.proto = PACKET_TCP, .payload = 59, .tcp_words = 15}, 0},
		{{.proto = PACKET_TCP, .payload = 60, .tcp_words = 4}, 0},
		{{.proto = PACKET_UDP, .payload = 8}, 8},
		{{.proto = PACKET_UDP, .payload = 7}, 0},
		{{.proto = PACKET_UDP, .payload = 8, .options = 40}, 8},
		{{.proto = PACKET_ICMP, .payload = 20}, 0},
		{{.proto = PACKET_UDP, .payload = 16, .fragment = 0x2000}, 8},
		{{.proto = PACKET_UDP, .payload = 16, .fragment = 0x0001}, 0},
		{{.proto = PACKET_UDP, .payload = 16, .fragment = 0x2001}, 0},
		{{.ip6 = true, .proto = PACKET_TCP, .payload = 20}, 20},
		{{.ip6 = true, .proto = PACKET_TCP, .payload = 19}, 0},
		{{.ip6 = true, .proto = 44, .payload = 20}, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = packet_header_size(&rows[i].want) + rows[i].want.payload;
		uint8_t *p = packet_make(&rows[i].want);
		struct ip ip = parsed(p, size);

		assert_int_equal(ip.l4_header_size, rows[i].l4_header_size);
		assert_int_equal(ip.sport, rows[i].l4_header_size != 0 ? 4660 : 0);
		assert_int_equal(ip.dport, rows[i].l4_header_size != 0 ? 80 : 0);
		free(p);
	}
}

static void
fragment_fields_are_read(void **state)
{
	static const struct {
		uint16_t field;
		bool dont, more;
		uint16_t offset;
	} rows[] = {{0, false, false, 0},          {0x4000, true, false, 0},
		    {0x2000, false, true, 0},      {0x0001, false, false, 8},
		    {0x1fff, false, false, 65528}, {0x8000, false, false, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct packet_want want = {
			.proto = PACKET_UDP, .payload = 8, .fragment = rows[i].field};
		uint8_t *p = packet_make(&want);
		struct ip ip = parsed(p, 28);

		assert_int_equal(ip.dont_fragment, rows[i].dont);
		assert_int_equal(ip.more_fragments, rows[i].more);
		assert_int_equal(ip.fragment_offset, rows[i].offset);
		free(p);
	}
}

static void
the_ttl_goes_down_and_the_checksum_stays_right(void **state)
{
	(void)state;
	for (unsigned ttl = 1; ttl < 256; ttl++) {
		struct packet_want want = {
			.proto = PACKET_UDP, .payload = 8, .ttl = (uint8_t)ttl, .options = 4};
		uint8_t *p = packet_make(&want);

		/* Checksums next to the ends of their range too. */
		packet_put16(p + 4, ttl * 257);
		packet_ip4_sum(p);
		ip_dec_ttl(p);
		assert_int_equal(p[8], ttl - 1);
		assert_int_equal(packet_sum(p, 24, 0), 0xffff);
		assert_int_not_equal(packet_get16(p + 10), 0xffff);
		free(p);
		want.ip6 = true;
		p = packet_make(&want);
		ip_dec_ttl(p);
		assert_int_equal(p[7], ttl - 1);
		free(p);
	}
}

/* Every identification gives another checksum: all 65,536 of them. */
static void
no_checksum_is_spoiled_by_the_ttl(void **state)
{
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 0};
	uint8_t *p = packet_make(&want);

	(void)state;
	for (unsigned id = 0; id < 65536; id++) {
		p[8] = 64;
		packet_put16(p + 4, id);
		ip_header_checksum(p);
		assert_int_equal(packet_sum(p, 20, 0), 0xffff);
		ip_dec_ttl(p);
		assert_int_equal(packet_sum(p, 20, 0), 0xffff);
	}
	free(p);
}

static void
sums_are_those_of_the_plain_way(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (size_t size = 0; size < 300; size++) {
		uint8_t *bytes = malloc(size);
		uint32_t start = (uint32_t)(span_random(&seed) & 0xffff);

		for (size_t i = 0; i < size; i++)
			bytes[i] = (uint8_t)span_random(&seed);
		assert_int_equal(ip_sum(bytes, size, 0), packet_sum(bytes, size, 0));
		assert_int_equal(ip_sum(bytes, size, start), packet_sum(bytes, size, start));
		memset(bytes, 0xff, size);
		assert_int_equal(ip_sum(bytes, size, 0xffffffff) % 0xffff,
				 packet_sum(bytes, size, 0xffff) % 0xffff);
		free(bytes);
	}
}

static void
a_sum_can_be_taken_in_pieces_and_at_any_place(void **state)
{
	uint8_t room[256];
	uint64_t seed = 8;

	(void)state;
	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = (uint8_t)span_random(&seed);
	for (size_t at = 0; at < 17; at++) {
		uint16_t whole = packet_sum(room + at, 201, 0);

		assert_int_equal(ip_sum(room + at, 201, 0), whole);
		for (size_t cut = 0; cut <= 200; cut += 2)
			assert_int_equal(
				ip_sum(room + at + cut, 201 - cut, ip_sum(room + at, cut, 0)),
				whole);
	}
}

static void
a_sum_of_64_kilobytes_of_ones_does_not_overflow(void **state)
{
	uint8_t *bytes = malloc(65535);

	(void)state;
	assert_non_null(bytes);
	memset(bytes, 0xff, 65535);
	assert_int_equal(ip_sum(bytes, 65534, 0), 0xffff);
	assert_int_equal(ip_sum(bytes, 65535, 0), packet_sum(bytes, 65535, 0));
	free(bytes);
}

static void
transport_checksums_are_filled_in(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_TCP, .payload = 20},
		{.proto = PACKET_TCP, .payload = 1461, .tcp_words = 8},
		{.proto = PACKET_UDP, .payload = 8},
		{.proto = PACKET_UDP, .payload = 65507 + 8, .options = 0},
		{.proto = PACKET_UDP, .payload = 33, .options = 16},
		{.ip6 = true, .proto = PACKET_TCP, .payload = 65535},
		{.ip6 = true, .proto = PACKET_UDP, .payload = 1001},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wants); i++) {
		size_t head = packet_header_size(&wants[i]), size = head + wants[i].payload;
		uint8_t *p = packet_make(&wants[i]);
		struct ip ip = parsed(p, size);

		/* What stood in the field before does not matter. */
		packet_put16(p + head + (size_t)ip_csum_offset(ip.proto), 0xbeef);
		ip_l4_checksum(p, &ip);
		assert_int_equal(packet_l4_sum(p, size), 0xffff);
		/* A partial checksum is the pseudo-header's sum. */
		packet_put16(p + head + (size_t)ip_csum_offset(ip.proto), 0);
		assert_int_equal(packet_sum(p + head, size - head,
					    ip_pseudo_sum(&ip, ip.size - ip.header_size)),
				 packet_l4_sum(p, size));
		free(p);
	}
}

static void
a_udp_checksum_of_zero_becomes_all_ones(void **state)
{
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 10};
	uint8_t *p = packet_make(&want);
	struct ip ip = parsed(p, 30);

	(void)state;
	/* The payload makes the sum all ones, whose complement is zero. */
	packet_put16(p + 28, 0);
	packet_put16(p + 28, (uint16_t)~packet_l4_sum(p, 30));
	ip_l4_checksum(p, &ip);
	assert_int_equal(packet_get16(p + 26), 0xffff);
	free(p);
}

static void
bytes_behind_a_udp_packet_are_not_covered(void **state)
{
	const struct packet_want want = {.proto = PACKET_UDP, .payload = 20};
	uint8_t *p = packet_make(&want);
	struct ip ip = parsed(p, 40);
	uint16_t sum;

	(void)state;
	packet_put16(p + 24, 12);
	ip_l4_checksum(p, &ip);
	sum = packet_sum(p + 12, 8, 17 + 12);
	assert_int_equal(packet_sum(p + 20, 12, sum), 0xffff);
	free(p);
}

static void
packets_without_a_whole_transport_header_are_left_alone(void **state)
{
	static const struct packet_want wants[] = {
		{.proto = PACKET_ICMP, .payload = 40},
		{.proto = PACKET_TCP, .payload = 19},
		{.proto = PACKET_UDP, .payload = 7},
		{.proto = PACKET_UDP, .payload = 40, .fragment = 0x2000},
		{.proto = PACKET_UDP, .payload = 40, .fragment = 0x0010},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(wants); i++) {
		size_t size = packet_header_size(&wants[i]) + wants[i].payload;
		uint8_t *p = packet_make(&wants[i]);
		uint8_t *before = span_copy(p, size);
		struct ip ip = parsed(p, size);

		ip_l4_checksum(p, &ip);
		assert_false(ip_clamp_mss(p, &ip, 1, false));
		assert_memory_equal(p, before, size);
		free(before);
		free(p);
	}
}

/* A SYN whose options are these. */
static uint8_t *
syn_make(bool ip6, const uint8_t *options, size_t size, struct ip *ip)
{
	const struct packet_want want = {.ip6 = ip6,
					 .proto = PACKET_TCP,
					 .payload = 20 + size,
					 .tcp_words = (uint8_t)(5 + size / 4)};
	size_t head = packet_header_size(&want);
	uint8_t *p = packet_make(&want);

	p[head + 13] = 0x02;
	memcpy(p + head + 20, options, size);
	*ip = parsed(p, head + want.payload);
	ip_l4_checksum(p, ip);
	return p;
}

static void
the_mss_of_a_syn_is_lowered(void **state)
{
	static const struct {
		uint8_t options[8];
		size_t at; /* of the value in the options; 0: stays as it is */
	} rows[] = {
		{{2, 4, 0x05, 0xb4, 0, 0, 0, 0}, 2},
		{{1, 2, 4, 0x05, 0xb4, 1, 1, 1}, 3}, /* at an odd place */
		{{3, 3, 7, 2, 4, 0x05, 0xb4, 0}, 5},
		{{4, 2, 2, 4, 0xff, 0xff, 0, 0}, 4},
		{{8, 4, 9, 9, 2, 4, 0x05, 0xb4}, 6},
		{{2, 4, 0x04, 0xb0, 0, 0, 0, 0}, 0}, /* 1200 is not larger than 1200 */
		{{2, 4, 0x02, 0x00, 0, 0, 0, 0}, 0},
		{{0, 2, 4, 0x05, 0xb4, 0, 0, 0}, 0}, /* behind the end of the options */
		{{2, 3, 0x05, 0xb4, 0, 0, 0, 0}, 0}, /* of another size */
		{{2, 0, 0x05, 0xb4, 0, 0, 0, 0}, 0},
		{{2, 1, 0x05, 0xb4, 0, 0, 0, 0}, 0},
		{{5, 9, 0, 0, 2, 4, 0x05, 0xb4}, 0}, /* an option that does not end */
		{{1, 1, 1, 1, 1, 2, 4, 0x05}, 0},    /* cut by the header's end */
		{{1, 1, 1, 1, 1, 1, 1, 2}, 0},
		{{0}, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows) * 2; i++) {
		bool ip6 = i % 2 != 0;
		size_t head = ip6 ? 40 : 20, size = head + 28, at = rows[i / 2].at;
		struct ip ip;
		uint8_t *p = syn_make(ip6, rows[i / 2].options, 8, &ip);
		uint8_t *before = span_copy(p, size);

		assert_int_equal(ip_clamp_mss(p, &ip, 1200, false), at != 0);
		if (at != 0)
			assert_int_equal(packet_get16(p + head + 20 + at), 1200);
		else
			assert_memory_equal(p, before, size);
		assert_int_equal(packet_l4_sum(p, size), 0xffff);
		free(before);
		free(p);
	}
}

static void
a_partial_checksum_does_not_cover_the_mss(void **state)
{
	static const uint8_t options[] = {2, 4, 0x05, 0xb4};
	struct ip ip;
	uint8_t *p = syn_make(false, options, sizeof(options), &ip);

	(void)state;
	packet_put16(p + 36, ip_pseudo_sum(&ip, 24));
	assert_true(ip_clamp_mss(p, &ip, 1000, true));
	assert_int_equal(packet_get16(p + 42), 1000);
	assert_int_equal(packet_get16(p + 36), ip_pseudo_sum(&ip, 24));
	free(p);
}

static void
only_a_syn_is_clamped(void **state)
{
	static const uint8_t options[] = {2, 4, 0x05, 0xb4};
	struct ip ip;
	uint8_t *p = syn_make(false, options, sizeof(options), &ip);

	(void)state;
	p[33] = 0x10;
	assert_false(ip_clamp_mss(p, &ip, 1000, false));
	p[33] = 0x12;
	assert_true(ip_clamp_mss(p, &ip, 1000, false));
	free(p);
}

static void
checksum_fields_are_where_the_rfcs_say(void **state)
{
	(void)state;
	assert_int_equal(ip_csum_offset(IP_PROTO_TCP), 16);
	assert_int_equal(ip_csum_offset(IP_PROTO_UDP), 6);
	assert_int_equal(ip_csum_offset(IP_PROTO_ICMP), -ENOENT);
	assert_int_equal(ip_csum_offset(IP_PROTO_ICMP6), -ENOENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ip4_header_is_read),
		cmocka_unit_test(an_ip6_header_is_read),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(ethernet_padding_is_no_part_of_the_packet),
		cmocka_unit_test(headers_that_cannot_be_are_refused),
		cmocka_unit_test(every_single_bit_error_in_a_header_is_noticed),
		cmocka_unit_test(ports_are_read_only_from_a_whole_transport_header),
		cmocka_unit_test(fragment_fields_are_read),
		cmocka_unit_test(the_ttl_goes_down_and_the_checksum_stays_right),
		cmocka_unit_test(no_checksum_is_spoiled_by_the_ttl),
		cmocka_unit_test(sums_are_those_of_the_plain_way),
		cmocka_unit_test(a_sum_can_be_taken_in_pieces_and_at_any_place),
		cmocka_unit_test(a_sum_of_64_kilobytes_of_ones_does_not_overflow),
		cmocka_unit_test(transport_checksums_are_filled_in),
		cmocka_unit_test(a_udp_checksum_of_zero_becomes_all_ones),
		cmocka_unit_test(bytes_behind_a_udp_packet_are_not_covered),
		cmocka_unit_test(packets_without_a_whole_transport_header_are_left_alone),
		cmocka_unit_test(the_mss_of_a_syn_is_lowered),
		cmocka_unit_test(a_partial_checksum_does_not_cover_the_mss),
		cmocka_unit_test(only_a_syn_is_clamped),
		cmocka_unit_test(checksum_fields_are_where_the_rfcs_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
