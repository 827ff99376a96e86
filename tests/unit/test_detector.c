/* What a sighting means, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "migration/detector.h"

#define VN 7
static const struct vr_id self = {1}, other = {2}, third = {3};
static const struct mac vm = {{2, 0, 0, 0, 0, 5}}, stranger = {{2, 0, 0, 0, 0, 6}};

struct tables {
	struct hwdt *hwdt;
	struct lndt *lndt;
};

static struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

static void
put(struct tables *t, const char *eid, struct vr_id owner, mobility_t mobility, us_t now)
{
	struct binding b = {.vn = VN, .ip = ip(eid), .mac = vm, .vr = owner, .mobility = mobility};

	assert_in_range(hwdt_put(t->hwdt, &b, now, NULL), HWDT_ADDED, HWDT_MOVED);
}

static int
setup(void **state)
{
	static struct tables t; /* one test at a time */
	struct prefix mobile, home;

	t.hwdt = hwdt_create(16, &(struct hash_key){1, 2});
	t.lndt = lndt_create(self);
	assert_int_equal(prefix_from_text("10.1.0.0/24", &mobile), 0);
	assert_int_equal(prefix_from_text("10.2.0.0/24", &home), 0);
	assert_int_equal(lndt_put_mobile(t.lndt, VN, mobile, (struct vr_id[]){self, other}, 2), 0);
	assert_int_equal(lndt_put_fixed(t.lndt, VN, home, self), 0);
	*state = &t;
	return 0;
}

static int
teardown(void **state)
{
	struct tables *t = *state;

	hwdt_destroy(t->hwdt);
	lndt_destroy(t->lndt);
	return 0;
}

static enum detector_verdict
judge(const struct tables *t, enum sighting_kind kind, struct mac mac, const char *eid,
      us_t arrived, us_t now)
{
	struct detector d = {.hwdt = t->hwdt, .lndt = t->lndt, .self = self};
	struct sighting s = {.kind = kind,
			     .vn = VN,
			     .mac = mac,
			     .ip = ip(eid),
			     .guard = DETECTOR_GUARD_MIN,
			     .arrived = arrived,
			     .now = now};

	return detector_judge(&d, &s);
}

static void
a_machine_at_home_is_known_by_every_kind(void **state)
{
	put(*state, "10.1.0.5", self, 1, 0);
	for (int kind = SIGHTING_RARP; kind <= SIGHTING_DATA; kind++)
		assert_int_equal(judge(*state, (enum sighting_kind)kind, vm, "10.1.0.5", 0, US_S),
				 VERDICT_KNOWN);
}

static void
nobodys_machine_is_new_where_it_may_live(void **state)
{
	assert_int_equal(judge(*state, SIGHTING_ARP, vm, "10.1.0.5", 0, US_S), VERDICT_NEW);
	assert_int_equal(judge(*state, SIGHTING_DATA, vm, "10.2.0.5", 0, US_S), VERDICT_NEW);
	assert_int_equal(judge(*state, SIGHTING_GARP, vm, "10.9.0.5", 0, US_S), VERDICT_FOREIGN);
}

static void
a_machine_elsewhere_that_never_was_here_has_moved(void **state)
{
	put(*state, "10.1.0.5", other, 1, 0);
	for (int kind = SIGHTING_RARP; kind <= SIGHTING_DATA; kind++)
		assert_int_equal(judge(*state, (enum sighting_kind)kind, vm, "10.1.0.5", 0, US_S),
				 VERDICT_MOVE);
}

/* It left at 100 s: late frames are ignored, then doubted, then believed; a RARP and a gratuitous ARP at once. */
static void
after_a_departure_time_decides(void **state)
{
	static const struct {
		enum sighting_kind kind;
		us_t after;
		enum detector_verdict verdict;
	} rows[] = {
		{SIGHTING_DATA, 0, VERDICT_GUARDED},
		{SIGHTING_ARP, DETECTOR_GUARD_MIN - 1, VERDICT_GUARDED},
		{SIGHTING_DATA, DETECTOR_GUARD_MIN, VERDICT_SUSPECT},
		{SIGHTING_ARP, DETECTOR_DOUBT - 1, VERDICT_SUSPECT},
		{SIGHTING_DATA, DETECTOR_DOUBT, VERDICT_MOVE},
		{SIGHTING_RARP, 1, VERDICT_MOVE},
		{SIGHTING_GARP, 1, VERDICT_MOVE},
	};

	put(*state, "10.1.0.5", self, 1, 0);
	put(*state, "10.1.0.5", other, 2, 100 * US_S);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		assert_int_equal(
			judge(*state, rows[i].kind, vm, "10.1.0.5", 0, 100 * US_S + rows[i].after),
			rows[i].verdict);
}

static void
a_rarp_of_the_series_before_it_left_again_is_doubted(void **state)
{
	put(*state, "10.1.0.5", other, 1, 0);
	put(*state, "10.1.0.5", self, 2, 100 * US_S);
	put(*state, "10.1.0.5", third, 3, 100 * US_S + 100 * US_MS);
	assert_int_equal(
		judge(*state, SIGHTING_RARP, vm, "10.1.0.5", 100 * US_S, 100 * US_S + 450 * US_MS),
		VERDICT_SUSPECT);
	assert_int_equal(judge(*state, SIGHTING_RARP, vm, "10.1.0.5", 100 * US_S,
			       100 * US_S + DETECTOR_SERIES),
			 VERDICT_MOVE);
}

static void
another_machine_with_the_address_is_never_believed(void **state)
{
	put(*state, "10.1.0.5", other, 1, 0);
	assert_int_equal(judge(*state, SIGHTING_DATA, stranger, "10.1.0.5", 0, US_S),
			 VERDICT_CONFLICT);
	assert_int_equal(judge(*state, SIGHTING_GARP, stranger, "10.1.0.5", 0, US_S),
			 VERDICT_SUSPECT);
	put(*state, "10.1.0.6", self, 1, 0);
	assert_int_equal(judge(*state, SIGHTING_DATA, stranger, "10.1.0.6", 0, US_S),
			 VERDICT_CONFLICT);
	assert_int_equal(judge(*state, SIGHTING_ARP, stranger, "10.1.0.6", 0, US_S),
			 VERDICT_CHANGED);
}

static void
a_withdrawn_machine_is_nobodys(void **state)
{
	struct tables *t = *state;
	struct binding gone = {.vn = VN,
			       .ip = ip("10.1.0.5"),
			       .mac = vm,
			       .vr = other,
			       .mobility = 2,
			       .withdrawn = true};

	put(t, "10.1.0.5", other, 1, 0);
	assert_int_equal(hwdt_put(t->hwdt, &gone, 1, NULL), HWDT_UPDATED);
	assert_int_equal(judge(t, SIGHTING_RARP, vm, "10.1.0.5", 0, US_S), VERDICT_NEW);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_machine_at_home_is_known_by_every_kind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nobodys_machine_is_new_where_it_may_live, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_machine_elsewhere_that_never_was_here_has_moved,
						setup, teardown),
		cmocka_unit_test_setup_teardown(after_a_departure_time_decides, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_rarp_of_the_series_before_it_left_again_is_doubted, setup, teardown),
		cmocka_unit_test_setup_teardown(another_machine_with_the_address_is_never_believed,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_withdrawn_machine_is_nobodys, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
