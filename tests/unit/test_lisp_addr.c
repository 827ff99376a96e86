/* EIDs and locators of LISP messages: their bytes, LCAFs around them, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fmt.h"
#include "tests/unit/hex.h"
#include "tests/unit/lisp_eids.h"
#include "tests/unit/span.h"
#include "wire/lisp_addr.h"

#define V4_A "0001 0a010005"
#define V4_B "0001 c0000201"
#define V6_A "0002 20010db8000000000000000000000001"
#define MAC  "4005 525400000001"

static struct addr
ip(const char *text)
{
	struct addr a = {.family = ADDR_NONE};

	if (text != NULL && addr_from_text(text, &a) != 0)
		abort();
	return a;
}

static struct prefix
pfx(const char *text)
{
	struct prefix p = {.len = 0};

	if (text != NULL && prefix_from_text(text, &p) != 0)
		abort();
	return p;
}

/* What of an EID is looked at, in the order of the rows below. */
struct eid_row {
	const char *hex;
	uint8_t len;
	uint8_t kind;
	bool has_vn;
	vn_id_t vn;
	const char *prefix, *source;
	bool writes_same; /* the bytes come back */
};

static const struct eid_row eids[] = {
	{"0000", 0, LISP_EID_NONE, false, 0, NULL, NULL, true},
	/* A mask length of nothing is not looked at. */
	{"0000", 32, LISP_EID_NONE, false, 0, NULL, NULL, true},
	{V4_A, 32, LISP_EID_IP, false, 0, "10.1.0.5/32", NULL, true},
	{V4_A, 16, LISP_EID_IP, false, 0, "10.1.0.0/16", NULL, false},
	{"0001 0a010000", 16, LISP_EID_IP, false, 0, "10.1.0.0/16", NULL, true},
	{V4_A, 0, LISP_EID_IP, false, 0, "0.0.0.0/0", NULL, false},
	{V6_A, 128, LISP_EID_IP, false, 0, "2001:db8::1/128", NULL, true},
	{V6_A, 32, LISP_EID_IP, false, 0, "2001:db8::/32", NULL, false},
	{MAC, 48, LISP_EID_MAC, false, 0, NULL, NULL, true},
	{MAC, 40, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	/* Instance-ID. */
	{"4003 0000 0200 000a 00000007" V4_A, 32, LISP_EID_IP, true, 7, "10.1.0.5/32", NULL, true},
	{"4003 0000 0200 000a 00000000" V4_A, 32, LISP_EID_IP, true, 0, "10.1.0.5/32", NULL, true},
	{"4003 0000 0200 0016 00ffffff" V6_A, 128, LISP_EID_IP, true, VN_ID_MAX, "2001:db8::1/128",
	 NULL, true},
	{"4003 0000 0200 000c 00000007" MAC, 48, LISP_EID_MAC, true, 7, NULL, NULL, true},
	{"4003 0000 0200 0006 00000007 0000", 0, LISP_EID_NONE, true, 7, NULL, NULL, true},
	/* The mask length that belongs to ranges is not looked at, and given back; reserved bits are not. */
	{"4003 0000 0220 000a 00000007" V4_A, 32, LISP_EID_IP, true, 7, "10.1.0.5/32", NULL, true},
	{"4003 ffff 0220 000a 00000007" V4_A, 32, LISP_EID_IP, true, 7, "10.1.0.5/32", NULL, false},
	/* A range of Instance-IDs, one of more than 24 bits, and one in another. */
	{"4003 0000 0218 0006 00000700 0000", 0, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 0200 000a 01000000" V4_A, 32, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 0200 0016 00000007 4003 0000 0200 000a 00000008" V4_A, 32, LISP_EID_OTHER,
	 false, 0, NULL, NULL, false},
	/* Three deep. */
	{"4003 0000 0200 0018 00000001 4003 0000 0200 000c 00000001 4003 0000 fe00 0000", 0,
	 LISP_EID_OTHER, false, 0, NULL, NULL, false},
	/* Source/Dest, alone and in a VN. */
	{"4003 0000 0c00 0010 0000 1820 0001 0a090000" V4_A, 0, LISP_EID_PAIR, false, 0,
	 "10.1.0.5/32", "10.9.0.0/24", true},
	{"4003 0000 0200 0028 00000007 4003 0000 0c00 001c 0000 0880 0001 0a000000" V6_A, 0,
	 LISP_EID_PAIR, true, 7, "2001:db8::1/128", "10.0.0.0/8", true},
	{"4003 0000 0c00 000c 0000 0020 0000" V4_A, 0, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	/* Lists: a MAC alone is one; anything else is no EID of ours. */
	{"4003 0000 0100 0008 0006 525400000001", 48, LISP_EID_MAC, false, 0, NULL, NULL, false},
	{"4003 0000 0100 0008" MAC, 48, LISP_EID_MAC, false, 0, NULL, NULL, false},
	{"4003 0000 0100 000e" MAC V4_A, 48, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 0100 000e" V4_A MAC, 48, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 0100 0000", 0, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	/* Geo-coordinates, multicast, a type that nobody knows, names and AS numbers are skipped. */
	{"4003 0000 0500 0012 000000000000000000000000" V4_A, 32, LISP_EID_OTHER, false, 0, NULL,
	 NULL, false},
	{"4003 0000 0900 0003 aabbcc", 99, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 fe00 0000", 255, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4003 0000 0200 0009 00000007 0011 61 62 00", 0, LISP_EID_OTHER, true, 7, NULL, NULL,
	 false},
	{"0011 6162 00", 24, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"0012 0000fde8", 0, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	{"4006 0102030405060708", 0, LISP_EID_OTHER, false, 0, NULL, NULL, false},
	/* Of an AFI of unknown size an LCAF tells the end. */
	{"4003 0000 0200 0009 00000007 7777 aabbcc", 0, LISP_EID_OTHER, true, 7, NULL, NULL, false},
};

static struct rd
reader(uint8_t *copy, size_t size)
{
	return rd_make(copy, size);
}

static void
eids_are_read_and_written(void **state)
{
	uint8_t bytes[256], out[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(eids); i++) {
		const struct eid_row *row = &eids[i];
		size_t size = hex_bytes(row->hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);
		struct rd r = reader(copy, size);
		struct wr w = wr_make(out, sizeof(out));
		struct lisp_eid eid, back;

		lisp_eid_read(&r, row->len, &eid);
		assert_true(rd_done(&r));
		assert_int_equal(eid.kind, row->kind);
		assert_int_equal(eid.has_vn, row->has_vn);
		assert_int_equal(eid.vn, row->vn);
		assert_true(prefix_equal(eid.prefix, pfx(row->prefix)));
		assert_true(prefix_equal(eid.source, pfx(row->source)));
		assert_int_equal(mac_is_zero(eid.mac), row->kind != LISP_EID_MAC);
		lisp_eid_write(&w, &eid);
		assert_int_equal(lisp_eid_valid(&eid), row->kind != LISP_EID_OTHER);
		assert_int_equal(w.failed, row->kind == LISP_EID_OTHER);
		if (row->writes_same) {
			assert_int_equal(w.used, size);
			assert_memory_equal(out, bytes, size);
		}
		if (!w.failed) {
			r = rd_make(out, w.used);
			lisp_eid_read(&r, lisp_eid_len(&eid), &back);
			assert_true(rd_done(&r) && eid_equal(&eid, &back));
		}
		free(copy);
	}
}

static void
every_truncated_eid_is_refused(void **state)
{
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(eids); i++) {
		size_t size = hex_bytes(eids[i].hex, bytes, sizeof(bytes));

		for (size_t cut = 0; cut < size; cut++) {
			uint8_t *copy = span_copy(bytes, cut);
			struct rd r = reader(copy, cut);
			struct lisp_eid eid;

			lisp_eid_read(&r, eids[i].len, &eid);
			assert_true(r.failed);
			free(copy);
		}
	}
}

static void
malformed_eids_are_refused(void **state)
{
	static const struct {
		const char *hex;
		uint8_t len;
	} rows[] = {
		/* Mask lengths above the address's. */
		{V4_A, 33},
		{V4_A, 255},
		{V6_A, 129},
		{MAC, 49},
		{"4003 0000 0200 000a 00000007" V4_A, 33},
		{"4003 0000 0c00 0010 0000 2120 0001 0a090000" V4_A, 0},
		{"4003 0000 0c00 0010 0000 1821 0001 0a090000" V4_A, 0},
		{"4003 0000 0100 0008" MAC, 49},
		/* Something left over in an LCAF, and one that ends inside its address. */
		{"4003 0000 0200 000b 00000007" V4_A "00", 32},
		{"4003 0000 0200 0009 00000007" V4_A, 32},
		{"4003 0000 0c00 0011 0000 1820 0001 0a090000" V4_A "00", 0},
		{"4003 0000 0200 0003 000000", 0},
		{"4003 0000 0200 0004 00000007", 0},
		/* An inner LCAF that is longer than the outer. */
		{"4003 0000 0200 000f 00000007 4003 0000 fe00 0004 aabbcc dd", 0},
		/* Unknown size, and a name without an end. */
		{"7777 00000000", 0},
		{"0011 616263", 0},
		/* Four deep. */
		{"4003 0000 0200 0024 00000001 4003 0000 0200 0018 00000001 "
		 "4003 0000 0200 000c 00000001 4003 0000 fe00 0000",
		 0},
	};
	uint8_t bytes[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);
		struct rd r = reader(copy, size);
		struct lisp_eid eid;

		lisp_eid_read(&r, rows[i].len, &eid);
		assert_true(r.failed);
		free(copy);
	}
}

static void
an_eid_without_a_mask_length_is_a_host(void **state)
{
	static const struct {
		const char *hex, *prefix;
		uint8_t kind;
	} rows[] = {
		{V4_A, "10.1.0.5/32", LISP_EID_IP},
		{"4003 0000 0200 0016 00000007" V6_A, "2001:db8::1/128", LISP_EID_IP},
		{MAC, NULL, LISP_EID_MAC},
		{"0000", NULL, LISP_EID_NONE},
	};
	uint8_t bytes[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i].hex, bytes, sizeof(bytes));
		struct rd r = rd_make(bytes, size);
		struct lisp_eid eid;

		lisp_eid_read_host(&r, &eid);
		assert_true(rd_done(&r));
		assert_int_equal(eid.kind, rows[i].kind);
		assert_true(prefix_equal(eid.prefix, pfx(rows[i].prefix)));
	}
}

