/* Sealing and opening records under one pair of keys. */
#include "vr/keys.h"

#include <errno.h>

/* Far beyond any rekeying and far below where a counter could repeat. */
#define COUNTER_MAX ((uint64_t)1 << 48)

int
keys_init(struct keys *k, const struct noise *n, bool initiator, uint32_t index, uint32_t remote,
	  us_t now)
{
	uint8_t to_responder[CRYPTO_KEY_SIZE], to_initiator[CRYPTO_KEY_SIZE];

	memset(k, 0, sizeof(*k));
	noise_split(n, to_responder, to_initiator);
	k->seal = crypto_aead_create(n->cipher, initiator ? to_responder : to_initiator, true);
	k->open = crypto_aead_create(n->cipher, initiator ? to_initiator : to_responder, false);
	crypto_wipe(to_responder, sizeof(to_responder));
	crypto_wipe(to_initiator, sizeof(to_initiator));
	if (k->seal == NULL || k->open == NULL) {
		keys_fini(k);
		return -ENOMEM;
	}
	k->used = true;
	k->initiator = initiator;
	k->index = index;
	k->remote = remote;
	k->created = k->heard_at = now;
	k->cipher = n->cipher;
	return 0;
}

void
keys_fini(struct keys *k)
{
	crypto_aead_destroy(k->seal);
	crypto_aead_destroy(k->open);
	crypto_wipe(k, sizeof(*k));
}

int
keys_seal(struct keys *k, const struct seal_inner *inner, uint8_t *out, size_t head_size,
	  const uint8_t *body, size_t body_size)
{
	struct seal_outer outer = {
		.type = SEAL_RECORD, .receiver = k->remote, .counter = k->counter};
	uint8_t *text = out + SEAL_OUTER_SIZE;

	if (k->counter >= COUNTER_MAX)
		return -EOVERFLOW;
	seal_outer_build(&outer, out);
	seal_inner_build(inner, text);
	/* Counted before it is used: a nonce never serves twice, whatever happens in between. */
	k->counter++;
	return crypto_seal(k->seal, outer.counter, out, SEAL_OUTER_SIZE, text,
			   SEAL_INNER_SIZE + head_size, body, body_size, text);
}

int
keys_open(struct keys *k, uint64_t counter, uint8_t *data, size_t size, bool *newest)
{
	uint8_t *text = data + SEAL_OUTER_SIZE;
	int rc;

	if (size < SEAL_OVERHEAD)
		return -EBADMSG;
	if (!replay_fresh(&k->replay, counter))
		return -EALREADY;
	rc = crypto_open(k->open, counter, data, SEAL_OUTER_SIZE, text, size - SEAL_OUTER_SIZE,
			 text);
	if (rc == 0)
		*newest = replay_accept(&k->replay, counter);
	return rc;
}
