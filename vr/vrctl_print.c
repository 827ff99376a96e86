/* Replies and events from JSON. */
#include "vr/vrctl_print.h"

#include <errno.h>

#include <cjson/cJSON.h>

#include "vr/vrctl_value.h"

static bool
is_rows(const cJSON *value)
{
	return cJSON_IsArray(value) && cJSON_IsObject(value->child);
}

static int
print_table(const cJSON *rows, const struct vrctl_view *view, FILE *out)
{
	struct vrctl_table table;
	int rc;

	vrctl_table_init(&table, view, out);
	rc = vrctl_table_add(&table, rows);
	return rc != 0 ? rc : vrctl_table_end(&table);
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
		size_t w = vrctl_label_width(field->string);

		if (!is_rows(field) && !cJSON_IsObject(field))
			width = w > width ? w : width;
	}
	cJSON_ArrayForEach(field, object)
	{
		if (is_rows(field) || cJSON_IsObject(field))
			continue;
		vrctl_write_label(field->string, out);
		fprintf(out, ":%*s", (int)(width - vrctl_label_width(field->string) + 1), "");
		vrctl_write_value(field->string, field, out);
		fputc('\n', out);
	}
	cJSON_ArrayForEach(field, object)
	{
		if (rc != 0 || (!is_rows(field) && !cJSON_IsObject(field)))
			continue;
		fputs(width > 0 || field != object->child ? "\n" : "", out);
		vrctl_write_string(field->string, out);
		fputs("\n", out);
		rc = is_rows(field) ? print_table(field, NULL, out) : print_object(field, out);
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
		return print_table(data, view, out);
	if (cJSON_IsArray(data)) {
		cJSON_ArrayForEach(element, data)
		{
			vrctl_write_value("", element, out);
			fputc('\n', out);
		}
	} else if (data != NULL && !cJSON_IsNull(data)) {
		vrctl_write_value("", data, out);
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
		vrctl_write_string(at->valuestring, out);
		fputc(' ', out);
	}
	vrctl_write_value("event", name, out);
	cJSON_ArrayForEach(field, event)
	{
		if (field == name || field == at || cJSON_IsNull(field))
			continue;
		fputc(' ', out);
		vrctl_write_string(field->string, out);
		fputc('=', out);
		vrctl_write_value(field->string, field, out);
	}
	fputc('\n', out);
	return ferror(out) ? -EIO : 0;
}
