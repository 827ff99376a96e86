/* Datagrams that leave together: over the loopback interface. */
#include <errno.h>
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>

#include <cmocka.h>

#include "vr/mail.h"

static const uint8_t loopback[4] = {127, 0, 0, 1};

struct rig {
	struct log *log;
	struct udp *out;
	struct mail *mail;
	int fd; /* hears */
	struct endpoint to;
};

static int
setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct udp_conf conf = {.listen = {addr_make(ADDR_V4, loopback), 0}, .mtu = UDP_MTU_KERNEL};
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(a);

	assert_non_null(r);
	assert_int_equal(udp_create(&conf, NULL, &r->out), 0);
	r->mail = mail_create(r->out);
	assert_non_null(r->mail);
	r->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(r->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(r->fd, (struct sockaddr *)&a, &size), 0);
	r->to = (struct endpoint){addr_make(ADDR_V4, loopback), ntohs(a.sin_port)};
	*state = r;
	return 0;
}

static int
teardown(void **state)
{
	struct rig *r = *state;

	close(r->fd);
	mail_destroy(r->mail);
	udp_destroy(r->out);
	free(r);
	return 0;
}

/* First byte of what has arrived, -1: nothing. */
static int
heard(const struct rig *r)
{
	uint8_t bytes[2048];
	ssize_t size = recv(r->fd, bytes, sizeof(bytes), 0);

	return size > 0 ? bytes[0] : -1;
}

static void
put(struct rig *r, uint8_t number, size_t size)
{
	uint8_t bytes[2048] = {number};

	assert_int_equal(mail_put(r->mail, &r->to, bytes, size), 0);
}

static void
it_waits_and_leaves_in_order_in_one_call(void **state)
{
	struct rig *r = *state;
	struct udp_stats stats;

	for (uint8_t i = 0; i < 10; i++)
		put(r, i, 20);
	assert_int_equal(heard(r), -1);
	mail_flush(r->mail);
	for (int i = 0; i < 10; i++)
		assert_int_equal(heard(r), i);
	mail_flush(r->mail);
	assert_int_equal(heard(r), -1);
	udp_stats(r->out, &stats);
	assert_int_equal(stats.tx_calls, 1);
	assert_int_equal(stats.tx_datagrams, 10);
}

static void
a_full_row_leaves_before_the_next(void **state)
{
	struct rig *r = *state;

	for (unsigned i = 0; i < MAIL_COUNT; i++)
		put(r, (uint8_t)i, 20);
	assert_int_equal(heard(r), -1);
	put(r, MAIL_COUNT, 20);
	for (int i = 0; i < MAIL_COUNT; i++)
		assert_int_equal(heard(r), i);
	assert_int_equal(heard(r), -1);
	mail_flush(r->mail);
	assert_int_equal(heard(r), MAIL_COUNT);
}

static void
a_large_one_leaves_at_once_behind_what_waits(void **state)
{
	struct rig *r = *state;

	put(r, 1, MAIL_SIZE_MAX);
	put(r, 2, MAIL_SIZE_MAX + 1);
	assert_int_equal(heard(r), 1);
	assert_int_equal(heard(r), 2);
}

static void
one_that_is_refused_holds_up_no_other(void **state)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	struct endpoint nowhere = {addr_make(ADDR_V4, broadcast), 9};
	struct rig *r = *state;
	struct udp_stats stats;

	put(r, 1, 20);
	/* The kernel refuses it: the socket may not broadcast. */
	assert_int_equal(mail_put(r->mail, &nowhere, loopback, 4), 0);
	put(r, 3, 20);
	mail_flush(r->mail);
	assert_int_equal(heard(r), 1);
	assert_int_equal(heard(r), 3);
	assert_int_equal(heard(r), -1);
	udp_stats(r->out, &stats);
	assert_int_equal(stats.tx_datagrams, 2);
	assert_int_equal(stats.drop_letters, 1);
}

static void
each_that_is_refused_is_counted(void **state)
{
	static const uint8_t broadcast[4] = {255, 255, 255, 255};
	struct endpoint nowhere = {addr_make(ADDR_V4, broadcast), 9};
	struct rig *r = *state;
	struct udp_stats stats;

	for (unsigned i = 0; i < MAIL_COUNT; i++)
		assert_int_equal(mail_put(r->mail, &nowhere, loopback, 4), 0);
	mail_flush(r->mail);
	/* None is left of them. */
	put(r, 1, 20);
	mail_flush(r->mail);
	assert_int_equal(heard(r), 1);
	udp_stats(r->out, &stats);
	assert_int_equal(stats.tx_datagrams, 1);
	assert_int_equal(stats.drop_letters, MAIL_COUNT);
}

static void
another_family_is_refused_at_once(void **state)
{
	static const uint8_t v6[16] = {0x20, 1};
	struct endpoint to = {addr_make(ADDR_V6, v6), 4342};
	struct rig *r = *state;

	assert_int_equal(mail_put(r->mail, &to, loopback, 4), -EAFNOSUPPORT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_waits_and_leaves_in_order_in_one_call),
		TEST(a_full_row_leaves_before_the_next),
		TEST(a_large_one_leaves_at_once_behind_what_waits),
		TEST(one_that_is_refused_holds_up_no_other),
		TEST(each_that_is_refused_is_counted),
		TEST(another_family_is_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
