/* Runs the stories, then random schedules.
 *
 *     sim [--schedules N] [--seed S] [--story NAME] [--trace] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/stories/story.h"

int
main(int argc, char **argv)
{
	const struct CMUnitTest stories[] = {
#define X(name) cmocka_unit_test(name),
		STORIES(X)
#undef X
	};

	for (int i = 1; i + 1 < argc; i++)
		if (strcmp(argv[i], "--story") == 0)
			cmocka_set_test_filter(argv[i + 1]);
	return cmocka_run_group_tests(stories, NULL, NULL);
}
