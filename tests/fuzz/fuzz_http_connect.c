/* An answer of a proxy is judged the same however it is cut into pieces. */
#include "base/err.h"
#include "vr/http_connect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: the size of the pieces. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_connect whole = {.seen = 0}, parts = {.seen = 0};
	size_t piece, used, found, all = 0;
	enum http_connect_verdict verdict;

	if (size < 1)
		return 0;
	piece = (size_t)data[0] + 1;
	data++;
	size--;
	verdict = http_connect_heard(&whole, data, size, &used);
	for (size_t at = 0; at < size; at += piece) {
		(void)http_connect_heard(&parts, data + at, size - at < piece ? size - at : piece,
					 &found);
		all += found;
	}
	BUG_IF(parts.verdict != verdict || parts.status != whole.status || all != used);
	BUG_IF(used > size || used > HTTP_CONNECT_ANSWER_MAX);
	BUG_IF(verdict == HTTP_CONNECT_MORE && used != size);
	BUG_IF(verdict == HTTP_CONNECT_OPEN && (whole.status < 200 || whole.status > 299));
	/* It is final. */
	if (verdict != HTTP_CONNECT_MORE) {
		BUG_IF(http_connect_heard(&whole, data, size, &found) != verdict);
		BUG_IF(found != 0);
	}
	return 0;
}
