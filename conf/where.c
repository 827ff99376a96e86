/* A strict scanner of JSON with comments that remembers where each value starts. */
#include "conf/where.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

/* cJSON reads numbers through a buffer of this size. */
#define NUMBER_SIZE_MAX 60

struct node {
	const struct cJSON *item; /* NULL until bound */
	size_t key;               /* offset of the key's quote; that of the value without a key */
	size_t value;
};

struct where {
	const char *text;
	char *json; /* the text with comments blanked, and a NUL */
	size_t size;
	struct node *nodes; /* in the order of the text; by address of the item once bound */
	size_t count, room;
	size_t *lines; /* offsets of line starts */
	size_t line_count;
};

struct scan {
	struct where *w;
	size_t at;
	struct where_fault *fault;
};

static int
refuse(struct scan *s, const char *expected)
{
	unsigned c = s->at < s->w->size ? (unsigned char)s->w->json[s->at] : 0;

	s->fault->offset = s->at;
	snprintf(s->fault->expected, sizeof(s->fault->expected), "%s", expected);
	if (s->at >= s->w->size)
		snprintf(s->fault->found, sizeof(s->fault->found), "the end of the text");
	else if (c >= 0x20 && c < 0x7f)
		snprintf(s->fault->found, sizeof(s->fault->found), "'%c'", (char)c);
	else if (c == '\n')
		snprintf(s->fault->found, sizeof(s->fault->found), "the end of the line");
	else
		snprintf(s->fault->found, sizeof(s->fault->found), "byte 0x%02x", c);
	return -EINVAL;
}

static bool
looking_at(const struct scan *s, const char *word)
{
	size_t size = strlen(word);

	return s->w->size - s->at >= size && memcmp(s->w->json + s->at, word, size) == 0;
}

/* Blanks the comment that starts here; line ends stay. */
static int
skip_comment(struct scan *s)
{
	bool block = looking_at(s, "/*");
	size_t start = s->at;
	char *json = s->w->json;

	for (s->at += 2; s->at < s->w->size; s->at++) {
		if (!block && json[s->at] == '\n')
			break;
		if (block && looking_at(s, "*/")) {
			s->at += 2;
			break;
		}
		if (block && s->at + 1 == s->w->size) {
			s->at = start;
			return refuse(s, "a comment that ends with \"*/\"");
		}
	}
	if (block && s->at == start + 2) {
		s->at = start;
		return refuse(s, "a comment that ends with \"*/\"");
	}
	for (; start < s->at && start < s->w->size; start++)
		if (json[start] != '\n')
			json[start] = ' ';
	return 0;
}

static int
skip_blanks(struct scan *s)
{
	int rc;

	while (s->at < s->w->size) {
		char c = s->w->json[s->at];

		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			s->at++;
		} else if (looking_at(s, "//") || looking_at(s, "/*")) {
			rc = skip_comment(s);
			if (rc != 0)
				return rc;
		} else {
			break;
		}
	}
	return 0;
}

/* Four hexadecimal digits behind "\u"; the value, or -EINVAL. */
static int
scan_hex4(struct scan *s)
{
	int value = 0;
	int i;

	for (i = 0; i < 4; i++, s->at++) {
		int c = s->at < s->w->size ? (unsigned char)s->w->json[s->at] : 0;

		if (c >= '0' && c <= '9')
			value = value * 16 + c - '0';
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + (c | 0x20) - 'a' + 10;
		else
			return refuse(s, "four hexadecimal digits");
	}
	return value;
}

static int
scan_escape(struct scan *s)
{
	size_t start = s->at++;
	int value, low;

	if (s->at < s->w->size && s->w->json[s->at] != '\0' &&
	    strchr("\"\\/bfnrt", s->w->json[s->at]) != NULL) {
		s->at++;
		return 0;
	}
	if (s->at >= s->w->size || s->w->json[s->at] != 'u')
		return refuse(s, "an escape of JSON");
	s->at++;
	value = scan_hex4(s);
	if (value < 0)
		return value;
	if (value >= 0xd800 && value < 0xdc00 && looking_at(s, "\\u")) {
		s->at += 2;
		low = scan_hex4(s);
		if (low < 0)
			return low;
		if (low >= 0xdc00 && low < 0xe000)
			return 0;
	}
	/* A zero would end the string early, half a pair is no character. */
	if (value == 0 || (value >= 0xd800 && value < 0xe000)) {
		s->at = start;
		return refuse(s, "an escape that names a character");
	}
	return 0;
}

