/* vrd: the command line, the log, and one daemon. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "vr/daemon.h"
#include "vr/privileges.h"
#include "vr/version.h"

static void
usage(FILE *out)
{
	fputs("usage: vrd -c FILE          run in the foreground\n"
	      "       vrd --check FILE     report every error of a configuration\n"
	      "       vrd --help-config    every key of the configuration\n"
	      "       vrd --version | --help\n",
	      out);
}

/* Ports below this are not for everybody. */
#define FILES_WANTED 2048U
#define PORT_FREE    1024

static bool
drop_privileges(bool low_port, bool hand_on)
{
	int err = privileges_drop(low_port, hand_on);

	if (err != 0)
		fprintf(stderr, "vrd: cannot give up privileges: %s\n", strerror(-err));
	return err == 0;
}

/* Reads a configuration; errors are printed. NULL on failure. Privileges are given up before that: what
 * can be read now can be read at every reload. */
static struct conf *
read_conf(const char *file)
{
	struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_errors errors = {.count = 0};
	int err;

	if (conf == NULL || !drop_privileges(true, true)) {
		free(conf);
		return NULL;
	}
	err = conf_read_with_key(file, daemon_public_key, conf, &errors);
	conf_errors_print(&errors, file, stderr);
	conf_errors_fini(&errors);
	if (err == 0)
		return conf;
	free(conf);
	return NULL;
}

static int
check(const char *file)
{
	struct conf *conf = read_conf(file);

	if (conf == NULL)
		return EXIT_FAILURE;
	conf_warnings_print(conf, file, stderr);
	printf("%s: no errors: router %s, %zu VNs, %zu peers\n", file, conf->name, conf->vn_count,
	       conf->peer_count);
	conf_fini(conf);
	free(conf);
	return EXIT_SUCCESS;
}

/* The status of what was to be printed: what a full disk has swallowed was not said. */
static int
printed(int status)
{
	bool is_lost = ferror(stdout) != 0;

	if (fflush(stdout) == 0 && !is_lost)
		return status;
	fprintf(stderr, "vrd: cannot write to the standard output\n");
	return EXIT_FAILURE;
}

/* Signals that the loop takes wait while there is none: a second SIGTERM must not end what the first one has begun, and none
 * at the start may leave a half-made port on the LAN.  Threads that are made meanwhile get none. */
static void
hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static bool
has_low_port(const struct conf *conf)
{
	return conf->listen.port < PORT_FREE ||
	       (!addr_is_none(conf->tcp_listen.addr) && conf->tcp_listen.port < PORT_FREE);
}

/* All streams, and everything else that is open. */
static void
raise_files(struct log *log)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= FILES_WANTED)
		return;
	limit.rlim_cur = limit.rlim_max < FILES_WANTED ? limit.rlim_max : FILES_WANTED;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < FILES_WANTED)
		log_line(log, LOG_WARNING, "main",
			 "%llu files may be open, and %u are needed with many TCP streams: raise "
			 "the "
			 "limit (LimitNOFILE)",
			 (unsigned long long)limit.rlim_max, FILES_WANTED);
}

static int
run(const char *file)
{
	struct conf *conf = read_conf(file);
	struct daemon *daemon;
	struct log *log;
	int err;

	if (conf == NULL)
		return EXIT_FAILURE;
	log = drop_privileges(has_low_port(conf), conf->underlay.renew_count > 0)
		      ? log_create(conf->log_level, conf->log_file)
		      : NULL;
	if (log == NULL) {
		fprintf(stderr, "vrd: %s: %s\n", conf->log_file != NULL ? conf->log_file : "log",
			strerror(errno));
		conf_fini(conf);
		free(conf);
		return EXIT_FAILURE;
	}
	raise_files(log);
	signal(SIGPIPE, SIG_IGN);
	hold_signals();
	/* The loop lets them through, each when it watches it. */
	err = daemon_create(file, conf, log, &daemon);
	if (err == 0) {
		daemon_run(daemon);
		hold_signals();
		daemon_destroy(daemon);
	}
	log_destroy(log);
	return err == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{"config", required_argument, NULL, 'c'}, {"check", required_argument, NULL, 'k'},
		{"help-config", no_argument, NULL, 'H'},  {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
	const char *file = NULL, *checked = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			file = optarg;
			break;
		case 'k':
			checked = optarg;
			break;
		case 'H':
			conf_help(stdout);
			return printed(EXIT_SUCCESS);
		case 'V':
			puts("vrd " VRD_VERSION);
			return printed(EXIT_SUCCESS);
		case 'h':
			usage(stdout);
			return printed(EXIT_SUCCESS);
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind < argc || (file == NULL) == (checked == NULL)) {
		usage(stderr);
		return 2;
	}
	return checked != NULL ? printed(check(checked)) : run(file);
}
