/* Questions of a tool that is no xTR: what the LISP Internet Groper (RFC 6835) asks, and how it knows its answer.
 *
 * Each try has a nonce of its own, so that the time an answer took is known however late it comes,
 * and whoever has not seen the question cannot answer it. */
#ifndef LISP_LIG_H
#define LISP_LIG_H

#include "wire/lisp.h"

#define LIG_TRIES_MAX 10
/* Room for a question. */
#define LIG_SIZE_MAX 512

struct lig_try {
	uint64_t nonce;
	struct endpoint resolver;
	us_t at;
};

struct lig {
	vn_id_t vn;
	struct prefix eid; /* a host's, or a prefix */
	struct lig_try tries[LIG_TRIES_MAX];
	size_t count;
};

/* Builds the Map-Request of one more try, in an ECM; 'nonce' is random, and 'self' is where the answer
 * comes to, of the resolver's family.  Its size; -ENOSPC after LIG_TRIES_MAX, -EMSGSIZE, -EINVAL.
 */
MUST_USE int lig_ask(struct lig *l, uint64_t nonce, const struct endpoint *self,
		     const struct endpoint *resolver, us_t now, uint8_t *data, size_t room);
/* Position of the try that this message answers, and '*msg'; -ENOMSG: of none. */
MUST_USE int lig_heard(const struct lig *l, const uint8_t *data, size_t size, struct lisp_msg *msg);

#endif
