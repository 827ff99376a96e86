/* A proxy: what comes from outside, what is let out, and the routers that use one. */
#include "tests/unit/mapsys_messages.h"
#include "vr/outside.h"

#define UNREACHABLE_NET  0x0300
#define UNREACHABLE_HOST 0x0301
#define TOO_BIG          0x0304
#define TIME_EXCEEDED    0x0b00

#define OUTSIDE "198.18.0.1"
#define GATEWAY "198.18.0.254"
#define CLIENT  "198.19.0.10" /* behind the gateway */
#define NEAR    "198.18.0.9"  /* a neighbour */
#define EID     "172.16.0.5"
#define OTHER   "198.51.100.2" /* another locator */

/* An outside with a gateway; the EIDs of a plain LISP site, those of B, but none of C. */
#define PROXY(more)                                                                                \
	"\"addresses\": [\"" OUTSIDE "/24\"], \"native_gateway\": \"" GATEWAY "\","                \
	"\"lisp\": {\"use\": true}, \"proxy\": {\"prefixes\": [\"172.16.0.0/12\", "                \
	"\"10.2.0.0/24\"]" more "}"

static const struct rig_text proxy = {.vn = "",
				      .lisp = "\"rlocs\": [{\"address\": \"192.0.2.1\"}]",
				      .locators = "",
				      .whole = PROXY("")};

static struct rig_text
proxy_with(const char *whole)
{
	struct rig_text text = proxy;

	text.whole = whole;
	return text;
}

static void
drops_one(struct rig *r, enum vr_drop reason, uint64_t before, size_t number)
{
	if (rig_drops(r, reason) != before + 1)
		fail_msg("%zu: not %s", number, vr_drop_name(reason));
}

/* An ARP frame on the outside. */
static void
arp_heard_in(struct rig *r, vn_id_t vn, uint16_t op, const char *from, struct mac mac,
	     const char *to, struct mac eth_dst)
{
	struct arp arp = {.eth_dst = eth_dst,
			  .eth_src = mac,
			  .op = op,
			  .sha = mac,
			  .spa = addr_of(from),
			  .tpa = addr_of(to)};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(r->vr, vn, frame, sizeof(frame), false, r->now);
	rig_step(r);
}

static void
arp_heard(struct rig *r, uint16_t op, const char *from, struct mac mac, const char *to,
	  struct mac eth_dst)
{
	arp_heard_in(r, BLUE, op, from, mac, to, eth_dst);
}

static const struct mac own = {{2, 0x56, 0x52, 0, 0, BLUE}};

static void
arp_answered(struct rig *r, const char *ip)
{
	arp_heard(r, ARP_REPLY, ip, rig_machine(addr_of(ip).b[3]), OUTSIDE, own);
}

/* A packet of the client to the EID, unless it says otherwise. */
static void
comes(struct rig *r, struct rig_want want)
{
	if (want.from == NULL)
		want.from = CLIENT;
	if (want.to == NULL)
		want.to = EID;
	rig_sends(r, want);
}

/* The answer to it, plain. */
static void
leaves(struct rig *r, struct rig_want want)
{
	if (want.from == NULL)
		want.from = EID;
	if (want.to == NULL)
		want.to = CLIENT;
	rig_plain(r, want);
}

static void
leaves_from_peer(struct rig *r, size_t peer, struct rig_want want)
{
	struct seal_inner inner = {.vn = BLUE};
	struct frame f;
	uint8_t *bytes;

	if (want.to == NULL)
		want.to = CLIENT;
	bytes = rig_packet(&want, &f);
	vr_link_data(r->vr, r->slots[peer], &inner, &f, r->now);
	rig_step(r);
	free(bytes);
}

