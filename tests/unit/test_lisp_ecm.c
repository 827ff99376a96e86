/* Encapsulated Control Messages: their inner headers, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/fmt.h"
#include "tests/unit/hex.h"
#include "tests/unit/packet.h"
#include "tests/unit/span.h"
#include "wire/lisp_ecm.h"

#define MESSAGE "10000001 0011"
#define HEAD_4  "80000000"
/* From 192.0.2.1 port 40000 to 10.1.0.5 port 4342. */
#define INNER_4                                                                                    \
	"4500 0022 0000 4000 40 11 6ec4 c0000201 0a010005"                                         \
	"9c40 10f6 000e 7682" MESSAGE
#define HEAD_6 "87000000"
#define INNER_6                                                                                    \
	"60000000 000e 11 40 20010db8000000000000000000000001 20010db8000000000000000000000005"    \
	"9c40 10f6 000e e711" MESSAGE

static struct addr
ip(const char *text)
{
	struct addr a;

	if (addr_from_text(text, &a) != 0)
		abort();
	return a;
}

static struct lisp_ecm
ecm_of(unsigned version)
{
	if (version == 4)
		return (struct lisp_ecm){
			.src = {ip("192.0.2.1"), 40000}, .dst = {ip("10.1.0.5"), 4342}, .size = 6};
	return (struct lisp_ecm){.ddt = true,
				 .to_etr = true,
				 .to_ms = true,
				 .src = {ip("2001:db8::1"), 40000},
				 .dst = {ip("2001:db8::5"), 4342},
				 .size = 6};
}

static size_t
bytes_of(unsigned version, uint8_t *bytes, size_t room)
{
	return hex_bytes(version == 4 ? HEAD_4 INNER_4 : HEAD_6 INNER_6, bytes, room);
}

static void
both_families_are_built_byte_for_byte(void **state)
{
	uint8_t want[128];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t size = bytes_of(version, want, sizeof(want));
		struct lisp_ecm ecm = ecm_of(version);
		size_t head = lisp_ecm_size(ecm.src.addr.family);
		uint8_t *data = malloc(size);

		assert_int_equal(head + ecm.size, size);
		assert_in_range(head, 1, LISP_ECM_SIZE_MAX);
		memset(data, 0xee, head);
		hex_bytes(MESSAGE, data + head, ecm.size);
		assert_int_equal(lisp_ecm_build(&ecm, data, size), size);
		assert_memory_equal(data, want, size);
		assert_int_equal(lisp_ecm_build(&ecm, data, size - 1), -EMSGSIZE);
		assert_int_equal(lisp_ecm_build(&ecm, data, head - 1), -EMSGSIZE);
		free(data);
	}
}

static void
both_families_are_parsed(void **state)
{
	uint8_t bytes[128], message[16];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t size = bytes_of(version, bytes, sizeof(bytes));
		struct lisp_ecm want = ecm_of(version), got;

		assert_int_equal(lisp_ecm_parse(bytes, size, &got), 0);
		assert_true(endpoint_equal(got.src, want.src) && endpoint_equal(got.dst, want.dst));
		assert_true(!got.security && got.ddt == want.ddt && got.to_etr == want.to_etr &&
			    got.to_ms == want.to_ms);
		assert_int_equal(got.size, 6);
		assert_ptr_equal(got.message, bytes + size - 6);
		hex_bytes(MESSAGE, message, sizeof(message));
		assert_memory_equal(got.message, message, 6);
	}
}

static void
every_truncation_and_every_byte_too_many_is_refused(void **state)
{
	uint8_t bytes[128] = {0};

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t size = bytes_of(version, bytes, sizeof(bytes));
		struct lisp_ecm ecm;

		bytes[size] = 0;
		for (size_t cut = 0; cut <= size + 1; cut++) {
			uint8_t *copy = span_copy(bytes, cut);

			assert_int_equal(lisp_ecm_parse(copy, cut, &ecm),
					 cut == size ? 0 : -EBADMSG);
			free(copy);
		}
	}
}

/* The whole inner packet is under a checksum: of the header in IPv4, of UDP in both. */
static void
a_changed_bit_inside_is_refused(void **state)
{
	uint8_t bytes[128];

	(void)state;
	for (unsigned version = 4; version <= 6; version += 2) {
		size_t size = bytes_of(version, bytes, sizeof(bytes));
		struct lisp_ecm ecm;

		for (size_t at = 4; at < size; at++) {
			bool covered = version == 4 ||
				       (at != 4 && at != 5 && at != 6 && at != 7 && at != 11);

			bytes[at] ^= 0x04;
			if (covered)
				assert_int_equal(lisp_ecm_parse(bytes, size, &ecm), -EBADMSG);
			bytes[at] ^= 0x04;
		}
	}
}

