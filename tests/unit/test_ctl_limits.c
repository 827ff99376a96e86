/* Clients of the control socket that send too much, are too many, too slow or gone. */
#include "tests/unit/ctl_rig.h"

static void
a_request_that_is_too_large_is_refused(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(CTL_REQUEST_MAX);
	int fd = dial(f);

	memset(text, ' ', CTL_REQUEST_MAX);
	assert_int_equal(send(fd, text, CTL_REQUEST_MAX, 0), CTL_REQUEST_MAX);
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	say(fd, "  ");
	expect(f, fd,
	       "{\"id\":null,\"ok\":false,\"code\":\"too-large\",\"text\":"
	       "\"a request has at most 65536 bytes\"}");
	expect(f, fd, "");
	close(fd);
	free(text);
}

static void
the_largest_request_is_answered(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(CTL_REQUEST_MAX + 1);
	static const char request[] = "{\"id\":1,\"cmd\":\"reload\"}";
	int fd = dial(f);

	memset(text, ' ', CTL_REQUEST_MAX);
	memcpy(text, request, strlen(request));
	text[CTL_REQUEST_MAX] = '\n';
	assert_int_equal(send(fd, text, CTL_REQUEST_MAX + 1, 0), CTL_REQUEST_MAX + 1);
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	close(fd);
	free(text);
}

static void
a_request_must_arrive_in_time(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);

	say(fd, "{");
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REQUEST_TIME);
	f->now += CTL_REQUEST_TIME;
	expect(f, fd,
	       "{\"id\":null,\"ok\":false,\"code\":\"timeout\",\"text\":"
	       "\"the request took too long\"}");
	expect(f, fd, "");
	close(fd);
}

static void
who_takes_nothing_of_a_reply_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	int i;

	/* Far more than the socket takes, and never read. */
	for (i = 0; i < 200; i++)
		say(fd, "{\"cmd\":\"show\",\"what\":\"rows\"}\n");
	for (i = 0; i < 200; i++)
		ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REPLY_TIME);
	f->now += CTL_REPLY_TIME;
	assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
	close(fd);
}

static void
one_client_too_many_is_told_so(void **state)
{
	struct fixture *f = *state;
	int fds[CTL_CLIENTS_MAX];
	int one_more, i;

	for (i = 0; i < CTL_CLIENTS_MAX; i++) {
		fds[i] = dial(f);
		ctl_readable(f->ctl, f->now);
	}
	one_more = dial(f);
	expect(f, one_more,
	       "{\"id\":null,\"ok\":false,\"code\":\"busy\",\"text\":\"too many connections\"}");
	expect(f, one_more, "");
	close(one_more);
	close(fds[3]);
	ctl_readable(f->ctl, f->now);
	fds[3] = dial(f);
	say(fds[3], "{\"id\":1,\"cmd\":\"reload\"}\n");
	expect(f, fds[3], "{\"id\":1,\"ok\":true}");
	for (i = 0; i < CTL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void
a_client_that_goes_away_at_any_time_does_no_harm(void **state)
{
	struct fixture *f = *state;
	static const char *const requests[] = {"", "{", "{\"cmd\":\"show\",\"what\":\"rows\"}\n",
					       "{\"cmd\":\"monitor\"}\n"};
	size_t i;
	int turns, j;

	for (i = 0; i < ARRAY_COUNT(requests); i++) {
		for (turns = 0; turns < 6; turns++) {
			int fd = dial(f);

			say(fd, requests[i]);
			for (j = 0; j < turns; j++)
				ctl_readable(f->ctl, f->now);
			close(fd);
			ctl_publish(f->ctl, "move", NULL);
			for (j = 0; j < 4; j++)
				ctl_readable(f->ctl, f->now);
			assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_that_is_too_large_is_refused),
		TEST(the_largest_request_is_answered),
		TEST(a_request_must_arrive_in_time),
		TEST(who_takes_nothing_of_a_reply_is_closed),
		TEST(one_client_too_many_is_told_so),
		TEST(a_client_that_goes_away_at_any_time_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
