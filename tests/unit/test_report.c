/* The records of moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "migration/report.h"

static const char *
long_name(const void *ctx, struct vr_id id)
{
	(void)ctx;
	(void)id;
	return "a-router-with-a-name-that-is-as-long-as-a-name-may-ever-be-here";
}

static void
the_record_of_a_move_told_to_very_many_is_still_json(void **state)
{
	struct reports *reports = reports_create(4);
	struct report *r = reports_add(reports, 4096);
	char text[REPORT_JSON_MAX];
	cJSON *json;

	(void)state;
	assert_non_null(r);
	r->eid_count = REPORT_EIDS_MAX;
	for (size_t i = 0; i < r->eid_count; i++) {
		r->eids[i].family = ADDR_V6;
		memset(r->eids[i].b, 0xfe, sizeof(r->eids[i].b));
	}
	r->from = r->to = (struct vr_id){1};
	for (size_t i = 0; i < r->ack_count; i++)
		r->acks[i] = (struct report_ack){.vr = {i + 2}, .at = INT64_MAX};
	r->all_acked = r->confirmed = r->first_frame = r->superseded = INT64_MAX;
	r->mobility = UINT64_MAX;
	assert_in_range(report_json(r, long_name, NULL, text, sizeof(text)), 1, sizeof(text) - 1);
	json = cJSON_Parse(text);
	assert_non_null(json);
	assert_in_range(cJSON_GetArraySize(cJSON_GetObjectItem(json, "acks")), 30, 60);
	assert_string_equal(cJSON_GetObjectItem(json, "outcome")->valuestring, "superseded");
	cJSON_Delete(json);
	reports_destroy(reports);
}

static void
the_search_ends_where_it_is_told_to(void **state)
{
	struct reports *reports = reports_create(8);
	struct addr ip = {.family = ADDR_V4, .b = {10, 0, 0, 1}};

	(void)state;
	for (us_t at = 10; at <= 30; at += 10) {
		struct report *r = reports_add(reports, 0);

		assert_non_null(r);
		r->heard = at;
		r->eids[r->eid_count++] = ip;
		ip.b[3]++;
	}
	ip.b[3] = 2;
	assert_int_equal(reports_last(reports, 0, ip)->number, 2);
	assert_int_equal(reports_since(reports, 0, ip, 20)->number, 2);
	assert_null(reports_since(reports, 0, ip, 21));
	ip.b[3] = 9;
	assert_null(reports_last(reports, 0, ip));
	reports_destroy(reports);
}

/* Also those that nobody counted before they had to go. */
static void
every_move_is_counted_once(void **state)
{
	struct reports *reports = reports_create(2);
	struct report *r;

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		r = reports_add(reports, 0);
		assert_non_null(r);
		r->trigger = TRIGGER_DATA;
		if (i % 2 == 0)
			continue;
		r->settled = r->all_acked = r->confirmed = 5;
		reports_count(reports, r->number);
		reports_count(reports, r->number);
	}
	assert_int_equal(reports_counted(reports, TRIGGER_DATA, OUTCOME_DONE), 3);
	assert_int_equal(reports_counted(reports, TRIGGER_DATA, OUTCOME_INCOMPLETE), 2);
	assert_int_equal(reports_counted(reports, TRIGGER_DATA, OUTCOME_WAITING), 0);
	reports_count(reports, 1);
	reports_count(reports, 5);
	assert_int_equal(reports_counted(reports, TRIGGER_DATA, OUTCOME_INCOMPLETE), 3);
	reports_destroy(reports);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_record_of_a_move_told_to_very_many_is_still_json),
		cmocka_unit_test(every_move_is_counted_once),
		cmocka_unit_test(the_search_ends_where_it_is_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
