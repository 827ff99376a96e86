/* LISP control messages (RFC 9301, RFC 9437, RFC 9304; Info-Request as in the NAT traversal draft).
 *
 * A message is parsed whole before anything is done with it: lisp_parse() walks over every record
 * and locator.  Their number is the sender's, so they are not copied into an array but read one
 * after another with lisp_record_next() and lisp_locator_next(), which cannot fail on what
 * lisp_parse() has accepted.  All structs point into the bytes that were parsed.
 *
 * Reserved bits are sent as zero and not looked at.  Drawn in docs/wire-format.md where no RFC
 * does. */
#ifndef WIRE_LISP_H
#define WIRE_LISP_H

#include "wire/lisp_addr.h"

#define LISP_CONTROL_PORT 4342
#define LISP_DATA_PORT    4341

/* Largest control message that is built: fits a path of 1500 bytes with an ECM around it. */
#define LISP_SIZE_MAX 1400

enum lisp_type {
	LISP_MAP_REQUEST = 1,
	LISP_MAP_REPLY = 2,
	LISP_MAP_REGISTER = 3,
	LISP_MAP_NOTIFY = 4,
	LISP_MAP_NOTIFY_ACK = 5, /* or the historic CHANGE-PRIORITY: see lisp_parse() */
	LISP_MAP_REFERRAL = 6,
	LISP_INFO = 7,    /* Info-Request and Info-Reply */
	LISP_ECM = 8,     /* see wire/lisp_ecm.h */
	LISP_SHARED = 15, /* RFC 9304 with CHANGE-PRIORITY's sub-type; also of its historic form */
};

/* What to do with packets for a negative mapping (RFC 9301 section 5.4). */
enum lisp_action {
	LISP_NO_ACTION = 0,
	LISP_NATIVE_FORWARD = 1,
	LISP_SEND_MAP_REQUEST = 2,
	LISP_DROP_NO_REASON = 3,
	LISP_DROP_POLICY = 4,
	LISP_DROP_AUTH = 5,
};

/* Of a Map-Referral (RFC 8111 section 6.1). */
enum lisp_referral {
	LISP_NODE_REFERRAL = 0,
	LISP_MS_REFERRAL = 1,
	LISP_MS_ACK = 2,
	LISP_MS_NOT_REGISTERED = 3,
	LISP_DELEGATION_HOLE = 4,
	LISP_NOT_AUTHORITATIVE = 5,
};

/* Authentication of Map-Register, Map-Notify, Map-Notify-Ack, Info-Request and CHANGE-PRIORITY.
 * Algorithm IDs: RFC 9301 section 12.5. */
enum lisp_algorithm {
	LISP_AUTH_NONE = 0,
	LISP_AUTH_SHA1_96 = 1,
	LISP_AUTH_SHA256_128 = 2,
	LISP_AUTH_SHA256_128_HKDF = 3,
};

/* No algorithm has more; longer data is malformed. */
#define LISP_AUTH_SIZE_MAX 32

/* Of an Info message the first two are the 16-bit "Key ID" of RFC 6830 and the NAT draft, whose
 * values are the algorithms'. */
struct lisp_auth {
	uint8_t key_id;
	uint8_t algorithm; /* as received: may be none of enum lisp_algorithm */
	uint16_t size;     /* of the authentication data, 0 to LISP_AUTH_SIZE_MAX */
	uint16_t offset;   /* of the data in the message; 0: the type has none */
};

struct lisp_xtr_id {
	uint8_t xtr[16];
	uint64_t site;
};

/* One locator of a record. */
struct lisp_locator {
	uint8_t priority, weight, m_priority, m_weight;
	bool local;     /* L: belongs to who answers */
	bool probed;    /* p: the RLOC-probe was answered from here */
	bool reachable; /* R */
	struct lisp_rloc rloc;
};

/* An EID-record with its locators; of a Map-Referral, a delegation. */
struct lisp_record {
	uint32_t ttl; /* minutes; 0xffffffff: for ever */
	struct lisp_eid eid;
	uint8_t action; /* enum lisp_action; of a Map-Referral enum lisp_referral; 6 and 7 occur */
	bool authoritative;
	bool incomplete;         /* of a Map-Referral */
	uint8_t signature_count; /* of a Map-Referral: sections that are skipped; none are built */
	uint16_t map_version;    /* 12 bits; 0: none */
	uint8_t locator_count;
	struct rd locators; /* for lisp_locator_next() */
};

