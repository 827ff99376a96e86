/* Headers of relayed datagrams: counter mode (NIST SP 800-38A section 6.5) and CMAC (SP 800-38B, RFC 4493), the blocks
 * of many headers side by side. */
#include "vr/relay_seal.h"

#include <errno.h>

#define BLOCK CRYPTO_BLOCK_SIZE
#define TEXT  (SEAL_OUTER_SIZE + SEAL_ID_SIZE) /* what is authenticated */
#define TAG   TEXT                             /* where the tag stands */

_Static_assert(SEAL_OUTER_SIZE == BLOCK, "the outer header is the first block");
_Static_assert(SEAL_ID_SIZE == 8, "the second block is eight bytes and filled up");
_Static_assert(SEAL_TAG_SIZE == BLOCK, "the tag is a whole block");

struct relay_seal {
	struct crypto_blocks *mask, *mac;
	uint8_t last[BLOCK]; /* what CMAC adds to the last block: its padding and subkey K2 */
};

/* Twice the value, in the field of SP 800-38B. */
static void
double_block(uint8_t b[BLOCK])
{
	unsigned carry = b[0] >> 7;

	for (size_t i = 0; i + 1 < BLOCK; i++)
		b[i] = (uint8_t)(b[i] << 1 | b[i + 1] >> 7);
	b[BLOCK - 1] = (uint8_t)(b[BLOCK - 1] << 1 ^ (0x87 & -carry));
}

static struct crypto_blocks *
blocks_create(const uint8_t secret[CRYPTO_KEY_SIZE], bool to_responder, const char *use)
{
	static const char *const ways[] = {" to initiator", " to responder"};
	uint8_t key[CRYPTO_HASH_SIZE];
	struct crypto_blocks *b;

	crypto_hmac(secret, CRYPTO_KEY_SIZE, use, strlen(use), ways[to_responder],
		    strlen(ways[to_responder]), key);
	b = crypto_blocks_create(key);
	crypto_wipe(key, sizeof(key));
	return b;
}

/* The padding of a block of eight bytes and, over it, the second subkey. */
static int
last_make(struct relay_seal *s)
{
	uint8_t zero[1][BLOCK] = {{0}};
	int rc = crypto_blocks_encrypt(s->mac, zero, 1);

	memcpy(s->last, zero[0], BLOCK);
	crypto_wipe(zero, sizeof(zero));
	double_block(s->last);
	double_block(s->last);
	s->last[TEXT - BLOCK] ^= 0x80;
	return rc;
}

struct relay_seal *
relay_seal_create(const uint8_t secret[CRYPTO_KEY_SIZE], bool to_responder)
{
	struct relay_seal *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->mask = blocks_create(secret, to_responder, "vrd relay id");
	s->mac = blocks_create(secret, to_responder, "vrd relay tag");
	if (s->mask == NULL || s->mac == NULL || last_make(s) != 0) {
		relay_seal_destroy(s);
		return NULL;
	}
	return s;
}

void
relay_seal_destroy(struct relay_seal *s)
{
	if (s == NULL)
		return;
	crypto_blocks_destroy(s->mask);
	crypto_blocks_destroy(s->mac);
	crypto_wipe(s, sizeof(*s));
	free(s);
}

/* Eight bytes of 'what' over those of 'to'. */
static void
add8(uint8_t *to, const uint8_t *what)
{
	uint64_t a, b;

	memcpy(&a, to, sizeof(a));
	memcpy(&b, what, sizeof(b));
	a ^= b;
	memcpy(to, &a, sizeof(a));
}

/* The stream that each id is added to: of its counter, which stands in the last eight bytes of the outer header. */
static int
masks_make(struct relay_seal *s, const uint8_t *data, size_t stride, size_t count,
	   uint8_t (*masks)[BLOCK])
{
	for (size_t i = 0; i < count; i++, data += stride) {
		memcpy(masks[i], data + SEAL_OUTER_SIZE - 8, 8);
		memset(masks[i] + 8, 0, BLOCK - 8);
	}
	return crypto_blocks_encrypt(s->mask, masks, count);
}

/* The tags of headers whose ids are encrypted. */
static int
tags_make(struct relay_seal *s, const uint8_t *data, size_t stride, size_t count,
	  uint8_t (*tags)[BLOCK])
{
	int rc;

	for (size_t i = 0; i < count; i++)
		memcpy(tags[i], data + i * stride, BLOCK);
	rc = crypto_blocks_encrypt(s->mac, tags, count);
	for (size_t i = 0; i < count; i++) {
		add8(tags[i], data + i * stride + BLOCK);
		add8(tags[i], s->last);
		add8(tags[i] + 8, s->last + 8);
	}
	return rc == 0 ? crypto_blocks_encrypt(s->mac, tags, count) : rc;
}

int
relay_seal_close(struct relay_seal *s, uint8_t *data, size_t stride, size_t count)
{
	uint8_t blocks[RELAY_SEAL_MAX][BLOCK];
	int rc;

	BUG_IF(count == 0 || count > RELAY_SEAL_MAX);
	rc = masks_make(s, data, stride, count, blocks);
	for (size_t i = 0; i < count && rc == 0; i++)
		add8(data + i * stride + SEAL_OUTER_SIZE, blocks[i]);
	if (rc == 0)
		rc = tags_make(s, data, stride, count, blocks);
	for (size_t i = 0; i < count && rc == 0; i++)
		memcpy(data + i * stride + TAG, blocks[i], SEAL_TAG_SIZE);
	return rc;
}

int
relay_seal_open(struct relay_seal *s, uint8_t *data, size_t stride, size_t count, uint64_t *good)
{
	uint8_t blocks[RELAY_SEAL_MAX][BLOCK];
	uint64_t same = 0;
	int rc;

	BUG_IF(count == 0 || count > RELAY_SEAL_MAX);
	*good = 0;
	rc = tags_make(s, data, stride, count, blocks);
	for (size_t i = 0; i < count && rc == 0; i++)
		if (crypto_equal(blocks[i], data + i * stride + TAG, SEAL_TAG_SIZE))
			same |= UINT64_C(1) << i;
	if (rc == 0)
		rc = masks_make(s, data, stride, count, blocks);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < count; i++)
		if ((same >> i & 1) != 0)
			add8(data + i * stride + SEAL_OUTER_SIZE, blocks[i]);
	*good = same;
	return 0;
}
