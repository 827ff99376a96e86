/* vrctl: talks to a running router over its control socket; makes keys. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/fmt.h"
#include "conf/conf.h"
#include "conf/openlisp.h"
#include "vr/crypto.h"
#include "vr/version.h"
#include "vr/vrctl_lisp.h"
#include "vr/vrctl_move.h"
#include "vr/vrctl_options.h"
#include "vr/vrctl_print.h"
#include "vr/vrctl_reply.h"

#define SOCKET_DEFAULT "/run/vrd/vrd.sock"

struct command {
	const char *name;
	const char *usage;
	const char *help;
	enum vrctl_status (*run)(const struct vrctl_options *options, int count, char **words);
	unsigned takes; /* of the options that not all commands take: bits of enum vrctl_option */
};

#define BIT(option) (1u << VRCTL_##option)
#define MOVE_TAKES  (BIT(VN) | BIT(ADDRESS) | BIT(GATEWAY) | BIT(CHECK))
#define LIG_TAKES   (BIT(VN) | BIT(MR) | BIT(TRIES))
#define ANNOUNCE_TAKES                                                                             \
	(BIT(VN) | BIT(TO) | BIT(KEY_FILE) | BIT(KEY_ID) | BIT(ALGORITHM) | BIT(FULL_LENGTH) |     \
	 BIT(SUB_TYPE) | BIT(TYPE5))

