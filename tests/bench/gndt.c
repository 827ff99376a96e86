/* What the GNDT costs by itself: look-ups and changes per second, memory per prefix.
 *
 *     gndt [KIND [PREFIXES...]]        all kinds, with 1000, 100000 and 1000000, when none are named
 *
 * One JSON line per kind of table and number of prefixes.  Time is that of the processor, memory
 * what is resident.  Addresses are random among those that have a route, and looked up in
 * batches; beside them stand so many reads of random cache lines of an array that is as large as
 * the table, in batches too.  All random numbers come from one seed. */
#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tables/gndt.h"
#include "tests/bench/clock.h"
#include "tests/bench/resident.h"

#define VN         7
#define ADDRESSES  (1u << 18)
#define BATCH      256
#define ROUTERS    256
#define SECONDS    0.3
#define CACHE_LINE 64

struct share {
	unsigned len, per_mille;
};

/* Of a thousand prefixes so many have this length: near what is seen in the routing tables of
 * the Internet, where six of ten prefixes of IPv4 are a /24 and half of those of IPv6 a /48
 * (docs/performance.md). */
static const struct share bgp4[] = {{8, 0},    {12, 1},   {14, 1},  {15, 2},  {16, 14},
				    {17, 8},   {18, 15},  {19, 26}, {20, 46}, {21, 54},
				    {22, 115}, {23, 105}, {24, 613}};
static const struct share bgp6[] = {{29, 30}, {32, 120}, {33, 15}, {34, 15}, {36, 30},
				    {38, 10}, {40, 105}, {42, 20}, {44, 90}, {45, 10},
				    {46, 25}, {47, 30},  {48, 500}};

struct kind {
	const char *name;
	bool six;
	const struct share *shares; /* NULL: each length from 'shortest' to 'longest' alike */
	size_t share_count;
	unsigned shortest, longest;
};

static const struct kind kinds[] = {
	{"v4_bgp", false, bgp4, ARRAY_COUNT(bgp4), 0, 0},
	{"v4_uniform", false, NULL, 0, 8, 32},
	{"v4_hosts", false, NULL, 0, 32, 32},
	{"v6_bgp", true, bgp6, ARRAY_COUNT(bgp6), 0, 0},
	{"v6_uniform", true, NULL, 0, 16, 128},
	{"v6_hosts", true, NULL, 0, 128, 128},
};

struct rig {
	const struct kind *kind;
	struct gndt *gndt;
	struct prefix *prefixes;
	uint32_t count;
	struct addr *addrs;
	uint64_t random;
	uint64_t sum; /* of what was found, so that nothing is left out */
};

/* xorshift64* */
static uint64_t
random_next(struct rig *rig)
{
	rig->random ^= rig->random >> 12;
	rig->random ^= rig->random << 25;
	rig->random ^= rig->random >> 27;
	return rig->random * UINT64_C(0x2545f4914f6cdd1d);
}

static uint32_t
random_below(struct rig *rig, uint32_t limit)
{
	return (uint32_t)((random_next(rig) >> 32) * limit >> 32);
}

