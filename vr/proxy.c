/* The decisions of a proxy: see proxy.h. */
#include "vr/proxy.h"

#include "tables/mapcache.h"
#include "vr/fwd.h"
#include "vr/fwd_mapped.h"
#include "vr/fwd_out.h"
#include "vr/fwd_rtr.h"
#include "vr/mapsys.h"
#include "vr/outside.h"
#include "vr/query.h"

bool
proxy_serves(const struct site *site, struct addr eid)
{
	const struct conf_proxy *proxy = &site->conf->proxy;

	for (size_t i = 0; i < proxy->prefix_count; i++)
		if (prefix_contains(proxy->prefixes[i], eid))
			return true;
	return false;
}

/* Is it an EID, as far as can be known without asking? */
static bool
is_inside(const struct vr *vr, const struct site *site, struct addr ip)
{
	return proxy_serves(site, ip) || gndt_find(vr->gndt, site->vn, ip) != NULL ||
	       lndt_is_mobile(vr->lndt, site->vn, ip);
}

bool
proxy_lets_out(const struct vr *vr, const struct site *site, struct addr to)
{
	return site->outside != NULL && site->conf->lisp && site->conf->proxy.egress &&
	       to.family == ADDR_V4 && !is_inside(vr, site, to);
}

/* No machine has it: this network's zero, loopback, multicast, broadcast, class E (RFC 1122 section 3.2.1.3). */
static bool
is_nobody(struct addr ip)
{
	return ip.b[0] == 0 || ip.b[0] == 127 || ip.b[0] >= 224;
}

/* The broadcast address, or the network's own, of a subnet on the outside (RFC 2644). */
static bool
is_directed_broadcast(const struct site *site, struct addr ip)
{
	uint32_t host = (uint32_t)ip.b[0] << 24 | (uint32_t)ip.b[1] << 16 | (uint32_t)ip.b[2] << 8 |
			ip.b[3];

	for (size_t i = 0; i < site->conf->address_count; i++) {
		const struct conf_address *a = &site->conf->addresses[i];
		uint32_t mask = a->len > 0 ? UINT32_MAX << (32 - a->len) : 0;

		/* Of the shorter ones only: a /31 and a /32 have none. */
		if (a->len < 31 && prefix_contains(prefix_make(a->addr, a->len), ip) &&
		    ((host & ~mask) == 0 || (host & ~mask) == ~mask))
			return true;
	}
	return false;
}

/* ---- from outside: the PITR ---- */

static void
take_in(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	const struct ip *ip, us_t now)
{
	const struct gndt_target *route = gndt_find(vr->gndt, site->vn, ip->dst);

	if (route != NULL) {
		site->taken_in++;
		fwd_to_peer(vr, site, route->slot, origin, (struct seal_inner){0}, f, ip, now);
	} else if (vr->mapsys != NULL && site->conf->lisp) {
		site->taken_in++;
		fwd_unrouted(vr, site, origin, f, ip, now);
	} else if (lndt_is_mobile(vr->lndt, site->vn, ip->dst)) {
		fwd_unrouted(vr, site, origin, f, ip, now);
	} else {
		fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_NO_ROUTE);
	}
}

void
proxy_from_outside(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct mac to,
		   struct frame *f, const struct ip *ip, us_t now)
{
	if (mac_is_multicast(to) || addr_is_multicast(ip->dst)) {
		vr_drop(vr, DROP_MULTICAST);
		return;
	}
	if (!mac_equal(to, site->router_mac))
		return;
	vr->lan_taken++;
	if (is_nobody(ip->src) || is_inside(vr, site, ip->src) || vr_owns_address(site, ip->src)) {
		vr_drop(vr, DROP_PROXY_OUTSIDE);
		return;
	}
	outside_heard(site, ip->src, origin->mac, now);
	if (vr_owns_address(site, ip->dst)) {
		fwd_to_self(vr, site, origin, f, ip, now);
		return;
	}
	if (!site->conf->proxy.ingress || !proxy_serves(site, ip->dst)) {
		fwd_error(vr, site, origin, f, ip, ICMP_NET_UNREACHABLE, 0, now);
		vr_drop(vr, DROP_PROXY_PREFIX);
		return;
	}
	if (fwd_count_hop(vr, site, origin, f, ip, now))
		take_in(vr, site, origin, f, ip, now);
}

/* ---- from the underlay: the PETR ---- */

