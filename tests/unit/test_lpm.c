/* Longest prefix match: compared with a plain list, and without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/table_memory.h"
#include "tests/unit/table_arena.h"

#include "tables/lpm.c"
#include "tables/retire.c"
#include "tables/tb.c"
#include "tables/tb_find.c"
#include "tables/tb_top.c"
#include "tables/tb_walk.c"

#define VN 7

/* The plain list that the structure is compared with.  A value is the address of a byte. */
struct row {
	vn_id_t vn;
	struct prefix prefix;
	void *value;
};

struct plain {
	struct row *rows;
	size_t count, room;
};

static uint8_t values[64];

static void *
random_value(struct random *r)
{
	return &values[random_below(r, sizeof(values))];
}

static struct row *
plain_exact(const struct plain *m, vn_id_t vn, struct prefix p)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->rows[i].vn == vn && prefix_equal(m->rows[i].prefix, p))
			return &m->rows[i];
	return NULL;
}

/* The longest that contains the whole prefix. */
static const struct row *
plain_around(const struct plain *m, vn_id_t vn, struct prefix p)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < m->count; i++) {
		const struct row *row = &m->rows[i];

		if (row->vn == vn && row->prefix.len <= p.len &&
		    prefix_contains(row->prefix, p.addr) &&
		    (best == NULL || row->prefix.len > best->prefix.len))
			best = row;
	}
	return best;
}

static int
order(const struct row *row, vn_id_t vn, struct prefix p)
{
	int difference;

	if (row->vn != vn)
		return row->vn < vn ? -1 : 1;
	if (row->prefix.addr.family != p.addr.family)
		return row->prefix.addr.family < p.addr.family ? -1 : 1;
	difference = memcmp(row->prefix.addr.b, p.addr.b, sizeof(p.addr.b));
	return difference != 0 ? difference : (int)row->prefix.len - (int)p.len;
}

static const struct row *
plain_after(const struct plain *m, vn_id_t vn, struct prefix p)
{
	const struct row *best = NULL;

	for (size_t i = 0; i < m->count; i++)
		if (order(&m->rows[i], vn, p) > 0 &&
		    (best == NULL || order(&m->rows[i], best->vn, best->prefix) < 0))
			best = &m->rows[i];
	return best;
}

/* Addresses that share beginnings of all lengths: the bits of a fixed one, up to some place. */
static struct addr
random_addr(struct random *r, uint8_t family)
{
	static const uint8_t stem[16] = {0x0a, 0x80, 0x01, 0xff, 0, 0, 0x7f, 0xfe,
					 1,    0,    0xaa, 0x55, 0, 1, 0xc0, 3};
	struct addr a = {.family = family};
	struct prefix kept;

	for (size_t i = 0; i < addr_size(family); i++)
		a.b[i] = stem[i];
	kept = prefix_make(a, (unsigned)random_below(r, addr_size(family) * 8 + 1));
	for (size_t i = 0; i < addr_size(family); i++)
		a.b[i] = (uint8_t)random_next(r);
	for (size_t i = 0; i < kept.len; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		a.b[i / 8] = (uint8_t)((a.b[i / 8] & ~bit) | (kept.addr.b[i / 8] & bit));
	}
	return a;
}

static struct prefix
random_prefix(struct random *r)
{
	struct addr a = random_addr(r, random_below(r, 2) == 0 ? ADDR_V4 : ADDR_V6);

	return prefix_make(a, (unsigned)random_below(r, addr_size(a.family) * 8 + 1));
}

static vn_id_t
random_vn(struct random *r)
{
	static const vn_id_t vns[] = {0, VN, VN, VN, VN, VN_ID_MAX};

	return vns[random_below(r, ARRAY_COUNT(vns))];
}

static void
check_around(const struct lpm *lpm, const struct plain *m, vn_id_t vn, struct prefix p)
{
	const struct row *row = plain_around(m, vn, p);

	assert_ptr_equal(lpm_find_around(lpm, vn, p), row == NULL ? NULL : row->value);
	row = plain_exact(m, vn, p);
	assert_ptr_equal(lpm_find_exact(lpm, vn, p), row == NULL ? NULL : row->value);
}

static void
check_next(const struct lpm *lpm, const struct plain *m, vn_id_t vn, struct prefix p)
{
	const struct row *row = plain_after(m, vn, p);
	void *value = lpm_next(lpm, &vn, &p);

	assert_ptr_equal(value, row == NULL ? NULL : row->value);
	if (row == NULL)
		return;
	assert_int_equal(vn, row->vn);
	assert_true(prefix_equal(p, row->prefix));
}

static void
check_finds(const struct lpm *lpm, const struct plain *m, struct random *r)
{
	struct addr addrs[2 * TB_BATCH + 3];
	void *found[ARRAY_COUNT(addrs)];
	size_t count = 1 + random_below(r, ARRAY_COUNT(addrs));

	for (size_t i = 0; i < ARRAY_COUNT(addrs); i++)
		addrs[i] = random_addr(r, random_below(r, 2) == 0 ? ADDR_V4 : ADDR_V6);
	lpm_find_batch(lpm, VN, addrs, count, found);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = plain_around(m, VN, prefix_host(addrs[i]));
		struct prefix p;

		assert_ptr_equal(found[i], row == NULL ? NULL : row->value);
		assert_ptr_equal(lpm_find(lpm, VN, addrs[i]), found[i]);
		assert_ptr_equal(lpm_find_longest(lpm, VN, addrs[i], &p), found[i]);
		if (row != NULL)
			assert_true(prefix_equal(p, row->prefix));
	}
}

