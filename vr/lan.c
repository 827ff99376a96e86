/* ARP and RARP on the LAN: see lan.h. */
#include "vr/lan.h"

#include "vr/beside.h"
#include "vr/neigh.h"
#include "vr/outside.h"
#include "vr/query.h"
#include "vr/sight.h"
#include "wire/arp.h"
#include "wire/eth.h"

void
lan_reply(struct vr *vr, const struct site *site, struct addr ip, struct mac to, struct addr to_ip)
{
	struct arp reply = {.eth_dst = to,
			    .eth_src = site->router_mac,
			    .op = ARP_REPLY,
			    .sha = site->router_mac,
			    .tha = to,
			    .spa = ip,
			    .tpa = to_ip};
	uint8_t frame[ETH_FRAME_MIN];

	arp_build(&reply, frame);
	/* A lost reply is asked for again. */
	(void)vr->io->lan_inject(vr->ctx, site->vn, frame, sizeof(frame));
}

void
lan_defend(struct vr *vr, struct site *site, struct addr ip, struct mac requester)
{
	lan_reply(vr, site, ip, requester, (struct addr){.family = ADDR_V4});
}

void
lan_announce(struct vr *vr, const struct site *site)
{
	for (size_t i = 0; i < site->conf->address_count; i++) {
		struct addr own = site->conf->addresses[i].addr;
		struct arp news = {.eth_dst = MAC_BROADCAST,
				   .eth_src = site->router_mac,
				   .op = ARP_REQUEST,
				   .sha = site->router_mac,
				   .spa = own,
				   .tpa = own};
		uint8_t frame[ETH_FRAME_MIN];

		if (own.family != ADDR_V4)
			continue;
		arp_build(&news, frame);
		/* Who does not hear it asks when the old address has stopped to answer. */
		(void)vr->io->lan_inject(vr->ctx, site->vn, frame, sizeof(frame));
	}
}

/* RFC 5227, DEFEND_INTERVAL: two that defend an address against each other would never end. */
#define DEFEND_INTERVAL (10 * US_S)

/* Somebody uses an address of the router's own: its neighbours hear whose it is, and people that there are two. */
static void
own_address_taken(struct vr *vr, struct site *site, const struct arp *arp, us_t now)
{
	struct binding b = {.vn = site->vn, .ip = arp->spa, .mac = arp->sha, .vr = vr->self};

	vr_drop(vr, DROP_ADDRESS_TAKEN);
	if (now < site->defend_due)
		return;
	site->defend_due = now + DEFEND_INTERVAL;
	sight_alarm(vr, &b, (struct vr_id){0}, "duplicate: it is this router's own address", now);
	lan_announce(vr, site);
}

/* Hosts that do not listen are told once in a while; all hosts of a LAN together so many at once and one more per
 * millisecond. */
#define TELL_AGAIN (1 * US_S)
#define TELL_BURST 64
#define TELL_PACE  (1 * US_MS)

static struct vr_told *
told_row(struct vr *vr, struct site *site, struct mac to, struct addr ip)
{
	uint8_t bytes[sizeof(to.b) + sizeof(ip)];

	memcpy(bytes, to.b, sizeof(to.b));
	memcpy(bytes + sizeof(to.b), &ip, sizeof(ip));
	return &site->told[hash_bytes(&vr->key, bytes, sizeof(bytes)) % VR_TOLD];
}

void
lan_tell(struct vr *vr, struct site *site, struct mac to, struct addr to_ip,
	 const struct hwdt_entry *e, us_t now)
{
	struct vr_told *told = told_row(vr, site, to, e->b.ip);

	if (now < told->again && mac_equal(told->to, to) && addr_equal(told->ip, e->b.ip))
		return;
	/* Who waits in this row comes first; the other is told with a later frame. */
	if (told->waits)
		return;
	if (e->b.kind != BINDING_HOST || !vr_same_subnet(vr, site, to_ip, e->b.ip))
		return;
	if (!pace_take(&site->tell_pace, now, TELL_PACE, TELL_BURST))
		return;
	*told = (struct vr_told){
		.to = to, .ip = e->b.ip, .mac = e->b.mac, .again = now + TELL_AGAIN, .waits = true};
	site->tells = vr->wake = true;
}

void
lan_tell_run(struct vr *vr, struct site *site)
{
	uint8_t frame[ETH_FRAME_MIN];

	for (size_t i = 0; site->tells && i < VR_TOLD; i++) {
		struct vr_told *told = &site->told[i];

		if (!told->waits)
			continue;
		told->waits = false;
		arp_is_at_build(told->to, site->router_mac, told->ip, told->mac, frame);
		(void)vr->io->lan_inject(vr->ctx, site->vn, frame, sizeof(frame));
	}
	site->tells = false;
}

/* Asks the other routers on behalf of the requester, who is answered as soon as they know. */
static void
ask_for(struct vr *vr, struct site *site, const struct arp *arp, us_t now)
{
	struct vr_query *q = query_start(vr, site, (struct mac){{0}}, arp->tpa, now);

	if (q == NULL)
		return;
	q->asker = arp->sha;
	q->asker_ip = arp->spa;
}

