/* The world's clock and its events. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world.h"

/* ---- chance: xorshift128+ (Vigna) ---- */

static uint64_t
next_random(struct sim *sim)
{
	uint64_t a = sim->random[0];
	uint64_t b = sim->random[1];

	sim->random[0] = b;
	a ^= a << 23;
	sim->random[1] = a ^ b ^ (a >> 17) ^ (b >> 26);
	return sim->random[1] + b;
}

uint64_t
sim_random(struct sim *sim, uint64_t limit)
{
	return limit == 0 ? 0 : next_random(sim) % limit;
}

bool
sim_chance(struct sim *sim, unsigned of_1000)
{
	return of_1000 != 0 && sim_random(sim, 1000) < of_1000;
}

/* ---- events: a binary heap ---- */

static bool
is_before(const struct due *a, const struct due *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void
heap_push(struct sim *sim, struct due due)
{
	size_t i;

	if (sim->heap_count == sim->heap_room) {
		sim->heap_room = sim->heap_room == 0 ? 1024 : 2 * sim->heap_room;
		sim->heap = realloc(sim->heap, sim->heap_room * sizeof(*sim->heap));
		BUG_IF(sim->heap == NULL);
	}
	for (i = sim->heap_count++; i > 0 && is_before(&due, &sim->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		sim->heap[i] = sim->heap[(i - 1) / 2];
	sim->heap[i] = due;
}

static struct due
heap_pop(struct sim *sim)
{
	struct due first = sim->heap[0];
	struct due last = sim->heap[--sim->heap_count];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= sim->heap_count)
			break;
		if (child + 1 < sim->heap_count &&
		    is_before(&sim->heap[child + 1], &sim->heap[child]))
			child++;
		if (!is_before(&sim->heap[child], &last))
			break;
		sim->heap[i] = sim->heap[child];
		i = child;
	}
	sim->heap[i] = last;
	return first;
}

struct event *
event_add(struct sim *sim, us_t delay, void (*run)(struct sim *, struct event *), const void *bytes,
	  size_t size)
{
	struct event *e = sim->free_events;

	if (e != NULL)
		sim->free_events = e->next_free;
	else
		e = malloc(sizeof(*e));
	BUG_IF(e == NULL);
	*e = (struct event){.run = run, .size = size};
	/* Of exactly this size: a sanitizer finds who reads behind it. */
	if (size > 0) {
		e->bytes = malloc(size);
		BUG_IF(e->bytes == NULL);
		memcpy(e->bytes, bytes, size);
	}
	heap_push(sim, (struct due){.at = sim->now + delay, .order = ++sim->order, .event = e});
	return e;
}

static void
event_free(struct sim *sim, struct event *e)
{
	free(e->bytes);
	e->next_free = sim->free_events;
	sim->free_events = e;
}

static void
run_call(struct sim *sim, struct event *e)
{
	e->call(sim, e->arg, e->number);
}

void
sim_after(struct sim *sim, us_t delay, void (*fn)(struct sim *sim, void *arg, uint64_t number),
	  void *arg, uint64_t number)
{
	struct event *e = event_add(sim, delay, run_call, NULL, 0);

	e->call = fn;
	e->arg = arg;
	e->number = number;
}

void
sim_run(struct sim *sim, us_t duration)
{
	us_t end = sim->now + duration;

	while (sim->heap_count > 0 && sim->heap[0].at <= end) {
		struct due due = heap_pop(sim);

		sim->now = due.at;
		due.event->run(sim, due.event);
		event_free(sim, due.event);
	}
	sim->now = end;
}

/* ---- the world ---- */

us_t
sim_now(const struct sim *sim)
{
	return sim->now;
}

size_t
sim_routers(const struct sim *sim)
{
	return sim->params.routers;
}

size_t
sim_vns(const struct sim *sim)
{
	return sim->params.vns;
}

struct addr
sim_ip(size_t site, unsigned host)
{
	return (struct addr){.family = ADDR_V4, .b = {10, 1, (uint8_t)site, (uint8_t)host}};
}

const char *
sim_fault(const struct sim *sim)
{
	return sim->fault;
}

void
sim_set_fault(struct sim *sim, const char *format, ...)
{
	va_list args;

	/* The first says most. */
	if (sim->fault[0] != '\0')
		return;
	va_start(args, format);
	vsnprintf(sim->fault, sizeof(sim->fault), format, args);
	va_end(args);
}

static void
choose_delays(struct sim *sim)
{
	size_t n = sim->params.routers;
	us_t low = sim->params.delay_min, high = sim->params.delay_max;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			us_t delay = low + (us_t)sim_random(sim, (uint64_t)(high - low + 1));

			sim->delays[i * n + j] = delay;
			sim->delays[j * n + i] = delay;
		}
}

struct sim *
sim_create(const struct sim_params *params)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	size_t n = params->routers;

	BUG_IF(sim == NULL || n == 0 || n > 250 || params->vns > SIM_VNS_MAX);
	sim->params = *params;
	if (sim->params.vns == 0)
		sim->params.vns = 1;
	if (sim->params.delay_max == 0)
		sim->params.delay_min = sim->params.delay_max = US_MS;
	if (sim->params.hello == 0)
		sim->params.hello = US_S;
	if (sim->params.mtu == 0)
		sim->params.mtu = 1400;
	sim->now = US_S;
	sim->random[0] = params->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	sim->random[1] = ~sim->random[0];
	for (int i = 0; i < 16; i++)
		(void)next_random(sim);
	sim->subnet = prefix_make(sim_ip(0, 0), 16);
	sim->nodes = calloc(n, sizeof(*sim->nodes));
	sim->delays = calloc(n * n, sizeof(*sim->delays));
	sim->cuts = calloc(n * n, 1);
	BUG_IF(sim->nodes == NULL || sim->delays == NULL || sim->cuts == NULL);
	choose_delays(sim);
	for (size_t i = 0; i < n; i++)
		node_init(sim, i);
	for (size_t i = 0; i < n; i++)
		make_conf(sim, &sim->nodes[i]);
	for (size_t i = 0; i < n; i++)
		sim_start(sim, i, false);
	return sim;
}

void
sim_destroy(struct sim *sim)
{
	if (sim == NULL)
		return;
	for (size_t i = 0; i < sim->params.routers; i++)
		vr_destroy(sim->nodes[i].vr);
	for (size_t i = 0; i < sim->params.routers; i++)
		free_conf(sim, &sim->nodes[i]);
	for (size_t i = 0; i < sim->params.routers; i++)
		node_fini(&sim->nodes[i]);
	for (size_t i = 0; i < sim->machine_count; i++)
		machine_free(sim->machines[i]);
	for (size_t i = 0; i < sim->heap_count; i++)
		event_free(sim, sim->heap[i].event);
	while (sim->free_events != NULL) {
		struct event *e = sim->free_events;

		sim->free_events = e->next_free;
		free(e);
	}
	free(sim->heap);
	free(sim->nodes);
	free(sim->delays);
	free(sim->cuts);
	free(sim->machines);
	free(sim->packets);
	free(sim);
}
