/* ARP, RARP and claim frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/unit/span.h"
#include "wire/arp.h"
#include "wire/eth.h"

#define ARP_FRAME_SIZE   42 /* without padding */
#define CLAIM_FRAME_SIZE 30

/* What a hypervisor says when a machine has arrived: RARP request, the machine's MAC everywhere, no
 * addresses. */
static const uint8_t rarp[ARP_FRAME_SIZE] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x80, 0x35,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x03, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56,
	0x00, 0x00, 0x00, 0x00, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x00, 0x00, 0x00, 0x00};

/* A gratuitous ARP request of 10.1.0.5. */
static const uint8_t garp[ARP_FRAME_SIZE] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 0x08, 0x06,
	0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56,
	0x0a, 0x01, 0x00, 0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x01, 0x00, 0x05};

static const struct mac guest = {{0x52, 0x54, 0x00, 0x12, 0x34, 0x56}};

static struct addr
v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return addr_make(ADDR_V4, (const uint8_t[]){a, b, c, d});
}

static void
a_hypervisors_rarp_is_read(void **state)
{
	uint8_t *copy = span_copy(rarp, sizeof(rarp));
	struct arp a;

	(void)state;
	assert_int_equal(arp_parse(copy, sizeof(rarp), &a), 0);
	assert_true(mac_equal(a.eth_dst, MAC_BROADCAST));
	assert_true(mac_equal(a.eth_src, guest));
	assert_int_equal(a.op, RARP_REQUEST);
	assert_true(mac_equal(a.sha, guest));
	assert_true(mac_equal(a.tha, guest));
	assert_true(addr_equal(a.spa, v4(0, 0, 0, 0)));
	assert_true(addr_equal(a.tpa, v4(0, 0, 0, 0)));
	free(copy);
}

static void
a_gratuitous_arp_is_read(void **state)
{
	uint8_t *copy = span_copy(garp, sizeof(garp));
	struct arp a;

	(void)state;
	assert_int_equal(arp_parse(copy, sizeof(garp), &a), 0);
	assert_int_equal(a.op, ARP_REQUEST);
	assert_true(mac_equal(a.sha, guest));
	assert_true(mac_is_zero(a.tha));
	assert_true(addr_equal(a.spa, v4(10, 1, 0, 5)));
	assert_true(addr_equal(a.tpa, v4(10, 1, 0, 5)));
	free(copy);
}

static void
what_is_built_is_read_back(void **state)
{
	static const struct {
		uint16_t op, type;
	} rows[] = {{ARP_REQUEST, ETH_ARP},
		    {ARP_REPLY, ETH_ARP},
		    {RARP_REQUEST, ETH_RARP},
		    {RARP_REPLY, ETH_RARP}};
	static const uint8_t zeros[ETH_FRAME_MIN - ARP_FRAME_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct arp a = {.eth_dst = {{2, 0, 0, 0, 0, 9}},
				      .eth_src = {{2, 0, 0, 0, 0, 7}},
				      .op = rows[i].op,
				      .sha = guest,
				      .tha = {{2, 0, 0, 0, 0, 8}},
				      .spa = v4(10, 1, 0, 5),
				      .tpa = v4(10, 1, 0, 6)};
		uint8_t *frame = malloc(ETH_FRAME_MIN);
		struct arp b;

		assert_non_null(frame);
		memset(frame, 0xee, ETH_FRAME_MIN);
		arp_build(&a, frame);
		assert_int_equal(frame[12] << 8 | frame[13], rows[i].type);
		assert_memory_equal(frame + ARP_FRAME_SIZE, zeros, sizeof(zeros));
		memset(&b, 0, sizeof(b));
		assert_int_equal(arp_parse(frame, ETH_FRAME_MIN, &b), 0);
		assert_memory_equal(&a, &b, sizeof(a));
		free(frame);
	}
}

static void
the_frames_of_others_are_built_the_same(void **state)
{
	const struct arp a = {.eth_dst = MAC_BROADCAST,
			      .eth_src = guest,
			      .op = RARP_REQUEST,
			      .sha = guest,
			      .tha = guest};
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	arp_build(&a, frame);
	assert_memory_equal(frame, rarp, sizeof(rarp));
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t size = 0; size < sizeof(garp); size++) {
		uint8_t *copy = span_copy(garp, size);
		struct arp a = {.op = 77};

		assert_int_equal(arp_parse(copy, size, &a), -EBADMSG);
		assert_int_equal(a.op, 77);
		free(copy);
	}
}

static void
padding_is_ignored(void **state)
{
	uint8_t frame[ETH_FRAME_MIN];
	uint8_t *copy;
	struct arp a;

	(void)state;
	memset(frame, 0xee, sizeof(frame));
	memcpy(frame, garp, sizeof(garp));
	copy = span_copy(frame, sizeof(frame));
	assert_int_equal(arp_parse(copy, sizeof(frame), &a), 0);
	assert_true(addr_equal(a.tpa, v4(10, 1, 0, 5)));
	free(copy);
}