/* One character beyond ASCII (RFC 3629: no overlong forms, no surrogates). */
static int
scan_utf8(struct scan *s)
{
	const unsigned char *p = (const unsigned char *)s->w->json + s->at;
	size_t left = s->w->size - s->at;
	size_t size = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	size_t i;

	if (size == 0 || size > left || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90))
		return refuse(s, "text in UTF-8");
	for (i = 1; i < size; i++)
		if ((p[i] & 0xc0) != 0x80)
			return refuse(s, "text in UTF-8");
	s->at += size;
	return 0;
}

static int
scan_string(struct scan *s)
{
	int rc = 0;

	for (s->at++; rc == 0;) {
		unsigned c = s->at < s->w->size ? (unsigned char)s->w->json[s->at] : 0;

		if (c < 0x20)
			return refuse(s, "'\"' at the end of the string");
		if (c == '"') {
			s->at++;
			return 0;
		}
		if (c == '\\')
			rc = scan_escape(s);
		else if (c >= 0x80)
			rc = scan_utf8(s);
		else
			s->at++;
	}
	return rc;
}

static int
scan_digits(struct scan *s)
{
	size_t start = s->at;

	while (s->at < s->w->size && s->w->json[s->at] >= '0' && s->w->json[s->at] <= '9')
		s->at++;
	return s->at > start ? 0 : refuse(s, "a digit");
}

static int
scan_number(struct scan *s)
{
	size_t start = s->at;
	int rc;

	if (looking_at(s, "-"))
		s->at++;
	if (looking_at(s, "0")) {
		s->at++;
		rc = 0;
	} else {
		rc = scan_digits(s);
	}
	if (rc == 0 && looking_at(s, ".")) {
		s->at++;
		rc = scan_digits(s);
	}
	if (rc == 0 && (looking_at(s, "e") || looking_at(s, "E"))) {
		s->at++;
		if (looking_at(s, "+") || looking_at(s, "-"))
			s->at++;
		rc = scan_digits(s);
	}
	if (rc == 0 && s->at - start > NUMBER_SIZE_MAX) {
		s->at = start;
		rc = refuse(s, "a number of at most 60 characters");
	}
	return rc;
}

static int
add_node(struct where *w, size_t key, size_t value)
{
	struct node *grown;

	if (w->count == w->room) {
		w->room = w->room * 2 + 64;
		grown = realloc(w->nodes, w->room * sizeof(*grown));
		if (grown == NULL)
			return -ENOMEM;
		w->nodes = grown;
	}
	w->nodes[w->count++] = (struct node){.key = key, .value = value};
	return 0;
}

static int scan_value(struct scan *s, size_t key, unsigned depth);

static int
scan_member(struct scan *s, unsigned depth)
{
	size_t key = s->at;
	int rc;

	if (!looking_at(s, "\""))
		return refuse(s, "a key in double quotes");
	rc = scan_string(s);
	if (rc == 0)
		rc = skip_blanks(s);
	if (rc != 0)
		return rc;
	if (!looking_at(s, ":"))
		return refuse(s, "':' behind the key");
	s->at++;
	rc = skip_blanks(s);
	return rc != 0 ? rc : scan_value(s, key, depth);
}

/* An array or object, from its opening bracket to its closing one. */
static int
scan_many(struct scan *s, unsigned depth)
{
	bool object = s->w->json[s->at] == '{';
	const char *close = object ? "}" : "]";
	bool first = true;
	int rc;

	if (depth == WHERE_DEPTH_MAX)
		return refuse(s, "at most 32 levels");
	for (s->at++;; first = false) {
		rc = skip_blanks(s);
		if (rc != 0)
			return rc;
		if (first && looking_at(s, close))
			break;
		rc = object ? scan_member(s, depth + 1) : scan_value(s, s->at, depth + 1);
		if (rc == 0)
			rc = skip_blanks(s);
		if (rc != 0)
			return rc;
		if (looking_at(s, close))
			break;
		if (!looking_at(s, ","))
			return refuse(s, object ? "',' or '}'" : "',' or ']'");
		s->at++;
	}
	s->at++;
	return 0;
}

