/* Tables from JSON. */
#include "vr/vrctl_print.h"

#include <errno.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"

#define GAP 2 /* blanks between columns */

struct cell {
	char *text;
	bool right; /* numbers and durations stand at the right */
};

struct table {
	const struct vrctl_column *columns;
	size_t column_count;
	size_t row_count;
	struct cell *cells; /* row by row; row 0 is the heading */
};

/* Characters of UTF-8. */
static size_t
text_width(const char *text)
{
	size_t width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static bool
ends_with(const char *name, const char *end)
{
	size_t name_size = strlen(name);
	size_t end_size = strlen(end);

	return name_size >= end_size && strcmp(name + name_size - end_size, end) == 0;
}

static void
write_bytes(double bytes, FILE *out)
{
	static const char units[] = "kMGTP";
	int unit = -1;

	while (bytes >= 1000 && unit < 4) {
		bytes /= 1000;
		unit++;
	}
	if (unit < 0)
		fprintf(out, "%.0fB", bytes);
	else
		fprintf(out,
			bytes < 10    ? "%.2f%cB"
			: bytes < 100 ? "%.1f%cB"
				      : "%.0f%cB",
			bytes, units[unit]);
}

static void
write_number(const char *field, double number, FILE *out)
{
	if (ends_with(field, "_us"))
		fputs(fmt_us((us_t)number).s, out);
	else if (ends_with(field, "_s"))
		fputs(fmt_us((us_t)(number * (double)US_S)).s, out);
	else if (ends_with(field, "_bytes"))
		write_bytes(number, out);
	else
		fprintf(out, "%.15g", number);
}

/* Nothing that a terminal would obey. */
static void
write_string(const char *text, FILE *out)
{
	for (; *text != '\0'; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
}

/* A field's name without the unit that its value shows. */
static void
write_label(const char *field, FILE *out)
{
	size_t cut = ends_with(field, "_us") ? 3 : ends_with(field, "_s") ? 2 : 0;

	for (; strlen(field) > cut; field++)
		fputc((unsigned char)*field < 0x20 || *field == 0x7f ? '?' : *field, out);
}

static size_t
label_width(const char *field)
{
	return text_width(field) - (ends_with(field, "_us") ? 3 : ends_with(field, "_s") ? 2 : 0);
}

/* A value on one line; objects as field=value in brackets. */
static void
write_value(const char *field, const cJSON *value, FILE *out)
{
	const cJSON *child;

	if (value == NULL || cJSON_IsNull(value)) {
		fputc('-', out);
	} else if (cJSON_IsString(value)) {
		write_string(value->valuestring[0] == '\0' ? "-" : value->valuestring, out);
	} else if (cJSON_IsNumber(value)) {
		write_number(field, value->valuedouble, out);
	} else if (cJSON_IsBool(value)) {
		fputs(cJSON_IsTrue(value) ? "yes" : "no", out);
	} else if (value->child == NULL) {
		fputc('-', out);
	} else {
		bool object = cJSON_IsObject(value);

		fputs(object ? "(" : "", out);
		cJSON_ArrayForEach(child, value)
		{
			fputs(child == value->child ? "" : object ? " " : ",", out);
			if (object) {
				write_string(child->string, out);
				fputc('=', out);
			}
			write_value(object ? child->string : field, child, out);
		}
		fputs(object ? ")" : "", out);
	}
}

/* NULL when memory is short. */
static char *
value_text(const char *field, const cJSON *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out == NULL)
		return NULL;
	write_value(field, value, out);
	return fclose(out) == 0 ? text : NULL;
}

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
		(*cell)->text = value_text(field, value);
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
		size_t w = text_width(t->cells[i * t->column_count + column].text);

		width = w > width ? w : width;
	}
	return width;
}

