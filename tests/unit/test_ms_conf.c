/* What a map-server demands of its sites, with as many as there may be. */
#include "lisp/ms_priv.h"
#include "lisp_world.h"

#include <time.h>

#define MANY MS_SITES_MAX
/* Comparing everything with everything would take minutes. */
#define CPU_S_MAX 10

struct rig {
	struct world w;
	struct ms_site *sites;
	struct ms_prefix *prefixes;
	struct lisp_key *keys;
	char (*names)[16];
};

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->sites = calloc(MANY, sizeof(*r->sites));
	r->prefixes = calloc(MANY, sizeof(*r->prefixes));
	r->keys = calloc(MANY, sizeof(*r->keys));
	r->names = calloc(MANY, sizeof(*r->names));
	assert_true(r->sites != NULL && r->prefixes != NULL && r->keys != NULL && r->names != NULL);
	ms_conf_defaults(&r->w.conf);
	r->w.conf.max_eids = 16;
	r->w.conf.max_etrs = 16;
	r->w.conf.max_subscriptions = 16;
	r->w.conf.max_displaced = 16;
	r->w.conf.max_sites = MANY;
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	mapserver_destroy(r->w.ms);
	free(r->sites);
	free(r->prefixes);
	free(r->keys);
	free(r->names);
	free(r);
	return 0;
}

/* Site number i is called by a number that has no order, has a /32 and a key of its own. */
static void
make_sites(struct rig *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t mixed = (uint32_t)i * 2654435761u;
		const uint8_t bytes[4] = {10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};

		snprintf(r->names[i], sizeof(r->names[i]), "s%08x", mixed);
		r->keys[i] = (struct lisp_key){
			.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .secret_size = 4};
		memcpy(r->keys[i].secret, &mixed, 4);
		r->prefixes[i] =
			(struct ms_prefix){.prefix = prefix_host(addr_make(ADDR_V4, bytes))};
		r->sites[i] = (struct ms_site){.name = r->names[i],
					       .keys = &r->keys[i],
					       .key_count = 1,
					       .prefixes = &r->prefixes[i],
					       .prefix_count = 1};
	}
	r->w.conf.sites = r->sites;
	r->w.conf.site_count = count;
}

static int
create(struct rig *r)
{
	static const struct hash_key key = {1, 2};

	mapserver_destroy(r->w.ms);
	r->w.ms = NULL;
	return mapserver_create(&r->w.conf, &world_io, &r->w, &key, 0, &r->w.ms);
}

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

static void
as_many_sites_as_there_may_be_are_taken_at_once(void **state)
{
	struct rig *r = *state;
	double start = cpu_seconds();

	make_sites(r, MANY);
	assert_int_equal(create(r), 0);
	assert_int_equal(mapserver_reload(r->w.ms, &r->w.conf, 0), 0);
	assert_true(cpu_seconds() - start < CPU_S_MAX);
	for (uint32_t i = 0; i < MANY; i += 997)
		assert_string_equal(mapserver_site_name(r->w.ms, i), r->names[i]);
	assert_null(mapserver_site_name(r->w.ms, MANY));
}

static void
sites_keep_their_numbers_over_a_reload(void **state)
{
	struct rig *r = *state;
	struct ms_site swapped;

	make_sites(r, 100);
	r->w.conf.site_count = 99;
	assert_int_equal(create(r), 0);
	/* In another order, without one of them, and with a new one. */
	for (size_t i = 0; i < 50; i++) {
		swapped = r->sites[i];
		r->sites[i] = r->sites[99 - i];
		r->sites[99 - i] = swapped;
	}
	r->w.conf.sites = r->sites;
	r->sites[60] = r->sites[99];
	assert_int_equal(mapserver_reload(r->w.ms, &r->w.conf, 0), 0);
	for (uint32_t i = 0; i < 99; i++)
		if (i != 39)
			assert_string_equal(mapserver_site_name(r->w.ms, i), r->names[i]);
	assert_string_equal(mapserver_site_name(r->w.ms, 99), r->names[99]);
}

