/* Marks and guards: results that must be used, states that only our own mistake can produce. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdio.h>
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))

/* For states that only a mistake of ours can produce, never for input: says where and aborts. */
#define BUG_IF(condition)                                                                          \
	do {                                                                                       \
		if (condition) {                                                                   \
			fprintf(stderr, "bug: %s:%d: %s\n", __FILE__, __LINE__, #condition);       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
