/* Checks of the map-server's values. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "conf/check_lisp.h"
#include "conf/unique.h"

/* What fill_conf() leaves for a number that it refused. */
#define UNKNOWN UINT32_MAX

struct checker {
	struct report *r;
	const struct conf_lisp *lisp;
	struct names *keys;
	struct names sites;
	int rc;
};

/* lisp.map_server.NAME, and lisp.map_server.ARRAY[INDEX].NAME */
static struct place
map_server(const char *name)
{
	struct place p = place_in((struct place){.depth = 0}, "lisp", PLACE_NO_INDEX);

	return place_in(place_in(p, "map_server", PLACE_NO_INDEX), name, PLACE_NO_INDEX);
}

static struct place
under(const char *array, size_t index, const char *name)
{
	return place_in(place_element(map_server(array), index), name, PLACE_NO_INDEX);
}

static void
check_site_keys(struct checker *c)
{
	struct unique seen = {.rows = NULL};
	size_t i, j;

	for (i = 0; i < c->lisp->site_count; i++) {
		const struct conf_ms_site *site = &c->lisp->sites[i];

		for (j = 0; j < site->key_count; j++) {
			struct place place = place_element(under("sites", i, "keys"), j);

			names_check(c->keys, c->r, site->keys[j], place, CHECK_KEY_WORDS);
			if (site->keys[j] != NULL)
				unique_add(&seen, (uint32_t)i, site->keys[j], place);
		}
	}
	unique_report(&seen, c->r, "each key once", &c->rc);
}

static void
check_sites(struct checker *c)
{
	const struct conf_lisp *lisp = c->lisp;
	struct unique names = {.rows = NULL};
	struct unique ids = {.rows = NULL};
	char text[32], expected[80];
	size_t i;

	for (i = 0; i < lisp->site_count; i++) {
		const struct conf_ms_site *site = &lisp->sites[i];

		names_add(&c->sites, site->name);
		if (site->name != NULL)
			unique_add(&names, 0, site->name, under("sites", i, "name"));
		snprintf(text, sizeof(text), "%" PRIu64, site->site_id);
		if (site->site_id != 0)
			unique_add(&ids, 0, text, under("sites", i, "site_id"));
		if (site->max_eids == UNKNOWN || site->max_eids <= lisp->max_eids)
			continue;
		snprintf(text, sizeof(text), "%u", site->max_eids);
		snprintf(expected, sizeof(expected), "at most \"max_eids\" of the map-server (%u)",
			 lisp->max_eids);
		report_place(c->r, under("sites", i, "max_eids"), expected, text);
	}
	/* An array that was refused as a whole could have any name. */
	if (lisp->site_count == 0 && !place_is_missing(map_server("sites"), c->r->root))
		names_add(&c->sites, NULL);
	unique_report(&names, c->r, "a name of its own for each site", &c->rc);
	unique_report(&ids, c->r, "a site-ID of its own for each site", &c->rc);
}

static void
check_mobile(struct checker *c)
{
	struct unique prefixes = {.rows = NULL};
	struct unique sites = {.rows = NULL};
	size_t i, j;

	for (i = 0; i < c->lisp->mobile_count; i++) {
		const struct conf_ms_mobile *mobile = &c->lisp->mobiles[i];

		if (mobile->vn != UNKNOWN && !addr_is_none(mobile->prefix.addr))
			unique_add(&prefixes, mobile->vn, fmt_prefix(mobile->prefix).s,
				   under("mobile", i, "prefix"));
		for (j = 0; j < mobile->site_count; j++) {
			struct place place = place_element(under("mobile", i, "sites"), j);

			names_check(&c->sites, c->r, mobile->sites[j], place,
				    "the name of a site in \"sites\"");
			if (mobile->sites[j] != NULL)
				unique_add(&sites, (uint32_t)i, mobile->sites[j], place);
		}
	}
	unique_report(&prefixes, c->r, "each mobile prefix once", &c->rc);
	unique_report(&sites, c->r, "each site once", &c->rc);
}

/* --- what two sites may register --------------------------------------------------------------- */

/* Prefix 'number' of site 'site'. */
struct claim {
	vn_id_t vn;
	struct prefix prefix;
	bool more_specifics;
	uint32_t site, number;
};

