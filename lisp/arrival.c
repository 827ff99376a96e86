/* A hypervisor's word: see arrival.h. */
#include "lisp/arrival.h"

#include "lisp/auth.h"

/* Minutes.  The record has no locators: these are the destination's own to name. */
#define TTL 15

int
lisp_arrival_build(const struct lisp_arrival *a, const struct lisp_io *io, void *ctx, uint8_t *data,
		   size_t room)
{
	struct lisp_msg msg = {
		.type = LISP_SHARED, .nonce = a->nonce, .auth = lisp_auth_header(a->key)};
	struct lisp_record record = {.ttl = TTL,
				     .eid = lisp_eid_make(a->vn, prefix_host(a->eid), true)};
	struct lisp_key key = *a->key;
	struct lisp_builder b;
	int size, err;

	msg.shared.hypervisor = true;
	msg.shared.historic = a->is_historic;
	msg.shared.sub_type = a->is_historic ? 0 : a->sub_type;
	lisp_begin(&b, data, room, &msg);
	lisp_put_record(&b, &record);
	size = lisp_end(&b);
	if (size < 0)
		return size;
	if (!a->is_historic)
		key = lisp_auth_key_for(io, ctx, a->key, a->to);
	err = lisp_auth_sign(io, ctx, &key, &msg, data, (size_t)size);
	explicit_bzero(&key, sizeof(key));
	return err != 0 ? err : size;
}
