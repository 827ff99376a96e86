/* Text forms: what is accepted is printed and read back the same. */
#include <stdlib.h>

#include "base/err.h"
#include "base/fmt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_values(const char *text)
{
	struct mac mac, mac_back;
	struct addr addr, addr_back;
	struct prefix prefix, prefix_back;
	struct endpoint ep, ep_back;
	uint8_t len;

	if (mac_from_text(text, &mac) == 0)
		BUG_IF(mac_from_text(fmt_mac(mac).s, &mac_back) != 0 || !mac_equal(mac, mac_back));
	if (addr_from_text(text, &addr) == 0)
		BUG_IF(addr_from_text(fmt_addr(addr).s, &addr_back) != 0 ||
		       !addr_equal(addr, addr_back));
	if (prefix_from_text(text, &prefix) == 0)
		BUG_IF(prefix_from_text(fmt_prefix(prefix).s, &prefix_back) != 0 ||
		       !prefix_equal(prefix, prefix_back));
	if (endpoint_from_text(text, &ep) == 0)
		BUG_IF(endpoint_from_text(fmt_endpoint(ep).s, &ep_back) != 0 ||
		       !endpoint_equal(ep, ep_back));
	if (addr_len_from_text(text, &addr, &len) == 0)
		BUG_IF(len > addr_size(addr.family) * 8);
}

static void
check_base64(const char *text)
{
	uint8_t bytes[32];
	char back[45];

	for (size_t size = 0; size <= sizeof(bytes); size++) {
		if (base64_to_bytes(text, bytes, size) != 0)
			continue;
		base64_from_bytes(bytes, size, back);
		BUG_IF(strcmp(text, back) != 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	BUG_IF(text == NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	check_values(text);
	check_base64(text);
	free(text);
	return 0;
}