static int
scan_value(struct scan *s, size_t key, unsigned depth)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t i;
	int rc = add_node(s->w, key, s->at);

	if (rc != 0)
		return rc;
	if (looking_at(s, "{") || looking_at(s, "["))
		return scan_many(s, depth);
	if (looking_at(s, "\""))
		return scan_string(s);
	for (i = 0; i < ARRAY_COUNT(words); i++) {
		if (looking_at(s, words[i])) {
			s->at += strlen(words[i]);
			return 0;
		}
	}
	if (s->at < s->w->size &&
	    (s->w->json[s->at] == '-' || (s->w->json[s->at] >= '0' && s->w->json[s->at] <= '9')))
		return scan_number(s);
	return refuse(s, "a value");
}

static int
find_lines(struct where *w)
{
	size_t count = 1;
	size_t i;

	for (i = 0; i < w->size; i++)
		count += w->text[i] == '\n';
	w->lines = calloc(count, sizeof(*w->lines));
	if (w->lines == NULL)
		return -ENOMEM;
	w->line_count = 1;
	for (i = 0; i < w->size; i++)
		if (w->text[i] == '\n')
			w->lines[w->line_count++] = i + 1;
	return 0;
}

int
where_create(const char *text, size_t size, struct where_fault *fault, struct where **out)
{
	struct where *w = calloc(1, sizeof(*w));
	struct scan s = {.w = w, .fault = fault};
	int rc;

	*out = NULL;
	if (w == NULL)
		return -ENOMEM;
	w->text = text;
	w->size = size;
	w->json = malloc(size + 1);
	rc = w->json == NULL ? -ENOMEM : find_lines(w);
	if (rc == 0) {
		if (size > 0)
			memcpy(w->json, text, size);
		w->json[size] = '\0';
	}
	if (rc == 0 && looking_at(&s, "\xef\xbb\xbf"))
		memset(w->json, ' ', 3);
	if (rc == 0)
		rc = skip_blanks(&s);
	if (rc == 0)
		rc = scan_value(&s, s.at, 0);
	if (rc == 0)
		rc = skip_blanks(&s);
	if (rc == 0 && s.at < size)
		rc = refuse(&s, "the end of the text");
	if (rc == -ENOMEM) {
		where_destroy(w);
		return rc;
	}
	*out = w;
	return rc;
}

void
where_destroy(struct where *w)
{
	if (w == NULL)
		return;
	free(w->json);
	free(w->nodes);
	free(w->lines);
	free(w);
}

const char *
where_json(const struct where *w)
{
	return w->json;
}

static int
node_compare(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct node *)a)->item;
	uintptr_t y = (uintptr_t)((const struct node *)b)->item;

	return x < y ? -1 : x > y;
}

/* Depth is bound by the scan. */
static bool
bind_items(struct where *w, const cJSON *item, size_t *next)
{
	const cJSON *child;

	if (*next == w->count)
		return false;
	w->nodes[(*next)++].item = item;
	cJSON_ArrayForEach(child, item)
	{
		if (!bind_items(w, child, next))
			return false;
	}
	return true;
}

int
where_bind(struct where *w, const struct cJSON *root)
{
	size_t next = 0;

	if (!bind_items(w, root, &next) || next != w->count)
		return -EINVAL;
	qsort(w->nodes, w->count, sizeof(*w->nodes), node_compare);
	return 0;
}

size_t
where_find(const struct where *w, const struct cJSON *item, bool key)
{
	struct node wanted = {.item = item};
	const struct node *node = NULL;

	if (w->count > 0)
		node = bsearch(&wanted, w->nodes, w->count, sizeof(*w->nodes), node_compare);
	return node == NULL ? 0 : key ? node->key : node->value;
}

void
where_spot(const struct where *w, size_t offset, unsigned *line, unsigned *column)
{
	size_t low = 0;
	size_t high = w->line_count;
	size_t i;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (w->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	*line = (unsigned)low + 1;
	*column = 1;
	for (i = w->lines[low]; i < offset && i < w->size; i++)
		*column += ((unsigned char)w->text[i] & 0xc0) != 0x80;
}
