/* What tools say to the mapping system: questions to a map-server, and a hypervisor's word to an xTR. */
#include "tests/unit/lisp_net.h"

#include "lisp/arrival.h"
#include "lisp/lig.h"

#define SELF "192.0.2.77"
#define PORT 40000

/* Sends one try to the map-server; the last message that it sent then. */
static struct packet
ask(struct net *net, struct lig *lig, uint64_t nonce)
{
	struct endpoint self = endpoint_of(SELF, PORT), from = self;
	struct endpoint resolver = {net->ms_addr, LISP_CONTROL_PORT};
	uint8_t data[LIG_SIZE_MAX];
	int size = lig_ask(lig, nonce, &self, &resolver, net->now, data, sizeof(data));
	unsigned before = net->sent;

	assert_true(size > 0);
	/* As through a NAT: what is inside decides. */
	from.port = 1;
	assert_true(mapserver_heard(net->ms, &from, data, (size_t)size, net->now));
	assert_int_equal(net->sent, before + 1);
	return net->last[before % ARRAY_COUNT(net->last)];
}

static struct lig
lig_of(const char *eid)
{
	return (struct lig){.vn = VN, .eid = prefix_of(eid)};
}

static void
what_is_registered_is_the_answer(void **state)
{
	struct net *net = net_make();
	struct lig lig = lig_of("10.1.0.5");
	struct lisp_locator locator;
	struct lisp_record record;
	struct packet answer;
	struct lisp_msg msg;

	(void)state;
	net_start(net);
	net_own(net, 0, "10.1.0.0/24", 0);
	net_run(net, US_S);
	answer = ask(net, &lig, 7);
	assert_string_equal(fmt_endpoint(answer.to).s, SELF ":40000");
	assert_int_equal(lig_heard(&lig, answer.data, answer.size, &msg), 0);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_string_equal(lisp_eid_fmt(&record.eid).s, "10.1.0.0/24");
	assert_int_equal(record.eid.vn, VN);
	assert_true(lisp_locator_next(&record.locators, &locator));
	assert_string_equal(fmt_addr(locator.rloc.addr).s, "192.0.2.1");
	net_free(net);
}

static void
a_negative_answer_is_one(void **state)
{
	struct net *net = net_make();
	struct lig lig = lig_of("172.16.0.1");
	struct lisp_record record;
	struct packet answer;
	struct lisp_msg msg;

	(void)state;
	net_start(net);
	answer = ask(net, &lig, 7);
	assert_int_equal(lig_heard(&lig, answer.data, answer.size, &msg), 0);
	assert_true(lisp_record_next(&msg.records, &record));
	assert_int_equal(record.locator_count, 0);
	assert_string_equal(lisp_action_name(record.action), "native-forward");
	assert_true(prefix_contains(record.eid.prefix, lig.eid.addr));
	net_free(net);
}

static void
each_try_knows_its_answer_and_no_other(void **state)
{
	struct net *net = net_make();
	struct lig lig = lig_of("10.1.0.5"), other = lig_of("10.1.0.5");
	struct packet first, second, foreign;
	struct lisp_msg msg;

	(void)state;
	net_start(net);
	first = ask(net, &lig, 7);
	second = ask(net, &lig, 8);
	foreign = ask(net, &other, 9);
	assert_int_equal(lig_heard(&lig, second.data, second.size, &msg), 1);
	assert_int_equal(lig_heard(&lig, first.data, first.size, &msg), 0);
	assert_int_equal(lig_heard(&lig, foreign.data, foreign.size, &msg), -ENOMSG);
	/* Cut, and of another type. */
	assert_int_equal(lig_heard(&lig, first.data, first.size - 1, &msg), -ENOMSG);
	assert_int_equal(lig_heard(&lig, first.data, 0, &msg), -ENOMSG);
	first.data[0] = (uint8_t)(LISP_MAP_NOTIFY << 4);
	assert_int_equal(lig_heard(&lig, first.data, first.size, &msg), -ENOMSG);
	net_free(net);
}

static void
tries_have_an_end_and_a_question_needs_room(void **state)
{
	struct endpoint self = endpoint_of(SELF, PORT), to = endpoint_of("192.0.2.9", 4342);
	struct lig lig = lig_of("2001:db8::5");
	uint8_t data[LIG_SIZE_MAX];
	struct lisp_ecm ecm;
	int size;

	(void)state;
	for (size_t room = 0; room < 60; room++)
		assert_true(lig_ask(&lig, 1, &self, &to, 0, data, room) < 0);
	assert_int_equal(lig.count, 0);
	for (unsigned i = 0; i < LIG_TRIES_MAX; i++) {
		size = lig_ask(&lig, i, &self, &to, 0, data, sizeof(data));
		assert_true(size > 0);
		/* An IPv6 EID does not fit inner headers of IPv4. */
		assert_int_equal(lisp_ecm_parse(data, (size_t)size, &ecm), 0);
		assert_string_equal(fmt_endpoint(ecm.dst).s, "192.0.2.9:4342");
	}
	assert_int_equal(lig_ask(&lig, 99, &self, &to, 0, data, sizeof(data)), -ENOSPC);
}

