/* Packets of sites behind a NAT, which have registered through this router. */
#include "tests/unit/mapsys_messages.h"

#include "vr/fwd_rtr.h"

#define NAT              "203.0.113.7"
#define NAT_PORT         20001
#define BEHIND           "10.66.0.0/24"
#define BEHIND_A         "10.66.0.5"
#define BEHIND_B         "10.67.0.5"
#define HOST_HERE        "10.1.0.5"
#define UNREACHABLE_HOST 0x0301

static struct lisp_key
relay_key(void)
{
	return key_make(7, LISP_AUTH_SHA256_128, false, "relay");
}

static struct rig *
rig_rtr(const struct rig_text *text)
{
	struct rig *r = rig_make(text);
	struct rtr_conf conf = {.port = LISP_CONTROL_PORT,
				.rlocs = {addr_of(RIG_OWN)},
				.servers = {{addr_of(RIG_MS), relay_key()}},
				.server_count = 1,
				.eids_max = 64};

	assert_int_equal(fwd_rtr_create(r->vr, &conf, &rig_lisp_io, r), 0);
	return r;
}

/* One of the two messages by which a site behind the NAT becomes known. */
static void
hear(struct rig *r, const char *prefix, vn_id_t vn, const char *from, uint16_t port, uint8_t type)
{
	bool notify = type == LISP_MAP_NOTIFY;
	struct lisp_key site = key_make(1, LISP_AUTH_SHA256_128, false, "site"),
			relay = relay_key();
	struct lisp_msg msg = {.type = type,
			       .nonce = 5,
			       .auth = lisp_auth_header(&site),
			       .has_xtr_id = true,
			       .xtr_id = xtr_of(6, 6)};
	struct rec rec = {.vn = vn, .eid = prefix, .rlocs = {RIG_OWN}, .in_lcaf = true};
	struct lisp_ecm ecm = {
		.to_etr = true,
		.security = notify,
		.src = endpoint_of(notify ? RIG_MS : "10.0.0.66", LISP_CONTROL_PORT),
		.dst = endpoint_of(notify ? "10.0.0.66" : RIG_MS, LISP_CONTROL_PORT)};
	struct endpoint ep = endpoint_of(from, port);
	struct lisp_builder b;
	uint8_t data[512];
	size_t head;
	int size;

	if (notify)
		ecm.rtr_auth = lisp_auth_header(&relay);
	else
		msg.reg.want_notify = true;
	head = lisp_ecm_head_size(&ecm);
	lisp_begin(&b, data + head, sizeof(data) - head, &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, data, sizeof(data));
	assert_true(size > 0);
	if (notify)
		assert_int_equal(lisp_auth_relay_sign(&rig_lisp_io, r, &relay, 5, data + head,
						      ecm.size, data + LISP_ECM_AUTH_AT),
				 0);
	assert_true(rtr_heard(r->vr->rtr, &ep, data, (size_t)size, r->now));
}

static void
rig_behind(struct rig *r, const char *prefix, vn_id_t vn, uint16_t port)
{
	hear(r, prefix, vn, NAT, port, LISP_MAP_REGISTER);
	hear(r, prefix, vn, RIG_MS, LISP_CONTROL_PORT, LISP_MAP_NOTIFY);
	rig_forget(r);
}

#define assert_to_nat(p, seen)                                                                     \
	do {                                                                                       \
		assert_int_equal((p)->way, TO_PLAIN);                                              \
		assert_string_equal(fmt_endpoint((p)->plain.rloc).s, NAT ":" seen);                \
		assert_int_equal((p)->plain.by, PLAIN_BY_CONTROL);                                 \
		assert_int_equal((p)->plain.header.vn, BLUE);                                      \
	} while (0)

static void
packets_for_it_go_to_where_the_nat_shows_it(void **state)
{
	struct rig *r = rig_rtr(&usual);
	const struct rtr_eid *e;

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	/* From the router's own LAN. */
	rig_sends(r, (struct rig_want){.to = BEHIND_A, .mark = 1});
	assert_int_equal(r->sent_count, 1);
	assert_to_nat(&r->sent[0], "20001");
	assert_int_equal(r->sent[0].data[8], 63);
	/* From a plain site. */
	rig_plain(r, (struct rig_want){.to = BEHIND_A, .mark = 2});
	assert_int_equal(r->sent_count, 2);
	assert_to_nat(&r->sent[1], "20001");
	assert_int_equal(r->sent[1].data[99], 2);
	/* A hop less, or two routers that take each other for the way would send it for ever. */
	assert_int_equal(r->sent[1].data[8], 63);
	/* Nothing of it is asked for. */
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	e = rtr_find(r->vr->rtr, BLUE, addr_of(BEHIND_A));
	assert_int_equal(e->out_packets, 2);
	assert_int_equal(e->out_bytes, 200);
	rig_free(r);
}

