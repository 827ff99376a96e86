/* What comes of a text of the configuration. */
#ifndef TESTS_UNIT_CONF_OUTCOME_H
#define TESTS_UNIT_CONF_OUTCOME_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/conf.h"

struct outcome {
	int rc;
	struct conf conf;
	struct conf_errors errors;
	char *lines; /* as conf_errors_print() has them, without the file's name */
};

/* Parses a heap copy of exactly this size. */
static inline struct outcome
parse_bytes(const char *text, size_t size)
{
	struct outcome o = {.rc = 0};
	char *copy = malloc(size + (size == 0));
	size_t lines_size;
	FILE *out = open_memstream(&o.lines, &lines_size);

	memcpy(copy, text, size);
	o.rc = conf_parse(copy, size, &o.conf, &o.errors);
	free(copy);
	conf_errors_print(&o.errors, "f", out);
	fclose(out);
	return o;
}

static inline struct outcome
parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static inline void
outcome_fini(struct outcome *o)
{
	conf_fini(&o->conf);
	conf_errors_fini(&o->errors);
	free(o->lines);
}

struct bad {
	const char *text;
	const char *lines;
};

static inline void
expect_lines(const struct bad *rows, size_t count)
{
	static const struct conf zero;
	size_t i;

	for (i = 0; i < count; i++) {
		struct outcome o = parse(rows[i].text);

		if (strcmp(o.lines, rows[i].lines) != 0)
			print_error("text: %s\n", rows[i].text);
		assert_string_equal(o.lines, rows[i].lines);
		assert_int_equal(o.rc, -EINVAL);
		assert_memory_equal(&o.conf, &zero, sizeof(zero));
		outcome_fini(&o);
	}
}

#endif
