/* Messages between routers: their bytes, their limits and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "tests/unit/span.h"
#include "wire/sync.h"

#define MAC_1                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 0, 0, 1                                                     \
		}                                                                                  \
	}
#define MAC_2                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 0, 0, 2                                                     \
		}                                                                                  \
	}
#define V4_5                                                                                       \
	{                                                                                          \
		.family = ADDR_V4, .b = { 10, 1, 0, 5 }                                            \
	}
#define V4_6                                                                                       \
	{                                                                                          \
		.family = ADDR_V4, .b = { 10, 1, 0, 6 }                                            \
	}
#define V6_1                                                                                       \
	{                                                                                          \
		.family = ADDR_V6,                                                                 \
		.b = { 0x20,                                                                       \
		       1,                                                                          \
		       0x0d,                                                                       \
		       0xb8,                                                                       \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       1 }                                                                         \
	}

#define HEAD(type)  1, (type), 0, 0, 0, 9
#define VN          0xab, 0xcd, 0xef
#define BYTES_MAC_1 0x52, 0x54, 0, 0, 0, 1
#define BYTES_MAC_2 0x52, 0x54, 0, 0, 0, 2
#define BYTES_V6_1  0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
/* Two bindings: IPv4, mobility 0.3; IPv6, a withdrawn gateway, mobility 1.2. */
#define BYTES_BINDINGS                                                                             \
	2, 0x04, BYTES_MAC_1, 0, 0, 0, 0, 0, 0, 0, 3, 10, 1, 0, 5, 0x96, BYTES_MAC_2, 0, 0, 0, 1,  \
		0, 0, 0, 2, BYTES_V6_1
#define BINDINGS                                                                                   \
	.count = 2, .bindings = {{.ip = V4_5, .mac = MAC_1, .mobility = 3},                        \
				 {.ip = V6_1,                                                      \
				  .mac = MAC_2,                                                    \
				  .mobility = (uint64_t)1 << 32 | 2,                               \
				  .kind = 1,                                                       \
				  .withdrawn = true}}

