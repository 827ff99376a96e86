/* Longest prefix match while another thread looks, which holds no lock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "tests/unit/table_memory.h"

#include "tables/lpm.h"

#define VN 7

#define ROUTES 4096

static struct addr
host(uint32_t i)
{
	const uint8_t bytes[4] = {10, (uint8_t)(i >> 12), (uint8_t)(i >> 4), (uint8_t)(i << 4)};

	return addr_make(ADDR_V4, bytes);
}

struct reader {
	const struct lpm *lpm;
	const uint8_t *values; /* of the default route, then of each prefix */
	uint64_t seen;         /* the owner's word that it has answered */
	const uint64_t *asked;
	const bool *stop;
	uint64_t wrong, looks;
};

/* Each address leads to its own prefix or to the default route: whoever owns the table takes the
 * prefix out and puts it in again. */
static void *
reader_run(void *ctx)
{
	struct reader *reader = ctx;
	struct random r = {4711};

	while (!__atomic_load_n(reader->stop, __ATOMIC_ACQUIRE)) {
		uint64_t asked = __atomic_load_n(reader->asked, __ATOMIC_ACQUIRE);
		struct addr addrs[16];
		uint32_t numbers[ARRAY_COUNT(addrs)];
		void *found[ARRAY_COUNT(addrs)];

		for (size_t i = 0; i < ARRAY_COUNT(addrs); i++) {
			numbers[i] = (uint32_t)random_below(&r, ROUTES);
			addrs[i] = host(numbers[i]);
		}
		lpm_find_batch(reader->lpm, VN, addrs, ARRAY_COUNT(addrs), found);
		found[0] = lpm_find(reader->lpm, VN, addrs[0]);
		for (size_t i = 0; i < ARRAY_COUNT(addrs); i++)
			reader->wrong += found[i] != &reader->values[0] &&
					 found[i] != &reader->values[1 + numbers[i]];
		reader->looks += ARRAY_COUNT(addrs);
		/* It holds nothing from before the question. */
		__atomic_store_n(&reader->seen, asked, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void
readers_see_the_old_or_the_new(void **state)
{
	static uint8_t leads_to[1 + ROUTES];
	static bool there[ROUTES];
	struct random r = random_start("readers_see_the_old_or_the_new");
	struct lpm lpm = {0};
	uint64_t asked = 0;
	bool stop = false;
	struct reader reader = {&lpm, leads_to, 0, &asked, &stop, 0, 0};
	pthread_t thread;

	(void)state;
	memset(there, 0, sizeof(there));
	lpm_share(&lpm);
	assert_int_equal(lpm_add(&lpm, VN, prefix_make(host(0), 0), &leads_to[0]), 0);
	assert_int_equal(pthread_create(&thread, NULL, reader_run, &reader), 0);
	for (size_t step = 0; step < 60000; step++) {
		/* The table fills and empties, past the sizes of the array of the first bits. */
		bool filling = step / 15000 % 2 == 0;
		uint32_t i = (uint32_t)random_below(&r, ROUTES);
		struct prefix p = prefix_make(host(i), 28 + i % 5);

		if (filling && !there[i]) {
			assert_int_equal(lpm_add(&lpm, VN, p, &leads_to[1 + i]), 0);
			there[i] = true;
		} else if (there[i]) {
			assert_ptr_equal(lpm_remove(&lpm, VN, p), &leads_to[1 + i]);
			there[i] = false;
		}
		if (step % 1024 == 0) {
			uint64_t mark = lpm_mark(&lpm);

			__atomic_store_n(&asked, asked + 1, __ATOMIC_RELEASE);
			while (__atomic_load_n(&reader.seen, __ATOMIC_ACQUIRE) != asked)
				sched_yield();
			lpm_reclaim(&lpm, mark);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reader.wrong, 0);
	assert_true(reader.looks > 0);
	lpm_fini(&lpm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_see_the_old_or_the_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
