/* Messages between routers that are refused, or not built. */
#include "sync_samples.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(one_byte_too_many_is_refused),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(another_version_or_type_is_told_from_garbage),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(a_list_of_one_too_many_is_refused),
		cmocka_unit_test(a_page_that_does_not_lead_on_is_not_built),
		cmocka_unit_test(a_spoiled_page_is_refused_on_arrival),
		cmocka_unit_test(what_a_parser_would_refuse_is_not_built),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