/* Each kind of message and its bytes. */
static const struct row {
	struct sync_msg msg;
	size_t size;
	uint8_t bytes[128];
} rows[] = {
	{{.type = SYNC_HELLO,
	  .id = 9,
	  .hello = {.boot = 0x0102030405060708,
		    .sent = 17,
		    .echo = 18,
		    .echo_age = 0x01020304,
		    .count = 2,
		    .digests = {{7, 2, 0xff00000000000001}, {0xffffff, 0, 0}}}},
	 65,
	 {HEAD(SYNC_HELLO),
	  1,
	  2,
	  3,
	  4,
	  5,
	  6,
	  7,
	  8,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  17,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  18,
	  1,
	  2,
	  3,
	  4,
	  2,
	  0,
	  0,
	  7,
	  0,
	  0,
	  0,
	  2,
	  0xff,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  1,
	  0xff,
	  0xff,
	  0xff,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef}, 10, {HEAD(SYNC_PULL), VN, 0}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef, .pull = {.after = V4_5}},
	 14,
	 {HEAD(SYNC_PULL), VN, 4, 10, 1, 0, 5}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef, .pull = {.after = V6_1}},
	 26,
	 {HEAD(SYNC_PULL), VN, 6, BYTES_V6_1}},
	{{.type = SYNC_TABLE, .id = 9, .vn = 0xabcdef, .table = {.is_last = true}},
	 12,
	 {HEAD(SYNC_TABLE), VN, 1, 0, 0}},
	{{.type = SYNC_TABLE, .id = 9, .vn = 0xabcdef, .table = {BINDINGS}},
	 62,
	 {HEAD(SYNC_TABLE), VN, 0, 0, BYTES_BINDINGS}},
	{{.type = SYNC_DELTA, .id = 9, .vn = 0xabcdef, .delta = {BINDINGS}},
	 61,
	 {HEAD(SYNC_DELTA), VN, 0, BYTES_BINDINGS}},
	{{.type = SYNC_DELTA,
	  .id = 9,
	  .vn = 0xabcdef,
	  .delta = {.is_move = true, .previous = 0x1112131415161718, BINDINGS}},
	 69,
	 {HEAD(SYNC_DELTA), VN, 1, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, BYTES_BINDINGS}},
	{{.type = SYNC_ACK,
	  .id = 9,
	  .vn = 0xabcdef,
	  .ack = {.count = 2, .rows = {{SYNC_ACCEPTED, 3, 1}, {SYNC_FROZEN, 4, 2}}}},
	 44,
	 {HEAD(SYNC_ACK),
	  VN,
	  2,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  3,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  1,
	  4,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  4,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  2}},
	{{.type = SYNC_QUERY, .id = 9, .vn = 0xabcdef, .query = {.by_mac = true, .mac = MAC_1}},
	 16,
	 {HEAD(SYNC_QUERY), VN, 1, BYTES_MAC_1}},
	{{.type = SYNC_QUERY, .id = 9, .vn = 0xabcdef, .query = {.ip = V4_5}},
	 15,
	 {HEAD(SYNC_QUERY), VN, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ANSWER, .id = 9, .vn = 0xabcdef, .answer = {BINDINGS}},
	 60,
	 {HEAD(SYNC_ANSWER), VN, BYTES_BINDINGS}},
	{{.type = SYNC_PRESENCE, .id = 9, .vn = 0xabcdef, .presence = {.ip = V4_5}},
	 21,
	 {HEAD(SYNC_PRESENCE), VN, 0, 0, 0, 0, 0, 0, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_PRESENT,
	  .id = 9,
	  .vn = 0xabcdef,
	  .presence = {.ip = V6_1, .mac = MAC_1, .present = true}},
	 33,
	 {HEAD(SYNC_PRESENT), VN, 1, BYTES_MAC_1, 6, BYTES_V6_1}},
	{{.type = SYNC_NEWER,
	  .id = 9,
	  .vn = 0xabcdef,
	  .newer = {.count = 1, .rows = {{V4_5, 3, 2}}}},
	 31,
	 {HEAD(SYNC_NEWER), VN, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ASKED,
	  .id = 9,
	  .vn = 0xabcdef,
	  .asked = {.count = 1, .rows = {{V4_5, V6_1}}}},
	 32,
	 {HEAD(SYNC_ASKED), VN, 1, 4, 10, 1, 0, 5, 6, BYTES_V6_1}},
	{{.type = SYNC_ACTION, .id = 9, .vn = 0xabcdef, .action = {.eid = V4_5}},
	 15,
	 {HEAD(SYNC_ACTION), VN, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ACTION,
	  .id = 9,
	  .vn = 0xabcdef,
	  .action =
		  {.act = SYNC_ACT_SET, .eid = V6_1, .address = V4_5, .len = 24, .gateway = V4_6}},
	 38,
	 {HEAD(SYNC_ACTION), VN, 1, 6, BYTES_V6_1, 4, 10, 1, 0, 5, 24, 4, 10, 1, 0, 6}},
	{{.type = SYNC_ACTION,
	  .id = 9,
	  .vn = 0xabcdef,
	  .action = {.act = SYNC_ACT_SET, .eid = V4_5, .address = V6_1, .len = 128}},
	 34,
	 {HEAD(SYNC_ACTION), VN, 1, 4, 10, 1, 0, 5, 6, BYTES_V6_1, 128, 0}},
	{{.type = SYNC_OUTCOME,
	  .id = 9,
	  .vn = 0xabcdef,
	  .outcome = {.outcome = SYNC_OUT_FAILED, .detail = 0x0102}},
	 12,
	 {HEAD(SYNC_OUTCOME), VN, 5, 1, 2}},
};

/* Compares members and not memory: what lies between them is nobody's. */
static void
assert_same_bindings(const struct sync_binding *a, const struct sync_binding *b, uint8_t count)
{
	for (uint8_t i = 0; i < count; i++) {
		assert_true(addr_equal(a[i].ip, b[i].ip));
		assert_true(mac_equal(a[i].mac, b[i].mac));
		assert_true(a[i].mobility == b[i].mobility);
		assert_int_equal(a[i].kind, b[i].kind);
		assert_int_equal(a[i].withdrawn, b[i].withdrawn);
	}
}

static void
assert_same_hello(const struct sync_msg *a, const struct sync_msg *b)
{
	assert_true(a->hello.boot == b->hello.boot);
	assert_true(a->hello.sent == b->hello.sent);
	assert_true(a->hello.echo == b->hello.echo);
	assert_int_equal(a->hello.echo_age, b->hello.echo_age);
	assert_int_equal(a->hello.count, b->hello.count);
	for (uint8_t i = 0; i < a->hello.count; i++) {
		assert_int_equal(a->hello.digests[i].vn, b->hello.digests[i].vn);
		assert_int_equal(a->hello.digests[i].count, b->hello.digests[i].count);
		assert_true(a->hello.digests[i].sum == b->hello.digests[i].sum);
	}
}

