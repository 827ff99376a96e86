/* How the rows of the table of keys are written, one file per subject. */
#ifndef CONF_KEYS_ROWS_H
#define CONF_KEYS_ROWS_H

#include "conf/conf.h"
#include "conf/keys.h"

/* Rows in the order of the manual. */
struct key_rows {
	const struct key *rows;
	size_t count;
};

extern const struct key_rows keys_router, keys_networks, keys_lisp;

#define MEMBER_SIZE(type, member) sizeof(((type *)NULL)->member)

#define AT(type, member)                                                                           \
	.offset = offsetof(type, member), .size = MEMBER_SIZE(type, member),                       \
	.count_offset = KEY_NO_COUNT

#define MANY(type, member, count)                                                                  \
	.offset = offsetof(type, member), .size = sizeof(*((type *)NULL)->member),                 \
	.count_offset = offsetof(type, count)

#define GROUP .type = KEY_OBJECT, .count_offset = KEY_NO_COUNT

/* A group of which the struct notes whether it is there. */
#define GROUP_NOTED(type_, member) .type = KEY_OBJECT, AT(type_, member)

#define NUMBER(low, high, factor, word)                                                            \
	.type = KEY_NUMBER, .min = (low), .max = (high), .scale = (factor), .unit = (word)

#define PATH_SIZE_MAX  4095
#define PREFIXES_MAX   1000000
#define ENCAPSULATIONS "auto|plain|sealed"

#endif
