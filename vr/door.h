/* The door: what a stranger may cost us.
 *
 * Every INIT with a valid mac1 takes a token.  While there are tokens all pass.  Without, the
 * sender must first show (mac2) that it receives at the address it claims: it is told a cookie,
 * which needs no memory here and is less than half as large as what it answers, and then shares a
 * small allowance with all who come from its
 * address (IPv6: its /64).  Everything has a fixed size. */
#ifndef VR_DOOR_H
#define VR_DOOR_H

#include "base/bucket.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"
#include "vr/handshake.h"

#define DOOR_SOURCES 1024 /* allowances; addresses that fall together share one */

struct door {
	uint8_t secret[CRYPTO_KEY_SIZE];
	struct hash_key key;
	struct bucket all;
	struct bucket proven[DOOR_SOURCES];
	struct bucket replies;
};

enum door_verdict { DOOR_PASS, DOOR_COOKIE, DOOR_DROP };

/* 'seed' is random. */
void door_init(struct door *d, const uint8_t seed[CRYPTO_KEY_SIZE + 16]);
void door_fini(struct door *d);
/* Judges an INIT whose size and mac1 are right.  For DOOR_COOKIE 'cookie' is what to answer. */
enum door_verdict door_ask(struct door *d, const uint8_t init[HANDSHAKE_INIT_SIZE],
			   const struct endpoint *from, us_t now,
			   uint8_t cookie[HANDSHAKE_MAC_SIZE]);

#endif
