/* Authentication of LISP messages: published vectors, and everything that must not pass. */
#include "lisp_world.h"

static void
from_hex(const char *hex, uint8_t *out, size_t *size)
{
	*size = strlen(hex) / 2;
	for (size_t i = 0; i < *size; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

/* RFC 5869 appendix A, test cases 1 and 3, of which the first 32 bytes are one block. */
static void
hkdf_gives_what_rfc_5869_says(void **state)
{
	static const struct {
		const char *ikm, *salt, *info, *okm;
	} cases[] = {
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
		 "f0f1f2f3f4f5f6f7f8f9",
		 "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"},
		{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		 "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		uint8_t ikm[64], salt[64], info[64], okm[64], out[32];
		size_t ikm_size, salt_size, info_size, okm_size;

		from_hex(cases[i].ikm, ikm, &ikm_size);
		from_hex(cases[i].salt, salt, &salt_size);
		from_hex(cases[i].info, info, &info_size);
		from_hex(cases[i].okm, okm, &okm_size);
		/* However the input is cut in two. */
		for (size_t cut = 0; cut <= ikm_size; cut += 11) {
			lisp_hkdf(&world_io, NULL, salt, salt_size, ikm, cut, ikm + cut,
				  ikm_size - cut, info, info_size, out, sizeof(out));
			assert_memory_equal(out, okm, sizeof(out));
		}
	}
}

/* The message whose bytes are those of RFC 4231 and RFC 2202 cannot be a Map-Register: the hash is
 * computed here over the same bytes as there would be, by another way. */
static void
expected(const struct lisp_key *key, const char *salt, uint64_t nonce, const uint8_t *data,
	 size_t size, size_t auth_at, size_t auth_size, uint8_t *out)
{
	uint8_t copy[2048], ikm[200], prk[32], okm[32], one = 1;
	const EVP_MD *md = key->algorithm == LISP_AUTH_SHA1_96 ? EVP_sha1() : EVP_sha256();
	unsigned length;

	memcpy(copy, data, size);
	memset(copy + auth_at, 0, auth_size);
	if (key->algorithm != LISP_AUTH_SHA256_128_HKDF) {
		HMAC(md, key->secret, (int)key->secret_size, copy, size, out, &length);
		return;
	}
	for (size_t i = 0; i < 8; i++)
		ikm[i] = (uint8_t)(nonce >> (56 - 8 * i));
	memcpy(ikm + 8, key->secret, key->secret_size);
	HMAC(md, salt, (int)strlen(salt), ikm, 8 + key->secret_size, prk, &length);
	HMAC(md, prk, 32, &one, 1, okm, &length);
	HMAC(md, okm, 32, copy, size, out, &length);
}

static const struct {
	uint8_t algorithm;
	bool is_full;
	size_t size;
} kinds[] = {
	{LISP_AUTH_SHA1_96, false, 12},         {LISP_AUTH_SHA1_96, true, 20},
	{LISP_AUTH_SHA256_128, false, 16},      {LISP_AUTH_SHA256_128, true, 32},
	{LISP_AUTH_SHA256_128_HKDF, false, 16}, {LISP_AUTH_SHA256_128_HKDF, true, 32},
};

static size_t
build(const struct lisp_key *key, uint8_t *data, struct lisp_msg *msg)
{
	static const struct lisp_dialect dialect = {0};
	static const struct rec rec = {.eid = "10.1.0.0/24", .rlocs = {"192.0.2.1"}};
	struct reg reg = {.key = key, .nonce = 0x0102030405060708, .recs = &rec, .count = 1};
	size_t size = build_register(&reg, data, 2048);

	assert_int_equal(lisp_parse(data, size, &dialect, msg), 0);
	return size;
}

static void
every_algorithm_and_length_is_as_specified(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct lisp_key key =
			key_make(0, kinds[i].algorithm, kinds[i].is_full, "correct horse");
		uint8_t data[2048], want[32];
		struct lisp_msg msg;
		size_t size = build(&key, data, &msg);

		assert_int_equal(lisp_auth_size(&key), kinds[i].size);
		assert_int_equal(msg.auth.size, kinds[i].size);
		expected(&key, "Map-Register Authentication", msg.nonce, data, size,
			 msg.auth.offset, msg.auth.size, want);
		assert_memory_equal(data + msg.auth.offset, want, msg.auth.size);
		assert_int_equal(lisp_auth_verify(&world_io, NULL, &key, &msg, data, size), 0);
	}
}

static void
every_changed_bit_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct lisp_key key = key_make(7, kinds[i].algorithm, kinds[i].is_full, "secret");
		uint8_t data[2048];
		struct lisp_msg msg;
		size_t size = build(&key, data, &msg);

		for (size_t bit = 0; bit < size * 8; bit++) {
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_equal(lisp_auth_verify(&world_io, NULL, &key, &msg, data, size),
					 -EBADMSG);
			data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
		assert_int_equal(lisp_auth_verify(&world_io, NULL, &key, &msg, data, size), 0);
	}
}

