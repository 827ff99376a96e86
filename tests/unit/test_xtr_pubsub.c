/* Subscriptions as an xTR sees them (RFC 9437): what is published is taken once, and what was lost comes back. */
#include "tests/unit/lisp_moves.h"

/* B subscribes. */
static struct net *
net_subscribed(void)
{
	struct net *net = net_standard();
	struct xtr_conf conf = net_xtr_conf(net, B);

	conf.subscribe = true;
	net_restart(net, B, &conf);
	return net;
}

/* B has asked for 10.1.0.5, and is subscribed to 10.1.0.0/24. */
static struct net *
net_subscribed_to_a(void)
{
	struct net *net = net_subscribed();

	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_non_null(mapcache_find_exact(net->nodes[B].cache, VN, prefix_of("10.1.0.0/24")));
	return net;
}

/* The Map-Notify that was sent to B last. */
static struct packet
last_notify(const struct net *net)
{
	for (unsigned i = 1; i <= ARRAY_COUNT(net->last); i++) {
		const struct packet *p = &net->last[(net->sent - i) % ARRAY_COUNT(net->last)];

		if (addr_equal(p->to.addr, net->nodes[B].rloc) &&
		    p->data[0] >> 4 == LISP_MAP_NOTIFY)
			return *p;
	}
	fail_msg("none was sent");
	return (struct packet){0};
}

/* Somebody has kept it, and sends it again.  True: B acknowledges it. */
static bool
replay(struct net *net, const struct packet *p)
{
	unsigned sent = net->sent;

	net_deliver(net, p);
	return net->sent > sent;
}

/* 10.1.0.5 goes to C, and B hears of it; then it is at home again, and nothing of its own.  Returns the Map-Notify of the
 * first. */
static struct packet
there_and_gone(struct net *net)
{
	struct packet p;

	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	p = last_notify(net);
	xtr_own_remove(net->nodes[C].x, VN, prefix_of("10.1.0.5/32"), true, net->now);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	return p;
}

/* Somebody uses it. */
static void
use(struct net *net, const char *eid)
{
	struct mapping *m = mapcache_find(net->nodes[B].cache, VN, addr_of(eid));

	assert_non_null(m);
	mapping_count(m, 0, 100, net->now);
}

static void
use_for(struct net *net, const char *eid, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		use(net, eid);
		net_run(net, US_S);
	}
}

/* Each subscription's nonce is larger than the last: otherwise it is none, and nobody answers. */
static void
a_subscriber_that_asks_again_is_answered(void **state)
{
	struct net *net = net_subscribed();

	(void)state;
	before_a_move(net);
	for (unsigned i = 0; i < 20; i++) {
		move(net, true, false);
		net_run(net, 2 * US_S);
	}
	assert_int_equal(net_count(net, B, XTR_SMRS_HEARD), 20);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), 1 + 20);
	assert_int_equal(net_count(net, B, XTR_UNANSWERED), 0);
	net_free(net);
}

static void
a_subscriber_hears_of_a_move(void **state)
{
	struct net *net = net_subscribed();
	us_t moved;

	(void)state;
	before_a_move(net);
	assert_int_equal(net_count(net, B, XTR_PUBLICATIONS), 1);
	moved = net->now;
	move(net, false, false);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	/* Map-Register, Map-Notify. */
	assert_int_equal(net->nodes[B].changed_at - moved, 2 * DELAY);
	/* It was acknowledged: nothing is repeated. */
	net_run(net, 30 * US_S);
	assert_int_equal(net_count(net, B, XTR_PUBLICATIONS), 2);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 0);
	net_free(net);
}

/* What is subscribed to and in use is subscribed to again and again, with a greater nonce. */
static void
a_subscription_is_renewed(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, A);
	conf.ttl_min = 5;
	net_restart(net, A, &conf);
	conf = net_xtr_conf(net, B);
	conf.subscribe = true;
	net_restart(net, B, &conf);
	net_own(net, A, "10.1.0.0/24", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	for (unsigned i = 0; i < 60 * 60; i++) {
		struct mapping *m;

		net_run(net, US_S);
		m = mapcache_find(net->nodes[B].cache, VN, addr_of("10.1.0.5"));
		assert_non_null(m);
		mapping_count(m, 0, 100, net->now);
	}
	assert_int_equal(net_count(net, B, XTR_UNANSWERED), 0);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 0);
	/* Once in every register interval, less a tenth at most. */
	assert_in_range(net_count(net, B, XTR_REQUESTS), 60, 68);
	net_free(net);
}

