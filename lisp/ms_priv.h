/* Shared by the files of the map-server only. */
#ifndef LISP_MS_PRIV_H
#define LISP_MS_PRIV_H

#include "lisp/displaced.h"
#include "lisp/limiter.h"
#include "lisp/mapserver.h"
#include "lisp/pubsub.h"
#include "wire/lisp_ecm.h"

/* A site keeps its number while the map-server lives, also over a reload. */
struct ms_slot {
	const struct ms_site *conf; /* NULL: no longer there */
	char name[64];
};

/* One site's right to a prefix, in a list of all that have one. */
struct ms_rule {
	uint32_t next;
	uint16_t site;
	bool more_specifics; /* also inside of it */
	bool mobile;         /* only inside of it, and as one of many */
	bool by_host;        /* of a mobile one: EIDs inside are answered one by one */
};

/* Which prefixes may be registered by whom. */
struct ms_rules {
	struct trie trie; /* value: the first rule of the prefix, plus one */
	struct ms_rule *rules;
	uint32_t count;
};

/* Sites by their Site-IDs. */
struct ms_site_id {
	uint64_t id;
	uint32_t site;
};

struct ms_site_ids {
	struct ms_site_id *rows; /* in order */
	size_t count;
};

/* Info-Requests that were answered lately: who replays one from elsewhere gets nothing. */
#define MS_INFOS_SEEN 4096

struct ms_info_seen {
	uint64_t nonce;
	struct endpoint from;
};

/* The way to an ETR. */
struct ms_way {
	struct endpoint to;
	struct addr behind; /* its own address when 'to' is an RTR; otherwise NONE */
};

struct ms {
	const struct lisp_io *io;
	void *ctx;
	struct ms_conf conf;
	struct hash_key key;
	us_t start;
	struct ms_slot *slots;
	uint32_t slot_count;
	struct ms_rules rules;
	struct ms_site_ids site_ids;
	struct nonces *nonces;
	struct registry *registry;
	struct displaced displaced;
	struct limiter replies;
	struct limiter infos; /* Info-Replies */
	struct ms_info_seen infos_seen[MS_INFOS_SEEN];
	us_t settled; /* when every ETR of before a restart has refreshed its registrations; 0: there were none */
	us_t tries_quiet; /* when the allowance of keys to try is whole again */
	struct pubsub *pubsub;
	uint64_t counts[MS_COUNT_END];
};

static inline void
ms_count(struct ms *ms, enum ms_count what)
{
	ms->counts[what]++;
}

/* --- ms_conf.c --- */
/* Numbers of the sites of 'conf' in 'ms': those that are there keep theirs.  '*count': slots that are in use then.  0;
 * -ENOMEM, -EINVAL (a site without a name, or with that of another), -ENOSPC. */
MUST_USE int ms_number_sites(const struct ms *ms, const struct ms_conf *conf, uint32_t *numbers,
			     uint32_t *count);
/* A message must say by its key which site it is from (RFC 9301 section 5.6: unique per site).  0; -EINVAL: two sites
 * have the same one; -ENOMEM. */
MUST_USE int ms_check_keys(const struct ms_conf *conf);

/* Of the sites that have a key.  0 or -ENOMEM. */
MUST_USE int ms_site_ids_init(struct ms_site_ids *ids, const struct ms_conf *conf,
			      const uint32_t *numbers);
void ms_site_ids_fini(struct ms_site_ids *ids);
/* False: no site has this one; of several the one with the lowest number. */
bool ms_site_ids_find(const struct ms_site_ids *ids, uint64_t id, uint32_t *site);

/* --- ms_sites.c --- */
/* Builds the rules of 'ms->conf' for the slots.  0, -ENOMEM, -EINVAL. */
MUST_USE int ms_rules_init(struct ms_rules *r, const struct ms_conf *conf, const uint32_t *slots);
void ms_rules_fini(struct ms_rules *r);
bool ms_may_register(const struct ms *ms, uint32_t site, const struct eid_key *key);
bool ms_is_mobile(const struct ms *ms, const struct eid_key *key);
/* Is a question about the key, a single EID of a mobile prefix, answered about it alone? */
bool ms_is_by_host(const struct ms *ms, const struct eid_key *key);
/* Length of the longest prefix around the key that a site owns, or -1; '*any' says whether there is
 * a prefix of any kind around it. */
int ms_owned_len(const struct ms *ms, const struct eid_key *key, bool *any);
/* The site's key with this Key ID, or NULL. */
const struct lisp_key *ms_key_of(const struct ms *ms, uint32_t site, uint8_t key_id);
/* Does a prefix of a site (no mobile one) begin inside this one? */
bool ms_owned_inside(const struct ms *ms, const struct eid_key *key);

/* --- ms_auth.c --- */
/* Whose key made the authentication data of a message about this EID: '*site' and '*key'.  0; -EPERM (no site may register
 * the EID), -EACCES (none has a key of that kind), -EBADMSG. */
MUST_USE int ms_authenticate(struct ms *ms, const struct lisp_msg *msg, const uint8_t *data,
			     size_t size, const struct eid_key *eid, us_t now, uint32_t *site,
			     const struct lisp_key **key);
enum ms_count ms_refusal_of(int err);

/* --- ms_info.c --- */
void ms_info(struct ms *ms, const struct endpoint *from, const struct lisp_msg *msg,
	     const uint8_t *data, size_t size, us_t now);

/* --- ms_relay.c --- */
/* A Map-Register in an ECM. */
void ms_relayed(struct ms *ms, const struct endpoint *from, const struct lisp_ecm *ecm, us_t now);
/* Sends a Map-Notify to an RTR, for who is behind it.  0 or -errno. */
MUST_USE int ms_send_behind(struct ms *ms, const struct ms_way *way, uint64_t nonce,
			    const uint8_t *data, size_t size);

/* --- ms_register.c --- */
/* 'behind' as in struct ms_way. */
void ms_register(struct ms *ms, const struct endpoint *from, struct addr behind,
		 const struct lisp_msg *msg, const uint8_t *data, size_t size, us_t now);
/* A record of what is registered, 'as' this prefix (its own or a narrower one); VN 0 without an LCAF
 * if 'plain_zero'. */
void ms_put_registration(const struct ms *ms, struct lisp_builder *b, uint32_t number,
			 const struct eid_key *as, bool plain_zero);
/* Ends, signs and sends a Map-Notify. */
void ms_send_notify(struct ms *ms, struct lisp_builder *b, const struct lisp_key *key,
		    const struct ms_way *way);

/* --- mapresolver.c --- */
/* A Map-Request; 'ecm' is NULL for a bare one. */
void ms_request(struct ms *ms, const struct endpoint *from, const struct lisp_ecm *ecm,
		const struct lisp_msg *msg, const uint8_t *data, size_t size, us_t now);
/* What a Map-Request for this key is answered with.  'number' 0: negative. */
struct ms_answer {
	uint32_t number;    /* registration */
	struct eid_key key; /* prefix that the answer is about */
	uint32_t ttl;       /* of a negative one, minutes */
	bool complete;      /* holds for all of the prefix: nothing is registered inside */
};
struct ms_answer ms_answer(const struct ms *ms, const struct eid_key *key);
void ms_put_answer(const struct ms *ms, struct lisp_builder *b, const struct ms_answer *answer,
		   bool plain_zero);

#endif
