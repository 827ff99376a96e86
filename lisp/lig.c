/* Questions of a tool: see lig.h. */
#include "lisp/lig.h"

#include <errno.h>

#include "wire/lisp_ecm.h"

static int
build_request(const struct lig *l, uint64_t nonce, struct addr self, uint8_t *data, size_t room)
{
	struct lisp_msg msg = {.type = LISP_MAP_REQUEST, .nonce = nonce};
	struct lisp_asked asked = {.eid = lisp_eid_make(l->vn, l->eid, true)};
	struct lisp_rloc itr = lisp_rloc_make(self);
	struct lisp_builder b;

	lisp_begin(&b, data, room, &msg);
	lisp_put_itr(&b, &itr);
	lisp_put_asked(&b, &asked);
	return lisp_end(&b);
}

int
lig_ask(struct lig *l, uint64_t nonce, const struct endpoint *self, const struct endpoint *resolver,
	us_t now, uint8_t *data, size_t room)
{
	size_t head = lisp_ecm_size(self->addr.family);
	struct lisp_ecm ecm = {.src = *self,
			       .dst = {.addr = l->eid.addr, .port = LISP_CONTROL_PORT}};
	int size;

	if (l->count == LIG_TRIES_MAX)
		return -ENOSPC;
	if (room < head)
		return -EMSGSIZE;
	size = build_request(l, nonce, self->addr, data + head, room - head);
	if (size < 0)
		return size;
	/* The inner destination is the EID, where the families allow it (RFC 9301 section 5.8). */
	if (ecm.dst.addr.family != self->addr.family)
		ecm.dst.addr = resolver->addr;
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, data, room);
	if (size > 0)
		l->tries[l->count++] =
			(struct lig_try){.nonce = nonce, .resolver = *resolver, .at = now};
	return size;
}

int
lig_heard(const struct lig *l, const uint8_t *data, size_t size, struct lisp_msg *msg)
{
	static const struct lisp_dialect dialect = {0};

	if (lisp_parse(data, size, &dialect, msg) != 0 || msg->type != LISP_MAP_REPLY)
		return -ENOMSG;
	for (size_t i = 0; i < l->count; i++)
		if (l->tries[i].nonce == msg->nonce)
			return (int)i;
	return -ENOMSG;
}
