/* Value types: prefixes, families and what counts as multicast. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/types.h"

static struct addr
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return addr_make(ADDR_V4, (const uint8_t[]){a, b, c, d});
}

static struct addr
v6(uint8_t first, uint8_t last)
{
	struct addr a = {.family = ADDR_V6, .b = {first}};

	a.b[15] = last;
	return a;
}

static void
making_a_prefix_clears_host_bits(void **state)
{
	static const struct {
		unsigned len;
		uint8_t bytes[4];
	} rows[] = {
		{0, {0, 0, 0, 0}},          {1, {128, 0, 0, 0}},        {7, {254, 0, 0, 0}},
		{8, {255, 0, 0, 0}},        {9, {255, 128, 0, 0}},      {24, {255, 255, 255, 0}},
		{31, {255, 255, 255, 254}}, {32, {255, 255, 255, 255}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct prefix p = prefix_make(v4(255, 255, 255, 255), rows[i].len);

		assert_int_equal(p.len, rows[i].len);
		assert_true(addr_equal(p.addr, addr_make(ADDR_V4, rows[i].bytes)));
	}
}

static void
a_length_beyond_the_family_is_cut(void **state)
{
	(void)state;
	assert_int_equal(prefix_make(v4(1, 2, 3, 4), 33).len, 32);
	assert_int_equal(prefix_host(v4(1, 2, 3, 4)).len, 32);
	assert_int_equal(prefix_host(v6(0x20, 1)).len, 128);
	assert_true(addr_equal(prefix_host(v6(0x20, 1)).addr, v6(0x20, 1)));
	assert_int_equal(prefix_make((struct addr){.family = ADDR_NONE}, 5).len, 0);
}

static void
a_prefix_contains_its_own_family_only(void **state)
{
	struct prefix net = prefix_make(v4(10, 1, 2, 0), 23);

	(void)state;
	assert_true(prefix_contains(net, v4(10, 1, 2, 0)));
	assert_true(prefix_contains(net, v4(10, 1, 3, 255)));
	assert_false(prefix_contains(net, v4(10, 1, 4, 0)));
	assert_false(prefix_contains(net, v4(10, 1, 1, 255)));
	assert_true(prefix_contains(prefix_make(v4(0, 0, 0, 0), 0), v4(255, 1, 2, 3)));
	assert_false(prefix_contains(prefix_make(v4(0, 0, 0, 0), 0), v6(0, 0)));
	assert_false(prefix_contains(prefix_make(v6(0, 0), 0), v4(1, 2, 3, 4)));
	assert_true(prefix_contains(prefix_make(v6(0x20, 0), 127), v6(0x20, 1)));
	assert_false(prefix_contains(prefix_make(v6(0x20, 0), 127), v6(0x20, 2)));
}

static void
multicast_is_told_from_the_rest(void **state)
{
	static const struct {
		uint8_t first;
		bool multicast;
	} rows[] = {{0, false},  {127, false}, {223, false}, {224, true},
		    {239, true}, {240, false}, {254, false}, {255, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(addr_is_multicast(v4(rows[i].first, 0, 0, 1)), rows[i].multicast);
	assert_true(addr_is_multicast(v6(0xff, 1)));
	assert_false(addr_is_multicast(v6(0xfe, 1)));
	assert_true(mac_is_multicast(MAC_BROADCAST));
	assert_true(mac_is_multicast((struct mac){{0x33, 0x33, 0, 0, 0, 1}}));
	assert_false(mac_is_multicast((struct mac){{0x52, 0x54, 0, 0, 0, 1}}));
	assert_true(mac_is_zero((struct mac){{0}}));
	assert_false(mac_is_zero((struct mac){{0, 0, 0, 0, 0, 1}}));
}

static void
equal_values_are_equal(void **state)
{
	struct endpoint a = {v4(1, 2, 3, 4), 5}, b = {v4(1, 2, 3, 4), 6};

	(void)state;
	assert_true(endpoint_equal(a, a));
	assert_false(endpoint_equal(a, b));
	assert_false(addr_equal(v4(0, 0, 0, 0), v6(0, 0)));
	assert_true(addr_is_unspecified(v4(0, 0, 0, 0)));
	assert_true(addr_is_unspecified(v6(0, 0)));
	assert_false(addr_is_unspecified(v6(0, 1)));
	assert_true(vr_id_is_none((struct vr_id){0}));
	assert_true(vr_id_equal((struct vr_id){9}, (struct vr_id){9}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making_a_prefix_clears_host_bits),
		cmocka_unit_test(a_length_beyond_the_family_is_cut),
		cmocka_unit_test(a_prefix_contains_its_own_family_only),
		cmocka_unit_test(multicast_is_told_from_the_rest),
		cmocka_unit_test(equal_values_are_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