/* Adds, or takes out, or replaces; 'memory' is allowed for it. */
static void
change(struct lpm *lpm, struct plain *m, struct random *r, bool filling, size_t memory)
{
	vn_id_t vn = random_vn(r);
	struct prefix p = random_prefix(r);
	void *value = random_value(r);
	struct row *row;
	int err;

	if (m->count > 0 && random_below(r, 4) >= (filling ? 3 : 1)) {
		row = &m->rows[random_below(r, m->count)];
		vn = row->vn;
		p = row->prefix;
	}
	row = plain_exact(m, vn, p);
	memory_allow(memory);
	if (row == NULL) {
		assert_null(lpm_remove(lpm, vn, p));
		assert_null(lpm_replace(lpm, vn, p, value));
		err = m->count < m->room ? lpm_add(lpm, vn, p, value) : -ENOMEM;
		if (err == 0)
			m->rows[m->count++] = (struct row){vn, p, value};
		else
			assert_int_equal(err, -ENOMEM);
		assert_true(err == 0 || m->count == m->room || memory < 8);
	} else if (random_below(r, 3) == 0) {
		assert_int_equal(lpm_add(lpm, vn, p, value), -EEXIST);
		assert_ptr_equal(lpm_replace(lpm, vn, p, value), row->value);
		row->value = value;
	} else {
		assert_ptr_equal(lpm_remove(lpm, vn, p), row->value);
		*row = m->rows[--m->count];
	}
	memory_allow(MEMORY_ALL);
	assert_int_equal(lpm->count, m->count);
}

static void
empty(struct lpm *lpm, struct plain *m)
{
	while (m->count > 0) {
		struct row row = m->rows[--m->count];

		assert_ptr_equal(lpm_remove(lpm, row.vn, row.prefix), row.value);
	}
	assert_int_equal(lpm->count, 0);
	assert_int_equal(lpm->vns.root, 0);
}

/* 'memory_of' gives what each change may allocate. */
static void
compare(const char *name, size_t room, size_t steps, bool shared, bool short_memory)
{
	struct random r = random_start(name);
	struct plain m = {.room = room};
	struct lpm lpm = {0};

	m.rows = test_malloc(room * sizeof(*m.rows));
	if (shared)
		lpm_share(&lpm);
	for (size_t step = 0; step < steps; step++) {
		bool filling = (step / (2 * room)) % 2 == 0;
		size_t memory = short_memory ? random_below(&r, 9) : MEMORY_ALL;
		vn_id_t vn = random_vn(&r);
		struct prefix p = random_prefix(&r);

		change(&lpm, &m, &r, filling, memory);
		check_around(&lpm, &m, vn, p);
		if (step % 8 == 0)
			check_next(&lpm, &m, vn, p);
		if (step % 256 == 0)
			check_finds(&lpm, &m, &r);
		if (shared && step % 64 == 0)
			lpm_reclaim(&lpm, lpm_mark(&lpm));
	}
	if (shared) {
		while (m.count > 0) {
			struct row row = m.rows[--m.count];

			assert_ptr_equal(lpm_remove(&lpm, row.vn, row.prefix), row.value);
		}
	} else {
		empty(&lpm, &m);
	}
	lpm_fini(&lpm);
	test_free(m.rows);
}

static void
all_lengths_agree_with_a_plain_list(void **state)
{
	(void)state;
	compare("all_lengths_agree_with_a_plain_list", 200, 20000, false, false);
}

/* Large enough for an array of the first bits, which comes and goes. */
static void
larger_tables_agree_with_a_plain_list(void **state)
{
	(void)state;
	compare("larger_tables_agree_with_a_plain_list", 3000, 24000, false, false);
}

static void
without_memory_nothing_changes_but_what_is_taken_out(void **state)
{
	(void)state;
	compare("without_memory_nothing_changes_but_what_is_taken_out", 200, 20000, false, true);
}

static void
a_shared_table_agrees_with_a_plain_list(void **state)
{
	(void)state;
	compare("a_shared_table_agrees_with_a_plain_list", 200, 10000, true, false);
	compare("a_shared_table_agrees_with_a_plain_list", 200, 10000, true, true);
}

