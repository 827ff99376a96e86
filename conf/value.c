/* Types and ranges of single values. */
#include "conf/value.h"

#include <errno.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "conf/conf.h"

/* Largest name of a network device, as the kernel has it.  What the kernel refuses is refused, and what would end a string
 * in the rules for nftables. */
#define DEVICE_SIZE_MAX 15
#define NAME_SIZE_MAX   63
#define WORD_SIZE_MAX   255

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_name(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if (!is_alnum(text[i]) && strchr("._-", text[i]) == NULL)
			return false;
	return i > 0 && i <= NAME_SIZE_MAX;
}

static bool
is_device(const char *text)
{
	size_t i;

	if (strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
		return false;
	for (i = 0; text[i] != '\0'; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("/:\"\\%*", text[i]) != NULL)
			return false;
	return i > 0 && i <= DEVICE_SIZE_MAX;
}

static bool
is_path(const char *text, uint64_t size_max)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return text[0] == '/' && i <= size_max;
}

static bool
is_word(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return i > 0 && i <= WORD_SIZE_MAX;
}

static int
store_string(bool fits, const char *text, void *to)
{
	char *copy;

	if (!fits)
		return -EINVAL;
	copy = strdup(text);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(to, &copy, sizeof(copy));
	return 0;
}

static int
store_number(const struct key *key, const cJSON *item, void *to)
{
	double d;
	uint64_t value;

	if (!cJSON_IsNumber(item))
		return -EINVAL;
	d = item->valuedouble;
	/* All ranges end far below 2^53, where doubles are exact. */
	if (!(d >= (double)key->min && d <= (double)key->max))
		return -EINVAL;
	value = (uint64_t)d;
	if ((double)value != d)
		return -EINVAL;
	value *= key->scale;
	if (key->size == sizeof(uint8_t))
		*(uint8_t *)to = (uint8_t)value;
	else if (key->size == sizeof(uint16_t))
		*(uint16_t *)to = (uint16_t)value;
	else if (key->size == sizeof(uint32_t))
		*(uint32_t *)to = (uint32_t)value;
	else
		memcpy(to, &value, sizeof(value));
	return 0;
}

static int
store_choice(const struct key *key, const char *text, void *to)
{
	size_t size = strlen(text);
	const char *choice = key->choices;
	int position = (int)key->min;

	for (;; position++) {
		size_t choice_size = strcspn(choice, "|");

		if (choice_size == size && memcmp(choice, text, size) == 0)
			break;
		if (choice[choice_size] == '\0')
			return -EINVAL;
		choice += choice_size + 1;
	}
	memcpy(to, &position, sizeof(position));
	return 0;
}

static int
store_endpoint(const char *text, void *to)
{
	struct endpoint ep;

	if (endpoint_from_text(text, &ep) != 0 || ep.port == 0)
		return -EINVAL;
	memcpy(to, &ep, sizeof(ep));
	return 0;
}

static int
store_addr(const char *text, void *to)
{
	struct addr addr;

	if (addr_from_text(text, &addr) != 0 || !value_is_unicast(addr))
		return -EINVAL;
	memcpy(to, &addr, sizeof(addr));
	return 0;
}

bool
value_is_reserved(struct prefix p)
{
	if (addr_is_multicast(p.addr))
		return true;
	if (p.addr.family == ADDR_V4)
		return p.len >= 8 && (p.addr.b[0] == 0 || p.addr.b[0] == 127);
	return p.len == 128 && !value_is_unicast(p.addr);
}

static int
store_prefix(const char *text, void *to)
{
	struct prefix prefix;

	if (prefix_from_text(text, &prefix) != 0 || value_is_reserved(prefix))
		return -EINVAL;
	memcpy(to, &prefix, sizeof(prefix));
	return 0;
}

