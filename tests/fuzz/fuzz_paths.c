/* Bodies of the records about paths: what is accepted is built the same again. */
#include "base/err.h"
#include "wire/paths.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t check[PATHS_CHECK_SIZE], ack[PATHS_ACK_SIZE_MAX], tell[PATHS_TELL_SIZE_MAX];
	struct paths_candidates c;
	struct paths_ack a;
	struct paths_check k;

	if (paths_check_parse(data, size, &k) == 0) {
		paths_check_build(&k, check);
		BUG_IF(memcmp(data, check, sizeof(check)) != 0);
	}
	if (paths_ack_parse(data, size, &a) == 0)
		BUG_IF(paths_ack_build(&a, ack) != size || memcmp(data, ack, size) != 0);
	if (paths_candidates_parse(data, size, &c) == 0) {
		for (uint8_t i = 0; i < c.count; i++)
			BUG_IF(!paths_is_reachable(c.rows[i].to));
		BUG_IF(paths_candidates_build(&c, tell) != size || memcmp(data, tell, size) != 0);
	}
	return 0;
}
