/* The underlay over TCP: all streams of one router behind one descriptor, where UDP does not pass.
 *
 * A stream carries the datagrams of the underlay port, framed as in wire/stream.h.  It is opened by
 * us, directly or through an
 * HTTP proxy, or accepted.  Who is at its other end is not known here: the caller finds that out
 * from
 * the datagrams and says so by streams_trust().  A stranger has little room and little time, and
 * hears nothing, not even the magic, before the caller sends it a datagram.
 *
 * Datagrams may be lost as on UDP: a stream that does not take more drops whole ones, so that
 * connections inside see loss
 * and not ever longer delay.  Nothing blocks.  Streams are named by numbers; one that has ended is
 * unknown from then on, and its number does not come back soon. */
#ifndef VR_STREAM_H
#define VR_STREAM_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

struct streams;

/* No stream has this number. */
#define STREAM_NONE 0
/* Bytes in front of a datagram that was heard, not counting its length: free, or the datagram before. */
#define STREAM_HEADROOM 64
/* Streams of both kinds, and those that are waited for before they are tried again. */
#define STREAMS_MAX 4095

/* Why datagrams were lost, and streams ended.  name, meaning; names are stable */
#define STREAM_DROPS(X)                                                                            \
	X(QUEUE, "queue", "a datagram that the connection had no room for")                        \
	X(LOST, "lost", "datagrams that waited when a connection ended: counted as one")           \
	X(CLOSED, "closed", "closed by the other end")                                             \
	X(BROKEN, "broken", "reset, nothing acknowledged for too long, or no memory")              \
	X(CONNECT, "connect", "the connection was refused, or there is no way")                    \
	X(SLOW, "slow", "the connection did not come about in time")                               \
	X(PROXY, "proxy", "the HTTP proxy did not open the way")                                   \
	X(PROXY_AUTH, "proxy-auth", "the HTTP proxy wants other credentials, or any")              \
	X(PROXY_ANSWER, "proxy-answer", "what the HTTP proxy answered is not HTTP")                \
	X(MAGIC, "magic", "what came is no stream of a router")                                    \
	X(LENGTH, "length", "a datagram without a byte, or larger than allowed")                   \
	X(STRANGER, "stranger", "nothing authentic came in time")                                  \
	X(STRANGER_BYTES, "stranger-bytes", "too much came, and nothing authentic")                \
	X(CROWD, "crowd", "the oldest stranger, when there were too many")                         \
	X(PEER_CROWD, "peer-crowd", "the longest silent of one peer, when it had too many")        \
	X(FULL, "full", "not accepted: too many streams, or descriptors were short")

enum stream_drop {
#define X(id, name, text) STREAM_DROP_##id,
	STREAM_DROPS(X)
#undef X
		STREAM_DROP_COUNT
};

/* Zero stands for the default of each number and time. */
struct streams_conf {
	struct endpoint
		listen; /* family NONE: nobody is accepted; [::] hears IPv4 too; port 0: any */
	struct endpoint proxy; /* HTTP proxy that streams are opened through; family NONE: none */
	const uint8_t *proxy_credentials; /* "user:password", copied; of at most
					     HTTP_CONNECT_CREDENTIALS_MAX bytes */
	size_t proxy_credentials_size;    /* 0: none */
	uint16_t datagram_max;            /* largest that is taken in; default 65535 */
	uint16_t streams_max;             /* default 1024, at most STREAMS_MAX */
	uint16_t strangers_max;  /* accepted and not trusted; default 64, which is the most */
	uint16_t strangers_each; /* of one address (IPv6: its /64); default 8 */
	uint16_t peer_each;      /* accepted, of one peer; default 16 */
	size_t queue_max;        /* bytes that wait for a stream; default 256 KiB */
	us_t queue_time;         /* what would wait for longer is dropped; default 50 ms */
	us_t trust_time;         /* within which a stranger must be trusted; default 5 s */
	us_t connect_time; /* within which a stream must stand, the proxy's part included; default 5 s */
	us_t dead_time; /* nothing acknowledged for so long: broken; default 10 s */
	us_t retry_min; /* after a failure; doubled by each that follows; default 0.5 s */
	us_t retry_max; /* default 16 s */
};

/* Called from streams_readable() and streams_run() only.  All may call whatever takes a stream's number, and
 * streams_open(). */
