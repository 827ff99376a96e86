/* Text forms: what is printed, what is read back and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/err.h"
#include "base/fmt.h"
#include "tests/unit/span.h"

/* The text in memory of its exact size. */
static char *
text_copy(const char *text)
{
	return (char *)span_copy(text, strlen(text) + 1);
}

static void
addresses_read_back_as_printed(void **state)
{
	static const char *const rows[] = {"0.0.0.0",
					   "10.0.0.1",
					   "255.255.255.255",
					   "::",
					   "::1",
					   "2001:db8::1",
					   "fe80::5054:ff:fe12:3456",
					   "::ffff:10.0.0.1",
					   "1:2:3:4:5:6:7:8"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct addr a;

		assert_int_equal(addr_from_text(rows[i], &a), 0);
		assert_string_equal(fmt_addr(a).s, rows[i]);
	}
	assert_string_equal(fmt_addr((struct addr){.family = ADDR_NONE}).s, "none");
}

static void
an_ip4_address_has_zeros_behind(void **state)
{
	struct addr a;
	const uint8_t bytes[16] = {10, 0, 0, 1};

	(void)state;
	memset(&a, 0xee, sizeof(a));
	assert_int_equal(addr_from_text("10.0.0.1", &a), 0);
	assert_int_equal(a.family, ADDR_V4);
	assert_memory_equal(a.b, bytes, sizeof(bytes));
}

static void
what_is_no_address_is_refused(void **state)
{
	static const char *const rows[] = {"",          "none",      "10.0.0",     "10.0.0.256",
					   "10.0.0.1 ", " 10.0.0.1", "10.0.0.01",  "1:2",
					   "::1::",     "fe80::1%1", "10.0.0.1/8", "[::1]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct addr a = {.family = 77};
		char *text = text_copy(rows[i]);

		assert_int_equal(addr_from_text(text, &a), -EINVAL);
		assert_int_equal(a.family, 77);
		free(text);
	}
}

static void
macs_are_read_in_the_usual_spellings(void **state)
{
	static const char *const good[] = {"02:00:5e:AB:cd:01", "02-00-5E-ab-CD-01"};
	static const char *const bad[] = {"",
					  "02",
					  "02:",
					  "02:00:5e:ab:cd",
					  "02:00:5e:ab:cd:",
					  "02:00:5e:ab:cd:0",
					  "02:00:5e:ab:cd:01:02",
					  "02:00:5e:ab:cd:01 ",
					  "02:00-5e:ab:cd:01",
					  "2:0:5e:ab:cd:1",
					  "0g:00:5e:ab:cd:01",
					  "02005eabcd01",
					  "02.00.5e.ab.cd.01"};
	struct mac expected = {{0x02, 0x00, 0x5e, 0xab, 0xcd, 0x01}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		struct mac m;

		assert_int_equal(mac_from_text(good[i], &m), 0);
		assert_true(mac_equal(m, expected));
		assert_string_equal(fmt_mac(m).s, "02:00:5e:ab:cd:01");
	}
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		struct mac m = expected;
		char *text = text_copy(bad[i]);

		assert_int_equal(mac_from_text(text, &m), -EINVAL);
		assert_true(mac_equal(m, expected));
		free(text);
	}
}

static void
a_prefix_has_no_host_bits(void **state)
{
	static const char *const good[] = {"0.0.0.0/0", "10.0.0.0/8",    "10.1.2.3/32",
					   "::/0",      "2001:db8::/32", "::1/128"};
	static const char *const bad[] = {
		"10.0.0.1/8",  "10.0.0.0/33", "10.0.0.0/",           "10.0.0.0/08",  "10.0.0.0/-1",
		"10.0.0.0/+8", "10.0.0.0/ 8", "10.0.0.0/8 ",         "10.0.0.0/8/8", "/8",
		"::1/64",      "::/129",      "10.0.0.0/4294967304", "10.0.0.0/1x"};
	struct prefix p, untouched;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_int_equal(prefix_from_text(good[i], &p), 0);
		assert_string_equal(fmt_prefix(p).s, good[i]);
	}
	untouched = p;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char *text = text_copy(bad[i]);

		assert_int_equal(prefix_from_text(text, &p), -EINVAL);
		assert_true(prefix_equal(p, untouched));
		free(text);
	}
	assert_int_equal(prefix_from_text("10.1.2.3", &p), 0);
	assert_string_equal(fmt_prefix(p).s, "10.1.2.3/32");
	assert_int_equal(prefix_from_text("::2", &p), 0);
	assert_string_equal(fmt_prefix(p).s, "::2/128");
	assert_string_equal(fmt_prefix((struct prefix){.len = 0}).s, "none");
}

