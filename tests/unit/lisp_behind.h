/* A site behind a NAT with a fake clock: an xTR inside, a map-server and an RTR outside, and what the NAT makes of their
 * messages.  All arrives at once, in the order in which it was sent. */
#ifndef TESTS_UNIT_LISP_BEHIND_H
#define TESTS_UNIT_LISP_BEHIND_H

#include "lisp/rtr.h"
#include "lisp/xtr.h"
#include "tests/unit/lisp_world.h"
#include "wire/lispdata.h"

#define VN          7
#define INSIDE      "10.0.0.66"
#define OUTSIDE     "203.0.113.7"
#define MS_RLOC     "192.0.2.5"
#define RTR_RLOC    "192.0.2.3"
#define NO_RTR_RLOC "192.0.2.4" /* nobody is there */
#define OWN         "10.1.0.0/24"
#define KEEPALIVE   (20 * US_S)
#define QUEUE       256

enum who { INSIDE_CONTROL, INSIDE_DATA, OF_MS, OF_RTR };

struct mail_item {
	struct endpoint from, to;
	size_t size;
	uint8_t data[2048];
};

struct lab;

struct party {
	struct lab *lab;
	const char *rloc;
};

struct lab {
	us_t now;
	struct party inside, ms_party, rtr_party;
	struct ms *ms;
	struct ms_conf ms_conf;
	struct ms_site sites[2];
	struct ms_prefix prefixes[2];
	struct ms_mobile mobile;
	uint16_t mobile_sites[2];
	struct lisp_key site_keys[2], relay_key;
	struct ms_rtr rtrs[2];
	struct rtr *rtr;
	struct rtr_conf rtr_conf;
	struct xtr *x;
	struct xtr_conf xtr_conf;
	struct mapcache *cache;
	struct mail_item queue[QUEUE];
	size_t queued;
	struct mail_item
		last; /* the last one that came to the RTR from outside of the map-server */
	bool has_nat;
	uint16_t ports;  /* the NAT takes these ports and the ones above */
	bool ms_is_deaf; /* to Info-Requests */
	bool rtr_is_deaf;
	bool serves_nothing; /* the RTR knows better about all EIDs */
	unsigned way_outs;   /* how often the way out changed */
	struct addr way_out;
	unsigned departed, in_force;
	uint64_t random;
};

static inline int
lab_random(void *ctx, void *bytes, size_t size)
{
	struct lab *lab = ((struct party *)ctx)->lab;

	lab->random = lab->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	assert_true(size <= sizeof(lab->random));
	memcpy(bytes, &lab->random, size);
	return 0;
}

static inline void
lab_put(struct lab *lab, struct endpoint from, const struct endpoint *to, const uint8_t *msg,
	size_t size)
{
	struct mail_item *m = &lab->queue[lab->queued++];

	assert_true(lab->queued <= QUEUE && size <= sizeof(m->data));
	m->from = from;
	m->to = *to;
	m->size = size;
	memcpy(m->data, msg, size);
}

/* What the NAT makes of a port of the inside. */
static inline struct endpoint
lab_seen(const struct lab *lab, uint16_t port)
{
	if (!lab->has_nat)
		return endpoint_of(INSIDE, port);
	return endpoint_of(OUTSIDE, (uint16_t)(lab->ports + (port == LISP_DATA_PORT)));
}

static inline int
lab_send(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct party *p = ctx;
	struct endpoint from = p == &p->lab->inside ? lab_seen(p->lab, LISP_CONTROL_PORT)
						    : endpoint_of(p->rloc, LISP_CONTROL_PORT);

	lab_put(p->lab, from, to, msg, size);
	return 0;
}

static inline int
lab_send_data(void *ctx, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	struct party *p = ctx;

	assert_ptr_equal(p, &p->lab->inside);
	lab_put(p->lab, lab_seen(p->lab, LISP_DATA_PORT), to, msg, size);
	return 0;
}

static inline void
lab_persist(void *ctx)
{
	(void)ctx;
}

static const struct lisp_io lab_io = {.send = lab_send,
				      .hmac = world_hmac,
				      .equal = world_equal,
				      .random = lab_random,
				      .persist = lab_persist,
				      .send_data = lab_send_data};

/* ---- what the xTR and the RTR want to know ---- */

static inline void
lab_mapped(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	(void)ctx;
	(void)vn;
	(void)prefix;
	(void)now;
}

static inline bool
lab_place(void *ctx, vn_id_t vn, struct addr eid, struct xtr_place *out)
{
	(void)ctx;
	(void)vn;
	(void)eid;
	(void)out;
	return false;
}

static inline bool
lab_departed(void *ctx, vn_id_t vn, struct addr eid, uint16_t version, const struct addr *rlocs,
	     size_t count, us_t now)
{
	struct lab *lab = ((struct party *)ctx)->lab;

	(void)version;
	(void)rlocs;
	assert_true(count > 0);
	lab->departed++;
	xtr_own_remove(lab->x, vn, prefix_host(eid), false, now);
	return true;
}

