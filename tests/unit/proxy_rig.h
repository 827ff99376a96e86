/* A proxy between a client outside, a gateway and a plain LISP site. */
#ifndef TESTS_UNIT_PROXY_RIG_H
#define TESTS_UNIT_PROXY_RIG_H

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

static inline struct rig_text
proxy_with(const char *whole)
{
	struct rig_text text = proxy;

	text.whole = whole;
	return text;
}

static inline void
drops_one(struct rig *r, enum vr_drop reason, uint64_t before, size_t number)
{
	if (rig_drops(r, reason) != before + 1)
		fail_msg("%zu: not %s", number, vr_drop_name(reason));
}

/* An ARP frame on the outside. */
static inline void
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

static inline void
arp_heard(struct rig *r, uint16_t op, const char *from, struct mac mac, const char *to,
	  struct mac eth_dst)
{
	arp_heard_in(r, BLUE, op, from, mac, to, eth_dst);
}

static const struct mac own = {{2, 0x56, 0x52, 0, 0, BLUE}};

static inline void
arp_answered(struct rig *r, const char *ip)
{
	arp_heard(r, ARP_REPLY, ip, rig_machine(addr_of(ip).b[3]), OUTSIDE, own);
}

/* A packet of the client to the EID, unless it says otherwise. */
static inline void
comes(struct rig *r, struct rig_want want)
{
	if (want.from == NULL)
		want.from = CLIENT;
	if (want.to == NULL)
		want.to = EID;
	rig_sends(r, want);
}

/* The answer to it, plain. */
static inline void
leaves(struct rig *r, struct rig_want want)
{
	if (want.from == NULL)
		want.from = EID;
	if (want.to == NULL)
		want.to = CLIENT;
	rig_plain(r, want);
}

static inline void
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
static inline struct rig *
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

#endif