/* A proxy that knows its gateway and where the EID is. */
static struct rig *
proxy_make(const struct rig_text *text, const char *rloc)
{
	struct rig *r = rig_make(text);

	arp_heard(r, ARP_REQUEST, GATEWAY, rig_machine(254), OUTSIDE, MAC_BROADCAST);
	if (rloc != NULL) {
		comes(r, (struct rig_want){.mark = 0});
		rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16",
						  .rlocs = {{rloc, 1, 100}}});
	}
	rig_forget(r);
	return r;
}

/* ---- from outside ---- */

static void
what_comes_from_outside_waits_for_the_mapping_and_is_sent_there(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	struct lisp_msg asked;

	(void)state;
	comes(r, (struct rig_want){.mark = 7});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	/* A PITR says that it is one, and has no EID as source (RFC 9301 section 5.2). */
	assert_true(asked.request.pitr);
	assert_int_equal(asked.request.source.kind, LISP_EID_NONE);
	rig_answer(r, (struct rig_answer){.prefix = "172.16.0.0/16", .rlocs = {{RIG_FAR, 1, 100}}});
	comes(r, (struct rig_want){.mark = 8});
	assert_int_equal(r->sent_count, 2);
	for (uint8_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PLAIN);
		assert_true(addr_equal(r->sent[i].plain.rloc.addr, addr_of(RIG_FAR)));
		assert_int_equal(r->sent[i].plain.header.vn, BLUE);
		assert_int_equal(r->sent[i].data[99], 7 + i);
		/* A router like any other. */
		assert_int_equal(r->sent[i].data[8], 63);
	}
	assert_int_equal(r->vr->sites[0].taken_in, 2);
	rig_free(r);
}

/* What a router of ours has is known without asking, also after a move; its session seals it. */
static void
what_a_peer_has_goes_to_the_peer(void **state)
{
	const struct rig_text text = proxy_with(
		PROXY("") ", \"mobile\": [{\"prefix\": \"10.2.0.0/24\", \"hosts\": [\"b\", "
			  "\"c\"]}]");
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	rig_there(r, 0, "10.2.0.5", 1, false);
	comes(r, (struct rig_want){.to = "10.2.0.5"});
	rig_there(r, 1, "10.2.0.5", 2, false);
	comes(r, (struct rig_want){.to = "10.2.0.5"});
	assert_int_equal(r->sent_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(r->sent[i].way, TO_PEER);
		assert_int_equal(r->sent[i].slot, r->slots[i]);
		assert_int_equal(r->sent[i].flags, 0);
	}
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_free(r);
}

static void
what_is_not_served_is_refused(void **state)
{
	static const char *const to[] = {"10.3.0.5", "10.1.0.5", "203.0.113.1", CLIENT, "8.8.8.8"};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(to); i++) {
		uint64_t before = rig_drops(r, DROP_PROXY_PREFIX);

		rig_forget(r);
		rig_run(r, US_S);
		comes(r, (struct rig_want){.to = to[i]});
		drops_one(r, DROP_PROXY_PREFIX, before, i);
		/* Its sender is told; nobody is asked. */
		assert_int_equal(r->sent_count, 1);
		assert_int_equal(r->sent[0].way, TO_LAN);
		assert_int_equal(rig_error(&r->sent[0]), UNREACHABLE_NET);
		assert_true(mac_equal(r->sent[0].mac, rig_machine(10)));
		assert_int_equal(r->message_count, 0);
	}
	rig_free(r);
}

