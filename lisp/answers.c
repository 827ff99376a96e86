/* Map-Requests of others: answered for own EIDs, and who asked is remembered. */
#include "lisp/xtr_priv.h"

/* An answer for an EID that is elsewhere by now is good for a minute: its own site's is better. */
#define TTL_ELSEWHERE 1
/* An answer about what is not ours is of no use but to the probe. */
#define TTL_OUTSIDE 1

/* Where an answer goes: a locator of the ITR that we can reach, the one that the message came from if it is among them; the
 * port is that of the question. */
static struct endpoint
reply_to(const struct xtr *x, const struct endpoint *from, const struct lisp_ecm *ecm,
	 const struct lisp_msg *msg)
{
	struct rd itrs = msg->request.itr_rlocs;
	struct endpoint to = {.port = ecm != NULL ? ecm->src.port : from->port};
	struct lisp_rloc rloc;

	while (lisp_itr_next(&itrs, &rloc)) {
		if (addr_is_none(rloc.addr) || addr_is_multicast(rloc.addr) ||
		    addr_is_none(xtr_own_rloc(x, rloc.addr.family)))
			continue;
		if (addr_is_none(to.addr) || (ecm == NULL && addr_equal(rloc.addr, from->addr)))
			to.addr = rloc.addr;
	}
	return to;
}

/* Each probe of a locator is answered (RFC 9301 section 5.2).  One about no EID, and one about what a Proxy-ETR lets out, with that
 * locator, one of ours; others with none: it lives, and does not lead there.  Who asks is not
 * remembered. */
static bool
answer_outside(const struct xtr *x, const struct lisp_asked *asked, struct addr probed,
	       struct lisp_builder *b)
{
	struct lisp_record record = {.ttl = TTL_OUTSIDE, .eid = asked->eid, .authoritative = true};

	if (addr_is_none(probed))
		return false;
	lisp_put_record(b, &record);
	if (asked->eid.kind == LISP_EID_NONE || x->ops->lets_out(x->ctx, &asked->eid))
		xtr_put_own_rlocs(x, b, probed);
	return true;
}

/* Adds the record for one EID; false when it is not ours to say. */
static bool
answer_one(struct xtr *x, const struct lisp_asked *asked, const struct lisp_eid *source,
	   const struct endpoint *to, struct addr probed, struct lisp_builder *b, us_t now)
{
	struct addr eid = asked->eid.prefix.addr;
	struct lisp_record record = {.authoritative = true};
	struct xtr_place place;

	if (asked->eid.kind == LISP_EID_NONE && answer_outside(x, asked, probed, b))
		return true;
	if (asked->eid.kind != LISP_EID_IP) {
		xtr_counted(x, asked->eid.kind == LISP_EID_NONE ? XTR_NO_EID : XTR_EID_KIND);
		return false;
	}
	if (!x->ops->place(x->ctx, asked->eid.vn, eid, &place)) {
		if (answer_outside(x, asked, probed, b))
			return true;
		xtr_counted(x, XTR_NOT_OURS);
		return false;
	}
	record.eid = lisp_eid_make(asked->eid.vn, place.prefix, !asked->eid.has_vn);
	record.ttl = place.is_here ? x->conf.ttl_min : TTL_ELSEWHERE;
	/* An answer to a probe always is (RFC 9301 section 5.4). */
	record.authoritative = place.is_here || !addr_is_none(probed);
	record.map_version = place.version;
	lisp_put_record(b, &record);
	xtr_put_place(x, b, &place, probed);
	xtr_asked(x, asked->eid.vn, eid, to->addr,
		  source->kind == LISP_EID_IP ? source->prefix.addr
					      : (struct addr){.family = ADDR_NONE},
		  now);
	return true;
}

void
answers_request(struct xtr *x, const struct endpoint *from, const struct lisp_ecm *ecm,
		const struct lisp_msg *msg, us_t now)
{
	struct lisp_msg reply = {.type = LISP_MAP_REPLY, .nonce = msg->nonce};
	struct addr probed = {.family = ADDR_NONE};
	struct rd records = msg->records;
	struct lisp_asked asked;
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;
	struct endpoint to;
	bool any = false;

	if (msg->request.smr) {
		asks_smr(x, msg, now);
		return;
	}
	to = reply_to(x, from, ecm, msg);
	if (addr_is_none(to.addr)) {
		xtr_counted(x, XTR_NO_ITR_RLOC);
		return;
	}
	if (!limiter_take(&x->replies, to.addr, now)) {
		xtr_counted(x, XTR_REPLY_LIMITED);
		return;
	}
	if (msg->request.probe) {
		reply.reply.probe = true;
		/* One in an ECM is not to a locator (RFC 9301 section 7.1). */
		if (ecm == NULL)
			probed = xtr_own_rloc(x, from->addr.family);
	}
	lisp_begin(&b, data, sizeof(data), &reply);
	while (lisp_asked_next(&records, &asked))
		any = answer_one(x, &asked, &msg->request.source, &to, probed, &b, now) || any;
	if (!any || msg->request.no_reply)
		return;
	xtr_send(x, &to, data, lisp_end(&b));
	xtr_counted(x, msg->request.probe ? XTR_PROBES_ANSWERED : XTR_REPLIES);
}
