/* Messages between routers: their bytes, their limits and what is refused. */
#include "sync_samples.h"

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
		cmocka_unit_test(the_largest_messages_fit),
		cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
