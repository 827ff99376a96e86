/* Addresses of this router and the subnets around them. */
#include "conf/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "conf/unique.h"

struct on_link {
	struct prefix prefix;
	struct place place;
};

/* On-link subnets of a network, of its addresses first.  The caller frees the array. */
static int
list_on_link(const struct conf_vn *vn, size_t i, struct on_link **out, size_t *count)
{
	struct on_link *list = calloc(vn->address_count + vn->subnet_count + 1, sizeof(*list));
	size_t j;

	*out = list;
	*count = 0;
	if (list == NULL)
		return -ENOMEM;
	for (j = 0; j < vn->address_count; j++) {
		if (addr_is_none(vn->addresses[j].addr))
			continue;
		list[*count].prefix = prefix_make(vn->addresses[j].addr, vn->addresses[j].len);
		list[(*count)++].place = place_element(place_under("vns", i, "addresses"), j);
	}
	for (j = 0; j < vn->subnet_count; j++) {
		if (addr_is_none(vn->subnets[j].addr))
			continue;
		list[*count].prefix = vn->subnets[j];
		list[(*count)++].place = place_element(place_under("vns", i, "subnets"), j);
	}
	return 0;
}

static bool
overlap(struct prefix a, struct prefix b)
{
	return prefix_contains(a, b.addr) || prefix_contains(b, a.addr);
}

/* A machine must find the same length for its subnet wherever it stands. */
static void
check_lengths(struct report *r, const struct on_link *list, size_t count)
{
	char text[48], found[192];
	size_t i, j;

	for (i = 1; i < count; i++) {
		for (j = 0; j < i; j++) {
			if (!overlap(list[i].prefix, list[j].prefix) ||
			    prefix_equal(list[i].prefix, list[j].prefix))
				continue;
			place_text(list[j].place, text, sizeof(text));
			snprintf(found, sizeof(found), "%s beside %s of %s",
				 fmt_prefix(list[i].prefix).s, fmt_prefix(list[j].prefix).s, text);
			report_place(r, list[i].place, "subnets that do not overlap", found);
			break;
		}
	}
}

static bool
any_contains(const struct prefix *prefixes, size_t count, struct addr a)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (prefix_contains(prefixes[i], a))
			return true;
	return false;
}

static void
check_native_gateway(struct report *r, const struct conf_vn *vn, size_t index,
		     const struct on_link *list, size_t count)
{
	struct place place = place_under("vns", index, "native_gateway");
	struct addr gateway = vn->native_gateway;
	bool near = any_contains(vn->local, vn->local_count, gateway);
	size_t i;

	if (addr_is_none(gateway))
		return;
	for (i = 0; i < vn->address_count; i++)
		if (addr_equal(vn->addresses[i].addr, gateway))
			report_place(r, place, "another router than this one", fmt_addr(gateway).s);
	for (i = 0; i < count; i++)
		near = near || prefix_contains(list[i].prefix, gateway);
	for (i = 0; i < vn->mobile_count; i++)
		near = near || prefix_contains(vn->mobile[i].prefix, gateway);
	if (!near)
		report_place(r, place,
			     "an address within \"local\", \"subnets\" or those of \"addresses\"",
			     fmt_addr(gateway).s);
}

int
check_addresses(struct report *r, const struct conf *conf)
{
	struct unique seen = {.rows = NULL};
	struct on_link *list;
	size_t count, i, j;
	int rc = 0;

	for (i = 0; i < conf->vn_count; i++) {
		const struct conf_vn *vn = &conf->vns[i];

		for (j = 0; j < vn->address_count; j++)
			if (!addr_is_none(vn->addresses[j].addr))
				unique_add(&seen, (uint32_t)i, fmt_addr(vn->addresses[j].addr).s,
					   place_element(place_under("vns", i, "addresses"), j));
		if (list_on_link(vn, i, &list, &count) == 0) {
			check_lengths(r, list, count);
			check_native_gateway(r, vn, i, list, count);
		} else {
			rc = -ENOMEM;
		}
		free(list);
	}
	unique_report(&seen, r, "each address once", &rc);
	return rc;
}