static void
a_petr_alone_takes_nothing_in(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"ingress\": false"));
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	comes(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_PROXY_PREFIX), 1);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* EIDs, whether served or only known; what no machine has; the router itself. */
static void
a_source_that_cannot_be_outside_is_refused(void **state)
{
	static const char *const from[] = {EID,         "10.2.0.9",  "10.3.0.9",        "0.0.0.0",
					   "127.0.0.1", "224.0.0.1", "255.255.255.255", OUTSIDE};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(from); i++) {
		uint64_t before = rig_drops(r, DROP_PROXY_OUTSIDE);

		comes(r, (struct rig_want){.from = from[i]});
		drops_one(r, DROP_PROXY_OUTSIDE, before, i);
	}
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* The outside has it from a router that believes in the proxy: sent back it would come again. */
static void
what_is_no_eid_is_never_sent_back_outside(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	comes(r, (struct rig_want){.mark = 1});
	rig_answer(r,
		   (struct rig_answer){.prefix = "172.16.0.0/12", .action = LISP_NATIVE_FORWARD});
	rig_run(r, US_S);
	comes(r, (struct rig_want){.mark = 2});
	assert_int_equal(rig_drops(r, DROP_NEGATIVE), 2);
	assert_int_equal(r->sent_count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(rig_error(&r->sent[i]), UNREACHABLE_NET);
	rig_free(r);
}

static void
hops_and_sizes_are_those_of_a_router(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	comes(r, (struct rig_want){.ttl = 1});
	assert_int_equal(rig_drops(r, DROP_TTL), 1);
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(rig_error(&r->sent[0]), TIME_EXCEEDED);
	/* The router's own address outside. */
	assert_memory_equal(r->sent[0].data + 12, addr_of(OUTSIDE).b, 4);
	rig_forget(r);
	comes(r, (struct rig_want){.size = MTU + 1, .df = true});
	assert_int_equal(rig_drops(r, DROP_TOO_BIG), 1);
	assert_int_equal(rig_error(&r->sent[0]), TOO_BIG);
	assert_int_equal(packet_get16(r->sent[0].data + 26), MTU);
	rig_forget(r);
	comes(r, (struct rig_want){.size = MTU + 1});
	assert_int_equal(r->sent_count, 2);
	rig_free(r);
}

static void
only_frames_for_the_router_are_taken(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	struct eth eth = {.dst = rig_machine(77), .src = rig_machine(10), .type = ETH_IP4};
	struct rig_want want = {.from = CLIENT, .to = EID};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct frame f;
		uint8_t *bytes = rig_packet(&want, &f);

		f.data -= ETH_SIZE;
		f.size += ETH_SIZE;
		eth_build(&eth, f.data);
		vr_lan_frame(r->vr, BLUE, &f, r->now);
		rig_step(r);
		free(bytes);
		assert_int_equal(rig_drops(r, DROP_MULTICAST), i);
		eth.dst = MAC_BROADCAST;
	}
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

/* An SMR is followed: the next packet goes straight to where the EID is now. */
static void
a_machine_that_moves_is_followed(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	struct lisp_msg asked, msg = {.type = LISP_MAP_REQUEST, .nonce = 5};
	struct lisp_asked about = {.eid = lisp_eid_make(BLUE, prefix_host(addr_of(EID)), false)};
	struct lisp_rloc itr = lisp_rloc_make(addr_of(OTHER));
	struct endpoint from = endpoint_of(OTHER, LISP_CONTROL_PORT);
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	(void)state;
	msg.request.smr = true;
	msg.request.source = about.eid;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &about);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_true(mapsys_heard(r->vr, &from, data, (size_t)size, r->now));
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	assert_true(asked.request.smr_invoked && asked.request.pitr);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{OTHER, 1, 100}}});
	comes(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->sent_count, 1);
	assert_true(addr_equal(r->sent[0].plain.rloc.addr, addr_of(OTHER)));
	rig_free(r);
}

