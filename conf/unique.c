/* Duplicates by sorting. */
#include "conf/unique.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct unique_row {
	uint32_t group;
	char text[80];
	size_t order;
	struct place place;
};

void
unique_add(struct unique *u, uint32_t group, const char *text, struct place place)
{
	struct unique_row *row;

	if (u->count == u->room) {
		size_t room = u->room * 2 + 16;
		struct unique_row *grown = realloc(u->rows, room * sizeof(*grown));

		if (grown == NULL) {
			u->no_memory = true;
			return;
		}
		u->rows = grown;
		u->room = room;
	}
	row = &u->rows[u->count];
	*row = (struct unique_row){.group = group, .order = u->count, .place = place};
	snprintf(row->text, sizeof(row->text), "%s", text);
	u->count++;
}

static int
value_compare(const struct unique_row *x, const struct unique_row *y)
{
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int
row_compare(const void *a, const void *b)
{
	const struct unique_row *x = a;
	const struct unique_row *y = b;
	int rc = value_compare(x, y);

	return rc != 0 ? rc : x->order < y->order ? -1 : x->order > y->order;
}

void
unique_report(struct unique *u, struct report *r, const char *expected, int *rc)
{
	size_t first = 0;
	size_t i;

	if (u->no_memory)
		*rc = -ENOMEM;
	if (u->count > 1)
		qsort(u->rows, u->count, sizeof(*u->rows), row_compare);
	for (i = 1; i < u->count; i++) {
		char earlier[64];
		char found[160];

		if (value_compare(&u->rows[i], &u->rows[first]) != 0) {
			first = i;
			continue;
		}
		place_text(u->rows[first].place, earlier, sizeof(earlier));
		snprintf(found, sizeof(found), "%s, which %s is too", u->rows[i].text, earlier);
		report_place(r, u->rows[i].place, expected, found);
	}
	free(u->rows);
	*u = (struct unique){.rows = NULL};
}
