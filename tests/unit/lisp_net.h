/* A small LISP internet with a fake clock: a map-server and a few xTRs, a delay between them, and what
 * a test wants to go wrong. */
#ifndef TESTS_UNIT_LISP_NET_H
#define TESTS_UNIT_LISP_NET_H

#include "lisp/xtr.h"
#include "tests/unit/lisp_world.h"

#define NET_XTRS  4
#define NET_QUEUE 4096
#define NET_OWN   8
#define DELAY     (10 * US_MS) /* one way, between any two */
#define VN        7

/* An EID-prefix that a site has, or had. */
struct net_own {
	vn_id_t vn;
	struct prefix prefix;
	uint16_t version;
	bool is_here;
	struct addr elsewhere;
};

struct node {
	struct net *net;
	struct addr rloc;
	struct xtr *x; /* of an xTR */
	struct mapcache *cache;
	struct net_own own[NET_OWN];
	size_t own_count;
	struct prefix known; /* no mapping of these is taken from the mapping system */
	unsigned mapped, unanswered, asked, in_force, arrived, departed;
	unsigned acks; /* Map-Notify-Acks sent */
	struct addr departed_to;
	bool refuses;
	struct addr peer;       /* a locator of a router of ours */
	bool is_proxy;          /* a Proxy-ITR: its questions say so */
	struct addr takes_push; /* a locator that is known to take pushes */
	us_t changed_at;        /* last call of mapped() */
};

struct packet {
	us_t due;
	struct endpoint from, to;
	size_t size;
	uint8_t data[2048];
};

struct net {
	us_t now;
	struct ms *ms;
	struct ms_conf ms_conf;
	struct ms_site sites[NET_XTRS];
	struct ms_prefix prefixes[NET_XTRS];
	struct lisp_key keys[NET_XTRS];
	struct lisp_key push_key;
	struct addr ms_addr;
	struct node nodes[NET_XTRS];
	struct node ms_node;
	struct packet *queue;
	size_t queued;
	uint64_t random;
	unsigned lose_every; /* 0: none */
	unsigned sent;
	struct addr cut;        /* nothing gets through to or from there */
	struct addr deaf;       /* nobody hears what is sent from there */
	struct packet last[16]; /* those sent last */
};

static inline int
net_send(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct node *node = ctx;
	struct net *net = node->net;
	struct packet p = {.due = net->now + DELAY,
			   .from = {.addr = node->rloc, .port = LISP_CONTROL_PORT},
			   .to = *to,
			   .size = size};

	assert_true(size <= sizeof(p.data));
	memcpy(p.data, msg, size);
	node->acks += msg[0] >> 4 == LISP_MAP_NOTIFY_ACK;
	net->last[net->sent++ % ARRAY_COUNT(net->last)] = p;
	if (net->lose_every > 0 && net->sent % net->lose_every == 0)
		return 0;
	if (addr_equal(net->cut, to->addr) || addr_equal(net->cut, node->rloc) ||
	    addr_equal(net->deaf, node->rloc))
		return 0;
	assert_true(net->queued < NET_QUEUE);
	net->queue[net->queued++] = p;
	return 0;
}

static inline int
net_random(void *ctx, void *bytes, size_t size)
{
	struct net *net = ((struct node *)ctx)->net;

	net->random = net->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	assert_true(size <= sizeof(net->random));
	memcpy(bytes, &net->random, size);
	return 0;
}

static inline void
net_persist(void *ctx)
{
	(void)ctx;
}

static const struct lisp_io net_io = {.send = net_send,
				      .hmac = world_hmac,
				      .equal = world_equal,
				      .random = net_random,
				      .persist = net_persist};

static inline void
net_mapped(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	struct node *node = ctx;

	(void)vn;
	(void)prefix;
	node->mapped++;
	node->changed_at = now;
}

static inline void
net_unanswered(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	(void)vn;
	(void)eid;
	(void)now;
	((struct node *)ctx)->unanswered++;
}

static inline bool
net_may_map(void *ctx, vn_id_t vn, struct prefix prefix)
{
	const struct node *node = ctx;

	(void)vn;
	return addr_is_none(node->known.addr) || (!prefix_contains(node->known, prefix.addr) &&
						  !prefix_contains(prefix, node->known.addr));
}

static inline bool
net_asked(void *ctx, vn_id_t vn, struct addr eid, struct addr rloc, us_t now)
{
	(void)vn;
	(void)eid;
	(void)rloc;
	(void)now;
	((struct node *)ctx)->asked++;
	return true;
}

static inline bool
net_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	const struct node *node = ctx;
	const struct net_own *best = NULL;

	for (size_t i = 0; i < node->own_count; i++) {
		const struct net_own *o = &node->own[i];

		if (o->vn == vn && prefix_contains(o->prefix, eid) &&
		    (best == NULL || o->prefix.len > best->prefix.len))
			best = o;
	}
	if (best == NULL)
		return false;
	*out = (struct xtr_place){
		.prefix = best->prefix, .version = best->version, .is_here = best->is_here};
	if (!best->is_here)
		out->rlocs[out->rloc_count++] = best->elsewhere;
	return true;
}