/* ---- replays ---- */

static void
a_withdrawn_mapping_does_not_come_back(void **state)
{
	struct net *net = net_subscribed_to_a();
	struct packet there = there_and_gone(net), gone = last_notify(net);
	uint64_t before = net_count(net, B, XTR_REPLAYED);

	(void)state;
	/* Both are known: the map-server may have missed the acknowledgements. */
	assert_true(replay(net, &there));
	assert_true(replay(net, &gone));
	assert_int_equal(net_count(net, B, XTR_REPLAYED), before + 2);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	/* What is new is taken as before. */
	net_own(net, D, "10.1.0.5/32", 3);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.4");
	assert_true(replay(net, &gone));
	assert_leads(net, B, "10.1.0.5", "192.0.2.4");
	net_free(net);
}

/* A withdrawal is remembered even if what it is about was never heard of. */
static void
what_was_lost_and_withdrawn_does_not_come_later(void **state)
{
	struct net *net = net_subscribed_to_a();
	struct packet there;

	(void)state;
	net->cut = net->nodes[B].rloc;
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, US_S);
	there = last_notify(net);
	net->cut = (struct addr){0};
	xtr_own_remove(net->nodes[C].x, VN, prefix_of("10.1.0.5/32"), true, net->now);
	net_run(net, US_S);
	(void)replay(net, &there);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* One that has ended in the cache is as gone as one that was withdrawn. */
static void
a_mapping_that_ended_does_not_come_back(void **state)
{
	struct net *net = net_subscribed_to_a();
	struct xtr_conf conf = net_xtr_conf(net, C);
	struct packet there;

	(void)state;
	conf.ttl_min = 5;
	net_restart(net, C, &conf);
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, US_S);
	there = last_notify(net);
	use_for(net, "10.1.0.7", 301);
	assert_null(mapcache_find_exact(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32")));
	(void)replay(net, &there);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 1);
	assert_null(mapcache_find_exact(net->nodes[B].cache, VN, prefix_of("10.1.0.5/32")));
	net_free(net);
}

/* A Map-Notify of the map-server to B about 10.1.x.y/32, authentic; without locators it is a withdrawal. */
static void
notify(struct net *net, uint64_t nonce, unsigned number, const char *rloc)
{
	struct lisp_msg msg = {
		.type = LISP_MAP_NOTIFY, .nonce = nonce, .auth = lisp_auth_header(&net->keys[B])};
	struct endpoint from = {net->ms_addr, LISP_CONTROL_PORT};
	struct lisp_builder b;
	struct rec rec = {.vn = VN, .in_lcaf = true, .rlocs = {rloc}};
	uint8_t data[512];
	char eid[32];
	int size;

	snprintf(eid, sizeof(eid), "10.1.%u.%u/32", number >> 8, number & 255);
	rec.eid = eid;
	rec.ttl = rloc == NULL ? UINT32_MAX : 0;
	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, &net->keys[B], &msg, data, (size_t)size),
			 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
}

/* What is remembered is bounded; what is forgotten is refused all the same, and so is all of that age about others, but these
 * are not acknowledged. */
static void
what_is_forgotten_is_old(void **state)
{
	struct net *net = net_make();
	struct xtr_conf conf;
	const struct mapping *m;
	uint64_t floor, replayed;
	unsigned sent;

	(void)state;
	net_start(net);
	conf = net_xtr_conf(net, B);
	conf.subscribe = true;
	net_restart(net, B, &conf);
	net_own(net, A, "10.1.0.0/16", 0);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	m = mapcache_find_exact(net->nodes[B].cache, VN, prefix_of("10.1.0.0/16"));
	assert_non_null(m);
	floor = m->floor;
	assert_true(floor > 0);
	for (unsigned i = 0; i < 5000; i++) {
		notify(net, floor + 2 * i + 1, i, "192.0.2.66");
		notify(net, floor + 2 * i + 2, i, NULL);
		if (i % 1000 == 999)
			net_run(net, US_S);
	}
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 0);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 1);
	/* The first is forgotten; so may be another one of then. */
	sent = net->sent;
	notify(net, floor + 1, 0, "192.0.2.66");
	notify(net, floor + 9, 6000, "192.0.2.66");
	assert_int_equal(net->sent, sent);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 2);
	/* One that is remembered is refused, and known. */
	notify(net, floor + 2 * 4999 + 1, 4999, "192.0.2.66");
	assert_int_equal(net->sent, sent + 1);
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 3);
	/* New ones are taken. */
	notify(net, floor + 20000, 6000, "192.0.2.66");
	assert_leads(net, B, "10.1.23.112", "192.0.2.66");
	notify(net, floor + 20001, 6000, NULL);
	/* And after their time all are forgotten. */
	use_for(net, "10.1.0.5", 3700);
	replayed = net_count(net, B, XTR_REPLAYED);
	notify(net, floor + 20000, 6000, "192.0.2.66");
	notify(net, floor + 2 * 4999 + 1, 4999, "192.0.2.66");
	assert_int_equal(net_count(net, B, XTR_REPLAYED), replayed + 2);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 1);
	net_free(net);
}

