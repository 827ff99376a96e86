/* What the files of conf/openlisp.h share. */
#ifndef CONF_OPENLISP_PRIV_H
#define CONF_OPENLISP_PRIV_H

#include "conf/openlisp.h"

struct openlisp_errors {
	const char *file;
	FILE *out;
	int rc; /* -EINVAL after the first; -ENOMEM latches */
};

/* "file:line: expected ..." */
__attribute__((format(printf, 3, 4))) void openlisp_refuse(struct openlisp_errors *errors,
							   unsigned line, const char *format, ...);
/* Of at least one entry. */
void openlisp_check(const struct openlisp *o, struct openlisp_errors *errors);

#endif
