/* Datagrams to many receivers that leave together, in order: each costs less than by itself.
 *
 * Bounded: at most MAIL_COUNT wait; the next one sends them first.  Whoever puts something in sees
 * to
 * mail_flush() before the event loop waits. */
#ifndef VR_MAIL_H
#define VR_MAIL_H

#include "vr/udp.h"

#define MAIL_COUNT UDP_TRAINS
/* IPv6's smallest MTU without headers.  What is larger may be refused by its route, which the sender
 * wants to be told: it leaves at once, behind what waits. */
#define MAIL_SIZE_MAX 1232

struct mail;

/* The socket is borrowed.  NULL when memory is short. */
struct mail *mail_create(struct udp *udp);
void mail_destroy(struct mail *m);
/* The bytes are copied.  0: they wait, or have left; -errno: they are lost. */
MUST_USE int mail_put(struct mail *m, const struct endpoint *to, const uint8_t *msg, size_t size);
/* All that waits leaves; what the kernel refuses is lost, and nothing else: udp_stats() counts it. */
void mail_flush(struct mail *m);

#endif