static void
assert_same_ack(const struct sync_msg *a, const struct sync_msg *b)
{
	assert_int_equal(a->ack.count, b->ack.count);
	for (uint8_t i = 0; i < a->ack.count; i++) {
		assert_int_equal(a->ack.rows[i].verdict, b->ack.rows[i].verdict);
		assert_true(a->ack.rows[i].newest == b->ack.rows[i].newest);
		assert_true(a->ack.rows[i].owner == b->ack.rows[i].owner);
	}
}

static void
assert_same_newer(const struct sync_msg *a, const struct sync_msg *b)
{
	assert_int_equal(a->newer.count, b->newer.count);
	for (uint8_t i = 0; i < a->newer.count; i++) {
		assert_true(addr_equal(a->newer.rows[i].ip, b->newer.rows[i].ip));
		assert_true(a->newer.rows[i].newest == b->newer.rows[i].newest);
		assert_true(a->newer.rows[i].owner == b->newer.rows[i].owner);
	}
}

static void
assert_same(const struct sync_msg *a, const struct sync_msg *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->vn, b->vn);
	switch ((enum sync_type)a->type) {
	case SYNC_HELLO:
		assert_same_hello(a, b);
		break;
	case SYNC_PULL:
		assert_true(addr_equal(a->pull.after, b->pull.after));
		break;
	case SYNC_TABLE:
		assert_true(addr_equal(a->table.after, b->table.after));
		assert_int_equal(a->table.is_last, b->table.is_last);
		assert_int_equal(a->table.count, b->table.count);
		assert_same_bindings(a->table.bindings, b->table.bindings, a->table.count);
		break;
	case SYNC_DELTA:
		assert_int_equal(a->delta.is_move, b->delta.is_move);
		assert_true(a->delta.previous == b->delta.previous);
		assert_int_equal(a->delta.count, b->delta.count);
		assert_same_bindings(a->delta.bindings, b->delta.bindings, a->delta.count);
		break;
	case SYNC_ACK:
		assert_same_ack(a, b);
		break;
	case SYNC_NEWER:
		assert_same_newer(a, b);
		break;
	case SYNC_ASKED:
		assert_int_equal(a->asked.count, b->asked.count);
		for (uint8_t i = 0; i < a->asked.count; i++) {
			assert_true(addr_equal(a->asked.rows[i].ip, b->asked.rows[i].ip));
			assert_true(addr_equal(a->asked.rows[i].rloc, b->asked.rows[i].rloc));
		}
		break;
	case SYNC_ACTION:
		assert_int_equal(a->action.act, b->action.act);
		assert_true(addr_equal(a->action.eid, b->action.eid));
		assert_true(addr_equal(a->action.address, b->action.address));
		assert_int_equal(a->action.len, b->action.len);
		assert_true(addr_equal(a->action.gateway, b->action.gateway));
		break;
	case SYNC_OUTCOME:
		assert_int_equal(a->outcome.outcome, b->outcome.outcome);
		assert_int_equal(a->outcome.detail, b->outcome.detail);
		break;
	case SYNC_QUERY:
		assert_int_equal(a->query.by_mac, b->query.by_mac);
		assert_true(mac_equal(a->query.mac, b->query.mac));
		assert_true(addr_equal(a->query.ip, b->query.ip));
		break;
	case SYNC_ANSWER:
		assert_int_equal(a->answer.count, b->answer.count);
		assert_same_bindings(a->answer.bindings, b->answer.bindings, a->answer.count);
		break;
	case SYNC_PRESENCE:
	case SYNC_PRESENT:
		assert_true(addr_equal(a->presence.ip, b->presence.ip));
		assert_true(mac_equal(a->presence.mac, b->presence.mac));
		assert_int_equal(a->presence.present, b->presence.present);
		break;
	}
}

static void
each_message_has_these_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *out = malloc(rows[i].size);

		assert_non_null(out);
		assert_int_equal(sync_build(&rows[i].msg, out, rows[i].size), rows[i].size);
		assert_memory_equal(out, rows[i].bytes, rows[i].size);
		free(out);
	}
}

