/* A map-server with three sites that share some prefixes. */
#ifndef TESTS_UNIT_MS_BENCH_H
#define TESTS_UNIT_MS_BENCH_H

#include "tests/unit/lisp_world.h"

enum { SITE_A, SITE_B, SITE_C, SITES };

struct bench {
	struct world w;
	struct lisp_key keys[SITES][2];
	struct ms_prefix prefixes[SITES][3];
	struct ms_site sites[SITES];
	struct ms_mobile mobile;
};

static const uint16_t mobile_sites[] = {SITE_A, SITE_B};

/* A has 10.1.0.0/16 with more-specifics, and MACs of VN 7; B has 10.2.0.0/24 of VN 7 and a key with
 * HKDF; C has 10.1.9.0/24 inside A's, and speaks SHA-1 at full length.  10.1.5.0/24 is mobile
 * between A and B. */
static inline struct bench *
bench_open(void)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->keys[SITE_A][0] = key_make(1, LISP_AUTH_SHA256_128, false, "secret of a");
	b->keys[SITE_A][1] = key_make(2, LISP_AUTH_SHA256_128, true, "next secret of a");
	b->keys[SITE_B][0] = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, "secret of b");
	b->keys[SITE_C][0] = key_make(0, LISP_AUTH_SHA1_96, true, "secret of c");
	b->prefixes[SITE_A][0] = (struct ms_prefix){0, prefix_of("10.1.0.0/16"), false, true};
	b->prefixes[SITE_A][1] = (struct ms_prefix){.vn = 7, .macs = true};
	b->prefixes[SITE_A][2] = (struct ms_prefix){0, prefix_of("2001:db8::/32"), false, true};
	b->prefixes[SITE_B][0] = (struct ms_prefix){7, prefix_of("10.2.0.0/24"), false, false};
	b->prefixes[SITE_C][0] = (struct ms_prefix){0, prefix_of("10.1.9.0/24"), false, true};
	b->sites[SITE_A] = (struct ms_site){.name = "a", .key_count = 2, .prefix_count = 3};
	b->sites[SITE_B] = (struct ms_site){.name = "b", .key_count = 1, .prefix_count = 1};
	b->sites[SITE_C] = (struct ms_site){.name = "c", .key_count = 1, .prefix_count = 1};
	for (size_t i = 0; i < SITES; i++) {
		b->sites[i].keys = b->keys[i];
		b->sites[i].prefixes = b->prefixes[i];
	}
	b->mobile = (struct ms_mobile){0, prefix_of("10.1.5.0/24"), mobile_sites, 2, false};
	ms_conf_defaults(&b->w.conf);
	b->w.conf.sites = b->sites;
	b->w.conf.site_count = SITES;
	b->w.conf.mobiles = &b->mobile;
	b->w.conf.mobile_count = 1;
	b->w.conf.max_eids = 256;
	b->w.conf.max_etrs = 64;
	b->w.conf.max_subscriptions = 64;
	b->w.conf.max_displaced = 64;
	b->w.now = 1000 * US_S;
	world_start(&b->w);
	return b;
}

static inline void
bench_close(struct bench *b)
{
	mapserver_destroy(b->w.ms);
	free(b);
}

/* Registers one EID; the nonce is larger each time. */
static inline void
put(struct bench *b, unsigned site, const char *eid, const char *rloc, uint16_t version)
{
	struct rec rec = {.eid = eid, .rlocs = {rloc}, .version = version};
	struct lisp_xtr_id xtr = xtr_of((uint8_t)(site + 1), 0);
	struct reg reg = {.key = &b->keys[site][0],
			  .nonce = (uint64_t)++b->w.random,
			  .xtr = &xtr,
			  .recs = &rec,
			  .count = 1};

	world_register(&b->w, &reg);
}

/* Asks for an EID, and takes the one answer. */
static inline struct got
ask(struct bench *b, vn_id_t vn, const char *eid)
{
	struct req req = {.vn = vn, .eid = eid, .nonce = 77};

	b->w.sent_count = 0;
	world_request(&b->w, &req);
	assert_int_equal(b->w.sent_count, 1);
	return world_got(&b->w, 0);
}

#endif