/* Nothing outside is an EID: nothing is registered, told or known of it, and nobody is answered about EIDs. */
static void
nothing_is_said_of_the_outside(void **state)
{
	struct rig *r = rig_make(&proxy);
	struct lisp_msg msg;

	(void)state;
	arp_heard(r, ARP_REQUEST, NEAR, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	comes(r, (struct rig_want){.from = NEAR});
	rig_asks(r, "198.51.100.7", OUTSIDE);
	rig_asks(r, "198.51.100.7", NEAR);
	rig_asks(r, "198.51.100.7", "10.2.0.5");
	rig_run(r, 120 * US_S);
	assert_int_equal(rig_count(r, LISP_MAP_REGISTER, &msg), 0);
	assert_int_equal(rig_count(r, LISP_MAP_REPLY, &msg), 0);
	assert_null(hwdt_find(r->vr->hwdt, BLUE, addr_of(NEAR)));
	assert_null(hwdt_find(r->vr->hwdt, BLUE, addr_of(OUTSIDE)));
	for (size_t i = 0; i < r->sync_count; i++)
		assert_false(r->syncs[i].type == SYNC_DELTA && r->syncs[i].vn == BLUE);
	rig_free(r);
}

/* ---- to the outside ---- */

static void
what_leaves_goes_to_the_gateway_or_to_a_neighbour(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.mark = 3});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_LAN);
	assert_true(mac_equal(r->sent[0].mac, rig_machine(254)));
	assert_int_equal(r->sent[0].data[99], 3);
	/* It waits until the neighbour has answered. */
	leaves(r, (struct rig_want){.to = NEAR, .mark = 4});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->arp_count, 1);
	assert_true(addr_equal(r->arps[0].tpa, addr_of(NEAR)));
	assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
	arp_answered(r, NEAR);
	leaves(r, (struct rig_want){.to = NEAR, .mark = 5});
	assert_int_equal(r->sent_count, 3);
	for (uint8_t i = 1; i < 3; i++) {
		assert_true(mac_equal(r->sent[i].mac, rig_machine(9)));
		assert_int_equal(r->sent[i].data[99], 3 + i);
	}
	assert_int_equal(r->vr->sites[0].let_out, 3);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 0);
	rig_free(r);
}

static void
without_a_gateway_only_neighbours_are_reached(void **state)
{
	const struct rig_text text =
		proxy_with("\"addresses\": [\"" OUTSIDE "/24\"], \"subnets\": [\"198.18.5.0/24\"],"
			   "\"lisp\": {\"use\": true}, \"proxy\": {\"prefixes\": "
			   "[\"172.16.0.0/12\"], \"check_locators\": false}");
	struct rig *r = rig_make(&text);

	(void)state;
	leaves(r, (struct rig_want){.to = "198.18.5.5"});
	assert_int_equal(r->arp_count, 1);
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_NO_ROUTE), 1);
	/* Told to the one who sent it, the way it came. */
	assert_int_equal(r->sent[r->sent_count - 1].way, TO_PLAIN);
	assert_int_equal(rig_error(&r->sent[r->sent_count - 1]), UNREACHABLE_NET);
	rig_free(r);
}

/* The first packet of a connection that a machine opens is not lost: it waits for the mapping of its source. */
static void
a_source_that_is_not_known_yet_is_asked_for(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	struct lisp_asked about;
	struct lisp_msg asked;

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	leaves(r, (struct rig_want){.mark = 2, .rloc = OTHER});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, &asked), 1);
	assert_true(lisp_asked_next(&asked.records, &about));
	assert_true(prefix_equal(about.eid.prefix, prefix_host(addr_of(EID))));
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{RIG_FAR, 1, 100}}});
	/* Of the two that waited one came from where the EID is not. */
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), 1);
	rig_free(r);
}

static void
a_source_of_which_nobody_knows_is_refused(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .action = LISP_NATIVE_FORWARD});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	/* And without any answer. */
	leaves(r, (struct rig_want){.from = "172.17.0.1"});
	rig_run(r, 20 * US_S);
	assert_int_equal(rig_drops(r, DROP_MAPPING_TIMEOUT), 1);
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

