/* Rows of JSON, aligned. */
#include "vr/vrctl_table.h"

#include <errno.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "vr/vrctl_value.h"

#define GAP 2 /* blanks between columns */

struct cell {
	char *text;
	bool right; /* numbers and durations stand at the right */
};

/* Rows that are printed at once. */
struct table {
	const struct vrctl_column *columns;
	size_t column_count;
	size_t row_count;
	struct cell *cells; /* row by row; row 0 is the heading */
};

/* Like strcmp, but runs of digits count as numbers: 10.2.0.0 stands before 10.10.0.0. */
static int
natural_compare(const char *a, const char *b)
{
	while (*a != '\0' && *b != '\0') {
		size_t a_digits = strspn(a, "0123456789");
		size_t b_digits = strspn(b, "0123456789");
		int rc;

		if (a_digits > 0 && b_digits > 0 && a_digits != b_digits)
			return a_digits < b_digits ? -1 : 1;
		if (a_digits > 0 && b_digits > 0) {
			rc = memcmp(a, b, a_digits);
			if (rc != 0)
				return rc;
			a += a_digits;
			b += b_digits;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return (int)(unsigned char)*a - (int)(unsigned char)*b;
}

static int
row_compare(const void *a, const void *b, void *table)
{
	const struct table *t = table;
	const struct cell *x = a;
	const struct cell *y = b;
	size_t i;
	int rc = 0;

	for (i = 0; i < t->column_count && rc == 0; i++)
		rc = natural_compare(x[i].text, y[i].text);
	return rc;
}

static void
table_fini(struct table *t)
{
	size_t i;

	for (i = 0; t->cells != NULL && i < (t->row_count + 1) * t->column_count; i++)
		free(t->cells[i].text);
	free(t->cells);
}

static bool
is_skipped(const cJSON *row, const struct vrctl_view *view)
{
	const cJSON *zero, *kind;

	if (view == NULL)
		return false;
	zero = view->skip_zero == NULL ? NULL
				       : cJSON_GetObjectItemCaseSensitive(row, view->skip_zero);
	kind = cJSON_GetObjectItemCaseSensitive(row, "kind");
	return (cJSON_IsNumber(zero) && zero->valuedouble == 0) ||
	       (view->kind != NULL &&
		(!cJSON_IsString(kind) || strcmp(kind->valuestring, view->kind) != 0));
}

/* The list that a row has a line for each element of; NULL when it has one line. */
static const cJSON *
elements_of(const cJSON *row, const struct vrctl_view *view)
{
	const cJSON *list = view == NULL || view->each == NULL
				    ? NULL
				    : cJSON_GetObjectItemCaseSensitive(row, view->each);

	return list == NULL ? NULL : list->child;
}

static size_t
count_lines(const cJSON *rows, const struct vrctl_view *view)
{
	const cJSON *row, *element;
	size_t count = 0;

	cJSON_ArrayForEach(row, rows)
	{
		if (is_skipped(row, view))
			continue;
		count++;
		element = elements_of(row, view);
		while (element != NULL && (element = element->next) != NULL)
			count++;
	}
	return count;
}

/* One line; 'element' may be NULL.  Moves '*cell' behind it. */
static int
fill_line(const struct table *t, struct cell **cell, const cJSON *row, const cJSON *element)
{
	for (size_t i = 0; i < t->column_count; i++, ++*cell) {
		const char *field = t->columns[i].field;
		const cJSON *from = row, *value;

		if (field[0] == '.') {
			from = element;
			field++;
		}
		value = cJSON_GetObjectItemCaseSensitive(from, field);
		(*cell)->right = cJSON_IsNumber(value);
		(*cell)->text = vrctl_value_text(field, value);
		if ((*cell)->text == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int
fill_row(const struct table *t, struct cell **cell, const cJSON *row, const struct vrctl_view *view)
{
	const cJSON *element = elements_of(row, view);
	int rc = fill_line(t, cell, row, element);

	while (rc == 0 && element != NULL && (element = element->next) != NULL)
		rc = fill_line(t, cell, row, element);
	return rc;
}

static int
table_fill(struct table *t, const cJSON *rows, const struct vrctl_view *view)
{
	const cJSON *row;
	struct cell *cell;
	size_t i;
	int rc = 0;

	t->row_count = count_lines(rows, view);
	t->cells = calloc((t->row_count + 1) * t->column_count, sizeof(*t->cells));
	if (t->cells == NULL)
		return -ENOMEM;
	cell = t->cells;
	for (i = 0; i < t->column_count; i++, cell++) {
		cell->text = strdup(t->columns[i].title);
		if (cell->text == NULL)
			return -ENOMEM;
	}
	cJSON_ArrayForEach(row, rows)
	{
		if (rc == 0 && !is_skipped(row, view))
			rc = fill_row(t, &cell, row, view);
	}
	if (rc == 0)
		qsort_r(t->cells + t->column_count, t->row_count,
			t->column_count * sizeof(*t->cells), row_compare, t);
	return rc;
}

/* A column of numbers has its heading at the right too; "-" follows its neighbours. */
static bool
is_right(const struct table *t, size_t column)
{
	size_t i;

	for (i = 1; i <= t->row_count; i++)
		if (t->cells[i * t->column_count + column].right)
			return true;
	return false;
}

static size_t
column_width(const struct table *t, size_t column)
{
	size_t width = 0;
	size_t i;

	for (i = 0; i <= t->row_count; i++) {
		size_t w = vrctl_text_width(t->cells[i * t->column_count + column].text);

		width = w > width ? w : width;
	}
	return width;
}

/* Columns as wide as they were, or wider. */
static void
lay_out(struct vrctl_table *l, const struct table *t)
{
	for (size_t j = 0; j < t->column_count; j++) {
		size_t width = column_width(t, j);

		l->widths[j] = width > l->widths[j] ? width : l->widths[j];
		l->right[j] = l->right[j] || is_right(t, j);
	}
}

static void
table_print(const struct vrctl_table *l, const struct table *t, size_t first)
{
	for (size_t i = first; i <= t->row_count; i++) {
		size_t blanks = 0;

		for (size_t j = 0; j < t->column_count; j++) {
			const char *text = t->cells[i * t->column_count + j].text;
			size_t pad = l->widths[j] - vrctl_text_width(text);

			if (l->right[j])
				blanks += pad;
			fprintf(l->out, "%*s%s", (int)blanks, "", text);
			blanks = GAP + (l->right[j] ? 0 : pad);
		}
		fputc('\n', l->out);
	}
}

static bool
has_column(const struct vrctl_column *columns, size_t count, const char *field)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(columns[i].field, field) == 0)
			return true;
	return false;
}

/* Every field of any row, in the order in which they come. */
static size_t
all_columns(const cJSON *rows, struct vrctl_column *columns)
{
	const cJSON *row, *field;
	size_t count = 0;

	cJSON_ArrayForEach(row, rows)
	{
		cJSON_ArrayForEach(field, row)
		{
			if (count < VRCTL_COLUMNS_MAX && field->string != NULL &&
			    !has_column(columns, count, field->string)) {
				columns[count].title = field->string;
				columns[count++].field = field->string;
			}
		}
	}
	return count;
}

/* Rows of one kind; the heading comes first where the last rows were of another. */
static int
print_rows(struct vrctl_table *l, const cJSON *rows, const struct vrctl_view *view)
{
	struct vrctl_column columns[VRCTL_COLUMNS_MAX];
	struct table t = {.columns = columns};
	bool goes_on = l->printed && l->kind == view;
	int rc;

	if (view == NULL) {
		t.column_count = all_columns(rows, columns);
	} else {
		t.columns = view->columns;
		while (t.column_count < VRCTL_COLUMNS_MAX &&
		       view->columns[t.column_count].title != NULL)
			t.column_count++;
	}
	if (t.column_count == 0)
		return 0;
	rc = table_fill(&t, rows, view);
	if (rc == 0) {
		if (!goes_on) {
			fputs(l->printed ? "\n" : "", l->out);
			memset(l->widths, 0, sizeof(l->widths));
			memset(l->right, 0, sizeof(l->right));
		}
		lay_out(l, &t);
		table_print(l, &t, goes_on ? 1 : 0);
		l->printed = true;
		l->kind = view;
	}
	table_fini(&t);
	return rc;
}

void
vrctl_table_init(struct vrctl_table *table, const struct vrctl_view *view, FILE *out)
{
	*table = (struct vrctl_table){.view = view, .out = out};
}

int
vrctl_table_add(struct vrctl_table *table, const struct cJSON *rows)
{
	const struct vrctl_view *view = table->view;
	int rc = 0;

	if (view == NULL)
		return print_rows(table, rows, NULL);
	for (; rc == 0 && view != NULL; view = view->next)
		if (count_lines(rows, view) > 0)
			rc = print_rows(table, rows, view);
	return rc;
}

int
vrctl_table_end(struct vrctl_table *table)
{
	/* Without any row, a heading. */
	return table->printed || table->view == NULL ? 0 : print_rows(table, NULL, table->view);
}
