/* Load, cookies and allowances for senders that have not proven who they are. */
#include "vr/door.h"

#include "wire/rd.h"
#include "wire/wr.h"

/* An INIT that passes costs about 0.2 ms: a fifth of a core at worst when only strangers call. */
#define ALL_INTERVAL    (5 * US_MS)
#define ALL_BURST       128
#define SOURCE_INTERVAL (100 * US_MS)
#define SOURCE_BURST    16
/* A cookie costs some microseconds.  More calls than that a second fill the line or the processor anyway. */
#define REPLY_INTERVAL ((us_t)20)
#define REPLY_BURST    4096
#define COOKIE_EPOCH   (120 * US_S)

void
door_init(struct door *d, const uint8_t seed[CRYPTO_KEY_SIZE + 16])
{
	struct rd r = rd_make(seed + CRYPTO_KEY_SIZE, 16);

	memset(d, 0, sizeof(*d));
	memcpy(d->secret, seed, sizeof(d->secret));
	d->key.k0 = rd_u64(&r);
	d->key.k1 = rd_u64(&r);
}

void
door_fini(struct door *d)
{
	crypto_wipe(d, sizeof(*d));
}

static size_t
source_bucket(const struct door *d, const struct endpoint *from)
{
	uint8_t key[9] = {from->addr.family};

	/* Whoever has an IPv6 address has 2^64 of them. */
	memcpy(key + 1, from->addr.b, 8);
	return hash_bytes(&d->key, key, sizeof(key)) % DOOR_SOURCES;
}

/* The cookie of an endpoint in an epoch: nothing has to be remembered of it. */
static void
cookie_build(const struct door *d, const struct endpoint *from, us_t epoch,
	     uint8_t cookie[HANDSHAKE_MAC_SIZE])
{
	uint8_t text[1 + 16 + 2 + 8], full[CRYPTO_HASH_SIZE];
	struct wr w = wr_make(text, sizeof(text));

	wr_u8(&w, from->addr.family);
	wr_bytes(&w, from->addr.b, sizeof(from->addr.b));
	wr_u16(&w, from->port);
	wr_u64(&w, (uint64_t)epoch);
	crypto_hmac(d->secret, sizeof(d->secret), text, sizeof(text), NULL, 0, full);
	memcpy(cookie, full, HANDSHAKE_MAC_SIZE);
}

enum door_verdict
door_ask(struct door *d, const uint8_t init[HANDSHAKE_INIT_SIZE], const struct endpoint *from,
	 us_t now, uint8_t cookie[HANDSHAKE_MAC_SIZE])
{
	us_t epoch = now / COOKIE_EPOCH;
	size_t source;

	if (bucket_take(&d->all, ALL_INTERVAL, ALL_BURST, now))
		return DOOR_PASS;
	source = source_bucket(d, from);
	for (us_t e = epoch; e >= epoch - 1; e--) {
		cookie_build(d, from, e, cookie);
		if (handshake_mac2_valid(init, cookie))
			return bucket_take(&d->proven[source], SOURCE_INTERVAL, SOURCE_BURST, now)
				       ? DOOR_PASS
				       : DOOR_DROP;
	}
	/* Not by address: who sends in the name of another would use up what is for that one. */
	if (!bucket_take(&d->replies, REPLY_INTERVAL, REPLY_BURST, now))
		return DOOR_DROP;
	cookie_build(d, from, epoch, cookie);
	return DOOR_COOKIE;
}
