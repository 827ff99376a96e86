/* AES-256-GCM by intel-ipsec-mb, which takes one call for a record and uses the processor's wide AES instructions
 * where it has them; OpenSSL 3.0 does neither (figures in docs/performance.md). */
#include <errno.h>
#include <stdlib.h>

#include "vr/crypto_engine.h"

#ifdef HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>

/* The library's code for this processor.  Its manager, which also holds the queues for many buffers at once, weighs
 * 200 kB; these functions need nothing of it. */
struct mb_engine {
	struct crypto_engine engine;
	aes_gcm_pre_t pre;
	aes_gcm_enc_dec_t seal, open;
	aes_gcm_init_t init;
	aes_gcm_enc_dec_update_t update;
	aes_gcm_enc_dec_finalize_t final;
};

#define KEY_ALIGNMENT 64 /* that the library asks for */

struct mb_key {
	struct gcm_key_data data; /* first, where the alignment is */
	const struct mb_engine *code;
};

static void *
key_create(const struct crypto_engine *engine, const uint8_t key[CRYPTO_KEY_SIZE])
{
	const struct mb_engine *code = (const struct mb_engine *)engine;
	size_t blocks = (sizeof(struct mb_key) + KEY_ALIGNMENT - 1) / KEY_ALIGNMENT;
	struct mb_key *k = aligned_alloc(KEY_ALIGNMENT, blocks * KEY_ALIGNMENT);

	if (k == NULL)
		return NULL;
	k->code = code;
	code->pre(key, &k->data);
	return k;
}

static void
key_destroy(void *key)
{
	if (key == NULL)
		return;
	crypto_wipe(key, sizeof(struct mb_key));
	free(key);
}

static void
mb_seal(const void *key, const uint8_t nonce[CRYPTO_NONCE_SIZE], const void *ad, size_t ad_size,
	const void *a, size_t a_size, const void *b, size_t b_size, uint8_t *out)
{
	const struct mb_key *k = key;
	struct gcm_context_data state;

	if (b_size == 0) {
		k->code->seal(&k->data, &state, out, a, a_size, nonce, ad, ad_size, out + a_size,
			      CRYPTO_TAG_SIZE);
		return;
	}
	k->code->init(&k->data, &state, nonce, ad, ad_size);
	if (a_size > 0)
		k->code->update(&k->data, &state, out, a, a_size);
	k->code->update(&k->data, &state, out + a_size, b, b_size);
	k->code->final(&k->data, &state, out + a_size + b_size, CRYPTO_TAG_SIZE);
}

static int
mb_open(const void *key, const uint8_t nonce[CRYPTO_NONCE_SIZE], const void *ad, size_t ad_size,
	const uint8_t *in, size_t size, uint8_t *out)
{
	const struct mb_key *k = key;
	struct gcm_context_data state;
	uint8_t want[CRYPTO_TAG_SIZE];

	k->code->open(&k->data, &state, out, in, size, nonce, ad, ad_size, want, sizeof(want));
	return crypto_equal(want, in + size, sizeof(want)) ? 0 : -EBADMSG;
}

struct crypto_engine *
crypto_engine_create(void)
{
	const uint64_t needed =
		IMB_FEATURE_AESNI | IMB_FEATURE_PCLMULQDQ | IMB_FEATURE_SELF_TEST_PASS;
	IMB_MGR *manager = alloc_mb_mgr(0);
	struct mb_engine *code = NULL;
	IMB_ARCH arch;

	if (manager == NULL)
		return NULL;
	init_mb_mgr_auto(manager, &arch);
	if (imb_get_errno(manager) == 0 && (manager->features & needed) == needed)
		code = malloc(sizeof(*code));
	if (code != NULL)
		*code = (struct mb_engine){.engine = {.name = "intel-ipsec-mb",
						      .key_create = key_create,
						      .key_destroy = key_destroy,
						      .seal = mb_seal,
						      .open = mb_open},
					   .pre = manager->gcm256_pre,
					   .seal = manager->gcm256_enc,
					   .open = manager->gcm256_dec,
					   .init = manager->gcm256_init,
					   .update = manager->gcm256_enc_update,
					   .final = manager->gcm256_enc_finalize};
	free_mb_mgr(manager);
	return code == NULL ? NULL : &code->engine;
}

#else /* the library is for x86-64 only */

struct crypto_engine *
crypto_engine_create(void)
{
	return NULL;
}

#endif

void
crypto_engine_destroy(struct crypto_engine *engine)
{
	free(engine); /* the first member of what was allocated */
}

const char *
crypto_engine_name(const struct crypto_engine *engine)
{
	return engine == NULL ? "OpenSSL" : engine->name;
}
