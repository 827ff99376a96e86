/* The primitives against published values, and the AEAD's promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "vr/crypto.h"

static void
unhex(const char *text, uint8_t *out)
{
	unsigned v;

	for (; text[0] != 0; text += 2) {
		assert_int_equal(sscanf(text, "%2x", &v), 1);
		*out++ = (uint8_t)v;
	}
}

static void
sha256_and_hmac_give_published_values(void **state)
{
	uint8_t want[CRYPTO_HASH_SIZE], got[CRYPTO_HASH_SIZE];
	uint8_t key[131];

	(void)state;
	/* FIPS 180-4, "abc". */
	unhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", want);
	crypto_hash("a", 1, "bc", 2, got);
	assert_memory_equal(got, want, sizeof(want));
	/* RFC 4231 test case 2. */
	unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
	crypto_hmac((const uint8_t *)"Jefe", 4, "what do ya want ", 16, "for nothing?", 12, got);
	assert_memory_equal(got, want, sizeof(want));
	/* RFC 4231 test case 6: a key longer than a block. */
	unhex("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", want);
	memset(key, 0xaa, sizeof(key));
	crypto_hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
		    NULL, 0, got);
	assert_memory_equal(got, want, sizeof(want));
}

static void
hmacs_in_a_row_are_those_made_one_by_one(void **state)
{
	struct crypto_hmacs *h = crypto_hmacs_create();
	uint8_t key[131], text[300], want[CRYPTO_HASH_SIZE], got[CRYPTO_HASH_SIZE];

	(void)state;
	assert_non_null(h);
	memset(text, 0x5a, sizeof(text));
	/* RFC 4231 and RFC 2202, test case 2: twice, and in turn. */
	for (unsigned i = 0; i < 2; i++) {
		unhex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
		crypto_hmacs_make(h, (const uint8_t *)"Jefe", 4, "what do ya want ", 16,
				  "for nothing?", 12, got);
		assert_memory_equal(got, want, CRYPTO_HASH_SIZE);
		unhex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", want);
		crypto_hmacs_make_sha1(h, (const uint8_t *)"Jefe", 4, "what do ya want ", 16,
				       "for nothing?", 12, got);
		assert_memory_equal(got, want, CRYPTO_SHA1_SIZE);
	}
	/* Keys around the size of a block, texts of every size. */
	for (size_t size = 0; size < sizeof(text); size++) {
		size_t key_size = size % sizeof(key), cut = size / 3;

		memset(key, (int)size, sizeof(key));
		crypto_hmac(key, key_size, text, cut, text + cut, size - cut, want);
		crypto_hmacs_make(h, key, key_size, text, cut, text + cut, size - cut, got);
		assert_memory_equal(got, want, CRYPTO_HASH_SIZE);
		crypto_hmac_sha1(key, key_size, text, cut, text + cut, size - cut, want);
		crypto_hmacs_make_sha1(h, key, key_size, text, cut, text + cut, size - cut, got);
		assert_memory_equal(got, want, CRYPTO_SHA1_SIZE);
	}
	crypto_hmacs_destroy(h);
}

static void
x25519_gives_published_values(void **state)
{
	uint8_t a[32], b[32], pa[32], pb[32], want[32], got[32];

	(void)state;
	/* Both sides of an exchange arrive at the same secret. */
	assert_int_equal(crypto_random(a, sizeof(a)), 0);
	assert_int_equal(crypto_random(b, sizeof(b)), 0);
	assert_int_equal(crypto_public_key(a, pa), 0);
	assert_int_equal(crypto_public_key(b, pb), 0);
	assert_int_equal(crypto_dh(a, pb, want), 0);
	assert_int_equal(crypto_dh(b, pa, got), 0);
	assert_memory_equal(got, want, 32);
	/* RFC 7748 section 5.2, first vector. */
	unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4", a);
	unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c", pb);
	unhex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552", want);
	assert_int_equal(crypto_dh(a, pb, got), 0);
	assert_memory_equal(got, want, 32);
}

