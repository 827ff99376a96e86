/* Outer and inner header: what is accepted is built the same again. */
#include "base/err.h"
#include "wire/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t outer_bytes[SEAL_OUTER_SIZE], inner_bytes[SEAL_INNER_SIZE];
	struct seal_outer outer;
	struct seal_inner inner;

	if (seal_outer_parse(data, size, &outer) == 0) {
		seal_outer_build(&outer, outer_bytes);
		/* The two reserved bytes are not carried over. */
		BUG_IF(memcmp(data, outer_bytes, 2) != 0);
		BUG_IF(memcmp(data + 4, outer_bytes + 4, SEAL_OUTER_SIZE - 4) != 0);
	}
	if (seal_inner_parse(data, size, &inner) == 0) {
		BUG_IF(inner.vn > VN_ID_MAX);
		seal_inner_build(&inner, inner_bytes);
		BUG_IF(memcmp(data, inner_bytes, SEAL_INNER_SIZE) != 0);
	}
	return 0;
}
