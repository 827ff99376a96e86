/* What vrctl prints for people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "vr/vrctl_lisp.h"
#include "vr/vrctl_print.h"
#include "wire/lisp.h"

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
a_row_has_a_line_for_each_of_its_locators(void **state)
{
	static const struct row rows[] = {
		{"lig",
		 "[{\"prefix\":\"10.1.0.0/24\",\"action\":null,\"ttl_s\":60,\"authoritative\":"
		 "true,\"version\":null,\"locators\":["
		 "{\"rloc\":\"192.0.2.2\",\"priority\":1,\"weight\":50,\"state\":\"up\"},"
		 "{\"rloc\":\"192.0.2.1\",\"priority\":255,\"weight\":0,\"state\":"
		 "\"unreachable\"}]},"
		 "{\"prefix\":\"10.2.0.0/16\",\"action\":\"native-forward\",\"ttl_s\":900,"
		 "\"authoritative\":false,\"version\":null,\"locators\":[]}]",
		 "PREFIX       ACTION             TTL  AUTH  VERSION  LOCATOR    PRIORITY  WEIGHT  "
		 "STATE\n"
		 "10.1.0.0/24  -                1m00s  yes   -        192.0.2.1       255       0  "
		 "unreachable\n"
		 "10.1.0.0/24  -                1m00s  yes   -        192.0.2.2         1      50  "
		 "up\n"
		 "10.2.0.0/16  native-forward  15m00s  no    -        -                 -       -  "
		 "-\n"},
	};

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

static void
rows_of_two_kinds_make_two_tables(void **state)
{
#define OWN                                                                                        \
	"{\"kind\":\"own\",\"vn\":7,\"prefix\":\"10.1.0.0/"                                        \
	"24\",\"map_server\":\"192.0.2.9\",\"rtr\":null,\"state\":\"asked\",\"since_s\":null,"     \
	"\"renewed_s\":null,\"next_s\":1,\"expires_s\":null,\"tries\":2,\"registers\":2,"          \
	"\"notifies\":0,\"locators\":[{\"rloc\":\"192.0.2.1\",\"priority\":1,\"weight\":100}]}"
#define HERE                                                                                       \
	"{\"kind\":\"here\",\"vn\":7,\"prefix\":\"10.2.0.0/"                                       \
	"24\",\"site\":\"s\",\"etr\":\"192.0.2.2\",\"etr_registers\":9,\"uptime_s\":5,\"expires_"  \
	"s\":175,\"version\":3,\"proxy\":true,\"locators\":[]}"
#define OWN_WORDS                                                                                  \
	"VN  OWN PREFIX   MAP-SERVER  RTR  STATE  SINCE  RENEWED   NEXT  EXPIRES  TRIES  "         \
	"REGISTERS  NOTIFIES  LOCATOR    PRIORITY  WEIGHT\n"
#define OWN_HEAD                                                                                   \
	OWN_WORDS " 7  10.1.0.0/24  192.0.2.9   -    asked  -      -        1.00s  -            "  \
		  "2          2         0  192.0.2.1         1     100\n"
#define HERE_HEAD                                                                                  \
	"VN  REGISTERED HERE  SITE  ETR           UP  EXPIRES  VERSION  PROXY  REGISTERS  "        \
	"LOCATOR  PRIORITY  WEIGHT  STATE\n"                                                       \
	" 7  10.2.0.0/24      s     192.0.2.2  5.00s    2m55s        3  yes            9  -      " \
	"  -         -       -\n"
	static const struct row rows[] = {
		{"show registrations", "[" HERE "," OWN "]", OWN_HEAD "\n" HERE_HEAD},
		{"show registrations", "[" HERE "]", HERE_HEAD},
		{"show registrations", "[" OWN "]", OWN_HEAD},
		{"show registrations", "[]",
		 "VN  OWN PREFIX  MAP-SERVER  RTR  STATE  SINCE  RENEWED  NEXT  EXPIRES  TRIES  "
		 "REGISTERS  NOTIFIES  LOCATOR  PRIORITY  WEIGHT\n"},
	};
#undef OWN
#undef HERE
#undef OWN_WORDS
#undef OWN_HEAD
#undef HERE_HEAD

	(void)state;
	expect(rows, ARRAY_COUNT(rows));
}

/* Builds a Map-Reply, parses it and compares what lig makes of it. */
static void
a_map_reply_becomes_rows(void **state)
{
	struct lisp_msg msg = {.type = LISP_MAP_REPLY, .nonce = 1}, parsed;
	struct prefix p[2] = {
		{.addr = addr_make(ADDR_V4, (const uint8_t[]){10, 1, 0, 0}), .len = 24},
		{.addr = addr_make(ADDR_V4, (const uint8_t[]){10, 2, 0, 0}), .len = 16}};
	struct lisp_record mapping = {.ttl = 2,
				      .eid = lisp_eid_make(7, p[0], true),
				      .authoritative = true,
				      .map_version = 5};
	struct lisp_record negative = {
		.ttl = UINT32_MAX, .eid = lisp_eid_make(0, p[1], true), .action = LISP_DROP_POLICY};
	struct lisp_locator locator = {
		.priority = 1,
		.weight = 50,
		.m_priority = 255,
		.local = true,
		.rloc = lisp_rloc_make(addr_make(ADDR_V4, (const uint8_t[]){192, 0, 2, 1}))};
	static const struct lisp_dialect dialect = {0};
	uint8_t data[LISP_SIZE_MAX];
	struct lisp_builder b;
	cJSON *rows;
	char *text;
	int size;

	(void)state;
	lisp_begin(&b, data, sizeof(data), &msg);
	lisp_put_record(&b, &mapping);
	lisp_put_locator(&b, &locator);
	lisp_put_record(&b, &negative);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_parse(data, (size_t)size, &dialect, &parsed), 0);
	rows = vrctl_lig_records(&parsed);
	text = cJSON_PrintUnformatted(rows);
	assert_string_equal(
		text,
		"[{\"vn\":7,\"prefix\":\"10.1.0.0/24\",\"action\":null,\"ttl_s\":120,"
		"\"authoritative\":true,\"version\":5,\"locators\":[{\"rloc\":\"192.0.2.1\","
		"\"priority\":1,\"weight\":50,\"multicast_priority\":255,\"multicast_weight\":0,"
		"\"state\":\"unreachable\",\"local\":true}]},"
		"{\"vn\":0,\"prefix\":\"10.2.0.0/16\",\"action\":\"drop-policy\",\"ttl_s\":null,"
		"\"authoritative\":false,\"version\":null,\"locators\":[]}]");
	cJSON_free(text);
	cJSON_Delete(rows);
}

