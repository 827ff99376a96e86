/* Edit distance between words. */
#include "conf/suggest.h"

#include <stdio.h>

#include "conf/keys.h"

#define WORD_SIZE SUGGEST_WORD_SIZE

/* Folds case and leaves out '_' and '-', so that keyFile and key-file are key_file.  False when the
 * word is too long for any. */
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

void
suggest_start(struct suggest *s, const char *name)
{
	unsigned size;

	s->done = !fold(name, s->wanted) || s->wanted[0] == '\0';
	if (s->done)
		return;
	size = (unsigned)strlen(s->wanted);
	/* One letter may be wrong, and one more for every four; never all of them. */
	s->limit = least(1 + size / 4, size - 1);
}

bool
suggest_nearer(struct suggest *s, const char *name)
{
	char word[WORD_SIZE];
	unsigned d;

	if (s->done || !fold(name, word))
		return false;
	d = word_distance(s->wanted, word, s->limit);
	if (d > s->limit)
		return false;
	/* From now on only a nearer one is better. */
	s->done = d == 0;
	s->limit = d - (d > 0);
	return true;
}

/* A key of this object that is spelled nearly so; otherwise one of another object that is spelled
 * just so. */
static const struct key *
nearest(const char *object, const char *name)
{
	const struct key *key;
	const struct key *best = NULL;
	const struct key *elsewhere = NULL;
	struct suggest s;
	char word[WORD_SIZE];
	size_t i;

	suggest_start(&s, name);
	for (i = 0; (key = key_at(i)) != NULL && !s.done; i++) {
		if (key_is_in(key, object)) {
			if (suggest_nearer(&s, key_name(key)))
				best = key;
		} else if (elsewhere == NULL && fold(key_name(key), word) &&
			   strcmp(s.wanted, word) == 0) {
			elsewhere = key;
		}
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
