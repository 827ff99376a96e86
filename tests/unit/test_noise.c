/* Noise IK against the published vectors, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>

#include "vr/noise.h"

#define VECTORS  "tests/data/noise-ik.json"
#define TEXT_MAX 512

struct bytes {
	uint8_t b[TEXT_MAX];
	size_t size;
};

static struct bytes
hex(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(object, name));
	struct bytes out = {.size = 0};
	unsigned v;

	assert_non_null(text);
	for (; text[0] != 0; text += 2) {
		assert_true(out.size < TEXT_MAX);
		assert_int_equal(sscanf(text, "%2x", &v), 1);
		out.b[out.size++] = (uint8_t)v;
	}
	return out;
}

static cJSON *
vectors_load(void)
{
	static const size_t room = 65536;
	char *text = calloc(1, room);
	FILE *f = fopen(VECTORS, "r");
	cJSON *root;

	assert_non_null(text);
	assert_non_null(f);
	assert_true(fread(text, 1, room - 1, f) > 0);
	fclose(f);
	root = cJSON_Parse(text);
	free(text);
	assert_non_null(root);
	return root;
}

static void
sides_init(const cJSON *vector, struct noise *init, struct noise *resp)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(vector, "protocol_name"));
	enum crypto_cipher cipher =
		strstr(name, "AESGCM") != NULL ? CRYPTO_AESGCM : CRYPTO_CHACHAPOLY;
	struct bytes si = hex(vector, "init_static"), sr = hex(vector, "resp_static");
	struct bytes pi = hex(vector, "init_prologue"), pr = hex(vector, "resp_prologue");
	struct bytes rs = hex(vector, "init_remote_static");
	uint8_t public_i[CRYPTO_KEY_SIZE], public_r[CRYPTO_KEY_SIZE];

	assert_int_equal(crypto_public_key(si.b, public_i), 0);
	assert_int_equal(crypto_public_key(sr.b, public_r), 0);
	assert_memory_equal(public_r, rs.b, sizeof(public_r));
	noise_init(init, cipher, pi.b, pi.size, si.b, public_i, rs.b);
	noise_init(resp, cipher, pr.b, pr.size, sr.b, public_r, NULL);
}

static void
check_transport(const cJSON *messages, enum crypto_cipher cipher, const uint8_t *to_resp,
		const uint8_t *to_init)
{
	struct crypto_aead *seal[2] = {crypto_aead_create(NULL, cipher, to_resp, true),
				       crypto_aead_create(NULL, cipher, to_init, true)};
	struct crypto_aead *open[2] = {crypto_aead_create(NULL, cipher, to_resp, false),
				       crypto_aead_create(NULL, cipher, to_init, false)};
	uint8_t out[TEXT_MAX];

	for (int i = 2; i < cJSON_GetArraySize(messages); i++) {
		const cJSON *m = cJSON_GetArrayItem(messages, i);
		struct bytes payload = hex(m, "payload"), text = hex(m, "ciphertext");
		uint64_t counter = (uint64_t)(i - 2) / 2;

		assert_int_equal(crypto_seal(seal[i % 2], counter, NULL, 0, payload.b, payload.size,
					     NULL, 0, out),
				 0);
		assert_memory_equal(out, text.b, text.size);
		assert_int_equal(crypto_open(open[i % 2], counter, NULL, 0, text.b, text.size, out),
				 0);
		assert_memory_equal(out, payload.b, payload.size);
	}
	for (int i = 0; i < 2; i++) {
		crypto_aead_destroy(seal[i]);
		crypto_aead_destroy(open[i]);
	}
}

static void
check_vector(const cJSON *vector)
{
	const cJSON *messages = cJSON_GetObjectItem(vector, "messages");
	const cJSON *m1 = cJSON_GetArrayItem(messages, 0), *m2 = cJSON_GetArrayItem(messages, 1);
	struct bytes p1 = hex(m1, "payload"), c1 = hex(m1, "ciphertext");
	struct bytes p2 = hex(m2, "payload"), c2 = hex(m2, "ciphertext");
	struct bytes hash = hex(vector, "handshake_hash");
	struct noise init, resp;
	uint8_t out[TEXT_MAX], k[4][CRYPTO_KEY_SIZE];

	sides_init(vector, &init, &resp);
	assert_int_equal(c1.size, p1.size + NOISE_OVERHEAD_1);
	assert_int_equal(c2.size, p2.size + NOISE_OVERHEAD_2);
	assert_int_equal(noise_write_1(&init, hex(vector, "init_ephemeral").b, p1.b, p1.size, out),
			 0);
	assert_memory_equal(out, c1.b, c1.size);
	assert_int_equal(noise_read_1(&resp, c1.b, c1.size, out), 0);
	assert_memory_equal(out, p1.b, p1.size);
	assert_memory_equal(resp.remote_static, init.static_public, CRYPTO_KEY_SIZE);
	assert_int_equal(noise_write_2(&resp, hex(vector, "resp_ephemeral").b, p2.b, p2.size, out),
			 0);
	assert_memory_equal(out, c2.b, c2.size);
	assert_int_equal(noise_read_2(&init, c2.b, c2.size, out), 0);
	assert_memory_equal(out, p2.b, p2.size);
	assert_memory_equal(init.hash, hash.b, hash.size);
	assert_memory_equal(resp.hash, hash.b, hash.size);
	noise_split(&init, k[0], k[1]);
	noise_split(&resp, k[2], k[3]);
	assert_memory_equal(k[0], k[2], sizeof(k[0]));
	assert_memory_equal(k[1], k[3], sizeof(k[1]));
	check_transport(messages, init.cipher, k[0], k[1]);
	noise_fini(&init);
	noise_fini(&resp);
}

static void
published_vectors_pass(void **state)
{
	cJSON *root = vectors_load();
	const cJSON *list = cJSON_GetObjectItem(root, "vectors");

	(void)state;
	assert_int_equal(cJSON_GetArraySize(list), 2);
	for (int i = 0; i < cJSON_GetArraySize(list); i++)
		check_vector(cJSON_GetArrayItem(list, i));
	cJSON_Delete(root);
}

/* Message 1 of the vector with one byte changed, or cut to 'size', in a heap copy of exact
 * size. */
