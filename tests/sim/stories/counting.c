/* Schedules are counted rightly when their process dies, as by a sanitizer's finding. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/jobs.h"
#include "tests/sim/stories/story.h"

enum { DIES = 5, ENDS = 6, WRONG = 7, LAST = 12 };

static bool
some_die(const void *arg, uint64_t seed, char *why, size_t size)
{
	(void)arg;
	if (seed == DIES)
		raise(SIGKILL);
	/* As a sanitizer ends a process. */
	if (seed == ENDS)
		_exit(1);
	snprintf(why, size, "all wrong");
	return seed != WRONG;
}

static void
end_badly(void)
{
	_exit(23);
}

static bool
leak(const void *arg, uint64_t seed, char *why, size_t size)
{
	(void)arg;
	(void)why;
	(void)size;
	if (seed == LAST)
		atexit(end_badly);
	return true;
}

/* Runs all up to LAST in three processes; what was said is in 'said'. */
static unsigned
count(bool (*run)(const void *arg, uint64_t seed, char *why, size_t size), char *said, size_t size)
{
	struct jobs jobs = {.seed = 1, .count = LAST, .processes = 3, .run = run, .out = tmpfile()};
	unsigned failed;
	size_t got;

	assert_non_null(jobs.out);
	failed = jobs_run(&jobs);
	rewind(jobs.out);
	got = fread(said, 1, size - 1, jobs.out);
	said[got] = '\0';
	fclose(jobs.out);
	return failed;
}

void
schedules_of_a_process_that_dies_count_as_failed(void **state)
{
	char said[4096];

	(void)state;
	/* The first has 1, 4, 7, 10, of which 7 is wrong; the second dies of 5 before 8 and 11, the
	 * third ends at 6 before 9 and 12. */
	assert_int_equal(count(some_die, said, sizeof(said)), 1 + 3 + 3);
	assert_non_null(
		strstr(said, "schedule 7: all wrong (again: sim --schedules 1 --seed 7)\n"));
	assert_non_null(strstr(said, "schedule 5: its process died by signal 9, 2 were not run "
				     "(again: sim --schedules 1 --seed 5)\n"));
	assert_non_null(strstr(said, "schedule 6: its process ended with status 1, 2 were not run "
				     "(again: sim --schedules 1 --seed 6)\n"));
}

void
a_process_that_ends_badly_is_no_success(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(count(leak, said, sizeof(said)), 1);
	assert_non_null(strstr(said, "schedule 12: its process ended with status 23"));
}
