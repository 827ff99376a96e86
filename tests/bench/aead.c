/* AES-256-GCM as the sessions use it: how many records one core seals and opens in a second.
 *
 *     aead LIBRARY SIZE SECONDS     LIBRARY: openssl, ipsec_mb; SIZE: bytes of a record's text
 *
 * Each record is sealed in the two parts and opened in place, as the tunnel does it.  Prints the
 * number per second;
 * ends with status 2 when that library has no code for this processor. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/clock.h"
#include "vr/crypto.h"
#include "wire/seal.h"

#define TEXT_MAX  65536
#define HEAD_SIZE 16  /* what stands in front of a packet's bytes, in the record's own buffer */
#define PER_LOOK  256 /* records between two looks at the clock */

static double
measure(struct crypto_aead *seal, struct crypto_aead *open, size_t size, double time)
{
	static uint8_t text[TEXT_MAX], record[TEXT_MAX + SEAL_OVERHEAD];
	uint64_t count = 0;
	double start = seconds(), end;

	do {
		for (unsigned i = 0; i < PER_LOOK; i++, count++) {
			BUG_IF(crypto_seal(seal, count, record, SEAL_OUTER_SIZE,
					   record + SEAL_OUTER_SIZE, HEAD_SIZE, text,
					   size - HEAD_SIZE, record + SEAL_OUTER_SIZE) != 0);
			BUG_IF(crypto_open(open, count, record, SEAL_OUTER_SIZE,
					   record + SEAL_OUTER_SIZE, size + CRYPTO_TAG_SIZE,
					   record + SEAL_OUTER_SIZE) != 0);
		}
		end = seconds();
	} while (end - start < time);
	return (double)count / (end - start);
}

int
main(int argc, char **argv)
{
	static const uint8_t key[CRYPTO_KEY_SIZE] = "any key takes the same time";
	struct crypto_engine *engine = NULL;
	struct crypto_aead *seal, *open;
	size_t size;

	if (argc != 4 || (strcmp(argv[1], "openssl") != 0 && strcmp(argv[1], "ipsec_mb") != 0) ||
	    (size = strtoul(argv[2], NULL, 10)) < HEAD_SIZE || size > TEXT_MAX) {
		fprintf(stderr, "usage: aead openssl|ipsec_mb SIZE SECONDS\n");
		return 1;
	}
	if (argv[1][0] == 'i' && (engine = crypto_engine_create()) == NULL)
		return 2;
	seal = crypto_aead_create(engine, CRYPTO_AESGCM, key, true);
	open = crypto_aead_create(engine, CRYPTO_AESGCM, key, false);
	BUG_IF(seal == NULL || open == NULL);
	printf("%.0f\n", measure(seal, open, size, strtod(argv[3], NULL)));
	crypto_aead_destroy(seal);
	crypto_aead_destroy(open);
	crypto_engine_destroy(engine);
	return 0;
}