static void
text_longer_than_any_address_is_refused(void **state)
{
	(void)state;
	for (size_t len = 60; len < 70; len++) {
		char text[80];
		struct prefix p;
		char *copy;

		memset(text, '1', len);
		strcpy(text + len, "/8");
		copy = text_copy(text);
		assert_int_equal(prefix_from_text(copy, &p), -EINVAL);
		free(copy);
	}
}

static void
an_address_with_a_length_keeps_its_host_bits(void **state)
{
	struct addr a;
	uint8_t len;

	(void)state;
	assert_int_equal(addr_len_from_text("10.0.0.1/24", &a, &len), 0);
	assert_string_equal(fmt_addr(a).s, "10.0.0.1");
	assert_int_equal(len, 24);
	assert_int_equal(addr_len_from_text("2001:db8::1", &a, &len), 0);
	assert_int_equal(len, 128);
	assert_int_equal(addr_len_from_text("10.0.0.1/33", &a, &len), -EINVAL);
	assert_int_equal(len, 128);
}

static void
an_endpoint_needs_a_port(void **state)
{
	static const char *const good[] = {
		"10.0.0.1:5000",   "0.0.0.0:0",  "255.255.255.255:65535",
		"[2001:db8::1]:1", "[::]:51341", "[aaaa:bbbb:cccc:dddd:eeee:aaaa:bbbb:cccc]:65535"};
	static const char *const bad[] = {
		"",
		"none",
		":",
		"10.0.0.1",
		"10.0.0.1:",
		":5000",
		"10.0.0.1:65536",
		"10.0.0.1:-1",
		"10.0.0.1:05",
		"10.0.0.1: 5",
		"[10.0.0.1]:5",
		"::1:5",
		"[::1]",
		"[::1]5",
		"[::1]:",
		"[:5",
		"[]:5",
		"[::1:5",
		"::1]:5",
		"host:5",
		"[aaaa:bbbb:cccc:dddd:eeee:aaaa:bbbb:cccc:dddd:eeee:aaaa:bbbb:cccc:dddd]:1"};
	struct endpoint ep, untouched;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(good); i++) {
		assert_int_equal(endpoint_from_text(good[i], &ep), 0);
		assert_string_equal(fmt_endpoint(ep).s, good[i]);
	}
	untouched = ep;
	for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
		char *text = text_copy(bad[i]);

		assert_int_equal(endpoint_from_text(text, &ep), -EINVAL);
		assert_true(endpoint_equal(ep, untouched));
		free(text);
	}
	assert_string_equal(fmt_endpoint((struct endpoint){.port = 5}).s, "none");
}

