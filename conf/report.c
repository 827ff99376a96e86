/* The list of errors, with places and positions. */
#include "conf/report.h"

#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#define FOUND_SIZE_MAX 60

struct place
place_in(struct place p, const char *name, uint32_t index)
{
	if (name == NULL && p.depth > 0) {
		p.step[p.depth - 1].index = index;
	} else if (p.depth < PLACE_DEPTH) {
		p.step[p.depth].name = name;
		p.step[p.depth].index = index;
		p.depth++;
	}
	return p;
}

struct place
place_element(struct place array, size_t index)
{
	return place_in(array, NULL, (uint32_t)index);
}

struct place
place_at(const char *name)
{
	return place_in((struct place){.depth = 0}, name, PLACE_NO_INDEX);
}

struct place
place_under(const char *array, size_t index, const char *name)
{
	struct place p = place_in((struct place){.depth = 0}, array, (uint32_t)index);

	return place_in(p, name, PLACE_NO_INDEX);
}

void
place_text(struct place p, char *text, size_t size)
{
	size_t used = 0;
	unsigned i;

	text[0] = '\0';
	for (i = 0; i < p.depth && used < size; i++) {
		used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? "." : "",
					 p.step[i].name);
		if (p.step[i].index != PLACE_NO_INDEX && used < size)
			used += (size_t)snprintf(text + used, size - used, "[%u]", p.step[i].index);
	}
	for (i = 0; text[i] != '\0'; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

const struct cJSON *
place_find(struct place p, const struct cJSON *root)
{
	const cJSON *item = root;
	unsigned i;

	for (i = 0; i < p.depth; i++) {
		const cJSON *next = cJSON_GetObjectItemCaseSensitive(item, p.step[i].name);

		if (next == NULL)
			break;
		item = next;
		if (p.step[i].index == PLACE_NO_INDEX)
			continue;
		next = cJSON_GetArrayItem(item, (int)p.step[i].index);
		if (next == NULL)
			break;
		item = next;
	}
	return item;
}

bool
place_is_missing(struct place p, const struct cJSON *root)
{
	const cJSON *item = place_find(p, root);
	const cJSON *around;

	p.depth--;
	around = place_find(p, root);
	if (item == around)
		return cJSON_IsObject(item);
	return cJSON_IsArray(item) && cJSON_GetArraySize(item) == 0;
}

static struct conf_error *
add_row(struct report *r)
{
	struct conf_error *grown;

	if (r->errors->count == r->room) {
		size_t room = r->room * 2 + 16;

		grown = realloc(r->errors->rows, room * sizeof(*grown));
		if (grown == NULL) {
			r->no_memory = true;
			return NULL;
		}
		r->errors->rows = grown;
		r->room = room;
	}
	grown = &r->errors->rows[r->errors->count++];
	memset(grown, 0, sizeof(*grown));
	return grown;
}

void
report_item(struct report *r, const struct cJSON *item, bool key, struct place place,
	    const char *expected, const char *found)
{
	struct conf_error *row = add_row(r);

	if (row == NULL)
		return;
	if (r->where != NULL)
		where_spot(r->where, where_find(r->where, item, key), &row->line, &row->column);
	place_text(place, row->path, sizeof(row->path));
	snprintf(row->text, sizeof(row->text), "expected %s, found %s", expected, found);
}

void
report_place(struct report *r, struct place place, const char *expected, const char *found)
{
	report_item(r, place_find(place, r->root), false, place, expected, found);
}

static int
row_compare(const void *a, const void *b)
{
	const struct conf_error *x = a;
	const struct conf_error *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->path, y->path);
}

void
report_sort(struct report *r)
{
	if (r->errors->count > 1)
		qsort(r->errors->rows, r->errors->count, sizeof(*r->errors->rows), row_compare);
}

struct report_found
report_string(const char *text)
{
	struct report_found found;
	size_t size = strlen(text);
	size_t i;

	if (size > FOUND_SIZE_MAX) {
		/* Not in the middle of a character. */
		for (size = FOUND_SIZE_MAX; size > 0 && (text[size] & 0xc0) == 0x80; size--)
			;
		snprintf(found.s, sizeof(found.s), "\"%.*s...\"", (int)size, text);
	} else {
		snprintf(found.s, sizeof(found.s), "\"%s\"", text);
	}
	for (i = 0; found.s[i] != '\0'; i++)
		if ((unsigned char)found.s[i] < 0x20 || found.s[i] == 0x7f)
			found.s[i] = '?';
	return found;
}

struct report_found
report_value(const struct cJSON *item)
{
	struct report_found found;

	if (cJSON_IsString(item))
		return report_string(item->valuestring);
	if (cJSON_IsNumber(item))
		snprintf(found.s, sizeof(found.s), "%.15g", item->valuedouble);
	else
		snprintf(found.s, sizeof(found.s), "%s",
			 item == NULL           ? "nothing"
			 : cJSON_IsObject(item) ? "an object"
			 : cJSON_IsArray(item)  ? "an array"
			 : cJSON_IsTrue(item)   ? "true"
			 : cJSON_IsFalse(item)  ? "false"
						: "null");
	return found;
}
