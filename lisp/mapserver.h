/* Map-server and map-resolver (RFC 9301 section 8, RFC 9437): a state machine without a socket.
 *
 * Messages come in through mapserver_heard(), time through mapserver_run(); answers leave through
 * 'struct lisp_io'.  Where to go on reading: ms_register.c what a Map-Register has to pass,
 * mapresolver.c how a Map-Request is answered, pubsub.h subscriptions, registry.h what is
 * registered, nonces.h who registered it.
 *
 * What is not authenticated changes nothing.  A Map-Register is taken whole or not at all: its
 * authentication data, its nonce, and every prefix in it must be right.  A subscription, which
 * comes in a Map-Request that carries no authentication, is in force once the xTR has acknowledged
 * the first Map-Notify with authentic data.
 *
 * A mobile EID is one inside a mobile prefix.  It has one active registration: of the site that
 * registered it last while not its owner.  The site that had it before is displaced: its
 * refreshes are refused, and answered with a Map-Notify of the new locators, until it has been
 * silent for one register interval or comes with a newer Map-Version (lisp/mobility.h).
 *
 * Sites behind a NAT learn by an Info-Request how they are seen, and which RTRs there are
 * (ms_info.c); these relay their Map-Registers (ms_relay.c). */
#ifndef LISP_MAPSERVER_H
#define LISP_MAPSERVER_H

#include "base/hash.h"
#include "lisp/io.h"
#include "lisp/ms_count.h"
#include "lisp/nonces.h"
#include "lisp/registry.h"
#include "wire/lisp.h"

/* Larger messages are refused unread. */
#define MS_SIZE_MAX  4096
#define MS_SITES_MAX 65535

struct ms_prefix {
	vn_id_t vn;
	struct prefix prefix;
	bool macs; /* instead of a prefix: every MAC of the VN */
	bool more_specifics;
};

/* How xTR-ID and site-ID go into a Map-Notify that publishes. */
enum ms_ids { MS_IDS_WITH_BIT = 0, MS_IDS_WITHOUT_BIT, MS_IDS_LEFT_OUT };

struct ms_site {
	const char *name; /* told from others by it, also after a restart */
	const struct lisp_key *keys;
	size_t key_count; /* the first one signs what is sent to an xTR that never registered */
	const struct ms_prefix *prefixes;
	size_t prefix_count;
	bool has_site_id; /* its subscribers are known by it */
	uint64_t site_id;
	bool any_nonce;        /* its nonces are not looked at */
	bool always_proxy;     /* as if every Map-Register had the P bit */
	bool trusts_requests;  /* its subscriptions need no acknowledgement first */
	bool notify_to_source; /* Map-Notifies go to the port they are due to, not to 4342 */
	uint8_t ids;           /* enum ms_ids */
	uint32_t max_eids;     /* 0: no limit of its own */
};

/* Sites that may register more-specifics of a prefix, one at a time each. */
struct ms_mobile {
	vn_id_t vn;
	struct prefix prefix;
	const uint16_t *sites; /* positions in ms_conf.sites */
	size_t site_count;
	bool by_host; /* a question about one EID is answered about that EID alone */
};

/* A Re-encapsulating Tunnel Router through which sites behind a NAT may register. */
struct ms_rtr {
	struct addr addr;
	struct lisp_key key; /* of the authentication data between it and us */
};

struct ms_conf {
	const struct ms_site *sites;
	size_t site_count;
	const struct ms_mobile *mobiles;
	size_t mobile_count;
	const struct ms_rtr *rtrs;
	size_t rtr_count;
	struct addr rlocs[2]; /* own ones, one of each family at most, for Info-Replies */
	uint16_t port;        /* that is listened on */
	uint32_t max_eids, max_etrs, max_subscriptions, max_displaced;
	uint32_t max_sites; /* room for sites that a reload may add */
	uint32_t subscriptions_per_xtr;
	uint32_t lifetime_s;     /* of a registration that is not refreshed */
	uint32_t lifetime_max_s; /* of one that asks for its TTL */
	uint32_t
		register_interval_s; /* ETRs refresh so often; who is displaced has stopped by then */
	uint32_t reply_rate;         /* per second and locator; 0: no limit */
	uint32_t notify_rate;        /* Map-Notifies to subscribers, per second and xTR; 0: none */
	uint32_t notify_total;       /* and per second in all; 0: no limit */
	bool bare_requests;          /* Map-Requests that are not encapsulated are answered */
	bool has_v4, has_v6;         /* families of our own locators */
	struct lisp_dialect dialect; /* as everywhere in this router */
};