struct lisp_msg {
	uint8_t type;   /* enum lisp_type */
	uint64_t nonce; /* all types but ECM */
	uint8_t record_count;
	/* For lisp_record_next(), of a Map-Request lisp_asked_next(), of a Map-Referral
	 * lisp_referral_next(). */
	struct rd records;
	struct lisp_auth auth;
	bool has_xtr_id; /* behind the records */
	struct lisp_xtr_id xtr_id;
	union {
		struct {
			bool authoritative, map_data, probe, smr, pitr, smr_invoked;
			bool local_xtr, no_reply; /* L, D */
			bool id_bit;              /* I (RFC 9437); built as 'has_xtr_id' says */
			struct lisp_eid source;   /* kind NONE: AFI 0 */
			uint8_t itr_count;        /* 1 to 32 */
			struct rd itr_rlocs;      /* for lisp_itr_next() */
			struct rd reply_record;   /* with 'map_data': one record, for
						   * lisp_record_next(); else empty */
		} request;
		struct {
			bool probe, echo_nonce; /* P, E */
		} reply;
		struct {
			bool proxy_reply, security; /* P, S */
			bool id_bit;                /* I; built as 'has_xtr_id' says */
			bool to_rtr; /* R of older NAT drafts; RFC 9301 reserves it */
			bool eid_notify, use_ttl, merge; /* E, T, a */
			bool mobile;      /* m of LISP mobile nodes; RFC 9301 reserves it */
			bool want_notify; /* M */
		} reg;
		struct {
			/* I of the NAT draft (reserved in RFC 9301), which is certain of nothing:
			 * one peer leaves it clear though the ids are there, and who copies the
			 * flags of a Map-Register sets it for P. */
			bool id_bit;
		} notify; /* Map-Notify and Map-Notify-Ack */
		struct {
			bool is_reply;
			uint32_t ttl; /* minutes */
			struct lisp_eid eid;
			struct lisp_rloc nat; /* of a reply: kind NAT; else NONE */
		} info;
		struct {
			bool historic;     /* was, or is to be, type 5 on the wire */
			uint16_t sub_type; /* 12 bits; 0 when historic */
			bool hypervisor;   /* H */
			bool update_cache; /* C */
			bool id_bit; /* I; built as 'has_xtr_id' says; not of the historic form */
		} shared;            /* CHANGE-PRIORITY */
	};
};

/* What a Map-Request asks for. */
struct lisp_asked {
	struct lisp_eid eid;
	bool notify; /* N (RFC 9437): wants to be told of changes */
};

struct lisp_dialect {
	uint16_t cp_sub_type; /* of type 15 that is CHANGE-PRIORITY */
	/* A type 5 message is CHANGE-PRIORITY of the historic form, which has one record, unless it
	 * is a well-formed Map-Notify-Ack with records, xTR-ID and site-ID.  Without the ids, and
	 * with H and C clear, the two look the same: whoever waits for a Map-Notify-Ack asks first
	 * whether the nonce is the one. */
	bool cp_type5;
};

/* 0; -EBADMSG (short, counts or lengths that do not fit, an address of a known kind that is
 * malformed, no record in a Map-Request or CHANGE-PRIORITY, an Info-Reply without a NAT-Traversal
 * LCAF, bytes left over); -EPROTONOSUPPORT (another type or sub-type; a Map-Reply with the S bit,
 * whose authentication data of RFC 9303 we do not speak; an ECM: use lisp_ecm_parse()).  '*msg' is
 * undefined after an error.
 *
 * Bytes behind the records: 24 of them are xTR-ID and site-ID, when the I bit says so in a
 * Map-Request, Map-Register or CHANGE-PRIORITY, and in a Map-Notify or Map-Notify-Ack whatever it
 * says.  What stands behind the EID of an Info-Request is skipped. */
MUST_USE int lisp_parse(const uint8_t *data, size_t size, const struct lisp_dialect *dialect,
			struct lisp_msg *msg);
/* One after the other from the cursor; false at the end.  The cursor comes from lisp_parse(). */
bool lisp_record_next(struct rd *records, struct lisp_record *out);
/* The same for the records of a Map-Referral, which differ in a few bits. */
bool lisp_referral_next(struct rd *records, struct lisp_record *out);
bool lisp_asked_next(struct rd *records, struct lisp_asked *out);
bool lisp_itr_next(struct rd *itr_rlocs, struct lisp_rloc *out);
bool lisp_locator_next(struct rd *locators, struct lisp_locator *out);

/* Builders write in this order: the header with lisp_begin() (msg->record_count and request.itr_count
 * are not looked at), records with lisp_put_record() each followed by its locators with
 * lisp_put_locator() (of a Map-Request first the ITR-RLOCs with lisp_put_itr(), then
 * lisp_put_asked(), then with 'map_data' one record), and lisp_end(), which fills in the counts and
 * puts xTR-ID and site-ID behind.  Authentication data of msg->auth.size bytes is left zero at
 * msg->auth.offset, which lisp_begin() sets: compute it over the whole message and put it there.
 * Errors latch and come out of lisp_end().  'msg' is borrowed until then. */
struct lisp_builder {
	struct wr w;
	struct lisp_msg *msg;    /* NULL: records without a header */
	size_t locator_count_at; /* of the record that locators belong to; 0: none yet */
	unsigned records, itrs;  /* written so far; of a Map-Request what is asked for */
	unsigned reply_records;  /* of a Map-Request */
	unsigned locators;       /* in all records */
	bool invalid;            /* latched: lisp_parse() would refuse it */
};

void lisp_begin(struct lisp_builder *b, uint8_t *data, size_t room, struct lisp_msg *msg);
/* Instead of lisp_begin(): only records and their locators follow, for lisp_put_encoded() of another
 * builder. */
void lisp_begin_records(struct lisp_builder *b, uint8_t *data, size_t room);
void lisp_put_itr(struct lisp_builder *b, const struct lisp_rloc *rloc);
void lisp_put_asked(struct lisp_builder *b, const struct lisp_asked *asked);
/* 'locator_count' and 'locators' are not looked at. */
void lisp_put_record(struct lisp_builder *b, const struct lisp_record *record);
void lisp_put_locator(struct lisp_builder *b, const struct lisp_locator *locator);
/* One record with its locators that was encoded before: the map-server's fast way. */
void lisp_put_encoded(struct lisp_builder *b, const uint8_t *bytes, size_t size);
/* Size of the message, or -EMSGSIZE (no room), -EINVAL (what lisp_parse() would refuse, and what is
 * out of order). */
MUST_USE int lisp_end(struct lisp_builder *b);

/* "no-action", "native-forward" ..., "unknown". */
const char *lisp_action_name(uint8_t action);

#endif