static void
a_missing_udp_checksum_is_accepted(void **state)
{
	static const size_t at[] = {4 + 20 + 6, 4 + 40 + 6};
	uint8_t bytes[128];
	struct lisp_ecm ecm;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		size_t size = bytes_of(i == 0 ? 4 : 6, bytes, sizeof(bytes));

		bytes[at[i]] = bytes[at[i] + 1] = 0;
		assert_int_equal(lisp_ecm_parse(bytes, size, &ecm), 0);
	}
}

static void
what_is_no_udp_packet_is_refused(void **state)
{
	static const struct {
		const char *hex;
		int ret;
	} rows[] = {
		/* Another type. */
		{"10000000" INNER_4, -EBADMSG},
		/* LISP-SEC. */
		{"88000000" INNER_4, -EPROTONOSUPPORT},
		/* Reserved bits. */
		{"80ffffff" INNER_4, 0},
		/* No IP at all, and IP of no version. */
		{"80000000", -EBADMSG},
		{"80000000 0000 0022", -EBADMSG},
		/* TCP; a fragment; a UDP length too small and too large. */
		{HEAD_4
		 "4500 0022 0000 4000 40 06 6ecf c0000201 0a010005 9c40 10f6 000e 0000" MESSAGE,
		 -EBADMSG},
		{HEAD_4
		 "4500 0022 0000 2000 40 11 8ec4 c0000201 0a010005 9c40 10f6 000e 0000" MESSAGE,
		 -EBADMSG},
		{HEAD_4
		 "4500 0022 0000 4000 40 11 6ec4 c0000201 0a010005 9c40 10f6 000d 0000" MESSAGE,
		 -EBADMSG},
		{HEAD_4
		 "4500 0022 0000 4000 40 11 6ec4 c0000201 0a010005 9c40 10f6 000f 0000" MESSAGE,
		 -EBADMSG},
		{HEAD_4
		 "4500 0022 0000 4000 40 11 6ec4 c0000201 0a010005 9c40 10f6 0007 0000" MESSAGE,
		 -EBADMSG},
		/* No checksum: right. */
		{HEAD_4
		 "4500 0022 0000 4000 40 11 6ec4 c0000201 0a010005 9c40 10f6 000e 0000" MESSAGE,
		 0},
	};
	uint8_t bytes[128];
	struct lisp_ecm ecm;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);

		assert_int_equal(lisp_ecm_parse(copy, size, &ecm), rows[i].ret);
		free(copy);
	}
}

/* Draft-ermagan-lisp-nat-traversal, section 4.4: kind, Key ID, length, data; then the inner headers. */
static void
authentication_data_of_an_rtr_stands_in_front(void **state)
{
	static const char want[] = "8a000000"
				   "02000000"
				   "05020010"
				   "00000000000000000000000000000000" INNER_4;
	uint8_t bytes[128], data[128];
	size_t size = hex_bytes(want, bytes, sizeof(bytes));
	struct lisp_ecm ecm = ecm_of(4), got;

	(void)state;
	ecm.security = ecm.to_etr = true;
	ecm.rtr_auth =
		(struct lisp_auth){.key_id = 5, .algorithm = LISP_AUTH_SHA256_128, .size = 16};
	memset(data, 0xee, sizeof(data));
	assert_int_equal(lisp_ecm_head_size(&ecm) + ecm.size, size);
	hex_bytes(MESSAGE, data + lisp_ecm_head_size(&ecm), ecm.size);
	assert_int_equal(lisp_ecm_build(&ecm, data, size), size);
	assert_memory_equal(data, bytes, size);
	assert_int_equal(lisp_ecm_build(&ecm, data, size - 1), -EMSGSIZE);
	for (size_t cut = 0; cut <= size; cut++) {
		uint8_t *copy = span_copy(bytes, cut);

		assert_int_equal(lisp_ecm_parse(copy, cut, &got), cut == size ? 0 : -EBADMSG);
		free(copy);
	}
	assert_int_equal(lisp_ecm_parse(bytes, size, &got), 0);
	assert_true(got.security && got.to_etr && !got.to_ms);
	assert_int_equal(got.rtr_auth.key_id, 5);
	assert_int_equal(got.rtr_auth.algorithm, LISP_AUTH_SHA256_128);
	assert_int_equal(got.rtr_auth.size, 16);
	assert_int_equal(got.rtr_auth.offset, LISP_ECM_AUTH_AT);
	assert_ptr_equal(got.message, bytes + size - 6);
	/* Another kind of data; more than any algorithm has. */
	bytes[4] = 1;
	assert_int_equal(lisp_ecm_parse(bytes, size, &got), -EPROTONOSUPPORT);
	bytes[4] = 2;
	bytes[11] = LISP_AUTH_SIZE_MAX + 1;
	assert_int_equal(lisp_ecm_parse(bytes, size, &got), -EBADMSG);
	ecm.rtr_auth.size = LISP_AUTH_SIZE_MAX + 1;
	assert_int_equal(lisp_ecm_build(&ecm, data, sizeof(data)), -EINVAL);
}

