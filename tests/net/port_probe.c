/* Opens LAN ports and says what they hear, one JSON object per line; does what it is told on its
 * standard input.  For tests/net/port_rig.py.
 *
 *   port_probe [--nic-mac] [--mac MAC] [--no-vnet|--vnet] [--no-udp] [--guard PREFIX]... --device NAME [--device NAME]
 *
 * With two devices it relays: what one port hears leaves by the other.  Then nothing is printed
 * but "ready" and answers.
 *
 *   inject HEX        an ARP, RARP or claim frame
 *   send HEX          a plain bulk frame
 *   back on|off       send every super-frame that is heard out again, its MACs exchanged
 *   stats             counters of each port
 *   quit
 *
 * "us" of a control frame is its age, when its sender wrote CLOCK_MONOTONIC's nanoseconds as eight
 * big-endian bytes behind the ARP message. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/fmt.h"
#include "vr/port.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define STAMP_AT 42

struct probe {
	struct port *port[2];
	unsigned count;
	struct port_conf device[2]; /* options count for the devices behind them */
	unsigned devices;
	bool is_back;
	struct prefix guard[16];
	struct port_conf conf;
};

static us_t
clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * US_S + t.tv_nsec / 1000;
}

static void
print_hex(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++)
		printf("%02x", data[i]);
}

static size_t
read_hex(const char *text, uint8_t *out, size_t room)
{
	size_t size = 0;
	unsigned byte;

	for (; size < room && sscanf(text, "%2x", &byte) == 1 && text[1] != '\0'; text += 2)
		out[size++] = (uint8_t)byte;
	return size;
}

static void
say_frame(const struct frame *f)
{
	static const char *const gso[] = {"none", "tcp4", "tcp6", "udp"};
	struct ip ip = {0};
	struct eth eth;

	if (eth_parse(f->data, f->size, &eth) < 0)
		return;
	printf("{\"event\":\"frame\",\"size\":%zu,\"dst\":\"%s\",", f->size, fmt_mac(eth.dst).s);
	printf("\"src\":\"%s\",\"type\":%u,", fmt_mac(eth.src).s, eth.type);
	if (ip_parse(f->data + ETH_SIZE, f->size - ETH_SIZE, &ip) == 0)
		printf("\"ip_src\":\"%s\",\"proto\":%u,\"dport\":%u,", fmt_addr(ip.src).s, ip.proto,
		       ip.dport);
	printf("\"gso\":\"%s\",\"gso_size\":%u,\"partial\":%s,\"verified\":%s}\n", gso[f->gso],
	       f->gso_size, f->csum_partial ? "true" : "false",
	       f->csum_verified ? "true" : "false");
}

static void
send_back(struct port *port, struct frame *f)
{
	struct eth eth;
	struct mac dst;

	if (f->gso == FRAME_GSO_NONE || eth_parse(f->data, f->size, &eth) < 0)
		return;
	dst = eth.dst;
	eth.dst = eth.src;
	eth.src = dst;
	eth_build(&eth, f->data);
	if (port_send(port, f) < 0)
		printf("{\"event\":\"refused\"}\n");
}

static void
heard(void *ctx, unsigned port, struct frame *f, us_t now)
{
	struct probe *probe = ctx;

	(void)now;
	if (probe->count == 2) {
		/* The port counts what it cannot send. */
		if (port_send(probe->port[1 - port], f) < 0)
			return;
		return;
	}
	say_frame(f);
	if (probe->is_back)
		send_back(probe->port[port], f);
}

static void
heard_control(void *ctx, unsigned port, const uint8_t *frame, size_t size, bool outgoing, us_t now)
{
	struct probe *probe = ctx;
	us_t age = 0;

	(void)now;
	if (probe->count == 2) {
		if (!outgoing && port_inject(probe->port[1 - port], frame, size) < 0)
			printf("{\"event\":\"refused\"}\n");
		return;
	}
	if (size >= STAMP_AT + 8) {
		uint64_t stamp =
			(uint64_t)be32_get(frame + STAMP_AT) << 32 | be32_get(frame + STAMP_AT + 4);

		age = clock_us() - (us_t)(stamp / 1000);
	}
	printf("{\"event\":\"control\",\"outgoing\":%s,\"us\":%lld,\"hex\":\"",
	       outgoing ? "true" : "false", (long long)age);
	print_hex(frame, size);
	printf("\"}\n");
}

static void
ended(void *ctx, us_t now)
{
	struct probe *probe = ctx;

	(void)now;
	for (unsigned i = 0; i < probe->count; i++)
		port_flush(probe->port[i]);
}

static void
say_stats(const struct probe *probe, unsigned index)
{
	struct port_stats s;

	port_stats(probe->port[index], &s);
	printf("{\"event\":\"stats\",\"port\":%u", index);
#define SAY(name) printf(",\"" #name "\":%llu", (unsigned long long)s.name)
	SAY(rx_frames);
	SAY(rx_bytes);
	SAY(tx_frames);
	SAY(tx_bytes);
	SAY(rx_control);
	SAY(tx_control);
	SAY(rx_echoes);
	SAY(drop_vlan);
	SAY(drop_kernel);
	SAY(drop_tx);
	SAY(drop_malformed);
	SAY(drop_too_large);
#undef SAY
	printf("}\n");
}

