/* The keys of the configuration: one row each.  Parser, help and manual page come from these rows,
 * which are in keys_router.c, keys_networks.c and keys_lisp.c. */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include "base/err.h"
#include "base/types.h"

enum key_type {
	KEY_OBJECT = 1, /* groups keys of the same struct */
	KEY_OBJECTS,    /* array; each element fills a struct of its own */
	KEY_NAME,
	KEY_PATH,
	KEY_DEVICE,
	KEY_WORD,
	KEY_BOOL,
	KEY_NUMBER,
	KEY_CHOICE,
	KEY_ENDPOINT,
	KEY_ADDR,
	KEY_PREFIX,
	KEY_ADDR_LEN,
	KEY_MAC,
	KEY_PUBLIC_KEY,
	KEY_XTR_ID,
	KEY_SITE_ID,
};

#define KEY_NO_COUNT SIZE_MAX

struct key {
	const char *path; /* "vns[].freeze.moves": "[]" stands for every element */
	enum key_type type;
	bool required;
	bool fixed;           /* of a router that runs: a reload does not take it over */
	uint64_t min, max;    /* of a number; elements of an array; bytes of a path; of a choice the
				 number of the first word is 'min' */
	uint64_t scale;       /* what is stored is the number times this */
	const char *unit;     /* NULL: none */
	const char *fallback; /* JSON; NULL: none */
	const char *choices;  /* "a|b|c": 'min' and the position is stored */
	const char *help;
	size_t offset; /* in the struct that its object fills */
	size_t size;   /* of the member, or of one element of an array; of a KEY_OBJECT that of
			  a bool that says whether it is there, or 0 */
	size_t count_offset; /* arrays: where the count is; otherwise KEY_NO_COUNT */
};

/* Rows in the order of the manual; 'position' counts from 0, NULL behind the last. */
const struct key *key_at(size_t position);
/* The key of this path, or NULL. */
const struct key *key_find(const char *path);
/* True when 'key' is directly within the object at 'object': "vns[]", "session", "" for the top. */
bool key_is_in(const struct key *key, const char *object);
/* The last word of the path, without "[]". */
const char *key_name(const struct key *key);
bool key_is_array(const struct key *key);

/* What is expected, in words: "a whole number from 1 to 86400". */
struct key_text {
	char s[160];
};
struct key_text key_expected(const struct key *key);
/* The same for the array itself rather than its elements: "an array of 1 to 64 prefixes". */
struct key_text key_expected_array(const struct key *key);

#endif
