/* Walks the JSON tree along the table of keys. */
#include "conf/fill.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "conf/keys.h"
#include "conf/suggest.h"
#include "conf/value.h"

struct filler {
	struct report *report;
	int rc; /* -ENOMEM latches */
};

static void fill_object(struct filler *f, const char *object, const cJSON *json, struct place place,
			void *base);

/* Duplicates of a member that stands before 'member'; JSON leaves open which one counts. */
static bool
is_repeated(const cJSON *json, const cJSON *member)
{
	return cJSON_GetObjectItemCaseSensitive(json, member->string) != member;
}

static void
refuse_strangers(struct filler *f, const char *object, const cJSON *json, struct place place)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, json)
	{
		struct place at = place_in(place, member->string, PLACE_NO_INDEX);
		struct report_found found = report_string(member->string);
		char expected[160];

		if (!suggest_known(object, member->string)) {
			suggest_text(object, member->string, expected, sizeof(expected));
			report_item(f->report, member, true, at, expected, found.s);
		} else if (is_repeated(json, member)) {
			report_item(f->report, member, true, at, "each key once", "the key again");
		}
	}
}

/* One value that is no object and no array; 'to' is a member or an element. */
static void
fill_value(struct filler *f, const struct key *key, const cJSON *item, struct place place, void *to)
{
	int rc = value_from_json(key, item, to);

	if (rc == -ENOMEM) {
		f->rc = rc;
	} else if (rc != 0) {
		if (key->type == KEY_NUMBER)
			memset(to, 0xff, key->size);
		report_item(f->report, item, false, place, key_expected(key).s,
			    report_value(item).s);
	}
}

static void
fill_array(struct filler *f, const struct key *key, const cJSON *item, struct place place,
	   uint8_t *base)
{
	char object[64];
	struct report_found found;
	const cJSON *element;
	uint8_t *elements;
	size_t count;
	uint32_t i = 0;

	if (!cJSON_IsArray(item)) {
		report_item(f->report, item, false, place, key_expected_array(key).s,
			    report_value(item).s);
		return;
	}
	count = (size_t)cJSON_GetArraySize(item);
	if (count < key->min || count > key->max) {
		snprintf(found.s, sizeof(found.s), "%zu", count);
		report_item(f->report, item, false, place, key_expected_array(key).s, found.s);
		if (count > key->max)
			return;
	}
	if (count == 0)
		return;
	elements = calloc(count, key->size);
	if (elements == NULL) {
		f->rc = -ENOMEM;
		return;
	}
	memcpy(base + key->offset, &elements, sizeof(elements));
	memcpy(base + key->count_offset, &count, sizeof(count));
	snprintf(object, sizeof(object), "%s[]", key->path);
	cJSON_ArrayForEach(element, item)
	{
		struct place at = place_in(place, NULL, i);

		if (key->type == KEY_OBJECTS)
			fill_object(f, object, element, at, elements + i * key->size);
		else
			fill_value(f, key, element, at, elements + i * key->size);
		i++;
	}
}

static void
fill_fallback(struct filler *f, const struct key *key, void *to)
{
	cJSON *item = cJSON_Parse(key->fallback);

	if (item == NULL || value_from_json(key, item, to) != 0)
		f->rc = -ENOMEM;
	cJSON_Delete(item);
}

/* 'json' NULL stands for an object that was left out or refused as a whole: its keys get their
 * defaults, and those that are required are not asked for. */
static void
fill_key(struct filler *f, const struct key *key, const cJSON *json, struct place place,
	 uint8_t *base)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key_name(key));
	struct place at = place_in(place, key_name(key), PLACE_NO_INDEX);

	if (key->type == KEY_OBJECT) {
		if (key->size > 0 && item != NULL)
			*(bool *)(base + key->offset) = true;
		fill_object(f, key->path, item, at, base);
	} else if (item == NULL && key->required) {
		if (key->type == KEY_NUMBER)
			memset(base + key->offset, 0xff, key->size);
		if (json != NULL)
			report_item(f->report, json, false, at,
				    key_is_array(key) ? key_expected_array(key).s
						      : key_expected(key).s,
				    "nothing");
	} else if (item == NULL && key->fallback != NULL) {
		fill_fallback(f, key, base + key->offset);
	} else if (item != NULL && key_is_array(key)) {
		fill_array(f, key, item, at, base);
	} else if (item != NULL) {
		fill_value(f, key, item, at, base + key->offset);
	}
}

static void
fill_object(struct filler *f, const char *object, const cJSON *json, struct place place, void *base)
{
	const struct key *key;
	size_t i;

	if (json != NULL && !cJSON_IsObject(json)) {
		report_item(f->report, json, false, place, "an object", report_value(json).s);
		json = NULL;
	}
	if (json != NULL)
		refuse_strangers(f, object, json, place);
	for (i = 0; (key = key_at(i)) != NULL; i++)
		if (key_is_in(key, object))
			fill_key(f, key, json, place, base);
}

int
fill_conf(struct report *r, struct conf *conf)
{
	struct filler f = {.report = r};

	fill_object(&f, "", r->root, (struct place){.depth = 0}, conf);
	return f.rc;
}
