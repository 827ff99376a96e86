/* vrctl: talks to a running router over its control socket; makes keys. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "base/fmt.h"
#include "conf/conf.h"
#include "conf/openlisp.h"
#include "vr/crypto.h"
#include "vr/version.h"
#include "vr/vrctl_print.h"

#define SOCKET_DEFAULT "/run/vrd/vrd.sock"
#define ANSWER_TIME_S  30

enum status { STATUS_DONE = 0, STATUS_REFUSED, STATUS_USAGE, STATUS_NO_DAEMON };

struct options {
	const char *socket;
	bool json;
};

/* A connection and what came over it that was not taken yet. */
struct link {
	int fd;
	char *bytes; /* NUL-terminated */
	size_t start, size, room;
};

struct command {
	const char *name;
	const char *usage;
	const char *help;
	enum status (*run)(const struct options *options, int count, char **words);
};

static enum status run_show(const struct options *options, int count, char **words);
static enum status run_monitor(const struct options *options, int count, char **words);
static enum status run_reload(const struct options *options, int count, char **words);
static enum status run_keygen(const struct options *options, int count, char **words);
static enum status run_pubkey(const struct options *options, int count, char **words);
static enum status run_import(const struct options *options, int count, char **words);
static enum status run_help(const struct options *options, int count, char **words);

static const struct command commands[] = {
	{"show", "show vr|peers|lndt|gndt|hwdt|moves|drops|stats [FIELD=VALUE...]",
	 "a table of the router; only rows with these values", run_show},
	{"monitor", "monitor", "events as they happen", run_monitor},
	{"reload", "reload", "have the router read its configuration again", run_reload},
	{"keygen", "keygen FILE", "make a private key, print its public key", run_keygen},
	{"pubkey", "pubkey FILE", "print the public key of a private key", run_pubkey},
	{"import-openlisp", "import-openlisp FILE",
	 "print the configuration that does what one of OpenLISP does", run_import},
	{"help", "help", "this list", run_help},
};

static const char *const show_words[] = {"vr",   "peers", "lndt",  "gndt",
					 "hwdt", "moves", "drops", "stats"};

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

static enum status
usage_error(const char *what, const char *word)
{
	fprintf(stderr, "vrctl: %s%s%s (see vrctl help)\n", what, word[0] != '\0' ? ": " : "",
		word);
	return STATUS_USAGE;
}

static enum status
lost(const char *what)
{
	fprintf(stderr, "vrctl: %s\n", what);
	return STATUS_NO_DAEMON;
}

