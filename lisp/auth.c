/* Signing and verifying: the message is hashed with zeros where its authentication data stands. */
#include "lisp/auth.h"

#include <errno.h>

#include "wire/wr.h"

#define SHA1_SIZE   20
#define SHA256_SIZE 32
#define NONCE_SIZE  8

/* The authentication data stands near the beginning of every message. */
#define FRONT_MAX 128

size_t
lisp_auth_size(const struct lisp_key *key)
{
	switch (key->algorithm) {
	case LISP_AUTH_SHA1_96:
		return key->is_full ? SHA1_SIZE : 12;
	case LISP_AUTH_SHA256_128:
	case LISP_AUTH_SHA256_128_HKDF:
		return key->is_full ? SHA256_SIZE : 16;
	default:
		return 0;
	}
}

struct lisp_auth
lisp_auth_header(const struct lisp_key *key)
{
	return (struct lisp_auth){.key_id = key->key_id,
				  .algorithm = key->algorithm,
				  .size = (uint16_t)lisp_auth_size(key)};
}

static bool
is_of_key(const struct lisp_auth *auth, const struct lisp_key *key)
{
	return auth->key_id == key->key_id && auth->algorithm == key->algorithm &&
	       auth->size == lisp_auth_size(key) && auth->size != 0;
}

bool
lisp_auth_fits(const struct lisp_key *key, const struct lisp_msg *msg)
{
	return is_of_key(&msg->auth, key);
}

void
lisp_hkdf(const struct lisp_io *io, void *ctx, const uint8_t *salt, size_t salt_size,
	  const uint8_t *ikm_a, size_t ikm_a_size, const uint8_t *ikm_b, size_t ikm_b_size,
	  const uint8_t *info, size_t info_size, uint8_t *out, size_t size)
{
	static const uint8_t first_block = 1;
	uint8_t prk[SHA256_SIZE], block[SHA256_SIZE];

	io->hmac(ctx, LISP_SHA256, salt, salt_size, ikm_a, ikm_a_size, ikm_b, ikm_b_size, prk);
	io->hmac(ctx, LISP_SHA256, prk, sizeof(prk), info, info_size, &first_block, 1, block);
	memcpy(out, block, size < sizeof(block) ? size : sizeof(block));
	explicit_bzero(prk, sizeof(prk));
	explicit_bzero(block, sizeof(block));
}

/* RFC 9301 gives three; the others are named by the same pattern. */
static const char *
salt_of(uint8_t type)
{
	switch (type) {
	case LISP_MAP_REGISTER:
		return "Map-Register Authentication";
	case LISP_MAP_NOTIFY:
		return "Map-Notify Authentication";
	case LISP_MAP_NOTIFY_ACK:
		return "Map-Notify-Ack Authentication";
	case LISP_INFO:
		return "Info-Request Authentication";
	default:
		return "Change-Priority Authentication";
	}
}

static void
message_key(const struct lisp_io *io, void *ctx, const struct lisp_key *key, const char *salt,
	    uint64_t value, uint8_t out[SHA256_SIZE])
{
	uint8_t nonce[NONCE_SIZE];
	struct wr w = wr_make(nonce, sizeof(nonce));
	uint8_t salt_bytes[64];
	size_t salt_size = strlen(salt);

	wr_u64(&w, value);
	memcpy(salt_bytes, salt, salt_size);
	lisp_hkdf(io, ctx, salt_bytes, salt_size, nonce, sizeof(nonce), key->secret,
		  key->secret_size, NULL, 0, out, SHA256_SIZE);
}

/* Over the message as if its authentication data were zero: the bytes up to its end are copied. */
static void
compute(const struct lisp_io *io, void *ctx, const struct lisp_key *key, const struct lisp_msg *msg,
	const uint8_t *data, size_t size, uint8_t out[LISP_AUTH_SIZE_MAX])
{
	enum lisp_hash hash = key->algorithm == LISP_AUTH_SHA1_96 ? LISP_SHA1 : LISP_SHA256;
	size_t front_size = (size_t)msg->auth.offset + msg->auth.size;
	uint8_t front[FRONT_MAX];
	uint8_t derived[SHA256_SIZE];
	const uint8_t *secret = key->secret;
	size_t secret_size = key->secret_size;

	memcpy(front, data, msg->auth.offset);
	memset(front + msg->auth.offset, 0, msg->auth.size);
	if (key->algorithm == LISP_AUTH_SHA256_128_HKDF) {
		message_key(io, ctx, key, salt_of(msg->type), msg->nonce, derived);
		secret = derived;
		secret_size = sizeof(derived);
	}
	io->hmac(ctx, hash, secret, secret_size, front, front_size, data + front_size,
		 size - front_size, out);
	if (secret == derived)
		explicit_bzero(derived, sizeof(derived));
}