/* ---- a hypervisor ---- */

static void
tell(struct net *net, const struct lisp_arrival *a)
{
	struct endpoint from = endpoint_of(SELF, PORT);
	uint8_t data[LISP_SIZE_MAX];
	int size = lisp_arrival_build(a, &net_io, &net->nodes[1], data, sizeof(data));

	assert_true(size > 0);
	assert_true(xtr_heard(net->nodes[1].x, &from, data, (size_t)size, net->now));
}

static void
a_hypervisor_is_believed_with_the_key_and_a_new_nonce_only(void **state)
{
	struct net *net = net_make();
	struct lisp_key wrong = key_make(9, LISP_AUTH_SHA256_128, false, "guess");
	struct lisp_arrival a = {.vn = VN, .eid = addr_of("10.1.0.5"), .sub_type = 77};

	(void)state;
	net_start(net);
	a.to = net->nodes[1].rloc;
	a.nonce = (uint64_t)net->now;
	a.key = &wrong;
	tell(net, &a);
	assert_int_equal(net->nodes[1].arrived, 0);
	assert_int_equal(net_count(net, 1, XTR_AUTH_FAILED), 1);
	a.key = &net->push_key;
	tell(net, &a);
	assert_int_equal(net->nodes[1].arrived, 1);
	tell(net, &a);
	assert_int_equal(net->nodes[1].arrived, 1);
	assert_int_equal(net_count(net, 1, XTR_REPLAYED), 1);
	/* Another sub-type is another protocol's. */
	a.nonce++;
	a.sub_type = 78;
	tell(net, &a);
	assert_int_equal(net->nodes[1].arrived, 1);
	/* What another router was told is not for this one. */
	a.sub_type = 77;
	a.to = net->nodes[2].rloc;
	tell(net, &a);
	assert_int_equal(net->nodes[1].arrived, 1);
	assert_int_equal(net_count(net, 1, XTR_AUTH_FAILED), 2);
	net_free(net);
}

/* The type, flags, and sub-type as they stand in the message. */
static void
both_forms_are_as_the_format_says(void **state)
{
	static const struct {
		bool is_historic;
		uint8_t algorithm;
		bool is_full;
		uint8_t first;
		size_t auth_size;
	} rows[] = {
		{false, LISP_AUTH_SHA256_128, false, 0xf0, 16},
		{false, LISP_AUTH_SHA256_128_HKDF, true, 0xf0, 32},
		{true, LISP_AUTH_SHA1_96, true, 0x50, 20},
		{true, LISP_AUTH_SHA1_96, false, 0x50, 12},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct lisp_key key = key_make(3, rows[i].algorithm, rows[i].is_full, "secret");
		struct lisp_arrival a = {.vn = VN,
					 .eid = addr_of("10.1.0.5"),
					 .nonce = 50,
					 .to = addr_of("192.0.2.1"),
					 .key = &key,
					 .sub_type = 0x123,
					 .is_historic = rows[i].is_historic};
		struct lisp_dialect dialect = {.cp_sub_type = 0x123,
					       .cp_type5 = rows[i].is_historic};
		uint8_t data[LISP_SIZE_MAX];
		struct lisp_record record;
		struct lisp_key bound = key;
		struct lisp_msg msg;
		int size = lisp_arrival_build(&a, &world_io, NULL, data, sizeof(data));

		if (!a.is_historic)
			bound = lisp_auth_key_for(&world_io, NULL, &key, a.to);

		assert_true(size > 0);
		assert_int_equal(data[0] & 0xf0, rows[i].first);
		assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &msg), 0);
		assert_true(msg.shared.hypervisor && !msg.shared.update_cache);
		assert_int_equal(msg.shared.historic, rows[i].is_historic);
		assert_int_equal(msg.auth.size, rows[i].auth_size);
		assert_int_equal(msg.auth.key_id, 3);
		assert_int_equal(
			lisp_auth_verify(&world_io, NULL, &bound, &msg, data, (size_t)size), 0);
		assert_true(lisp_record_next(&msg.records, &record));
		assert_string_equal(lisp_eid_fmt(&record.eid).s, "10.1.0.5/32");
		assert_int_equal(record.locator_count, 0);
		assert_false(lisp_record_next(&msg.records, &record));
		assert_true(lisp_arrival_build(&a, &world_io, NULL, data, 30) < 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_registered_is_the_answer),
		cmocka_unit_test(a_negative_answer_is_one),
		cmocka_unit_test(each_try_knows_its_answer_and_no_other),
		cmocka_unit_test(tries_have_an_end_and_a_question_needs_room),
		cmocka_unit_test(a_hypervisor_is_believed_with_the_key_and_a_new_nonce_only),
		cmocka_unit_test(both_forms_are_as_the_format_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