static void
these_bytes_are_read_as_the_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *copy = span_copy(rows[i].bytes, rows[i].size);
		struct sync_msg msg;

		memset(&msg, 0xee, sizeof(msg));
		assert_int_equal(sync_parse(copy, rows[i].size, &msg), 0);
		assert_same(&rows[i].msg, &msg);
		free(copy);
	}
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t size = 0; size < rows[i].size; size++) {
			uint8_t *copy = span_copy(rows[i].bytes, size);
			struct sync_msg msg;

			assert_int_equal(sync_parse(copy, size, &msg), -EBADMSG);
			free(copy);
		}
	}
}

static void
one_byte_too_many_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t bytes[sizeof(rows[i].bytes) + 1] = {0};
		uint8_t *copy;
		struct sync_msg msg;

		memcpy(bytes, rows[i].bytes, rows[i].size);
		copy = span_copy(bytes, rows[i].size + 1);
		assert_int_equal(sync_parse(copy, rows[i].size + 1, &msg), -EBADMSG);
		free(copy);
	}
}

static void
too_little_room_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		for (size_t room = 0; room < rows[i].size; room++) {
			uint8_t *out = malloc(room);

			assert_int_equal(sync_build(&rows[i].msg, out, room), -EMSGSIZE);
			free(out);
		}
	}
}