/* A silent router is no router; a monitor may be silent for as long as nothing happens. */
static void
link_patience(const struct link *link, time_t seconds)
{
	struct timeval time = {.tv_sec = seconds};

	(void)setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
	(void)setsockopt(link->fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

static enum status
link_open(struct link *link, const struct options *options)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*link = (struct link){.fd = -1};
	if (strlen(options->socket) >= sizeof(address.sun_path))
		return usage_error("the name of the socket is too long", options->socket);
	memcpy(address.sun_path, options->socket, strlen(options->socket) + 1);
	link->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (link->fd >= 0)
		link_patience(link, ANSWER_TIME_S);
	if (link->fd < 0 || connect(link->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, "vrctl: no router at %s: %s\n", options->socket, strerror(errno));
		return STATUS_NO_DAEMON;
	}
	return STATUS_DONE;
}

static void
link_close(struct link *link)
{
	if (link->fd >= 0)
		close(link->fd);
	free(link->bytes);
}

/* Sends the object and a line end; the object is consumed. */
static enum status
link_say(struct link *link, cJSON *request)
{
	char *text = cJSON_PrintUnformatted(request);
	size_t size = text == NULL ? 0 : strlen(text) + 1;
	size_t sent = 0;

	cJSON_Delete(request);
	if (text == NULL)
		return lost("out of memory");
	text[size - 1] = '\n';
	while (sent < size) {
		ssize_t put = send(link->fd, text + sent, size - sent, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		/* A router that turns us away has said why before it closed. */
		if (put < 0)
			break;
		sent += (size_t)put;
	}
	free(text);
	return STATUS_DONE;
}

static bool
link_grow(struct link *link)
{
	char *grown;

	if (link->room - link->size > 1)
		return true;
	link->room = link->room * 2 + 65536;
	grown = realloc(link->bytes, link->room);
	if (grown == NULL)
		return false;
	link->bytes = grown;
	return true;
}

/* The next line, without its end, valid until the next call. */
static enum status
link_hear(struct link *link, char **line)
{
	size_t searched = 0;
	char *end;

	link->size -= link->start;
	if (link->size > 0)
		memmove(link->bytes, link->bytes + link->start, link->size);
	link->start = 0;
	while ((end = link->size == searched ? NULL
					     : memchr(link->bytes + searched, '\n',
						      link->size - searched)) == NULL) {
		ssize_t got;

		searched = link->size;
		if (!link_grow(link))
			return lost("out of memory");
		got = recv(link->fd, link->bytes + link->size, link->room - link->size - 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return lost("the router does not answer");
		if (got <= 0)
			return lost("the router closed the connection");
		link->size += (size_t)got;
	}
	*end = '\0';
	link->start = (size_t)(end - link->bytes) + 1;
	*line = link->bytes;
	return STATUS_DONE;
}

/* Says why the router refused. */
static enum status
refused(const cJSON *reply)
{
	const cJSON *code = cJSON_GetObjectItemCaseSensitive(reply, "code");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(reply, "text");
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(reply, "data");

	/* The text of the data is the whole of what "text" has room for the start of. */
	if (cJSON_HasObjectItem(data, "text"))
		text = NULL;
	fprintf(stderr, "vrctl: %s%s%s%s\n", cJSON_IsString(text) ? text->valuestring : "",
		cJSON_IsString(text) ? " (" : "",
		cJSON_IsString(code) ? code->valuestring : "refused without a reason",
		cJSON_IsString(text) ? ")" : "");
	if (vrctl_print(data, NULL, stderr) != 0)
		return lost("out of memory");
	return STATUS_REFUSED;
}

static enum status
show_reply(const struct options *options, const char *line, const char *command)
{
	cJSON *reply = cJSON_Parse(line);
	enum status status = STATUS_DONE;

	if (!cJSON_IsObject(reply)) {
		cJSON_Delete(reply);
		return lost("what answers is no router");
	}
	if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reply, "ok")))
		status = options->json ? STATUS_REFUSED : refused(reply);
	else if (!options->json && vrctl_print(cJSON_GetObjectItemCaseSensitive(reply, "data"),
					       vrctl_view_find(command), stdout) != 0)
		status = lost("out of memory");
	if (options->json)
		puts(line);
	cJSON_Delete(reply);
	return status;
}

/* Consumes the request. */
static enum status
ask(const struct options *options, cJSON *request, const char *command)
{
	struct link link;
	char *line;
	enum status status = link_open(&link, options);

	if (status == STATUS_DONE)
		status = link_say(&link, request);
	else
		cJSON_Delete(request);
	if (status == STATUS_DONE)
		status = link_hear(&link, &line);
	if (status == STATUS_DONE)
		status = show_reply(options, line, command);
	link_close(&link);
	return status;
}