static void
a_name_belongs_to_one_site(void **state)
{
	char longest[64], longer[65];
	struct rig *r = *state;

	make_sites(r, 1000);
	r->sites[3].name = r->names[998];
	assert_int_equal(create(r), -EINVAL);
	r->sites[3].name = NULL;
	assert_int_equal(create(r), -EINVAL);
	memset(longer, 'x', sizeof(longer));
	longer[64] = '\0';
	r->sites[3].name = longer;
	assert_int_equal(create(r), -EINVAL);
	memset(longest, 'x', sizeof(longest));
	longest[63] = '\0';
	r->sites[3].name = longest;
	assert_int_equal(create(r), 0);
}

static void
a_key_belongs_to_one_site(void **state)
{
	struct rig *r = *state;

	make_sites(r, 1000);
	r->keys[998] = r->keys[3];
	assert_int_equal(create(r), -EINVAL);
	/* What differs in anything that a message shows, or in the secret, is another one. */
	r->keys[998].key_id = 2;
	assert_int_equal(create(r), 0);
	r->keys[998] = r->keys[3];
	r->keys[998].algorithm = LISP_AUTH_SHA256_128_HKDF;
	assert_int_equal(create(r), 0);
	r->keys[998] = r->keys[3];
	r->keys[998].is_full = true;
	assert_int_equal(create(r), 0);
	r->keys[998] = r->keys[3];
	r->keys[998].secret_size = 5;
	assert_int_equal(create(r), 0);
	r->keys[998] = r->keys[3];
	r->keys[998].secret[3] ^= 1;
	assert_int_equal(create(r), 0);
}

static void
a_site_may_have_its_key_twice_but_another_may_not(void **state)
{
	struct rig *r = *state;

	make_sites(r, 1000);
	/* Sites 10 and 11 have two keys each: 10 the same one twice, 11 that of 12. */
	r->keys[11] = r->keys[10];
	r->sites[10].key_count = 2;
	r->sites[11].keys = &r->keys[20];
	r->sites[20].keys = &r->keys[11];
	r->sites[20].key_count = 0;
	assert_int_equal(create(r), 0);
	r->sites[20].key_count = 1;
	assert_int_equal(create(r), -EINVAL);
}

static void
there_is_room_for_so_many_sites_only(void **state)
{
	struct rig *r = *state;

	make_sites(r, 101);
	r->w.conf.max_sites = 100;
	assert_int_equal(create(r), -EINVAL);
	r->w.conf.site_count = 100;
	assert_int_equal(create(r), 0);
	/* The number of a site that is gone is not given away. */
	r->w.conf.sites = &r->sites[1];
	assert_int_equal(mapserver_reload(r->w.ms, &r->w.conf, 0), -ENOSPC);
	r->w.conf.site_count = 99;
	assert_int_equal(mapserver_reload(r->w.ms, &r->w.conf, 0), 0);
}

static void
a_site_is_found_by_its_id(void **state)
{
	struct rig *r = *state;
	uint32_t site;

	make_sites(r, 1000);
	for (size_t i = 0; i < 1000; i += 2) {
		r->sites[i].has_site_id = true;
		r->sites[i].site_id = UINT64_MAX - 7 * (i % 500);
	}
	/* One without a key could not be answered. */
	r->sites[4].key_count = 0;
	assert_int_equal(create(r), 0);
	for (size_t i = 0; i < 500; i += 2) {
		assert_true(ms_site_ids_find(&r->w.ms->site_ids, UINT64_MAX - 7 * i, &site));
		assert_int_equal(site, i == 4 ? 504 : i);
		assert_false(ms_site_ids_find(&r->w.ms->site_ids, UINT64_MAX - 7 * i - 1, &site));
	}
	assert_false(ms_site_ids_find(&r->w.ms->site_ids, 0, &site));
	r->w.conf.site_count = 0;
	assert_int_equal(mapserver_reload(r->w.ms, &r->w.conf, 0), 0);
	assert_false(ms_site_ids_find(&r->w.ms->site_ids, UINT64_MAX, &site));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(as_many_sites_as_there_may_be_are_taken_at_once),
		TEST(sites_keep_their_numbers_over_a_reload),
		TEST(a_name_belongs_to_one_site),
		TEST(a_key_belongs_to_one_site),
		TEST(a_site_may_have_its_key_twice_but_another_may_not),
		TEST(there_is_room_for_so_many_sites_only),
		TEST(a_site_is_found_by_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
