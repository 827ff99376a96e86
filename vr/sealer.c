/* Sealing by several threads under one key: see sealer.h. */
#include "vr/sealer.h"

#include <stdlib.h>

/* Far beyond any rekeying and far below where a counter could repeat. */
#define COUNTER_MAX ((uint64_t)1 << 48)

struct sealer *
sealer_create(const struct crypto_engine *engine, enum crypto_cipher cipher,
	      const uint8_t key[CRYPTO_KEY_SIZE], uint32_t remote, unsigned hands)
{
	struct sealer *s = calloc(1, sizeof(*s) + hands * sizeof(s->aead[0]));

	if (s == NULL)
		return NULL;
	s->remote = remote;
	s->users = 1;
	for (; s->hands < hands; s->hands++) {
		s->aead[s->hands] = crypto_aead_create(engine, cipher, key, true);
		if (s->aead[s->hands] == NULL) {
			sealer_drop(s);
			return NULL;
		}
	}
	return s;
}

struct sealer *
sealer_hold(struct sealer *s)
{
	s->users++;
	return s;
}

void
sealer_drop(struct sealer *s)
{
	if (s == NULL || --s->users > 0)
		return;
	for (unsigned i = 0; i < s->hands; i++)
		crypto_aead_destroy(s->aead[i]);
	free(s);
}

uint64_t
sealer_counter(const struct sealer *s)
{
	return atomic_load_explicit(&s->counter, memory_order_relaxed);
}

uint64_t
sealer_take(struct sealer *s, uint32_t count)
{
	/* Counted before they are used: a nonce never serves twice, whatever happens in between.  Those that are refused
	 * are taken, too, but there is no end to how far below a repetition the limit is. */
	uint64_t first = atomic_fetch_add_explicit(&s->counter, count, memory_order_relaxed);

	return first + count <= COUNTER_MAX ? first : SEALER_NO_COUNTER;
}

int
sealer_seal(struct sealer *s, unsigned hand, uint64_t counter, const struct seal_inner *inner,
	    uint8_t *out, size_t head_size, const uint8_t *body, size_t body_size)
{
	struct seal_outer outer = {.type = SEAL_RECORD, .receiver = s->remote, .counter = counter};
	uint8_t *text = out + SEAL_OUTER_SIZE;

	seal_outer_build(&outer, out);
	seal_inner_build(inner, text);
	return crypto_seal(s->aead[hand], counter, out, SEAL_OUTER_SIZE, text,
			   SEAL_INNER_SIZE + head_size, body, body_size, text);
}