static inline bool
net_arrived(void *ctx, vn_id_t vn, struct addr eid, us_t now)
{
	struct node *node = ctx;

	(void)vn;
	(void)eid;
	(void)now;
	node->arrived++;
	return !node->refuses;
}

static inline bool
net_departed(void *ctx, vn_id_t vn, struct addr eid, uint16_t version, const struct addr *rlocs,
	     size_t count, us_t now)
{
	struct node *node = ctx;

	(void)version;
	assert_true(count > 0);
	if (node->refuses)
		return false;
	node->departed++;
	node->departed_to = rlocs[0];
	for (size_t i = 0; i < node->own_count; i++)
		if (prefix_equal(node->own[i].prefix, prefix_host(eid))) {
			node->own[i].is_here = false;
			node->own[i].elsewhere = rlocs[0];
		}
	xtr_own_remove(node->x, vn, prefix_host(eid), false, now);
	/* Algorithm 1: those who asked here are told. */
	xtr_tell_askers(node->x, vn, eid, now);
	return true;
}

static inline void
net_in_force(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	(void)vn;
	(void)prefix;
	(void)now;
	((struct node *)ctx)->in_force++;
}

static inline bool
net_is_peer(void *ctx, struct addr rloc)
{
	const struct node *node = ctx;

	return addr_equal(node->peer, rloc);
}

static inline bool
net_proxies(void *ctx, vn_id_t vn)
{
	(void)vn;
	return ((const struct node *)ctx)->is_proxy;
}

static inline bool
net_lets_out(void *ctx, const struct lisp_eid *eid)
{
	(void)eid;
	return ((const struct node *)ctx)->is_proxy;
}

static inline bool
net_pushes(void *ctx, struct addr rloc)
{
	const struct node *node = ctx;

	return addr_equal(node->takes_push, rloc);
}

static inline us_t
net_wall(void *ctx)
{
	return ((const struct node *)ctx)->net->now;
}

static const struct xtr_ops net_ops = {.mapped = net_mapped,
				       .unanswered = net_unanswered,
				       .may_map = net_may_map,
				       .proxies = net_proxies,
				       .lets_out = net_lets_out,
				       .asked = net_asked,
				       .place = net_place,
				       .arrived = net_arrived,
				       .departed = net_departed,
				       .wall = net_wall,
				       .is_peer = net_is_peer,
				       .pushes = net_pushes,
				       .in_force = net_in_force};

/* The xTRs are sites 1, 2 ... with keys and site-IDs of their own; all may register 10.0.0.0/8 of the VN. */
static inline struct net *
net_make(void)
{
	struct net *net = calloc(1, sizeof(*net));

	assert_non_null(net);
	net->queue = calloc(NET_QUEUE, sizeof(*net->queue));
	assert_non_null(net->queue);
	net->now = 100 * US_S;
	net->random = 4711;
	net->ms_addr = addr_of("192.0.2.100");
	net->push_key = key_make(9, LISP_AUTH_SHA256_128, false, "push");
	ms_conf_defaults(&net->ms_conf);
	net->ms_conf.max_eids = 10000;
	net->ms_conf.sites = net->sites;
	net->ms_conf.site_count = NET_XTRS;
	net->ms_conf.dialect.cp_sub_type = 77;
	for (unsigned i = 0; i < NET_XTRS; i++) {
		static const char *const names[NET_XTRS] = {"a", "b", "c", "d"};

		net->keys[i] = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, names[i]);
		net->prefixes[i] = (struct ms_prefix){
			.vn = VN, .prefix = prefix_of("10.0.0.0/8"), .more_specifics = true};
		net->sites[i] = (struct ms_site){.name = names[i],
						 .keys = &net->keys[i],
						 .key_count = 1,
						 .prefixes = &net->prefixes[i],
						 .prefix_count = 1,
						 .has_site_id = true,
						 .site_id = i + 1};
	}
	net->ms_node = (struct node){.net = net, .rloc = net->ms_addr};
	return net;
}

/* What every xTR of a test is like before it changes something. */
static inline struct xtr_conf
net_xtr_conf(struct net *net, unsigned i)
{
	struct xtr_conf conf = {
		.rlocs = {{.addr = net->nodes[i].rloc, .priority = 1, .weight = 100}},
		.rloc_count = 1,
		.resolvers = {{net->ms_addr, LISP_CONTROL_PORT}},
		.resolver_count = 1,
		.servers = {{.to = {net->ms_addr, LISP_CONTROL_PORT},
			     .key = net->keys[i],
			     .proxy_reply = true,
			     .with_ids = true}},
		.server_count = 1,
		.ids = xtr_of((uint8_t)(i + 1), i + 1),
		.ttl_min = 1440,
		.register_interval = 60 * US_S,
		.has_push_key = true,
		.push_key = net->push_key,
		.dialect = {.cp_sub_type = 77},
	};

	return conf;
}