/* Its mapping has not followed yet: what it says meanwhile is neither lost nor believed without asking. */
static void
a_source_that_comes_from_elsewhere_is_asked_for_anew(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	uint64_t refused;

	(void)state;
	rig_run(r, 5 * US_S);
	leaves(r, (struct rig_want){.mark = 1, .rloc = OTHER});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{OTHER, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	/* A liar: the answer says otherwise, and it is not asked for without end. */
	rig_forget(r);
	refused = rig_drops(r, DROP_PROXY_LOCATOR);
	for (unsigned i = 0; i < 500; i++) {
		leaves(r, (struct rig_want){.rloc = RIG_FAR});
		if (rig_count(r, LISP_MAP_REQUEST, NULL) > 0)
			rig_answer(r, (struct rig_answer){.prefix = EID "/32",
							  .rlocs = {{OTHER, 1, 100}}});
		rig_run(r, 10 * US_MS);
	}
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), refused + 500);
	assert_int_equal(r->sent_count, 0);
	/* In five seconds: once in a second, and three ahead. */
	assert_in_range(rig_count(r, LISP_MAP_REQUEST, NULL), 4, 8);
	rig_free(r);
}

static void
what_may_not_leave_is_refused(void **state)
{
	static const struct {
		struct rig_want want;
		enum vr_drop reason;
	} cases[] = {
		/* From no EID that is served; from an EID of another router, or of the outside. */
		{{.from = "192.168.1.1"}, DROP_PROXY_SOURCE},
		{{.from = CLIENT}, DROP_PROXY_SOURCE},
		{{.from = NEAR, .to = CLIENT}, DROP_PROXY_SOURCE},
		{{.from = OUTSIDE}, DROP_PROXY_SOURCE},
		{{.from = "10.2.0.5"}, DROP_PLAIN_SOURCE},
		{{.from = "10.3.0.5", .rloc = RIG_C}, DROP_PROXY_SOURCE},
		{{.from = "0.0.0.0"}, DROP_PLAIN_SOURCE},
		{{.from = "224.0.0.1"}, DROP_PLAIN_SOURCE},
		/* Of another network, of one that is not there. */
		{{.vn = RED}, DROP_PLAIN_VN},
		{{.vn = 99}, DROP_PLAIN_VN},
		/* To EIDs, to nobody, to everybody. */
		{{.to = "172.16.0.6"}, DROP_NOT_HERE},
		{{.to = "10.2.0.5"}, DROP_NOT_HERE},
		{{.to = "10.3.0.5"}, DROP_NOT_HERE},
		{{.to = "127.0.0.1"}, DROP_NOT_HERE},
		{{.to = "0.0.0.1"}, DROP_NOT_HERE},
		{{.to = "240.0.0.1"}, DROP_NOT_HERE},
		{{.to = "198.18.0.255"}, DROP_NOT_HERE},
		{{.to = "198.18.0.0"}, DROP_NOT_HERE},
		{{.to = "255.255.255.255"}, DROP_MULTICAST},
		{{.to = "224.0.0.251"}, DROP_MULTICAST},
	};
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint64_t before = rig_drops(r, cases[i].reason);

		leaves(r, cases[i].want);
		drops_one(r, cases[i].reason, before, i);
		assert_int_equal(r->sent_count, 0);
		assert_int_equal(r->message_count, 0);
	}
	assert_int_equal(r->vr->sites[0].let_out, 0);
	rig_free(r);
}

static void
a_pitr_alone_lets_nothing_out(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"egress\": false"));
	struct rig *r = proxy_make(&text, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(rig_drops(r, DROP_NOT_HERE), 1);
	assert_int_equal(r->sent_count, 0);
	rig_free(r);
}

static void
the_prefix_alone_may_be_enough(void **state)
{
	const struct rig_text text = proxy_with(PROXY(", \"check_locators\": false"));
	struct rig *r = proxy_make(&text, NULL);

	(void)state;
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->message_count, 0);
	leaves(r, (struct rig_want){.from = "192.168.1.1"});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	rig_free(r);
}

