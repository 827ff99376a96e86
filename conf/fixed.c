/* Values that a router keeps for as long as it runs: see fixed.h. */
#include "conf/fixed.h"

#include <stdio.h>

static bool objects_equal(const char *object, const uint8_t *a, const uint8_t *b);

static bool
texts_equal(const uint8_t *a, const uint8_t *b)
{
	const char *s, *t;

	memcpy(&s, a, sizeof(s));
	memcpy(&t, b, sizeof(t));
	return s == NULL || t == NULL ? s == t : strcmp(s, t) == 0;
}

/* One value, or one element of an array. */
static bool
values_equal(const struct key *key, const uint8_t *a, const uint8_t *b)
{
	char object[64];
	struct endpoint s, t;

	switch (key->type) {
	case KEY_NAME:
	case KEY_PATH:
	case KEY_DEVICE:
	case KEY_WORD:
		return texts_equal(a, b);
	case KEY_ENDPOINT:
		memcpy(&s, a, sizeof(s));
		memcpy(&t, b, sizeof(t));
		return endpoint_equal(s, t);
	case KEY_OBJECTS:
		snprintf(object, sizeof(object), "%s[]", key->path);
		return objects_equal(object, a, b);
	/* These have no padding. */
	case KEY_OBJECT:
	case KEY_BOOL:
	case KEY_NUMBER:
	case KEY_CHOICE:
	case KEY_ADDR:
	case KEY_PREFIX:
	case KEY_ADDR_LEN:
	case KEY_MAC:
	case KEY_PUBLIC_KEY:
	case KEY_XTR_ID:
	case KEY_SITE_ID:
		break;
	}
	return memcmp(a, b, key->size) == 0;
}

static bool
members_equal(const struct key *key, const uint8_t *a, const uint8_t *b)
{
	const uint8_t *s, *t;
	size_t count, other;

	if (!key_is_array(key))
		return values_equal(key, a + key->offset, b + key->offset);
	memcpy(&count, a + key->count_offset, sizeof(count));
	memcpy(&other, b + key->count_offset, sizeof(other));
	memcpy(&s, a + key->offset, sizeof(s));
	memcpy(&t, b + key->offset, sizeof(t));
	for (size_t i = 0; count == other && i < count; i++)
		if (!values_equal(key, s + i * key->size, t + i * key->size))
			return false;
	return count == other;
}

static bool
objects_equal(const char *object, const uint8_t *a, const uint8_t *b)
{
	const struct key *key;

	for (size_t i = 0; (key = key_at(i)) != NULL; i++)
		if (key_is_in(key, object) && !members_equal(key, a, b))
			return false;
	return true;
}

/* Fixed keys that fill 'struct conf' itself. */
static bool
is_kept(const struct key *key)
{
	return key->fixed && strstr(key->path, "[]") == NULL;
}

static bool
is_of_lisp(const struct key *key)
{
	return strncmp(key->path, "lisp", 4) == 0;
}

bool
conf_lisp_roles_differ(const struct conf *a, const struct conf *b)
{
	return a->lisp.enabled != b->lisp.enabled || a->lisp.map_server != b->lisp.map_server ||
	       a->lisp.rtr != b->lisp.rtr;
}

void
conf_fixed_differ(const struct conf *a, const struct conf *b,
		  void (*each)(void *ctx, const struct key *key), void *ctx)
{
	bool roles = conf_lisp_roles_differ(a, b);
	const struct key *key;

	for (size_t i = 0; (key = key_at(i)) != NULL; i++) {
		if (!is_kept(key) || (roles && is_of_lisp(key) && key->type != KEY_OBJECT))
			continue;
		if (!members_equal(key, (const uint8_t *)a, (const uint8_t *)b))
			each(ctx, key);
	}
}

static void
swap_bytes(uint8_t *a, uint8_t *b, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		uint8_t t = a[i];

		a[i] = b[i];
		b[i] = t;
	}
}

void
conf_fixed_keep(struct conf *old, struct conf *new, bool lisp)
{
	uint8_t *a = (uint8_t *)old, *b = (uint8_t *)new;
	const struct key *key;

	lisp = lisp || conf_lisp_roles_differ(old, new);
	for (size_t i = 0; (key = key_at(i)) != NULL; i++) {
		if (!is_kept(key) || (lisp && is_of_lisp(key)))
			continue;
		swap_bytes(a + key->offset, b + key->offset,
			   key_is_array(key) ? sizeof(void *) : key->size);
		if (key_is_array(key))
			swap_bytes(a + key->count_offset, b + key->count_offset, sizeof(size_t));
	}
	if (lisp)
		swap_bytes((uint8_t *)&old->lisp, (uint8_t *)&new->lisp, sizeof(old->lisp));
}
