/* Unknown words: is a key known at this place, and which word is likely meant? */
#ifndef CONF_SUGGEST_H
#define CONF_SUGGEST_H

#include "base/types.h"

/* Longer words are never suggested. */
#define SUGGEST_WORD_SIZE 64

/* The nearest of words that are shown one after the other. */
struct suggest {
	char wanted[SUGGEST_WORD_SIZE]; /* folded */
	unsigned limit;                 /* words with more mistakes are not near */
	bool done;                      /* no word can be nearer */
};

void suggest_start(struct suggest *s, const char *name);
/* True when 'word' is near, and nearer than each before it. */
bool suggest_nearer(struct suggest *s, const char *word);

/* True when the object at 'object' ("" or "vns[]") has a key of this name. */
bool suggest_known(const char *object, const char *name);
/* What is expected instead of the unknown 'name': a known key with the likely one, or the list of
 * keys there when none is near.  Writes at most 'size' bytes with the NUL. */
void suggest_text(const char *object, const char *name, char *text, size_t size);

#endif
