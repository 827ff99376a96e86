/* Drop reasons: names that are stable and distinct. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "vr/drop.h"

static void
every_reason_has_a_name_of_its_own_and_a_text(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DROP_COUNT; i++) {
		const char *name = vr_drop_name((enum vr_drop)i);

		assert_true(strlen(name) > 0 && strlen(vr_drop_text((enum vr_drop)i)) > 0);
		for (const char *c = name; *c != '\0'; c++)
			assert_true(islower((unsigned char)*c) || isdigit((unsigned char)*c) ||
				    *c == '-');
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name, vr_drop_name((enum vr_drop)k));
	}
}

static void
names_belong_to_their_reasons(void **state)
{
	(void)state;
	assert_string_equal(vr_drop_name(DROP_MALFORMED), "malformed");
	assert_string_equal(vr_drop_name(DROP_TOO_BIG), "too-big");
	assert_string_equal(vr_drop_text(DROP_TTL), "time exceeded");
	assert_string_equal(vr_drop_name(DROP_ARP_MALFORMED), "arp-malformed");
}

static void
a_number_out_of_range_is_unknown(void **state)
{
	(void)state;
	assert_string_equal(vr_drop_name(DROP_COUNT), "unknown");
	assert_string_equal(vr_drop_text(DROP_COUNT), "unknown");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reason_has_a_name_of_its_own_and_a_text),
		cmocka_unit_test(names_belong_to_their_reasons),
		cmocka_unit_test(a_number_out_of_range_is_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
