/* Routers that use a proxy. */
#include "tests/unit/proxy_rig.h"

#define USES(petrs) "\"lisp\": {\"use\": true, \"petrs\": [" petrs "]},"

static struct rig *
user_make(const struct rig_text *text)
{
	struct rig *r = rig_make(text);

	rig_here(r, "10.1.0.5");
	rig_sends(r, (struct rig_want){.to = CLIENT, .mark = 1});
	rig_answer(r,
		   (struct rig_answer){.prefix = "198.16.0.0/12", .action = LISP_NATIVE_FORWARD});
	return r;
}

static void
what_is_to_be_forwarded_natively_goes_to_the_first_petr(void **state)
{
	const struct rig_text text = {
		.vn = USES("\"" RIG_FAR "\", \"" OTHER "\"") "\"native_gateway\": \"10.1.0.254\",",
		.lisp = usual.lisp,
		.locators = ""};
	const struct rig_text other = {
		.vn = USES("\"" OTHER "\""), .lisp = usual.lisp, .locators = ""};
	struct rig *r = user_make(&text);

	(void)state;
	rig_sends(r, (struct rig_want){.to = CLIENT, .mark = 2});
	assert_int_equal(r->sent_count, 2);
	for (uint8_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PLAIN);
		assert_true(addr_equal(r->sent[i].plain.rloc.addr, addr_of(RIG_FAR)));
		assert_int_equal(r->sent[i].data[99], 1 + i);
	}
	/* What the mapping system refuses stays refused. */
	rig_sends(r, (struct rig_want){.mark = 3});
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/12", .action = LISP_DROP_POLICY});
	assert_int_equal(rig_drops(r, DROP_NEGATIVE), 1);
	conf_fini(&r->conf);
	rig_conf(&r->conf, &other);
	assert_int_equal(vr_reload(r->vr, &r->conf, (struct vr_id[]){{2}, {3}}, r->now), 0);
	mapsys_reload(r->vr, r->now);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(OTHER)));
	rig_free(r);
}

static void
a_petr_that_is_a_peer_is_reached_sealed(void **state)
{
	const struct rig_text text = {
		.vn = "\"lisp\": {\"use\": true, \"encapsulation\": \"sealed\", \"petrs\": "
		      "[\"" OTHER "\", \"" RIG_C "\"]},",
		.lisp = usual.lisp,
		.locators = ""};
	struct rig *r = user_make(&text);

	(void)state;
	/* The first is never spoken to sealed. */
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PEER);
	assert_int_equal(r->sent[0].slot, r->slots[1]);
	rig_session(r, 1, false);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_int_equal(rig_drops(r, DROP_PROXY_DOWN), 1);
	assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_NET);
	rig_free(r);
}

static void
a_peer_can_be_the_proxy(void **state)
{
	const struct rig_text text = {.vn = USES("\"" RIG_FAR "\""),
				      .lisp = usual.lisp,
				      .locators = "",
				      .peer_b = ", \"proxy\": true"};
	struct rig *r = user_make(&text);

	(void)state;
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PEER);
	assert_int_equal(r->sent[0].slot, r->slots[0]);
	/* While it is down another one serves. */
	rig_session(r, 0, false);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	/* One that is no longer configured is no proxy. */
	rig_session(r, 0, true);
	vr_peer_remove(r->vr, r->slots[0], r->now);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = CLIENT});
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	rig_free(r);
}

/* In a network without a mapping system a peer speaks for the outside only where it is said to be a proxy. */
static void
only_a_proxy_speaks_for_the_outside(void **state)
{
	static const struct {
		const char *peer_b, *from;
		bool taken;
	} cases[] = {{"", CLIENT, false},
		     {", \"proxy\": true", CLIENT, true},
		     /* EIDs of others are not outside. */
		     {", \"proxy\": true", "10.3.0.5", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		const struct rig_text text = {.vn = "\"lisp\": {\"use\": false},",
					      .lisp = usual.lisp,
					      .locators = "",
					      .peer_b = cases[i].peer_b};
		struct rig *r = rig_make(&text);

		rig_here(r, "10.1.0.5");
		rig_forget(r);
		leaves_from_peer(r, 0, (struct rig_want){.from = cases[i].from, .to = "10.1.0.5"});
		assert_int_equal(r->sent_count, cases[i].taken);
		assert_int_equal(rig_drops(r, DROP_PEER_SOURCE), !cases[i].taken);
		/* And the way back. */
		rig_forget(r);
		rig_sends(r, (struct rig_want){.to = CLIENT});
		assert_int_equal(r->sent_count, 1);
		assert_int_equal(r->sent[0].way, cases[i].peer_b[0] != '\0' ? TO_PEER : TO_LAN);
		rig_free(r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_to_be_forwarded_natively_goes_to_the_first_petr),
		cmocka_unit_test(a_petr_that_is_a_peer_is_reached_sealed),
		cmocka_unit_test(a_peer_can_be_the_proxy),
		cmocka_unit_test(only_a_proxy_speaks_for_the_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
