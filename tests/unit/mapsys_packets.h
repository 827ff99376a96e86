/* What machines and plain LISP sites send to the router of the rig, and what comes of it. */
#ifndef TESTS_UNIT_MAPSYS_PACKETS_H
#define TESTS_UNIT_MAPSYS_PACKETS_H

#include "tests/unit/mapsys_rig.h"

static inline struct mac
rig_machine(uint8_t number)
{
	return (struct mac){{0x52, 0x54, 0, 0, 0, number}};
}

/* A machine of the first network says that it is here. */
static inline void
rig_here(struct rig *r, const char *eid)
{
	struct addr ip = addr_of(eid);
	struct arp arp = {.eth_dst = MAC_BROADCAST,
			  .eth_src = rig_machine(ip.b[3]),
			  .op = ARP_REQUEST,
			  .sha = rig_machine(ip.b[3]),
			  .spa = ip,
			  .tpa = ip};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&arp, frame);
	vr_lan_control(r->vr, BLUE, frame, sizeof(frame), false, r->now);
	rig_step(r);
}

/* As far as the router knows. */
static inline bool
rig_is_here(const struct rig *r, const char *eid)
{
	const struct hwdt_entry *e = hwdt_find(r->vr->hwdt, BLUE, addr_of(eid));

	return e != NULL && !e->b.withdrawn && vr_id_equal(e->b.vr, r->vr->self);
}

/* A peer says that a machine is there, or no longer. */
static inline void
rig_there(struct rig *r, size_t peer, const char *eid, mobility_t mobility, bool withdrawn)
{
	struct sync_msg msg = {.type = SYNC_DELTA, .id = 1, .vn = BLUE};

	msg.delta.count = 1;
	msg.delta.bindings[0] = (struct sync_binding){.ip = addr_of(eid),
						      .mac = rig_machine(addr_of(eid).b[3]),
						      .mobility = mobility,
						      .withdrawn = withdrawn};
	rig_hear(r, peer, &msg);
	rig_step(r);
}

/* What to send; what is left zero gets a usual value. */
struct rig_want {
	const char *from, *to; /* 10.1.0.5; 172.16.0.5 */
	vn_id_t vn;
	size_t size;   /* of the IP packet: 100 */
	uint8_t mark;  /* the last byte */
	uint16_t port; /* source port: another flow */
	uint8_t ttl;
	bool df, echo, ip6, is_cut;
	struct lispdata header; /* without VN: of this 'vn' */
	const char *rloc;       /* RIG_FAR */
};

/* The packet with room in front; free it. */
static inline uint8_t *
rig_packet(const struct rig_want *want, struct frame *f)
{
	size_t size = want->size != 0 ? want->size : 100;
	const struct packet_want shape = {.proto = want->echo ? PACKET_ICMP : PACKET_UDP,
					  .ip6 = want->ip6,
					  .ttl = want->ttl,
					  .payload = size - (want->ip6 ? 40 : 20),
					  .fragment = want->df ? 0x4000 : 0};
	uint8_t *made = packet_make(&shape), *bytes = malloc(FRAME_HEADROOM + ETH_SIZE + size);

	assert_non_null(bytes);
	if (!want->ip6) {
		memcpy(made + 12, addr_of(want->from != NULL ? want->from : "10.1.0.5").b, 4);
		memcpy(made + 16, addr_of(want->to != NULL ? want->to : "172.16.0.5").b, 4);
		packet_ip4_sum(made);
		made[size - 1] = want->mark;
	}
	if (want->port != 0)
		packet_put16(made + 20, want->port);
	if (want->echo) {
		memset(made + 20, 0, 8);
		made[20] = 8;
		packet_put16(made + 22, (uint16_t)~packet_sum(made + 20, size - 20, 0));
	}
	*f = (struct frame){.data = bytes + FRAME_HEADROOM + ETH_SIZE, .size = size};
	memcpy(f->data, made, size);
	if (want->is_cut)
		f->size = 19;
	free(made);
	return bytes;
}

/* A machine of the LAN sends to the router. */
static inline void
rig_sends(struct rig *r, struct rig_want want)
{
	vn_id_t vn = want.vn != 0 ? want.vn : BLUE;
	struct eth eth = {
		.dst = {{2, 0x56, 0x52, 0, 0, (uint8_t)vn}},
		.src = rig_machine(addr_of(want.from != NULL ? want.from : "10.1.0.5").b[3]),
		.type = ETH_IP4};
	struct frame f;
	uint8_t *bytes = rig_packet(&want, &f);

	f.data -= ETH_SIZE;
	f.size += ETH_SIZE;
	eth_build(&eth, f.data);
	vr_lan_frame(r->vr, vn, &f, r->now);
	rig_step(r);
	free(bytes);
}

/* A plain LISP packet comes in. */
static inline void
rig_plain(struct rig *r, struct rig_want want)
{
	struct endpoint from = endpoint_of(want.rloc != NULL ? want.rloc : RIG_FAR, 50000);
	struct frame f;
	uint8_t *bytes;

	if (want.from == NULL)
		want.from = "172.16.0.5";
	if (want.to == NULL)
		want.to = "10.1.0.5";
	if (!want.header.has_vn) {
		want.header.has_vn = true;
		want.header.vn = want.vn != 0 ? want.vn : BLUE;
	}
	bytes = rig_packet(&want, &f);
	fwd_from_plain(r->vr, &from, &want.header, &f, r->now);
	rig_step(r);
	free(bytes);
}

/* The type and code of an ICMP error that was sent, or -1. */
static inline int
rig_error(const struct rig_packet *p)
{
	return p->data[9] == PACKET_ICMP ? p->data[20] << 8 | p->data[21] : -1;
}

#endif
