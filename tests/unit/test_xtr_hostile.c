/* What strangers send to an xTR, and what they cannot change. */
#include "tests/unit/xtr_forge.h"

static void
replies_that_were_not_asked_for_change_nothing(void **state)
{
	struct net *net = net_standard();
	uint64_t nonce;

	(void)state;
	forge_reply(net, 0, "10.1.0.0/24", "192.0.2.66");
	forge_reply(net, 5, "10.1.0.0/24", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_UNSOLICITED), 2);
	/* The right nonce, but other EIDs. */
	net_resolve(net, B, "10.1.0.5");
	nonce = last_nonce(net);
	forge_reply(net, nonce, "10.2.0.0/24", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_NOT_ASKED), 1);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	/* It still waits for the real one. */
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	/* And that of a question that was answered is no use any more. */
	forge_reply(net, nonce, "10.1.0.0/24", "192.0.2.66");
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_int_equal(net_count(net, B, XTR_UNSOLICITED), 3);
	net_free(net);
}

/* CHANGE-PRIORITY for an EID at 192.0.2.66. */
struct forged {
	const struct lisp_key *key;
	int64_t after; /* microseconds from now: its nonce */
	const char *eid;
	bool hypervisor, update_cache;
};

/* It comes to B. */
static void
forge(struct net *net, const struct forged *want)
{
	struct lisp_key bound = lisp_auth_key_for(&world_io, NULL, want->key, net->nodes[B].rloc);
	struct lisp_key *key = &bound;
	struct lisp_msg msg = {.type = LISP_SHARED,
			       .nonce = (uint64_t)(net->now + want->after),
			       .auth = lisp_auth_header(key)};
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	const char *eid = want->eid;
	struct rec rec = {.vn = VN, .eid = eid, .rlocs = {"192.0.2.66"}, .in_lcaf = true};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	msg.shared.sub_type = 77;
	msg.shared.hypervisor = want->hypervisor;
	msg.shared.update_cache = want->update_cache;
	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, key, &msg, data, (size_t)size), 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

static void
forge_about(struct net *net, const struct lisp_key *key, uint64_t nonce, const char *eid,
	    bool hypervisor, bool update_cache)
{
	forge(net, &(struct forged){.key = key,
				    .after = (int64_t)nonce,
				    .eid = eid,
				    .hypervisor = hypervisor,
				    .update_cache = update_cache});
}

static void
forge_shared(struct net *net, const struct lisp_key *key, uint64_t nonce, bool hypervisor,
	     bool update_cache)
{
	forge_about(net, key, nonce, "10.1.0.5/32", hypervisor, update_cache);
}

static void
forge_push(struct net *net, const struct lisp_key *key, uint64_t nonce, bool update_cache)
{
	forge_shared(net, key, nonce, false, update_cache);
}

/* One address, two senders: what one says does not make the other's next word an old one. */
static void
a_hypervisor_beside_a_router_has_nonces_of_its_own(void **state)
{
	struct net *net = net_standard();

	(void)state;
	before_a_move(net);
	forge_shared(net, &net->push_key, 1000, true, false);
	assert_int_equal(net->nodes[B].arrived, 1);
	forge_push(net, &net->push_key, 50, true);
	assert_leads(net, B, "10.1.0.5", "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 0);
	forge_shared(net, &net->push_key, 1000, true, false);
	forge_push(net, &net->push_key, 50, true);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 2);
	assert_int_equal(net->nodes[B].arrived, 1);
	net_free(net);
}

static void
a_push_is_taken_once_and_with_the_key_only(void **state)
{
	struct net *net = net_standard();
	struct lisp_key wrong = key_make(9, LISP_AUTH_SHA256_128, false, "guess");

	(void)state;
	before_a_move(net);
	net_resolve(net, B, "10.1.0.7");
	net_run(net, US_S);
	forge_push(net, &wrong, 50, true);
	assert_int_equal(net_count(net, B, XTR_AUTH_FAILED), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	forge_push(net, &net->push_key, 50, true);
	assert_leads(net, B, "10.1.0.5", "192.0.2.66");
	forge_push(net, &net->push_key, 50, true);
	forge_push(net, &net->push_key, 49, true);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 2);
	/* It is about machines, not about all there is. */
	forge_about(net, &net->push_key, 51, "10.0.0.0/8", false, true);
	assert_int_equal(net_count(net, B, XTR_PUSH_REFUSED), 1);
	assert_leads(net, B, "10.1.0.7", "192.0.2.1");
	/* For an EID that nobody here uses it changes nothing. */
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32"));
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.0/24"));
	forge_push(net, &net->push_key, 52, true);
	assert_int_equal(net_count(net, B, XTR_PUSH_REFUSED), 2);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	/* What the router refuses is counted. */
	net->nodes[B].refuses = true;
	forge_push(net, &net->push_key, 53, false);
	assert_int_equal(net_count(net, B, XTR_PUSH_REFUSED), 3);
	net_free(net);
}