static void
eids_are_made_and_compared(void **state)
{
	struct lisp_eid plain = lisp_eid_make(0, pfx("10.1.0.0/16"), true);
	struct lisp_eid zero = lisp_eid_make(0, pfx("10.1.0.0/16"), false);
	struct lisp_eid seven = lisp_eid_make(7, pfx("10.1.0.0/16"), true);
	struct lisp_eid longer = lisp_eid_make(0, pfx("10.1.0.0/17"), true);
	struct lisp_eid other = {.kind = LISP_EID_OTHER};
	struct lisp_eid none = {.kind = LISP_EID_NONE};
	struct lisp_eid bad_vn = lisp_eid_make(VN_ID_MAX + 1, pfx("10.1.0.0/16"), true);
	struct lisp_eid bad_len = {.kind = LISP_EID_IP, .prefix = {ip("10.0.0.0"), 33}};

	(void)state;
	assert_false(plain.has_vn);
	assert_true(zero.has_vn && seven.has_vn);
	assert_true(eid_equal(&plain, &zero));
	assert_false(eid_equal(&plain, &seven));
	assert_false(eid_equal(&plain, &longer));
	assert_false(eid_equal(&plain, &none));
	assert_true(eid_equal(&none, &none));
	assert_false(eid_equal(&other, &other));
	assert_false(lisp_eid_valid(&bad_vn));
	assert_false(lisp_eid_valid(&bad_len));
	assert_int_equal(lisp_eid_len(&plain), 16);
	assert_int_equal(lisp_eid_len(&none), 0);
}

