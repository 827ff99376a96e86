/* Checks of "vns[].proxy" and "vns[].lisp.petrs". */
#include "conf/check_proxy.h"

#include <errno.h>
#include <stdio.h>

#include "base/fmt.h"
#include "conf/unique.h"

struct checker {
	struct report *r;
	const struct conf *conf;
	int rc;
};

/* "vns[INDEX].NAME", and "vns[INDEX].OBJECT.NAME". */
static struct place
within(size_t index, const char *object, const char *name)
{
	return place_in(place_under("vns", index, object), name, PLACE_NO_INDEX);
}

/* Is a packet to the inside ever handed to anybody? */
static bool
has_way_in(const struct conf *conf, const struct conf_vn *vn)
{
	if (vn->lisp)
		return true;
	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = 0; j < conf->peers[i].vn_count; j++)
			if (conf->peers[i].vns[j].id == vn->id)
				return true;
	return false;
}

/* An address is inside or outside, and not both. */
static void
check_side(struct checker *c, const struct conf_vn *vn, struct prefix prefix, struct place place)
{
	char found[192];

	for (size_t i = 0; i < vn->address_count + vn->subnet_count; i++) {
		struct prefix outside = i < vn->address_count ? prefix_make(vn->addresses[i].addr,
									    vn->addresses[i].len)
							      : vn->subnets[i - vn->address_count];

		if (addr_is_none(outside.addr) || (!prefix_contains(outside, prefix.addr) &&
						   !prefix_contains(prefix, outside.addr)))
			continue;
		snprintf(found, sizeof(found), "%s beside %s of \"%s\"", fmt_prefix(prefix).s,
			 fmt_prefix(outside).s, i < vn->address_count ? "addresses" : "subnets");
		report_place(c->r, place, "a prefix that is not on the outside", found);
		return;
	}
}

static void
check_prefixes(struct checker *c, const struct conf_vn *vn, size_t index)
{
	struct unique seen = {.rows = NULL};

	for (size_t i = 0; i < vn->proxy.prefix_count; i++) {
		struct place place = place_element(within(index, "proxy", "prefixes"), i);

		if (addr_is_none(vn->proxy.prefixes[i].addr))
			continue;
		unique_add(&seen, 0, fmt_prefix(vn->proxy.prefixes[i]).s, place);
		check_side(c, vn, vn->proxy.prefixes[i], place);
	}
	unique_report(&seen, c->r, "each prefix once", &c->rc);
}

static void
check_one_proxy(struct checker *c, const struct conf_vn *vn, size_t index)
{
	char found[32];

	if (place_is_missing(place_under("vns", index, "addresses"), c->r->root))
		report_place(c->r, place_under("vns", index, "addresses"),
			     "an address on the outside where there is a \"proxy\"", "nothing");
	snprintf(found, sizeof(found), "%zu", vn->local_count);
	if (vn->local_count > 0)
		report_place(c->r, place_under("vns", index, "local"),
			     "none where there is a \"proxy\"", found);
	snprintf(found, sizeof(found), "%zu", vn->petr_count);
	if (vn->petr_count > 0)
		report_place(c->r, within(index, "lisp", "petrs"),
			     "none where there is a \"proxy\"", found);
	if (!vn->proxy.ingress && !vn->proxy.egress)
		report_place(c->r, within(index, "proxy", "egress"),
			     "true where \"ingress\" is false", "false");
	if (!has_way_in(c->conf, vn))
		report_place(c->r, place_under("vns", index, "proxy"),
			     "\"lisp.use\", or a peer of the network, beside it", "neither");
	check_prefixes(c, vn, index);
}

static void
check_petrs(struct checker *c, const struct conf_vn *vn, size_t index)
{
	const struct conf_lisp *lisp = &c->conf->lisp;
	struct unique seen = {.rows = NULL};

	for (size_t i = 0; i < vn->petr_count; i++) {
		struct place place = place_element(within(index, "lisp", "petrs"), i);

		if (addr_is_none(vn->petrs[i]))
			continue;
		unique_add(&seen, 0, fmt_addr(vn->petrs[i]).s, place);
		for (size_t j = 0; j < lisp->rloc_count; j++)
			if (addr_equal(lisp->rlocs[j].addr, vn->petrs[i]))
				report_place(c->r, place, "a locator of another router",
					     fmt_addr(vn->petrs[i]).s);
	}
	unique_report(&seen, c->r, "each locator once", &c->rc);
	if (vn->petr_count > 0 && !vn->lisp)
		report_place(c->r, within(index, "lisp", "petrs"), "none where \"use\" is not true",
			     fmt_addr(vn->petrs[0]).s);
}

int
check_proxy(struct report *r, const struct conf *conf)
{
	struct checker c = {.r = r, .conf = conf};

	for (size_t i = 0; i < conf->vn_count; i++) {
		check_petrs(&c, &conf->vns[i], i);
		if (conf->vns[i].proxy.enabled)
			check_one_proxy(&c, &conf->vns[i], i);
	}
	return c.rc;
}