/* NULL when memory is short. */
static cJSON *
make_request(const char *cmd, const char *what)
{
	cJSON *request = cJSON_CreateObject();

	if (cJSON_AddNumberToObject(request, "id", 1) == NULL ||
	    cJSON_AddStringToObject(request, "cmd", cmd) == NULL ||
	    (what != NULL && cJSON_AddStringToObject(request, "what", what) == NULL)) {
		cJSON_Delete(request);
		return NULL;
	}
	return request;
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

static enum status
run_show(const struct options *options, int count, char **words)
{
	char command[32];
	cJSON *request, *match;
	int i;

	if (count < 1)
		return usage_error("show what?", "");
	if (!is_show_word(words[0]))
		return usage_error("nothing to show of this name", words[0]);
	for (i = 1; i < count; i++)
		if (strchr(words[i], '=') == NULL || words[i][0] == '=')
			return usage_error("expected FIELD=VALUE", words[i]);
	request = make_request("show", words[0]);
	match = count > 1 ? cJSON_AddObjectToObject(request, "match") : NULL;
	for (i = 1; i < count; i++) {
		if (match == NULL || !add_match(match, words[i])) {
			cJSON_Delete(request);
			return lost("out of memory");
		}
	}
	snprintf(command, sizeof(command), "show %s", words[0]);
	return ask(options, request, command);
}

static enum status
run_reload(const struct options *options, int count, char **words)
{
	if (count > 0)
		return usage_error("one word too many", words[0]);
	return ask(options, make_request("reload", NULL), "reload");
}

static enum status
show_event(const struct options *options, const char *line)
{
	cJSON *event;
	int rc;

	if (options->json)
		return puts(line) == EOF ? STATUS_REFUSED : STATUS_DONE;
	event = cJSON_Parse(line);
	if (!cJSON_IsObject(event)) {
		cJSON_Delete(event);
		return lost("what answers is no router");
	}
	rc = vrctl_print_event(event, stdout);
	cJSON_Delete(event);
	return rc == 0 ? STATUS_DONE : STATUS_REFUSED;
}

static enum status
run_monitor(const struct options *options, int count, char **words)
{
	struct link link;
	char *line;
	enum status status;

	if (count > 0)
		return usage_error("one word too many", words[0]);
	/* Before anything is printed: a program that reads along sees each line at once. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = link_open(&link, options);
	if (status == STATUS_DONE)
		status = link_say(&link, make_request("monitor", NULL));
	if (status == STATUS_DONE)
		status = link_hear(&link, &line);
	if (status == STATUS_DONE)
		status = show_reply(options, line, "monitor");
	if (status == STATUS_DONE)
		link_patience(&link, 0);
	while (status == STATUS_DONE) {
		status = link_hear(&link, &line);
		if (status == STATUS_DONE)
			status = show_event(options, line);
	}
	link_close(&link);
	return status;
}

static enum status
key_error(const char *file, int rc)
{
	fprintf(stderr, "vrctl: %s: %s\n", file,
		rc == -EPERM    ? "others may read it; mode 0600 is needed"
		: rc == -EINVAL ? "not a private key"
				: strerror(-rc));
	return STATUS_REFUSED;
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

static enum status
run_keygen(const struct options *options, int count, char **words)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	int rc;

	(void)options;
	if (count != 1)
		return usage_error("keygen takes one FILE", "");
	rc = crypto_random(key, sizeof(key));
	if (rc == 0)
		rc = conf_key_write(words[0], key);
	if (rc == 0)
		rc = print_public_key(key);
	crypto_wipe(key, sizeof(key));
	return rc == 0 ? STATUS_DONE : key_error(words[0], rc);
}

static enum status
run_pubkey(const struct options *options, int count, char **words)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	int rc;

	(void)options;
	if (count != 1)
		return usage_error("pubkey takes one FILE", "");
	rc = conf_key_read(words[0], key);
	if (rc == 0)
		rc = print_public_key(key);
	crypto_wipe(key, sizeof(key));
	return rc == 0 ? STATUS_DONE : key_error(words[0], rc);
}

static enum status
run_import(const struct options *options, int count, char **words)
{
	int rc;

	(void)options;
	if (count != 1)
		return usage_error("import-openlisp takes one FILE", "");
	rc = openlisp_import(words[0], stdout, stderr);
	if (rc == -ENOMEM)
		fprintf(stderr, "vrctl: out of memory\n");
	return rc == 0 && fflush(stdout) == 0 ? STATUS_DONE : STATUS_REFUSED;
}

static enum status
run_help(const struct options *options, int count, char **words)
{
	(void)options;
	(void)count;
	(void)words;
	print_usage(stdout);
	return STATUS_DONE;
}

int
main(int argc, char **argv)
{
	static const struct option long_options[] = {{"socket", required_argument, NULL, 's'},
						     {"json", no_argument, NULL, 'j'},
						     {"help", no_argument, NULL, 'h'},
						     {"version", no_argument, NULL, 'V'},
						     {NULL, 0, NULL, 0}};
	struct options options = {.socket = SOCKET_DEFAULT};
	size_t i;
	int option;

	while ((option = getopt_long(argc, argv, "s:jhV", long_options, NULL)) != -1) {
		if (option == 's')
			options.socket = optarg;
		else if (option == 'j')
			options.json = true;
		else if (option == 'h')
			return (int)run_help(&options, 0, NULL);
		else if (option == 'V')
			return puts("vrctl " VRD_VERSION) == EOF;
		else
			return STATUS_USAGE;
	}
	if (optind == argc) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	for (i = 0; i < ARRAY_COUNT(commands); i++)
		if (strcmp(commands[i].name, argv[optind]) == 0)
			return (int)commands[i].run(&options, argc - optind - 1, argv + optind + 1);
	return (int)usage_error("no such command", argv[optind]);
}