/* The same draft, section 4.5. */
static void
a_message_in_a_data_packet_has_an_instance_of_its_own(void **state)
{
	uint8_t bytes[128], data[128];
	size_t size = hex_bytes("08000000 ffffff00" INNER_4, bytes, sizeof(bytes));
	struct lisp_ecm inside = ecm_of(4), got;

	(void)state;
	hex_bytes(MESSAGE, data + lisp_inside_size(ADDR_V4), inside.size);
	assert_int_equal(lisp_inside_build(&inside, data, sizeof(data)), size);
	assert_memory_equal(data, bytes, size);
	assert_int_equal(lisp_inside_build(&inside, data, size - 1), -EMSGSIZE);
	for (size_t cut = 0; cut + 8 <= size; cut++) {
		uint8_t *copy = span_copy(bytes + 8, cut);

		assert_int_equal(lisp_inside_parse(copy, cut, &got),
				 cut + 8 == size ? 0 : -EBADMSG);
		free(copy);
	}
	assert_int_equal(lisp_inside_parse(bytes + 8, size - 8, &got), 0);
	assert_true(endpoint_equal(got.src, inside.src) && endpoint_equal(got.dst, inside.dst));
	assert_int_equal(got.size, 6);
	inside.dst.addr = ip("2001:db8::5");
	assert_int_equal(lisp_inside_build(&inside, data, sizeof(data)), -EINVAL);
}

static void
what_cannot_be_sent_is_not_built(void **state)
{
	uint8_t *data = calloc(1, 70000);
	struct lisp_ecm mixed = ecm_of(4), none = ecm_of(4), secure = ecm_of(4), large = ecm_of(4);

	(void)state;
	mixed.dst.addr = ip("2001:db8::5");
	none.src.addr.family = none.dst.addr.family = ADDR_NONE;
	secure.security = true;
	assert_int_equal(lisp_ecm_build(&mixed, data, 70000), -EINVAL);
	assert_int_equal(lisp_ecm_build(&none, data, 70000), -EINVAL);
	assert_int_equal(lisp_ecm_build(&secure, data, 70000), -EINVAL);
	large.size = 65535 - 28 + 1;
	assert_int_equal(lisp_ecm_build(&large, data, 70000), -EMSGSIZE);
	large.size--;
	assert_int_equal(lisp_ecm_build(&large, data, 70000), 65535 + 4);
	free(data);
}

/* Odd sizes, and a sum that comes out as zero and is sent as 0xffff. */
static void
checksums_are_right_for_every_content(void **state)
{
	uint8_t data[128];
	bool odd = false, all_ones = false;

	(void)state;
	for (unsigned i = 0; i < 0x20000; i++) {
		struct lisp_ecm ecm = ecm_of(4), got;
		size_t head = lisp_ecm_size(ADDR_V4);
		uint8_t pseudo[12];
		int size;

		ecm.size = 2 + i % 2;
		packet_put16(data + head, i >> 1);
		data[head + 2] = 0xa5;
		size = lisp_ecm_build(&ecm, data, sizeof(data));
		if (i % 1024 == 0) {
			memcpy(pseudo, data + 4 + 12, 8);
			packet_put16(pseudo + 8, PACKET_UDP);
			packet_put16(pseudo + 10, (unsigned)(8 + ecm.size));
			assert_int_equal(packet_sum(data + 4, 20, 0), 0xffff);
			assert_int_equal(packet_sum(data + 24, 8 + ecm.size,
						    packet_sum(pseudo, sizeof(pseudo), 0)),
					 0xffff);
		}
		assert_int_equal(lisp_ecm_parse(data, (size_t)size, &got), 0);
		assert_int_not_equal(packet_get16(data + 30), 0);
		odd = odd || ecm.size % 2 != 0;
		all_ones = all_ones || packet_get16(data + 30) == 0xffff;
	}
	assert_true(odd && all_ones);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_are_built_byte_for_byte),
		cmocka_unit_test(both_families_are_parsed),
		cmocka_unit_test(every_truncation_and_every_byte_too_many_is_refused),
		cmocka_unit_test(a_changed_bit_inside_is_refused),
		cmocka_unit_test(a_missing_udp_checksum_is_accepted),
		cmocka_unit_test(what_is_no_udp_packet_is_refused),
		cmocka_unit_test(authentication_data_of_an_rtr_stands_in_front),
		cmocka_unit_test(a_message_in_a_data_packet_has_an_instance_of_its_own),
		cmocka_unit_test(what_cannot_be_sent_is_not_built),
		cmocka_unit_test(checksums_are_right_for_every_content),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
