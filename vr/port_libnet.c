/* libnet at the link layer. */
#include "vr/port_libnet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <libnet.h>

struct port_libnet {
	libnet_t *libnet;
};

int
port_libnet_create(const char *device, struct log *log, struct port_libnet **out)
{
	struct port_libnet *ln = calloc(1, sizeof(*ln));
	char text[LIBNET_ERRBUF_SIZE] = "";
	int fd;

	if (ln == NULL)
		return -ENOMEM;
	errno = 0;
	ln->libnet = libnet_init(LIBNET_LINK_ADV, device, text);
	if (ln->libnet == NULL) {
		int rc = errno != 0 ? -errno : -EIO;

		log_line(log, LOG_ERROR, "port", "%s: libnet: %s", device, text);
		free(ln);
		return rc;
	}
	fd = libnet_getfd(ln->libnet);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		int rc = -errno;

		port_libnet_destroy(ln);
		return rc;
	}
	*out = ln;
	return 0;
}

void
port_libnet_destroy(struct port_libnet *ln)
{
	if (ln == NULL)
		return;
	libnet_destroy(ln->libnet);
	free(ln);
}

int
port_libnet_write(struct port_libnet *ln, const uint8_t *frame, size_t size)
{
	if (size > UINT32_MAX)
		return -EMSGSIZE;
	errno = 0;
	if (libnet_adv_write_link(ln->libnet, frame, (uint32_t)size) == (int)size)
		return 0;
	return errno != 0 ? -errno : -EIO;
}
