/* The lab's probes: what they share. */
#ifndef LAB_PROBE_H
#define LAB_PROBE_H

#include <stdint.h>

/* CLOCK_MONOTONIC in microseconds. */
uint64_t probe_now(void);

/* Numbered requests at a fixed rate over UDP or ICMP echo, and their replies.  Runs until standard input ends or
 * says "finish"; returns the exit status. */
int probe_paced(int argc, char **argv);
/* A checksummed TCP download.  The same. */
int probe_tcp(int argc, char **argv);

#endif