static void
durations_read_well(void **state)
{
	static const struct {
		us_t us;
		const char *text;
	} rows[] = {
		{0, "0us"},
		{15, "15us"},
		{999, "999us"},
		{1000, "1.0ms"},
		{3200, "3.2ms"},
		{999999, "999.9ms"},
		{US_S, "1.00s"},
		{4010000, "4.01s"},
		{59999999, "59.99s"},
		{60 * US_S, "1m00s"},
		{200 * US_S, "3m20s"},
		{3599 * US_S, "59m59s"},
		{3600 * US_S, "1h00m"},
		{86399 * US_S, "23h59m"},
		{86400 * US_S, "1d00h"},
		{US_NEVER - 1, "106751991d04h"},
		{US_NEVER, "never"},
		{-15, "-15us"},
		{INT64_MIN, "-106751991d04h"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_string_equal(fmt_us(rows[i].us).s, rows[i].text);
}

static void
ids_and_counters_read_well(void **state)
{
	(void)state;
	assert_string_equal(fmt_vr_id((struct vr_id){0x0123456789abcdef}).s, "0123456789abcdef");
	assert_string_equal(fmt_vr_id((struct vr_id){7}).s, "0000000000000007");
	assert_string_equal(fmt_mobility(0).s, "0.0");
	assert_string_equal(fmt_mobility((mobility_t)3 << 32 | 17).s, "3.17");
	assert_string_equal(fmt_mobility(UINT64_MAX).s, "4294967295.4294967295");
}

/* The rows of RFC 4648 section 10. */
static void
base64_is_that_of_the_rfc(void **state)
{
	static const struct {
		const char *bytes, *text;
	} rows[] = {{"", ""},
		    {"f", "Zg=="},
		    {"fo", "Zm8="},
		    {"foo", "Zm9v"},
		    {"foob", "Zm9vYg=="},
		    {"fooba", "Zm9vYmE="},
		    {"foobar", "Zm9vYmFy"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = strlen(rows[i].bytes);
		size_t room = 4 * ((size + 2) / 3) + 1;
		uint8_t *bytes = span_copy(rows[i].bytes, size);
		char *text = malloc(room);

		assert_non_null(text);
		base64_from_bytes(bytes, size, text);
		assert_string_equal(text, rows[i].text);
		memset(bytes, 0xee, size);
		assert_int_equal(base64_to_bytes(text, bytes, size), 0);
		assert_memory_equal(bytes, rows[i].bytes, size);
		free(text);
		free(bytes);
	}
}

static void
every_key_survives_base64(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		uint8_t key[32], back[32];
		char text[45];

		for (size_t i = 0; i < sizeof(key); i++)
			key[i] = (uint8_t)span_random(&seed);
		base64_from_bytes(key, sizeof(key), text);
		assert_int_equal(strlen(text), 44);
		assert_int_equal(base64_to_bytes(text, back, sizeof(back)), 0);
		assert_memory_equal(key, back, sizeof(key));
	}
}

static void
base64_of_another_size_or_alphabet_is_refused(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {
		{"Zg==", 0}, {"Zg==", 2},  {"Zg==", 3}, {"Zm8=", 1},     {"Zm9v", 2},
		{"Zg=", 1},  {"Zg", 1},    {"Zh==", 1}, {"Zm9=", 2},     {"Z===", 1},
		{"====", 1}, {"=g==", 1},  {"Zg=A", 1}, {"Zm-v", 3},     {"Zm_v", 3},
		{"Zm9 ", 3}, {"Zm9\n", 3}, {"", 1},     {"Zm9vZm9v", 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t bytes[8];
		char *text = text_copy(rows[i].text);

		memset(bytes, 0xee, sizeof(bytes));
		assert_int_equal(base64_to_bytes(text, bytes, rows[i].size), -EINVAL);
		for (size_t k = 0; k < sizeof(bytes); k++)
			assert_int_equal(bytes[k], 0xee);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_read_back_as_printed),
		cmocka_unit_test(an_ip4_address_has_zeros_behind),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(macs_are_read_in_the_usual_spellings),
		cmocka_unit_test(a_prefix_has_no_host_bits),
		cmocka_unit_test(text_longer_than_any_address_is_refused),
		cmocka_unit_test(an_address_with_a_length_keeps_its_host_bits),
		cmocka_unit_test(an_endpoint_needs_a_port),
		cmocka_unit_test(durations_read_well),
		cmocka_unit_test(ids_and_counters_read_well),
		cmocka_unit_test(base64_is_that_of_the_rfc),
		cmocka_unit_test(every_key_survives_base64),
		cmocka_unit_test(base64_of_another_size_or_alphabet_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
