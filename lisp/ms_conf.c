/* What a map-server has to know of its sites before it takes them: that no two are the same, and which it has already.
 * There may be tens of thousands: everything is sorted, nothing compared with everything. */
#include <errno.h>
#include <stdlib.h>

#include "lisp/ms_priv.h"

#define NO_NUMBER UINT32_MAX

/* --- names ------------------------------------------------------------------------------------ */

struct named {
	const char *name;
	uint32_t number;
};

static int
compare_names(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* The sites of 'conf', by name; '*out' is to be freed.  0, -ENOMEM, -EINVAL (a site without a name, with one that is
 * too long, or with that of another). */
static int
sort_sites(const struct ms_conf *conf, struct named **out)
{
	struct named *sites = calloc(conf->site_count + 1, sizeof(*sites));
	int err = sites == NULL ? -ENOMEM : 0;

	for (size_t i = 0; err == 0 && i < conf->site_count; i++) {
		sites[i] = (struct named){conf->sites[i].name, (uint32_t)i};
		if (sites[i].name == NULL ||
		    strlen(sites[i].name) >= sizeof(((struct ms_slot *)NULL)->name))
			err = -EINVAL;
	}
	if (err == 0)
		qsort(sites, conf->site_count, sizeof(*sites), compare_names);
	for (size_t i = 1; err == 0 && i < conf->site_count; i++)
		if (compare_names(&sites[i - 1], &sites[i]) == 0)
			err = -EINVAL;
	if (err != 0) {
		free(sites);
		return err;
	}
	*out = sites;
	return 0;
}

/* The slots of 'ms', by name; to be freed, NULL when memory is short. */
static struct named *
sort_slots(const struct ms *ms)
{
	struct named *slots = calloc((size_t)ms->slot_count + 1, sizeof(*slots));

	if (slots == NULL)
		return NULL;
	for (uint32_t i = 0; i < ms->slot_count; i++)
		slots[i] = (struct named){ms->slots[i].name, i};
	qsort(slots, ms->slot_count, sizeof(*slots), compare_names);
	return slots;
}

int
ms_number_sites(const struct ms *ms, const struct ms_conf *conf, uint32_t *numbers, uint32_t *count)
{
	struct named *sites, *slots;
	uint32_t used = ms->slot_count, at = 0;
	int err = sort_sites(conf, &sites);

	if (err != 0)
		return err;
	slots = sort_slots(ms);
	if (slots == NULL) {
		free(sites);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->site_count; i++) {
		while (at < ms->slot_count && compare_names(&slots[at], &sites[i]) < 0)
			at++;
		numbers[sites[i].number] =
			at < ms->slot_count && compare_names(&slots[at], &sites[i]) == 0
				? slots[at].number
				: NO_NUMBER;
	}
	free(sites);
	free(slots);
	for (size_t i = 0; i < conf->site_count; i++)
		if (numbers[i] == NO_NUMBER)
			numbers[i] = used++;
	*count = used;
	return used > ms->conf.max_sites ? -ENOSPC : 0;
}

/* --- keys ------------------------------------------------------------------------------------- */

struct owned_key {
	const struct lisp_key *key;
	size_t site;
};

/* Any order, in which equal keys stand together.  Times tell nothing: the keys are the configuration's own. */
static int
compare_keys(const void *a, const void *b)
{
	const struct lisp_key *x = ((const struct owned_key *)a)->key;
	const struct lisp_key *y = ((const struct owned_key *)b)->key;

	if (x->key_id != y->key_id)
		return x->key_id < y->key_id ? -1 : 1;
	if (x->algorithm != y->algorithm)
		return x->algorithm < y->algorithm ? -1 : 1;
	if (x->is_full != y->is_full)
		return x->is_full ? 1 : -1;
	if (x->secret_size != y->secret_size)
		return x->secret_size < y->secret_size ? -1 : 1;
	return memcmp(x->secret, y->secret, x->secret_size);
}

int
ms_check_keys(const struct ms_conf *conf)
{
	struct owned_key *keys;
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < conf->site_count; i++)
		count += conf->sites[i].key_count;
	keys = calloc(count + 1, sizeof(*keys));
	if (keys == NULL)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < conf->site_count; i++)
		for (size_t k = 0; k < conf->sites[i].key_count; k++)
			keys[count++] = (struct owned_key){&conf->sites[i].keys[k], i};
	qsort(keys, count, sizeof(*keys), compare_keys);
	/* Of a key that two sites have, two of different sites stand beside each other. */
	for (size_t i = 1; i < count; i++)
		if (keys[i - 1].site != keys[i].site && compare_keys(&keys[i - 1], &keys[i]) == 0)
			err = -EINVAL;
	free(keys);
	return err;
}

/* --- Site-IDs --------------------------------------------------------------------------------- */

static int
compare_ids(const void *a, const void *b)
{
	const struct ms_site_id *x = a, *y = b;

	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

int
ms_site_ids_init(struct ms_site_ids *ids, const struct ms_conf *conf, const uint32_t *numbers)
{
	*ids = (struct ms_site_ids){.rows = calloc(conf->site_count + 1, sizeof(*ids->rows))};
	if (ids->rows == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < conf->site_count; i++)
		if (conf->sites[i].has_site_id && conf->sites[i].key_count > 0)
			ids->rows[ids->count++] =
				(struct ms_site_id){conf->sites[i].site_id, numbers[i]};
	qsort(ids->rows, ids->count, sizeof(*ids->rows), compare_ids);
	return 0;
}

void
ms_site_ids_fini(struct ms_site_ids *ids)
{
	free(ids->rows);
	*ids = (struct ms_site_ids){.rows = NULL};
}

bool
ms_site_ids_find(const struct ms_site_ids *ids, uint64_t id, uint32_t *site)
{
	size_t low = 0, high = ids->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ids->rows[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ids->count || ids->rows[low].id != id)
		return false;
	*site = ids->rows[low].site;
	return true;
}