/* Whoever moves is many: to one locator go so many at once. */
static void
one_locator_gets_so_many_smrs(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.0");
	uint64_t sent;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		eid.b[2] = (uint8_t)(i >> 8);
		eid.b[3] = (uint8_t)i;
		net->nodes[A].own[0].prefix = prefix_of("10.1.0.0/16");
		xtr_asked(net->nodes[A].x, VN, eid, net->nodes[B].rloc, nobody, net->now);
		xtr_tell_askers(net->nodes[A].x, VN, eid, net->now);
	}
	sent = net_count(net, A, XTR_SMRS);
	assert_in_range(sent, 500, 1100);
	assert_int_equal(net_count(net, A, XTR_SMR_PACED), 4000 - sent);
	/* Others are not to blame. */
	xtr_asked(net->nodes[A].x, VN, eid, net->nodes[C].rloc, nobody, net->now);
	xtr_tell_askers(net->nodes[A].x, VN, eid, net->now);
	assert_int_equal(net_count(net, A, XTR_SMRS), sent + 1);
	net_free(net);
}

/* An SMR to B for this EID, from 192.0.2.66. */
static void
forge_smr(struct net *net, struct addr eid)
{
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);
	const struct bare_request want = {
		.from = from.addr, .eid = lisp_eid_make(VN, prefix_host(eid), false), .smr = true};
	uint8_t data[256];
	size_t size = build_bare_request(&want, data, sizeof(data));

	assert_true(xtr_heard(net->nodes[B].x, &from, data, size, net->now));
}

/* An SMR is a hint: it leads to a question to the map-resolver, and floods to no more than its pace. */
static void
smrs_of_a_stranger_are_harmless(void **state)
{
	struct net *net = net_standard();
	struct addr eid = addr_of("10.1.0.5");
	uint64_t before;

	(void)state;
	before_a_move(net);
	before = net_count(net, B, XTR_REQUESTS);
	for (unsigned i = 0; i < 1000; i++) {
		forge_smr(net, eid);
		net_run(net, 10 * US_MS);
	}
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_in_range(net_count(net, B, XTR_REQUESTS) - before, 5, 14);
	assert_in_range(net_count(net, B, XTR_SMR_LIMITED), 900, 1000);
	/* Of what is not in the cache: not even that. */
	mapcache_remove(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32"));
	before = net_count(net, B, XTR_REQUESTS);
	forge_smr(net, eid);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), before);
	assert_int_equal(net_count(net, B, XTR_SMR_UNKNOWN), 1);
	net_free(net);
}

static void
smrs_for_many_eids_leave_room(void **state)
{
	struct net *net = net_make();
	struct addr forged = addr_of("10.1.0.5"), eid = addr_of("172.16.0.1");

	(void)state;
	net_start(net);
	net_own(net, A, "10.1.0.0/16", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net->cut = net->ms_addr;
	for (unsigned i = 0; i < 4000; i++) {
		forged.b[2] = (uint8_t)(i >> 8);
		forged.b[3] = (uint8_t)i;
		forge_smr(net, forged);
	}
	assert_in_range(net_count(net, B, XTR_SMRS_HEARD), XTR_ASKS_MAX / 4, XTR_ASKS_MAX / 2);
	for (unsigned i = 0; i < 40; i++) {
		eid.b[3] = (uint8_t)i;
		assert_int_equal(xtr_resolve(net->nodes[B].x, VN, eid,
					     (struct addr){.family = ADDR_NONE}, net->now),
				 0);
	}
	net_free(net);
}

static void
malformed_messages_are_counted(void **state)
{
	struct net *net = net_standard();
	struct endpoint from = endpoint_of("192.0.2.66", LISP_CONTROL_PORT);

	(void)state;
	for (unsigned type = 0; type < 16; type++)
		(void)xtr_heard(net->nodes[B].x, &from, (const uint8_t[]){(uint8_t)(type << 4)}, 1,
				net->now);
	(void)xtr_heard(net->nodes[B].x, &from, (const uint8_t[]){0}, 0, net->now);
	assert_int_equal(net_count(net, B, XTR_MALFORMED) + net_count(net, B, XTR_UNSUPPORTED), 17);
	net_free(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replies_that_were_not_asked_for_change_nothing),
		cmocka_unit_test(a_push_is_taken_once_and_with_the_key_only),
		cmocka_unit_test(one_locator_gets_so_many_smrs),
		cmocka_unit_test(a_hypervisor_beside_a_router_has_nonces_of_its_own),
		cmocka_unit_test(smrs_of_a_stranger_are_harmless),
		cmocka_unit_test(smrs_for_many_eids_leave_room),
		cmocka_unit_test(malformed_messages_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