static void
options_are_numbers_and_addresses_or_are_refused(void **state)
{
	static const struct {
		const char *number;
		uint32_t max, value; /* UINT32_MAX: refused */
	} numbers[] = {{"0", 10, 0},
		       {"10", 10, 10},
		       {"11", 10, UINT32_MAX},
		       {"", 10, UINT32_MAX},
		       {"-1", 10, UINT32_MAX},
		       {"7x", 10, UINT32_MAX},
		       {"99999999999", 10, UINT32_MAX},
		       {"16777215", 16777215, 16777215}};
	static const struct {
		const char *text;
		uint16_t port;
	} endpoints[] = {{"192.0.2.1", 4342},
			 {"192.0.2.1:5000", 5000},
			 {"2001:db8::1", 4342},
			 {"[2001:db8::1]:5000", 5000},
			 {"192.0.2.1:0", 0},
			 {"somewhere", 0},
			 {"", 0}};
	struct vrctl_options o = {0};
	struct endpoint ep;
	uint32_t number = 42;
	size_t i;

	(void)state;
	assert_int_equal(vrctl_option_number(&o, VRCTL_VN, 10, &number), VRCTL_DONE);
	assert_int_equal(number, 42);
	for (i = 0; i < ARRAY_COUNT(numbers); i++) {
		bool good = numbers[i].value != UINT32_MAX;

		o.values[VRCTL_VN] = numbers[i].number;
		assert_int_equal(vrctl_option_number(&o, VRCTL_VN, numbers[i].max, &number),
				 good ? VRCTL_DONE : VRCTL_USAGE);
		assert_true(!good || number == numbers[i].value);
	}
	for (i = 0; i < ARRAY_COUNT(endpoints); i++) {
		bool good = endpoints[i].port != 0;

		o.values[VRCTL_MR] = endpoints[i].text;
		assert_int_equal(vrctl_option_endpoint(&o, VRCTL_MR, 4342, &ep),
				 good ? VRCTL_DONE : VRCTL_USAGE);
		assert_true(!good || ep.port == endpoints[i].port);
	}
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
expect_field(const char *page, const char *command, const char *name)
{
	char field[64];

	snprintf(field, sizeof(field), "`%s`", name + (name[0] == '.'));
	if (strstr(page, field) == NULL)
		fail_msg("%s: %s", command, field);
}

static void
the_protocol_describes_every_column(void **state)
{
	static const char *const commands[] = {
		"show peers",  "show lndt",          "show gndt",     "show hwdt",
		"show moves",  "show drops",         "show mapcache", "show registrations",
		"show askers", "show subscriptions", "show proxies",  "show relayed",
		"lig"};
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
		for (; view != NULL; view = view->next)
			for (j = 0; j < VRCTL_COLUMNS_MAX && view->columns[j].title != NULL; j++)
				expect_field(page, commands[i], view->columns[j].field);
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
		cmocka_unit_test(a_row_has_a_line_for_each_of_its_locators),
		cmocka_unit_test(rows_of_two_kinds_make_two_tables),
		cmocka_unit_test(a_map_reply_becomes_rows),
		cmocka_unit_test(options_are_numbers_and_addresses_or_are_refused),
		cmocka_unit_test(an_event_is_one_line),
		cmocka_unit_test(the_protocol_describes_every_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
