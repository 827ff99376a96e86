/* HWDT, the hardware description table: where each machine is.
 *
 * A record binds one EID of a VN to a MAC address and to the router that owns it now, with the
 * mobility counter of its last move.  A machine with several addresses has several records with the
 * same MAC.  The table is bounded; every owner (VR) has a fair share of it: a full table takes a
 * new record only by evicting the longest unheard record of the owner that holds most, and never
 * one of an owner that holds no more than the newcomer's owner would.  So the owner that holds most
 * cannot add to a full table: its own machines are not pushed out by a flood on its LAN either.
 * Withdrawn records count as held; who calls removes them and the unheard ones in time.
 *
 * The update rule is idempotent and gives the same result in any order: larger mobility counter
 * wins, of equal ones the larger VR id.  Nothing is allocated after the table was made, and no call
 * searches: all take about the same time at any fill (the order by EID costs its logarithm), but
 * for
 * hwdt_next() and the output of hwdt_find_mac(). */
#ifndef TABLES_HWDT_H
#define TABLES_HWDT_H

#include "base/err.h"
#include "base/hash.h"
#include "base/types.h"

enum binding_kind { BINDING_HOST = 0, BINDING_GATEWAY = 1 };

/* What routers tell each other about one EID. */
struct binding {
	vn_id_t vn;
	struct addr ip;
	struct mac mac;
	struct vr_id vr; /* owner */
	mobility_t mobility;
	uint8_t kind;   /* enum binding_kind */
	bool withdrawn; /* the owner says: no longer here; kept for a while so that old news lose */
};

#define HWDT_PREVIOUS 4

/* What the router remembers of an EID beside its binding.  The table only keeps it, as long as the record. */
struct hwdt_notes {
	uint32_t moves, moves_before; /* in this stretch of time and the one before it */
	us_t moves_since;             /* when this stretch began */
	us_t frozen;                  /* no move of it is believed until then */
	bool look;        /* it was heard here meanwhile: looked for when that is over */
	mobility_t floor; /* another router knows of this counter: the next must be larger */
	us_t raised;      /* when the counter was last raised because of that; 0: never */
	bool raise;       /* it is to be raised again */
};

struct hwdt_entry {
	struct binding b;
	us_t heard;                           /* last sighting or refresh by the owner */
	us_t moved;                           /* when the owner last changed here; 0 for never */
	struct vr_id previous[HWDT_PREVIOUS]; /* earlier owners, newest first, no repeats */
	struct hwdt_notes notes;
};

enum hwdt_fate {
	HWDT_ADDED =
		1, /* nothing (or a withdrawn record) was there; what was put may be withdrawn too */
	HWDT_SAME,    /* nothing new; 'heard' was renewed */
	HWDT_UPDATED, /* same owner, newer counter or other MAC/kind/withdrawn */
	HWDT_MOVED,   /* another owner */
	HWDT_STALE,   /* what is there is newer: unchanged */
	HWDT_FULL,    /* no room for this owner: unchanged */
};

struct hwdt;

/* 'max' records over all VNs.  NULL when memory is short.  Memory is reserved for all of them and used as
 * they come.  The key is copied. */
struct hwdt *hwdt_create(size_t max, const struct hash_key *key);
void hwdt_destroy(struct hwdt *t);

/* Adds or replaces by the update rule.  'before', when not NULL, receives the record as it was (zeroed
 * when there was none).  Same owner and same counter but another MAC, kind or withdrawn mark is an
 * update only from the owner itself, which bumps the counter; it is STALE here. */
MUST_USE enum hwdt_fate hwdt_put(struct hwdt *t, const struct binding *b, us_t now,
				 struct hwdt_entry *before);
/* The record that the last hwdt_put() evicted to make room, as it was; NULL when it evicted none.
 * Whoever keeps routes by record takes them out then. */
const struct hwdt_entry *hwdt_evicted(const struct hwdt *t);
/* Takes the record out, whatever it says.  No-op when there is none. */
void hwdt_remove(struct hwdt *t, vn_id_t vn, struct addr ip);
/* Renews 'heard'.  No-op when there is none. */
void hwdt_heard(struct hwdt *t, vn_id_t vn, struct addr ip, us_t now);

/* The pointers are owned by the table and valid until the next call with a non-const table.
 * Withdrawn records are found too, also by MAC: look at 'b.withdrawn'. */
const struct hwdt_entry *hwdt_find(const struct hwdt *t, vn_id_t vn, struct addr ip);
/* Records of this MAC in this VN: writes up to 'max' pointers, returns how many there are.  When there are more, every
 * owner has its share of what is written. */
size_t hwdt_find_mac(const struct hwdt *t, vn_id_t vn, struct mac mac,
		     const struct hwdt_entry **out, size_t max);
/* Those of one owner only. */
size_t hwdt_find_mac_of(const struct hwdt *t, vn_id_t vn, struct mac mac, struct vr_id vr,
			const struct hwdt_entry **out, size_t max);

enum hwdt_place { HWDT_NOWHERE, HWDT_HERE, HWDT_ELSEWHERE };

/* Has this router the MAC (in any record that is not withdrawn), or otherwise another one? */
enum hwdt_place hwdt_place_of_mac(const struct hwdt *t, vn_id_t vn, struct mac mac,
				  struct vr_id vr);

/* The record of this owner with the lowest EID above 'after' (bytewise, family first; family NONE is below all),
 * withdrawn ones left out; NULL behind the last. */
const struct hwdt_entry *hwdt_next_of(const struct hwdt *t, vn_id_t vn, struct vr_id vr,
				      struct addr after);
/* To be written by the caller; valid as hwdt_find()'s.  NULL when there is no record. */
struct hwdt_notes *hwdt_notes(struct hwdt *t, vn_id_t vn, struct addr ip);

/* Walks all records: start with '*position' 0; NULL at the end.  Survives hwdt_remove() of the record
 * just returned; a record added meanwhile may be missed or not. */
const struct hwdt_entry *hwdt_next(const struct hwdt *t, size_t *position);

/* Summary of one owner's records in one VN that are not withdrawn: equal sets give equal digests on every router
 * (kept up to date by put and remove, not computed here).  'sum' adds up, modulo 2^64, the
 * SipHash-1-3 of
 * each record under the key below (the same everywhere, so no secret) over 32 bytes: family (4 or
 * 6), address (16 bytes,
 * zeros behind an IPv4 one), MAC (6), kind (1), mobility counter (8, big-endian). */
#define HWDT_DIGEST_K0 UINT64_C(0x7672642d68776474)
#define HWDT_DIGEST_K1 UINT64_C(0x6469676573742d31)

struct hwdt_digest {
	uint32_t count;
	uint64_t sum;
};
struct hwdt_digest hwdt_digest(const struct hwdt *t, vn_id_t vn, struct vr_id vr);

struct hwdt_stats {
	size_t count;
	size_t max;
	uint64_t evicted;      /* to make room for others */
	uint64_t refused_full; /* puts with fate HWDT_FULL */
	uint64_t stale;        /* puts with fate HWDT_STALE */
};
struct hwdt_stats hwdt_stats(const struct hwdt *t);

#endif