/* The routers know each other: whose EID it is, and that it comes from there. */
static void
what_peers_let_out_needs_no_mapping(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves_from_peer(r, 0, (struct rig_want){.from = "10.2.0.5"});
	assert_int_equal(r->sent_count, 1);
	leaves_from_peer(r, 1, (struct rig_want){.from = "10.2.0.5"});
	assert_int_equal(rig_drops(r, DROP_PEER_SOURCE), 1);
	/* Its own, which is not served. */
	leaves_from_peer(r, 1, (struct rig_want){.from = "10.3.0.5"});
	assert_int_equal(rig_drops(r, DROP_PROXY_SOURCE), 1);
	/* Plain from the peer that has it, and from nobody else. */
	leaves(r, (struct rig_want){.from = "10.2.0.5", .rloc = RIG_B});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->message_count, 0);
	rig_free(r);
}

/* Where the mapping system leads to a peer's locator, its packets come through the session. */
static void
a_mapping_counts_for_what_comes_sealed(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);

	(void)state;
	leaves_from_peer(r, 1, (struct rig_want){.from = EID, .mark = 1});
	leaves_from_peer(r, 0, (struct rig_want){.from = EID, .mark = 2});
	assert_int_equal(r->sent_count, 0);
	rig_answer(r, (struct rig_answer){.prefix = EID "/32", .rlocs = {{RIG_C, 1, 100}}});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].data[99], 1);
	assert_int_equal(rig_drops(r, DROP_PROXY_LOCATOR), 1);
	/* One that waits for a peer that is taken out meanwhile does not outlive it. */
	leaves_from_peer(r, 0, (struct rig_want){.from = "172.17.0.1"});
	vr_peer_remove(r->vr, r->slots[0], r->now);
	rig_answer(r, (struct rig_answer){.prefix = "172.17.0.1/32", .rlocs = {{RIG_B, 1, 100}}});
	assert_int_equal(rig_drops(r, DROP_PEER_DOWN), 1);
	rig_free(r);
}

/* Two networks have the same addresses, inside and outside; each has its own device, neighbours and mappings. */
static void
networks_do_not_meet_at_a_proxy(void **state)
{
	struct rig_text text = proxy_with(PROXY(""));
	struct rig *r;

	(void)state;
	text.red = PROXY(", \"check_locators\": false");
	r = proxy_make(&text, RIG_FAR);
	/* In, of the other network: where the EID is there is not known. */
	comes(r, (struct rig_want){.vn = RED, .mark = 1});
	assert_int_equal(r->sent_count, 0);
	assert_int_equal(rig_count(r, LISP_MAP_REQUEST, NULL), 1);
	comes(r, (struct rig_want){.mark = 2});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].plain.header.vn, BLUE);
	/* Out: its gateway is another one, of the same address. */
	rig_forget(r);
	leaves(r, (struct rig_want){.vn = RED, .mark = 3});
	leaves(r, (struct rig_want){.mark = 4});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].vn, BLUE);
	assert_int_equal(r->sent[0].data[99], 4);
	arp_heard(r, ARP_REQUEST, GATEWAY, rig_machine(254), OUTSIDE, MAC_BROADCAST);
	assert_int_equal(r->sent_count, 1);
	arp_heard_in(r, RED, ARP_REPLY, GATEWAY, rig_machine(99), OUTSIDE,
		     (struct mac){{2, 0x56, 0x52, 0, 0, RED}});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[1].vn, RED);
	assert_int_equal(r->sent[1].data[99], 3);
	assert_true(mac_equal(r->sent[1].mac, rig_machine(99)));
	rig_free(r);
}

/* Strangers have the proxy ask for any source; packets from outside find room all the same. */
static void
strangers_leave_room_to_ask(void **state)
{
	struct rig *r = proxy_make(&proxy, NULL);
	size_t asked;

	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		char from[32];

		snprintf(from, sizeof(from), "172.20.%u.%u", i / 250, 1 + i % 250);
		leaves(r, (struct rig_want){.from = from});
		r->message_count = 0;
	}
	for (unsigned i = 0; i < 100; i++) {
		char to[32];

		snprintf(to, sizeof(to), "172.16.1.%u", 1 + i);
		comes(r, (struct rig_want){.to = to});
	}
	asked = rig_count(r, LISP_MAP_REQUEST, NULL);
	assert_int_equal(asked, 100);
	rig_free(r);
}

