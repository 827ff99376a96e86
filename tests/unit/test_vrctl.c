/* What vrctl prints for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "vr/vrctl_print.h"

struct row {
	const char *command; /* whose view is used; "" for none */
	const char *json;
	const char *text;
};

static void
expect(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		cJSON *data = cJSON_Parse(rows[i].json);
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(data);
		assert_int_equal(vrctl_print(data, vrctl_view_find(rows[i].command), out), 0);
		fclose(out);
		assert_string_equal(text, rows[i].text);
		free(text);
		cJSON_Delete(data);
	}
}

static void
tables_are_aligned_sorted_and_no_wider_than_needed(void **state)
{
	static const struct row rows[] = {
		{"", "[{\"n\":10,\"s\":\"x\"},{\"n\":9,\"s\":\"yyyy\"}]",
		 " n  s\n"
		 " 9  yyyy\n"
		 "10  x\n"},
		{"", "[{\"ip\":\"10.10.0.1\",\"k\":1},{\"ip\":\"10.9.0.1\",\"k\":2}]",
		 "ip         k\n"
		 "10.9.0.1   2\n"
		 "10.10.0.1  1\n"},
		/* Fields that only some rows have; nothing trails. */
		{"", "[{\"a\":\"x\"},{\"b\":\"y\"},{\"a\":\"z\",\"b\":null}]",
		 "a  b\n"
		 "-  y\n"
		 "x  -\n"
		 "z  -\n"},
		{"", "[{\"a\":\"\\u00e4\",\"b\":1},{\"a\":\"bb\",\"b\":22}]",
		 "a    b\n"
		 "bb  22\n"
		 "\xc3\xa4    1\n"},
		{"", "[]", ""},
		{"", "[{}]", ""},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void
values_are_shown_by_the_names_of_their_fields(void **state)
{
	static const struct row rows[] = {
		{"", "{\"rtt_us\":1500,\"uptime_s\":65,\"rx_bytes\":999,\"tx_bytes\":1234567}",
		 "rtt:      1.5ms\n"
		 "uptime:   1m05s\n"
		 "rx_bytes: 999B\n"
		 "tx_bytes: 1.23MB\n"},
		{"", "{\"up\":true,\"list\":[1,\"b\"],\"none\":[],\"nil\":null,\"empty\":\"\"}",
		 "up:    yes\n"
		 "list:  1,b\n"
		 "none:  -\n"
		 "nil:   -\n"
		 "empty: -\n"},
		{"", "{\"big\":4294967296,\"part\":0.25}",
		 "big:  4294967296\n"
		 "part: 0.25\n"},
		{"",
		 "{\"name\":\"a\",\"vns\":[{\"vn\":7,\"acks\":[{\"vr\":\"b\",\"us\":5}]}],\"o\":{"
		 "\"x\":1}}",
		 "name: a\n"
		 "\n"
		 "vns\n"
		 "vn  acks\n"
		 " 7  (vr=b us=5)\n"
		 "\n"
		 "o\n"
		 "x: 1\n"},
		{"", "[\"one\",\"two\"]", "one\ntwo\n"},
		{"", "{\"text\":\"one\\ntwo\"}", "one\ntwo\n"},
		{"", "\"text\"", "text\n"},
		{"", "null", ""},
		/* Nothing that a terminal would obey. */
		{"", "{\"a\":\"\\u001b[2J\"}", "a: ?[2J\n"},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void
views_choose_and_order_the_columns(void **state)
{
	static const struct row rows[] = {
		{"show lndt",
		 "[{\"x\":1,\"kind\":\"mobile\",\"vn\":7,\"vr\":null,\"hosts\":[\"a\",\"b\"],"
		 "\"prefix\":\"10.1.0.0/24\"}]",
		 "VN  PREFIX       KIND    ROUTER  HOSTS\n"
		 " 7  10.1.0.0/24  mobile  -       a,b\n"},
		{"show gndt", "[]", "VN  PREFIX  ROUTER  ORIGIN  HERE\n"},
		{"show drops",
		 "[{\"where\":\"router\",\"reason\":\"ttl\",\"count\":0,\"text\":\"time "
		 "exceeded\"},"
		 "{\"where\":\"router\",\"reason\":\"echo\",\"count\":3,\"text\":\"our own\"}]",
		 "WHERE   REASON  COUNT  MEANING\n"
		 "router  echo        3  our own\n"},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void
an_event_is_one_line(void **state)
{
	static const struct {
		const char *json, *text;
	} rows[] = {
		{"{\"event\":\"moved\",\"number\":3,\"vn\":7,\"eid\":\"10.1.0.5\",\"from\":null,"
		 "\"to\":\"b\"}",
		 "moved number=3 vn=7 eid=10.1.0.5 to=b\n"},
		{"{\"event\":\"alarm\",\"at\":\"2025-01-01T00:00:00Z\",\"text\":\"a\\nb\"}",
		 "2025-01-01T00:00:00Z alarm text=a?b\n"},
		{"{\"number\":3}", "- number=3\n"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		cJSON *event = cJSON_Parse(rows[i].json);
		char *text;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_int_equal(vrctl_print_event(event, out), 0);
		fclose(out);
		assert_string_equal(text, rows[i].text);
		free(text);
		cJSON_Delete(event);
	}
}

static void
the_protocol_describes_every_column(void **state)
{
	static const char *const commands[] = {"show peers", "show lndt",  "show gndt",
					       "show hwdt",  "show moves", "show drops"};
	FILE *in = fopen("docs/control-protocol.md", "r");
	char *page = calloc(1, 1 << 20);
	size_t i, j;

	(void)state;
	assert_non_null(in);
	assert_true(fread(page, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	for (i = 0; i < ARRAY_COUNT(commands); i++) {
		const struct vrctl_view *view = vrctl_view_find(commands[i]);

		assert_non_null(view);
		for (j = 0; j < VRCTL_COLUMNS_MAX && view->columns[j].title != NULL; j++) {
			char field[64];

			snprintf(field, sizeof(field), "`%s`", view->columns[j].field);
			if (strstr(page, field) == NULL)
				fail_msg("%s: %s", commands[i], field);
		}
	}
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_aligned_sorted_and_no_wider_than_needed),
		cmocka_unit_test(values_are_shown_by_the_names_of_their_fields),
		cmocka_unit_test(views_choose_and_order_the_columns),
		cmocka_unit_test(an_event_is_one_line),
		cmocka_unit_test(the_protocol_describes_every_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
