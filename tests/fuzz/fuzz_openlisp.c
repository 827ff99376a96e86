/* Configurations of OpenLISP: what is taken is printed as a configuration that is taken, too, and
 * says nothing of the key; what is refused has errors that name lines of the text. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "conf/conf.h"
#include "conf/openlisp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
print(const struct openlisp *o, size_t *size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);

	openlisp_print(o, out);
	fclose(out);
	return text;
}

static void
check_conf(const char *text, size_t size, const struct openlisp *o)
{
	struct conf conf;
	struct conf_errors errors;

	BUG_IF(conf_parse(text, size, &conf, &errors) != 0);
	BUG_IF(conf.vns[0].local_count != o->count);
	BUG_IF(conf.lisp.map_server_count != o->entries[0].server_count);
	BUG_IF(conf.lisp.rloc_count == 0 || conf.lisp.ttl_min != o->entries[0].ttl_min);
	conf_fini(&conf);
	conf_errors_fini(&errors);
}

/* With another key the same must be printed. */
static void
check_key(char *text, size_t size, const struct openlisp *o, const char *printed, FILE *err)
{
	struct openlisp other;
	size_t printed_size, i;
	char *again;

	for (i = 0; i < o->count; i++)
		memset(text + (o->entries[i].key - text), '?', o->entries[i].key_size);
	BUG_IF(openlisp_parse(text, size, "f", &other, err) != 0);
	again = print(&other, &printed_size);
	BUG_IF(strcmp(again, printed) != 0);
	free(again);
	openlisp_fini(&other);
}

/* Each line is f:NUMBER: and a text of ours. */
static void
check_errors(const char *lines, const char *text, size_t size)
{
	unsigned long count = 1;
	size_t i;

	for (i = 0; i < size; i++)
		count += text[i] == '\n';
	BUG_IF(lines[0] == '\0');
	while (*lines != '\0') {
		char *end;
		unsigned long line;

		BUG_IF(strncmp(lines, "f:", 2) != 0);
		line = strtoul(lines + 2, &end, 10);
		BUG_IF(line == 0 || line > count || strncmp(end, ": expected ", 11) != 0);
		lines = strchr(end, '\n');
		BUG_IF(lines == NULL);
		lines++;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + (size == 0));
	char *lines = NULL;
	size_t lines_size, printed_size;
	FILE *err = open_memstream(&lines, &lines_size);
	struct openlisp o;
	int rc;

	memcpy(text, data, size);
	rc = openlisp_parse(text, size, "f", &o, err);
	fflush(err);
	if (rc == 0) {
		char *printed = print(&o, &printed_size);

		BUG_IF(lines_size != 0);
		check_conf(printed, printed_size, &o);
		check_key(text, size, &o, printed, err);
		free(printed);
	} else {
		BUG_IF(rc != -EINVAL);
		check_errors(lines, text, size);
	}
	openlisp_fini(&o);
	fclose(err);
	free(lines);
	free(text);
	return 0;
}
