/* The header of LISP data packets, and what a tunnel carries over between inner and outer headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/hex.h"
#include "tests/unit/packet.h"
#include "tests/unit/span.h"
#include "wire/lispdata.h"

static const struct {
	const char *hex;
	struct lispdata h;
} rows[] = {
	{"00000000 00000000", {0}},
	{"80abcdef 00000000", {.has_nonce = true, .nonce = 0xabcdef}},
	{"a0000001 00000000", {.has_nonce = true, .echo = true, .nonce = 1}},
	{"40000000 80000001", {.has_lsb = true, .lsb = 0x80000001}},
	{"10abc123 00000000",
	 {.has_versions = true, .source_version = 0xabc, .dest_version = 0x123}},
	{"08000000 00000700", {.has_vn = true, .vn = 7}},
	{"08000000 ffffff00", {.has_vn = true, .vn = VN_ID_MAX}},
	{"48000000 000007ff", {.has_vn = true, .vn = 7, .has_lsb = true, .lsb = 0xff}},
	{"e8ffffff ffffffff",
	 {.has_nonce = true,
	  .echo = true,
	  .nonce = 0xffffff,
	  .has_lsb = true,
	  .lsb = 0xff,
	  .has_vn = true,
	  .vn = VN_ID_MAX}},
	{"58001fff 00000703",
	 {.has_versions = true,
	  .source_version = 1,
	  .dest_version = 0xfff,
	  .has_lsb = true,
	  .lsb = 3,
	  .has_vn = true,
	  .vn = 7}},
};

static void
assert_same(const struct lispdata *a, const struct lispdata *b)
{
	assert_true(a->has_nonce == b->has_nonce && a->echo == b->echo && a->nonce == b->nonce);
	assert_true(a->has_lsb == b->has_lsb && a->lsb == b->lsb);
	assert_true(a->has_vn == b->has_vn && a->vn == b->vn);
	assert_true(a->has_versions == b->has_versions && a->source_version == b->source_version &&
		    a->dest_version == b->dest_version);
	assert_int_equal(a->key_id, b->key_id);
}

static void
each_bit_has_its_field(void **state)
{
	uint8_t bytes[LISPDATA_SIZE], out[LISPDATA_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lispdata h;

		hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		assert_int_equal(lispdata_parse(bytes, sizeof(bytes), &h), 0);
		assert_same(&h, &rows[i].h);
		memset(out, 0xee, sizeof(out));
		lispdata_build(&rows[i].h, out);
		assert_memory_equal(out, bytes, sizeof(out));
	}
}

static void
what_no_bit_announces_is_zero(void **state)
{
	static const struct {
		const char *hex, *means;
	} odd[] = {
		/* Fields without their bits. */
		{"00ffffff ffffffff", "00000000 00000000"},
		{"08000000 000007ff", "08000000 00000700"},
		/* N and V: a nonce (RFC 9300 section 5.3).  E without N: nothing.  R: nothing. */
		{"90123456 00000000", "80123456 00000000"},
		{"20123456 00000000", "00000000 00000000"},
		{"04000000 00000000", "00000000 00000000"},
	};
	uint8_t bytes[LISPDATA_SIZE], means[LISPDATA_SIZE], out[LISPDATA_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(odd); i++) {
		struct lispdata h, want;

		hex_bytes(odd[i].hex, bytes, sizeof(bytes));
		hex_bytes(odd[i].means, means, sizeof(means));
		assert_int_equal(lispdata_parse(bytes, sizeof(bytes), &h), 0);
		assert_int_equal(lispdata_parse(means, sizeof(means), &want), 0);
		assert_same(&h, &want);
		lispdata_build(&h, out);
		assert_memory_equal(out, means, sizeof(out));
	}
}