static inline void
lab_in_force(void *ctx, vn_id_t vn, struct prefix prefix, us_t now)
{
	(void)vn;
	(void)prefix;
	(void)now;
	((struct party *)ctx)->lab->in_force++;
}

static inline void
lab_way_out(void *ctx, struct addr rtr, us_t now)
{
	struct lab *lab = ((struct party *)ctx)->lab;

	(void)now;
	lab->way_out = rtr;
	lab->way_outs++;
}

/* All goes to the RTR. */
static inline bool
lab_may_map(void *ctx, vn_id_t vn, struct prefix prefix)
{
	(void)ctx;
	(void)vn;
	(void)prefix;
	return false;
}

static const struct xtr_ops lab_xtr_ops = {.mapped = lab_mapped,
					   .may_map = lab_may_map,
					   .place = lab_place,
					   .departed = lab_departed,
					   .in_force = lab_in_force,
					   .way_out = lab_way_out};

static inline bool
lab_may_serve(void *ctx, vn_id_t vn, struct prefix prefix)
{
	(void)prefix;
	return vn == VN && !((struct party *)ctx)->lab->serves_nothing;
}

static const struct rtr_ops lab_rtr_ops = {.may_serve = lab_may_serve};

/* ---- life ---- */

/* Site a is the one behind the NAT, b another one; 10.1.5.0/24 is mobile between them. */
static inline struct lab *
lab_make(void)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	lab->now = 100 * US_S;
	lab->random = 4711;
	lab->has_nat = true;
	lab->ports = 20000;
	lab->inside = (struct party){lab, INSIDE};
	lab->ms_party = (struct party){lab, MS_RLOC};
	lab->rtr_party = (struct party){lab, RTR_RLOC};
	lab->relay_key = key_make(5, LISP_AUTH_SHA256_128, false, "relay");
	for (unsigned i = 0; i < 2; i++) {
		static const char *const names[] = {"a", "b"}, *const nets[] = {OWN, "10.2.0.0/24"};

		lab->site_keys[i] = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, names[i]);
		lab->prefixes[i] = (struct ms_prefix){.vn = VN, .prefix = prefix_of(nets[i])};
		lab->sites[i] = (struct ms_site){.name = names[i],
						 .keys = &lab->site_keys[i],
						 .key_count = 1,
						 .prefixes = &lab->prefixes[i],
						 .prefix_count = 1};
		lab->mobile_sites[i] = (uint16_t)i;
	}
	lab->mobile = (struct ms_mobile){.vn = VN,
					 .prefix = prefix_of("10.1.5.0/24"),
					 .sites = lab->mobile_sites,
					 .site_count = 2};
	lab->rtrs[0] = (struct ms_rtr){addr_of(RTR_RLOC), lab->relay_key};
	lab->rtrs[1] = (struct ms_rtr){addr_of(NO_RTR_RLOC), lab->relay_key};
	ms_conf_defaults(&lab->ms_conf);
	lab->ms_conf.max_eids = 4096;
	lab->ms_conf.sites = lab->sites;
	lab->ms_conf.site_count = 2;
	lab->ms_conf.mobiles = &lab->mobile;
	lab->ms_conf.mobile_count = 1;
	lab->ms_conf.rtrs = lab->rtrs;
	lab->ms_conf.rtr_count = 1;
	lab->ms_conf.rlocs[0] = addr_of(MS_RLOC);
	lab->rtr_conf = (struct rtr_conf){.port = LISP_CONTROL_PORT,
					  .rlocs = {addr_of(RTR_RLOC)},
					  .servers = {{addr_of(MS_RLOC), lab->relay_key}},
					  .server_count = 1,
					  .eids_max = 4096};
	lab->xtr_conf = (struct xtr_conf){
		.rlocs = {{.addr = addr_of(INSIDE), .priority = 1, .weight = 100}},
		.rloc_count = 1,
		.servers = {{.to = endpoint_of(MS_RLOC, LISP_CONTROL_PORT),
			     .key = lab->site_keys[0]}},
		.server_count = 1,
		.ids = xtr_of(9, 3),
		.ttl_min = 1440,
		.register_interval = 60 * US_S,
		.nat = true,
		.nat_keepalive = KEEPALIVE,
	};
	return lab;
}

static inline void
lab_start(struct lab *lab)
{
	struct hash_key key = {1, 2};

	lab->cache = mapcache_create(100, &key);
	assert_non_null(lab->cache);
	assert_int_equal(
		mapserver_create(&lab->ms_conf, &lab_io, &lab->ms_party, &key, lab->now, &lab->ms),
		0);
	assert_int_equal(rtr_create(&lab->rtr_conf, &lab_io, &lab->rtr_party, &lab_rtr_ops,
				    &lab->rtr_party, &key, &lab->rtr),
			 0);
	assert_int_equal(xtr_create(&lab->xtr_conf, &lab_io, &lab->inside, &lab_xtr_ops,
				    &lab->inside, lab->cache, &key, 1000000, &lab->x),
			 0);
	assert_int_equal(xtr_own_put(lab->x, VN, prefix_of(OWN), 0, lab->now), 0);
}