/* Everything but sites, mobile prefixes and RTRs. */
void ms_conf_defaults(struct ms_conf *conf);

struct ms;

/* 'conf' and what it points to is borrowed until mapserver_destroy() or mapserver_reload(); 'io' for
 * the life of it.  'key' is random.  0, -ENOMEM, -EINVAL (limits, a site without a name or with
 * that of another, two sites with the same key, a mobile prefix of a site that is not there). */
MUST_USE int mapserver_create(const struct ms_conf *conf, const struct lisp_io *io, void *ctx,
			      const struct hash_key *key, us_t now, struct ms **out);
void mapserver_destroy(struct ms *ms);
/* Other sites, prefixes and RTRs; limits stay as they are.  Registrations that are allowed no longer end.
 * The old conf is no longer referenced.  0, or -errno with nothing changed. */
MUST_USE int mapserver_reload(struct ms *ms, const struct ms_conf *conf, us_t now);

/* A control message from the underlay.  False when it is not for a map-server, and uncounted: a type
 * that others take, or a Map-Notify-Ack that nothing here waits for. */
bool mapserver_heard(struct ms *ms, const struct endpoint *from, const uint8_t *data, size_t size,
		     us_t now);
/* Does what is due; when to be called next. */
us_t mapserver_run(struct ms *ms, us_t now);

/* A row that must survive a restart; 'site' is valid for the call. */
struct ms_kept {
	const char *site;
	uint8_t key_id;
	bool has_xtr_id;
	struct lisp_xtr_id xtr;
	struct addr addr; /* without an xTR-ID */
	uint64_t reserve; /* nonces up to this one are refused after a restart */
};

/* Writing is asked for by io->persist(); it follows within a second. */
void mapserver_keep(struct ms *ms, void (*each)(void *ctx, const struct ms_kept *kept), void *ctx);
/* Takes one back, before the first message.  One of a site that is no longer there is left out.  That there was one says
 * that this is a restart: what is configured and not registered is not answered for one register
 * interval. */
void mapserver_recall(struct ms *ms, const struct ms_kept *kept);

/* To be shown. */
uint64_t mapserver_count(const struct ms *ms, enum ms_count count);
const struct registry *mapserver_registry(const struct ms *ms);
const struct nonces *mapserver_nonces(const struct ms *ms);
/* NULL when there is no such site. */
const char *mapserver_site_name(const struct ms *ms, uint32_t site);
/* Seconds of the registry's time at this moment. */
uint32_t mapserver_seconds(const struct ms *ms, us_t now);

/* Locators of a subscriber. */
#define PUBSUB_RLOCS_MAX 4

/* One subscription, to be shown. */
struct ms_subscription {
	struct eid_key key;
	struct lisp_xtr_id xtr;
	const char *site;
	struct addr
		to[PUBSUB_RLOCS_MAX]; /* where Map-Notifies go: the first, unless it is silent */
	size_t to_count;
	uint64_t nonce;              /* of the last one */
	bool in_force;               /* acknowledged; else it waits for that */
	bool muted;                  /* a hole in a wider one */
	uint32_t waiting;            /* Map-Notifies not acknowledged yet */
	uint32_t since;              /* seconds */
	uint32_t expires;            /* seconds; 0: never */
	uint32_t sent, acknowledged; /* Map-Notifies, repetitions included; acknowledgements */
};

/* Walks all: start with '*position' 0; false at the end. */
bool mapserver_subscription(const struct ms *ms, uint32_t *position, struct ms_subscription *out);

#endif
