/* Bodies of the sealed records by which two routers look after the ways between them.
 *
 *   CHECK:       token 64 | flags 8 | padding ...
 *   CHECK_ACK:   token 64 | size 16 | endpoint
 *   CANDIDATES:  serial 32 | heard 32 | flags 8 | count 8 | count times (origin 8 | endpoint)
 *   endpoint:    family 8 | address (0, 32 or 128) | port 16
 *
 * Drawn in docs/wire-format.md. */
#ifndef WIRE_PATHS_H
#define WIRE_PATHS_H

#include "base/err.h"
#include "base/types.h"

#define PATHS_CHECK_SIZE     9
#define PATHS_ACK_SIZE_MAX   (8 + 2 + 19)
#define PATHS_CANDIDATES_MAX 12
#define PATHS_TELL_SIZE_MAX  (10 + PATHS_CANDIDATES_MAX * 20)

/* How a router knows that it may be reached there. */
enum candidate_origin {
	CANDIDATE_HOST = 1,      /* an address of its own */
	CANDIDATE_REFLEXIVE = 2, /* where a peer sees it */
	CANDIDATE_CONFIGURED = 3,
};

struct paths_check {
	uint64_t token; /* to be sent back */
	bool in_use;    /* this is the way that the sender's packets go */
	bool lossy;     /* by this way much is lost of what the sender should hear */
};

struct paths_ack {
	uint64_t token;       /* the CHECK's */
	uint16_t size;        /* bytes of its record, as it arrived */
	struct endpoint seen; /* where it came from; none: by a relay, or a stream */
};

struct paths_candidate {
	uint8_t origin; /* enum candidate_origin */
	struct endpoint to;
};

struct paths_candidates {
	uint32_t serial; /* grows when they change, and is never 0 */
	uint32_t heard;  /* the receiver's own that were heard last, 0: none */
	bool answer;     /* these are to be acknowledged, by the receiver's own */
	uint8_t count;
	struct paths_candidate rows[PATHS_CANDIDATES_MAX];
};

/* 0 or -EBADMSG (short, unknown flags). */
MUST_USE int paths_check_parse(const uint8_t *body, size_t size, struct paths_check *out);
void paths_check_build(const struct paths_check *c, uint8_t body[PATHS_CHECK_SIZE]);
/* 0 or -EBADMSG (short, something left over, an unknown family). */
MUST_USE int paths_ack_parse(const uint8_t *body, size_t size, struct paths_ack *out);
/* Returns the bytes written. */
size_t paths_ack_build(const struct paths_ack *a, uint8_t body[PATHS_ACK_SIZE_MAX]);
/* 0 or -EBADMSG (besides: serial 0, unknown flags or origins, too many, one without an address or
 * port, one that nobody can be reached at: unspecified, multicast, loopback). */
MUST_USE int paths_candidates_parse(const uint8_t *body, size_t size, struct paths_candidates *out);
size_t paths_candidates_build(const struct paths_candidates *c, uint8_t body[PATHS_TELL_SIZE_MAX]);
/* May a peer be sent to there, on its word? */
bool paths_is_reachable(struct endpoint to);

#endif
