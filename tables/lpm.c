/* A tree bitmap per VN and family, and one whose keys are VN and family. */
#include "tables/lpm.h"

#include <errno.h>

#define HEAD_BITS 32

/* What is retired besides what a tree bitmap retires, when a VN has no prefix any more: it
 * itself. */
#define VN_RETIRED_MAX 8

struct vn_tb {
	struct tb tb;
	uint32_t head; /* VN and family */
};

static uint64_t
load32(const uint8_t *b)
{
	return (uint64_t)b[0] << 24 | (uint64_t)b[1] << 16 | (uint64_t)b[2] << 8 | b[3];
}

static tb_key_t
key_of(const struct addr *a)
{
	uint64_t high = load32(a->b) << 32;

	if (a->family == ADDR_V4)
		return tb_key_of(high, 0);
	return tb_key_of(high | load32(a->b + 4), load32(a->b + 8) << 32 | load32(a->b + 12));
}

static struct addr
addr_of(uint8_t family, tb_key_t key)
{
	struct addr a = {.family = family};

	for (size_t i = 0; i < addr_size(family); i++)
		a.b[i] = (uint8_t)(key >> (120 - 8 * i));
	return a;
}

static uint32_t
head_of(vn_id_t vn, uint8_t family)
{
	return vn << 8 | family;
}

static tb_key_t
head_key(uint32_t head)
{
	return (tb_key_t)head << (128 - HEAD_BITS);
}

/* NULL when the VN has no prefix of this family. */
static struct vn_tb *
vn_find(const struct lpm *lpm, vn_id_t vn, uint8_t family)
{
	return tb_find(&lpm->vns, head_key(head_of(vn, family)));
}

/* NULL: no memory. */
static struct vn_tb *
vn_add(struct lpm *lpm, vn_id_t vn, uint8_t family)
{
	struct vn_tb *v = calloc(1, sizeof(*v));

	if (v == NULL)
		return NULL;
	v->head = head_of(vn, family);
	v->tb.six = family == ADDR_V6;
	v->tb.retire = lpm->vns.retire = &lpm->retire;
	if (tb_add(&lpm->vns, head_key(v->head), HEAD_BITS, v) == 0)
		return v;
	free(v);
	return NULL;
}

/* Best effort: when memory was short, and readers may look at what is left, it waits for its
 * next prefix. */
static void
vn_drop_if_empty(struct lpm *lpm, struct vn_tb *v)
{
	bool bare = v->tb.root == 0 && v->tb.top == NULL;

	if (v->tb.count != 0 || (lpm->retire.on && !bare) ||
	    retire_reserve(&lpm->retire, VN_RETIRED_MAX) != 0)
		return;
	tb_fini(&v->tb);
	(void)tb_remove(&lpm->vns, head_key(v->head), HEAD_BITS);
	retire_block(&lpm->retire, v);
}

void
lpm_fini(struct lpm *lpm)
{
	struct tb_prefix at;
	const struct tb_prefix *after = NULL;

	while (tb_next(&lpm->vns, after, &at)) {
		struct vn_tb *v = at.value;

		tb_fini(&v->tb);
		free(v);
		after = &at;
	}
	tb_fini(&lpm->vns);
	retire_fini(&lpm->retire);
	*lpm = (struct lpm){0};
}

int
lpm_add(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value)
{
	struct vn_tb *v = vn_find(lpm, vn, prefix.addr.family);
	int err;

	BUG_IF(addr_size(prefix.addr.family) == 0);
	if (v == NULL)
		v = vn_add(lpm, vn, prefix.addr.family);
	if (v == NULL)
		return -ENOMEM;
	err = tb_add(&v->tb, key_of(&prefix.addr), prefix.len, value);
	if (err == 0)
		lpm->count++;
	else
		vn_drop_if_empty(lpm, v);
	return err;
}

void *
lpm_remove(struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	struct vn_tb *v = vn_find(lpm, vn, prefix.addr.family);
	void *value = v == NULL ? NULL : tb_remove(&v->tb, key_of(&prefix.addr), prefix.len);

	if (value == NULL)
		return NULL;
	lpm->count--;
	vn_drop_if_empty(lpm, v);
	return value;
}

