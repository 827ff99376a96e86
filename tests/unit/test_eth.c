/* Ethernet header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/span.h"
#include "wire/eth.h"

static const uint8_t header[ETH_SIZE] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02,
					 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06};

static void
a_header_is_read_and_written_back(void **state)
{
	uint8_t *copy = span_copy(header, sizeof(header));
	struct eth e;

	(void)state;
	assert_int_equal(eth_parse(copy, sizeof(header), &e), 0);
	assert_true(mac_equal(e.dst, MAC_BROADCAST));
	assert_true(mac_equal(e.src, (struct mac){{2, 0, 0, 0, 0, 1}}));
	assert_int_equal(e.type, ETH_ARP);
	memset(copy, 0xee, sizeof(header));
	eth_build(&e, copy);
	assert_memory_equal(copy, header, sizeof(header));
	free(copy);
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(header); size++) {
		uint8_t *copy = span_copy(header, size);
		struct eth e;

		assert_int_equal(eth_parse(copy, size, &e), -EBADMSG);
		free(copy);
	}
}

static void
a_length_is_no_type(void **state)
{
	static const struct {
		uint16_t type;
		int err;
	} rows[] = {{0, -EBADMSG},  {46, -EBADMSG}, {1500, -EBADMSG}, {0x05ff, -EBADMSG},
		    {0x0600, 0},    {ETH_IP4, 0},   {ETH_VLAN, 0},    {ETH_IP6, 0},
		    {ETH_CLAIM, 0}, {0xffff, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t *copy = span_copy(header, sizeof(header));
		struct eth e;

		copy[12] = (uint8_t)(rows[i].type >> 8);
		copy[13] = (uint8_t)rows[i].type;
		assert_int_equal(eth_parse(copy, sizeof(header), &e), rows[i].err);
		if (rows[i].err == 0)
			assert_int_equal(e.type, rows[i].type);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_read_and_written_back),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_length_is_no_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
