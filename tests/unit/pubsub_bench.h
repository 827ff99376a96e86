/* A map-server with sites that may subscribe. */
#ifndef TESTS_UNIT_PUBSUB_BENCH_H
#define TESTS_UNIT_PUBSUB_BENCH_H

#include "tests/unit/lisp_world.h"

struct desk {
	struct world w;
	struct lisp_key key, other_key;
	struct ms_prefix prefixes[2];
	struct ms_site sites[2];
	struct lisp_xtr_id xtr, second;
	uint64_t register_nonce;
};

/* Site "a" has 10.0.0.0/8; its Site-ID, and that of its subscribers, is 7. */
static inline struct desk *
desk_open(void)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	d->key = key_make(1, LISP_AUTH_SHA256_128, false, "secret of a");
	d->other_key = key_make(1, LISP_AUTH_SHA256_128, false, "secret of b");
	d->prefixes[0] = (struct ms_prefix){0, prefix_of("10.0.0.0/8"), false, true};
	d->prefixes[1] = (struct ms_prefix){0, prefix_of("11.0.0.0/8"), false, true};
	d->sites[0] = (struct ms_site){.name = "a",
				       .keys = &d->key,
				       .key_count = 1,
				       .prefixes = &d->prefixes[0],
				       .prefix_count = 1,
				       .has_site_id = true,
				       .site_id = 7};
	d->sites[1] = (struct ms_site){.name = "b",
				       .keys = &d->other_key,
				       .key_count = 1,
				       .prefixes = &d->prefixes[1],
				       .prefix_count = 1};
	d->xtr = xtr_of(0x11, 7);
	d->second = xtr_of(0x22, 7);
	ms_conf_defaults(&d->w.conf);
	d->w.conf.sites = d->sites;
	d->w.conf.site_count = 2;
	d->w.conf.max_eids = 256;
	d->w.conf.max_etrs = 64;
	d->w.conf.max_subscriptions = 64;
	d->w.conf.max_displaced = 64;
	d->w.conf.subscriptions_per_xtr = 8;
	d->w.now = 1000 * US_S;
	world_start(&d->w);
	return d;
}

static inline void
desk_close(struct desk *d)
{
	mapserver_destroy(d->w.ms);
	free(d);
}

static inline void
put(struct desk *d, const char *eid, const char *rloc)
{
	struct rec rec = {.eid = eid, .rlocs = {rloc}};
	struct reg reg = {.key = eid[1] == '1' ? &d->other_key : &d->key,
			  .nonce = ++d->register_nonce,
			  .recs = &rec,
			  .count = 1};

	world_register(&d->w, &reg);
}

static inline void
ask(struct desk *d, const struct lisp_xtr_id *xtr, const char *eid, uint64_t nonce, const char *itr)
{
	struct req req = {.eid = eid, .nonce = nonce, .xtr = xtr, .notify = true, .itrs = {itr}};

	world_request(&d->w, &req);
}

static inline struct got
last(const struct desk *d)
{
	return world_got(&d->w, d->w.sent_count - 1);
}

/* Subscribes and confirms. */
static inline void
join(struct desk *d, const struct lisp_xtr_id *xtr, const char *eid, uint64_t nonce)
{
	ask(d, xtr, eid, nonce, "198.51.100.1");
	assert_int_equal(last(d).msg.type, LISP_MAP_NOTIFY);
	world_ack(&d->w, d->w.sent_count - 1, &d->key);
	d->w.sent_count = 0;
}

static inline size_t
in_force(const struct desk *d)
{
	struct ms_subscription sub;
	uint32_t position = 0;
	size_t count = 0;

	while (mapserver_subscription(d->w.ms, &position, &sub))
		count += sub.in_force;
	return count;
}

#endif
