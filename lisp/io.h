/* What the LISP part of a router needs done outside, and the keys that it shares with other LISP
 * speakers.
 *
 * Everything in this folder is a state machine without a socket, a clock or cryptography of its
 * own:
 * messages come in with the time, and go out through 'struct lisp_io'. */
#ifndef LISP_IO_H
#define LISP_IO_H

#include "base/err.h"
#include "base/types.h"

enum lisp_hash { LISP_SHA1, LISP_SHA256 };

struct lisp_io {
	/* A control message, from the router's control socket (its port 4342).  0 or -errno: lost. */
	int (*send)(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size);
	/* HMAC of the two parts behind each other; writes 20 or 32 bytes. */
	void (*hmac)(void *ctx, enum lisp_hash hash, const uint8_t *key, size_t key_size,
		     const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
		     uint8_t *out);
	/* Equal in constant time. */
	bool (*equal)(void *ctx, const uint8_t *a, const uint8_t *b, size_t size);
	/* Unpredictable bytes, for nonces.  0 or -EIO. */
	int (*random)(void *ctx, void *bytes, size_t size);
	/* Something that must survive a restart changed (nonces): it is written in groups, later. */
	void (*persist)(void *ctx);
	/* As send(), but from the router's data socket (its port 4341): of an xTR with 'nat' only. */
	int (*send_data)(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size);
};

#define LISP_SECRET_SIZE_MAX 128

/* A secret shared by a site and its map-servers, and how messages are authenticated with it.
 * Peers differ: see lisp/auth.h. */
struct lisp_key {
	uint8_t key_id;
	uint8_t algorithm; /* enum lisp_algorithm of wire/lisp.h */
	bool is_full;      /* authentication data of the hash's whole length (20 or 32), not cut */
	uint8_t secret[LISP_SECRET_SIZE_MAX];
	size_t secret_size;
};

#endif
