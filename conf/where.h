/* Where things stand in the text of a configuration, and whether it is JSON at all.
 *
 * cJSON keeps no positions and is generous about what it accepts, so the text is scanned here
 * first: strictly by RFC 8259, with comments allowed where white space is.  The scan notes where
 * each value starts, in the order of the text; where_bind() then joins these positions with the
 * tree that cJSON made of the same text. */
#ifndef CONF_WHERE_H
#define CONF_WHERE_H

#include "base/err.h"
#include "base/types.h"

struct cJSON;
struct where;

/* Arrays and objects deeper than this are refused: no configuration needs them. */
#define WHERE_DEPTH_MAX 32

/* The first thing that is not JSON. */
struct where_fault {
	size_t offset;
	char expected[64];
	char found[64];
};

/* Scans 'size' bytes of text.  0 and '*out'; -EINVAL with '*fault' filled and '*out' there too, for
 * where_spot() alone; -ENOMEM with '*out' NULL.  The text is borrowed until where_destroy(). */
MUST_USE int where_create(const char *text, size_t size, struct where_fault *fault,
			  struct where **out);
void where_destroy(struct where *w);
/* The text with blanks for comments (and for a byte order mark), of the same size, all offsets as
 * they were.  Owned by 'w'; NUL-terminated. */
const char *where_json(const struct where *w);

/* 'root' is the tree made of the scanned text.  0, or -EINVAL when it is of another text. */
MUST_USE int where_bind(struct where *w, const struct cJSON *root);

/* Offset of the value, or of its key ('key' true; of the value where it has none).  0 for an item
 * that is not in the tree. */
size_t where_find(const struct where *w, const struct cJSON *item, bool key);
/* Line and column, both from 1; a column is one character of UTF-8, a tab is one. */
void where_spot(const struct where *w, size_t offset, unsigned *line, unsigned *column);

#endif
