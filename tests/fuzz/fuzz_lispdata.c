/* LISP data packets: what is accepted is built byte for byte the same again but for the bits that
 * nothing announces, and the inner packet keeps its checksum when it takes over the outer's TTL and
 * class.  The first two bytes of an input are those. */
#include <stdlib.h>

#include "base/err.h"
#include "wire/ip.h"
#include "wire/lispdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_header(const uint8_t *data, size_t size)
{
	uint8_t out[LISPDATA_SIZE], again[LISPDATA_SIZE];
	struct lispdata h, back;

	if (lispdata_parse(data, size, &h) != 0)
		return;
	BUG_IF((h.has_nonce && h.has_versions) || h.nonce > 0xffffff || h.vn > VN_ID_MAX);
	lispdata_build(&h, out);
	BUG_IF(lispdata_parse(out, sizeof(out), &back) != 0);
	lispdata_build(&back, again);
	BUG_IF(memcmp(out, again, sizeof(out)) != 0);
	/* R, V beside N and E without N are the only flags that get lost. */
	BUG_IF(((data[0] ^ out[0]) & ~(0x04 | (h.has_nonce ? 0x10 : 0x20))) != 0);
	for (size_t i = 0; i < sizeof(out); i++)
		BUG_IF(out[i] != 0 && i != 0 && out[i] != data[i]);
}

static void
check_copy(const uint8_t *packet, size_t size, struct lispdata_outer outer)
{
	struct lispdata_outer before, after;
	struct ip ip;
	uint8_t *copy;

	if (ip_parse(packet, size, &ip) != 0)
		return;
	copy = malloc(size);
	BUG_IF(copy == NULL);
	memcpy(copy, packet, size);
	before = lispdata_outer(copy);
	BUG_IF(before.ttl != ip.ttl || before.tos != ip.tos);
	if (!lispdata_copy_in(copy, outer)) {
		BUG_IF((outer.tos & 3) != 3 || (ip.tos & 3) != 0);
		BUG_IF(memcmp(copy, packet, size) != 0);
	} else {
		BUG_IF(ip_parse(copy, size, &ip) != 0);
		after = lispdata_outer(copy);
		BUG_IF(after.ttl > before.ttl || after.ttl > outer.ttl);
		BUG_IF(after.tos >> 2 != outer.tos >> 2);
		BUG_IF(((before.tos & 3) == 0) != ((after.tos & 3) == 0));
	}
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	check_header(data + 2, size - 2);
	if (size > 2 + LISPDATA_SIZE)
		check_copy(data + 2 + LISPDATA_SIZE, size - 2 - LISPDATA_SIZE,
			   (struct lispdata_outer){data[0], data[1]});
	return 0;
}