struct streams_ops {
	/* A datagram of 1 to 'datagram_max' bytes, in place: it and STREAM_HEADROOM bytes in front may be
	 * written to, except for what of them is the datagram before, and stays valid until
	 * 'batch_end'. */
	void (*heard)(void *ctx, uint32_t number, const struct endpoint *from, uint8_t *data,
		      size_t size, us_t now);
	/* The bytes handed up since the last batch_end go away after this. */
	void (*batch_end)(void *ctx, us_t now);
	/* A stream of streams_open() stands, or one was accepted and has shown the magic.  It is no
	 * sign of who it is. */
	void (*opened)(void *ctx, uint32_t number, const struct endpoint *remote, us_t now);
	/* One that 'opened' told of, or that streams_open() gave a number for, has ended; not called
	 * for streams_close(). */
	void (*closed)(void *ctx, uint32_t number, const struct endpoint *remote,
		       enum stream_drop reason, us_t now);
};

/* 0 and '*out', or -errno with the cause logged.  'ops' must outlive it. */
MUST_USE int streams_create(const struct streams_conf *conf, const struct streams_ops *ops,
			    void *ctx, struct log *log, struct streams **out);
/* Closes all, without a word to the caller. */
void streams_destroy(struct streams *s);
/* Readable when streams_readable() has something to do. */
int streams_fd(const struct streams *s);
/* Where streams are accepted; family NONE: nowhere. */
struct endpoint streams_endpoint(const struct streams *s);
/* Takes a bounded batch, never waits; calls batch_end at the end of it. */
void streams_readable(struct streams *s, us_t now);
/* Does what is due; returns when to be called next.  Any other call may have brought that forward,
 * so call this after each batch; it costs nothing when nothing is due. */
us_t streams_run(struct streams *s, us_t now);

/* The stream that we have opened to this endpoint, which is opened if there is none.  0 and '*number'; -EAGAIN: it has
 * failed, and is not tried again yet; -ENOBUFS: too many; or what the system says, which counts as
 * a failure. */
MUST_USE int streams_open(struct streams *s, const struct endpoint *to, us_t now, uint32_t *number);
/* When streams_open() will try this endpoint again; 0: at any time. */
us_t streams_retry(const struct streams *s, const struct endpoint *to);

struct streams_failure {
	enum stream_drop reason;
	unsigned status; /* that the HTTP proxy answered with; 0: none */
	us_t retry; /* it is opened again after that, when it is needed; 0: it is being opened */
};
/* Why the stream that we open to this endpoint failed last.  False when it has not, or something authentic has
 * come by it since. */
bool streams_failure(const struct streams *s, const struct endpoint *to,
		     struct streams_failure *out);

enum streams_class {
	STREAMS_DATA = 0,
	STREAMS_CONTROL, /* may take the last bytes of a queue, which data may not */
};

/* Sends 'size' bytes as datagrams of 'segment' bytes (the last may be shorter).  What the socket does not take at once is
 * copied; before the stream stands, only a little.  '*sent': how many datagrams have left or wait.
 * 0: all of them; -ENOBUFS: the others are lost, and counted; -ENOTCONN: no such stream; -EINVAL: a
 * size of 0, or
 * datagrams of more than 65535 bytes. */
MUST_USE int streams_send(struct streams *s, uint32_t number, enum streams_class class,
			  const uint8_t *data, size_t size, size_t segment, us_t now,
			  unsigned *sent);
/* Its other end is authentic, and this peer, by any number that is its own: it is no longer a stranger, and its failures before are
 * forgotten.  Also for one of ours.  Of those that one peer has opened only the last heard stay;
 * streams_run() ends the others.
 * No-op for an unknown number. */
void streams_trust(struct streams *s, uint32_t number, uint32_t peer);
/* At once, with what waits in it.  One of ours that was never trusted has failed: it is not opened again
 * before the time of streams_retry().  No-op for an unknown number. */
void streams_close(struct streams *s, uint32_t number, us_t now);

/* Own addresses have changed: streams from one that is gone end, and are opened again when they are needed; so are
 * those that have failed. */
void streams_underlay_changed(struct streams *s, us_t now);

struct stream_info {
	struct endpoint remote;
	bool is_accepted, is_open, is_trusted;
	us_t since;    /* when it was opened or accepted */
	size_t queued; /* bytes that wait here, those of the kernel not counted */
	uint64_t tx_datagrams, tx_bytes, rx_datagrams, rx_bytes; /* without framing */
};
/* False when there is none of this number. */
bool streams_info(const struct streams *s, uint32_t number, struct stream_info *out);

struct streams_stats {
	size_t streams, strangers; /* now */
	uint64_t opened, accepted;
	uint64_t tx_calls, tx_datagrams; /* what the system took at once, in so many calls */
	uint64_t tx_copied;              /* datagrams that were copied, whole or in part */
	uint64_t rx_calls, rx_datagrams;
};
void streams_stats(const struct streams *s, struct streams_stats *out);
/* NULL behind the last. */
const char *stream_drop_name(unsigned reason);
const char *stream_drop_text(unsigned reason);
uint64_t streams_drop_count(const struct streams *s, unsigned reason);

#endif