static void
a_low_order_point_is_refused(void **state)
{
	uint8_t key[32], zero[32] = {0}, got[32];

	(void)state;
	assert_int_equal(crypto_random(key, sizeof(key)), 0);
	assert_int_equal(crypto_dh(key, zero, got), -EBADMSG);
	assert_memory_equal(got, zero, 32);
}

static void
aesgcm_gives_the_published_value(void **state)
{
	uint8_t key[32] = {0}, text[16] = {0}, want[32], got[32];
	struct crypto_engine *engine = crypto_engine_create();

	(void)state;
	/* Test case 14 of the GCM proposal: all zero, nonce zero. */
	unhex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919", want);
	for (unsigned i = 0; i < 2; i++) {
		struct crypto_aead *aead =
			crypto_aead_create(i == 0 ? NULL : engine, CRYPTO_AESGCM, key, true);

		assert_int_equal(crypto_seal(aead, 0, NULL, 0, text, sizeof(text), NULL, 0, got),
				 0);
		assert_memory_equal(got, want, sizeof(want));
		crypto_aead_destroy(aead);
	}
	crypto_engine_destroy(engine);
}

/* Each cipher by OpenSSL and, where there is one, AES-GCM by the engine. */
#define WAYS 3
static struct crypto_aead *
aead_create(const struct crypto_engine *engine, unsigned way, const uint8_t key[32], bool seal)
{
	return crypto_aead_create(way == 2 ? engine : NULL,
				  way == 1 ? CRYPTO_CHACHAPOLY : CRYPTO_AESGCM, key, seal);
}

/* Of 'cut' bytes where they stand and the rest from elsewhere, as the tunnel has them. */
static void
seal_parts(struct crypto_aead *aead, uint64_t counter, const uint8_t *text, size_t cut, size_t size,
	   uint8_t *out)
{
	static const uint8_t ad[16] = "associated data";

	memcpy(out, text, cut);
	assert_int_equal(
		crypto_seal(aead, counter, ad, sizeof(ad), out, cut, text + cut, size - cut, out),
		0);
}

static void
the_engine_and_openssl_read_each_other(void **state)
{
	struct crypto_engine *engine = crypto_engine_create();
	uint8_t key[32], text[3000], by_openssl[3016], by_engine[3016];
	struct crypto_aead *seal[2], *open[2];

	(void)state;
#ifdef HAVE_IPSEC_MB
	assert_non_null(engine); /* every processor since 2010 has what it needs */
	assert_string_equal(crypto_engine_name(engine), "intel-ipsec-mb");
#endif
	assert_string_equal(crypto_engine_name(NULL), "OpenSSL");
	assert_int_equal(crypto_random(key, sizeof(key)), 0);
	assert_int_equal(crypto_random(text, sizeof(text)), 0);
	for (unsigned i = 0; i < 2; i++) {
		seal[i] = aead_create(engine, 2 * i, key, true);
		open[i] = aead_create(engine, 2 * i, key, false);
	}
	for (size_t size = 0; size <= sizeof(text); size += size < 300 ? 1 : 97) {
		static const uint8_t ad[16] = "associated data";
		/* Counters of every length. */
		uint64_t counter = (UINT64_C(1) << (size % 48)) + size;
		size_t cut = size * 2 / 3;

		seal_parts(seal[0], counter, text, cut, size, by_openssl);
		seal_parts(seal[1], counter, text, cut, size, by_engine);
		assert_memory_equal(by_openssl, by_engine, size + CRYPTO_TAG_SIZE);
		assert_int_equal(crypto_open(open[0], counter, ad, sizeof(ad), by_engine,
					     size + CRYPTO_TAG_SIZE, by_engine),
				 0);
		assert_int_equal(crypto_open(open[1], counter, ad, sizeof(ad), by_openssl,
					     size + CRYPTO_TAG_SIZE, by_openssl),
				 0);
		assert_memory_equal(by_engine, text, size);
		assert_memory_equal(by_openssl, text, size);
	}
	for (unsigned i = 0; i < 2; i++) {
		crypto_aead_destroy(seal[i]);
		crypto_aead_destroy(open[i]);
	}
	crypto_engine_destroy(engine);
}

