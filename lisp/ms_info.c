/* Info-Requests: how a site is seen from here, and which RTRs there are (draft-ermagan-lisp-nat-traversal).
 *
 * The answer is larger than the question, so only what is authentic is answered, one and the same
 * question only to where it came from first, and each address only so often. */
#include "lisp/auth.h"
#include "lisp/ms_priv.h"

/* For how long the answer is good, in minutes: RTRs that are gone are asked for no more then. */
#define INFO_TTL 10

/* Was this question answered to somebody else?  Otherwise it is from now on.  The table holds the last ones of each place:
 * what is replayed after many others is answered again. */
static bool
is_repeated(struct ms *ms, const struct endpoint *from, uint64_t nonce)
{
	struct ms_info_seen *seen =
		&ms->infos_seen[hash_bytes(&ms->key, &nonce, sizeof(nonce)) % MS_INFOS_SEEN];

	if (seen->nonce == nonce && !addr_is_none(seen->from.addr) &&
	    !endpoint_equal(seen->from, *from))
		return true;
	*seen = (struct ms_info_seen){.nonce = nonce, .from = *from};
	return false;
}

/* The locator that the question came to. */
static struct addr
own_rloc(const struct ms *ms, uint8_t family)
{
	for (size_t i = 0; i < ARRAY_COUNT(ms->conf.rlocs); i++)
		if (ms->conf.rlocs[i].family == family)
			return ms->conf.rlocs[i];
	return (struct addr){.family = ADDR_NONE};
}

static struct lisp_rloc
place_of(const struct ms *ms, const struct endpoint *from)
{
	struct lisp_rloc rloc = {.kind = LISP_RLOC_NAT, .addr = from->addr};
	struct lisp_nat *nat = &rloc.nat;

	nat->ms_port = ms->conf.port;
	nat->etr_port = from->port;
	nat->global = from->addr;
	nat->ms = own_rloc(ms, from->addr.family);
	for (size_t i = 0; i < ms->conf.rtr_count && nat->rtr_count < LISP_RTRS_MAX; i++)
		nat->rtrs[nat->rtr_count++] = ms->conf.rtrs[i].addr;
	return rloc;
}

static void
answer(struct ms *ms, const struct endpoint *from, const struct lisp_msg *msg,
       const struct lisp_key *key)
{
	struct lisp_msg reply = {.type = LISP_INFO,
				 .nonce = msg->nonce,
				 .auth = lisp_auth_header(key),
				 .info = {.is_reply = true,
					  .ttl = INFO_TTL,
					  .eid = msg->info.eid,
					  .nat = place_of(ms, from)}};
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;
	int size;

	lisp_begin(&b, data, sizeof(data), &reply);
	size = lisp_end(&b);
	if (size < 0 || lisp_auth_sign(ms->io, ms->ctx, key, &reply, data, (size_t)size) != 0 ||
	    ms->io->send(ms->ctx, from, data, (size_t)size) != 0)
		ms_count(ms, MS_SEND_FAILED);
	else
		ms_count(ms, MS_INFOS);
}

void
ms_info(struct ms *ms, const struct endpoint *from, const struct lisp_msg *msg, const uint8_t *data,
	size_t size, us_t now)
{
	const struct lisp_key *key;
	struct eid_key eid;
	uint32_t site;
	int err;

	if (!eid_key_from(&msg->info.eid, &eid)) {
		ms_count(ms, MS_EID_KIND);
		return;
	}
	err = ms_authenticate(ms, msg, data, size, &eid, now, &site, &key);
	if (err != 0)
		ms_count(ms, ms_refusal_of(err));
	else if (!limiter_take(&ms->infos, from->addr, now))
		ms_count(ms, MS_INFO_LIMITED);
	else if (is_repeated(ms, from, msg->nonce))
		ms_count(ms, MS_INFO_REPEATED);
	else
		answer(ms, from, msg, key);
}
