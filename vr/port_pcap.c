/* Two captures, one for each direction, because libpcap does not say a frame's direction; an epoll
 * descriptor makes one of them. */
#include "vr/port_pcap.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/epoll.h>

#include <pcap/pcap.h>

#include "wire/eth.h"
#include "wire/rd.h"

#define SNAPLEN     128
#define BUFFER_SIZE (1 << 20)
#define BATCH       64
#define TAG_SIZE    4

struct capture {
	struct port_pcap *owner;
	pcap_t *pcap;
	bool outgoing;
	uint32_t dropped; /* libpcap's own 32-bit count, as last read */
};

struct port_pcap {
	struct capture in, out;
	int epoll;
	struct port_pcap_stats stats;
	/* Of the call in progress. */
	port_pcap_fn *fn;
	void *ctx;
};

static int
error_number(int pcap_error)
{
	switch (pcap_error) {
	case PCAP_ERROR_PERM_DENIED:
		return -EPERM;
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return -ENODEV;
	case PCAP_ERROR_IFACE_NOT_UP:
		return -ENETDOWN;
	default:
		return -EIO;
	}
}

/* A tag in the frame's metadata hides from this filter, and libpcap puts it back afterwards: tagged
 * ARP comes up and is counted.  A tag in the frame's bytes is the bulk socket's to count. */
static int
set_filter(struct capture *c)
{
	struct bpf_program program;
	int rc;

	if (pcap_compile(c->pcap, &program, "arp or rarp", 1, PCAP_NETMASK_UNKNOWN) < 0)
		return PCAP_ERROR;
	rc = pcap_setfilter(c->pcap, &program);
	pcap_freecode(&program);
	return rc;
}

static int
capture_open(struct capture *c)
{
	int rc;

	if ((rc = pcap_set_snaplen(c->pcap, SNAPLEN)) < 0 ||
	    (rc = pcap_set_promisc(c->pcap, 0)) < 0 || /* the bulk socket makes it so */
	    (rc = pcap_set_immediate_mode(c->pcap, 1)) < 0 ||
	    (rc = pcap_set_buffer_size(c->pcap, BUFFER_SIZE)) < 0)
		return rc;
	rc = pcap_activate(c->pcap);
	if (rc < 0)
		return rc;
	if (pcap_datalink(c->pcap) != DLT_EN10MB)
		return PCAP_ERROR_NO_SUCH_DEVICE;
	rc = pcap_setdirection(c->pcap, c->outgoing ? PCAP_D_OUT : PCAP_D_IN);
	return rc < 0 ? rc : set_filter(c);
}

static int
capture_create(struct capture *c, const char *device, struct log *log)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
	char text[PCAP_ERRBUF_SIZE] = "";
	int rc;

	c->pcap = pcap_create(device, text);
	if (c->pcap == NULL) {
		log_line(log, LOG_ERROR, "port", "%s: libpcap: %s", device, text);
		return -ENOMEM;
	}
	rc = capture_open(c);
	if (rc < 0) {
		log_line(log, LOG_ERROR, "port", "%s: libpcap: %s: %s", device,
			 pcap_statustostr(rc), pcap_geterr(c->pcap));
		return error_number(rc);
	}
	if (pcap_setnonblock(c->pcap, 1, text) < 0) {
		log_line(log, LOG_ERROR, "port", "%s: libpcap: %s", device, text);
		return -EIO;
	}
	if (epoll_ctl(c->owner->epoll, EPOLL_CTL_ADD, pcap_get_selectable_fd(c->pcap), &event) < 0)
		return -errno;
	return 0;
}

int
port_pcap_create(const char *device, struct log *log, struct port_pcap **out)
{
	struct port_pcap *pc = calloc(1, sizeof(*pc));
	int rc;

	if (pc == NULL)
		return -ENOMEM;
	pc->in = (struct capture){.owner = pc};
	pc->out = (struct capture){.owner = pc, .outgoing = true};
	pc->epoll = epoll_create1(EPOLL_CLOEXEC);
	rc = pc->epoll < 0 ? -errno : 0;
	if (rc == 0)
		rc = capture_create(&pc->in, device, log);
	if (rc == 0)
		rc = capture_create(&pc->out, device, log);
	if (rc < 0) {
		port_pcap_destroy(pc);
		return rc;
	}
	*out = pc;
	return 0;
}

void
port_pcap_destroy(struct port_pcap *pc)
{
	if (pc == NULL)
		return;
	if (pc->in.pcap != NULL)
		pcap_close(pc->in.pcap);
	if (pc->out.pcap != NULL)
		pcap_close(pc->out.pcap);
	if (pc->epoll >= 0)
		close(pc->epoll);
	free(pc);
}

int
port_pcap_fd(const struct port_pcap *pc)
{
	return pc->epoll;
}

static bool
take_tag_out(const uint8_t *frame, size_t size, uint8_t *plain)
{
	struct rd r = rd_make(frame, size);
	const uint8_t *macs = rd_bytes(&r, ETH_SIZE - 2);
	uint16_t type = rd_u16(&r), tag = rd_u16(&r);

	if (macs == NULL || r.failed || type != ETH_VLAN || (tag & 0xfff) != 0)
		return false;
	memcpy(plain, macs, ETH_SIZE - 2);
	memcpy(plain + ETH_SIZE - 2, r.data, r.size);
	return true;
}

static void
heard(u_char *user, const struct pcap_pkthdr *h, const u_char *frame)
{
	/* libpcap's way of handing back what pcap_dispatch() was given. */
	struct capture *c = (struct capture *)(void *)user;
	struct port_pcap *pc = c->owner;
	uint8_t plain[SNAPLEN];
	size_t size = h->caplen;
	struct eth eth;

	if (size > SNAPLEN || eth_parse(frame, size, &eth) < 0)
		return;
	if (eth.type != ETH_VLAN && eth.type != ETH_QINQ) {
		pc->fn(pc->ctx, frame, size, c->outgoing);
	} else if (take_tag_out(frame, size, plain)) {
		pc->fn(pc->ctx, plain, size - TAG_SIZE, c->outgoing);
	} else {
		pc->stats.drop_vlan++;
	}
}

static int
capture_read(struct capture *c)
{
	int n = pcap_dispatch(c->pcap, BATCH, heard, (u_char *)(void *)c);

	return n == PCAP_ERROR ? -ENETDOWN : 0;
}

int
port_pcap_read(struct port_pcap *pc, port_pcap_fn *fn, void *ctx)
{
	int out, in;

	pc->fn = fn;
	pc->ctx = ctx;
	/* What we sent is noted before it can come back. */
	out = capture_read(&pc->out);
	in = capture_read(&pc->in);
	return in < 0 ? in : out;
}

static uint64_t
dropped_since(struct capture *c)
{
	struct pcap_stat now;
	uint32_t more;

	if (pcap_stats(c->pcap, &now) < 0)
		return 0;
	more = now.ps_drop - c->dropped;
	c->dropped = now.ps_drop;
	return more;
}

void
port_pcap_stats(struct port_pcap *pc, struct port_pcap_stats *out)
{
	pc->stats.drop_kernel += dropped_since(&pc->in) + dropped_since(&pc->out);
	*out = pc->stats;
}
