/* What stories share. */
#include "tests/sim/stories/story.h"

#include <stdlib.h>

struct sim_params
story_params(size_t routers, enum sim_layout layout)
{
	return (struct sim_params){.seed = 1,
				   .routers = routers,
				   .layout = layout,
				   .delay_min = 5 * US_MS,
				   .delay_max = 5 * US_MS};
}

static struct sim *
make(const struct sim_params *params)
{
	struct sim *sim = sim_create(params);

	sim_trace(sim, getenv("SIM_TRACE") != NULL);
	sim_run(sim, US_S);
	return sim;
}

struct sim *
story_world(size_t routers, enum sim_layout layout)
{
	struct sim_params params = story_params(routers, layout);

	return make(&params);
}

void
story_end(struct sim *sim)
{
	if (!sim_all_agree(sim))
		fail_msg("%s", sim_fault(sim));
	sim_destroy(sim);
}

struct cast
story_cast(enum sim_layout layout)
{
	return story_cast_tuned(layout, NULL);
}

struct cast
story_cast_tuned(enum sim_layout layout, void (*tune)(struct conf *conf, size_t router))
{
	struct sim_params params = story_params(3, layout);

	params.tune = tune;
	return story_cast_with(&params);
}

void
story_hosts_a_and_b(struct conf *conf, size_t router)
{
	static const char *const names[] = {"a", "b"};

	(void)router;
	sim_set_hosts(conf, names, ARRAY_COUNT(names));
}

struct cast
story_cast_with(const struct sim_params *params)
{
	struct cast c = {.sim = make(params)};

	c.vm = sim_add(c.sim, SIM_VN, A, 50);
	c.native_a = sim_add(c.sim, SIM_VN, A, 10);
	c.native_b = sim_add(c.sim, SIM_VN, B, 10);
	c.client = sim_add(c.sim, SIM_VN, C, 10);
	for (size_t i = 0; i < sim_machine_count(c.sim); i++)
		sim_speak(c.sim, sim_machine_at(c.sim, i));
	sim_run(c.sim, US_S);
	return c;
}

void
story_talk(struct cast *c, us_t interval)
{
	struct sim_machine *others[] = {c->native_a, c->native_b, c->client};

	for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
		sim_talk(c->sim, others[i], c->vm, interval);
		sim_talk(c->sim, c->vm, others[i], interval);
	}
	/* Until ARP is settled. */
	sim_run(c->sim, 500 * US_MS);
}

void
story_expect_talk(struct cast *c, us_t interval)
{
	struct sim_machine *others[] = {c->native_a, c->native_b, c->client};
	uint64_t per_second = (uint64_t)(US_S / interval);
	uint64_t before[4];

	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		before[i] = sim_stats(others[i])->received;
	before[3] = sim_stats(c->vm)->received;
	sim_run(c->sim, US_S);
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		assert_in_range(sim_stats(others[i])->received - before[i], per_second - 1,
				per_second + 1);
	assert_in_range(sim_stats(c->vm)->received - before[3], 3 * per_second - 3,
			3 * per_second + 3);
}

void
story_expect_at(struct sim *sim, struct sim_machine *m, size_t site)
{
	assert_int_equal(sim_machine_site(m), site);
	if (!sim_all_know(sim, m))
		fail_msg("%s", sim_fault(sim));
}