/* The address is another router's.  Where the machine has a LAN beside us, that comes first. */
static void
answer(struct vr *vr, struct site *site, struct addr ip, struct mac to, struct addr to_ip, us_t now)
{
	if (site->beside != NULL)
		beside_asked(vr, site, ip, to, to_ip, now);
	else
		lan_reply(vr, site, ip, to, to_ip);
}

void
lan_owner_known(struct vr *vr, struct site *site, const struct binding *b, us_t now)
{
	struct vr_query *q = query_find(vr, site->vn, (struct mac){{0}}, b->ip);

	if (q == NULL || mac_is_zero(q->asker) || addr_is_unspecified(q->asker_ip))
		return;
	if (!mac_equal(q->asker, b->mac))
		answer(vr, site, b->ip, q->asker, q->asker_ip, now);
	q->asker = (struct mac){{0}};
}

static void
answer_request(struct vr *vr, struct site *site, const struct arp *arp, bool may_speak, us_t now)
{
	const struct hwdt_entry *e;

	if (addr_equal(arp->spa, arp->tpa))
		return;
	if (vr_owns_address(site, arp->tpa)) {
		lan_reply(vr, site, arp->tpa, arp->sha, arp->spa);
		return;
	}
	e = hwdt_find(vr->hwdt, site->vn, arp->tpa);
	if (e == NULL || e->b.withdrawn) {
		/* On the machine's own bridge there is no gateway: whoever is behind a router answers by it. */
		if (site->beside != NULL && may_speak && beside_is_routed(vr, site, arp->tpa)) {
			answer(vr, site, arp->tpa, arp->sha, arp->spa, now);
			return;
		}
		/* Nobody is known to have it: perhaps a silent machine at another site. */
		if (may_speak && lndt_is_mobile(vr->lndt, site->vn, arp->tpa))
			ask_for(vr, site, arp, now);
		return;
	}
	if (mac_equal(e->b.mac, arp->sha) || vr_id_equal(e->b.vr, vr->self))
		return;
	if (addr_is_unspecified(arp->spa)) {
		/* Where the address may not live, nobody can use it, and its owner would not say. */
		if (!lndt_may_host(vr->lndt, site->vn, arp->tpa, vr->self))
			return;
		presence_start(vr->presence, PRESENCE_DEFEND, site->vn, arp->tpa, arp->sha, e->b.vr,
			       now);
		return;
	}
	if (!may_speak)
		return;
	/* Whoever asks us alone knows that the way is by us, and asks whether it still is. */
	if (mac_equal(arp->eth_dst, site->router_mac))
		lan_reply(vr, site, arp->tpa, arp->sha, arp->spa);
	else
		answer(vr, site, arp->tpa, arp->sha, arp->spa, now);
}

static void
arp_heard(struct vr *vr, struct site *site, const struct arp *arp, us_t now)
{
	bool to_us = mac_equal(arp->eth_dst, site->router_mac);
	bool may_speak = false;

	/* Somebody speaking for others (another router's announcement) is no sighting. */
	if (!addr_is_unspecified(arp->spa) && mac_equal(arp->eth_src, arp->sha)) {
		bool is_garp = addr_equal(arp->spa, arp->tpa);

		if (vr_owns_address(site, arp->spa)) {
			own_address_taken(vr, site, arp, now);
			return;
		}
		/* An answer to us is presence, which is settled first: it is no late frame. */
		if (arp->op == ARP_REPLY && to_us)
			presence_answered(vr->presence, site->vn, arp->spa, arp->sha, now);
		may_speak = site->outside == NULL &&
			    sight_machine(vr, site, is_garp ? SIGHTING_GARP : SIGHTING_ARP,
					  arp->sha, arp->spa, now);
	}
	if (site->outside != NULL)
		outside_arp(vr, site, arp, now);
	else if (arp->op == ARP_REQUEST)
		answer_request(vr, site, arp, may_speak, now);
}

void
lan_control(struct vr *vr, struct site *site, const uint8_t *frame, size_t size, bool outgoing,
	    us_t now)
{
	struct arp arp;

	/* What this host's own kernel says is a sighting like any other: it stands on this LAN. */
	(void)outgoing;
	if (arp_parse(frame, size, &arp) != 0) {
		vr_drop(vr, DROP_ARP_MALFORMED);
		return;
	}
	if (mac_equal(arp.eth_src, site->router_mac) || mac_equal(arp.sha, site->router_mac)) {
		vr_drop(vr, DROP_ECHO);
		return;
	}
	if (arp.op == RARP_REQUEST && mac_is_multicast(arp.tha))
		vr_drop(vr, DROP_ARP_MALFORMED);
	else if (arp.op == RARP_REQUEST && site->outside != NULL)
		/* A machine outside may move as it likes. */
		return;
	else if (arp.op == RARP_REQUEST)
		(void)sight_rarp(vr, site, mac_is_zero(arp.tha) ? arp.sha : arp.tha, now, now);
	else if (arp.op == ARP_REQUEST || arp.op == ARP_REPLY)
		arp_heard(vr, site, &arp, now);
}
