/* What HWDT's look-ups (hwdt.c) and its changes (hwdt_put.c) share: records in a pool, found by EID and by MAC, listed by
 * owner for the fair share.
 *
 * Every record belongs to a group (its VN and owner, which has the digest and the order by EID) and
 * to a machine (its VN, MAC and owner).  An owner keeps its records in the order in which they were
 * last heard, and owners are listed by the number of records that they hold: so the record to evict
 * is found at once. */
#ifndef TABLES_HWDT_PRIV_H
#define TABLES_HWDT_PRIV_H

#include "tables/hwdt.h"
#include "tables/pool.h"
#include "tables/tree.h"

struct owner {
	struct chain chain;
	struct vr_id vr;
	size_t held;           /* records, withdrawn ones included */
	struct link records;   /* longest unheard first */
	struct link same_held; /* among the owners that hold as many */
};

/* Every HELLO looks for one: its names are in it, not behind a pointer. */
struct group {
	struct chain chain;
	vn_id_t vn;
	struct vr_id vr; /* the owner's */
	struct owner *owner;
	size_t held;
	struct hwdt_digest digest;
	struct tree *order; /* what the digest summarises, by EID */
};

/* Whoever says that it has a MAC has a row of its own: nobody can hide the others' behind many records. */
struct machine {
	struct chain chain;
	vn_id_t vn;
	struct mac mac;
	struct vr_id vr;
	size_t count;
	size_t present; /* not withdrawn */
	struct link records;
};

/* What a look-up by EID reads is in front, in one cache line. */
struct record {
	struct chain chain;
	struct group *group; /* NULL: not in use */
	struct hwdt_entry e;
	struct machine *machine;
	struct link of_machine;
	struct link of_owner;
	struct tree of_group;
};

struct hwdt {
	struct hash_key key;
	struct pool records, groups, owners, machines;
	struct index by_eid, by_group, by_owner, by_machine;
	struct link *by_held; /* owners by the number of records they hold, 0 to 'max' */
	size_t most;          /* largest number that an owner holds */
	struct hwdt_entry evicted;
	bool has_evicted;
	struct hwdt_stats stats;
};

static inline uint64_t
hwdt_hash_eid(const struct hwdt *t, vn_id_t vn, const struct addr *ip)
{
	uint32_t head = vn << 8 | ip->family;
	uint8_t bytes[sizeof(head) + sizeof(ip->b)];

	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), ip->b, sizeof(ip->b));
	return hash_bytes(&t->key, bytes, sizeof(head) + addr_size(ip->family));
}

static inline uint64_t
hwdt_hash_number(const struct hwdt *t, vn_id_t vn, uint64_t number)
{
	uint64_t words[2] = {vn, number};

	return hash_bytes(&t->key, words, sizeof(words));
}

static inline uint64_t
hwdt_hash_mac(const struct hwdt *t, vn_id_t vn, struct mac mac)
{
	uint64_t number = 0;

	memcpy(&number, mac.b, sizeof(mac.b));
	return hwdt_hash_number(t, vn, number);
}

/* NULL: not there. */
struct record *hwdt_record_find(const struct hwdt *t, vn_id_t vn, const struct addr *ip);
struct group *hwdt_group_find(const struct hwdt *t, vn_id_t vn, struct vr_id vr);
struct machine *hwdt_machine_find(const struct hwdt *t, vn_id_t vn, struct mac mac,
				  struct vr_id vr);

/* The order of a VN's EIDs: bytewise, family first.  For trees of 'of_group'; 'key' is an address. */
int hwdt_compare_eid(const struct tree *member, const void *key);

#endif