static void
table_print(const struct table *t, FILE *out)
{
	size_t widths[VRCTL_COLUMNS_MAX];
	bool right[VRCTL_COLUMNS_MAX];
	size_t i, j;

	for (j = 0; j < t->column_count; j++) {
		widths[j] = column_width(t, j);
		right[j] = is_right(t, j);
	}
	for (i = 0; i <= t->row_count; i++) {
		size_t blanks = 0;

		for (j = 0; j < t->column_count; j++) {
			const char *text = t->cells[i * t->column_count + j].text;
			size_t pad = widths[j] - text_width(text);

			if (right[j])
				blanks += pad;
			fprintf(out, "%*s%s", (int)blanks, "", text);
			blanks = GAP + (right[j] ? 0 : pad);
		}
		fputc('\n', out);
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

static int
print_rows(const cJSON *rows, const struct vrctl_view *view, FILE *out)
{
	struct vrctl_column columns[VRCTL_COLUMNS_MAX];
	struct table t = {.columns = columns};
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
	if (rc == 0)
		table_print(&t, out);
	table_fini(&t);
	return rc;
}

/* A table for each kind of which there are rows; without any, the first one's heading. */
static int
print_kinds(const cJSON *rows, const struct vrctl_view *view, FILE *out)
{
	const struct vrctl_view *first = view;
	bool printed = false;
	int rc = 0;

	for (; rc == 0 && view != NULL; view = view->next) {
		if (count_lines(rows, view) == 0)
			continue;
		fputs(printed ? "\n" : "", out);
		rc = print_rows(rows, view, out);
		printed = true;
	}
	return rc == 0 && !printed ? print_rows(rows, first, out) : rc;
}

static bool
is_rows(const cJSON *value)
{
	return cJSON_IsArray(value) && cJSON_IsObject(value->child);
}

/* Its fields, one per line; then the tables within it; then the objects within it. */
static int
print_object(const cJSON *object, FILE *out)
{
	const cJSON *field;
	size_t width = 0;
	int rc = 0;

	cJSON_ArrayForEach(field, object)
	{
		size_t w = label_width(field->string);

		if (!is_rows(field) && !cJSON_IsObject(field))
			width = w > width ? w : width;
	}
	cJSON_ArrayForEach(field, object)
	{
		if (is_rows(field) || cJSON_IsObject(field))
			continue;
		write_label(field->string, out);
		fprintf(out, ":%*s", (int)(width - label_width(field->string) + 1), "");
		write_value(field->string, field, out);
		fputc('\n', out);
	}
	cJSON_ArrayForEach(field, object)
	{
		if (rc != 0 || (!is_rows(field) && !cJSON_IsObject(field)))
			continue;
		fputs(width > 0 || field != object->child ? "\n" : "", out);
		write_string(field->string, out);
		fputs("\n", out);
		rc = is_rows(field) ? print_rows(field, NULL, out) : print_object(field, out);
	}
	return rc;
}

/* A reply that is text only: its lines. */
static bool
print_lines(const cJSON *data, FILE *out)
{
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(data, "text");
	const char *c;

	if (!cJSON_IsString(text) || cJSON_GetArraySize(data) != 1)
		return false;
	for (c = text->valuestring; *c != '\0'; c++)
		fputc(*c != '\n' && ((unsigned char)*c < 0x20 || *c == 0x7f) ? '?' : *c, out);
	if (c > text->valuestring && c[-1] != '\n')
		fputc('\n', out);
	return true;
}

int
vrctl_print(const struct cJSON *data, const struct vrctl_view *view, FILE *out)
{
	const cJSON *element;

	if (cJSON_IsObject(data))
		return print_lines(data, out) ? 0 : print_object(data, out);
	if (is_rows(data) || (cJSON_IsArray(data) && data->child == NULL && view != NULL))
		return view != NULL && view->next != NULL ? print_kinds(data, view, out)
							  : print_rows(data, view, out);
	if (cJSON_IsArray(data)) {
		cJSON_ArrayForEach(element, data)
		{
			write_value("", element, out);
			fputc('\n', out);
		}
	} else if (data != NULL && !cJSON_IsNull(data)) {
		write_value("", data, out);
		fputc('\n', out);
	}
	return 0;
}

int
vrctl_print_event(const struct cJSON *event, FILE *out)
{
	const cJSON *name = cJSON_GetObjectItemCaseSensitive(event, "event");
	const cJSON *at = cJSON_GetObjectItemCaseSensitive(event, "at");
	const cJSON *field;

	if (cJSON_IsString(at)) {
		write_string(at->valuestring, out);
		fputc(' ', out);
	}
	write_value("event", name, out);
	cJSON_ArrayForEach(field, event)
	{
		if (field == name || field == at || cJSON_IsNull(field))
			continue;
		fputc(' ', out);
		write_string(field->string, out);
		fputc('=', out);
		write_value(field->string, field, out);
	}
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