static void
do_send(struct probe *probe, const char *hex)
{
	uint8_t room[FRAME_HEADROOM + 2048];
	struct frame f = {.data = room + FRAME_HEADROOM};
	int rc;

	f.size = read_hex(hex, f.data, sizeof(room) - FRAME_HEADROOM);
	rc = port_send(probe->port[0], &f);
	port_flush(probe->port[0]);
	printf("{\"event\":\"sent\",\"rc\":%d}\n", rc);
}

static void
do_inject(struct probe *probe, const char *hex)
{
	uint8_t frame[2048];
	size_t size = read_hex(hex, frame, sizeof(frame));
	int rc = port_inject(probe->port[0], frame, size);

	printf("{\"event\":\"injected\",\"rc\":%d}\n", rc);
}

/* False at the end. */
static bool
obey(struct probe *probe, const char *line)
{
	if (strncmp(line, "inject ", 7) == 0)
		do_inject(probe, line + 7);
	else if (strncmp(line, "send ", 5) == 0)
		do_send(probe, line + 5);
	else if (strncmp(line, "back ", 5) == 0)
		probe->is_back = strncmp(line + 5, "on", 2) == 0;
	else if (strncmp(line, "stats", 5) == 0)
		for (unsigned i = 0; i < probe->count; i++)
			say_stats(probe, i);
	else
		return false;
	return true;
}

#define FDS_PER_PORT 3

/* A device that comes back has other descriptors. */
static void
list_descriptors(const struct probe *probe, struct pollfd *fds)
{
	for (unsigned i = 0; i < probe->count; i++) {
		const struct port *port = probe->port[i];
		struct pollfd *own = fds + (size_t)FDS_PER_PORT * i;

		own[0] = (struct pollfd){port_bulk_fd(port), POLLIN, 0};
		own[1] = (struct pollfd){port_control_fd(port), POLLIN, 0};
		own[2] = (struct pollfd){port_link_event_fd(port), POLLIN, 0};
	}
}

static void
run(struct probe *probe)
{
	struct pollfd fds[1 + 2 * FDS_PER_PORT] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	char line[8192];

	for (;;) {
		fflush(stdout);
		list_descriptors(probe, fds + 1);
		if (poll(fds, 1 + FDS_PER_PORT * probe->count, -1) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		for (unsigned i = 0; i < probe->count; i++) {
			const struct pollfd *own = fds + 1 + (size_t)FDS_PER_PORT * i;

			if (own[0].revents != 0)
				port_bulk_readable(probe->port[i], clock_us());
			if (own[1].revents != 0)
				port_control_readable(probe->port[i], clock_us());
			if (own[2].revents != 0)
				port_link_event_readable(probe->port[i], clock_us());
		}
		if (fds[0].revents != 0 &&
		    (fgets(line, sizeof(line), stdin) == NULL || !obey(probe, line)))
			return;
	}
}

static bool
parse_arguments(struct probe *probe, int argc, char **argv)
{
	struct port_conf *conf = &probe->conf;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--nic-mac") == 0)
			conf->use_nic_mac = true;
		else if (strcmp(argv[i], "--no-vnet") == 0)
			conf->vnet_hdr = false;
		else if (strcmp(argv[i], "--vnet") == 0)
			conf->vnet_hdr = true;
		else if (strcmp(argv[i], "--no-udp") == 0)
			conf->udp_super_frames = false;
		else if (strcmp(argv[i], "--mac") == 0 && i + 1 < argc &&
			 mac_from_text(argv[i + 1], &conf->router_mac) == 0)
			i++;
		else if (strcmp(argv[i], "--guard") == 0 && i + 1 < argc &&
			 conf->guard_count < ARRAY_COUNT(probe->guard) &&
			 prefix_from_text(argv[i + 1], &probe->guard[conf->guard_count]) == 0)
			i++, conf->guard_count++;
		else if (strcmp(argv[i], "--device") == 0 && i + 1 < argc && probe->devices < 2) {
			conf->device = argv[++i];
			conf->number = probe->devices;
			probe->device[probe->devices++] = *conf;
		} else {
			return false;
		}
	}
	return probe->devices > 0;
}

int
main(int argc, char **argv)
{
	static const struct port_ops ops = {
		.frame = heard, .control = heard_control, .batch_end = ended};
	struct probe probe = {.conf = {.vnet_hdr = true,
				       .udp_super_frames = true,
				       .ignore_outgoing = true,
				       .nftables = true,
				       .nft_owner = true,
				       .router_mac = {{0x02, 0x56, 0x52, 0, 0, 0x07}}}};
	struct log *log = log_create(LOG_DEBUG, NULL);
	int rc = 0;

	setvbuf(stdin, NULL, _IONBF, 0);
	probe.conf.guard = probe.guard;
	if (log == NULL || !parse_arguments(&probe, argc, argv))
		return 2;
	for (unsigned i = 0; rc == 0 && i < probe.devices; i++) {
		rc = port_create(&probe.device[i], &ops, &probe, log, &probe.port[probe.count]);
		probe.count += rc == 0;
	}
	if (rc == 0) {
		printf("{\"event\":\"ready\",\"mac\":\"%s\",", fmt_mac(port_mac(probe.port[0])).s);
		printf("\"mtu\":%u,\"vnet\":%s}\n", port_mtu(probe.port[0]),
		       port_has_vnet_hdr(probe.port[0]) ? "true" : "false");
		run(&probe);
	}
	while (probe.count > 0)
		port_destroy(probe.port[--probe.count]);
	log_destroy(log);
	return rc == 0 ? 0 : 1;
}
