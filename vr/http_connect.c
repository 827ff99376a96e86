/* HTTP CONNECT, as far as a tunnel needs it. */
#include "vr/http_connect.h"

#include <stdio.h>

#include "base/fmt.h"
#include "vr/crypto.h"

#define BASE64_SIZE(size) (4 * (((size) + 2) / 3) + 1)

enum part {
	PART_VERSION = 0, /* HTTP/1. */
	PART_MINOR,       /* one digit */
	PART_GAP,         /* one space */
	PART_STATUS,      /* three digits */
	PART_BEHIND,      /* a space and the phrase, or the end of the line */
	PART_PHRASE,      /* up to CR */
	PART_LINE_END,    /* LF */
	PART_LINE,        /* first byte of a header line, or CR of the empty one */
	PART_NAME,        /* up to the colon */
	PART_VALUE,       /* up to CR */
	PART_END,         /* LF of the empty line */
};

size_t
http_connect_request(const struct endpoint *to, const uint8_t *credentials, size_t credentials_size,
		     char out[HTTP_CONNECT_REQUEST_MAX])
{
	char text[BASE64_SIZE(HTTP_CONNECT_CREDENTIALS_MAX)] = "";
	struct fmt name = fmt_endpoint(*to);
	int size;

	BUG_IF(credentials_size > HTTP_CONNECT_CREDENTIALS_MAX);
	if (credentials_size != 0)
		base64_from_bytes(credentials, credentials_size, text);
	size = snprintf(out, HTTP_CONNECT_REQUEST_MAX,
			"CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", name.s, name.s,
			credentials_size != 0 ? "Proxy-Authorization: Basic " : "", text,
			credentials_size != 0 ? "\r\n" : "");
	crypto_wipe(text, sizeof(text));
	BUG_IF(size < 0 || size >= HTTP_CONNECT_REQUEST_MAX);
	return (size_t)size;
}

static bool
is_digit(uint8_t byte)
{
	return byte >= '0' && byte <= '9';
}

/* RFC 9110 section 5.6.2. */
static bool
is_token(uint8_t byte)
{
	return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte != '\0' && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* Of a phrase or a value. */
static bool
is_text(uint8_t byte)
{
	return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static enum http_connect_verdict
answer_end(struct http_connect *h)
{
	if (h->status >= 200)
		return h->status < 300 ? HTTP_CONNECT_OPEN : HTTP_CONNECT_REFUSED;
	/* Another protocol, which nobody has asked for. */
	if (h->status == 101)
		return HTTP_CONNECT_MALFORMED;
	h->part = PART_VERSION;
	return HTTP_CONNECT_MORE;
}

/* A byte of the status line.  False: it may not stand there. */
static bool
status_byte(struct http_connect *h, uint8_t byte)
{
	static const char version[] = "HTTP/1.";

	switch ((enum part)h->part) {
	case PART_VERSION:
		if (byte != (uint8_t)version[h->at++])
			return false;
		if (version[h->at] == '\0')
			h->part = PART_MINOR;
		return true;
	case PART_MINOR:
		h->part = PART_GAP;
		return is_digit(byte);
	case PART_GAP:
		h->part = PART_STATUS;
		h->at = 0;
		h->status = 0;
		return byte == ' ';
	case PART_STATUS:
		h->status = h->status * 10 + (byte - (unsigned)'0');
		if (++h->at == 3)
			h->part = PART_BEHIND;
		return is_digit(byte) && (h->at > 1 || (byte >= '1' && byte <= '5'));
	case PART_BEHIND:
		h->part = byte == '\r' ? PART_LINE_END : PART_PHRASE;
		return byte == '\r' || byte == ' ';
	case PART_PHRASE:
		if (byte == '\r')
			h->part = PART_LINE_END;
		return byte == '\r' || is_text(byte);
	case PART_LINE_END:
	case PART_LINE:
	case PART_NAME:
	case PART_VALUE:
	case PART_END:
		break;
	}
	return false;
}

/* A byte behind the status line. */
static bool
header_byte(struct http_connect *h, uint8_t byte)
{
	switch ((enum part)h->part) {
	case PART_LINE_END:
		h->part = PART_LINE;
		return byte == '\n';
	case PART_LINE:
		h->part = byte == '\r' ? PART_END : PART_NAME;
		return byte == '\r' || is_token(byte);
	case PART_NAME:
		if (byte == ':')
			h->part = PART_VALUE;
		return byte == ':' || is_token(byte);
	case PART_VALUE:
		if (byte == '\r')
			h->part = PART_LINE_END;
		return byte == '\r' || is_text(byte);
	case PART_END:
		h->at = 0;
		h->verdict = answer_end(h);
		return byte == '\n';
	case PART_VERSION:
	case PART_MINOR:
	case PART_GAP:
	case PART_STATUS:
	case PART_BEHIND:
	case PART_PHRASE:
		break;
	}
	return false;
}

enum http_connect_verdict
http_connect_heard(struct http_connect *h, const uint8_t *data, size_t size, size_t *used)
{
	size_t i;

	for (i = 0; i < size && h->verdict == HTTP_CONNECT_MORE; i++) {
		bool fits =
			h->part < PART_LINE_END ? status_byte(h, data[i]) : header_byte(h, data[i]);

		if (!fits)
			h->verdict = HTTP_CONNECT_MALFORMED;
		else if (++h->seen == HTTP_CONNECT_ANSWER_MAX && h->verdict == HTTP_CONNECT_MORE)
			h->verdict = HTTP_CONNECT_TOO_LARGE;
	}
	*used = i;
	return h->verdict;
}
