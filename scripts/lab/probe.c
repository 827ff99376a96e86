/* Probes of the lab: clients whose every byte and frame is accounted for.
 *
 *	probe udp  ADDRESS PORT HZ SIZE FLOW	numbered UDP requests to an echo service
 *	probe ping ADDRESS 0    HZ SIZE FLOW	numbered ICMP echo requests
 *	probe tcp  ADDRESS PORT RATE SEED	a checksummed download, RATE bytes per second
 *
 * "mark" on standard input is answered with one JSON object about the time since the last mark; "finish"
 * with one about the whole run, then the probe ends. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "probe/probe.h"

uint64_t
probe_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 7 && (strcmp(argv[1], "udp") == 0 || strcmp(argv[1], "ping") == 0))
		return probe_paced(argc, argv);
	if (argc == 6 && strcmp(argv[1], "tcp") == 0)
		return probe_tcp(argc, argv);
	fprintf(stderr, "usage: probe udp|ping ADDRESS PORT HZ SIZE FLOW\n"
			"       probe tcp ADDRESS PORT RATE SEED\n");
	return 2;
}
