/* The second socket at the underlay's port: what is marked as urgent comes there, the rest to the first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/fmt.h"
#include "vr/udp.h"

struct rig {
	struct udp_conf conf;
	struct udp *first, *urgent, *sender;
	struct endpoint at;
};

static struct rig
rig_open(const char *listen, const char *at)
{
	struct rig r = {
		.conf = {.segment = true, .gro = true, .locals = true, .datagram_max = 1472}};
	struct udp_conf sender = {.segment = true};

	assert_int_equal(addr_from_text(listen, &r.conf.listen.addr), 0);
	assert_int_equal(addr_from_text(at, &r.at.addr), 0);
	sender.listen.addr.family = r.at.addr.family;
	assert_int_equal(udp_create(&r.conf, NULL, &r.first), 0);
	assert_int_equal(udp_create_urgent(r.first, &r.conf, &r.urgent), 0);
	assert_int_equal(udp_create(&sender, NULL, &r.sender), 0);
	assert_int_equal(udp_port(r.first, &r.at.port), 0);
	return r;
}

static void
rig_close(struct rig *r)
{
	udp_destroy(r->sender);
	udp_destroy(r->urgent);
	udp_destroy(r->first);
}

static void
send_one(struct rig *r, struct udp_marks marks, uint8_t byte)
{
	unsigned sent;

	assert_int_equal(udp_send_marked(r->sender, &r->at, marks, &byte, 1, 1, &sent), 0);
}

/* The bytes that a socket has got, one of each datagram. */
static void
expect(struct udp *u, const char *bytes)
{
	struct udp_train trains[UDP_TRAINS];
	struct pollfd ready = {.fd = udp_fd(u), .events = POLLIN};
	char found[UDP_TRAINS + 1] = "";
	size_t used = 0;
	bool more = true;

	(void)poll(&ready, 1, *bytes != '\0' ? 1000 : 0);
	while (more) {
		size_t count = udp_receive(u, trains, &more);

		for (size_t i = 0; i < count; i++)
			for (size_t at = 0; at < trains[i].size && used < UDP_TRAINS; at++)
				found[used++] = (char)trains[i].data[at];
	}
	assert_string_equal(found, bytes);
}

static void
each_socket_gets_its_own(void **state)
{
	static const char *const places[][2] = {
		{"127.0.0.1", "127.0.0.1"}, {"0.0.0.0", "127.0.0.1"}, {"::1", "::1"}, {"::", "::1"},
		{"::", "127.0.0.1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
		struct rig r = rig_open(places[i][0], places[i][1]);

		send_one(&r, UDP_UNMARKED, 'a');
		send_one(&r, UDP_URGENT, 'b');
		/* What networks write into the two last bits is not ours. */
		send_one(&r, (struct udp_marks){.tos = UDP_URGENT_TOS | 2}, 'c');
		send_one(&r, (struct udp_marks){.tos = 0xb8}, 'd');
		send_one(&r, (struct udp_marks){.ttl = 7, .tos = 0}, 'e');
		send_one(&r, (struct udp_marks){.ttl = 7, .tos = UDP_URGENT_TOS}, 'f');
		expect(r.urgent, "bcf");
		expect(r.first, "ade");
		rig_close(&r);
	}
}

static void
what_is_urgent_has_room_of_its_own(void **state)
{
	static uint8_t junk[60000];
	struct rig r = rig_open("127.0.0.1", "127.0.0.1");
	struct udp_stats stats;
	unsigned sent;

	(void)state;
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(udp_send(r.sender, &r.at, junk, sizeof(junk), sizeof(junk), &sent),
				 0);
	udp_stats(r.first, &stats);
	assert_true(stats.drop_kernel > 0);
	send_one(&r, UDP_URGENT, 'b');
	expect(r.urgent, "b");
	udp_stats(r.urgent, &stats);
	assert_int_equal(stats.drop_kernel, 0);
	assert_int_equal(stats.rx_datagrams, 1);
	rig_close(&r);
}

static void
nobody_else_gets_the_port(void **state)
{
	struct rig r = rig_open("127.0.0.1", "127.0.0.1");
	struct udp_conf conf = r.conf;
	struct udp *other = NULL;

	(void)state;
	conf.listen.port = r.at.port;
	assert_int_equal(udp_create(&conf, NULL, &other), -EADDRINUSE);
	assert_null(other);
	send_one(&r, UDP_URGENT, 'b');
	expect(r.urgent, "b");
	rig_close(&r);
}

static void
without_it_the_first_has_all(void **state)
{
	struct rig r = rig_open("127.0.0.1", "127.0.0.1");

	(void)state;
	udp_destroy(r.urgent);
	r.urgent = NULL;
	send_one(&r, UDP_URGENT, 'b');
	send_one(&r, UDP_UNMARKED, 'a');
	expect(r.first, "ba");
	rig_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_socket_gets_its_own),
		cmocka_unit_test(what_is_urgent_has_room_of_its_own),
		cmocka_unit_test(nobody_else_gets_the_port),
		cmocka_unit_test(without_it_the_first_has_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
