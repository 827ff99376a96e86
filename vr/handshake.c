/* INIT, RESPONSE and COOKIE: building and reading them. */
#include "vr/handshake.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define MAC1_AT (HANDSHAKE_INIT_SIZE - 2 * HANDSHAKE_MAC_SIZE)
#define MAC2_AT (HANDSHAKE_INIT_SIZE - HANDSHAKE_MAC_SIZE)

/* Separates the uses of a public key as a key. */
static void
label_key(const char *label, const uint8_t public_key[CRYPTO_KEY_SIZE],
	  uint8_t out[CRYPTO_HASH_SIZE])
{
	crypto_hash(label, strlen(label), public_key, CRYPTO_KEY_SIZE, out);
}

int
handshake_self_init(struct handshake_self *self, const uint8_t private_key[CRYPTO_KEY_SIZE])
{
	int rc = crypto_public_key(private_key, self->public_key);

	if (rc != 0)
		return rc;
	memcpy(self->private_key, private_key, CRYPTO_KEY_SIZE);
	label_key("vrd mac1", self->public_key, self->mac1_key);
	return 0;
}

void
handshake_self_fini(struct handshake_self *self)
{
	crypto_wipe(self, sizeof(*self));
}

static void
mac_build(const uint8_t *key, size_t key_size, const uint8_t *data, size_t size,
	  uint8_t out[HANDSHAKE_MAC_SIZE])
{
	uint8_t full[CRYPTO_HASH_SIZE];

	crypto_hmac(key, key_size, data, size, NULL, 0, full);
	memcpy(out, full, HANDSHAKE_MAC_SIZE);
}

/* Protocol, version and, so that nothing in it can be changed, the header of the INIT. */
static void
noise_start(struct noise *n, const struct handshake_self *self, enum crypto_cipher cipher,
	    const uint8_t header[HANDSHAKE_HEADER_SIZE], const uint8_t *remote_public)
{
	static const char name[] = "vrd sealed session";
	uint8_t prologue[sizeof(name) + HANDSHAKE_HEADER_SIZE];

	memcpy(prologue, name, sizeof(name) - 1);
	prologue[sizeof(name) - 1] = SEAL_VERSION;
	memcpy(prologue + sizeof(name), header, HANDSHAKE_HEADER_SIZE);
	noise_init(n, cipher, prologue, sizeof(prologue), self->private_key, self->public_key,
		   remote_public);
}

int
handshake_init_build(struct noise *n, const struct handshake_self *self,
		     const struct handshake_init *init,
		     const uint8_t remote_public[CRYPTO_KEY_SIZE],
		     const uint8_t ephemeral[CRYPTO_KEY_SIZE], uint8_t out[HANDSHAKE_INIT_SIZE])
{
	struct wr w = wr_make(out, HANDSHAKE_INIT_SIZE);
	uint8_t key[CRYPTO_HASH_SIZE], stamp[8];
	struct wr sw = wr_make(stamp, sizeof(stamp));
	int rc;

	memset(out, 0, HANDSHAKE_INIT_SIZE);
	seal_outer_build(&(struct seal_outer){.type = SEAL_INIT}, out);
	w.used = SEAL_OUTER_SIZE;
	wr_u32(&w, init->sender);
	wr_u8(&w, (uint8_t)init->cipher);
	wr_u24(&w, 0);
	wr_u64(&sw, init->stamp);
	noise_start(n, self, init->cipher, out, remote_public);
	rc = noise_write_1(n, ephemeral, stamp, sizeof(stamp), out + HANDSHAKE_HEADER_SIZE);
	if (rc != 0)
		return rc;
	label_key("vrd mac1", remote_public, key);
	mac_build(key, sizeof(key), out, MAC1_AT, out + MAC1_AT);
	return 0;
}

void
handshake_init_prove(uint8_t msg[HANDSHAKE_INIT_SIZE], const uint8_t cookie[HANDSHAKE_MAC_SIZE])
{
	mac_build(cookie, HANDSHAKE_MAC_SIZE, msg, MAC2_AT, msg + MAC2_AT);
}

bool
handshake_mac1_valid(const struct handshake_self *self, const uint8_t *data, size_t size)
{
	uint8_t mac[HANDSHAKE_MAC_SIZE];
	size_t at;

	if (size < SEAL_OUTER_SIZE)
		return false;
	if (data[0] == SEAL_INIT && size == HANDSHAKE_INIT_SIZE)
		at = MAC1_AT;
	else if (data[0] == SEAL_RESPONSE && size == HANDSHAKE_RESPONSE_SIZE)
		at = HANDSHAKE_RESPONSE_SIZE - HANDSHAKE_MAC_SIZE;
	else
		return false;
	mac_build(self->mac1_key, sizeof(self->mac1_key), data, at, mac);
	return crypto_equal(mac, data + at, sizeof(mac));
}

bool
handshake_mac2_valid(const uint8_t msg[HANDSHAKE_INIT_SIZE],
		     const uint8_t cookie[HANDSHAKE_MAC_SIZE])
{
	uint8_t mac[HANDSHAKE_MAC_SIZE];

	mac_build(cookie, HANDSHAKE_MAC_SIZE, msg, MAC2_AT, mac);
	return crypto_equal(mac, msg + MAC2_AT, sizeof(mac));
}