static void
the_proxy_answers_the_way_a_packet_came(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);

	(void)state;
	leaves(r, (struct rig_want){.to = OUTSIDE, .echo = true});
	assert_int_equal(r->sent_count, 1);
	assert_int_equal(r->sent[0].way, TO_PLAIN);
	assert_int_equal(r->sent[0].data[20], 0);
	comes(r, (struct rig_want){.to = OUTSIDE, .echo = true});
	assert_int_equal(r->sent_count, 2);
	assert_int_equal(r->sent[1].way, TO_LAN);
	/* A narrow outside. */
	vr_lan_changed(r->vr, BLUE, own, 1000, true, r->now);
	leaves(r, (struct rig_want){.size = 1400, .df = true});
	assert_int_equal(r->sent_count, 3);
	assert_int_equal(r->sent[2].way, TO_PLAIN);
	assert_int_equal(rig_error(&r->sent[2]), TOO_BIG);
	assert_int_equal(packet_get16(r->sent[2].data + 26), 1000);
	rig_free(r);
}

/* ---- neighbours ---- */

static void
arp_is_answered_for_own_addresses_only(void **state)
{
	static const struct {
		const char *from, *to;
		bool answered;
	} cases[] = {{NEAR, OUTSIDE, true},
		     {NEAR, EID, false},
		     {NEAR, "198.18.0.77", false},
		     {"0.0.0.0", OUTSIDE, true},
		     {"203.0.113.1", OUTSIDE, true}};
	struct rig *r = rig_make(&proxy);
	size_t known = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		rig_forget(r);
		arp_heard(r, ARP_REQUEST, cases[i].from, rig_machine(9), cases[i].to,
			  MAC_BROADCAST);
		assert_int_equal(r->arp_count, cases[i].answered);
		if (cases[i].answered) {
			assert_int_equal(r->arps[0].op, ARP_REPLY);
			assert_true(mac_equal(r->arps[0].sha, own));
			assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
		}
		/* Who is on the link, and nobody else, is a neighbour. */
		known += i == 0;
		assert_int_equal(outside_count(r->vr->sites[0].outside), known);
	}
	/* Somebody else has it: that is counted, and said again that it is the router's. */
	rig_forget(r);
	arp_heard(r, ARP_REQUEST, OUTSIDE, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	assert_int_equal(rig_drops(r, DROP_ADDRESS_TAKEN), 1);
	assert_int_equal(r->arp_count, 1);
	assert_true(addr_equal(r->arps[0].spa, addr_of(OUTSIDE)));
	rig_free(r);
}

static void
a_neighbour_that_falls_silent_is_asked_and_forgotten(void **state)
{
	struct rig *r = proxy_make(&proxy, RIG_FAR);
	size_t asked = 0;

	(void)state;
	rig_run(r, OUTSIDE_STALE + US_S);
	/* A packet of its own says that it lives. */
	comes(r, (struct rig_want){.from = GATEWAY});
	rig_forget(r);
	leaves(r, (struct rig_want){.mark = 1});
	assert_int_equal(r->arp_count, 0);
	rig_run(r, OUTSIDE_STALE + US_S);
	for (unsigned i = 0; i < 20 && outside_count(r->vr->sites[0].outside) > 0; i++) {
		leaves(r, (struct rig_want){.mark = 1});
		asked += r->arp_count;
		r->arp_count = 0;
		rig_run(r, 500 * US_MS);
	}
	/* Unicast three times, then by broadcast. */
	assert_int_equal(outside_count(r->vr->sites[0].outside), 0);
	assert_int_equal(asked, OUTSIDE_TRIES + 1);
	arp_answered(r, GATEWAY);
	assert_int_equal(outside_count(r->vr->sites[0].outside), 1);
	/* Another card in the same machine. */
	arp_heard(r, ARP_REQUEST, GATEWAY, rig_machine(77), GATEWAY, MAC_BROADCAST);
	rig_forget(r);
	leaves(r, (struct rig_want){.mark = 1});
	assert_true(mac_equal(r->sent[0].mac, rig_machine(77)));
	/* A device that comes back may stand in another network. */
	vr_lan_changed(r->vr, BLUE, own, 1500, false, r->now);
	vr_lan_changed(r->vr, BLUE, own, 1500, true, r->now);
	assert_int_equal(outside_count(r->vr->sites[0].outside), 0);
	rig_free(r);
}

