/* Runs the stories, then random schedules.
 *
 *     sim [--schedules N] [--seed S] [--jobs N] [--story NAME] [--trace]
 *
 * Without --schedules only the stories run; with --seed only the schedules. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/random.h"
#include "tests/sim/stories/story.h"

struct options {
	unsigned schedules, jobs;
	uint64_t seed;
	bool has_seed, trace;
	const char *story;
};

static int
parse(int argc, char **argv, struct options *o)
{
	*o = (struct options){.jobs = 2, .seed = 1};
	for (int i = 1; i < argc; i++) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (strcmp(argv[i], "--trace") == 0) {
			o->trace = true;
			continue;
		}
		if (value == NULL)
			return -1;
		i++;
		if (strcmp(argv[i - 1], "--schedules") == 0) {
			o->schedules = (unsigned)strtoul(value, NULL, 10);
		} else if (strcmp(argv[i - 1], "--seed") == 0) {
			o->seed = strtoull(value, NULL, 10);
			o->has_seed = true;
		} else if (strcmp(argv[i - 1], "--jobs") == 0) {
			o->jobs = (unsigned)strtoul(value, NULL, 10);
		} else if (strcmp(argv[i - 1], "--story") == 0) {
			o->story = value;
		} else {
			return -1;
		}
	}
	return 0;
}

static int
run_stories(const struct options *o)
{
	const struct CMUnitTest stories[] = {
#define X(name) cmocka_unit_test(name),
		STORIES(X)
#undef X
	};

	if (o->trace)
		setenv("SIM_TRACE", "1", 1);
	if (o->story != NULL)
		cmocka_set_test_filter(o->story);
	return cmocka_run_group_tests_name("stories", stories, NULL, NULL);
}

int
main(int argc, char **argv)
{
	struct options o;
	unsigned failed;
	int bad = 0;
	time_t start = time(NULL);

	if (parse(argc, argv, &o) != 0) {
		fprintf(stderr, "usage: sim [--schedules N] [--seed S] [--jobs N] [--story NAME] "
				"[--trace]\n");
		return 2;
	}
	setlinebuf(stdout);
	/* Large tables that are mostly empty must not be cleared by hand for every router. */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	if (!o.has_seed || o.story != NULL)
		bad = run_stories(&o);
	if (o.schedules == 0)
		return bad != 0;
	failed = random_run(o.seed, o.schedules, o.jobs, o.trace);
	printf("%u random schedules from seed %llu in %lld s\n", o.schedules,
	       (unsigned long long)o.seed, (long long)(time(NULL) - start));
	printf("[  PASSED  ] %u test(s).\n", o.schedules - failed);
	if (failed != 0)
		printf("[  FAILED  ] %u test(s)\n", failed);
	return bad != 0 || failed != 0;
}