/* One or two bytes of a gratuitous ARP changed. */
static void
other_protocols_and_senders_that_cannot_be_are_refused(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		uint8_t bytes[6];
		int err;
	} rows[] = {
		{12, 2, {0x08, 0x00}, -EBADMSG}, /* Ethernet type IPv4 */
		{12, 2, {0x81, 0x00}, -EBADMSG}, /* VLAN tag */
		{12, 2, {0x80, 0x35}, -EBADMSG}, /* RARP with an ARP operation */
		{12, 2, {0x00, 0x00}, -EBADMSG}, /* no type */
		{14, 2, {0x00, 0x06}, -EBADMSG}, /* IEEE 802 hardware */
		{14, 2, {0x01, 0x01}, -EBADMSG}, /* hardware, high byte */
		{16, 2, {0x86, 0xdd}, -EBADMSG}, /* protocol IPv6 */
		{18, 1, {0x05}, -EBADMSG},       /* hardware size */
		{18, 1, {0x08}, -EBADMSG},
		{19, 1, {0x03}, -EBADMSG}, /* protocol size */
		{19, 1, {0x10}, -EBADMSG},
		{20, 2, {0x00, 0x00}, -EBADMSG}, /* operation */
		{20, 2, {0x00, 0x02}, 0},
		{20, 2, {0x00, 0x03}, -EBADMSG}, /* RARP's, in an ARP frame */
		{20, 2, {0x00, 0x04}, -EBADMSG},
		{20, 2, {0x00, 0x05}, -EBADMSG},
		{20, 2, {0x00, 0x08}, -EBADMSG}, /* inverse ARP */
		{20, 2, {0x01, 0x01}, -EBADMSG}, /* operation, high byte */
		{22, 6, {0}, -EBADMSG},          /* sender zero */
		{22, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, -EBADMSG},
		{22, 1, {0x53}, -EBADMSG},                        /* sender multicast */
		{6, 6, {0x02, 0, 0, 0, 0, 1}, 0},                 /* Ethernet source differs */
		{0, 6, {0x02, 0, 0, 0, 0, 1}, 0},                 /* unicast */
		{32, 6, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 0}, /* target is anything */
		{28, 4, {0, 0, 0, 0}, 0},                         /* probe */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *copy = span_copy(garp, sizeof(garp));
		struct arp a;

		memcpy(copy + rows[i].at, rows[i].bytes, rows[i].size);
		assert_int_equal(arp_parse(copy, sizeof(garp), &a), rows[i].err);
		free(copy);
	}
}

static void
a_claim_names_mac_and_router(void **state)
{
	uint8_t *frame = malloc(ETH_FRAME_MIN);
	struct mac mac;
	struct vr_id vr;
	struct eth e;

	(void)state;
	assert_non_null(frame);
	claim_build(guest, (struct vr_id){0x0123456789abcdef}, frame);
	assert_int_equal(eth_parse(frame, ETH_FRAME_MIN, &e), 0);
	assert_true(mac_equal(e.dst, MAC_BROADCAST));
	assert_true(mac_equal(e.src, guest));
	assert_int_equal(e.type, ETH_CLAIM);
	assert_int_equal(claim_parse(frame, ETH_FRAME_MIN, &mac, &vr), 0);
	assert_true(mac_equal(mac, guest));
	assert_true(vr_id_equal(vr, (struct vr_id){0x0123456789abcdef}));
	free(frame);
}

static void
every_truncation_of_a_claim_is_refused(void **state)
{
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	claim_build(guest, (struct vr_id){5}, frame);
	for (size_t size = 0; size <= CLAIM_FRAME_SIZE; size++) {
		uint8_t *copy = span_copy(frame, size);
		struct mac mac = guest;
		struct vr_id vr = {77};

		assert_int_equal(claim_parse(copy, size, &mac, &vr),
				 size < CLAIM_FRAME_SIZE ? -EBADMSG : 0);
		assert_int_equal(vr.v, size < CLAIM_FRAME_SIZE ? 77 : 5);
		free(copy);
	}
}

static void
what_is_no_claim_of_ours_is_refused(void **state)
{
	static const struct {
		size_t at;
		size_t size;
		uint8_t bytes[8];
		int err;
	} rows[] = {
		{0, 1, {0xfe}, -EBADMSG}, /* not broadcast */
		{6, 1, {0x53}, -EBADMSG}, /* multicast source */
		{6, 6, {0}, -EBADMSG},    /* no source */
		{12, 2, {0x08, 0x06}, -EBADMSG},
		{13, 1, {0xb6}, -EBADMSG}, /* the other local type */
		{14, 1, {0}, -EBADMSG},    /* magic */
		{17, 1, {0}, -EBADMSG},
		{18, 1, {0}, -EBADMSG}, /* version */
		{18, 1, {2}, -EBADMSG},
		{19, 1, {1}, -EBADMSG}, /* reserved */
		{21, 1, {1}, -EBADMSG},
		{22, 8, {0}, -EBADMSG}, /* nobody */
		{22, 1, {0xff}, 0},
		{30, 1, {0xff}, 0}, /* padding */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t frame[ETH_FRAME_MIN];
		uint8_t *copy;
		struct mac mac;
		struct vr_id vr;

		claim_build(guest, (struct vr_id){5}, frame);
		memcpy(frame + rows[i].at, rows[i].bytes, rows[i].size);
		copy = span_copy(frame, sizeof(frame));
		assert_int_equal(claim_parse(copy, sizeof(frame), &mac, &vr), rows[i].err);
		free(copy);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hypervisors_rarp_is_read),
		cmocka_unit_test(a_gratuitous_arp_is_read),
		cmocka_unit_test(what_is_built_is_read_back),
		cmocka_unit_test(the_frames_of_others_are_built_the_same),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(padding_is_ignored),
		cmocka_unit_test(other_protocols_and_senders_that_cannot_be_are_refused),
		cmocka_unit_test(a_claim_names_mac_and_router),
		cmocka_unit_test(every_truncation_of_a_claim_is_refused),
		cmocka_unit_test(what_is_no_claim_of_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
