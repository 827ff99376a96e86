/* ARP and RARP frames of one device, heard through libpcap in both directions. */
#ifndef VR_PORT_PCAP_H
#define VR_PORT_PCAP_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

struct port_pcap;

struct port_pcap_stats {
	uint64_t drop_vlan;   /* with a tag of a VLAN other than 0 */
	uint64_t drop_kernel; /* lost before we read */
};

/* 'outgoing': this host sent it, we or its kernel.  A priority tag is taken out. */
typedef void port_pcap_fn(void *ctx, const uint8_t *frame, size_t size, bool outgoing);

/* The device must be up.  0 or -errno, with libpcap's words in the log. */
MUST_USE int port_pcap_create(const char *device, struct log *log, struct port_pcap **out);
void port_pcap_destroy(struct port_pcap *pc);

/* Readable when something was heard in either direction. */
int port_pcap_fd(const struct port_pcap *pc);
/* Hands up a bounded batch; frames are valid for the call.  0, or -ENETDOWN when the device failed. */
MUST_USE int port_pcap_read(struct port_pcap *pc, port_pcap_fn *fn, void *ctx);
void port_pcap_stats(struct port_pcap *pc, struct port_pcap_stats *out);

#endif