static void
only_the_keys_own_kind_is_accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		struct lisp_key key = key_make(1, kinds[i].algorithm, kinds[i].is_full, "secret");
		uint8_t data[2048];
		struct lisp_msg msg;
		size_t size = build(&key, data, &msg);
		struct lisp_key other;

		for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
			other = key_make(1, kinds[k].algorithm, kinds[k].is_full, "secret");
			assert_int_equal(
				lisp_auth_verify(&world_io, NULL, &other, &msg, data, size),
				k == i ? 0 : -EACCES);
		}
		other = key;
		other.key_id = 2;
		assert_int_equal(lisp_auth_verify(&world_io, NULL, &other, &msg, data, size),
				 -EACCES);
		other = key_make(1, kinds[i].algorithm, kinds[i].is_full, "Secret");
		assert_int_equal(lisp_auth_verify(&world_io, NULL, &other, &msg, data, size),
				 -EBADMSG);
	}
}

static void
no_algorithm_is_no_authentication(void **state)
{
	struct lisp_key key = key_make(0, LISP_AUTH_SHA256_128, false, "secret");
	struct lisp_key none = key_make(0, LISP_AUTH_NONE, false, "secret");
	struct lisp_key unknown = key_make(0, 77, false, "secret");
	uint8_t data[2048];
	struct lisp_msg msg;
	size_t size = build(&key, data, &msg);

	(void)state;
	msg.auth.algorithm = 0;
	msg.auth.size = 0;
	assert_int_equal(lisp_auth_verify(&world_io, NULL, &none, &msg, data, size), -EACCES);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, &none, &msg, data, size), -EINVAL);
	msg.auth.algorithm = 77;
	msg.auth.size = 16;
	assert_int_equal(lisp_auth_verify(&world_io, NULL, &unknown, &msg, data, size), -EACCES);
}

static void
each_type_has_its_own_derived_key(void **state)
{
	static const struct {
		uint8_t type;
		const char *salt;
	} types[] = {
		{LISP_MAP_REGISTER, "Map-Register Authentication"},
		{LISP_MAP_NOTIFY, "Map-Notify Authentication"},
		{LISP_MAP_NOTIFY_ACK, "Map-Notify-Ack Authentication"},
	};
	struct lisp_key key = key_make(1, LISP_AUTH_SHA256_128_HKDF, true, "secret");
	uint8_t data[2048], want[32];
	struct lisp_msg msg;
	size_t size = build(&key, data, &msg);

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
		msg.type = types[i].type;
		assert_int_equal(lisp_auth_sign(&world_io, NULL, &key, &msg, data, size), 0);
		expected(&key, types[i].salt, msg.nonce, data, size, msg.auth.offset, msg.auth.size,
			 want);
		assert_memory_equal(data + msg.auth.offset, want, 32);
	}
}