static void
a_peer_reaches_it(void **state)
{
	struct rig *r = rig_rtr(&usual);
	struct rig_want want = {.from = "10.2.0.5", .to = BEHIND_A};
	struct seal_inner inner = {.vn = BLUE};
	struct frame f;
	uint8_t *bytes;

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	bytes = rig_packet(&want, &f);
	vr_link_data(r->vr, r->slots[0], &inner, &f, r->now);
	assert_int_equal(r->sent_count, 1);
	assert_to_nat(&r->sent[0], "20001");
	free(bytes);
	/* Hops end here, too. */
	want.ttl = 1;
	bytes = rig_packet(&want, &f);
	vr_link_data(r->vr, r->slots[0], &inner, &f, r->now);
	assert_int_equal(rig_drops(r, DROP_TTL), 1);
	free(bytes);
	rig_free(r);
}

static void
what_it_sends_goes_where_the_router_knows(void **state)
{
	struct rig *r = rig_rtr(&usual);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_behind(r, "10.67.0.0/24", BLUE, 20002);
	rig_here(r, HOST_HERE);
	rig_forget(r);
	/* To a machine here; to one of a peer; to another one behind the NAT; to its router. */
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = HOST_HERE});
	assert_int_equal(r->sent[0].way, TO_LAN);
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = "10.3.0.5"});
	assert_int_equal(r->sent[1].way, TO_PEER);
	assert_int_equal(r->sent[1].slot, r->slots[1]);
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = BEHIND_B});
	assert_to_nat(&r->sent[2], "20002");
	rig_plain(r,
		  (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = "10.1.0.1", .echo = true});
	assert_int_equal(r->sent_count, 4);
	assert_to_nat(&r->sent[3], "20001");
	assert_int_equal(r->sent[3].data[20], 0);
	assert_int_equal(rtr_find(r->vr->rtr, BLUE, addr_of(BEHIND_A))->in_packets, 4);
	/* A machine of the network that nobody knows is looked for. */
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = "10.2.0.77"});
	assert_int_equal(r->sent_count, 5);
	rig_free(r);
}

/* It is asked for, and waits. */
static void
what_it_sends_elsewhere_is_looked_up(void **state)
{
	struct rig *r = rig_rtr(&usual);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_plain(r,
		  (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = "172.16.0.5", .mark = 3});
	assert_int_equal(r->sent_count, 0);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_string_equal(fmt_endpoint(r->sent[0].plain.rloc).s, RIG_FAR ":4341");
	assert_int_equal(r->sent[0].plain.by, PLAIN_BY_POOL);
	/* What cannot be sent is answered at the place that the NAT shows. */
	rig_forget(r);
	r->plain_mtu = 1280;
	rig_plain(r, (struct rig_want){.rloc = NAT,
				       .from = BEHIND_A,
				       .to = "172.16.0.5",
				       .size = 1400,
				       .df = true});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	assert_int_equal(r->sent_count, 1);
	assert_to_nat(&r->sent[0], "20001");
	assert_int_equal(rig_error(&r->sent[0]), 0x0304);
	rig_free(r);
}

static void
nobody_else_speaks_for_it(void **state)
{
	struct rig *r = rig_rtr(&usual);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_here(r, HOST_HERE);
	rig_forget(r);
	rig_plain(r, (struct rig_want){.rloc = RIG_FAR, .from = BEHIND_A, .to = HOST_HERE});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_drops(r, DROP_PLAIN_SOURCE), 1);
	/* Of another network it is unknown; so is what nobody has registered. */
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_B, .to = BEHIND_B});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_drops(r, DROP_NOT_HERE), 1);
	rig_free(r);
}

static void
the_routers_own_knowledge_comes_first(void **state)
{
	struct rig *r = rig_rtr(&usual);

	(void)state;
	/* A peer's, one of a mobile prefix, another network's: none is taken. */
	rig_behind(r, "10.3.0.0/25", BLUE, NAT_PORT);
	rig_behind(r, "10.2.0.9/32", BLUE, NAT_PORT);
	rig_behind(r, BEHIND, RED, NAT_PORT);
	rig_behind(r, BEHIND, 99, NAT_PORT);
	assert_int_equal(rtr_count_of(r->vr->rtr, RTR_NOT_SERVED), 4);
	rig_sends(r, (struct rig_want){.to = "10.3.0.5"});
	assert_int_equal(r->sent[0].way, TO_PEER);
	rig_free(r);
}

static void
where_only_sessions_may_be_used_it_is_not_reached(void **state)
{
	const struct rig_text text = {
		.vn = "\"lisp\": {\"use\": true, \"encapsulation\": \"sealed\"},",
		.lisp = usual.lisp,
		.locators = ""};
	struct rig *r = rig_rtr(&text);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_sends(r, (struct rig_want){.to = BEHIND_A});
	assert_int_equal(rig_drops(r, DROP_PLAIN_REFUSED), 1);
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_HOST);
	rig_free(r);
}

