/* The bare limit: sends every datagram back, in batches, and nothing else.
 *
 *     udp_echo PORT */
#include <arpa/inet.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH  64
#define SIZE   2048
#define BUFFER (8 * 1024 * 1024)

int
main(int argc, char **argv)
{
	static uint8_t bytes[BATCH][SIZE];
	struct sockaddr_in a = {.sin_family = AF_INET}, from[BATCH];
	struct mmsghdr msgs[BATCH];
	struct iovec iovs[BATCH];
	int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = BUFFER;

	if (argc != 2)
		errx(2, "usage: udp_echo PORT");
	a.sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)) != 0 ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0)
		err(1, "port %s", argv[1]);
	for (;;) {
		int count;

		for (size_t i = 0; i < BATCH; i++) {
			iovs[i] = (struct iovec){bytes[i], SIZE};
			msgs[i].msg_hdr = (struct msghdr){.msg_name = &from[i],
							  .msg_namelen = sizeof(from[i]),
							  .msg_iov = &iovs[i],
							  .msg_iovlen = 1};
		}
		count = recvmmsg(fd, msgs, BATCH, MSG_WAITFORONE, NULL);
		if (count < 0)
			err(1, "recvmmsg");
		for (int i = 0; i < count; i++)
			iovs[i].iov_len = msgs[i].msg_len;
		for (int at = 0; at < count;) {
			int sent = sendmmsg(fd, msgs + at, (unsigned)(count - at), 0);

			at += sent > 0 ? sent : 1;
		}
	}
}
