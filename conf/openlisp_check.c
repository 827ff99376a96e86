/* Entries of a configuration of OpenLISP against each other. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "conf/openlisp_priv.h"

void
openlisp_refuse(struct openlisp_errors *errors, unsigned line, const char *format, ...)
{
	va_list args;

	fprintf(errors->out, "%s:%u: expected ", errors->file, line);
	va_start(args, format);
	vfprintf(errors->out, format, args);
	va_end(args);
	fputc('\n', errors->out);
	if (errors->rc == 0)
		errors->rc = -EINVAL;
}

static bool
same_key(const struct openlisp_entry *a, const struct openlisp_entry *b)
{
	return a->key_size == b->key_size && memcmp(a->key, b->key, a->key_size) == 0;
}

/* In any order; each list has each once. */
static bool
same_servers(const struct openlisp_entry *a, const struct openlisp_entry *b)
{
	size_t i, j;

	for (i = 0; i < a->server_count; i++) {
		for (j = 0; j < b->server_count; j++)
			if (addr_equal(a->servers[i], b->servers[j]))
				break;
		if (j == b->server_count)
			return false;
	}
	return a->server_count == b->server_count;
}

static bool
same_rlocs(const struct openlisp_entry *a, const struct openlisp_entry *b)
{
	size_t i, j;

	for (i = 0; i < a->rloc_count; i++) {
		const struct openlisp_rloc *x = &a->rlocs[i];

		for (j = 0; j < b->rloc_count; j++) {
			const struct openlisp_rloc *y = &b->rlocs[j];

			if (addr_equal(x->addr, y->addr) && x->priority == y->priority &&
			    x->weight == y->weight && x->is_marked == y->is_marked)
				break;
		}
		if (j == b->rloc_count)
			return false;
	}
	return a->rloc_count == b->rloc_count;
}

bool
openlisp_is_own(const struct openlisp_entry *entry, const struct openlisp_rloc *rloc)
{
	size_t i;

	for (i = 0; i < entry->rloc_count; i++)
		if (entry->rlocs[i].is_marked)
			return rloc->is_marked;
	return true;
}

static void
check_rlocs(const struct openlisp_entry *e, struct openlisp_errors *errors)
{
	size_t i, j;

	for (i = 1; i < e->rloc_count; i++) {
		if (!openlisp_is_own(e, &e->rlocs[i]))
			continue;
		for (j = 0; j < i; j++) {
			if (!openlisp_is_own(e, &e->rlocs[j]) ||
			    e->rlocs[j].addr.family != e->rlocs[i].addr.family)
				continue;
			openlisp_refuse(
				errors, e->rlocs[i].line,
				"one RLOC of each family, or of each family at most one that is "
				"marked with Local/Self 1, found that of line %u",
				e->rlocs[j].line);
			break;
		}
	}
}

static int
prefix_compare(const void *a, const void *b)
{
	const struct openlisp_entry *const *x = a;
	const struct openlisp_entry *const *y = b;
	struct prefix p = (*x)->prefix, q = (*y)->prefix;
	int rc = p.addr.family != q.addr.family ? (p.addr.family < q.addr.family ? -1 : 1)
						: memcmp(p.addr.b, q.addr.b, sizeof(p.addr.b));

	if (rc == 0)
		rc = p.len < q.len ? -1 : p.len > q.len;
	return rc != 0 ? rc : (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

static void
check_prefixes(const struct openlisp *o, struct openlisp_errors *errors)
{
	const struct openlisp_entry **sorted = calloc(o->count, sizeof(*sorted));
	size_t i;

	if (sorted == NULL) {
		errors->rc = -ENOMEM;
		return;
	}
	for (i = 0; i < o->count; i++)
		sorted[i] = &o->entries[i];
	qsort(sorted, o->count, sizeof(*sorted), prefix_compare);
	for (i = 1; i < o->count; i++)
		if (prefix_equal(sorted[i]->prefix, sorted[i - 1]->prefix))
			openlisp_refuse(errors, sorted[i]->line,
					"each EID prefix once, found that of line %u",
					sorted[i - 1]->line);
	free(sorted);
}

void
openlisp_check(const struct openlisp *o, struct openlisp_errors *errors)
{
	const struct openlisp_entry *first = o->entries;
	size_t i;

	check_rlocs(first, errors);
	for (i = 1; i < o->count; i++) {
		const struct openlisp_entry *e = &o->entries[i];

		if (!same_key(first, e))
			openlisp_refuse(errors, e->line,
					"the key of line %u: a map-server has one for all",
					first->line);
		if (!same_servers(first, e))
			openlisp_refuse(errors, e->line,
					"the map-servers of line %u: all prefixes are "
					"registered at the same",
					first->line);
		if (first->ttl_min != e->ttl_min)
			openlisp_refuse(errors, e->line,
					"the TTL of line %u: all prefixes have the same",
					first->line);
		if (!same_rlocs(first, e))
			openlisp_refuse(errors, e->line,
					"the RLOCs of line %u: all prefixes have the same",
					first->line);
	}
	check_prefixes(o, errors);
}