static double
process_seconds(void)
{
	return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

/* All of it is resident: zeros are not. */
static void *
written(size_t size)
{
	void *memory = malloc(size);

	BUG_IF(memory == NULL);
	memset(memory, 1, size);
	return memory;
}

static struct addr
random_addr(struct rig *rig)
{
	uint8_t bytes[16];

	for (size_t i = 0; i < sizeof(bytes); i += 8) {
		uint64_t word = random_next(rig);

		memcpy(bytes + i, &word, sizeof(word));
	}
	if (!rig->kind->six) {
		bytes[0] = (uint8_t)(1 + bytes[0] % 223);
		return addr_make(ADDR_V4, bytes);
	}
	bytes[0] = 0x20 | (bytes[0] & 0x1f);
	return addr_make(ADDR_V6, bytes);
}

static unsigned
random_len(struct rig *rig)
{
	const struct kind *k = rig->kind;
	unsigned number = 0, total = 0;

	if (k->shares == NULL)
		return k->shortest + random_below(rig, k->longest - k->shortest + 1);
	for (size_t i = 0; i < k->share_count; i++)
		total += k->shares[i].per_mille;
	number = random_below(rig, total);
	for (size_t i = 0;; i++) {
		if (number < k->shares[i].per_mille)
			return k->shares[i].len;
		number -= k->shares[i].per_mille;
	}
}

/* An address that begins with the prefix. */
static struct addr
addr_inside(struct rig *rig, const struct prefix *p)
{
	struct addr a = random_addr(rig), kept = prefix_make(a, p->len).addr;

	for (size_t i = 0; i < sizeof(a.b); i++)
		a.b[i] = (uint8_t)((a.b[i] ^ kept.b[i]) | p->addr.b[i]);
	return a;
}

static int
put(struct rig *rig, struct prefix prefix)
{
	uint32_t router = random_below(rig, ROUTERS);
	struct gndt_route route = {.prefix = prefix, .vr = {1000 + router}, .slot = router};

	return gndt_put(rig->gndt, VN, &route);
}

/* Like the Internet's, half of the prefixes are inside one that is there, and an IPv6 registry
 * gives out neighbours. */
static struct prefix
random_prefix(struct rig *rig)
{
	unsigned len = random_len(rig);
	struct addr a = random_addr(rig);

	if (rig->kind->shares != NULL && rig->count > 0 && random_below(rig, 2) == 0) {
		const struct prefix *p = &rig->prefixes[random_below(rig, rig->count)];

		if (p->len < len)
			a = addr_inside(rig, p);
	}
	return prefix_make(a, len);
}

static void
fill(struct rig *rig, uint32_t prefixes)
{
	rig->count = 0;
	while (rig->count < prefixes) {
		struct prefix p = random_prefix(rig);

		if (gndt_find_exact(rig->gndt, VN, p) != NULL)
			continue;
		BUG_IF(put(rig, p) != 0);
		rig->prefixes[rig->count++] = p;
	}
	for (size_t i = 0; i < ADDRESSES; i++)
		rig->addrs[i] = addr_inside(rig, &rig->prefixes[random_below(rig, rig->count)]);
}

static double
lookups_per_s(struct rig *rig)
{
	const struct gndt_target *found[BATCH];
	double start = process_seconds(), spent;
	uint64_t done = 0;

	do {
		for (size_t i = 0; i < ADDRESSES; i += BATCH) {
			gndt_find_batch(rig->gndt, VN, &rig->addrs[i], BATCH, found);
			for (size_t j = 0; j < BATCH; j++)
				rig->sum += found[j]->slot;
		}
		done += ADDRESSES;
		spent = process_seconds() - start;
	} while (spent < SECONDS);
	return (double)done / spent;
}

static double
single_lookups_per_s(struct rig *rig)
{
	double start = process_seconds(), spent;
	uint64_t done = 0;

	do {
		for (size_t i = 0; i < ADDRESSES; i++)
			rig->sum += gndt_find(rig->gndt, VN, rig->addrs[i])->slot;
		done += ADDRESSES;
		spent = process_seconds() - start;
	} while (spent < SECONDS);
	return (double)done / spent;
}

/* Reads of random cache lines of so much memory, none of which waits for another. */
static double
reads_per_s(struct rig *rig, size_t size)
{
	size_t lines = size / CACHE_LINE + 1;
	uint8_t *memory = malloc(lines * CACHE_LINE);
	uint32_t *order = malloc(ADDRESSES * sizeof(*order));
	uint64_t done = 0;
	double start, spent;

	BUG_IF(memory == NULL || order == NULL);
	memset(memory, 1, lines * CACHE_LINE);
	for (size_t i = 0; i < ADDRESSES; i++)
		order[i] = random_below(rig, (uint32_t)lines);
	start = process_seconds();
	do {
		for (size_t i = 0; i < ADDRESSES; i++)
			rig->sum += memory[(size_t)order[i] * CACHE_LINE];
		done += ADDRESSES;
		spent = process_seconds() - start;
	} while (spent < SECONDS);
	free(memory);
	free(order);
	return (double)done / spent;
}

/* A third each of routes taken out, put in again, and led to another router. */
static double
updates_per_s(struct rig *rig)
{
	uint32_t there = rig->count;
	double start = process_seconds(), spent;
	uint64_t done = 0;

	do {
		for (unsigned i = 0; i < 1024; i++) {
			uint32_t at = random_below(rig, there), away = there;
			struct prefix p = rig->prefixes[at];

			BUG_IF(put(rig, p) != 0);
			gndt_remove(rig->gndt, VN, p);
			/* The place of the one taken out is at the end; one of those comes back. */
			rig->prefixes[at] = rig->prefixes[--there];
			rig->prefixes[there] = p;
			if (rig->count - there > rig->count / 16 + 1) {
				away = there + random_below(rig, rig->count - there);
				p = rig->prefixes[away];
				BUG_IF(put(rig, p) != 0);
				rig->prefixes[away] = rig->prefixes[there];
				rig->prefixes[there++] = p;
				done++;
			}
			done += 2;
		}
		spent = process_seconds() - start;
	} while (spent < SECONDS);
	return (double)done / spent;
}

static void
measure(const struct kind *kind, uint32_t prefixes)
{
	static const struct hash_key key = {7, 8};
	struct rig rig = {.kind = kind, .random = 1};
	double lookups, singles, reads, updates;
	size_t before, size;

	rig.prefixes = written(prefixes * sizeof(*rig.prefixes));
	rig.addrs = written(ADDRESSES * sizeof(*rig.addrs));
	before = resident();
	rig.gndt = gndt_create(&key);
	BUG_IF(rig.gndt == NULL);
	fill(&rig, prefixes);
	size = resident() - before;
	lookups = lookups_per_s(&rig);
	singles = single_lookups_per_s(&rig);
	reads = reads_per_s(&rig, size);
	updates = updates_per_s(&rig);
	printf("{\"kind\": \"%s\", \"prefixes\": %" PRIu32 ", \"lookups_per_s\": %.0f, "
	       "\"single_lookups_per_s\": %.0f, \"line_reads_per_s\": %.0f, \"updates_per_s\": "
	       "%.0f, "
	       "\"bytes_per_prefix\": %.1f, \"route_bytes\": %zu, \"sum\": %" PRIu64 "}\n",
	       kind->name, prefixes, lookups, singles, reads, updates,
	       (double)size / (double)prefixes, sizeof(struct gndt_route), rig.sum);
	fflush(stdout);
	gndt_destroy(rig.gndt);
	free(rig.addrs);
	free(rig.prefixes);
}

/* In a process of its own, whose memory nobody has used before. */
static void
measure_apart(const struct kind *kind, uint32_t prefixes)
{
	pid_t child = fork();
	int status;

	BUG_IF(child < 0);
	if (child == 0) {
		measure(kind, prefixes);
		exit(0);
	}
	BUG_IF(waitpid(child, &status, 0) != child || status != 0);
}

int
main(int argc, char **argv)
{
	static const uint32_t numbers[] = {1000, 100000, 1000000};

	for (size_t k = 0; k < ARRAY_COUNT(kinds); k++) {
		if (argc > 1 && strcmp(argv[1], kinds[k].name) != 0)
			continue;
		for (size_t i = 0; argc < 3 && i < ARRAY_COUNT(numbers); i++)
			measure_apart(&kinds[k], numbers[i]);
		for (int i = 2; i < argc; i++)
			measure_apart(&kinds[k], (uint32_t)strtoul(argv[i], NULL, 10));
	}
	return 0;
}
