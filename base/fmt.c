/* Text forms of the value types: what people read in logs and write in configurations. */
#include "base/fmt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define US_MINUTE (60 * US_S)
#define US_HOUR   (60 * US_MINUTE)
#define US_DAY    (24 * US_HOUR)

struct fmt
fmt_mac(struct mac mac)
{
	struct fmt f;

	snprintf(f.s, sizeof(f.s), "%02x:%02x:%02x:%02x:%02x:%02x", mac.b[0], mac.b[1], mac.b[2],
		 mac.b[3], mac.b[4], mac.b[5]);
	return f;
}

struct fmt
fmt_addr(struct addr addr)
{
	struct fmt f = {"none"};

	if (addr.family == ADDR_V4)
		inet_ntop(AF_INET, addr.b, f.s, sizeof(f.s));
	else if (addr.family == ADDR_V6)
		inet_ntop(AF_INET6, addr.b, f.s, sizeof(f.s));
	return f;
}

/* Appends to what is there; the longest form of all (an IPv6 endpoint) fits with room to spare. */
__attribute__((format(printf, 2, 3))) static void
append(struct fmt *f, const char *format, ...)
{
	size_t used = strlen(f->s);
	va_list args;

	va_start(args, format);
	vsnprintf(f->s + used, sizeof(f->s) - used, format, args);
	va_end(args);
}

struct fmt
fmt_prefix(struct prefix prefix)
{
	struct fmt f = fmt_addr(prefix.addr);

	if (!addr_is_none(prefix.addr))
		append(&f, "/%u", prefix.len);
	return f;
}

struct fmt
fmt_endpoint(struct endpoint ep)
{
	struct fmt f = {"["};

	if (addr_is_none(ep.addr))
		return fmt_addr(ep.addr);
	if (ep.addr.family == ADDR_V4) {
		f = fmt_addr(ep.addr);
		append(&f, ":%u", ep.port);
	} else {
		append(&f, "%s]:%u", fmt_addr(ep.addr).s, ep.port);
	}
	return f;
}

struct fmt
fmt_vr_id(struct vr_id id)
{
	struct fmt f;

	snprintf(f.s, sizeof(f.s), "%016" PRIx64, id.v);
	return f;
}

struct fmt
fmt_mobility(mobility_t mobility)
{
	struct fmt f;

	snprintf(f.s, sizeof(f.s), "%" PRIu32 ".%" PRIu32, (uint32_t)(mobility >> 32),
		 (uint32_t)mobility);
	return f;
}

/* Digits that do not fit are cut, not rounded, so that 999.99 ms never reads as 1000.0ms. */
struct fmt
fmt_us(us_t duration)
{
	struct fmt f = {""};
	uint64_t us = duration < 0 ? 0 - (uint64_t)duration : (uint64_t)duration;

	if (duration == US_NEVER)
		return (struct fmt){"never"};
	if (duration < 0)
		append(&f, "-");
	if (us < US_MS)
		append(&f, "%" PRIu64 "us", us);
	else if (us < US_S)
		append(&f, "%" PRIu64 ".%" PRIu64 "ms", us / US_MS, us % US_MS / 100);
	else if (us < US_MINUTE)
		append(&f, "%" PRIu64 ".%02" PRIu64 "s", us / US_S, us % US_S / 10000);
	else if (us < US_HOUR)
		append(&f, "%" PRIu64 "m%02" PRIu64 "s", us / US_MINUTE, us % US_MINUTE / US_S);
	else if (us < US_DAY)
		append(&f, "%" PRIu64 "h%02" PRIu64 "m", us / US_HOUR, us % US_HOUR / US_MINUTE);
	else
		append(&f, "%" PRIu64 "d%02" PRIu64 "h", us / US_DAY, us % US_DAY / US_HOUR);
	return f;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -EINVAL;
}

int
mac_from_text(const char *text, struct mac *mac)
{
	struct mac m;
	char separator = '\0';

	for (size_t i = 0; i < sizeof(m.b); i++) {
		int high, low;

		if (i == 1)
			separator = *text;
		if (i == 1 && separator != ':' && separator != '-')
			return -EINVAL;
		if (i > 0 && *text++ != separator)
			return -EINVAL;
		high = hex_digit(text[0]);
		low = high < 0 ? high : hex_digit(text[1]);
		if (low < 0)
			return -EINVAL;
		m.b[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text != '\0')
		return -EINVAL;
	*mac = m;
	return 0;
}

int
addr_from_text(const char *text, struct addr *addr)
{
	struct addr a = {.family = ADDR_NONE};

	if (inet_pton(AF_INET, text, a.b) == 1)
		a.family = ADDR_V4;
	else if (inet_pton(AF_INET6, text, a.b) == 1)
		a.family = ADDR_V6;
	else
		return -EINVAL;
	*addr = a;
	return 0;
}

/* Digits only, no sign, no space, no leading zero, and nothing behind them. */
static int
number_from_text(const char *text, unsigned max, unsigned *number)
{
	unsigned v = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(*text - '0');
		if (v > max)
			return -EINVAL;
	}
	*number = v;
	return 0;
}

