/* How tables come to agree, when not everything is heard in order, or at all. */
#include "tests/sim/stories/story.h"

void
two_claims_at_one_time_are_settled_alike(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);

		/* B and C hear it in the same moment: equal counters, and each thinks that it has it. */
		sim_rarp(c.sim, SIM_VN, B, sim_machine_mac(c.vm));
		sim_migrate_now(c.sim, c.vm, C, true, false);
		sim_run(c.sim, 3 * US_MS);
		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)), B);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), C);
		sim_run(c.sim, 8 * US_MS);
		/* Everybody has decided, and in the same way. */
		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)),
				 sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)));
		assert_int_equal(sim_owner(c.sim, B, SIM_VN, sim_machine_ip(c.vm)),
				 sim_owner(c.sim, A, SIM_VN, sim_machine_ip(c.vm)));
		/* The machine itself has the last word. */
		sim_run(c.sim, US_S);
		story_expect_at(c.sim, c.vm, C);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

struct late {
	bool hold;
	struct sync_msg page;
};

static bool
hold_tables(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	struct late *late = arg;

	if (msg->type != SYNC_TABLE || from != A || to != C || !late->hold)
		return true;
	late->page = *msg;
	return false;
}

void
a_page_of_an_earlier_pull_takes_nothing_away(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct late late = {.hold = true};
		struct sim *sim = story_world(3, layout);
		struct sim_machine *first, *second;

		/* C asks for A's table, and the answer stays on its way. */
		sim_filter(sim, hold_tables, &late);
		sim_crash(sim, C);
		sim_start(sim, C, false);
		first = sim_add(sim, SIM_VN, A, 50);
		sim_speak(sim, first);
		sim_run(sim, 3 * US_S);
		late.hold = false;
		sim_run(sim, 12 * US_S);
		story_expect_at(sim, first, A);
		/* Much later another one comes, and C asks again, for it missed the news. */
		second = sim_add(sim, SIM_VN, A, 51);
		sim_cut(sim, A, C, true);
		sim_speak(sim, second);
		sim_run(sim, 10 * US_S);
		late.hold = true;
		sim_cut(sim, A, C, false);
		sim_run(sim, 1100 * US_MS);
		/* Now the old page arrives: it is true no longer. */
		late.page.id -= 1000;
		late.page.table.count = 0;
		late.page.table.is_last = true;
		late.page.table.after = (struct addr){.family = ADDR_NONE};
		sim_forge_sync(sim, A, C, &late.page);
		assert_int_equal(sim_owner(sim, C, SIM_VN, sim_machine_ip(first)), A);
		late.hold = false;
		sim_run(sim, 12 * US_S);
		story_end(sim);
	}
}

static bool
no_news_for_c(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	unsigned *queries = arg;

	if (msg->type == SYNC_QUERY && from == C)
		++*queries;
	return to != C || (msg->type != SYNC_DELTA && msg->type != SYNC_TABLE);
}

void
who_hears_a_machine_from_elsewhere_asks_there(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		unsigned queries = 0;
		uint64_t packet;

		sim_talk(c.sim, c.client, c.vm, 100 * US_MS);
		sim_run(c.sim, US_S);
		sim_filter(c.sim, no_news_for_c, &queries);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 500 * US_MS);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), A);
		/* It is delivered at once, and B asked whether it has the sender. */
		packet = sim_send(c.sim, c.vm, sim_machine_ip(c.client));
		sim_run(c.sim, 16 * US_MS);
		assert_int_equal(sim_received(c.sim, packet), 1);
		assert_int_equal(queries, 1);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), B);
		sim_filter(c.sim, NULL, NULL);
		sim_run(c.sim, 12 * US_S);
		story_end(c.sim);
	}
}

static void
one_gateway_for_all(struct conf *conf, size_t router)
{
	(void)router;
	for (size_t i = 0; i < conf->vn_count; i++) {
		struct conf_vn *vn = &conf->vns[i];

		vn->addresses = calloc(1, sizeof(*vn->addresses));
		assert_non_null(vn->addresses);
		vn->addresses[0] = (struct conf_address){.addr = sim_ip(0, 1), .len = 16};
		vn->address_count = 1;
	}
}

static bool
count_pulls(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	(void)from;
	(void)to;
	*(unsigned *)arg += msg->type == SYNC_PULL;
	return true;
}

void
a_gateway_at_every_site_is_no_reason_to_ask_for_ever(void **state)
{
	struct sim_params params = story_params(3, SIM_STRETCHED);
	unsigned pulls = 0;
	struct cast c;

	(void)state;
	params.tune = one_gateway_for_all;
	c = story_cast_with(&params);
	sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
	sim_run(c.sim, 600 * US_S);
	story_expect_at(c.sim, c.vm, B);
	/* What each has of the others cannot become what they have: this is asked for ever more seldom. */
	sim_filter(c.sim, count_pulls, &pulls);
	sim_run(c.sim, 640 * US_S);
	assert_in_range(pulls, 0, 6 * 4 + 6);
	/* News are as quick as ever. */
	sim_migrate(c.sim, c.vm, C, &sim_by_rarp);
	sim_run(c.sim, 50 * US_MS);
	story_expect_at(c.sim, c.vm, C);
	sim_destroy(c.sim);
}
