/* Where a value stands in the tree of the configuration, and the list of what is wrong with it. */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include "base/err.h"
#include "base/types.h"
#include "conf/conf.h"
#include "conf/where.h"

struct cJSON;

#define PLACE_DEPTH    5
#define PLACE_NO_INDEX UINT32_MAX

/* vns[0].mobile[1].hosts is {"vns", 0}, {"mobile", 1}, {"hosts", none}.  The names are borrowed. */
struct place {
	struct {
		const char *name;
		uint32_t index;
	} step[PLACE_DEPTH];
	unsigned depth;
};

/* 'name' NULL: the place of the element 'index' of the array at 'p'. */
struct place place_in(struct place p, const char *name, uint32_t index);
/* The same, shorter. */
struct place place_element(struct place array, size_t index);
/* 'name' of the outermost object; 'name' of the element 'index' of its array 'array'. */
struct place place_at(const char *name);
struct place place_under(const char *array, size_t index, const char *name);
/* Writes at most 'size' bytes with the NUL; what is not printable becomes '?'. */
void place_text(struct place p, char *text, size_t size);
/* The value there, or the deepest value on the way to it. */
const struct cJSON *place_find(struct place p, const struct cJSON *root);
/* True when nothing stands there, or an empty array; false when the object around it is none: that
 * was refused already. */
bool place_is_missing(struct place p, const struct cJSON *root);

struct report {
	struct conf_errors *errors;
	const struct where *where; /* NULL: rows get line 0 */
	const struct cJSON *root;
	size_t room;
	bool no_memory; /* a row was lost */
};

/* Adds a row that points to the value (or key) of 'item'; the text is "expected E, found F". */
void report_item(struct report *r, const struct cJSON *item, bool key, struct place place,
		 const char *expected, const char *found);
/* The same, pointing to what stands at the place. */
void report_place(struct report *r, struct place place, const char *expected, const char *found);
/* Puts the rows into the order of the text. */
void report_sort(struct report *r);

/* A value in words: "a string of it" in quotes, cut when it is long; 3.5; an object ... */
struct report_found {
	char s[80];
};
struct report_found report_value(const struct cJSON *item);
struct report_found report_string(const char *text);

#endif
