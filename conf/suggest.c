/* Edit distance between keys. */
#include "conf/suggest.h"

#include <stdio.h>

#include "conf/keys.h"

#define WORD_SIZE 32

/* Folds case and leaves out '_' and '-', so that keyFile and key-file are key_file.  False when the word is too long
 * for any key. */
static bool
fold(const char *name, char word[WORD_SIZE])
{
	size_t used = 0;

	for (; *name != '\0'; name++) {
		if (*name == '_' || *name == '-')
			continue;
		if (used == WORD_SIZE - 1)
			return false;
		word[used++] = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
	}
	word[used] = '\0';
	return true;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Insertions, removals, replacements and swaps of neighbours that make one word of the other. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned rows[WORD_SIZE + 1][WORD_SIZE + 1];
	unsigned a_size = (unsigned)strlen(a);
	unsigned b_size = (unsigned)strlen(b);
	unsigned i, j;

	for (i = 0; i <= a_size; i++)
		rows[i][0] = i;
	for (j = 0; j <= b_size; j++)
		rows[0][j] = j;
	for (i = 1; i <= a_size; i++) {
		for (j = 1; j <= b_size; j++) {
			unsigned best = rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			best = least(best, least(rows[i - 1][j], rows[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = least(best, rows[i - 2][j - 2] + 1);
			rows[i][j] = best;
		}
	}
	return rows[a_size][b_size];
}

/* A word that begins the other counts as near: "rekey" and "rekey_s".  More than 'limit' may come
 * out as anything more. */
static unsigned
word_distance(const char *name, const char *word, unsigned limit)
{
	size_t name_size = strlen(name);
	size_t word_size = strlen(word);
	size_t shorter = name_size < word_size ? name_size : word_size;
	size_t longer = name_size < word_size ? word_size : name_size;

	if (shorter >= 3 && memcmp(name, word, shorter) == 0)
		return name_size != word_size;
	return longer - shorter > limit ? limit + 1 : distance(name, word);
}

/* A key of this object that is spelled nearly so; otherwise one of another object that is spelled
 * just so. */
static const struct key *
nearest(const char *object, const char *name)
{
	const struct key *key;
	const struct key *best = NULL;
	const struct key *elsewhere = NULL;
	char wanted[WORD_SIZE], word[WORD_SIZE];
	unsigned limit;
	size_t i;

	if (!fold(name, wanted) || wanted[0] == '\0')
		return NULL;
	/* One letter may be wrong, and one more for every four; never all of them. */
	limit = least(1 + (unsigned)strlen(wanted) / 4, (unsigned)strlen(wanted) - 1);
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		unsigned d;

		if (!fold(key_name(key), word))
			continue;
		if (!key_is_in(key, object)) {
			if (elsewhere == NULL && strcmp(wanted, word) == 0)
				elsewhere = key;
			continue;
		}
		d = word_distance(wanted, word, limit);
		if (d > limit)
			continue;
		best = key;
		if (d == 0)
			break;
		limit = d - 1; /* only a nearer one is better */
	}
	return best != NULL ? best : elsewhere;
}

bool
suggest_known(const char *object, const char *name)
{
	const struct key *key;
	size_t i;

	for (i = 0; (key = key_at(i)) != NULL; i++)
		if (key_is_in(key, object) && strcmp(key_name(key), name) == 0)
			return true;
	return false;
}

void
suggest_text(const char *object, const char *name, char *text, size_t size)
{
	const struct key *key = nearest(object, name);
	size_t used = 0;
	size_t i;

	if (key != NULL) {
		snprintf(text, size, "a known key (did you mean \"%s\"?)",
			 key_is_in(key, object) ? key_name(key) : key->path);
		return;
	}
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		if (!key_is_in(key, object))
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s\"%s\"",
					 used == 0 ? "one of " : ", ", key_name(key));
		if (used >= size) {
			snprintf(text, size, "a known key");
			return;
		}
	}
}
