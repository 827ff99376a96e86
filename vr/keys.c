/* Sealing and opening records under one pair of keys. */
#include "vr/keys.h"

#include <errno.h>

#include "wire/be.h"

/* Far beyond any rekeying and far below where a counter could repeat. */
#define COUNTER_MAX ((uint64_t)1 << 48)

int
keys_init(struct keys *k, const struct noise *n, const struct crypto_engine *engine, bool initiator,
	  uint32_t index, uint32_t remote, us_t now)
{
	uint8_t to_responder[CRYPTO_KEY_SIZE], to_initiator[CRYPTO_KEY_SIZE];
	uint8_t relaying[CRYPTO_KEY_SIZE];

	memset(k, 0, sizeof(*k));
	noise_split(n, to_responder, to_initiator);
	noise_secret(n, relaying);
	k->seal = crypto_aead_create(engine, n->cipher, initiator ? to_responder : to_initiator,
				     true);
	k->open = crypto_aead_create(engine, n->cipher, initiator ? to_initiator : to_responder,
				     false);
	k->relay_seal = relay_seal_create(relaying, initiator);
	k->relay_open = relay_seal_create(relaying, !initiator);
	crypto_wipe(relaying, sizeof(relaying));
	crypto_wipe(to_responder, sizeof(to_responder));
	crypto_wipe(to_initiator, sizeof(to_initiator));
	if (k->seal == NULL || k->open == NULL || k->relay_seal == NULL || k->relay_open == NULL) {
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
	relay_seal_destroy(k->relay_seal);
	relay_seal_destroy(k->relay_open);
	crypto_wipe(k, sizeof(*k));
}

/* Writes the outer header and takes its counter.  0 or -EOVERFLOW. */
static int
outer_put(struct keys *k, enum seal_type type, uint8_t *out, uint64_t *counter)
{
	struct seal_outer outer = {
		.type = (uint8_t)type, .receiver = k->remote, .counter = k->counter};

	if (k->counter >= COUNTER_MAX)
		return -EOVERFLOW;
	seal_outer_build(&outer, out);
	/* Counted before it is used: a nonce never serves twice, whatever happens in between. */
	*counter = k->counter++;
	return 0;
}

int
keys_seal(struct keys *k, const struct seal_inner *inner, uint8_t *out, size_t head_size,
	  const uint8_t *body, size_t body_size)
{
	uint8_t *text = out + SEAL_OUTER_SIZE;
	uint64_t counter;
	int rc = outer_put(k, SEAL_RECORD, out, &counter);

	if (rc != 0)
		return rc;
	seal_inner_build(inner, text);
	return crypto_seal(k->seal, counter, out, SEAL_OUTER_SIZE, text,
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
	if (rc != 0)
		return rc;
	k->opened++;
	*newest = replay_accept(&k->replay, counter);
	return 0;
}

int
keys_relay_seal(struct keys *k, enum seal_type type, struct vr_id id, uint8_t *out, size_t stride,
		size_t count)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t counter;
		int rc = outer_put(k, type, out + i * stride, &counter);

		if (rc != 0)
			return rc;
		be64_put(out + i * stride + SEAL_OUTER_SIZE, id.v);
	}
	return relay_seal_close(k->relay_seal, out, stride, count);
}

size_t
keys_relay_open(struct keys *k, uint8_t *data, size_t stride, struct keys_relayed *rows,
		size_t count, bool *newest)
{
	uint64_t good;
	size_t opened = 0;
	int rc = relay_seal_open(k->relay_open, data, stride, count, &good);

	*newest = false;
	for (size_t i = 0; i < count; i++) {
		rows[i].rc = 0;
		if (!replay_fresh(&k->replay, rows[i].counter))
			rows[i].rc = -EALREADY;
		else if (rc != 0 || (good >> i & 1) == 0)
			rows[i].rc = -EBADMSG;
		if (rows[i].rc != 0)
			continue;
		rows[i].id = (struct vr_id){be64_get(data + i * stride + SEAL_OUTER_SIZE)};
		k->opened++;
		*newest |= replay_accept(&k->replay, rows[i].counter);
		opened++;
	}
	return opened;
}
