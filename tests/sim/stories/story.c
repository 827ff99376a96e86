/* What stories share. */
#include "tests/sim/stories/story.h"

#include <stdlib.h>

struct sim *
story_world(size_t routers, enum sim_layout layout)
{
	struct sim_params params = {.seed = 1,
				    .routers = routers,
				    .layout = layout,
				    .delay_min = 5 * US_MS,
				    .delay_max = 5 * US_MS};
	struct sim *sim = sim_create(&params);

	sim_trace(sim, getenv("SIM_TRACE") != NULL);
	sim_run(sim, US_S);
	return sim;
}

void
story_end(struct sim *sim)
{
	assert_all_well(sim);
	sim_destroy(sim);
}
