/* CHANGE-PRIORITY in hostile hands: replayed, bent to another receiver, late, and whoever has the clock wrong. */
#include "lisp/arrival.h"
#include "lisp/xtr_priv.h"
#include "tests/unit/xtr_forge.h"

#define SUB_TYPE 77

/* What a hypervisor says, made for this node. */
static size_t
build_arrival(struct net *net, unsigned to, uint64_t nonce, uint8_t *data, size_t room)
{
	struct lisp_arrival a = {.vn = VN,
				 .eid = addr_of("10.1.0.5"),
				 .to = net->nodes[to].rloc,
				 .nonce = nonce,
				 .key = &net->push_key,
				 .sub_type = SUB_TYPE};
	int size = lisp_arrival_build(&a, &net_io, &net->nodes[to], data, room);

	assert_true(size > 0);
	return (size_t)size;
}

static void
hear(struct net *net, unsigned at, const char *from_text, const uint8_t *data, size_t size)
{
	struct endpoint from = endpoint_of(from_text, LISP_CONTROL_PORT);

	assert_true(xtr_heard(net->nodes[at].x, &from, data, size, net->now));
}

static void
one_that_is_replayed_changes_nothing(void **state)
{
	struct net *net = net_standard();
	uint8_t data[512];
	size_t size = build_arrival(net, A, (uint64_t)net->now, data, sizeof(data));

	(void)state;
	hear(net, A, "192.0.2.66", data, size);
	assert_int_equal(net->nodes[A].arrived, 1);
	hear(net, A, "192.0.2.66", data, size);
	hear(net, A, "192.0.2.67", data, size);
	assert_int_equal(net->nodes[A].arrived, 1);
	assert_int_equal(net_count(net, A, XTR_REPLAYED), 2);
	net_free(net);
}

static void
one_for_another_locator_is_not_authentic(void **state)
{
	struct net *net = net_standard();
	uint8_t data[512];
	size_t size = build_arrival(net, A, (uint64_t)net->now, data, sizeof(data));

	(void)state;
	hear(net, C, "192.0.2.66", data, size);
	assert_int_equal(net->nodes[C].arrived, 0);
	assert_int_equal(net_count(net, C, XTR_AUTH_FAILED), 1);
	hear(net, A, "192.0.2.66", data, size);
	assert_int_equal(net->nodes[A].arrived, 1);
	net_free(net);
}

static void
one_of_another_time_is_refused(void **state)
{
	static const struct {
		us_t off;
		bool good;
	} rows[] = {{-30 * US_S - 1, false},
		    {30 * US_S + 1, false},
		    {-30 * US_S, true},
		    {30 * US_S, true}};
	unsigned taken = 0, refused = 0;
	uint8_t data[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct net *net = net_standard();
		size_t size = build_arrival(net, A, (uint64_t)(net->now + rows[i].off), data,
					    sizeof(data));

		hear(net, A, "192.0.2.66", data, size);
		assert_int_equal(net->nodes[A].arrived, rows[i].good);
		assert_int_equal(net_count(net, A, XTR_PUSH_UNTIMELY), !rows[i].good);
		taken += rows[i].good;
		refused += !rows[i].good;
		net_free(net);
	}
	assert_int_equal(taken + refused, ARRAY_COUNT(rows));
}

/* Held back on its way, and let go from another address after a newer one was taken. */
static void
one_that_was_held_back_is_refused_from_any_address(void **state)
{
	struct net *net = net_standard();
	uint8_t old[512], new[512];
	size_t old_size = build_arrival(net, A, (uint64_t)net->now, old, sizeof(old));
	size_t new_size = build_arrival(net, A, (uint64_t)net->now + 1, new, sizeof(new));

	(void)state;
	hear(net, A, "192.0.2.66", new, new_size);
	assert_int_equal(net->nodes[A].arrived, 1);
	hear(net, A, "192.0.2.67", old, old_size);
	assert_int_equal(net->nodes[A].arrived, 1);
	hear(net, A, "192.0.2.66", old, old_size);
	assert_int_equal(net->nodes[A].arrived, 1);
	assert_int_equal(net_count(net, A, XTR_REPLAYED), 2);
	net_free(net);
}

/* The sender's clock was an hour ahead, and was set right. */
static void
a_sender_whose_clock_was_set_back_is_heard(void **state)
{
	struct net *net = net_standard();

	(void)state;
	before_a_move(net);
	net->nodes[C].x->push_nonce = (uint64_t)(net->now + 3600 * US_S);
	move(net, true, true);
	net_run(net, 2 * DELAY);
	assert_int_equal(net_count(net, B, XTR_PUSH_UNTIMELY), 0);
	assert_int_equal(net_count(net, B, XTR_PUSHES_HEARD), 1);
	net_free(net);
}

/* A hypervisor that is emptied. */
static void
many_in_a_minute_are_heard(void **state)
{
	struct net *net = net_standard();
	uint8_t data[512];
	unsigned many = 12288;

	(void)state;
	for (unsigned i = 0; i < many; i++) {
		size_t size;

		net->now += 5 * US_MS;
		size = build_arrival(net, A, (uint64_t)net->now, data, sizeof(data));
		hear(net, A, "192.0.2.66", data, size);
	}
	assert_int_equal(net_count(net, A, XTR_REPLAYED), 0);
	assert_int_equal(net->nodes[A].arrived, many);
	net_free(net);
}

/* More EIDs than there is room for: each word counts once, and what comes in order is taken. */
static void
more_eids_than_are_remembered(void **state)
{
	const struct hash_key key = {1, 2};
	struct push_order *order = push_order_create(&key);
	struct addr eid = addr_of("10.0.0.0");

	(void)state;
	assert_non_null(order);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 20000; i++) {
			eid.b[2] = (uint8_t)(i >> 8);
			eid.b[3] = (uint8_t)i;
			assert_int_equal(push_order_take(order, VN, eid, i % 2 == 0, 1000 + i),
					 round == 0);
		}
	push_order_destroy(order);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_that_is_replayed_changes_nothing),
		cmocka_unit_test(one_for_another_locator_is_not_authentic),
		cmocka_unit_test(one_of_another_time_is_refused),
		cmocka_unit_test(one_that_was_held_back_is_refused_from_any_address),
		cmocka_unit_test(a_sender_whose_clock_was_set_back_is_heard),
		cmocka_unit_test(many_in_a_minute_are_heard),
		cmocka_unit_test(more_eids_than_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