static void
parts_and_places_do_not_matter(void **state)
{
	uint8_t key[32], ad[16] = "associated data", text[300], whole[316], parts[316];
	struct crypto_engine *engine = crypto_engine_create();

	(void)state;
	assert_int_equal(crypto_random(key, sizeof(key)), 0);
	assert_int_equal(crypto_random(text, sizeof(text)), 0);
	for (unsigned c = 0; c < WAYS; c++) {
		struct crypto_aead *seal = aead_create(engine, c, key, true);
		struct crypto_aead *open = aead_create(engine, c, key, false);

		for (size_t cut = 0; cut <= sizeof(text); cut += 7) {
			assert_int_equal(crypto_seal(seal, cut, ad, sizeof(ad), text, sizeof(text),
						     NULL, 0, whole),
					 0);
			seal_parts(seal, cut, text, cut, sizeof(text), parts);
			assert_memory_equal(whole, parts, sizeof(whole));
			assert_int_equal(
				crypto_open(open, cut, ad, sizeof(ad), parts, sizeof(parts), parts),
				0);
			assert_memory_equal(parts, text, sizeof(text));
		}
		crypto_aead_destroy(seal);
		crypto_aead_destroy(open);
	}
	crypto_engine_destroy(engine);
}

static void
every_change_and_truncation_is_refused(void **state)
{
	uint8_t key[32], ad[16] = {1}, text[40], sealed[56], out[56];
	struct crypto_engine *engine = crypto_engine_create();

	(void)state;
	assert_int_equal(crypto_random(key, sizeof(key)), 0);
	memset(text, 7, sizeof(text));
	for (unsigned c = 0; c < WAYS; c++) {
		struct crypto_aead *seal = aead_create(engine, c, key, true);
		struct crypto_aead *open = aead_create(engine, c, key, false);

		assert_int_equal(
			crypto_seal(seal, 5, ad, sizeof(ad), text, sizeof(text), NULL, 0, sealed),
			0);
		for (size_t i = 0; i < sizeof(sealed); i++) {
			uint8_t *cut = malloc(i + 1);

			memcpy(cut, sealed, i);
			assert_int_equal(crypto_open(open, 5, ad, sizeof(ad), cut, i, out),
					 -EBADMSG);
			free(cut);
			sealed[i] ^= 1;
			assert_int_equal(
				crypto_open(open, 5, ad, sizeof(ad), sealed, sizeof(sealed), out),
				-EBADMSG);
			sealed[i] ^= 1;
		}
		assert_int_equal(crypto_open(open, 6, ad, sizeof(ad), sealed, sizeof(sealed), out),
				 -EBADMSG);
		ad[3] ^= 1;
		assert_int_equal(crypto_open(open, 5, ad, sizeof(ad), sealed, sizeof(sealed), out),
				 -EBADMSG);
		ad[3] ^= 1;
		/* A refused record leaves the context fit for the next. */
		assert_int_equal(crypto_open(open, 5, ad, sizeof(ad), sealed, sizeof(sealed), out),
				 0);
		assert_memory_equal(out, text, sizeof(text));
		crypto_aead_destroy(seal);
		crypto_aead_destroy(open);
	}
	crypto_engine_destroy(engine);
	crypto_aead_destroy(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_and_hmac_give_published_values),
		cmocka_unit_test(hmacs_in_a_row_are_those_made_one_by_one),
		cmocka_unit_test(x25519_gives_published_values),
		cmocka_unit_test(a_low_order_point_is_refused),
		cmocka_unit_test(aesgcm_gives_the_published_value),
		cmocka_unit_test(the_engine_and_openssl_read_each_other),
		cmocka_unit_test(parts_and_places_do_not_matter),
		cmocka_unit_test(every_change_and_truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