static void
another_version_or_type_is_told_from_garbage(void **state)
{
	static const struct {
		size_t size;
		uint8_t bytes[8];
		int err;
	} cases[] = {
		{0, {0}, -EBADMSG},
		{1, {1}, -EBADMSG},
		{1, {2}, -EBADMSG},
		{2, {2, SYNC_HELLO}, -EPROTONOSUPPORT},
		{2, {0, SYNC_HELLO}, -EPROTONOSUPPORT},
		{2, {1, 0}, -EPROTONOSUPPORT},
		{2, {1, SYNC_OUTCOME + 1}, -EPROTONOSUPPORT},
		{8, {1, 255, 1, 2, 3, 4, 5, 6}, -EPROTONOSUPPORT},
		{2, {1, SYNC_HELLO}, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t *copy = span_copy(cases[i].bytes, cases[i].size);
		struct sync_msg msg;

		assert_int_equal(sync_parse(copy, cases[i].size, &msg), cases[i].err);
		free(copy);
	}
}

/* One of the rows above with bytes changed at 'at'. */
static void
values_out_of_range_are_refused(void **state)
{
	static const struct {
		size_t row;
		size_t at;
		size_t size;
		uint8_t bytes[16];
		int err;
	} cases[] = {
		{0, 34, 1, {33}, -EBADMSG},  /* HELLO: more digests than allowed */
		{0, 34, 1, {3}, -EBADMSG},   /* more than there are */
		{0, 34, 1, {1}, -EBADMSG},   /* fewer than there are */
		{2, 9, 1, {5}, -EBADMSG},    /* PULL: family */
		{2, 9, 1, {6}, -EBADMSG},    /* longer than what is there */
		{2, 10, 4, {0}, -EBADMSG},   /* after nothing */
		{2, 10, 1, {224}, -EBADMSG}, /* after a group */
		{4, 9, 1, {2}, -EBADMSG},    /* TABLE: unknown flag */
		{4, 9, 1, {0}, -EBADMSG},    /* empty and not the last */
		{4, 11, 1, {1}, -EBADMSG},   /* a binding that is not there */
		{5, 9, 1, {1}, 0},           /* last, and not empty */
		{6, 9, 1, {2}, -EBADMSG},    /* DELTA: unknown flag */
		{6, 10, 1, {3}, -EBADMSG},   /* count */
		{6, 10, 1, {1}, -EBADMSG},
		{6, 10, 1, {25}, -EBADMSG},
		{6, 10, 1, {255}, -EBADMSG},
		{6, 11, 1, {0x05}, -EBADMSG}, /* family */
		{6, 11, 1, {0x00}, -EBADMSG},
		{6, 11, 1, {0x24}, -EBADMSG}, /* kind */
		{6, 11, 1, {0x74}, -EBADMSG},
		{6, 11, 1, {0x14}, 0},
		{6, 11, 1, {0x84}, 0},                      /* withdrawn */
		{6, 12, 1, {0x53}, -EBADMSG},               /* multicast MAC */
		{6, 12, 6, {0}, -EBADMSG},                  /* zero MAC */
		{6, 26, 4, {0}, -EBADMSG},                  /* unspecified EID */
		{6, 26, 1, {224}, -EBADMSG},                /* multicast EID */
		{6, 26, 4, {255, 255, 255, 255}, -EBADMSG}, /* broadcast */
		{6, 26, 1, {240}, 0},
		{6, 45, 1, {0xff}, -EBADMSG}, /* IPv6 multicast */
		{6, 45, 16, {0}, -EBADMSG},   /* IPv6 unspecified */
		{8, 10, 1, {5}, -EBADMSG},    /* ACK: verdict */
		{8, 9, 1, {25}, -EBADMSG},    /* count */
		{9, 9, 1, {2}, -EBADMSG},     /* QUERY: flag */
		{9, 9, 1, {0}, -EBADMSG},     /* by EID, but a MAC */
		{9, 10, 6, {0}, -EBADMSG},    /* nobody's MAC */
		{9, 10, 1, {0x01}, -EBADMSG}, /* a group's */
		{10, 10, 1, {0}, -EBADMSG},   /* no family */
		{10, 11, 4, {0}, -EBADMSG},
		{12, 9, 1, {1}, -EBADMSG},     /* PRESENCE says no yes */
		{12, 10, 1, {0x01}, -EBADMSG}, /* a group's MAC */
		{12, 10, 1, {0x02}, 0},
		{12, 16, 1, {0}, -EBADMSG}, /* no family */
		{13, 9, 1, {2}, -EBADMSG},  /* PRESENT: flag */
		{13, 9, 1, {0}, 0},
		{16, 9, 1, {3}, -EBADMSG},  /* ACTION: what is to be done */
		{16, 9, 1, {1}, -EBADMSG},  /* an address that is not there */
		{16, 9, 1, {2}, 0},         /* renew */
		{16, 10, 1, {0}, -EBADMSG}, /* no EID */
		{16, 11, 1, {224}, -EBADMSG},
		{17, 9, 1, {0}, -EBADMSG},  /* more than there should be */
		{17, 27, 1, {0}, -EBADMSG}, /* no address */
		{17, 28, 4, {0}, -EBADMSG}, /* unspecified */
		{17, 32, 1, {0}, -EBADMSG}, /* length */
		{17, 32, 1, {33}, -EBADMSG},
		{17, 32, 1, {32}, 0},
		{17, 33, 1, {6}, -EBADMSG}, /* a gateway of another family */
		{17, 34, 4, {0}, -EBADMSG},
		{18, 32, 1, {129}, -EBADMSG},
		{18, 33, 1, {4}, -EBADMSG}, /* a gateway that is not there */
		{19, 9, 1, {8}, -EBADMSG},  /* OUTCOME: unknown */
		{19, 9, 1, {7}, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct row *row = &rows[cases[i].row];
		uint8_t *copy = span_copy(row->bytes, row->size);
		struct sync_msg msg;

		memcpy(copy + cases[i].at, cases[i].bytes, cases[i].size);
		if (sync_parse(copy, row->size, &msg) != cases[i].err)
			fail_msg("row %zu at %zu", cases[i].row, cases[i].at);
		free(copy);
	}
}

/* Bindings with EIDs 2001:db8::1, ::2 ... (or 10.1.0.1 ...) as many as fit. */
static struct sync_msg
full_message(uint8_t type, uint8_t family)
{
	struct sync_msg msg = {.type = type, .id = 9, .vn = VN_ID_MAX};

	for (uint8_t i = 0; i < SYNC_BINDINGS_MAX; i++) {
		struct sync_binding b = {.ip = V6_1, .mac = MAC_1, .mobility = UINT64_MAX};

		b.ip.b[15] = (uint8_t)(i + 1);
		if (family == ADDR_V4)
			b.ip = addr_make(ADDR_V4, (const uint8_t[]){10, 1, 0, (uint8_t)(i + 1)});
		if (type == SYNC_TABLE)
			msg.table.bindings[i] = b;
		else if (type == SYNC_DELTA)
			msg.delta.bindings[i] = b;
		else
			msg.answer.bindings[i] = b;
	}
	if (type == SYNC_TABLE)
		msg.table.count = SYNC_BINDINGS_MAX;
	else if (type == SYNC_DELTA)
		msg.delta.count = SYNC_BINDINGS_MAX;
	else
		msg.answer.count = SYNC_BINDINGS_MAX;
	if (type == SYNC_DELTA)
		msg.delta.is_move = true;
	return msg;
}

static void
the_largest_messages_fit(void **state)
{
	static const uint8_t types[] = {SYNC_TABLE, SYNC_DELTA, SYNC_ANSWER};
	static const uint8_t families[] = {ADDR_V4, ADDR_V6};
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.count = SYNC_VNS_MAX}};
	struct sync_msg ack = {.type = SYNC_ACK, .ack = {.count = SYNC_BINDINGS_MAX}};
	uint8_t out[SYNC_SIZE_MAX];
	struct sync_msg back;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(types) * ARRAY_COUNT(families); i++) {
		struct sync_msg msg = full_message(types[i / 2], families[i % 2]);
		int size = sync_build(&msg, out, sizeof(out));

		assert_true(size > 0);
		assert_int_equal(sync_parse(out, (size_t)size, &back), 0);
		assert_same(&msg, &back);
	}
	assert_true(sync_build(&hello, out, sizeof(out)) > 0);
	assert_true(sync_build(&ack, out, sizeof(out)) > 0);
}

