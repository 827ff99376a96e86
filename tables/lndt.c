/* LNDT: rows in the order in which they came, and a longest prefix match for each of the two kinds. */
#include "tables/lndt.h"

#include <errno.h>

#include "tables/lpm.h"

struct lndt {
	struct vr_id self;
	struct lpm fixed;
	struct lpm mobile;
	struct lndt_row **rows; /* their 'hosts' are sorted */
	size_t count;
	size_t room;
};

static int
compare_ids(const void *a, const void *b)
{
	const struct vr_id *x = a;
	const struct vr_id *y = b;

	return (x->v > y->v) - (x->v < y->v);
}

/* '*copy' receives the sorted ids, NULL for none. */
static int
copy_hosts(const struct vr_id *hosts, size_t count, struct vr_id **copy)
{
	*copy = NULL;
	if (count == 0)
		return 0;
	*copy = calloc(count, sizeof(**copy));
	if (*copy == NULL)
		return -ENOMEM;
	memcpy(*copy, hosts, count * sizeof(**copy));
	qsort(*copy, count, sizeof(**copy), compare_ids);
	return 0;
}

static void
free_hosts(struct lndt_row *row)
{
	/* The row shows its ids to readers as constant, but they are the table's. */
	union {
		const struct vr_id *shown;
		struct vr_id *owned;
	} hosts = {.shown = row->hosts};

	free(hosts.owned);
}

static int
add_row(struct lndt *t, struct lpm *lpm, const struct lndt_row *row)
{
	struct lndt_row *copy;
	int err;

	if (t->count == t->room) {
		size_t room = t->room == 0 ? 8 : 2 * t->room;
		struct lndt_row **rows = realloc(t->rows, room * sizeof(struct lndt_row *));

		if (rows == NULL)
			return -ENOMEM;
		t->rows = rows;
		t->room = room;
	}
	copy = malloc(sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	*copy = *row;
	err = lpm_add(lpm, row->vn, row->prefix, copy);
	if (err != 0) {
		free(copy);
		return err;
	}
	t->rows[t->count++] = copy;
	return 0;
}

struct lndt *
lndt_create(struct vr_id self)
{
	struct lndt *t = calloc(1, sizeof(*t));

	if (t != NULL)
		t->self = self;
	return t;
}

void
lndt_destroy(struct lndt *t)
{
	size_t i;

	if (t == NULL)
		return;
	for (i = 0; i < t->count; i++) {
		free_hosts(t->rows[i]);
		free(t->rows[i]);
	}
	free(t->rows);
	lpm_fini(&t->fixed);
	lpm_fini(&t->mobile);
	free(t);
}

int
lndt_put_fixed(struct lndt *t, vn_id_t vn, struct prefix prefix, struct vr_id vr)
{
	const struct lndt_row *row = lpm_find_exact(&t->fixed, vn, prefix);
	struct lndt_row fresh = {.vn = vn, .prefix = prefix, .vr = vr};

	if (row != NULL)
		return vr_id_equal(row->vr, vr) ? 0 : -EEXIST;
	return add_row(t, &t->fixed, &fresh);
}

int
lndt_put_mobile(struct lndt *t, vn_id_t vn, struct prefix prefix, const struct vr_id *hosts,
		size_t count)
{
	struct lndt_row *row = lpm_find_exact(&t->mobile, vn, prefix);
	struct lndt_row fresh = {.vn = vn, .prefix = prefix, .mobile = true, .host_count = count};
	struct vr_id *copy;
	int err = copy_hosts(hosts, count, &copy);

	if (err != 0)
		return err;
	if (row != NULL) {
		free_hosts(row);
		row->hosts = copy;
		row->host_count = count;
		return 0;
	}
	fresh.hosts = copy;
	err = add_row(t, &t->mobile, &fresh);
	if (err != 0)
		free(copy);
	return err;
}

struct vr_id
lndt_home(const struct lndt *t, vn_id_t vn, struct addr ip)
{
	const struct lndt_row *row = lpm_find(&t->fixed, vn, ip);

	return row == NULL ? (struct vr_id){0} : row->vr;
}

bool
lndt_is_local(const struct lndt *t, vn_id_t vn, struct addr ip)
{
	const struct lndt_row *row = lpm_find(&t->fixed, vn, ip);

	return row != NULL && vr_id_equal(row->vr, t->self);
}

bool
lndt_find_fixed(const struct lndt *t, vn_id_t vn, struct addr ip, struct prefix *prefix)
{
	const struct lndt_row *row = lpm_find(&t->fixed, vn, ip);

	if (row == NULL)
		return false;
	*prefix = row->prefix;
	return true;
}

struct vr_id
lndt_fixed(const struct lndt *t, vn_id_t vn, struct prefix prefix)
{
	const struct lndt_row *row = lpm_find_exact(&t->fixed, vn, prefix);

	return row == NULL ? (struct vr_id){0} : row->vr;
}

bool
lndt_is_mobile(const struct lndt *t, vn_id_t vn, struct addr ip)
{
	return lpm_find(&t->mobile, vn, ip) != NULL;
}

bool
lndt_has_mobile_inside(const struct lndt *t, vn_id_t vn, struct prefix prefix)
{
	struct prefix next = prefix;
	vn_id_t next_vn = vn;

	if (lpm_find_exact(&t->mobile, vn, prefix) != NULL)
		return true;
	/* What is inside comes behind it, before anything else. */
	return lpm_next(&t->mobile, &next_vn, &next) != NULL && next_vn == vn &&
	       prefix_contains(prefix, next.addr);
}

bool
lndt_may_host(const struct lndt *t, vn_id_t vn, struct addr ip, struct vr_id vr)
{
	const struct lndt_row *row = lpm_find(&t->fixed, vn, ip);

	if (vr_id_is_none(vr))
		return false;
	if (row != NULL && vr_id_equal(row->vr, vr))
		return true;
	row = lpm_find(&t->mobile, vn, ip);
	if (row == NULL)
		return false;
	return row->host_count == 0 ||
	       bsearch(&vr, row->hosts, row->host_count, sizeof(vr), compare_ids) != NULL;
}

bool
lndt_row(const struct lndt *t, size_t position, struct lndt_row *row)
{
	if (position >= t->count)
		return false;
	*row = *t->rows[position];
	return true;
}