static int
order(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* A prefix comes behind those that contain it; equal ones are in the order of the text. */
static int
claim_compare(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;
	int rc = order(x->vn, y->vn);

	if (rc == 0)
		rc = order(x->prefix.addr.family, y->prefix.addr.family);
	if (rc == 0)
		rc = memcmp(x->prefix.addr.b, y->prefix.addr.b, addr_size(x->prefix.addr.family));
	if (rc == 0)
		rc = order(x->prefix.len, y->prefix.len);
	if (rc == 0)
		rc = order(x->site, y->site);
	return rc != 0 ? rc : order(x->number, y->number);
}

static struct place
claim_place(const struct claim *claim)
{
	return place_element(under("sites", claim->site, "prefixes"), claim->number);
}

static bool
has_site(const struct conf_ms_mobile *mobile, const char *name)
{
	size_t i;

	for (i = 0; i < mobile->site_count; i++)
		if (name != NULL && mobile->sites[i] != NULL && strcmp(mobile->sites[i], name) == 0)
			return true;
	return false;
}

/* Both sites may have machines of it: the map-server then knows which one has it now.  The mobile
 * prefix itself is no machine's. */
static bool
is_mobile(const struct checker *c, const struct claim *claim, uint32_t other)
{
	const struct conf_lisp *lisp = c->lisp;
	size_t i;

	for (i = 0; i < lisp->mobile_count; i++) {
		const struct conf_ms_mobile *mobile = &lisp->mobiles[i];

		if (mobile->vn == claim->vn && mobile->prefix.len < claim->prefix.len &&
		    prefix_contains(mobile->prefix, claim->prefix.addr) &&
		    has_site(mobile, lisp->sites[claim->site].name) &&
		    has_site(mobile, lisp->sites[other].name))
			return true;
	}
	return false;
}

static bool
contains(const struct claim *outer, const struct claim *inner)
{
	return outer->vn == inner->vn && outer->prefix.len <= inner->prefix.len &&
	       prefix_contains(outer->prefix, inner->prefix.addr);
}

static bool
is_same(const struct claim *a, const struct claim *b)
{
	return a->vn == b->vn && prefix_equal(a->prefix, b->prefix);
}

/* May the site of 'outer' register what is the other site's, too? */
static bool
is_conflict(const struct checker *c, const struct claim *outer, const struct claim *claim)
{
	return outer->site != claim->site && (outer->more_specifics || is_same(outer, claim)) &&
	       !is_mobile(c, claim, outer->site);
}

static void
report_conflict(struct checker *c, const struct claim *outer, const struct claim *claim)
{
	char text[64], found[256];

	place_text(claim_place(outer), text, sizeof(text));
	snprintf(found, sizeof(found), "%s, which %s of %s %s", fmt_prefix(claim->prefix).s,
		 fmt_prefix(outer->prefix).s, text, is_same(outer, claim) ? "is too" : "contains");
	report_place(c->r, place_in(claim_place(claim), "prefix", PLACE_NO_INDEX),
		     "a prefix that no other site may register", found);
}

/* 'claims' is sorted; 'stack' has room for as many and holds those that contain the current one. */
static void
check_claims(struct checker *c, const struct claim *claims, size_t count,
	     const struct claim **stack)
{
	size_t depth = 0;
	size_t i, j;

	for (i = 0; i < count; i++) {
		const struct claim *claim = &claims[i];

		while (depth > 0 && !contains(stack[depth - 1], claim))
			depth--;
		for (j = 0; j < depth && !is_conflict(c, stack[j], claim); j++)
			;
		if (j < depth)
			report_conflict(c, stack[j], claim);
		else
			stack[depth++] = claim;
	}
}

/* Prefixes that were not refused.  The caller frees the array. */
static struct claim *
list_claims(const struct conf_lisp *lisp, size_t *count)
{
	struct claim *claims;
	size_t room = 1;
	size_t i, j;

	*count = 0;
	for (i = 0; i < lisp->site_count; i++)
		room += lisp->sites[i].prefix_count;
	claims = calloc(room, sizeof(*claims));
	for (i = 0; i < lisp->site_count && claims != NULL; i++) {
		for (j = 0; j < lisp->sites[i].prefix_count; j++) {
			const struct conf_ms_prefix *p = &lisp->sites[i].prefixes[j];

			if (p->vn == UNKNOWN || addr_is_none(p->prefix.addr))
				continue;
			claims[(*count)++] = (struct claim){.vn = p->vn,
							    .prefix = p->prefix,
							    .more_specifics = p->more_specifics,
							    .site = (uint32_t)i,
							    .number = (uint32_t)j};
		}
	}
	return claims;
}

/* Equal prefixes of one site are neighbours. */
static size_t
report_repeated(struct checker *c, struct claim *claims, size_t count)
{
	size_t used = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		char text[64], found[160];

		if (used == 0 || claims[i].site != claims[used - 1].site ||
		    !is_same(&claims[i], &claims[used - 1])) {
			claims[used++] = claims[i];
			continue;
		}
		place_text(claim_place(&claims[used - 1]), text, sizeof(text));
		snprintf(found, sizeof(found), "%s, which %s.prefix is too",
			 fmt_prefix(claims[i].prefix).s, text);
		report_place(c->r, place_in(claim_place(&claims[i]), "prefix", PLACE_NO_INDEX),
			     "each prefix of a site once", found);
	}
	return used;
}

static void
check_prefixes(struct checker *c)
{
	const struct claim **stack;
	size_t count;
	struct claim *claims = list_claims(c->lisp, &count);

	stack = calloc(count + 1, sizeof(*stack));
	if (claims == NULL || stack == NULL) {
		c->rc = -ENOMEM;
	} else {
		qsort(claims, count, sizeof(*claims), claim_compare);
		count = report_repeated(c, claims, count);
		check_claims(c, claims, count, stack);
	}
	free(stack);
	free(claims);
}

int
check_map_server(struct report *r, const struct conf_lisp *lisp, struct names *keys)
{
	struct checker c = {.r = r, .lisp = lisp, .keys = keys};

	check_sites(&c);
	check_site_keys(&c);
	check_mobile(&c);
	check_prefixes(&c);
	if (c.sites.no_memory)
		c.rc = -ENOMEM;
	names_fini(&c.sites);
	return c.rc;
}