static enum vrctl_status run_show(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_monitor(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_reload(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_keygen(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_pubkey(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_import(const struct vrctl_options *options, int count, char **words);
static enum vrctl_status run_help(const struct vrctl_options *options, int count, char **words);

static const struct command commands[] = {
	{"show",
	 "show vr|peers|lndt|gndt|hwdt|moves|drops|stats|\n"
	 "       mapcache|registrations|subscriptions|askers|relayed|proxies [FIELD=VALUE...]",
	 "a table of the router; only rows with these values", run_show, 0},
	{"monitor", "monitor", "events as they happen", run_monitor, 0},
	{"reload", "reload", "have the router read its configuration again", run_reload, 0},
	{"move", "move EID [--vn N] [--address ADDRESS/LENGTH [--gateway ADDRESS] | --check]",
	 "tell a machine that is its own router that it has another place on the underlay",
	 vrctl_move, MOVE_TAKES},
	{"lig", "lig EID [--vn N] [--mr ADDRESS[:PORT]] [--tries N]",
	 "ask a map-resolver where an address or prefix is", vrctl_lig, LIG_TAKES},
	{"cp-announce",
	 "cp-announce EID --vn N --to ADDRESS[:PORT] --key-file FILE [--key-id N]\n"
	 "       [--algorithm sha1|sha256|sha256-hkdf] [--full-length] [--sub-type N] [--type5]",
	 "tell a site, as its hypervisor, that a machine has come to it", vrctl_cp_announce,
	 ANNOUNCE_TAKES},
	{"keygen", "keygen FILE", "make a private key, print its public key", run_keygen, 0},
	{"pubkey", "pubkey FILE", "print the public key of a private key", run_pubkey, 0},
	{"import-openlisp", "import-openlisp FILE",
	 "print the configuration that does what one of OpenLISP does", run_import, 0},
	{"help", "help", "this list", run_help, 0},
};

static const char *const show_words[] = {
	"vr",    "peers",    "lndt",          "gndt",          "hwdt",   "moves",   "drops",
	"stats", "mapcache", "registrations", "subscriptions", "askers", "relayed", "proxies"};

static void
print_usage(FILE *out)
{
	size_t i;

	fprintf(out, "usage: vrctl [-s SOCKET] [--json] COMMAND\n\n");
	for (i = 0; i < ARRAY_COUNT(commands); i++)
		fprintf(out, "  %s\n      %s\n", commands[i].usage, commands[i].help);
	fprintf(out,
		"\n  -s, --socket SOCKET  control socket of the router (%s)\n"
		"  -j, --json           print what the router said, as it is\n"
		"  -h, --help           this list\n"
		"  -V, --version        which version this is\n\n"
		"exit status: 0 done, 1 refused, 2 usage, 3 no router answers\n",
		SOCKET_DEFAULT);
}

/* Consumes the request. */
static enum vrctl_status
ask(const struct vrctl_options *options, cJSON *request, const char *command)
{
	struct vrctl_link link;
	enum vrctl_status status = vrctl_link_open(&link, options->socket);

	if (status == VRCTL_DONE)
		status = vrctl_link_say(&link, request);
	else
		cJSON_Delete(request);
	if (status == VRCTL_DONE)
		status = vrctl_reply_show(&link, vrctl_view_find(command), options->json, stdout);
	vrctl_link_close(&link);
	return status;
}

/* FIELD=VALUE: numbers, true and false are taken as such, anything else as a string. */
static bool
add_match(cJSON *match, const char *word)
{
	const char *sign = strchr(word, '=');
	char *field = strndup(word, (size_t)(sign - word));
	/* To its end: "10.2.0.10" begins like a number. */
	cJSON *value = cJSON_ParseWithOpts(sign + 1, NULL, true);
	bool added;

	if (!cJSON_IsNumber(value) && !cJSON_IsBool(value)) {
		cJSON_Delete(value);
		value = cJSON_CreateString(sign + 1);
	}
	added = field != NULL && cJSON_AddItemToObject(match, field, value);
	if (!added)
		cJSON_Delete(value);
	free(field);
	return added;
}

static bool
is_show_word(const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(show_words); i++)
		if (strcmp(show_words[i], word) == 0)
			return true;
	return false;
}

static enum vrctl_status
run_show(const struct vrctl_options *options, int count, char **words)
{
	char command[32];
	cJSON *request, *match;
	int i;

	if (count < 1)
		return vrctl_usage_error("show what?", "");
	if (!is_show_word(words[0]))
		return vrctl_usage_error("nothing to show of this name", words[0]);
	for (i = 1; i < count; i++)
		if (strchr(words[i], '=') == NULL || words[i][0] == '=')
			return vrctl_usage_error("expected FIELD=VALUE", words[i]);
	request = vrctl_request("show", words[0]);
	match = count > 1 ? cJSON_AddObjectToObject(request, "match") : NULL;
	for (i = 1; i < count; i++) {
		if (match == NULL || !add_match(match, words[i])) {
			cJSON_Delete(request);
			return vrctl_lost("out of memory");
		}
	}
	snprintf(command, sizeof(command), "show %s", words[0]);
	return ask(options, request, command);
}

static enum vrctl_status
run_reload(const struct vrctl_options *options, int count, char **words)
{
	if (count > 0)
		return vrctl_usage_error("one word too many", words[0]);
	return ask(options, vrctl_request("reload", NULL), "reload");
}

static enum vrctl_status
show_event(const struct vrctl_options *options, const char *line)
{
	cJSON *event;
	int rc;

	if (options->json)
		return puts(line) == EOF ? VRCTL_REFUSED : VRCTL_DONE;
	event = cJSON_Parse(line);
	if (!cJSON_IsObject(event)) {
		cJSON_Delete(event);
		return vrctl_lost("what answers is no router");
	}
	rc = vrctl_print_event(event, stdout);
	cJSON_Delete(event);
	return rc == 0 ? VRCTL_DONE : VRCTL_REFUSED;
}

static enum vrctl_status
run_monitor(const struct vrctl_options *options, int count, char **words)
{
	struct vrctl_link link;
	char *line;
	enum vrctl_status status;

	if (count > 0)
		return vrctl_usage_error("one word too many", words[0]);
	/* Before anything is printed: a program that reads along sees each line at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = vrctl_link_open(&link, options->socket);
	if (status == VRCTL_DONE)
		status = vrctl_link_say(&link, vrctl_request("monitor", NULL));
	if (status == VRCTL_DONE)
		status = vrctl_reply_show(&link, NULL, options->json, stdout);
	if (status == VRCTL_DONE)
		vrctl_link_patience(&link, 0);
	while (status == VRCTL_DONE) {
		status = vrctl_link_hear(&link, &line);
		if (status == VRCTL_DONE)
			status = show_event(options, line);
	}
	vrctl_link_close(&link);
	return status;
}

static enum vrctl_status
key_error(const char *file, int rc)
{
	fprintf(stderr, "vrctl: %s: %s\n", file,
		rc == -EPERM    ? "others may read it; mode 0600 is needed"
		: rc == -EINVAL ? "not a private key"
				: strerror(-rc));
	return VRCTL_REFUSED;
}

static int
print_public_key(const uint8_t private_key[CRYPTO_KEY_SIZE])
{
	uint8_t public_key[CRYPTO_KEY_SIZE];
	char text[4 * ((CRYPTO_KEY_SIZE + 2) / 3) + 1];
	int rc = crypto_public_key(private_key, public_key);

	if (rc == 0) {
		base64_from_bytes(public_key, sizeof(public_key), text);
		puts(text);
	}
	return rc;
}

static enum vrctl_status
run_keygen(const struct vrctl_options *options, int count, char **words)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	int rc;

	(void)options;
	if (count != 1)
		return vrctl_usage_error("keygen takes one FILE", "");
	rc = crypto_random(key, sizeof(key));
	if (rc == 0)
		rc = conf_key_write(words[0], key);
	if (rc == 0)
		rc = print_public_key(key);
	crypto_wipe(key, sizeof(key));
	return rc == 0 ? VRCTL_DONE : key_error(words[0], rc);
}

static enum vrctl_status
run_pubkey(const struct vrctl_options *options, int count, char **words)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	int rc;

	(void)options;
	if (count != 1)
		return vrctl_usage_error("pubkey takes one FILE", "");
	rc = conf_key_read(words[0], key);
	if (rc == 0)
		rc = print_public_key(key);
	crypto_wipe(key, sizeof(key));
	return rc == 0 ? VRCTL_DONE : key_error(words[0], rc);
}

static enum vrctl_status
run_import(const struct vrctl_options *options, int count, char **words)
{
	int rc;

	(void)options;
	if (count != 1)
		return vrctl_usage_error("import-openlisp takes one FILE", "");
	rc = openlisp_import(words[0], stdout, stderr);
	if (rc == -ENOMEM)
		fprintf(stderr, "vrctl: out of memory\n");
	return rc == 0 && fflush(stdout) == 0 ? VRCTL_DONE : VRCTL_REFUSED;
}

static enum vrctl_status
run_help(const struct vrctl_options *options, int count, char **words)
{
	(void)options;
	(void)count;
	(void)words;
	print_usage(stdout);
	return VRCTL_DONE;
}

/* Options that this command does not take are a mistake. */
static enum vrctl_status
run(const struct command *command, const struct vrctl_options *options, int count, char **words)
{
	for (unsigned i = 0; i < VRCTL_OPTION_COUNT; i++)
		if (options->values[i] != NULL && (command->takes & 1u << i) == 0)
			return vrctl_usage_error("this command has no such option",
						 vrctl_option_name(i));
	return command->run(options, count, words);
}

static enum vrctl_status
run_command_line(int argc, char **argv)
{
	struct vrctl_options options = {.socket = SOCKET_DEFAULT};
	char **words;
	size_t i;

	if (vrctl_options_read(&options, argc, argv) != VRCTL_DONE)
		return VRCTL_USAGE;
	if (options.help)
		return run_help(&options, 0, NULL);
	if (options.version) {
		puts("vrctl " VRD_VERSION);
		return VRCTL_DONE;
	}
	words = argv + options.words;
	if (options.words == argc) {
		print_usage(stderr);
		return VRCTL_USAGE;
	}
	for (i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].name, words[0]) == 0)
			return run(&commands[i], &options, argc - options.words - 1, words + 1);
	return vrctl_usage_error("no such command", words[0]);
}

int
main(int argc, char **argv)
{
	enum vrctl_status status = run_command_line(argc, argv);
	bool is_lost = ferror(stdout) != 0;

	/* What a full disk has swallowed was not said. */
	if ((fflush(stdout) != 0 || is_lost) && status == VRCTL_DONE) {
		fprintf(stderr, "vrctl: cannot write to the standard output\n");
		status = VRCTL_REFUSED;
	}
	return (int)status;
}