static void
neighbours_are_bounded(void **state)
{
	const struct rig_text text =
		proxy_with("\"addresses\": [\"198.18.0.1/15\"], \"lisp\": {\"use\": true}, "
			   "\"proxy\": {\"prefixes\": [\"172.16.0.0/12\"]}");
	struct rig *r = rig_make(&text);

	(void)state;
	for (unsigned i = 2; i < 20000; i++) {
		char from[32];

		snprintf(from, sizeof(from), "198.18.%u.%u", i / 256, i % 256);
		arp_heard(r, ARP_REQUEST, from, rig_machine(9), OUTSIDE, MAC_BROADCAST);
	}
	assert_int_equal(outside_count(r->vr->sites[0].outside), OUTSIDE_MAX);
	rig_free(r);
}

/* ---- who uses a proxy ---- */

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
		cmocka_unit_test(what_comes_from_outside_waits_for_the_mapping_and_is_sent_there),
		cmocka_unit_test(what_a_peer_has_goes_to_the_peer),
		cmocka_unit_test(what_is_not_served_is_refused),
		cmocka_unit_test(a_petr_alone_takes_nothing_in),
		cmocka_unit_test(a_source_that_cannot_be_outside_is_refused),
		cmocka_unit_test(what_is_no_eid_is_never_sent_back_outside),
		cmocka_unit_test(hops_and_sizes_are_those_of_a_router),
		cmocka_unit_test(only_frames_for_the_router_are_taken),
		cmocka_unit_test(a_machine_that_moves_is_followed),
		cmocka_unit_test(nothing_is_said_of_the_outside),
		cmocka_unit_test(what_leaves_goes_to_the_gateway_or_to_a_neighbour),
		cmocka_unit_test(without_a_gateway_only_neighbours_are_reached),
		cmocka_unit_test(a_source_that_is_not_known_yet_is_asked_for),
		cmocka_unit_test(a_source_of_which_nobody_knows_is_refused),
		cmocka_unit_test(a_source_that_comes_from_elsewhere_is_asked_for_anew),
		cmocka_unit_test(what_may_not_leave_is_refused),
		cmocka_unit_test(a_pitr_alone_lets_nothing_out),
		cmocka_unit_test(the_prefix_alone_may_be_enough),
		cmocka_unit_test(what_peers_let_out_needs_no_mapping),
		cmocka_unit_test(a_mapping_counts_for_what_comes_sealed),
		cmocka_unit_test(networks_do_not_meet_at_a_proxy),
		cmocka_unit_test(strangers_leave_room_to_ask),
		cmocka_unit_test(the_proxy_answers_the_way_a_packet_came),
		cmocka_unit_test(arp_is_answered_for_own_addresses_only),
		cmocka_unit_test(a_neighbour_that_falls_silent_is_asked_and_forgotten),
		cmocka_unit_test(neighbours_are_bounded),
		cmocka_unit_test(what_is_to_be_forwarded_natively_goes_to_the_first_petr),
		cmocka_unit_test(a_petr_that_is_a_peer_is_reached_sealed),
		cmocka_unit_test(a_peer_can_be_the_proxy),
		cmocka_unit_test(only_a_proxy_speaks_for_the_outside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
