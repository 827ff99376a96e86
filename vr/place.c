/* Another place on the underlay: see place.h. */
#include "vr/place.h"

#include <errno.h>

#include "vr/netlink_addr.h"

#define OLD_MAX 16

struct old {
	int index;
	uint8_t family;
	struct {
		struct addr addr;
		uint8_t len;
	} rows[OLD_MAX];
	size_t count;
};

static void
on_fact(void *ctx, const struct netlink_fact *f)
{
	struct old *old = ctx;

	if (f->kind != NETLINK_FACT_ADDR || f->index != old->index ||
	    f->addr.family != old->family || !f->is_usable || old->count == OLD_MAX)
		return;
	old->rows[old->count].addr = f->addr;
	old->rows[old->count++].len = f->len;
}

static int
find_device(const char *device, int *index)
{
	struct netlink_link link;
	struct netlink *nl;
	int rc = netlink_open(&nl);

	if (rc != 0)
		return rc;
	rc = netlink_find(nl, device, &link);
	netlink_close(nl);
	if (rc == 0)
		*index = link.index;
	return rc;
}

static bool
had(const struct old *old, struct addr addr, uint8_t len)
{
	for (size_t i = 0; i < old->count; i++)
		if (addr_equal(old->rows[i].addr, addr) && old->rows[i].len == len)
			return true;
	return false;
}

static int
put(int index, struct addr addr, uint8_t len, struct addr gateway)
{
	int rc = netlink_addr_put(index, addr, len);

	return rc == 0 && !addr_is_none(gateway) ? netlink_default_put(index, gateway) : rc;
}

int
place_set(const char *device, struct addr addr, uint8_t len, struct addr gateway)
{
	struct old old = {.family = addr.family};
	int rc = find_device(device, &old.index);

	if (rc == 0)
		rc = netlink_facts_list(on_fact, &old);
	if (rc != 0)
		return rc;
	rc = put(old.index, addr, len, gateway);
	if (rc != 0) {
		if (!had(&old, addr, len))
			(void)!netlink_addr_remove(old.index, addr, len);
		return rc;
	}
	/* With the first address of a subnet the kernel may take out the others, and routes. */
	for (size_t i = 0; i < old.count; i++)
		if (!addr_equal(old.rows[i].addr, addr) || old.rows[i].len != len)
			(void)!netlink_addr_remove(old.index, old.rows[i].addr, old.rows[i].len);
	return put(old.index, addr, len, gateway);
}
