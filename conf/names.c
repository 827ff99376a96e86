/* Names by binary search. */
#include "conf/names.h"

#include <stdio.h>
#include <stdlib.h>

#include "conf/suggest.h"

void
names_add(struct names *n, const char *name)
{
	n->is_sorted = false;
	if (name == NULL) {
		n->has_gap = true;
		return;
	}
	if (n->count == n->room) {
		size_t room = n->room * 2 + 16;
		const char **grown = realloc(n->rows, room * sizeof(*grown));

		if (grown == NULL) {
			n->no_memory = true;
			return;
		}
		n->rows = grown;
		n->room = room;
	}
	n->rows[n->count++] = name;
}

static int
name_compare(const void *a, const void *b)
{
	const char *const *x = a;
	const char *const *y = b;

	return strcmp(*x, *y);
}

bool
names_have(struct names *n, const char *name)
{
	if (!n->is_sorted && n->count > 1)
		qsort(n->rows, n->count, sizeof(*n->rows), name_compare);
	n->is_sorted = true;
	return n->count > 0 &&
	       bsearch(&name, n->rows, n->count, sizeof(*n->rows), name_compare) != NULL;
}

void
names_check(struct names *n, struct report *r, const char *name, struct place place,
	    const char *expected)
{
	const char *nearest = NULL;
	struct suggest s;
	char text[160];
	size_t i;

	if (name == NULL || names_have(n, name) || n->has_gap)
		return;
	suggest_start(&s, name);
	for (i = 0; i < n->count; i++)
		if (suggest_nearer(&s, n->rows[i]))
			nearest = n->rows[i];
	if (nearest != NULL)
		snprintf(text, sizeof(text), "%s (did you mean \"%s\"?)", expected, nearest);
	report_place(r, place, nearest != NULL ? text : expected, report_string(name).s);
}

void
names_fini(struct names *n)
{
	free(n->rows);
	*n = (struct names){.rows = NULL};
}
