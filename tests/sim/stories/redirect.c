/* Packets that were sent before their sender had the news: the old site forwards them, and nobody else. */
#include "tests/sim/stories/story.h"
#include "wire/ip.h"

static bool
no_news_for_c(void *arg, size_t from, size_t to, const struct sync_msg *msg)
{
	(void)arg;
	(void)from;
	return to != C || msg->type != SYNC_DELTA;
}

void
what_still_comes_to_the_old_site_is_forwarded_once(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t packet, before = sim_vr(c.sim, A)->redirected;

		sim_talk(c.sim, c.client, c.vm, 10 * US_MS);
		sim_run(c.sim, 500 * US_MS);
		sim_filter(c.sim, no_news_for_c, NULL);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 20 * US_MS);
		assert_int_equal(sim_owner(c.sim, C, SIM_VN, sim_machine_ip(c.vm)), A);
		for (int i = 0; i < 20; i++) {
			packet = sim_send(c.sim, c.client, sim_machine_ip(c.vm));
			sim_run(c.sim, 15 * US_MS);
			assert_int_equal(sim_received(c.sim, packet), 1);
		}
		assert_true(sim_vr(c.sim, A)->redirected - before >= 20);
		sim_filter(c.sim, NULL, NULL);
		sim_run(c.sim, 4 * US_S);
		story_expect_at(c.sim, c.vm, B);
		sim_run(c.sim, 10 * US_S);
		story_end(c.sim);
	}
}

void
after_the_news_nothing_goes_by_the_old_site(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		uint64_t to_a, from_a, to_b;

		story_talk(&c, 10 * US_MS);
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		/* 5 ms pause and 5 ms for the news. */
		sim_run(c.sim, 11 * US_MS);
		story_expect_at(c.sim, c.vm, B);
		to_a = sim_link_data(c.sim, C, A);
		to_b = sim_link_data(c.sim, C, B);
		sim_run(c.sim, 10 * US_MS);
		from_a = sim_link_data(c.sim, A, C);
		sim_run(c.sim, US_S);
		assert_int_equal(sim_link_data(c.sim, C, A), to_a);
		assert_int_equal(sim_link_data(c.sim, A, C), from_a);
		assert_in_range(sim_link_data(c.sim, C, B) - to_b, 99, 103);
		sim_run(c.sim, 10 * US_S);
		story_end(c.sim);
	}
}

static bool
all_redirected(void *arg, size_t from, size_t to, const struct seal_inner *inner,
	       const struct frame *f)
{
	unsigned *marked = arg;

	(void)from;
	(void)to;
	(void)f;
	*marked += (inner->flags & SEAL_FLAG_REDIRECTED) != 0;
	return true;
}

void
redirected_packets_do_not_go_round(void **state)
{
	(void)state;
	FOR_BOTH_LAYOUTS(layout)
	{
		struct cast c = story_cast(layout);
		struct seal_inner inner = {
			.kind = SEAL_DATA, .vn = SIM_VN, .flags = SEAL_FLAG_REDIRECTED, .hops = 1};
		uint8_t packet[32] = {0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17};
		unsigned marked = 0;
		uint64_t drops;
		uint16_t sum;

		memcpy(packet + 12, sim_machine_ip(c.client).b, 4);
		memcpy(packet + 16, sim_machine_ip(c.vm).b, 4);
		packet[25] = 12;
		sum = (uint16_t)~ip_sum(packet, 20, 0);
		packet[10] = (uint8_t)(sum >> 8);
		packet[11] = (uint8_t)sum;
		sim_migrate(c.sim, c.vm, B, &sim_by_rarp);
		sim_run(c.sim, 3 * US_S);
		sim_migrate(c.sim, c.vm, C, &sim_by_rarp);
		sim_run(c.sim, 3 * US_S);
		/* B, which it has left too, gets one that has been redirected often enough. */
		sim_forge_data(c.sim, A, B, &inner, packet, sizeof(packet));
		assert_int_equal(sim_drops(c.sim, B, DROP_HOP_LIMIT), 1);
		/* Tables that point in a circle, as they never should: A to B to C to A. */
		sim_tap(c.sim, all_redirected, &marked);
		for (size_t i = A; i <= C; i++) {
			struct binding wrong = {.vn = SIM_VN,
						.ip = sim_machine_ip(c.vm),
						.mac = sim_machine_mac(c.vm),
						.vr = sim_id(c.sim, (i + 1) % 3),
						.mobility = 50};

			(void)!vr_bind(sim_vr(c.sim, i), &wrong, sim_clock(c.sim, i));
		}
		drops = sim_drops(c.sim, A, DROP_HOP_LIMIT) + sim_drops(c.sim, B, DROP_HOP_LIMIT) +
			sim_drops(c.sim, C, DROP_HOP_LIMIT);
		inner.hops = 8;
		sim_forge_data(c.sim, C, A, &inner, packet, sizeof(packet));
		sim_run(c.sim, 150 * US_MS);
		assert_int_equal(marked, 7);
		assert_int_equal(sim_drops(c.sim, A, DROP_HOP_LIMIT) +
					 sim_drops(c.sim, B, DROP_HOP_LIMIT) +
					 sim_drops(c.sim, C, DROP_HOP_LIMIT),
				 drops + 1);
		sim_destroy(c.sim);
	}
}
