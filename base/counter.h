/* Lists of what is counted: each is one macro, LIST(X), with a row X(id, "name", "meaning") for each counter, from which its
 * enum and its names are made. */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

struct counter {
	const char *name, *text;
};

/* Rows of an array of struct counter: {LIST(COUNTER_ROW)}. */
#define COUNTER_ROW(id, name, text) {name, text},

#endif
