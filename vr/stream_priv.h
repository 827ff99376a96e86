/* One stream, and what all of them share.  For the files stream*.c only. */
#ifndef VR_STREAM_PRIV_H
#define VR_STREAM_PRIV_H

#include "vr/http_connect.h"
#include "vr/stream.h"
#include "vr/stream_queue.h"
#include "wire/stream.h"

#define STREAM_NOBODY     UINT16_MAX /* instead of a position */
#define STREAM_BUCKETS    256
#define STRANGERS_MAX     64
#define STREAM_LISTENER   UINT32_MAX  /* instead of a number, in an event */
#define STREAM_QUEUE_IDLE (10 * US_S) /* after which an empty queue gives its memory back */
#define STREAM_NUMBER_POS 4096        /* numbers of one position are so far apart */

enum stream_state {
	STREAM_FREE = 0,
	STREAM_WAITS,      /* one of ours, without a socket: remembers when to try again */
	STREAM_CONNECTING, /* to the other end or to the proxy */
	STREAM_ASKING,     /* the proxy */
	STREAM_OPEN,
};

struct stream {
	uint32_t number; /* while it has a socket */
	enum stream_state state;
	int fd;                 /* negative: none */
	struct endpoint remote; /* never the proxy */
	bool accepted, trusted;
	bool told;        /* the caller knows of it: it hears when it ends */
	bool magic_heard; /* all of it */
	bool magic_sent;  /* or waits in front of everything */
	bool broken;      /* the socket said so when it was sent to; for streams_run() to tell */
	uint32_t armed;   /* events that epoll watches for */
	uint16_t next;    /* of ours, in its bucket */
	bool crowded;     /* its peer has too many: for streams_run() to end */
	uint32_t peer;    /* whose it is, when it is trusted */
	us_t heard;       /* something came last */
	us_t since;
	us_t due;      /* to stand, or to be trusted; of one that waits: to be tried again */
	us_t pause;    /* of ours: the last one; 0: it has not failed since it was trusted */
	us_t active;   /* something was put into the queue; of one that waits: it failed */
	uint8_t *rest; /* the beginning of a frame; room for the largest, NULL: not needed yet */
	size_t rest_size;
	struct stream_queue queue;
	struct http_connect http;
	uint8_t failure; /* of ours: why it failed last, one more than the reason; 0: it has not */
	uint16_t refused_by; /* then: status that the proxy answered with, or 0 */
	uint64_t tx_datagrams, tx_bytes, rx_datagrams, rx_bytes;
	size_t heard_bytes; /* of a stranger, framing included */
};

struct streams {
	struct streams_conf conf; /* without a zero */
	const struct streams_ops *ops;
	void *ctx;
	struct log *log;
	struct log_gate gate;
	int epoll_fd, listen_fd;
	us_t accept_again;   /* 0: accepting */
	us_t due;            /* of all streams */
	struct stream *list; /* conf.streams_max of them */
	uint16_t end;        /* positions from here on were never used */
	size_t active;       /* with a socket */
	uint32_t generation;
	uint16_t buckets[STREAM_BUCKETS];  /* of our own, by endpoint */
	uint16_t strangers[STRANGERS_MAX]; /* positions, the oldest first */
	size_t stranger_count;
	uint8_t *in; /* what was received since the last batch_end */
	size_t in_used;
	uint8_t credentials[HTTP_CONNECT_CREDENTIALS_MAX];
	struct streams_stats stats;
	uint64_t drops[STREAM_DROP_COUNT];
};

/* stream_list.c: which streams there are. */
/* NULL: there is none. */
struct stream *stream_find(const struct streams *s, uint32_t number);
/* The one of ours to this endpoint, also when it waits, or NULL. */
struct stream *stream_find_ours(const struct streams *s, const struct endpoint *to);
/* A new one of ours, which waits for its socket.  NULL: full. */
struct stream *stream_put_ours(struct streams *s, const struct endpoint *to);
/* A new one of a stranger, for whom there is room, with its socket.  NULL: not possible; the socket is
 * closed. */
struct stream *stream_put_stranger(struct streams *s, const struct endpoint *from, int fd,
				   us_t now);
/* The socket belongs to the stream from now on; its number is a new one.  False: epoll does not take
 * it; nothing has changed. */
bool stream_attach(struct streams *s, struct stream *st, int fd, us_t now);
/* One of ours has failed: it waits for a while, longer each time. */
void stream_failed(struct streams *s, struct stream *st, us_t now);
/* Its socket is closed and its buffers are free.  One of ours that has failed waits from then on;
 * others are gone. */
void stream_release(struct streams *s, struct stream *st, bool failed, us_t now);
/* This is why it fails. */
void stream_blame(struct stream *st, enum stream_drop reason);
/* Ends it for this reason: counted, and told to the caller. */
void stream_end(struct streams *s, struct stream *st, enum stream_drop reason, us_t now);
bool stream_is_stranger(const struct stream *st);
/* It is a stranger no longer. */
void stream_known(struct streams *s, struct stream *st);
/* What epoll watches for.  Nothing is done when it is that already. */
void stream_watch(struct streams *s, struct stream *st, uint32_t events);
/* At this time something is due. */
void stream_due(struct streams *s, us_t due);

/* stream_door.c: who comes. */
void stream_accept(struct streams *s, us_t now);
/* Descriptors were short: after the pause. */
void stream_accept_again(struct streams *s);

/* stream_dial.c: ours, until they stand.  Something happened at a socket that connects, or whose
 * proxy was asked. */
void stream_connecting(struct streams *s, struct stream *st, us_t now);
void stream_asking(struct streams *s, struct stream *st, us_t now);

/* stream_in.c */
/* The buffer.  0 or -ENOMEM. */
MUST_USE int stream_in_create(struct streams *s);
/* Before each of those that read: there is room; batch_end may be called. */
void stream_in_prepare(struct streams *s, us_t now);
/* Where that room is, behind 'front' bytes that belong to what will be received. */
uint8_t *stream_in_room(const struct streams *s, size_t front, size_t *room);
/* Up to here it is used. */
void stream_in_used(struct streams *s, const uint8_t *end);
void stream_read(struct streams *s, struct stream *st, us_t now);
/* Takes in bytes of the stream that stand in the buffer.  The stream may have ended then. */
void stream_take(struct streams *s, struct stream *st, uint8_t *data, size_t size, us_t now);

/* stream_out.c: sends what waits.  The stream may be broken then. */
void stream_flush(struct streams *s, struct stream *st, us_t now);

#endif