/* Where the packet was encapsulated; NONE when that is not known. */
static struct addr
sender(struct vr *vr, const struct fwd_origin *origin)
{
	struct addr rloc = origin->rloc;

	if (origin->peer != NULL && !vr->io->link_rloc(vr->ctx, origin->peer->slot, &rloc))
		rloc = (struct addr){.family = ADDR_NONE};
	return rloc;
}

static bool
has_locator(const struct mapping *m, struct addr rloc)
{
	for (unsigned i = 0; i < m->count; i++)
		if (addr_equal(m->locators[i].rloc, rloc))
			return true;
	return false;
}

/* What is known of the source of a packet. */
enum source { SOURCE_GOOD, SOURCE_UNKNOWN, SOURCE_NO_EID, SOURCE_ELSEWHERE };

/* The source is an EID of a configured site (RFC 6832 section 6.1), and its packets come from where packets to it would go.
 * Anybody can forge the outer address: the second keeps honest sites apart, not liars out. */
static enum source
judge_source(struct vr *vr, const struct site *site, const struct fwd_origin *origin,
	     const struct ip *ip, us_t now)
{
	struct mapping *m;

	if (!proxy_serves(site, ip->src))
		return SOURCE_NO_EID;
	/* It has registered through us, from there. */
	if (origin->peer == NULL && fwd_rtr_is_from(vr, site, origin->rloc, ip))
		return SOURCE_GOOD;
	/* The routers know who may speak for it, and that was looked at. */
	if (!site->conf->proxy.check_locators || gndt_find(vr->gndt, site->vn, ip->src) != NULL ||
	    lndt_is_mobile(vr->lndt, site->vn, ip->src))
		return SOURCE_GOOD;
	if (vr->mapsys == NULL || !site->conf->lisp)
		return SOURCE_NO_EID;
	m = mapcache_find(mapsys_cache(vr->mapsys), site->vn, ip->src);
	if (m == NULL)
		return SOURCE_UNKNOWN;
	if (m->count == 0)
		return SOURCE_NO_EID;
	if (!has_locator(m, sender(vr, origin)))
		return SOURCE_ELSEWHERE;
	/* What lets packets out is refreshed in time, and kept. */
	m->used = now;
	return SOURCE_GOOD;
}

static void
let_out(struct vr *vr, struct site *site, const struct fwd_origin *origin, struct frame *f,
	const struct ip *ip, us_t now)
{
	if (vr_owns_address(site, ip->dst)) {
		fwd_to_self(vr, site, origin, f, ip, now);
		return;
	}
	/* An EID is not outside: its site's mapping is for the sender to find. */
	if (!site->conf->proxy.egress || is_inside(vr, site, ip->dst) || is_nobody(ip->dst) ||
	    is_directed_broadcast(site, ip->dst)) {
		vr_drop(vr, DROP_NOT_HERE);
		return;
	}
	site->let_out++;
	fwd_to_next_hop(vr, site, origin, f, ip, now);
}

static void
refuse_source(struct vr *vr, enum source source)
{
	switch (source) {
	case SOURCE_UNKNOWN:
		vr_drop(vr, DROP_MAPPING_PENDING);
		break;
	case SOURCE_ELSEWHERE:
		vr_drop(vr, DROP_PROXY_LOCATOR);
		break;
	case SOURCE_NO_EID:
	case SOURCE_GOOD:
		vr_drop(vr, DROP_PROXY_SOURCE);
		break;
	}
}

void
proxy_from_underlay(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		    struct frame *f, const struct ip *ip, us_t now)
{
	enum source source = judge_source(vr, site, origin, ip, now);

	if (source == SOURCE_GOOD) {
		let_out(vr, site, origin, f, ip, now);
		return;
	}
	/* It may have moved or been registered since: what the mapping system says now counts. */
	if (!proxy_serves(site, ip->src) || vr->mapsys == NULL || !site->conf->lisp ||
	    !mapsys_wait_source(vr, site, origin, f, ip, now))
		refuse_source(vr, source);
}

void
proxy_from_waiting(struct vr *vr, struct site *site, const struct fwd_origin *origin,
		   struct frame *f, const struct ip *ip, us_t now)
{
	enum source source = judge_source(vr, site, origin, ip, now);

	if (source == SOURCE_GOOD)
		let_out(vr, site, origin, f, ip, now);
	else
		refuse_source(vr, source);
}
