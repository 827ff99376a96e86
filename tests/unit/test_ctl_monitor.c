/* Clients of the control socket that want every event. */
#include "tests/unit/ctl_rig.h"

static void
who_says_nothing_is_closed_and_who_monitors_is_not(void **state)
{
	struct fixture *f = *state;
	int idle = dial(f);
	int monitor = dial(f);

	say(monitor, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, monitor, "{\"id\":1,\"ok\":true}");
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_IDLE_TIME);
	f->now += CTL_IDLE_TIME;
	expect(f, idle, "");
	assert_true(ctl_has_monitors(f->ctl));
	assert_int_equal(ctl_run(f->ctl, f->now), US_NEVER);
	close(idle);
	close(monitor);
	ctl_readable(f->ctl, f->now);
	ctl_readable(f->ctl, f->now);
	assert_false(ctl_has_monitors(f->ctl));
}

static void
monitors_get_every_event_in_order(void **state)
{
	struct fixture *f = *state;
	cJSON *fields = cJSON_Parse("{\"number\":1,\"eids\":[\"10.1.0.5\"]}");
	int a = dial(f);
	int b = dial(f);

	assert_false(ctl_has_monitors(f->ctl));
	ctl_publish(f->ctl, "move", fields);
	say(a, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, a, "{\"id\":1,\"ok\":true}");
	ctl_publish(f->ctl, "move", fields);
	ctl_publish(f->ctl, "peer-up", NULL);
	say(b, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, b, "{\"id\":1,\"ok\":true}");
	ctl_publish(f->ctl, "peer-down", NULL);
	expect(f, a, "{\"event\":\"move\",\"number\":1,\"eids\":[\"10.1.0.5\"]}");
	expect(f, a, "{\"event\":\"peer-up\"}");
	expect(f, a, "{\"event\":\"peer-down\"}");
	expect(f, b, "{\"event\":\"peer-down\"}");
	say(a, "{\"id\":2,\"cmd\":\"show\",\"what\":\"vr\"}\n");
	expect(f, a, "{\"id\":2,\"ok\":true,\"data\":{\"name\":\"a\"}}");
	close(a);
	close(b);
	cJSON_Delete(fields);
}

static void
a_slow_monitor_is_told_how_much_it_missed(void **state)
{
	struct fixture *f = *state;
	cJSON *fields = cJSON_CreateObject();
	unsigned long published = 0, heard = 0, missed = 0;
	char *text = malloc(8192);
	int fd = dial(f);

	memset(text, 'x', 8191);
	text[8191] = '\0';
	cJSON_AddStringToObject(fields, "text", text);
	say(fd, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	for (; published < 1000; published++)
		ctl_publish(f->ctl, "move", fields);
	while (missed == 0) {
		char *line = hear(f, fd);
		cJSON *event = cJSON_Parse(line);
		const cJSON *count = cJSON_GetObjectItem(event, "count");

		heard += count == NULL;
		missed = count == NULL ? 0 : (unsigned long)count->valuedouble;
		/* Only a further event can carry the news. */
		if (heard == 50) {
			ctl_publish(f->ctl, "move", fields);
			published++;
		}
		cJSON_Delete(event);
		free(line);
	}
	free(hear(f, fd));
	heard++;
	assert_int_equal(heard + missed, published);
	close(fd);
	cJSON_Delete(fields);
	free(text);
}

static void
a_monitor_that_takes_nothing_is_closed(void **state)
{
	struct fixture *f = *state;
	int fd = dial(f);
	int i;

	say(fd, "{\"id\":1,\"cmd\":\"monitor\"}\n");
	expect(f, fd, "{\"id\":1,\"ok\":true}");
	for (i = 0; i < 100000; i++)
		ctl_publish(f->ctl, "move", NULL);
	for (i = 0; i < 100; i++)
		ctl_readable(f->ctl, f->now);
	assert_int_equal(ctl_run(f->ctl, f->now), f->now + CTL_REPLY_TIME);
	f->now += CTL_REPLY_TIME;
	ctl_run(f->ctl, f->now);
	assert_false(ctl_has_monitors(f->ctl));
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_says_nothing_is_closed_and_who_monitors_is_not),
		TEST(monitors_get_every_event_in_order),
		TEST(a_slow_monitor_is_told_how_much_it_missed),
		TEST(a_monitor_that_takes_nothing_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
