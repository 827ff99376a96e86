/* Ethernet header. */
#include "wire/eth.h"

#include <errno.h>

#include "wire/be.h"
#include "wire/rd.h"

/* Smaller values of the type field are the length of an IEEE 802.3 frame. */
#define ETH_TYPE_MIN 0x0600

int
eth_parse(const uint8_t *data, size_t size, struct eth *out)
{
	struct rd r = rd_make(data, size);
	const uint8_t *h = rd_bytes(&r, ETH_SIZE);

	if (h == NULL || be16_get(h + 12) < ETH_TYPE_MIN)
		return -EBADMSG;
	memcpy(out->dst.b, h, sizeof(out->dst.b));
	memcpy(out->src.b, h + 6, sizeof(out->src.b));
	out->type = be16_get(h + 12);
	return 0;
}

void
eth_build(const struct eth *e, uint8_t *data)
{
	memcpy(data, e->dst.b, sizeof(e->dst.b));
	memcpy(data + 6, e->src.b, sizeof(e->src.b));
	be16_put(data + 12, e->type);
}