static void
what_is_no_longer_known_does_not_go_round(void **state)
{
	struct rig *r = rig_rtr(&usual);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_run(r, 181 * US_S);
	(void)rtr_run(r->vr->rtr, r->now);
	rig_forget(r);
	rig_sends(r, (struct rig_want){.to = BEHIND_A});
	/* The map-server still names this router. */
	rig_answer(r, (struct rig_answer){.prefix = BEHIND, .rlocs = {{RIG_OWN, 1, 100}}});
	assert_int_equal(rig_drops(r, DROP_NO_LOCATOR), 1);
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_HOST);
	rig_free(r);
}

/* Others take our locator out of use when it does not answer their probes. */
static void
probes_for_it_are_answered(void **state)
{
	struct rig *r = rig_rtr(&usual);
	struct lisp_record record;
	struct lisp_msg reply;

	(void)state;
	rig_asks(r, RIG_FAR, BEHIND_A);
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, NULL), 0);
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_asks(r, RIG_FAR, BEHIND_A);
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &reply), 1);
	assert_true(lisp_record_next(&reply.records, &record));
	assert_prefix(&record.eid, BEHIND);
	assert_int_equal(record.locator_count, 1);
	rig_free(r);
}

/* An RTR that is a proxy: the outside and the site behind the NAT reach each other. */
static void
a_proxy_lets_out_what_comes_from_behind_the_nat(void **state)
{
	const struct rig_text text = {
		.vn = "",
		.lisp = usual.lisp,
		.locators = "",
		.whole = "\"addresses\": [\"198.18.0.1/24\"], \"lisp\": {\"use\": true},"
			 "\"proxy\": {\"prefixes\": [\"10.66.0.0/16\", \"10.67.0.0/24\"]}"};
	struct rig *r = rig_rtr(&text);

	(void)state;
	rig_behind(r, BEHIND, BLUE, NAT_PORT);
	rig_sends(r, (struct rig_want){.from = "198.18.0.9", .to = BEHIND_A});
	assert_int_equal(r->sent_count, 1);
	assert_to_nat(&r->sent[0], "20001");
	rig_forget(r);
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = "198.18.0.9"});
	/* The neighbour outside is asked for its MAC. */
	assert_int_equal(r->vr->sites[0].let_out, 1);
	assert_int_equal(r->arp_count, 1);
	assert_addr(r->arps[0].tpa, "198.18.0.9");
	/* Its mapping is not asked for: it has registered here. */
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	/* What is served and not behind a NAT is looked up. */
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = BEHIND_A, .to = BEHIND_B});
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	/* Others of the served prefix are no better than before. */
	rig_plain(r, (struct rig_want){.rloc = NAT, .from = "10.66.1.5", .to = "198.18.0.9"});
	assert_int_equal(r->vr->sites[0].let_out, 1);
	rig_free(r);
}

/* ---- the other side ---- */

static void
tell_way_out(struct rig *r, const char *rtr)
{
	struct addr none = {.family = ADDR_NONE};

	mapsys_way_out(r->vr->mapsys, rtr != NULL ? addr_of(rtr) : none, r->now);
}

static void
behind_a_nat_everything_goes_to_the_rtr(void **state)
{
	struct rig *r = rig_make(&usual);

	(void)state;
	rig_learn_one(r, RIG_FAR);
	/* This one waits for its mapping. */
	rig_sends(r, (struct rig_want){.to = "172.17.0.5", .mark = 4});
	assert_int_equal(r->sent_count, 0);
	tell_way_out(r, "192.0.2.200");
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 4);
	rig_sends(r, (struct rig_want){.to = "172.16.0.5"});
	assert_int_equal(r->sent_count, 2);
	for (unsigned i = 0; i < 2; i++) {
		assert_string_equal(fmt_endpoint(r->sent[i].plain.rloc).s, "192.0.2.200:4341");
		assert_int_equal(r->sent[i].plain.by, PLAIN_BY_DATA);
	}
	/* Peers are reached as before. */
	rig_sends(r, (struct rig_want){.to = "10.3.0.5"});
	assert_int_equal(r->sent[2].way, TO_PEER);
	rig_forget(r);
	tell_way_out(r, NULL);
	rig_sends(r, (struct rig_want){.to = "172.16.0.5"});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	rig_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_for_it_go_to_where_the_nat_shows_it),
		cmocka_unit_test(a_peer_reaches_it),
		cmocka_unit_test(what_it_sends_goes_where_the_router_knows),
		cmocka_unit_test(what_it_sends_elsewhere_is_looked_up),
		cmocka_unit_test(nobody_else_speaks_for_it),
		cmocka_unit_test(the_routers_own_knowledge_comes_first),
		cmocka_unit_test(where_only_sessions_may_be_used_it_is_not_reached),
		cmocka_unit_test(what_is_no_longer_known_does_not_go_round),
		cmocka_unit_test(probes_for_it_are_answered),
		cmocka_unit_test(a_proxy_lets_out_what_comes_from_behind_the_nat),
		cmocka_unit_test(behind_a_nat_everything_goes_to_the_rtr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
