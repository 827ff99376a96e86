/* What this machine gets on the device: see host_conf.h. */
#include "vr/host_conf.h"

#include <errno.h>
#include <stdlib.h>

#include "wire/ip.h"
#include "wire/seal.h"

#define UDP_SIZE 8

struct list {
	struct prefix *rows; /* NULL: they are only counted */
	size_t count;
};

/* Does the kernel have a route there by the addresses alone? */
static bool
is_own(const struct conf_vn *vn, struct prefix prefix)
{
	for (size_t i = 0; i < vn->own_count; i++) {
		const struct conf_address *a = &vn->own[i];

		if (prefix_equal(prefix, prefix_make(a->addr, a->len)) ||
		    prefix_equal(prefix, prefix_host(a->addr)))
			return true;
	}
	return false;
}

static void
add(struct list *list, const struct conf_vn *vn, struct prefix prefix)
{
	if (prefix.addr.family != ADDR_V4 || is_own(vn, prefix))
		return;
	if (list->rows != NULL)
		list->rows[list->count] = prefix;
	list->count++;
}

static void
add_all(struct list *list, const struct conf *conf, const struct conf_vn *vn)
{
	for (size_t i = 0; i < vn->mobile_count; i++)
		add(list, vn, vn->mobile[i].prefix);
	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = 0; j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *pv = &conf->peers[i].vns[j];

			for (size_t k = 0; pv->id == vn->id && k < pv->prefix_count; k++)
				add(list, vn, pv->prefixes[k]);
		}
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct prefix));
}

static void
sort(struct list *list)
{
	size_t kept = 0;

	qsort(list->rows, list->count, sizeof(*list->rows), compare);
	for (size_t i = 0; i < list->count; i++)
		if (i == 0 || !prefix_equal(list->rows[i], list->rows[kept - 1]))
			list->rows[kept++] = list->rows[i];
	list->count = kept;
}

/* The machine's own: the same after a restart, another for each router. */
static struct mac
mac_of(struct vr_id self)
{
	struct mac mac = {{0x06}};

	for (size_t i = 1; i < sizeof(mac.b); i++)
		mac.b[i] = (uint8_t)(self.v >> 8 * (i - 1));
	return mac;
}

static uint16_t
mtu_of(const struct conf *conf)
{
	size_t outer = conf->listen.addr.family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE;

	return (uint16_t)(conf->mtu_max - outer - UDP_SIZE - SEAL_OVERHEAD);
}

int
host_conf_make(const struct conf *conf, const struct conf_vn *vn, struct vr_id self,
	       struct port_host *host, struct prefix **routes)
{
	struct list list = {.rows = NULL};

	add_all(&list, conf, vn);
	list.rows = calloc(list.count + 1, sizeof(*list.rows));
	if (list.rows == NULL)
		return -ENOMEM;
	list.count = 0;
	add_all(&list, conf, vn);
	sort(&list);
	*host = (struct port_host){.mac = mac_of(self),
				   .mtu = mtu_of(conf),
				   .addresses = vn->own,
				   .address_count = vn->own_count,
				   .routes = list.rows,
				   .route_count = list.count};
	/* The NIC's bridge has the machine's native addresses, too. */
	if (vn->model == CONF_MODEL_HYBRID)
		host->source = vn->own[0].addr;
	*routes = list.rows;
	return 0;
}