/* All the items are really there, one more than a message may have. */
static void
a_list_of_one_too_many_is_refused(void **state)
{
	static const struct {
		uint8_t head[64];
		size_t head_size; /* its last byte is the count */
		uint8_t item[21];
		size_t item_size;
		uint8_t max;
	} cases[] = {
		{{HEAD(SYNC_HELLO)}, 35, {0}, 15, SYNC_VNS_MAX},
		{{HEAD(SYNC_DELTA), VN},
		 11,
		 {4, BYTES_MAC_1, 0, 0, 0, 0, 0, 0, 0, 3, 10, 1, 0, 5},
		 19,
		 SYNC_BINDINGS_MAX},
		{{HEAD(SYNC_ANSWER), VN},
		 10,
		 {4, BYTES_MAC_1, 0, 0, 0, 0, 0, 0, 0, 3, 10, 1, 0, 5},
		 19,
		 SYNC_BINDINGS_MAX},
		{{HEAD(SYNC_ACK), VN}, 10, {0}, 17, SYNC_BINDINGS_MAX},
		{{HEAD(SYNC_NEWER), VN},
		 10,
		 {0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 4, 10, 1, 0, 5},
		 21,
		 SYNC_BINDINGS_MAX},
		{{HEAD(SYNC_ASKED), VN},
		 10,
		 {4, 10, 1, 0, 5, 4, 192, 0, 2, 1},
		 10,
		 SYNC_BINDINGS_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases) * 2; i++) {
		size_t k = i / 2, count = cases[k].max + i % 2;
		size_t size = cases[k].head_size + count * cases[k].item_size;
		uint8_t *bytes = malloc(size);
		struct sync_msg msg;

		assert_non_null(bytes);
		memcpy(bytes, cases[k].head, cases[k].head_size);
		bytes[cases[k].head_size - 1] = (uint8_t)count;
		for (size_t n = 0; n < count; n++)
			memcpy(bytes + cases[k].head_size + n * cases[k].item_size, cases[k].item,
			       cases[k].item_size);
		assert_int_equal(sync_parse(bytes, size, &msg), i % 2 == 0 ? 0 : -EBADMSG);
		free(bytes);
	}
}

static void
a_page_that_does_not_lead_on_is_not_built(void **state)
{
	/* Last byte of 'after', and of the two bindings that follow. */
	static const struct {
		uint8_t after, first, second;
		bool built;
	} cases[] = {{1, 2, 3, true},  {253, 254, 255, true}, {254, 255, 255, false},
		     {1, 1, 2, false}, {2, 1, 3, false},      {1, 3, 2, false}};
	uint8_t out[SYNC_SIZE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct sync_msg msg = full_message(SYNC_TABLE, ADDR_V6);

		msg.table.count = 2;
		msg.table.after = msg.table.bindings[0].ip;
		msg.table.after.b[15] = cases[i].after;
		msg.table.bindings[0].ip.b[15] = cases[i].first;
		msg.table.bindings[1].ip.b[15] = cases[i].second;
		assert_int_equal(sync_build(&msg, out, sizeof(out)) > 0, cases[i].built);
	}
}

