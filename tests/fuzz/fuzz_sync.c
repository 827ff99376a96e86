/* Sync messages: what is accepted is built byte for byte the same again; there is one spelling of each
 * message. */
#include "base/err.h"
#include "wire/sync.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[SYNC_SIZE_MAX];
	struct sync_msg msg;
	int built;

	if (sync_parse(data, size, &msg) != 0)
		return 0;
	built = sync_build(&msg, out, sizeof(out));
	BUG_IF(built < 0 || (size_t)built != size);
	BUG_IF(memcmp(data, out, size) != 0);
	return 0;
}