/* Neither the name of the subnet nor its broadcast address. */
static int
store_addr_len(const char *text, void *to)
{
	struct conf_address address = {.len = 0};
	struct addr broadcast;
	size_t bits, i;

	if (addr_len_from_text(text, &address.addr, &address.len) != 0 ||
	    !value_is_unicast(address.addr) || address.len == 0)
		return -EINVAL;
	bits = addr_size(address.addr.family) * 8;
	broadcast = prefix_make(address.addr, address.len).addr;
	if (address.len + 1u < bits && addr_equal(address.addr, broadcast))
		return -EINVAL;
	for (i = address.len; i < bits; i++)
		broadcast.b[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (address.addr.family == ADDR_V4 && address.len + 1u < bits &&
	    addr_equal(address.addr, broadcast))
		return -EINVAL;
	memcpy(to, &address, sizeof(address));
	return 0;
}

/* 'to' is 'mac_kind' of a network; the address, where one is given, belongs to its neighbour. */
static int
store_mac(const char *text, void *to)
{
	struct conf_vn *vn =
		(struct conf_vn *)(void *)((char *)to - offsetof(struct conf_vn, mac_kind));
	struct mac mac = {{0}};

	if (strcmp(text, "nic") == 0) {
		vn->mac_kind = CONF_MAC_NIC;
		return 0;
	}
	if (strcmp(text, "virtual") != 0 &&
	    (mac_from_text(text, &mac) != 0 || mac_is_multicast(mac) || mac_is_zero(mac)))
		return -EINVAL;
	vn->mac_kind = CONF_MAC_VIRTUAL;
	vn->mac = mac;
	return 0;
}

static int
store_public_key(const char *text, void *to)
{
	static const uint8_t zero[CONF_KEY_SIZE];
	uint8_t key[CONF_KEY_SIZE];

	/* The zero key is a point of low order: no session can be made with it. */
	if (base64_to_bytes(text, key, sizeof(key)) != 0 || memcmp(key, zero, sizeof(key)) == 0)
		return -EINVAL;
	memcpy(to, key, sizeof(key));
	return 0;
}

/* Exactly 'size' bytes of hexadecimal digits. */
static bool
hex_to_bytes(const char *text, uint8_t *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	size_t i;

	if (strlen(text) != 2 * size)
		return false;
	for (i = 0; i < 2 * size; i++) {
		const char *digit = strchr(digits, text[i]);

		if (digit == NULL)
			return false;
		bytes[i / 2] = (uint8_t)(bytes[i / 2] << 4 | ((digit - digits) & 15));
	}
	return true;
}

static int
store_xtr_id(const char *text, void *to)
{
	static const uint8_t zero[16];
	uint8_t id[sizeof(zero)] = {0};

	if (!hex_to_bytes(text, id, sizeof(id)) || memcmp(id, zero, sizeof(id)) == 0)
		return -EINVAL;
	memcpy(to, id, sizeof(id));
	return 0;
}

static int
store_site_id(const cJSON *item, void *to)
{
	uint8_t bytes[8] = {0};
	uint64_t value = 0;
	size_t i;

	if (cJSON_IsNumber(item)) {
		double d = item->valuedouble;

		if (!(d >= 0 && d < (double)(UINT64_C(1) << 53)) || (double)(uint64_t)d != d)
			return -EINVAL;
		value = (uint64_t)d;
	} else {
		if (!cJSON_IsString(item) || !hex_to_bytes(item->valuestring, bytes, sizeof(bytes)))
			return -EINVAL;
		for (i = 0; i < sizeof(bytes); i++)
			value = value << 8 | bytes[i];
	}
	memcpy(to, &value, sizeof(value));
	return 0;
}

static int
store_text(const struct key *key, const char *text, void *to)
{
	switch (key->type) {
	case KEY_NAME:
		return store_string(is_name(text), text, to);
	case KEY_PATH:
		return store_string(is_path(text, key->max), text, to);
	case KEY_DEVICE:
		return store_string(is_device(text), text, to);
	case KEY_WORD:
		return store_string(is_word(text), text, to);
	case KEY_CHOICE:
		return store_choice(key, text, to);
	case KEY_ENDPOINT:
		return store_endpoint(text, to);
	case KEY_ADDR:
		return store_addr(text, to);
	case KEY_PREFIX:
		return store_prefix(text, to);
	case KEY_ADDR_LEN:
		return store_addr_len(text, to);
	case KEY_MAC:
		return store_mac(text, to);
	case KEY_PUBLIC_KEY:
		return store_public_key(text, to);
	case KEY_XTR_ID:
		return store_xtr_id(text, to);
	case KEY_OBJECT:
	case KEY_OBJECTS:
	case KEY_BOOL:
	case KEY_NUMBER:
	case KEY_SITE_ID:
		break;
	}
	return -EINVAL;
}

bool
value_is_unicast(struct addr a)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	if (addr_is_none(a) || addr_is_unspecified(a) || addr_is_multicast(a))
		return false;
	return a.family == ADDR_V4 ? a.b[0] != 127 && a.b[0] < 240
				   : memcmp(a.b, loopback6, sizeof(loopback6)) != 0;
}

int
value_from_json(const struct key *key, const struct cJSON *item, void *to)
{
	bool value = cJSON_IsTrue(item);

	if (key->type == KEY_NUMBER)
		return store_number(key, item, to);
	if (key->type == KEY_SITE_ID)
		return store_site_id(item, to);
	if (key->type == KEY_BOOL) {
		if (!cJSON_IsBool(item))
			return -EINVAL;
		memcpy(to, &value, sizeof(value));
		return 0;
	}
	return cJSON_IsString(item) ? store_text(key, item->valuestring, to) : -EINVAL;
}
