/* Many runs in several processes: see jobs.h. */
#include "tests/sim/jobs.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds of one run.  The slowest take some ten under a sanitizer on a busy machine. */
#define RUN_TIME 300

/* How far a process is.  It stands in shared memory: the parent reads it when the process is gone. */
struct slot {
	pid_t pid; /* 0: could not be started */
	unsigned share;
	unsigned done, failed;
	uint64_t seed; /* of the run that is under way, or was last */
};

static void
say_failed(const struct jobs *jobs, uint64_t seed, const char *why)
{
	fprintf(jobs->out, "schedule %llu: %s (again: sim --schedules 1 --seed %llu)\n",
		(unsigned long long)seed, why, (unsigned long long)seed);
	fflush(jobs->out);
}

static bool
run_one(const struct jobs *jobs, uint64_t seed)
{
	char why[512] = "";

	if (jobs->run(jobs->arg, seed, why, sizeof(why)))
		return true;
	say_failed(jobs, seed, why);
	return false;
}

static void
run_share(const struct jobs *jobs, unsigned first, unsigned step, struct slot *slot)
{
	for (unsigned i = first; i < jobs->count; i += step) {
		slot->seed = jobs->seed + i;
		/* One that never ends dies, and is named as any that does. */
		alarm(RUN_TIME);
		slot->failed += !run_one(jobs, slot->seed);
		slot->done++;
	}
	alarm(0);
}

static void
start(const struct jobs *jobs, unsigned number, unsigned processes, struct slot *slot)
{
	pid_t pid;

	slot->share = (jobs->count - number + processes - 1) / processes;
	fflush(stdout);
	fflush(jobs->out);
	pid = fork();
	if (pid == 0) {
		run_share(jobs, number, processes, slot);
		/* Not _exit(): a sanitizer looks for leaks at the end. */
		exit(0);
	}
	slot->pid = pid > 0 ? pid : 0;
}

/* Failed runs of a process that is gone. */
static unsigned
settle(const struct jobs *jobs, const struct slot *slot, int status)
{
	unsigned left = slot->share - slot->done;
	unsigned never = left > 1 ? left - 1 : 0;
	char why[96];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && left == 0)
		return slot->failed;
	if (WIFSIGNALED(status))
		snprintf(why, sizeof(why), "its process died by signal %d, %u were not run",
			 WTERMSIG(status), never);
	else
		snprintf(why, sizeof(why), "its process ended with status %d, %u were not run",
			 WEXITSTATUS(status), never);
	say_failed(jobs, slot->seed, why);
	/* What comes to light at the end, a leak, is nobody's in particular: one more has failed. */
	if (left == 0)
		return slot->failed < slot->share ? slot->failed + 1 : slot->failed;
	return slot->failed + left;
}

static unsigned
wait_for_one(const struct jobs *jobs, struct slot *slots, unsigned processes)
{
	int status = 0;
	pid_t pid = wait(&status);

	for (unsigned i = 0; i < processes; i++)
		if (pid > 0 && slots[i].pid == pid)
			return settle(jobs, &slots[i], status);
	abort();
}

static unsigned
run_processes(const struct jobs *jobs, struct slot *slots, unsigned processes)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < processes; i++)
		start(jobs, i, processes, &slots[i]);
	for (unsigned i = 0; i < processes; i++) {
		if (slots[i].pid != 0) {
			failed += wait_for_one(jobs, slots, processes);
			continue;
		}
		fprintf(jobs->out, "no process for %u schedules\n", slots[i].share);
		failed += slots[i].share;
	}
	return failed;
}

unsigned
jobs_run(const struct jobs *jobs)
{
	unsigned processes = jobs->processes == 0 ? 1 : jobs->processes;
	struct slot *slots;
	unsigned failed;
	size_t size;

	if (jobs->count == 1)
		return run_one(jobs, jobs->seed) ? 0 : 1;
	if (processes > jobs->count)
		processes = jobs->count;
	size = processes * sizeof(*slots);
	slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (slots == MAP_FAILED)
		abort();
	failed = run_processes(jobs, slots, processes);
	munmap(slots, size);
	return failed;
}