int
handshake_init_read(struct noise *n, const struct handshake_self *self, const uint8_t *data,
		    size_t size, struct handshake_init *init)
{
	struct rd r = rd_make(data, size);
	struct rd header = rd_sub(&r, HANDSHAKE_HEADER_SIZE);
	const uint8_t *body = rd_bytes(&r, NOISE_OVERHEAD_1 + 8);
	uint8_t stamp[8], cipher;
	struct rd sr = rd_make(stamp, sizeof(stamp));
	int rc;

	(void)rd_bytes(&r, (size_t)2 * HANDSHAKE_MAC_SIZE);
	(void)rd_bytes(&header, SEAL_OUTER_SIZE);
	init->sender = rd_u32(&header);
	cipher = rd_u8(&header);
	if (!rd_done(&r) || rd_u24(&header) != 0 || cipher > CRYPTO_CHACHAPOLY)
		return -EBADMSG;
	init->cipher = cipher;
	noise_start(n, self, init->cipher, data, NULL);
	rc = noise_read_1(n, body, NOISE_OVERHEAD_1 + sizeof(stamp), stamp);
	if (rc != 0) {
		noise_fini(n);
		return rc;
	}
	init->stamp = rd_u64(&sr);
	return 0;
}

int
handshake_response_build(struct noise *n, uint32_t receiver, uint32_t sender,
			 const uint8_t ephemeral[CRYPTO_KEY_SIZE],
			 uint8_t out[HANDSHAKE_RESPONSE_SIZE])
{
	const size_t at = HANDSHAKE_RESPONSE_SIZE - HANDSHAKE_MAC_SIZE;
	uint8_t key[CRYPTO_HASH_SIZE], index[4];
	struct wr w = wr_make(index, sizeof(index));
	int rc;

	seal_outer_build(&(struct seal_outer){.type = SEAL_RESPONSE, .receiver = receiver}, out);
	wr_u32(&w, sender);
	rc = noise_write_2(n, ephemeral, index, sizeof(index), out + SEAL_OUTER_SIZE);
	if (rc != 0)
		return rc;
	label_key("vrd mac1", n->remote_static, key);
	mac_build(key, sizeof(key), out, at, out + at);
	return 0;
}

int
handshake_response_read(struct noise *n, const uint8_t *data, size_t size, uint32_t *sender)
{
	struct rd r = rd_make(data, size);
	const uint8_t *body;
	uint8_t index[4];
	struct rd ir = rd_make(index, sizeof(index));
	int rc;

	(void)rd_bytes(&r, SEAL_OUTER_SIZE);
	body = rd_bytes(&r, NOISE_OVERHEAD_2 + sizeof(index));
	(void)rd_bytes(&r, HANDSHAKE_MAC_SIZE);
	if (!rd_done(&r))
		return -EBADMSG;
	rc = noise_read_2(n, body, NOISE_OVERHEAD_2 + sizeof(index), index);
	if (rc == 0)
		*sender = rd_u32(&ir);
	return rc;
}

/* A key of its own for every reply, from a random nonce and the INIT it answers, so that the
 * AEAD's counter can stay zero. */
static struct crypto_aead *
cookie_aead(const uint8_t public_key[CRYPTO_KEY_SIZE], const uint8_t init[HANDSHAKE_INIT_SIZE],
	    const uint8_t nonce[16], bool seal)
{
	uint8_t base[CRYPTO_HASH_SIZE], key[CRYPTO_HASH_SIZE];
	struct crypto_aead *aead;

	label_key("vrd cookie", public_key, base);
	crypto_hmac(base, sizeof(base), nonce, 16, init + MAC1_AT, HANDSHAKE_MAC_SIZE, key);
	aead = crypto_aead_create(NULL, CRYPTO_AESGCM, key, seal);
	crypto_wipe(key, sizeof(key));
	return aead;
}

int
handshake_cookie_build(const struct handshake_self *self, const uint8_t init[HANDSHAKE_INIT_SIZE],
		       const uint8_t nonce[16], const uint8_t cookie[HANDSHAKE_MAC_SIZE],
		       uint8_t out[HANDSHAKE_COOKIE_SIZE])
{
	struct rd r = rd_make(init + SEAL_OUTER_SIZE, 4);
	struct crypto_aead *aead = cookie_aead(self->public_key, init, nonce, true);
	int rc;

	if (aead == NULL)
		return -ENOMEM;
	seal_outer_build(&(struct seal_outer){.type = SEAL_COOKIE, .receiver = rd_u32(&r)}, out);
	memcpy(out + SEAL_OUTER_SIZE, nonce, 16);
	rc = crypto_seal(aead, 0, out, SEAL_OUTER_SIZE, cookie, HANDSHAKE_MAC_SIZE, NULL, 0,
			 out + SEAL_OUTER_SIZE + 16);
	crypto_aead_destroy(aead);
	return rc;
}

int
handshake_cookie_read(const uint8_t remote_public[CRYPTO_KEY_SIZE],
		      const uint8_t init[HANDSHAKE_INIT_SIZE], const uint8_t *data, size_t size,
		      uint8_t cookie[HANDSHAKE_MAC_SIZE])
{
	struct rd r = rd_make(data, size);
	const uint8_t *header = rd_bytes(&r, SEAL_OUTER_SIZE);
	const uint8_t *nonce = rd_bytes(&r, 16);
	const uint8_t *text = rd_bytes(&r, HANDSHAKE_MAC_SIZE + CRYPTO_TAG_SIZE);
	struct crypto_aead *aead;
	int rc;

	if (!rd_done(&r))
		return -EBADMSG;
	aead = cookie_aead(remote_public, init, nonce, false);
	if (aead == NULL)
		return -ENOMEM;
	rc = crypto_open(aead, 0, header, SEAL_OUTER_SIZE, text,
			 HANDSHAKE_MAC_SIZE + CRYPTO_TAG_SIZE, cookie);
	crypto_aead_destroy(aead);
	return rc;
}
