/* The table of keys for people. */
#include "conf/conf.h"

#include <inttypes.h>

#include "conf/keys.h"

#define COLUMNS 80
#define INDENT  4

/* Words of 'text' in lines of at most COLUMNS, indented. */
static void
print_wrapped(FILE *out, const char *text)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t size = strcspn(text, " ");

		if (column > 0 && column + 1 + size > COLUMNS) {
			fputc('\n', out);
			column = 0;
		}
		if (column == 0) {
			fprintf(out, "%*s", INDENT, "");
			column = INDENT;
		} else {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", (int)size, text);
		column += size;
		text += size;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

void
conf_help(FILE *out)
{
	const struct key *key;
	size_t i;

	for (i = 0; (key = key_at(i)) != NULL; i++) {
		fprintf(out, "%s\n%*s%s", key->path, INDENT, "",
			key_is_array(key) ? key_expected_array(key).s : key_expected(key).s);
		if (key->unit != NULL)
			fprintf(out, ", in %s", key->unit);
		if (key->required)
			fprintf(out, "; required");
		if (key->fallback != NULL)
			fprintf(out, "; default %s", key->fallback);
		if (key->fixed)
			fprintf(out, "; not reloaded");
		fputc('\n', out);
		print_wrapped(out, key->help);
	}
}