#define GEO(length, inner)  "4003 0000 0500 " length "000000000000000000000000" inner
#define LIST(length, inner) "4003 0000 0100 " length inner

struct rloc_row {
	const char *hex;
	uint8_t kind;
	const char *addr;
	bool writes_same;
};

static const struct rloc_row rlocs[] = {
	{"0000", LISP_RLOC_NONE, NULL, true},
	{V4_B, LISP_RLOC_IP, "192.0.2.1", true},
	{V6_A, LISP_RLOC_IP, "2001:db8::1", true},
	{LIST("0006", V4_B), LISP_RLOC_LIST, "192.0.2.1", true},
	{LIST("0018", V6_A V4_B), LISP_RLOC_LIST, "2001:db8::1", false},
	/* The geo-coordinates of RFC 8060 section 4.10.5, and others in front of the address. */
	{LIST("001c", GEO("000e", "0000") V4_B), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("0010", MAC "0000" V4_B), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("000e", "4003 0000 fe00 0000" V4_B), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("0009", V4_B "7777 01"), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("000a", V4_B "0011 6162"), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("0016", LIST("000e", LIST("0006", V4_B))), LISP_RLOC_LIST, "192.0.2.1", false},
	{LIST("0000", ""), LISP_RLOC_OTHER, NULL, false},
	{LIST("0008", MAC), LISP_RLOC_OTHER, NULL, false},
	/* Around one address: geo-coordinates, an AS number, two keys. */
	{GEO("0012", V4_B), LISP_RLOC_LIST, "192.0.2.1", false},
	{GEO("000e", "0000"), LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0300 000a 0000fde8" V4_B, LISP_RLOC_LIST, "192.0.2.1", false},
	{"4003 0000 0b00 0011 01000200 0003 aabbcc" V4_B "0000", LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0b00 0011 02000200 0003 aabbcc 0000" V4_B, LISP_RLOC_LIST, "192.0.2.1", false},
	/* What does not read well in them is skipped with them. */
	{GEO("0011", "0001 c00002"), LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0300 0002 0000", LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0b00 000c ff000200 0003 aabbcc 0000 00", LISP_RLOC_OTHER, NULL, false},
	/* A locator in a VN, JSON, a name, a MAC. */
	{"4003 0000 0200 000a 00000007" V4_B, LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0e00 0002 7b7d", LISP_RLOC_OTHER, NULL, false},
	{"0011 78747200", LISP_RLOC_OTHER, NULL, false},
	{MAC, LISP_RLOC_OTHER, NULL, false},
	/* Paths: flags L, P, S; a hop that is no IP address. */
	{"4003 0000 0a00 001c 0004" V4_B "0003" V6_A, LISP_RLOC_PATH, "192.0.2.1", true},
	{"4003 0000 0a00 000c 0000" V4_B "0000 0000", LISP_RLOC_OTHER, NULL, false},
	{"4003 0000 0a00 0000", LISP_RLOC_OTHER, NULL, false},
	/* NAT-Traversal: three addresses, then RTRs. */
	{"4003 0000 0700 000e 10f6 ee48" V4_B "0000 0000", LISP_RLOC_NAT, "192.0.2.1", true},
	{"4003 0000 0700 0024 10f6 ee48" V4_B V4_A "0000" V6_A, LISP_RLOC_NAT, "192.0.2.1", true},
	{"4003 0000 0700 0010 10f6 ee48" V4_B "0000 0000 0000", LISP_RLOC_NAT, "192.0.2.1", false},
	{"4003 0000 0700 000a 10f6 ee48 0000 0000 0000", LISP_RLOC_NAT, NULL, true},
};

static void
locators_are_read_and_written(void **state)
{
	uint8_t bytes[512], out[512], again[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rlocs); i++) {
		const struct rloc_row *row = &rlocs[i];
		size_t size = hex_bytes(row->hex, bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);
		struct rd r = reader(copy, size);
		struct wr w = wr_make(out, sizeof(out)), w2 = wr_make(again, sizeof(again));
		struct lisp_rloc rloc, back;

		lisp_rloc_read(&r, &rloc);
		assert_true(rd_done(&r));
		assert_int_equal(rloc.kind, row->kind);
		assert_true(addr_equal(rloc.addr, ip(row->addr)));
		assert_int_equal(lisp_rloc_valid(&rloc), row->kind != LISP_RLOC_OTHER);
		lisp_rloc_write(&w, &rloc);
		assert_int_equal(w.failed, row->kind == LISP_RLOC_OTHER);
		if (row->writes_same) {
			assert_int_equal(w.used, size);
			assert_memory_equal(out, bytes, size);
		}
		if (!w.failed) {
			r = rd_make(out, w.used);
			lisp_rloc_read(&r, &back);
			assert_true(rd_done(&r) && back.kind == rloc.kind);
			lisp_rloc_write(&w2, &back);
			assert_true(w2.used == w.used && memcmp(out, again, w.used) == 0);
		}
		free(copy);
	}
}

static void
every_truncated_locator_is_refused(void **state)
{
	uint8_t bytes[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rlocs); i++) {
		size_t size = hex_bytes(rlocs[i].hex, bytes, sizeof(bytes));

		for (size_t cut = 0; cut < size; cut++) {
			uint8_t *copy = span_copy(bytes, cut);
			struct rd r = reader(copy, cut);
			struct lisp_rloc rloc;

			lisp_rloc_read(&r, &rloc);
			assert_true(r.failed);
			free(copy);
		}
	}
}

static void
malformed_locators_are_refused(void **state)
{
	static const char *const rows[] = {
		"7777 00000000",
		/* Addresses that leave their LCAF. */
		LIST("0005", V4_B),
		LIST("000d", LIST("0006", "0001 c00002")),
		"4003 0000 0a00 0007 0000" V4_B,
		"4003 0000 0700 0008 10f6 ee48 0000 0000",
		"4003 0000 0700 000d 10f6 ee48 0000 0000 0000 0001 c0",
		/* Four deep. */
		LIST("001e", LIST("0016", LIST("000e", LIST("0006", V4_B)))),
	};
	uint8_t bytes[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		size_t size = hex_bytes(rows[i], bytes, sizeof(bytes));
		uint8_t *copy = span_copy(bytes, size);
		struct rd r = reader(copy, size);
		struct lisp_rloc rloc;

		lisp_rloc_read(&r, &rloc);
		assert_true(r.failed);
		free(copy);
	}
}

static void
hops_and_their_flags_are_told(void **state)
{
	uint8_t bytes[64];
	size_t size = hex_bytes("4003 0000 0a00 001c fffc" V4_B "0003" V6_A, bytes, sizeof(bytes));
	struct rd r = rd_make(bytes, size);
	struct lisp_rloc rloc;

	(void)state;
	lisp_rloc_read(&r, &rloc);
	assert_int_equal(rloc.hop_count, 2);
	assert_true(rloc.hops[0].lookup && !rloc.hops[0].probe && !rloc.hops[0].strict);
	assert_true(!rloc.hops[1].lookup && rloc.hops[1].probe && rloc.hops[1].strict);
	assert_true(addr_equal(rloc.hops[1].addr, ip("2001:db8::1")));
}

/* A path of 'hops' hops. */
static size_t
write_long_path(unsigned hops, uint8_t *out, size_t room)
{
	struct wr w = wr_make(out, room);

	wr_u32(&w, 0x40030000);
	wr_u16(&w, 0x0a00);
	wr_u16(&w, (uint16_t)(hops * 8));
	for (unsigned i = 0; i < hops; i++) {
		wr_u32(&w, 0x00000001);
		wr_u32(&w, 0xc0000200 + i);
	}
	return w.used;
}

static void
of_a_path_eight_hops_are_kept(void **state)
{
	uint8_t bytes[128];
	struct lisp_rloc rloc;
	struct rd r;

	(void)state;
	r = rd_make(bytes, write_long_path(LISP_HOPS_MAX, bytes, sizeof(bytes)));
	lisp_rloc_read(&r, &rloc);
	assert_true(rd_done(&r));
	assert_int_equal(rloc.hop_count, LISP_HOPS_MAX);
	r = rd_make(bytes, write_long_path(LISP_HOPS_MAX + 1, bytes, sizeof(bytes)));
	lisp_rloc_read(&r, &rloc);
	assert_true(rd_done(&r));
	assert_int_equal(rloc.kind, LISP_RLOC_OTHER);
	assert_true(addr_is_none(rloc.addr));
	rloc = (struct lisp_rloc){.kind = LISP_RLOC_PATH, .hop_count = LISP_HOPS_MAX + 1};
	assert_false(lisp_rloc_valid(&rloc));
	rloc.hop_count = 0;
	assert_false(lisp_rloc_valid(&rloc));
}

static void
more_rtrs_than_fit_are_skipped(void **state)
{
	uint8_t bytes[256];
	struct wr w = wr_make(bytes, sizeof(bytes));
	struct lisp_rloc rloc;
	struct rd r;

	(void)state;
	wr_u32(&w, 0x40030000);
	wr_u16(&w, 0x0700);
	wr_u16(&w, 4 + 3 * 2 + 2 + 10 * 6);
	wr_u32(&w, 0x10f6ee48);
	wr_u64(&w, 0); /* three addresses and one RTR of AFI 0 */
	for (unsigned i = 0; i < 10; i++) {
		wr_u16(&w, LISP_AFI_IP4);
		wr_u32(&w, 0xc0000201 + i);
	}
	r = rd_make(bytes, w.used);
	lisp_rloc_read(&r, &rloc);
	assert_true(rd_done(&r));
	assert_int_equal(rloc.kind, LISP_RLOC_NAT);
	assert_int_equal(rloc.nat.ms_port, 4342);
	assert_int_equal(rloc.nat.etr_port, 61000);
	assert_int_equal(rloc.nat.rtr_count, LISP_RTRS_MAX);
	assert_true(addr_equal(rloc.nat.rtrs[0], ip("192.0.2.1")));
	assert_true(addr_equal(rloc.nat.rtrs[7], ip("192.0.2.8")));
	rloc.nat.rtr_count = LISP_RTRS_MAX + 1;
	assert_false(lisp_rloc_valid(&rloc));
}

static void
a_locator_of_an_address_is_made(void **state)
{
	struct lisp_rloc some = lisp_rloc_make(ip("192.0.2.1"));
	struct lisp_rloc none = lisp_rloc_make((struct addr){.family = ADDR_NONE});
	struct lisp_rloc empty = {.kind = LISP_RLOC_IP};

	(void)state;
	assert_int_equal(some.kind, LISP_RLOC_IP);
	assert_int_equal(none.kind, LISP_RLOC_NONE);
	assert_false(lisp_rloc_valid(&empty));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eids_are_read_and_written),
		cmocka_unit_test(every_truncated_eid_is_refused),
		cmocka_unit_test(malformed_eids_are_refused),
		cmocka_unit_test(an_eid_without_a_mask_length_is_a_host),
		cmocka_unit_test(eids_are_made_and_compared),
		cmocka_unit_test(locators_are_read_and_written),
		cmocka_unit_test(every_truncated_locator_is_refused),
		cmocka_unit_test(malformed_locators_are_refused),
		cmocka_unit_test(hops_and_their_flags_are_told),
		cmocka_unit_test(of_a_path_eight_hops_are_kept),
		cmocka_unit_test(more_rtrs_than_fit_are_skipped),
		cmocka_unit_test(a_locator_of_an_address_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