/* An address that ends at 'end' instead of at a zero byte. */
static int
addr_from_span(const char *text, const char *end, struct addr *addr)
{
	struct fmt f;
	size_t len = (size_t)(end - text);

	if (len >= sizeof(f.s))
		return -EINVAL;
	memcpy(f.s, text, len);
	f.s[len] = '\0';
	return addr_from_text(f.s, addr);
}

int
addr_len_from_text(const char *text, struct addr *addr, uint8_t *len)
{
	const char *slash = strchr(text, '/');
	struct addr a;
	unsigned width, bits;
	int err;

	if (slash == NULL)
		slash = text + strlen(text);
	err = addr_from_span(text, slash, &a);
	if (err != 0)
		return err;
	width = (unsigned)addr_size(a.family) * 8;
	bits = width;
	if (*slash == '/')
		err = number_from_text(slash + 1, width, &bits);
	if (err != 0)
		return err;
	*addr = a;
	*len = (uint8_t)bits;
	return 0;
}

int
prefix_from_text(const char *text, struct prefix *prefix)
{
	struct addr a;
	struct prefix p;
	uint8_t len;
	int err = addr_len_from_text(text, &a, &len);

	if (err != 0)
		return err;
	p = prefix_make(a, len);
	if (!addr_equal(p.addr, a))
		return -EINVAL;
	*prefix = p;
	return 0;
}

int
endpoint_from_text(const char *text, struct endpoint *ep)
{
	const char *colon = strrchr(text, ':');
	const char *end = colon;
	struct addr a;
	unsigned port;
	bool bracketed = text[0] == '[';

	if (colon == NULL)
		return -EINVAL;
	if (bracketed) {
		text++;
		end--;
		if (end < text || *end != ']')
			return -EINVAL;
	}
	if (addr_from_span(text, end, &a) != 0 || bracketed != (a.family == ADDR_V6))
		return -EINVAL;
	if (number_from_text(colon + 1, UINT16_MAX, &port) != 0)
		return -EINVAL;
	*ep = (struct endpoint){.addr = a, .port = (uint16_t)port};
	return 0;
}

static char
base64_char(unsigned value)
{
	static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "abcdefghijklmnopqrstuvwxyz0123456789+/";

	return alphabet[value & 63];
}

/* Compares ranges instead of looking up a table: the text may be a private key. */
static int
base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -EINVAL;
}

void
base64_from_bytes(const uint8_t *bytes, size_t size, char *text)
{
	for (size_t n; size > 0; size -= n, bytes += n) {
		unsigned v = (unsigned)bytes[0] << 16;

		n = size < 3 ? size : 3;
		v |= n > 1 ? (unsigned)bytes[1] << 8 : 0;
		v |= n > 2 ? bytes[2] : 0;
		*text++ = base64_char(v >> 18);
		*text++ = base64_char(v >> 12);
		*text++ = n > 1 ? base64_char(v >> 6) : '=';
		*text++ = n > 2 ? base64_char(v) : '=';
	}
	*text = '\0';
}

/* One group of four characters that stands for 'n' bytes (1, 2 or 3). */
static int
base64_group(const char *text, size_t n, uint8_t *bytes)
{
	unsigned v = 0;

	for (size_t i = 0; i < 4; i++) {
		int digit = i > n ? 0 : base64_value(text[i]);

		if (digit < 0 || (i > n && text[i] != '='))
			return -EINVAL;
		v = v << 6 | (unsigned)digit;
	}
	if ((v & (0xffffffu >> 8 * n)) != 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(v >> (16 - 8 * i));
	return 0;
}

int
base64_to_bytes(const char *text, uint8_t *bytes, size_t size)
{
	if (strlen(text) != (size + 2) / 3 * 4)
		return -EINVAL;
	/* Once to test, once to write: the output stays untouched on error. */
	for (size_t at = 0; at < size; at += 3) {
		uint8_t group[3];

		if (base64_group(text + at / 3 * 4, size - at < 3 ? size - at : 3, group) != 0)
			return -EINVAL;
	}
	for (size_t at = 0; at < size; at += 3)
		base64_group(text + at / 3 * 4, size - at < 3 ? size - at : 3, bytes + at);
	return 0;
}
