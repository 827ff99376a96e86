/* Opening by several threads under one key: see opener.h. */
#include "vr/opener.h"

#include <stdlib.h>

#include "wire/seal.h"

struct opener {
	unsigned users; /* the control thread's count of who holds it */
	unsigned hands;
	struct crypto_aead *aead[];
};

struct opener *
opener_create(const struct crypto_engine *engine, enum crypto_cipher cipher,
	      const uint8_t key[CRYPTO_KEY_SIZE], unsigned hands)
{
	struct opener *o = calloc(1, sizeof(*o) + hands * sizeof(o->aead[0]));

	if (o == NULL)
		return NULL;
	o->users = 1;
	for (; o->hands < hands; o->hands++) {
		o->aead[o->hands] = crypto_aead_create(engine, cipher, key, false);
		if (o->aead[o->hands] == NULL) {
			opener_drop(o);
			return NULL;
		}
	}
	return o;
}

struct opener *
opener_hold(struct opener *o)
{
	o->users++;
	return o;
}

void
opener_drop(struct opener *o)
{
	if (o == NULL || --o->users > 0)
		return;
	for (unsigned i = 0; i < o->hands; i++)
		crypto_aead_destroy(o->aead[i]);
	free(o);
}

int
opener_open(struct opener *o, unsigned hand, uint64_t counter, uint8_t *data, size_t size)
{
	uint8_t *text = data + SEAL_OUTER_SIZE;

	return crypto_open(o->aead[hand], counter, data, SEAL_OUTER_SIZE, text, size, text);
}

static enum opener_finding
open_one(struct opener *o, unsigned hand, uint32_t index, uint8_t *data, size_t size)
{
	struct seal_outer outer;

	if (size < SEAL_OVERHEAD || seal_outer_parse(data, size, &outer) != 0 ||
	    outer.type != SEAL_RECORD || outer.receiver != index)
		return OPENER_LEFT;
	return opener_open(o, hand, outer.counter, data, size - SEAL_OUTER_SIZE) == 0
		       ? OPENER_AUTHENTIC
		       : OPENER_FORGED;
}

void
opener_open_train(struct opener *o, unsigned hand, uint32_t index, uint8_t *data, size_t size,
		  size_t segment, uint8_t *findings, size_t count)
{
	memset(findings, OPENER_LEFT, count);
	for (size_t i = 0, at = 0; i < count && at < size; i++, at += segment)
		findings[i] = (uint8_t)open_one(o, hand, index, data + at,
						size - at < segment ? size - at : segment);
}
