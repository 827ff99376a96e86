/* What a LAN is told after a move: the visitor about its neighbours, and the old site in its order. */
#include "tests/unit/vr_world.h"

static struct mac
native_number(unsigned i)
{
	return (struct mac){{0x52, 0x54, 1, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

/* Machines 10.1.x.y of this site, 'count' of them from 10.1.0.10 on; the one that moves is at B. */
static struct world *
world_with_natives(unsigned count)
{
	struct world *w = world_make();
	char text[32];

	w->conf.hwdt_max = 4096;
	w->address.len = 16;
	w->local = prefix("10.1.0.0/16");
	w->mobile.prefix = prefix("10.1.0.0/16");
	world_start(w);
	for (unsigned i = 10; i < 10 + count; i++) {
		snprintf(text, sizeof(text), "10.1.%u.%u", i / 256, i % 256);
		say_arp(w, native_number(i), text, text);
	}
	peer_says(w, 0, "10.1.0.5", vm, 1, false);
	run(w, 10 * US_S);
	memset(w->told, 0, sizeof(w->told));
	return w;
}

static unsigned
count_told(const struct world *w)
{
	unsigned count = 0;

	for (unsigned i = 10; i < 256; i++)
		count += mac_equal(w->told[i], native_number(i));
	return count;
}

/* Each within the time in which no frame of theirs may go by the router any more. */
static void
a_visitor_is_told_about_all_its_neighbours(void **state)
{
	static const unsigned counts[] = {1, 64, 65, 100, 240};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(counts); i++) {
		struct world *w = world_with_natives(counts[i]);

		say_arp(w, vm, "10.1.0.5", "10.1.0.5");
		run(w, 90 * US_MS);
		assert_int_equal(count_told(w), counts[i]);
		/* Again, for frames that got lost and machines that were still waking up. */
		memset(w->told, 0, sizeof(w->told));
		run(w, 5 * US_S);
		assert_int_equal(count_told(w), counts[i]);
		world_end(w);
	}
}

static void
a_thousand_neighbours_take_a_moment(void **state)
{
	struct world *w = world_with_natives(1000);
	unsigned before = w->arps;

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, 0);
	assert_in_range(w->arps, before + ANNOUNCE_NEIGHBOURS_MAX,
			before + 2 * ANNOUNCE_NEIGHBOURS_MAX + 2);
	run(w, 90 * US_MS);
	assert_int_equal(count_told(w), 246);
	/* Once for all, and not in every round from the start. */
	assert_in_range(w->arps - before, 1000, 1600);
	world_end(w);
}

/* It is told by a reply that Linux takes at once, as it is: gratuitous, to it alone. */
static void
the_visitor_is_told_by_gratuitous_replies(void **state)
{
	struct world *w = world_with_natives(1);

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	for (unsigned i = 0; i < 40 && !mac_equal(w->told[10], native_number(10)); i++)
		run(w, US_MS);
	/* The gateway is told last. */
	assert_int_equal(w->arp.op, ARP_REPLY);
	assert_true(addr_equal(w->arp.spa, w->arp.tpa));
	assert_true(mac_equal(w->arp.sha, w->arp.tha));
	assert_true(mac_equal(w->arp.eth_dst, vm));
	assert_true(mac_equal(w->arp.eth_src, router_mac));
	world_end(w);
}

/* Whoever has not heard it goes on sending to the router. */
static void
who_reaches_a_neighbour_through_the_router_is_told_where_it_is(void **state)
{
	struct world *w = world_with_natives(2);

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	run(w, 10 * US_S);
	memset(w->told, 0, sizeof(w->told));
	for (unsigned i = 0; i < 50; i++)
		lan_sends(w, vm, router_mac, "10.1.0.5", "10.1.0.11", 100);
	run(w, 0);
	assert_int_equal(w->lan_sent, 50);
	assert_true(mac_equal(w->told[11], native_number(11)));
	assert_true(mac_equal(w->arp.eth_dst, vm));
	/* The other way round too. */
	lan_sends(w, native_number(11), router_mac, "10.1.0.11", "10.1.0.5", 100);
	run(w, 0);
	assert_true(mac_equal(w->told[5], vm));
	assert_true(mac_equal(w->arp.eth_dst, native_number(11)));
	world_end(w);
}

static void
who_does_not_listen_is_told_seldom(void **state)
{
	struct world *w = world_with_natives(2);
	unsigned before;

	(void)state;
	run(w, 10 * US_S);
	before = w->arps;
	for (unsigned i = 0; i < 1000; i++)
		lan_sends(w, native_number(10), router_mac, "10.1.0.10", "10.1.0.11", 100);
	run(w, 0);
	assert_int_equal(w->arps, before + 1);
	w->now += US_S;
	lan_sends(w, native_number(10), router_mac, "10.1.0.10", "10.1.0.11", 100);
	run(w, 0);
	assert_int_equal(w->arps, before + 2);
	/* Nobody is told of machines of other subnets, or elsewhere. */
	peer_says(w, 0, "10.1.0.5", vm, 2, false);
	run(w, 10 * US_S);
	before = w->arps;
	lan_sends(w, native_number(10), router_mac, "10.1.0.10", "10.1.0.5", 100);
	run(w, 0);
	assert_int_equal(w->arps, before);
	world_end(w);
}

static void
many_that_do_not_listen_are_told_at_a_limited_pace(void **state)
{
	struct world *w = world_with_natives(240);
	unsigned before = w->arps;
	char from[32];

	(void)state;
	for (unsigned i = 11; i < 250; i++) {
		snprintf(from, sizeof(from), "10.1.0.%u", i);
		lan_sends(w, native_number(i), router_mac, from, "10.1.0.10", 100);
		run(w, 0);
	}
	assert_in_range(w->arps - before, 64, 66);
	world_end(w);
}

static void
two_frames_of_a_native(struct world *w)
{
	for (unsigned i = 0; i < 2; i++)
		lan_sends(w, native_number(10), router_mac, "10.1.0.10", "10.1.0.5", 100);
}

/* Otherwise the native's next frame, which goes to the machine directly, would overtake them. */
static void
what_a_native_has_sent_goes_on_before_it_is_told(void **state)
{
	struct world *w = world_with_natives(1);

	(void)state;
	memset(w->said, 0, sizeof(w->said));
	w->said_count = 0;
	w->waits = two_frames_of_a_native;
	say_rarp(w, VN, vm);
	run(w, 0);
	/* Then the native that has used the router, and the visitor of the native and the gateway. */
	assert_string_equal(w->said, "FFTTT");
	assert_true(mac_equal(w->lan_to, vm));
	/* The LAN, when the visitor has said its first words. */
	run(w, 19 * US_MS);
	assert_string_equal(w->said, "FFTTT");
	run(w, 2 * US_MS);
	assert_string_equal(w->said, "FFTTTATT");
	world_end(w);
}

/* The claim first: else the switches would give the frames that ARP brings to a port that is dead. */
static void
the_old_site_is_told_in_order(void **state)
{
	struct world *w = world_standard();

	(void)state;
	say_arp(w, vm, "10.1.0.5", "10.1.0.5");
	say_arp(w, native, "10.1.0.6", "10.1.0.6");
	run(w, US_S);
	/* While it is here, nobody answers for it. */
	memset(w->said, 0, sizeof(w->said));
	w->said_count = 0;
	say_arp(w, native, "10.1.0.6", "10.1.0.5");
	assert_string_equal(w->said, "");
	/* With the news, and without waiting for anything: the claim, then gratuitous ARP, which a broadcast probe may follow. */
	peer_says(w, 0, "10.1.0.5", vm, 2, false);
	assert_int_equal(strncmp(w->said, "CG", 2), 0);
	assert_true(w->arp.op == ARP_REQUEST && addr_equal(w->arp.spa, ip("10.1.0.5")) &&
		    mac_equal(w->arp.sha, router_mac) && mac_equal(w->arp.eth_dst, MAC_BROADCAST));
	/* And then who asks is answered. */
	say_arp(w, native, "10.1.0.6", "10.1.0.5");
	assert_non_null(strchr(w->said, 'P'));
	assert_true(strchr(w->said, 'P') > strchr(w->said, 'G'));
	assert_true(mac_equal(w->arp.eth_dst, native) && addr_equal(w->arp.spa, ip("10.1.0.5")));
	/* Each round that follows keeps the order. */
	memset(w->said, 0, sizeof(w->said));
	w->said_count = 0;
	run(w, 3 * US_S);
	for (const char *c = w->said; *c != '\0'; c++)
		assert_true(*c != 'G' || (c > w->said && c[-1] == 'C'));
	assert_non_null(strstr(w->said, "CG"));
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_visitor_is_told_about_all_its_neighbours),
		cmocka_unit_test(a_thousand_neighbours_take_a_moment),
		cmocka_unit_test(the_visitor_is_told_by_gratuitous_replies),
		cmocka_unit_test(who_reaches_a_neighbour_through_the_router_is_told_where_it_is),
		cmocka_unit_test(who_does_not_listen_is_told_seldom),
		cmocka_unit_test(many_that_do_not_listen_are_told_at_a_limited_pace),
		cmocka_unit_test(what_a_native_has_sent_goes_on_before_it_is_told),
		cmocka_unit_test(the_old_site_is_told_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
