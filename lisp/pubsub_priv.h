/* Shared by pubsub.c (who has subscribed to what) and publish.c (what is sent until acknowledged). */
#ifndef LISP_PUBSUB_PRIV_H
#define LISP_PUBSUB_PRIV_H

#include "lisp/ms_priv.h"

/* Times of Map-Notifies are in ticks, so many per second: 32 bits of them last 17 years. */
#define PUBSUB_TICKS 8

/* An xTR that subscribes; lives as long as it has subscriptions. */
struct subscriber {
	struct chain chain;
	struct lisp_xtr_id id;
	uint32_t site;
	uint8_t key_id;
	uint32_t subs;
	uint32_t event; /* the change that it was told last */
	us_t quiet;     /* when its allowance of Map-Notifies is whole again */
};

enum sub_state {
	SUB_FREE = 0,
	SUB_NEW, /* not confirmed yet */
	SUB_ACTIVE,
	SUB_MUTED, /* a hole in a wider one of the same xTR */
	SUB_GONE,  /* ended; its nonce is remembered for a while */
};

/* What a Map-Request asked for. */
struct sub_terms {
	struct endpoint rlocs[PUBSUB_RLOCS_MAX];
	size_t rloc_count;
	uint64_t nonce;
	uint8_t state; /* enum sub_state: to be */
	bool temporary;
};

struct sub {
	struct chain chain;
	struct subscriber *who;
	struct eid_key key;
	uint32_t node;       /* in the trie */
	uint32_t prev, next; /* of the same prefix */
	uint8_t state;       /* enum sub_state */
	bool plain_zero;
	bool has_wanted;
	bool is_stale; /* something changed while it was not in force yet */
	struct sub_terms now, wanted;
	uint64_t nonce;              /* the last one, of a request in force or a Map-Notify */
	uint32_t expires;            /* seconds; 0: never */
	uint32_t since;              /* seconds, when it was asked for first */
	uint32_t sent, acknowledged; /* Map-Notifies, repetitions included; acknowledgements */
	uint32_t pubs;               /* first of the Map-Notifies under way */
	uint32_t waiting;            /* their number */
};

enum pub_kind { PUB_FREE = 0, PUB_CONFIRM, PUB_CHANGE, PUB_ETR };

/* A Map-Notify until it is acknowledged. */
struct pub {
	struct chain by_what;
	struct chain by_nonce;
	uint8_t kind;        /* enum pub_kind */
	uint8_t sent;        /* times, to this locator */
	uint8_t rloc;        /* which of the locators */
	uint32_t owner;      /* number of the subscription, or row of the nonces */
	uint32_t prev, next; /* of the same subscription */
	struct eid_key key;
	uint64_t nonce;
	uint32_t due; /* ticks */
};

struct pubsub {
	struct ms *ms;
	struct hash_key key;
	struct pool who_pool, sub_pool, pub_pool;
	struct index whos, subs, by_what, by_nonce;
	struct trie trie;  /* value: first subscription of the prefix */
	struct wheel ends; /* of subscriptions, in seconds */
	struct wheel dues; /* of Map-Notifies, in ticks */
	uint32_t event;
	us_t total_quiet; /* as subscriber.quiet, of all Map-Notifies */
};

static inline struct sub *
sub_at(const struct pubsub *p, uint32_t number)
{
	return pool_at(&p->sub_pool, number - 1);
}

static inline uint32_t
sub_number(const struct pubsub *p, const struct sub *sub)
{
	return (uint32_t)(sub - (const struct sub *)(const void *)p->sub_pool.items) + 1;
}

/* --- pubsub.c --- */
void sub_remove(struct pubsub *p, struct sub *sub);
/* What was asked for is in force. */
void sub_confirm(struct pubsub *p, struct sub *sub, us_t now);

/* --- publish.c --- */
/* Sends what is registered for the key, and again until acknowledged; replaces one of the same kind,
 * owner and key. */
void pub_start(struct pubsub *p, enum pub_kind kind, uint32_t owner, const struct eid_key *key,
	       uint64_t nonce, us_t now);
/* What is under way to this subscription goes on with nonces above its last: the subscriber takes no smaller ones any
 * more. */
void pub_renumber(struct pubsub *p, struct sub *sub);
/* Ends all Map-Notifies to this subscription. */
void pub_stop(struct pubsub *p, struct sub *sub);
us_t pub_run(struct pubsub *p, us_t now);

#endif
