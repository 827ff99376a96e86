/* Private keys and shared secrets in files. */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fmt.h"

#define KEY_TEXT_SIZE ((CONF_KEY_SIZE + 2) / 3 * 4)

static ssize_t
read_fully(int fd, uint8_t *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, text + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

/* Reads a file that none but its owner may read; what is behind 'size' bytes is left.  Bytes read or
 * -errno. */
static ssize_t
read_private(const char *file, void *text, size_t size)
{
	struct stat st;
	ssize_t got;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		got = -errno;
	else if (!S_ISREG(st.st_mode))
		got = -EINVAL;
	else if ((st.st_mode & 0177) != 0)
		got = -EPERM;
	else
		got = read_fully(fd, text, size);
	close(fd);
	return got;
}

int
conf_key_read(const char *file, uint8_t key[CONF_KEY_SIZE])
{
	char text[KEY_TEXT_SIZE + 3];
	ssize_t size = read_private(file, text, sizeof(text) - 1);
	int rc;

	if (size < 0)
		return (int)size;
	if (size > 0 && text[size - 1] == '\n')
		size--;
	text[size] = '\0';
	rc = size == KEY_TEXT_SIZE ? base64_to_bytes(text, key, CONF_KEY_SIZE) : -EINVAL;
	explicit_bzero(text, sizeof(text));
	return rc;
}

ssize_t
conf_secret_read(const char *file, uint8_t *secret, size_t size)
{
	uint8_t text[CONF_SECRET_SIZE_MAX + 2];
	ssize_t got = read_private(file, text, sizeof(text));

	if (got > 0 && text[got - 1] == '\n')
		got--;
	if (got == 0)
		got = -EINVAL;
	else if (got > 0 && ((size_t)got > size || got > CONF_SECRET_SIZE_MAX))
		got = -EFBIG;
	if (got > 0)
		memcpy(secret, text, (size_t)got);
	explicit_bzero(text, sizeof(text));
	return got;
}

const char *
conf_key_fault(int err)
{
	switch (err) {
	case -EPERM:
		return "a file that others may use";
	case -EINVAL:
		return "a file without a key";
	default:
		return strerror(-err);
	}
}

int
conf_key_write(const char *file, const uint8_t key[CONF_KEY_SIZE])
{
	char text[KEY_TEXT_SIZE + 2];
	size_t size = KEY_TEXT_SIZE + 1;
	size_t used = 0;
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return -errno;
	base64_from_bytes(key, CONF_KEY_SIZE, text);
	text[KEY_TEXT_SIZE] = '\n';
	while (rc == 0 && used < size) {
		ssize_t put = write(fd, text + used, size - used);

		if (put > 0)
			used += (size_t)put;
		else if (put == 0 || errno != EINTR)
			rc = put == 0 ? -EIO : -errno;
	}
	explicit_bzero(text, sizeof(text));
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	if (rc != 0)
		unlink(file); /* half a key is of no use, and would block the next try */
	return rc;
}