static void
a_spoiled_page_is_refused_on_arrival(void **state)
{
	static const struct {
		uint8_t first, second;
		int err;
	} cases[] = {{1, 2, 0}, {7, 9, 0}, {2, 2, -EBADMSG}, {9, 7, -EBADMSG}};
	struct sync_msg msg = full_message(SYNC_TABLE, ADDR_V6), back;
	uint8_t out[SYNC_SIZE_MAX];
	const size_t head = 6 + 3 + 1 + 1 + 1, binding = 31;
	int size;

	(void)state;
	msg.table.count = 2;
	size = sync_build(&msg, out, sizeof(out));
	assert_int_equal(size, head + 2 * binding);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		out[head + binding - 1] = cases[i].first;
		out[head + 2 * binding - 1] = cases[i].second;
		assert_int_equal(sync_parse(out, (size_t)size, &back), cases[i].err);
	}
}

static void
what_a_parser_would_refuse_is_not_built(void **state)
{
	struct sync_msg base = full_message(SYNC_DELTA, ADDR_V4), msg;
	struct sync_msg hello = {.type = SYNC_HELLO, .hello = {.count = 1}};
	struct sync_msg ack = {.type = SYNC_ACK, .ack = {.count = SYNC_BINDINGS_MAX + 1}};
	struct sync_msg query = {.type = SYNC_QUERY};
	struct sync_msg presence = {.type = SYNC_PRESENCE};
	struct sync_msg newer = {.type = SYNC_NEWER, .newer = {.count = 1}};
	struct sync_msg asked = {.type = SYNC_ASKED, .asked = {.count = 1}};
	struct sync_msg pull = {.type = SYNC_PULL, .pull = {.after = {.family = ADDR_V4}}};
	uint8_t out[SYNC_SIZE_MAX];

#define REFUSED(m) assert_int_equal(sync_build(&(m), out, sizeof(out)), -EINVAL)
	(void)state;
	assert_true(sync_build(&base, out, sizeof(out)) > 0);
	msg = base;
	msg.type = 0;
	REFUSED(msg);
	msg.type = SYNC_ASKED + 1;
	REFUSED(msg);
	msg = base;
	msg.vn = VN_ID_MAX + 1;
	REFUSED(msg);
	msg = base;
	msg.delta.count = SYNC_BINDINGS_MAX + 1;
	REFUSED(msg);
	msg = base;
	msg.delta.bindings[23].kind = 2;
	REFUSED(msg);
	msg = base;
	msg.delta.bindings[0].ip.family = 5;
	REFUSED(msg);
	msg = base;
	msg.delta.bindings[0].mac = MAC_BROADCAST;
	REFUSED(msg);
	hello.hello.digests[0].vn = VN_ID_MAX + 1;
	REFUSED(hello);
	hello.hello.digests[0].vn = 0;
	hello.hello.count = SYNC_VNS_MAX + 1;
	REFUSED(hello);
	REFUSED(ack);
	ack.ack.count = 1;
	ack.ack.rows[0].verdict = SYNC_FROZEN + 1;
	REFUSED(ack);
	REFUSED(query);
	query.query.by_mac = true;
	REFUSED(query);
	REFUSED(presence);
	REFUSED(newer);
	newer.newer.count = SYNC_BINDINGS_MAX + 1;
	REFUSED(newer);
	REFUSED(asked);
	asked.asked.count = SYNC_BINDINGS_MAX + 1;
	REFUSED(asked);
	REFUSED(pull);
#undef REFUSED
}

static void
types_have_names(void **state)
{
	(void)state;
	assert_string_equal(sync_type_name(SYNC_HELLO), "hello");
	assert_string_equal(sync_type_name(SYNC_PRESENT), "present");
	assert_string_equal(sync_type_name(SYNC_NEWER), "newer");
	assert_string_equal(sync_type_name(SYNC_ASKED), "asked");
	assert_string_equal(sync_type_name(0), "unknown");
	assert_string_equal(sync_type_name(255), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_has_these_bytes),
		cmocka_unit_test(these_bytes_are_read_as_the_message),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(one_byte_too_many_is_refused),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(another_version_or_type_is_told_from_garbage),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(the_largest_messages_fit),
		cmocka_unit_test(a_list_of_one_too_many_is_refused),
		cmocka_unit_test(a_page_that_does_not_lead_on_is_not_built),
		cmocka_unit_test(a_spoiled_page_is_refused_on_arrival),
		cmocka_unit_test(what_a_parser_would_refuse_is_not_built),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