static inline void
lab_free(struct lab *lab)
{
	xtr_destroy(lab->x);
	mapcache_destroy(lab->cache);
	rtr_destroy(lab->rtr);
	mapserver_destroy(lab->ms);
	free(lab);
}

/* ---- what arrives where ---- */

static inline void
lab_inside_heard(struct lab *lab, const struct mail_item *m, uint8_t *copy)
{
	struct lispdata header;

	if (endpoint_equal(m->to, lab_seen(lab, LISP_CONTROL_PORT))) {
		(void)!xtr_heard(lab->x, &m->from, copy, m->size, lab->now);
		return;
	}
	/* Only from where the Map-Register went to. */
	assert_true(endpoint_equal(m->from, endpoint_of(RTR_RLOC, LISP_CONTROL_PORT)));
	assert_int_equal(lispdata_parse(copy, m->size, &header), 0);
	assert_true(header.has_vn && header.vn == LISP_CONTROL_VN);
	xtr_heard_inside(lab->x, copy + LISPDATA_SIZE, m->size - LISPDATA_SIZE, lab->now);
}

static inline void
lab_deliver(struct lab *lab, const struct mail_item *m)
{
	uint8_t *copy = malloc(m->size);

	assert_non_null(copy);
	memcpy(copy, m->data, m->size);
	if (addr_equal(m->to.addr, addr_of(MS_RLOC))) {
		if (!lab->ms_is_deaf || copy[0] >> 4 != LISP_INFO)
			(void)!mapserver_heard(lab->ms, &m->from, copy, m->size, lab->now);
	} else if (addr_equal(m->to.addr, addr_of(RTR_RLOC))) {
		if (!addr_equal(m->from.addr, addr_of(MS_RLOC)))
			lab->last = *m;
		if (!lab->rtr_is_deaf)
			(void)!rtr_heard(lab->rtr, &m->from, copy, m->size, lab->now);
	} else if (endpoint_equal(m->to, lab_seen(lab, LISP_CONTROL_PORT)) ||
		   endpoint_equal(m->to, lab_seen(lab, LISP_DATA_PORT))) {
		lab_inside_heard(lab, m, copy);
	}
	free(copy);
}

static inline void
lab_settle(struct lab *lab)
{
	for (size_t i = 0; i < lab->queued; i++) {
		struct mail_item m = lab->queue[i];

		lab_deliver(lab, &m);
	}
	lab->queued = 0;
}

static inline void
lab_run(struct lab *lab, us_t time)
{
	us_t end = lab->now + time;

	for (;;) {
		us_t due = xtr_run(lab->x, lab->now), other = mapserver_run(lab->ms, lab->now);

		lab_settle(lab);
		due = other < due ? other : due;
		other = rtr_run(lab->rtr, lab->now);
		due = other < due ? other : due;
		if (due > end)
			break;
		lab->now = due > lab->now ? due : lab->now + 1;
	}
	lab->now = end;
}

/* ---- what is known then ---- */

#define lab_rtr_count(lab, what) ((unsigned)rtr_count_of((lab)->rtr, RTR_##what))
#define lab_xtr_count(lab, what) ((unsigned)xtr_count_of((lab)->x, XTR_##what))
#define lab_ms_count(lab, what)  ((unsigned)mapserver_count((lab)->ms, MS_##what))

/* Where the RTR reaches an EID; "none": it does not. */
static inline struct fmt
lab_reaches(const struct lab *lab, const char *eid)
{
	const struct rtr_eid *e = rtr_find(lab->rtr, VN, addr_of(eid));

	return fmt_endpoint(e != NULL ? e->to : (struct endpoint){.port = 0});
}

/* The first locator that a prefix is registered with; NONE: it is not registered. */
static inline struct addr
lab_registered(const struct lab *lab, const char *prefix)
{
	struct lisp_eid eid = lisp_eid_make(VN, prefix_of(prefix), false);
	const struct registration *r;
	struct lisp_locator l;
	struct eid_key key;
	struct rd locators;
	uint32_t number;

	assert_true(eid_key_from(&eid, &key));
	number = registry_find(mapserver_registry(lab->ms), &key);
	if (number == 0)
		return (struct addr){.family = ADDR_NONE};
	r = registry_at(mapserver_registry(lab->ms), number);
	locators = sets_locators(r->set);
	return lisp_locator_next(&locators, &l) ? l.rloc.addr : (struct addr){.family = ADDR_NONE};
}

#endif
