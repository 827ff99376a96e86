/* A command beside the event loop: see renew.h. */
#include "vr/renew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define MODULE    "renew"
#define LINES_MAX 50 /* of one command, that the log gets */
#define LINE_SIZE 256

struct renew {
	struct loop *loop;
	struct log *log;
	renew_fn *fn;
	void *ctx;
	struct loop_timer *timer;
	pid_t pid;       /* 0: none is running */
	int pidfd, pipe; /* -1: none */
	us_t started;
	bool is_late;
	unsigned lines;
	char line[LINE_SIZE];
	size_t used;
};

/* ---- output ---- */

static void
say_line(struct renew *r)
{
	if (r->used > 0 && r->lines < LINES_MAX)
		log_line(r->log, LOG_INFO, MODULE, "%.*s", (int)r->used, r->line);
	r->lines += r->used > 0;
	r->used = 0;
}

static void
take_bytes(struct renew *r, const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (bytes[i] == '\n' || r->used == sizeof(r->line))
			say_line(r);
		if (bytes[i] != '\n')
			r->line[r->used++] = bytes[i];
	}
}

static void
close_pipe(struct renew *r)
{
	if (r->pipe < 0)
		return;
	say_line(r);
	loop_unwatch(r->loop, r->pipe);
	close(r->pipe);
	r->pipe = -1;
}

static void
on_output(void *ctx, us_t now)
{
	struct renew *r = ctx;
	char bytes[1024];
	ssize_t got = read(r->pipe, bytes, sizeof(bytes));

	(void)now;
	if (got > 0)
		take_bytes(r, bytes, (size_t)got);
	else if (got == 0 || (errno != EAGAIN && errno != EINTR))
		close_pipe(r);
}

/* ---- its end ---- */

static void
on_exit_of_it(void *ctx, us_t now)
{
	struct renew *r = ctx;
	enum renew_end how;
	siginfo_t info = {0};
	int rounds = LINES_MAX;

	if (waitid(P_PIDFD, (id_t)r->pidfd, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
		return;
	/* What it has left running in the background may go on writing, to nobody. */
	while (r->pipe >= 0 && rounds-- > 0)
		on_output(r, now);
	close_pipe(r);
	loop_unwatch(r->loop, r->pidfd);
	close(r->pidfd);
	r->pidfd = -1;
	r->pid = 0;
	loop_timer_set(r->timer, US_NEVER);
	how = r->is_late ? RENEW_TIMEOUT : info.si_code == CLD_EXITED ? RENEW_EXITED : RENEW_KILLED;
	log_line(r->log, how == RENEW_EXITED && info.si_status == 0 ? LOG_INFO : LOG_WARNING,
		 MODULE, "%s %d after %lld ms",
		 how == RENEW_TIMEOUT  ? "took too long, ended with signal"
		 : how == RENEW_KILLED ? "ended with signal"
				       : "ended with status",
		 info.si_status, (long long)((now - r->started) / US_MS));
	r->fn(r->ctx, how, info.si_status, now);
}

static void
on_late(void *ctx, us_t now)
{
	struct renew *r = ctx;

	(void)now;
	r->is_late = true;
	/* All of its group. */
	(void)kill(-r->pid, SIGKILL);
}

/* ---- its start ---- */

static int
set_attributes(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
							    POSIX_SPAWN_SETPGROUP);
	return -rc;
}

static int
set_files(posix_spawn_file_actions_t *files, int output)
{
	int rc = posix_spawn_file_actions_addopen(files, 0, "/dev/null", O_RDONLY, 0);

	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, output, 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(files, output, 2);
	/* Libraries have descriptors that are not closed by themselves. */
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(files, 3);
	return -rc;
}

static int
spawn(char *const *argv, int output, pid_t *pid)
{
	extern char **environ;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int rc = -posix_spawnattr_init(&attr);

	if (rc != 0)
		return rc;
	rc = -posix_spawn_file_actions_init(&files);
	if (rc == 0) {
		rc = set_attributes(&attr);
		if (rc == 0)
			rc = set_files(&files, output);
		if (rc == 0)
			rc = -posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
		(void)posix_spawn_file_actions_destroy(&files);
	}
	(void)posix_spawnattr_destroy(&attr);
	return rc;
}

/* It runs: watches it. */
static int
watch(struct renew *r, pid_t pid, us_t patience, us_t now)
{
	r->pid = pid;
	r->started = now;
	r->is_late = false;
	r->lines = 0;
	r->used = 0;
	r->pidfd = pidfd_open(pid, 0);
	if (r->pidfd < 0)
		return -errno;
	if (loop_watch(r->loop, r->pidfd, on_exit_of_it, r) != 0)
		return -ENOMEM;
	loop_timer_set(r->timer, now + patience);
	return loop_watch(r->loop, r->pipe, on_output, r);
}

static void
give_up(struct renew *r)
{
	close_pipe(r);
	if (r->pid != 0) {
		(void)kill(-r->pid, SIGKILL);
		(void)waitpid(r->pid, NULL, 0);
	}
	if (r->pidfd >= 0) {
		loop_unwatch(r->loop, r->pidfd);
		close(r->pidfd);
	}
	r->pid = 0;
	r->pidfd = -1;
}

int
renew_start(struct renew *r, char *const *argv, size_t count, us_t patience, us_t now)
{
	char **words;
	int ends[2], rc;
	pid_t pid = 0;

	if (r->pid != 0)
		return -EBUSY;
	words = calloc(count + 1, sizeof(*words));
	if (words == NULL)
		return -ENOMEM;
	memcpy(words, argv, count * sizeof(*words));
	if (pipe2(ends, O_CLOEXEC) != 0) {
		rc = -errno;
		free(words);
		return rc;
	}
	log_line(r->log, LOG_INFO, MODULE, "%s, for %lld s at most", words[0],
		 (long long)(patience / US_S));
	rc = spawn(words, ends[1], &pid);
	free(words);
	close(ends[1]);
	/* Only our end: what the command writes waits for us. */
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	r->pipe = ends[0];
	if (rc == 0)
		rc = watch(r, pid, patience, now);
	if (rc != 0) {
		log_line(r->log, LOG_WARNING, MODULE, "cannot run %s: %s", argv[0], strerror(-rc));
		give_up(r);
	}
	return rc;
}

bool
renew_is_running(const struct renew *r)
{
	return r->pid != 0;
}

struct renew *
renew_create(struct loop *loop, struct log *log, renew_fn *fn, void *ctx)
{
	struct renew *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	*r = (struct renew){
		.loop = loop, .log = log, .fn = fn, .ctx = ctx, .pidfd = -1, .pipe = -1};
	r->timer = loop_timer(loop, on_late, r);
	if (r->timer == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void
renew_destroy(struct renew *r)
{
	if (r == NULL)
		return;
	give_up(r);
	free(r);
}
