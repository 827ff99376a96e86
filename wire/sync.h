/* Messages between routers inside a sealed session.  Drawn in docs/wire-format.md.
 *
 * Every message: version 8 | type 8 | message id 32 | body.  Messages may be lost, repeated and
 * reordered; each one is idempotent.  DELTA (with or without the move mark) is acknowledged by ACK
 * with the same id, and ACTION by OUTCOME. */
#ifndef WIRE_SYNC_H
#define WIRE_SYNC_H

#include "base/err.h"
#include "base/types.h"

#define SYNC_VERSION 1
/* A message fits a record on a path of 1280 bytes. */
#define SYNC_SIZE_MAX     1152
#define SYNC_BINDINGS_MAX 24
#define SYNC_VNS_MAX      32

enum sync_type {
	SYNC_HELLO = 1,    /* alive, clock echo, digests */
	SYNC_PULL = 2,     /* give me your table of this VN */
	SYNC_TABLE = 3,    /* one page of it */
	SYNC_DELTA = 4,    /* bindings that changed; MOVE when the move mark is set */
	SYNC_ACK = 5,      /* a DELTA was taken in, or why not */
	SYNC_QUERY = 6,    /* who has this MAC or EID? */
	SYNC_ANSWER = 7,   /* I have: bindings */
	SYNC_PRESENCE = 8, /* is this EID really answering on your LAN? */
	SYNC_PRESENT = 9,  /* yes / no */
	SYNC_NEWER = 10, /* of EIDs in your TABLE I hold newer records: you have lost your memory */
	SYNC_ASKED = 11, /* these locators of plain LISP sites asked me for these EIDs */
	SYNC_ACTION = 12,  /* your machine has another place on the underlay: do this */
	SYNC_OUTCOME = 13, /* what came of an ACTION, with the same id */
};

/* What is to be done about a machine whose router is its own. */
enum sync_act {
	SYNC_ACT_CHECK = 0, /* look at the underlay anew */
	SYNC_ACT_SET = 1,   /* the device gets this address */
	SYNC_ACT_RENEW = 2, /* ask for one, as configured there */
};

enum sync_outcome {
	SYNC_OUT_DONE = 0,
	SYNC_OUT_STARTED = 1,     /* more follows */
	SYNC_OUT_REFUSED = 2,     /* the sender may give no actions */
	SYNC_OUT_NOT_HERE = 3,    /* no machine that is its own router */
	SYNC_OUT_UNSUPPORTED = 4, /* not configured there */
	SYNC_OUT_FAILED = 5,      /* 'detail': errno, or exit status */
	SYNC_OUT_BUSY = 6,        /* too many at once */
	SYNC_OUT_TIMEOUT = 7,     /* it took too long there */
};

/* One binding as carried: VN and owner come from the message. */
struct sync_binding {
	struct addr ip;
	struct mac mac;
	uint64_t mobility;
	uint8_t kind;
	bool withdrawn;
};

struct sync_digest {
	vn_id_t vn;
	uint32_t count;
	uint64_t sum;
};

enum sync_verdict {
	SYNC_ACCEPTED = 0,
	SYNC_STALE = 1,   /* 'newest' is the counter that beat it, 'owner' who has it */
	SYNC_REFUSED = 2, /* the sender may not host this EID */
	SYNC_FULL = 3,
	SYNC_FROZEN = 4, /* too many moves */
};

struct sync_ack_row {
	uint8_t verdict; /* enum sync_verdict */
	uint64_t newest;
	uint64_t owner;
};

struct sync_newer_row {
	struct addr ip;
	uint64_t newest; /* mobility that the sender holds */
	uint64_t owner;  /* router id */
};

struct sync_asked_row {
	struct addr ip;
	struct addr rloc;
};

struct sync_msg {
	uint8_t type; /* enum sync_type */
	uint32_t id;
	vn_id_t vn; /* all but HELLO */
	union {
		struct {
			uint64_t boot;     /* random per process */
			uint64_t sent;     /* the sender's clock, us; echoed */
			uint64_t echo;     /* 'sent' of the peer's last HELLO, 0: none yet */
			uint32_t echo_age; /* us between hearing that and sending this */
			uint8_t count;
			struct sync_digest digests[SYNC_VNS_MAX];
		} hello;
		struct {
			struct addr after; /* family NONE: from the start */
		} pull;
		struct {
			/* All bindings of the sender with EIDs above 'after' (bytewise, family
			 * first) in ascending order, up to the last one in this page; with
			 * 'is_last' to the end of the table.  Only a last page may be empty. */
			struct addr after;
			bool is_last;
			uint8_t count;
			struct sync_binding bindings[SYNC_BINDINGS_MAX];
		} table;
		struct {
			bool is_move;
			uint64_t previous; /* of a move: the owner before, 0 unknown */
			uint8_t count;
			struct sync_binding bindings[SYNC_BINDINGS_MAX];
		} delta;
		struct {
			uint8_t count; /* rows in the order of the DELTA's bindings */
			struct sync_ack_row rows[SYNC_BINDINGS_MAX];
		} ack;
		struct {
			bool by_mac; /* otherwise by EID */
			struct mac mac;
			struct addr ip;
		} query; /* the one of 'mac' and 'ip' that is not asked for is zero */
		struct {
			uint8_t count;
			struct sync_binding bindings[SYNC_BINDINGS_MAX];
		} answer;
		struct {
			struct addr ip;
			struct mac mac; /* zero: not known */
			bool present;   /* PRESENT only */
		} presence;
		struct {
			uint8_t count;
			struct sync_newer_row rows[SYNC_BINDINGS_MAX];
		} newer;
		struct {
			uint8_t count;
			struct sync_asked_row rows[SYNC_BINDINGS_MAX];
		} asked;
		struct {
			uint8_t act; /* enum sync_act */
			struct addr eid;
			/* SET only: the address and its subnet's length, and the gateway of the
			 * default route; family NONE: the route stays. */
			struct addr address;
			uint8_t len;
			struct addr gateway;
		} action;
		struct {
			uint8_t outcome; /* enum sync_outcome */
			uint16_t detail;
		} outcome;
	};
};

/* Parses exactly one message.  0, -EBADMSG (short, trailing bytes, counts or lengths out of
 * range, unknown flags, kinds or verdicts, multicast or zero MAC in a binding or query,
 * unspecified or multicast EID, a TABLE out of order), -EPROTONOSUPPORT (another version or an
 * unknown type: counted and skipped by the caller).  '*msg' is undefined after an error;
 * otherwise what it does not carry is zero. */
MUST_USE int sync_parse(const uint8_t *data, size_t size, struct sync_msg *msg);
/* Returns the size written, or -EMSGSIZE when 'room' is too small, -EINVAL for a count out of
 * range and anything else that sync_parse() would refuse.  SYNC_SIZE_MAX is always enough. */
MUST_USE int sync_build(const struct sync_msg *msg, uint8_t *data, size_t room);
const char *sync_type_name(uint8_t type);

#endif
