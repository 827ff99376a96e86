/* The keys of the configuration: where each is found, and what it expects, in words.  The rows are in keys_*.c. */
#include "conf/keys.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/keys_rows.h"

static const struct key_rows *const subjects[] = {&keys_router, &keys_networks, &keys_lisp};

const struct key *
key_at(size_t position)
{
	for (size_t i = 0; i < ARRAY_COUNT(subjects); i++) {
		if (position < subjects[i]->count)
			return &subjects[i]->rows[position];
		position -= subjects[i]->count;
	}
	return NULL;
}

const struct key *
key_find(const char *path)
{
	const struct key *key;

	for (size_t i = 0; (key = key_at(i)) != NULL; i++)
		if (strcmp(key->path, path) == 0)
			return key;
	return NULL;
}

const char *
key_name(const struct key *key)
{
	const char *dot = strrchr(key->path, '.');

	return dot == NULL ? key->path : dot + 1;
}

bool
key_is_in(const struct key *key, const char *object)
{
	size_t size = strlen(object);
	const char *name = key_name(key);

	if (size == 0)
		return name == key->path;
	return (size_t)(name - key->path) == size + 1 && memcmp(key->path, object, size) == 0;
}

bool
key_is_array(const struct key *key)
{
	return key->count_offset != KEY_NO_COUNT;
}

/* One value, and several of them. */
static const char *
type_words(enum key_type type, bool plural)
{
	static const struct {
		const char *one, *many;
	} words[] = {
		[KEY_OBJECT] = {"an object", "objects"},
		[KEY_OBJECTS] = {"an object", "objects"},
		[KEY_NAME] = {"a name of 1 to 63 letters, digits, '.', '_' and '-'", "names"},
		[KEY_PATH] = {"an absolute path", "absolute paths"},
		[KEY_DEVICE] = {"the name of a network device", "names of network devices"},
		[KEY_WORD] = {"a text of 1 to 255 bytes without control characters", "texts"},
		[KEY_BOOL] = {"true or false", "booleans"},
		[KEY_NUMBER] = {"a whole number", "whole numbers"},
		[KEY_CHOICE] = {"a word", "words"},
		[KEY_ENDPOINT] = {"an address and port such as \"192.0.2.1:51341\"", "endpoints"},
		[KEY_ADDR] = {"an address such as \"10.1.0.254\"", "addresses"},
		[KEY_PREFIX] = {"a prefix such as \"10.1.0.0/24\" without host bits", "prefixes"},
		[KEY_ADDR_LEN] = {"an address with its subnet's length such as \"10.1.0.1/24\"",
				  "addresses with length"},
		[KEY_MAC] = {"\"virtual\", \"nic\" or a unicast MAC address", "MAC addresses"},
		[KEY_PUBLIC_KEY] = {"the base64 text of a 32-byte public key", "public keys"},
		[KEY_XTR_ID] = {"32 hexadecimal digits that are not all 0", "xTR-IDs"},
		[KEY_SITE_ID] = {"a whole number below 2^53, or 16 hexadecimal digits in quotes",
				 "site-IDs"},
	};

	return plural ? words[type].many : words[type].one;
}

/* "a", "b" or "c" */
static void
choice_words(const char *choices, struct key_text *text)
{
	size_t used = 0;
	const char *c;

	text->s[used++] = '"';
	for (c = choices; *c != '\0' && used + 8 < sizeof(text->s); c++) {
		if (*c == '|') {
			const char *glue = strchr(c + 1, '|') != NULL ? "\", \"" : "\" or \"";

			memcpy(text->s + used, glue, strlen(glue));
			used += strlen(glue);
		} else {
			text->s[used++] = *c;
		}
	}
	text->s[used++] = '"';
	text->s[used] = '\0';
}

struct key_text
key_expected(const struct key *key)
{
	struct key_text text;

	if (key->type == KEY_CHOICE)
		choice_words(key->choices, &text);
	else if (key->type == KEY_NUMBER)
		snprintf(text.s, sizeof(text.s), "a whole number from %" PRIu64 " to %" PRIu64,
			 key->min, key->max);
	else if (key->type == KEY_PATH)
		snprintf(text.s, sizeof(text.s), "an absolute path of at most %" PRIu64 " bytes",
			 key->max);
	else
		snprintf(text.s, sizeof(text.s), "%s", type_words(key->type, false));
	return text;
}

struct key_text
key_expected_array(const struct key *key)
{
	struct key_text text;

	snprintf(text.s, sizeof(text.s), "an array of %" PRIu64 " to %" PRIu64 " %s", key->min,
		 key->max, type_words(key->type, true));
	return text;
}