/* RFC 4231 case 2 and RFC 2202 case 2: the hash that all of this stands on. */
static void
the_hmac_of_the_tests_is_one(void **state)
{
	static const uint8_t key[] = {'J', 'e', 'f', 'e'};
	static const char text[] = "what do ya want for nothing?";
	uint8_t want[32], out[32], bytes[sizeof(text)];
	size_t size;

	(void)state;
	memcpy(bytes, text, sizeof(text));
	from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want, &size);
	world_hmac(NULL, LISP_SHA256, key, 4, bytes, 5, bytes + 5, strlen(text) - 5, out);
	assert_memory_equal(out, want, size);
	from_hex("effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", want, &size);
	world_hmac(NULL, LISP_SHA1, key, 4, bytes, strlen(text), NULL, 0, out);
	assert_memory_equal(out, want, size);
}

/* The key that a map-server and an RTR share: over a message as it stands. */
static void
a_relayed_message_is_authentic_by_its_key(void **state)
{
	static const uint8_t message[] = "any message, with its own authentication data in it";
	static const uint8_t algorithms[] = {LISP_AUTH_SHA1_96, LISP_AUTH_SHA256_128,
					     LISP_AUTH_SHA256_128_HKDF};
	uint8_t mac[LISP_AUTH_SIZE_MAX], whole[LISP_AUTH_SIZE_MAX], changed[sizeof(message)];
	struct lisp_key none = key_make(1, LISP_AUTH_NONE, false, "relay");

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_COUNT(algorithms); i++) {
		struct lisp_key key = key_make(3, algorithms[i / 2], i % 2 != 0, "relay"),
				other = key;
		struct lisp_auth auth = lisp_auth_header(&key);

		assert_int_equal(lisp_auth_relay_sign(&world_io, NULL, &key, 7, message,
						      sizeof(message), mac),
				 0);
		assert_int_equal(lisp_auth_relay_verify(&world_io, NULL, &key, &auth, mac, 7,
							message, sizeof(message)),
				 0);
		if (algorithms[i / 2] == LISP_AUTH_SHA256_128) {
			world_hmac(NULL, LISP_SHA256, key.secret, key.secret_size, message,
				   sizeof(message), NULL, 0, whole);
			assert_memory_equal(mac, whole, auth.size);
		}
		other.key_id = 4;
		assert_int_equal(lisp_auth_relay_verify(&world_io, NULL, &other, &auth, mac, 7,
							message, sizeof(message)),
				 -EACCES);
		other = key;
		other.secret[0] ^= 1;
		assert_int_equal(lisp_auth_relay_verify(&world_io, NULL, &other, &auth, mac, 7,
							message, sizeof(message)),
				 -EBADMSG);
		memcpy(changed, message, sizeof(message));
		changed[sizeof(message) - 2] ^= 1;
		assert_int_equal(lisp_auth_relay_verify(&world_io, NULL, &key, &auth, mac, 7,
							changed, sizeof(changed)),
				 -EBADMSG);
		auth.size--;
		assert_int_equal(lisp_auth_relay_verify(&world_io, NULL, &key, &auth, mac, 7,
							message, sizeof(message)),
				 -EACCES);
	}
	assert_int_equal(
		lisp_auth_relay_sign(&world_io, NULL, &none, 7, message, sizeof(message), mac),
		-EINVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hmac_of_the_tests_is_one),
		cmocka_unit_test(hkdf_gives_what_rfc_5869_says),
		cmocka_unit_test(every_algorithm_and_length_is_as_specified),
		cmocka_unit_test(every_changed_bit_is_refused),
		cmocka_unit_test(only_the_keys_own_kind_is_accepted),
		cmocka_unit_test(no_algorithm_is_no_authentication),
		cmocka_unit_test(each_type_has_its_own_derived_key),
		cmocka_unit_test(a_relayed_message_is_authentic_by_its_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