/* Every length of both families, each inside the one before: the host is found in all of them. */
static void
prefixes_inside_each_other(void **state)
{
	static const uint8_t families[] = {ADDR_V4, ADDR_V6};

	(void)state;
	for (size_t f = 0; f < ARRAY_COUNT(families); f++) {
		struct random r = {99};
		struct lpm lpm = {0};
		struct addr a = random_addr(&r, families[f]), b;
		unsigned bits = (unsigned)addr_size(families[f]) * 8;
		uint8_t lens[129];

		for (unsigned len = 0; len <= bits; len++)
			assert_int_equal(lpm_add(&lpm, VN, prefix_make(a, len), &lens[len]), 0);
		for (unsigned len = 0; len < bits; len++) {
			/* It leaves the host's path at this bit. */
			b = a;
			b.b[len / 8] ^= (uint8_t)(0x80 >> len % 8);
			assert_ptr_equal(lpm_find(&lpm, VN, b), &lens[len]);
			lpm_find_batch(&lpm, VN, &b, 1, (void *[]){NULL});
		}
		assert_ptr_equal(lpm_find(&lpm, VN, a), &lens[bits]);
		for (unsigned len = bits; len > 0; len--) {
			assert_ptr_equal(lpm_remove(&lpm, VN, prefix_make(a, len)), &lens[len]);
			assert_ptr_equal(lpm_find(&lpm, VN, a), &lens[len - 1]);
		}
		lpm_fini(&lpm);
	}
}

static struct prefix
large_prefix(struct random *r, uint8_t family)
{
	uint8_t bytes[16];
	unsigned len;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random_next(r);
	len = 8 + (unsigned)random_below(r, family == ADDR_V4 ? 25 : 57);
	return prefix_make(addr_make(family, bytes), len);
}

/* False: it is there already. */
static bool
add_fresh(struct lpm *lpm, struct prefix p, void *value)
{
	int err = lpm_add(lpm, VN, p, value);

	assert_true(err == 0 || err == -EEXIST);
	return err == 0;
}

/* A look-up that begins in the array of the first bits finds what one from the root finds. */
static void
large_tables_agree_with_the_way_from_the_root(void **state)
{
	static const struct {
		uint8_t family;
		size_t count;
		unsigned bits;
	} cases[] = {{ADDR_V4, 12000, 13}, {ADDR_V6, 12000, 14}, {ADDR_V4, 450000, 19}};

	(void)state;
	for (size_t c = 0; c < ARRAY_COUNT(cases); c++) {
		struct random r = random_start("large_tables_agree_with_the_way_from_the_root");
		struct prefix *prefixes = test_malloc(cases[c].count * sizeof(*prefixes));
		const struct vn_tb *v;
		struct lpm lpm = {0};
		size_t count = 0;

		while (count < cases[c].count) {
			struct prefix p = large_prefix(&r, cases[c].family);

			if (add_fresh(&lpm, p, random_value(&r)))
				prefixes[count++] = p;
		}
		v = vn_find(&lpm, VN, cases[c].family);
		assert_int_equal(v->tb.top->bits, cases[c].bits);
		for (size_t step = 0; step < 60000; step++) {
			struct addr a = large_prefix(&r, cases[c].family).addr;
			struct prefix *p = &prefixes[random_below(&r, count)];

			assert_ptr_equal(lpm_find(&lpm, VN, a),
					 lpm_find_around(&lpm, VN, prefix_host(a)));
			if (step % 3 == 0)
				a = p->addr;
			assert_non_null(lpm_remove(&lpm, VN, *p));
			assert_ptr_equal(lpm_find(&lpm, VN, a),
					 lpm_find_around(&lpm, VN, prefix_host(a)));
			do
				*p = large_prefix(&r, cases[c].family);
			while (!add_fresh(&lpm, *p, random_value(&r)));
		}
		while (count > 0)
			assert_non_null(lpm_remove(&lpm, VN, prefixes[--count]));
		assert_int_equal(lpm.vns.root, 0);
		test_free(prefixes);
		lpm_fini(&lpm);
	}
}

static struct addr
host(uint32_t i)
{
	const uint8_t bytes[4] = {10, (uint8_t)(i >> 12), (uint8_t)(i >> 4), (uint8_t)(i << 4)};

	return addr_make(ADDR_V4, bytes);
}

static void
a_small_network_takes_little(void **state)
{
	struct lpm lpm = {0};

	(void)state;
	for (vn_id_t vn = 1; vn <= 1000; vn++)
		for (uint32_t i = 0; i < 10; i++)
			assert_int_equal(lpm_add(&lpm, vn, prefix_host(host(i * 77)), values), 0);
	for (vn_id_t vn = 1; vn <= 1000; vn++)
		assert_null(vn_find(&lpm, vn, ADDR_V4)->tb.top);
	assert_null(lpm_find(&lpm, 0, host(0)));
	assert_null(lpm_find(&lpm, 1001, host(0)));
	assert_ptr_equal(lpm_find(&lpm, 1000, host(77)), values);
	lpm_fini(&lpm);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_lengths_agree_with_a_plain_list),
		cmocka_unit_test(larger_tables_agree_with_a_plain_list),
		cmocka_unit_test(without_memory_nothing_changes_but_what_is_taken_out),
		cmocka_unit_test(a_shared_table_agrees_with_a_plain_list),
		cmocka_unit_test(prefixes_inside_each_other),
		cmocka_unit_test(large_tables_agree_with_the_way_from_the_root),
		cmocka_unit_test(a_small_network_takes_little),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