void *
lpm_replace(struct lpm *lpm, vn_id_t vn, struct prefix prefix, void *value)
{
	struct vn_tb *v = vn_find(lpm, vn, prefix.addr.family);

	return v == NULL ? NULL : tb_replace(&v->tb, key_of(&prefix.addr), prefix.len, value);
}

void *
lpm_find(const struct lpm *lpm, vn_id_t vn, struct addr addr)
{
	const struct vn_tb *v = vn_find(lpm, vn, addr.family);

	return v == NULL ? NULL : tb_find(&v->tb, key_of(&addr));
}

/* Those of one family among a batch. */
static void
find_of_family(const struct vn_tb *v, uint8_t family, const struct addr *addrs, size_t count,
	       void **values)
{
	tb_key_t keys[TB_BATCH];
	void *found[TB_BATCH];
	uint8_t place[TB_BATCH];
	size_t chosen = 0;

	for (size_t i = 0; i < count; i++) {
		keys[chosen] = key_of(&addrs[i]);
		place[chosen] = (uint8_t)i;
		chosen += addrs[i].family == family;
	}
	if (chosen == 0)
		return;
	tb_find_batch(&v->tb, keys, chosen, found);
	for (size_t i = 0; i < chosen; i++)
		values[place[i]] = found[i];
}

void
lpm_find_batch(const struct lpm *lpm, vn_id_t vn, const struct addr *addrs, size_t count,
	       void **values)
{
	const struct vn_tb *v4 = vn_find(lpm, vn, ADDR_V4), *v6 = vn_find(lpm, vn, ADDR_V6);

	for (size_t done = 0; done < count; done += TB_BATCH) {
		size_t size = count - done < TB_BATCH ? count - done : TB_BATCH;

		memset(values + done, 0, size * sizeof(*values));
		if (v4 != NULL)
			find_of_family(v4, ADDR_V4, addrs + done, size, values + done);
		if (v6 != NULL)
			find_of_family(v6, ADDR_V6, addrs + done, size, values + done);
	}
}

void *
lpm_find_longest(const struct lpm *lpm, vn_id_t vn, struct addr addr, struct prefix *prefix)
{
	const struct vn_tb *v = vn_find(lpm, vn, addr.family);
	struct tb_prefix found;

	if (v == NULL ||
	    !tb_find_around(&v->tb, key_of(&addr), (unsigned)addr_size(addr.family) * 8, &found))
		return NULL;
	*prefix = prefix_make(addr, found.len);
	return found.value;
}

void *
lpm_find_around(const struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	const struct vn_tb *v = vn_find(lpm, vn, prefix.addr.family);
	struct tb_prefix found;

	if (v == NULL || !tb_find_around(&v->tb, key_of(&prefix.addr), prefix.len, &found))
		return NULL;
	return found.value;
}

void *
lpm_find_exact(const struct lpm *lpm, vn_id_t vn, struct prefix prefix)
{
	const struct vn_tb *v = vn_find(lpm, vn, prefix.addr.family);

	return v == NULL ? NULL : tb_find_exact(&v->tb, key_of(&prefix.addr), prefix.len);
}

void *
lpm_next(const struct lpm *lpm, vn_id_t *vn, struct prefix *prefix)
{
	uint32_t head = head_of(*vn, prefix->addr.family);
	struct tb_prefix at = {key_of(&prefix->addr), prefix->len, NULL}, next;
	struct tb_prefix at_vn = {head_key(head), HEAD_BITS, NULL};
	const struct vn_tb *v = tb_find(&lpm->vns, at_vn.key);
	bool found = v != NULL && tb_next(&v->tb, &at, &next);

	while (!found) {
		if (!tb_next(&lpm->vns, &at_vn, &at_vn))
			return NULL;
		v = at_vn.value;
		found = tb_next(&v->tb, NULL, &next);
	}
	*vn = v->head >> 8;
	*prefix = (struct prefix){addr_of((uint8_t)v->head, next.key), (uint8_t)next.len};
	return next.value;
}

void
lpm_share(struct lpm *lpm)
{
	lpm->retire.on = true;
}

uint64_t
lpm_mark(const struct lpm *lpm)
{
	return lpm->retire.tail;
}

void
lpm_reclaim(struct lpm *lpm, uint64_t mark)
{
	retire_reclaim(&lpm->retire, mark);
}
