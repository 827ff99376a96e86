/* Map-Registers that an RTR relays for xTRs behind a NAT, and the Map-Notifies that go back through it
 * (draft-ermagan-lisp-nat-traversal, section 5.2).
 *
 * They are authentic as any other, by the site's key; that they come from a configured RTR only
 * keeps
 * others from having Map-Notifies sent about.  The RTR believes a Map-Notify by the key that it
 * shares with us. */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/ms_priv.h"

static const struct ms_rtr *
find_rtr(const struct ms *ms, struct addr addr)
{
	for (size_t i = 0; i < ms->conf.rtr_count; i++)
		if (addr_equal(ms->conf.rtrs[i].addr, addr))
			return &ms->conf.rtrs[i];
	return NULL;
}

void
ms_relayed(struct ms *ms, const struct endpoint *from, const struct lisp_ecm *ecm, us_t now)
{
	static const struct lisp_xtr_id none;
	struct lisp_msg msg;

	if (!ecm->to_ms || find_rtr(ms, from->addr) == NULL)
		ms_count(ms, MS_RTR_UNKNOWN);
	else if (lisp_parse(ecm->message, ecm->size, &ms->conf.dialect, &msg) != 0)
		ms_count(ms, MS_MALFORMED);
	/* All behind one RTR have one address: only by it they are told apart. */
	else if (!msg.has_xtr_id || memcmp(msg.xtr_id.xtr, none.xtr, sizeof(none.xtr)) == 0)
		ms_count(ms, MS_NO_XTR_ID);
	else
		ms_register(ms, from, ecm->src.addr, &msg, ecm->message, ecm->size, now);
}

int
ms_send_behind(struct ms *ms, const struct ms_way *way, uint64_t nonce, const uint8_t *data,
	       size_t size)
{
	const struct ms_rtr *rtr = find_rtr(ms, way->to.addr);
	struct lisp_ecm ecm = {.security = true,
			       .to_etr = true,
			       .dst = {way->behind, LISP_CONTROL_PORT},
			       .size = size};
	uint8_t out[LISP_ECM_SIZE_MAX + LISP_ECM_AUTH_SIZE_MAX + MS_SIZE_MAX + 512];
	size_t head;
	int whole;

	for (size_t i = 0; i < ARRAY_COUNT(ms->conf.rlocs); i++)
		if (ms->conf.rlocs[i].family == way->behind.family)
			ecm.src = (struct endpoint){ms->conf.rlocs[i], ms->conf.port};
	if (rtr == NULL || addr_is_none(ecm.src.addr))
		return -EHOSTUNREACH;
	ecm.rtr_auth = lisp_auth_header(&rtr->key);
	head = lisp_ecm_head_size(&ecm);
	if (size > sizeof(out) - head)
		return -EMSGSIZE;
	memcpy(out + head, data, size);
	whole = lisp_ecm_build(&ecm, out, sizeof(out));
	if (whole < 0)
		return whole;
	whole = lisp_auth_relay_sign(ms->io, ms->ctx, &rtr->key, nonce, data, size,
				     out + LISP_ECM_AUTH_AT) == 0
			? whole
			: -EINVAL;
	return whole < 0 ? whole : ms->io->send(ms->ctx, &way->to, out, (size_t)whole);
}
