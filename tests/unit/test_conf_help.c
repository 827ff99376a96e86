/* What is said of every key: the table, the help and the manual page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/keys.h"

static char *
read_text(const char *file)
{
	FILE *in = fopen(file, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

/* What the manual page must say of a key; free it. */
static char *
man_entry(const struct key *key)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *c;

	fprintf(out, ".TP\n.B %s\n%s", key->path,
		key_is_array(key) ? key_expected_array(key).s : key_expected(key).s);
	if (key->unit != NULL)
		fprintf(out, ", in %s", key->unit);
	fprintf(out, "%s", key->required ? "; required" : "");
	if (key->fallback != NULL)
		fprintf(out, "; default %s", key->fallback);
	fprintf(out, "%s.\n", key->fixed ? "; not reloaded" : "");
	/* A leading dot or quote would be a request. */
	for (c = key->help; *c != '\0'; c++) {
		if (c == key->help && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		fputc(*c, out);
		if (*c == '.' && c[1] == ' ' && c[2] == ' ') {
			fputc('\n', out);
			c += 2;
		}
	}
	fputc('\n', out);
	fclose(out);
	return text;
}

static void
the_manual_page_has_every_key(void **state)
{
	char *page = read_text("packaging/man/vrd.conf.5");
	const struct key *key;
	bool complete = true;
	size_t i;

	(void)state;
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		char *entry = man_entry(key);
		const char *at = strstr(page, entry);

		/* Once. */
		if (at == NULL || strstr(at + 1, entry) != NULL) {
			complete = false;
			print_error("%s", entry);
		}
		free(entry);
	}
	free(page);
	assert_true(complete);
}

static void
the_help_has_every_key(void **state)
{
	char *text;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	const struct key *key;

	(void)state;
	conf_help(out);
	fclose(out);
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		char line[96];

		snprintf(line, sizeof(line), "%s\n    ", key->path);
		assert_non_null(strstr(text, line));
	}
	free(text);
}

static void
every_row_of_the_table_is_sound(void **state)
{
	const struct key *key;
	size_t i;

	(void)state;
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		assert_ptr_equal(key_find(key->path), key);
		assert_true(strlen(key->help) > 10);
		assert_true(key->type != KEY_NUMBER || (key->scale > 0 && key->max > key->min));
		assert_true(key->type != KEY_CHOICE || key->choices != NULL);
		assert_true(key->type != KEY_PATH || key->max > 0);
		assert_false(key->required && key->fallback != NULL);
	}
	assert_null(key_find("vns[]"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_manual_page_has_every_key),
		cmocka_unit_test(the_help_has_every_key),
		cmocka_unit_test(every_row_of_the_table_is_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