static int
read_1_changed(const cJSON *vector, size_t position, size_t size)
{
	struct bytes c1 =
		hex(cJSON_GetArrayItem(cJSON_GetObjectItem(vector, "messages"), 0), "ciphertext");
	struct noise init, resp;
	uint8_t *copy = malloc(size > 0 ? size : 1);
	uint8_t out[TEXT_MAX];
	int rc;

	sides_init(vector, &init, &resp);
	memcpy(copy, c1.b, size);
	if (position < size)
		copy[position] ^= 0x01;
	rc = noise_read_1(&resp, copy, size, out);
	free(copy);
	return rc;
}

static void
every_changed_or_truncated_message_1_is_refused(void **state)
{
	cJSON *root = vectors_load();
	const cJSON *vector = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "vectors"), 0);
	size_t size = NOISE_OVERHEAD_1 + 16;

	(void)state;
	assert_int_equal(read_1_changed(vector, size, size), 0);
	for (size_t i = 0; i < size; i++) {
		assert_int_equal(read_1_changed(vector, i, size), -EBADMSG);
		assert_int_equal(read_1_changed(vector, size, i), -EBADMSG);
	}
	cJSON_Delete(root);
}

static void
a_forged_message_2_does_not_end_the_handshake(void **state)
{
	cJSON *root = vectors_load();
	const cJSON *vector = cJSON_GetArrayItem(cJSON_GetObjectItem(root, "vectors"), 1);
	const cJSON *messages = cJSON_GetObjectItem(vector, "messages");
	struct bytes c2 = hex(cJSON_GetArrayItem(messages, 1), "ciphertext");
	struct noise init, resp;
	uint8_t out[TEXT_MAX];

	(void)state;
	sides_init(vector, &init, &resp);
	assert_int_equal(noise_write_1(&init, hex(vector, "init_ephemeral").b,
				       hex(cJSON_GetArrayItem(messages, 0), "payload").b, 16, out),
			 0);
	for (size_t i = 0; i < c2.size; i++) {
		uint8_t *copy = malloc(c2.size);

		memcpy(copy, c2.b, c2.size);
		copy[i] ^= 0x80;
		/* The top bit of an X25519 public key carries nothing, but the hash covers it. */
		assert_int_equal(noise_read_2(&init, copy, c2.size, out), -EBADMSG);
		assert_int_equal(noise_read_2(&init, copy, i, out), -EBADMSG);
		free(copy);
	}
	assert_int_equal(noise_read_2(&init, c2.b, c2.size, out), 0);
	cJSON_Delete(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_pass),
		cmocka_unit_test(every_changed_or_truncated_message_1_is_refused),
		cmocka_unit_test(a_forged_message_2_does_not_end_the_handshake),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
