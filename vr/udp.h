/* The underlay socket: datagrams in trains (UDP_SEGMENT, UDP_GRO) or, where the kernel lacks
 * these or they are forced off, in batches (sendmmsg, recvmmsg). */
#ifndef VR_UDP_H
#define VR_UDP_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

/* Limits of one UDP_SEGMENT call. */
#define UDP_TRAIN_SIZE_MAX  65507
#define UDP_TRAIN_COUNT_MAX 64

#define UDP_HEADROOM   64 /* free in front of a received train */
#define UDP_TRAINS     64 /* most that udp_receive() gives at once, or udp_send_letters() takes */
#define UDP_GRO_TRAINS 8  /* most that udp_receive() gives at once where the kernel has UDP_GRO */

struct udp;

/* The path's size: found by probes of the caller's own (large datagrams are sent, never fragmented), or what the kernel has
 * learned from ICMP: a larger datagram is refused by -EMSGSIZE (RFC 1191, RFC 8201). */
enum udp_mtu { UDP_MTU_PROBED = 0, UDP_MTU_KERNEL };

struct udp_conf {
	struct endpoint listen; /* [::] hears IPv4 too; port 0: any */
	bool segment, gro;      /* false forces the fallback */
	uint16_t datagram_max;  /* largest UDP payload that has to be received; 0: only sends */
	enum udp_mtu mtu;
	bool marks;         /* tell the TTL and TOS of what arrives */
	bool locals;        /* tell the own address that was called, where there may be several */
	bool zero_checksum; /* send without a checksum (RFC 6935), and then without UDP_SEGMENT */
};

/* Fields of the outer IP header. */
struct udp_marks {
	uint8_t ttl; /* 0: the system's default */
	uint8_t tos; /* 0 beside such a TTL: the system's default */
};

#define UDP_UNMARKED ((struct udp_marks){0})
/* What must not wait behind data says so: class selector 6, network control (RFC 2474, RFC 4594). */
#define UDP_URGENT_TOS 0xc0
#define UDP_URGENT     ((struct udp_marks){.tos = UDP_URGENT_TOS})

/* Datagrams of one sender, each of 'segment' bytes but the last, behind each other. */
struct udp_train {
	uint8_t *data;
	size_t size;
	size_t segment; /* 'size' when it is a single one */
	struct endpoint from;
	struct addr
		local; /* the own address that they came to, when the socket was made to tell; family NONE: the only one */
	struct udp_marks marks; /* of all of them, when the socket was made to tell */
	bool truncated;         /* larger than the buffer: of no use */
};

/* 0 and '*out', or -errno with the cause logged. */
MUST_USE int udp_create(const struct udp_conf *conf, struct log *log, struct udp **out);
/* Another one for another thread, which sends by the same socket; it receives nothing.  0 and '*out', or -errno. */
MUST_USE int udp_share(const struct udp *u, struct udp **out);
/* Another one at the same address and port, which receives what comes marked as urgent, so that it does not wait behind the
 * rest, nor is lost for want of room among it.  It sends nothing.  'conf' is that of 'u', which has
 * been made with it.  0 and
 * '*out', or -errno: 'u' goes on to receive all. */
MUST_USE int udp_create_urgent(struct udp *u, const struct udp_conf *conf, struct udp **out);
void udp_destroy(struct udp *u);
int udp_fd(const struct udp *u);
/* The port that it has: the system's choice where none was asked for.  0 and '*port', or -errno. */
MUST_USE int udp_port(const struct udp *u, uint16_t *port);
/* Address that the system sends from to reach 'to'.  0 and '*from', or -errno (there is no way). */
MUST_USE int udp_source(const struct endpoint *to, struct addr *from);
bool udp_has_segment(const struct udp *u);
bool udp_has_gro(const struct udp *u);

/* Sends 'size' bytes as datagrams of 'segment' bytes (the last may be shorter), within the
 * limits above.  '*sent': how many datagrams have left.  0: all of them; -EMSGSIZE: larger than the
 * link takes;
 * -EAGAIN or another error: the first that did not leave, and those behind it, are lost. */
MUST_USE int udp_send(struct udp *u, const struct endpoint *to, const uint8_t *data, size_t size,
		      size_t segment, unsigned *sent);
/* The same with these marks on every datagram. */
MUST_USE int udp_send_marked(struct udp *u, const struct endpoint *to, struct udp_marks marks,
			     const uint8_t *data, size_t size, size_t segment, unsigned *sent);
/* The same from this address of the system's own, which is that of the socket or any, where the socket has none.  Family NONE, or one
 * that the system has no more: the system chooses. */
MUST_USE int udp_send_from(struct udp *u, const struct endpoint *to, struct udp_marks marks,
			   struct addr local, const uint8_t *data, size_t size, size_t segment,
			   unsigned *sent);
/* Can the socket send there at all? */
bool udp_reaches(const struct udp *u, const struct endpoint *to);
/* One datagram, to whom it goes. */
struct udp_letter {
	struct endpoint to;
	const uint8_t *data;
	size_t size;
};
/* Sends at most UDP_TRAINS of them, in order, to receivers that the socket reaches.  What the kernel
 * refuses is lost, and counted; those behind it still leave. */
void udp_send_letters(struct udp *u, const struct udp_letter *letters, size_t count);
/* Largest IP packet that the kernel believes to reach 'to' whole.  0 and '*mtu', or -errno. */
MUST_USE int udp_path_mtu(const struct udp *u, const struct endpoint *to, uint16_t *mtu);
/* Sends one urgent datagram that may be fragmented on its way where it is larger than a link (IPv4).  For the rare message that
 * is larger than its path and cannot be made smaller. */
MUST_USE int udp_send_breakable(struct udp *u, const struct endpoint *to, struct addr local,
				const uint8_t *data, size_t size);
/* Takes what has arrived, without waiting: at most UDP_TRAINS, fewer with large buffers.
 * Returns the count; the bytes stay valid until the next call.  '*more': there may be more. */
size_t udp_receive(struct udp *u, struct udp_train trains[UDP_TRAINS], bool *more);
/* Size of one buffer that it receives to, UDP_HEADROOM bytes in front included. */
size_t udp_buffer_size(const struct udp *u);
/* The buffer in which this train of the last udp_receive() stands is the caller's from now on, and '*buffer' takes its place:
 * another one of that size, behind its headroom, which must be good for as long as 'u' receives.
 * '*buffer': the train's. */
void udp_swap(struct udp *u, const struct udp_train *train, uint8_t **buffer);

struct udp_stats {
	uint64_t tx_calls;     /* of the system, that took anything */
	uint64_t tx_datagrams; /* in these */
	uint64_t rx_trains;    /* as the kernel gave them: a datagram of its own is one, too */
	uint64_t rx_datagrams; /* in these */
	uint64_t drop_kernel;  /* arrived, but the kernel had no room for them */
	uint64_t drop_letters; /* of udp_send_letters(), that the kernel refused */
};
void udp_stats(struct udp *u, struct udp_stats *out);

#endif
