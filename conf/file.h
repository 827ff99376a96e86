/* Files of text, read whole. */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "base/err.h"
#include "base/types.h"

/* 0 and the text, not NUL-terminated, which the caller frees; -errno with '*text' NULL: -EINVAL for what is
 * no regular file, -EFBIG above 64 MiB. */
MUST_USE int file_read(const char *file, char **text, size_t *size);

#endif
