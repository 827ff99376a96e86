/* What is lost once is said again soon: where nothing acknowledges it, too. */
#include "tests/unit/vr_world.h"

static struct sync_msg
hello_of_peer(const struct world *w, us_t echo_age)
{
	struct sync_msg msg = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = (uint64_t)w->now}};

	msg.hello.echo = (uint64_t)(w->now - echo_age);
	msg.hello.echo_age = (uint32_t)echo_age;
	return msg;
}

/* HELLOs that a HELLO of B brings at once. */
static unsigned
hellos_after(struct world *w, struct sync_msg msg)
{
	unsigned before = w->sync_sent[SYNC_HELLO];

	hear(w, 0, &msg);
	return w->sync_sent[SYNC_HELLO] - before;
}

static void
a_hello_that_was_missed_is_said_again(void **state)
{
	struct world *w = world_standard();
	struct sync_msg never = {.type = SYNC_HELLO, .hello = {.boot = 1, .sent = 1}};

	(void)state;
	run(w, 10 * US_S);
	assert_int_equal(hellos_after(w, hello_of_peer(w, 100 * US_MS)), 0);
	assert_int_equal(hellos_after(w, hello_of_peer(w, 1100 * US_MS)), 0);
	assert_int_equal(hellos_after(w, hello_of_peer(w, 1900 * US_MS)), 1);
	run(w, 10 * US_S);
	assert_int_equal(hellos_after(w, never), 1);
	world_end(w);
}

static void
a_peer_that_misses_everything_gets_its_share(void **state)
{
	struct world *w = world_standard();
	unsigned count = 0;

	(void)state;
	run(w, 10 * US_S);
	for (unsigned i = 0; i < 1000; i++) {
		count += hellos_after(w, hello_of_peer(w, 5 * US_S));
		w->now += US_MS;
	}
	assert_in_range(count, 4, 8);
	world_end(w);
}

/* B has a table of one record. */
static void
hear_of_table(struct world *w)
{
	struct sync_msg hello = hello_of_peer(w, 100 * US_MS);

	hello.hello.count = 1;
	hello.hello.digests[0] = (struct sync_digest){.vn = VN, .count = 1, .sum = 4711};
	hear(w, 0, &hello);
}

static void
show_table(struct world *w, unsigned *pulls, mobility_t mobility)
{
	struct sync_msg table = {.type = SYNC_TABLE, .vn = VN};

	if (w->sync_sent[SYNC_PULL] == *pulls)
		return;
	*pulls = w->sync_sent[SYNC_PULL];
	assert_int_equal(w->sync.type, SYNC_PULL);
	table.id = w->sync.id;
	table.table.is_last = true;
	table.table.count = 1;
	table.table.bindings[0] =
		(struct sync_binding){.ip = ip("10.1.0.7"), .mac = native, .mobility = mobility};
	hear(w, 0, &table);
}

/* For so many milliseconds it says so each second, and shows it when asked. */
static void
hear_of_table_for(struct world *w, us_t milliseconds, unsigned *pulls, mobility_t mobility)
{
	for (us_t i = 0; i < milliseconds; i++) {
		if (i % 1000 == 0)
			hear_of_table(w);
		run(w, US_MS);
		show_table(w, pulls, mobility);
	}
}

static void
who_is_told_of_newer_records_is_asked_again_soon(void **state)
{
	struct world *w = world_standard();
	unsigned pulls = w->sync_sent[SYNC_PULL];

	(void)state;
	peer_says(w, 1, "10.1.0.7", native, 7, false);
	hear_of_table_for(w, 2400, &pulls, 1);
	assert_int_equal(w->sync_sent[SYNC_NEWER], 2);
	/* It does not listen: then seldom. */
	hear_of_table_for(w, 30000, &pulls, 1);
	assert_in_range(w->sync_sent[SYNC_NEWER], 4, 7);
	world_end(w);
}

/* B says once that the machine has come to it, and is told that it is frozen here. */
static void
what_was_frozen_is_asked_for_after_the_thaw(void **state)
{
	const us_t frozen = 75 * US_S;
	struct world *w = world_make();
	unsigned pulls;

	(void)state;
	w->vn.freeze_time = frozen;
	world_start(w);
	for (unsigned i = 1; i <= 11; i++)
		peer_says(w, i % 2, "10.1.0.7", native, i, false);
	peer_says(w, 0, "10.1.0.7", native, 12, false);
	assert_int_equal(w->sync.ack.rows[0].verdict, SYNC_FROZEN);
	assert_int_equal(routed_to(w, "10.1.0.7").v, peer_c.v);
	pulls = w->sync_sent[SYNC_PULL];
	hear_of_table_for(w, frozen / US_MS, &pulls, 12);
	assert_int_equal(routed_to(w, "10.1.0.7").v, peer_c.v);
	hear_of_table_for(w, 1200, &pulls, 12);
	assert_int_equal(routed_to(w, "10.1.0.7").v, peer_b.v);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_that_was_missed_is_said_again),
		cmocka_unit_test(a_peer_that_misses_everything_gets_its_share),
		cmocka_unit_test(who_is_told_of_newer_records_is_asked_again_soon),
		cmocka_unit_test(what_was_frozen_is_asked_for_after_the_thaw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