/* An xTR that starts anew remembers nothing: its next subscription is newer than all that was ever published. */
static void
what_was_published_before_a_restart_is_old(void **state)
{
	struct net *net = net_subscribed_to_a();
	struct packet there = there_and_gone(net);
	struct xtr_conf conf = net_xtr_conf(net, B);
	struct hash_key key = {B, 2};

	(void)state;
	conf.subscribe = true;
	xtr_destroy(net->nodes[B].x);
	mapcache_destroy(net->nodes[B].cache);
	net->nodes[B].cache = mapcache_create(1000, &key);
	/* Its clock has gone on. */
	assert_int_equal(xtr_create(&conf, &net_io, &net->nodes[B], &net_ops, &net->nodes[B],
				    net->nodes[B].cache, &key, 1000000 + 10 * US_S,
				    &net->nodes[B].x),
			 0);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	assert_false(replay(net, &there));
	assert_int_equal(net_count(net, B, XTR_REPLAYED), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* What a site pushes does not end the subscription to what is around it. */
static void
a_subscription_outlives_a_push(void **state)
{
	struct net *net = net_subscribed_to_a();

	(void)state;
	move(net, true, true);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net_own(net, D, "10.1.0.5/32", 3);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.4");
	assert_int_equal(net_count(net, B, XTR_NOTIFY_UNKNOWN), 0);
	net_free(net);
}

/* ---- a map-server that has lost its memory ---- */

static void
restart_server(struct net *net)
{
	struct hash_key key = {3, 4};

	mapserver_destroy(net->ms);
	assert_int_equal(
		mapserver_create(&net->ms_conf, &net_io, &net->ms_node, &key, net->now, &net->ms),
		0);
}

static unsigned
subscriptions(const struct net *net)
{
	struct ms_subscription sub;
	uint32_t position = 0;
	unsigned count = 0;

	while (mapserver_subscription(net->ms, &position, &sub))
		count += sub.in_force;
	return count;
}

/* Within two register intervals all is as before, and what is used leads there all the time. */
static void
a_map_server_that_starts_anew_is_subscribed_to_again(void **state)
{
	struct net *net = net_subscribed();

	(void)state;
	before_a_move(net);
	use_for(net, "10.1.0.5", 100);
	for (unsigned i = 0; i < 10; i++) {
		use_for(net, "10.1.0.5", 7 * i);
		restart_server(net);
		assert_int_equal(subscriptions(net), 0);
		for (unsigned second = 0; second < 120; second++) {
			use_for(net, "10.1.0.5", 1);
			assert_leads(net, B, "10.1.0.5", "192.0.2.1");
		}
		assert_true(subscriptions(net) > 0);
	}
	/* Nobody tells B but the map-server. */
	move(net, false, false);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net_free(net);
}

/* What moved while nobody was subscribed is heard of with the renewal. */
static void
a_move_after_a_restart_is_heard_of(void **state)
{
	struct net *net = net_subscribed();

	(void)state;
	before_a_move(net);
	use_for(net, "10.1.0.5", 30);
	restart_server(net);
	move(net, false, false);
	use_for(net, "10.1.0.5", 2);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	use_for(net, "10.1.0.5", 118);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net_free(net);
}

/* That nothing is registered is believed when the second renewal says so: the first may be too early. */
static void
what_is_not_there_any_more_goes_with_the_second_renewal(void **state)
{
	struct net *net = net_subscribed();

	(void)state;
	before_a_move(net);
	use_for(net, "10.1.0.5", 30);
	restart_server(net);
	net->cut = net->nodes[A].rloc;
	use_for(net, "10.1.0.5", 50);
	assert_true(net_count(net, B, XTR_DOUBTED) > 0);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	use_for(net, "10.1.0.5", 80);
	assert_true(addr_is_none(net_leads_to(net, B, "10.1.0.5")));
	/* It is told when it comes back. */
	net->cut = (struct addr){0};
	net_run(net, 61 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* 10.1.0.5 has come home, where it is no mapping of its own, and B did not hear of it: the answer is for more than B asked for,
 * and what B had is no longer true. */
static void
a_wider_answer_takes_the_place_of_what_was_asked_for(void **state)
{
	struct net *net = net_subscribed_to_a();
	struct net_own *own = net->nodes[C].own;

	(void)state;
	net_own(net, C, "10.1.0.5/32", 2);
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	use_for(net, "10.1.0.5", 60);
	restart_server(net);
	xtr_own_remove(net->nodes[C].x, VN, own->prefix, false, net->now);
	use_for(net, "10.1.0.5", 180);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
	net_free(net);
}

/* Unused, a mapping is not asked for again and again. */
static void
what_nobody_uses_is_not_renewed(void **state)
{
	struct net *net = net_subscribed();
	uint64_t before;

	(void)state;
	before_a_move(net);
	before = net_count(net, B, XTR_REQUESTS);
	net_run(net, 600 * US_S);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), before);
	use(net, "10.1.0.5");
	net_run(net, 600 * US_S);
	assert_int_equal(net_count(net, B, XTR_REQUESTS), before + 1);
	net_free(net);
}

/* Acknowledgements are lost until the map-server gives up: it says so, and B subscribes anew. */
static void
who_is_said_to_be_gone_subscribes_anew(void **state)
{
	struct net *net = net_subscribed();

	(void)state;
	before_a_move(net);
	assert_int_equal(subscriptions(net), 1);
	xtr_own_remove(net->nodes[A].x, VN, prefix_of("10.1.0.5/32"), false, net->now);
	net->deaf = net->nodes[B].rloc;
	move(net, false, false);
	net_run(net, 74 * US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	net->deaf = (struct addr){0};
	net_run(net, 4 * US_S);
	assert_int_equal(mapserver_count(net->ms, MS_SUB_LOST), 1);
	assert_int_equal(net_count(net, B, XTR_SUBSCRIPTIONS_LOST), 1);
	assert_leads(net, B, "10.1.0.5", "192.0.2.3");
	assert_int_equal(subscriptions(net), 1);
	net_free(net);
}

/* ---- hostile ---- */

static void
a_forged_notify_changes_nothing(void **state)
{
	struct net *net = net_standard();
	struct lisp_key wrong = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, "guess");
	struct lisp_msg msg = {
		.type = LISP_MAP_NOTIFY, .nonce = 5, .auth = lisp_auth_header(&wrong)};
	struct rec rec = {.vn = VN, .eid = "10.1.0.0/24", .rlocs = {"192.0.2.66"}, .in_lcaf = true};
	struct endpoint from = {net->ms_addr, LISP_CONTROL_PORT};
	struct lisp_builder b;
	uint8_t data[512];
	int size;

	(void)state;
	lisp_begin(&b, data, sizeof(data), &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, &wrong, &msg, data, (size_t)size), 0);
	assert_true(xtr_heard(net->nodes[B].x, &from, data, (size_t)size, net->now));
	assert_int_equal(net_count(net, B, XTR_AUTH_FAILED), 1);
	assert_int_equal(mapcache_count(net->nodes[B].cache), 0);
	net_free(net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subscriber_that_asks_again_is_answered),
		cmocka_unit_test(a_subscriber_hears_of_a_move),
		cmocka_unit_test(a_subscription_is_renewed),
		cmocka_unit_test(a_withdrawn_mapping_does_not_come_back),
		cmocka_unit_test(what_was_lost_and_withdrawn_does_not_come_later),
		cmocka_unit_test(a_mapping_that_ended_does_not_come_back),
		cmocka_unit_test(what_is_forgotten_is_old),
		cmocka_unit_test(what_was_published_before_a_restart_is_old),
		cmocka_unit_test(a_subscription_outlives_a_push),
		cmocka_unit_test(a_map_server_that_starts_anew_is_subscribed_to_again),
		cmocka_unit_test(a_move_after_a_restart_is_heard_of),
		cmocka_unit_test(what_is_not_there_any_more_goes_with_the_second_renewal),
		cmocka_unit_test(a_wider_answer_takes_the_place_of_what_was_asked_for),
		cmocka_unit_test(what_nobody_uses_is_not_renewed),
		cmocka_unit_test(who_is_said_to_be_gone_subscribes_anew),
		cmocka_unit_test(a_forged_notify_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