static bool
fits(const struct lisp_msg *msg, size_t size)
{
	size_t end = (size_t)msg->auth.offset + msg->auth.size;

	return msg->auth.size != 0 && end <= FRONT_MAX && end <= size;
}

int
lisp_auth_sign(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
	       const struct lisp_msg *msg, uint8_t *data, size_t size)
{
	uint8_t mac[LISP_AUTH_SIZE_MAX];

	if (msg->auth.size != lisp_auth_size(key) || !fits(msg, size))
		return -EINVAL;
	compute(io, ctx, key, msg, data, size, mac);
	memcpy(data + msg->auth.offset, mac, msg->auth.size);
	return 0;
}

int
lisp_auth_verify(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
		 const struct lisp_msg *msg, const uint8_t *data, size_t size)
{
	uint8_t mac[LISP_AUTH_SIZE_MAX];

	if (!lisp_auth_fits(key, msg) || !fits(msg, size))
		return -EACCES;
	compute(io, ctx, key, msg, data, size, mac);
	return io->equal(ctx, data + msg->auth.offset, mac, msg->auth.size) ? 0 : -EBADMSG;
}

struct lisp_key
lisp_auth_key_for(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
		  struct addr locator)
{
	static const uint8_t what[] = {"For this locator"};
	uint8_t to[1 + sizeof(locator.b)] = {locator.family == ADDR_V4 ? 4 : 6};
	struct lisp_key out = *key;

	memcpy(to + 1, locator.b, addr_size(locator.family));
	memset(out.secret, 0, sizeof(out.secret));
	io->hmac(ctx, LISP_SHA256, key->secret, key->secret_size, what, sizeof(what) - 1, to,
		 sizeof(to), out.secret);
	out.secret_size = SHA256_SIZE;
	return out;
}

/* ---- between a map-server and an RTR ---- */

static void
compute_relayed(const struct lisp_io *io, void *ctx, const struct lisp_key *key, uint64_t nonce,
		const uint8_t *message, size_t size, uint8_t out[LISP_AUTH_SIZE_MAX])
{
	enum lisp_hash hash = key->algorithm == LISP_AUTH_SHA1_96 ? LISP_SHA1 : LISP_SHA256;
	bool derives = key->algorithm == LISP_AUTH_SHA256_128_HKDF;
	uint8_t derived[SHA256_SIZE] = {0};

	if (derives)
		message_key(io, ctx, key, "MS-RTR Authentication", nonce, derived);
	io->hmac(ctx, hash, derives ? derived : key->secret,
		 derives ? sizeof(derived) : key->secret_size, message, size, NULL, 0, out);
	explicit_bzero(derived, sizeof(derived));
}

int
lisp_auth_relay_sign(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
		     uint64_t nonce, const uint8_t *message, size_t size, uint8_t *mac)
{
	uint8_t whole[LISP_AUTH_SIZE_MAX];

	if (lisp_auth_size(key) == 0)
		return -EINVAL;
	compute_relayed(io, ctx, key, nonce, message, size, whole);
	memcpy(mac, whole, lisp_auth_size(key));
	return 0;
}

int
lisp_auth_relay_verify(const struct lisp_io *io, void *ctx, const struct lisp_key *key,
		       const struct lisp_auth *auth, const uint8_t *mac, uint64_t nonce,
		       const uint8_t *message, size_t size)
{
	uint8_t whole[LISP_AUTH_SIZE_MAX];

	if (!is_of_key(auth, key))
		return -EACCES;
	compute_relayed(io, ctx, key, nonce, message, size, whole);
	return io->equal(ctx, mac, whole, auth->size) ? 0 : -EBADMSG;
}