static void
fields_too_large_do_not_spill_into_others(void **state)
{
	struct lispdata h = {.has_nonce = true,
			     .nonce = 0xffffffff,
			     .has_vn = true,
			     .vn = 0xffffffff,
			     .has_lsb = true,
			     .lsb = 0xffffff01};
	struct lispdata versions = {
		.has_versions = true, .source_version = 0xf001, .dest_version = 0xf002};
	uint8_t out[LISPDATA_SIZE], want[LISPDATA_SIZE];

	(void)state;
	lispdata_build(&h, out);
	hex_bytes("c8ffffff ffffff01", want, sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	lispdata_build(&versions, out);
	hex_bytes("10001002 00000000", want, sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
}

static void
short_and_encrypted_packets_are_refused(void **state)
{
	uint8_t bytes[LISPDATA_SIZE];
	struct lispdata h;

	(void)state;
	hex_bytes("08000000 00000700", bytes, sizeof(bytes));
	for (size_t cut = 0; cut < sizeof(bytes); cut++) {
		uint8_t *copy = span_copy(bytes, cut);

		assert_int_equal(lispdata_parse(copy, cut, &h), -EBADMSG);
		free(copy);
	}
	for (uint8_t key = 1; key <= 3; key++) {
		bytes[0] = (uint8_t)(0x08 | key);
		assert_int_equal(lispdata_parse(bytes, sizeof(bytes), &h), -EPROTONOSUPPORT);
	}
}

/* A header of 20 or 40 bytes with the class and TTL, whose IPv4 checksum is right. */
static size_t
make_packet(unsigned version, uint8_t tos, uint8_t ttl, uint8_t *out, size_t room)
{
	size_t size;

	if (version == 4) {
		size = hex_bytes("4500 0014 1234 4000 0011 0000 c0000201 0a010005", out, room);
		out[1] = tos;
		out[8] = ttl;
		packet_put16(out + 10, (uint16_t)~packet_sum(out, size, 0));
		return size;
	}
	size = hex_bytes("600abcde 0000 3b 00 20010db8000000000000000000000001"
			 "20010db8000000000000000000000005",
			 out, room);
	out[0] = (uint8_t)(0x60 | tos >> 4);
	out[1] = (uint8_t)(tos << 4 | 0x0a);
	out[7] = ttl;
	return size;
}

static void
the_outer_header_takes_over_class_and_ttl(void **state)
{
	uint8_t packet[40];

	(void)state;
	for (unsigned tos = 0; tos < 256; tos++) {
		for (unsigned version = 4; version <= 6; version += 2) {
			struct lispdata_outer outer;

			make_packet(version, (uint8_t)tos, (uint8_t)(255 - tos), packet,
				    sizeof(packet));
			outer = lispdata_outer(packet);
			assert_int_equal(outer.tos, tos);
			assert_int_equal(outer.ttl, 255 - tos);
		}
	}
}

/* RFC 6040 figure 4; rows: inner, columns: outer, both Not-ECT, ECT(1), ECT(0), CE; -1: dropped. */
static const int ecn_out[4][4] = {
	{0, 0, 0, -1},
	{1, 1, 1, 3},
	{2, 1, 2, 3},
	{3, 3, 3, 3},
};

static void
the_inner_header_takes_over_marks_and_the_smaller_ttl(void **state)
{
	static const uint8_t ttls[] = {1, 2, 63, 64, 255};
	uint8_t packet[40], want[40];

	(void)state;
	for (unsigned i = 0; i < 2u * 4 * 4 * 5 * 5; i++) {
		unsigned version = i % 2 == 0 ? 4 : 6, inner = i / 2 % 4, outer = i / 8 % 4;
		uint8_t ttl = ttls[i / 32 % 5], outer_ttl = ttls[i / 160];
		uint8_t least = ttl < outer_ttl ? ttl : outer_ttl;
		struct lispdata_outer from = {outer_ttl, (uint8_t)(0xb8 | outer)};
		size_t size =
			make_packet(version, (uint8_t)(0x28 | inner), ttl, packet, sizeof(packet));
		uint8_t *copy = span_copy(packet, size);

		if (ecn_out[inner][outer] < 0) {
			assert_false(lispdata_copy_in(copy, from));
			assert_memory_equal(copy, packet, size);
		} else {
			make_packet(version, (uint8_t)(0xb8 | ecn_out[inner][outer]), least, want,
				    sizeof(want));
			assert_true(lispdata_copy_in(copy, from));
			assert_memory_equal(copy, want, size);
		}
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_bit_has_its_field),
		cmocka_unit_test(what_no_bit_announces_is_zero),
		cmocka_unit_test(fields_too_large_do_not_spill_into_others),
		cmocka_unit_test(short_and_encrypted_packets_are_refused),
		cmocka_unit_test(the_outer_header_takes_over_class_and_ttl),
		cmocka_unit_test(the_inner_header_takes_over_marks_and_the_smaller_ttl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
