/* Datagrams of the underlay in a byte stream, for networks that let only TCP pass.
 *
 *   stream: "vrd" 1 | length 16 | datagram | length 16 | datagram ...
 *
 * The same in both directions; each starts with its own magic.  Drawn in docs/wire-format.md. */
#ifndef WIRE_STREAM_H
#define WIRE_STREAM_H

#include "base/err.h"
#include "base/types.h"

#define STREAM_MAGIC_SIZE   4
#define STREAM_LENGTH_SIZE  2
#define STREAM_DATAGRAM_MAX 65535

/* The start of a stream, of which 'size' bytes have come.  0: the magic is there; -EAGAIN: right as far as it
 * goes; -EBADMSG: something else speaks, which the first wrong byte tells. */
MUST_USE int stream_magic_parse(const uint8_t *data, size_t size);
/* Writes STREAM_MAGIC_SIZE bytes. */
void stream_magic_build(uint8_t *data);

/* The frame that starts here, of which 'size' bytes have come.  0 and '*datagram', the size of what stands behind the
 * length; -EAGAIN: not all of it is there; -EBADMSG: empty, or larger than 'max', which the length
 * alone tells. */
MUST_USE int stream_frame_parse(const uint8_t *data, size_t size, size_t max, size_t *datagram);
/* Writes the STREAM_LENGTH_SIZE bytes in front of a datagram of this size, 1 to STREAM_DATAGRAM_MAX. */
void stream_frame_build(size_t datagram, uint8_t *data);

#endif