static inline void
net_xtr_start(struct net *net, unsigned i, const struct xtr_conf *conf)
{
	struct hash_key key = {i, 2};
	struct node *n = &net->nodes[i];

	n->cache = mapcache_create(1000, &key);
	assert_non_null(n->cache);
	assert_int_equal(xtr_create(conf, &net_io, n, &net_ops, n, n->cache, &key, 1000000, &n->x),
			 0);
}

static inline void
net_start(struct net *net)
{
	struct hash_key key = {1, 2};

	assert_int_equal(
		mapserver_create(&net->ms_conf, &net_io, &net->ms_node, &key, net->now, &net->ms),
		0);
	for (unsigned i = 0; i < NET_XTRS; i++) {
		struct xtr_conf conf;
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
		net->nodes[i].net = net;
		net->nodes[i].rloc = addr_of(text);
		conf = net_xtr_conf(net, i);
		net_xtr_start(net, i, &conf);
	}
}

/* The same xTR with another configuration. */
static inline void
net_restart(struct net *net, unsigned i, const struct xtr_conf *conf)
{
	xtr_destroy(net->nodes[i].x);
	mapcache_destroy(net->nodes[i].cache);
	net_xtr_start(net, i, conf);
}

static inline void
net_free(struct net *net)
{
	for (unsigned i = 0; i < NET_XTRS; i++) {
		xtr_destroy(net->nodes[i].x);
		mapcache_destroy(net->nodes[i].cache);
	}
	mapserver_destroy(net->ms);
	free(net->queue);
	free(net);
}

static inline void
net_deliver(struct net *net, const struct packet *p)
{
	uint8_t *copy = malloc(p->size);

	assert_non_null(copy);
	memcpy(copy, p->data, p->size);
	if (addr_equal(p->to.addr, net->ms_addr))
		mapserver_heard(net->ms, &p->from, copy, p->size, net->now);
	for (unsigned i = 0; i < NET_XTRS; i++)
		if (addr_equal(p->to.addr, net->nodes[i].rloc))
			xtr_heard(net->nodes[i].x, &p->from, copy, p->size, net->now);
	free(copy);
}

/* Lets time pass until 'end'. */
static inline void
net_run_to(struct net *net, us_t end)
{
	for (;;) {
		us_t next = mapserver_run(net->ms, net->now);
		size_t first = SIZE_MAX;

		for (unsigned i = 0; i < NET_XTRS; i++) {
			us_t due = xtr_run(net->nodes[i].x, net->now);

			next = due < next ? due : next;
		}
		for (size_t i = 0; i < net->queued; i++)
			if (net->queue[i].due <= next &&
			    (first == SIZE_MAX || net->queue[i].due < net->queue[first].due)) {
				first = i;
				next = net->queue[i].due;
			}
		if (next > end) {
			net->now = end;
			return;
		}
		net->now = next > net->now ? next : net->now;
		if (first != SIZE_MAX) {
			struct packet p = net->queue[first];

			memmove(&net->queue[first], &net->queue[first + 1],
				(--net->queued - first) * sizeof(p));
			net_deliver(net, &p);
		}
	}
}

static inline void
net_run(struct net *net, us_t time)
{
	net_run_to(net, net->now + time);
}

/* This site has the prefix from now on, and says so. */
static inline void
net_own(struct net *net, unsigned i, const char *prefix, uint16_t version)
{
	struct node *n = &net->nodes[i];
	struct net_own own = {
		.vn = VN, .prefix = prefix_of(prefix), .version = version, .is_here = true};
	size_t at = 0;

	while (at < n->own_count && !prefix_equal(n->own[at].prefix, own.prefix))
		at++;
	assert_true(at < NET_OWN);
	n->own[at] = own;
	n->own_count += at == n->own_count;
	assert_int_equal(xtr_own_put(n->x, VN, own.prefix, version, net->now), 0);
}

/* The locator that node i would send to for the EID; family NONE: none. */
static inline struct addr
net_leads_to(const struct net *net, unsigned i, const char *eid)
{
	const struct mapping *m = mapcache_find(net->nodes[i].cache, VN, addr_of(eid));
	int l = m != NULL ? mapping_choose(m, 0) : -1;

	return l >= 0 ? m->locators[l].rloc : (struct addr){.family = ADDR_NONE};
}

#define assert_leads(net, i, eid, to)                                                              \
	assert_string_equal(fmt_addr(net_leads_to(net, i, eid)).s, fmt_addr(addr_of(to)).s)

/* A packet for this EID is at the node, which asks for it, if nobody did. */
static inline void
net_resolve(struct net *net, unsigned i, const char *eid)
{
	assert_int_equal(xtr_resolve(net->nodes[i].x, VN, addr_of(eid),
				     (struct addr){.family = ADDR_NONE}, net->now),
			 0);
}

static inline uint64_t
net_count(const struct net *net, unsigned i, enum xtr_count count)
{
	return xtr_count_of(net->nodes[i].x, count);
}

#endif
