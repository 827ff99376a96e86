/* Reading files. */
#include "conf/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX (64u << 20)

int
file_read(const char *file, char **text, size_t *size)
{
	struct stat st;
	ssize_t got = 1;
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int rc = 0;

	*text = NULL;
	*size = 0;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode))
		rc = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	else if (st.st_size > (off_t)FILE_SIZE_MAX)
		rc = -EFBIG;
	if (rc == 0) {
		*text = malloc((size_t)st.st_size + 1);
		rc = *text == NULL ? -ENOMEM : 0;
	}
	while (rc == 0 && got > 0 && *size < (size_t)st.st_size) {
		got = read(fd, *text + *size, (size_t)st.st_size - *size);
		if (got < 0 && errno != EINTR)
			rc = -errno;
		else if (got > 0)
			*size += (size_t)got;
		else if (got < 0)
			got = 1;
	}
	close(fd);
	if (rc != 0) {
		free(*text);
		*text = NULL;
	}
	return rc;
}
