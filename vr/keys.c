/* Sealing and opening records under one pair of keys. */
#include "vr/keys.h"

#include <errno.h>

#include "wire/be.h"

int
keys_init(struct keys *k, const struct noise *n, const struct crypto_engine *engine, unsigned hands,
	  bool initiator, uint32_t index, uint32_t remote, us_t now)
{
	uint8_t to_responder[CRYPTO_KEY_SIZE], to_initiator[CRYPTO_KEY_SIZE];

	memset(k, 0, sizeof(*k));
	noise_split(n, to_responder, to_initiator);
	k->seal = sealer_create(engine, n->cipher, initiator ? to_responder : to_initiator, remote,
				hands);
	k->open = opener_create(engine, n->cipher, initiator ? to_initiator : to_responder, hands);
	crypto_wipe(to_responder, sizeof(to_responder));
	crypto_wipe(to_initiator, sizeof(to_initiator));
	if (k->seal == NULL || k->open == NULL) {
		keys_fini(k);
		return -ENOMEM;
	}
	k->used = true;
	k->initiator = initiator;
	k->index = index;
	k->created = k->heard_at = now;
	k->cipher = n->cipher;
	return 0;
}

void
keys_fini(struct keys *k)
{
	sealer_drop(k->seal);
	opener_drop(k->open);
	crypto_wipe(k, sizeof(*k));
}

int
keys_seal(struct keys *k, const struct seal_inner *inner, uint8_t *out, size_t head_size,
	  const uint8_t *body, size_t body_size)
{
	uint64_t counter = sealer_take(k->seal, 1);

	if (counter == SEALER_NO_COUNTER)
		return -EOVERFLOW;
	return sealer_seal(k->seal, 0, counter, inner, out, head_size, body, body_size);
}

/* As opener_open(), if that has not been done yet. */
static int
authenticate(struct keys *k, uint64_t counter, uint8_t *data, size_t size, struct opened opened)
{
	if (opened.finding == OPENER_LEFT)
		return opener_open(k->open, 0, counter, data, size);
	if (opened.by != k->open)
		return -ENOENT;
	return opened.finding == OPENER_AUTHENTIC ? 0 : -EBADMSG;
}

/* 'size': of what is sealed, with its tag. */
static int
text_open(struct keys *k, uint64_t counter, uint8_t *data, size_t size, struct opened opened,
	  bool *newest)
{
	int rc;

	if (!replay_fresh(&k->replay, counter))
		return -EALREADY;
	rc = authenticate(k, counter, data, size, opened);
	if (rc != 0)
		return rc;
	k->opened++;
	*newest = replay_accept(&k->replay, counter);
	return 0;
}

int
keys_open(struct keys *k, uint64_t counter, uint8_t *data, size_t size, struct opened opened,
	  bool *newest)
{
	if (size < SEAL_OVERHEAD)
		return -EBADMSG;
	return text_open(k, counter, data, size - SEAL_OUTER_SIZE, opened, newest);
}

int
keys_relay_seal(struct keys *k, enum seal_type type, struct vr_id id, uint8_t *out, size_t stride,
		size_t count)
{
	struct seal_outer outer = {.type = (uint8_t)type, .receiver = k->seal->remote};
	uint64_t first = sealer_take(k->seal, (uint32_t)count);

	if (first == SEALER_NO_COUNTER)
		return -EOVERFLOW;
	for (size_t i = 0; i < count; i++, out += stride) {
		uint8_t *text = out + SEAL_OUTER_SIZE;
		int rc;

		outer.counter = first + i;
		seal_outer_build(&outer, out);
		be64_put(text, id.v);
		rc = crypto_seal(k->seal->aead[0], outer.counter, out, SEAL_OUTER_SIZE, text,
				 SEAL_ID_SIZE, NULL, 0, text);
		if (rc != 0)
			return rc;
	}
	return 0;
}

size_t
keys_relay_open(struct keys *k, uint8_t *data, size_t stride, struct keys_relayed *rows,
		size_t count, bool *newest)
{
	size_t opened = 0;

	*newest = false;
	for (size_t i = 0; i < count; i++, data += stride) {
		bool advanced = false;

		rows[i].rc = text_open(k, rows[i].counter, data, SEAL_ID_SIZE + SEAL_TAG_SIZE,
				       OPENED_NOT, &advanced);
		if (rows[i].rc != 0)
			continue;
		rows[i].id = (struct vr_id){be64_get(data + SEAL_OUTER_SIZE)};
		*newest |= advanced;
		opened++;
	}
	return opened;
}
