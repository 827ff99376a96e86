/* Replies: their head says what they are, their rows may be a million. */
#include "vr/vrctl_reply.h"

#include <stdlib.h>

#include <cjson/cJSON.h>

#include "vr/vrctl_print.h"

#define DATA ",\"data\":"

/* Says why the router refused. */
static enum vrctl_status
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
		return vrctl_lost("out of memory");
	return VRCTL_REFUSED;
}

static enum vrctl_status
no_router(void)
{
	return vrctl_lost("what answers is no router");
}

/* ---- the head ---- */

/* What stands before the data of a reply, which may be long. */
struct head {
	size_t size; /* 0: it has no data */
	bool ok, rows;
};

/* Waits for as much as tells where the head ends. */
static enum vrctl_status
hear_head(struct vrctl_link *link, struct head *head)
{
	enum vrctl_status status = VRCTL_DONE;
	const char *data, *end;
	size_t size = 0;
	char *bytes;

	*head = (struct head){.size = 0};
	for (; status == VRCTL_DONE; status = vrctl_link_more(link, size, VRCTL_ROW_MAX)) {
		size = vrctl_link_waiting(link, &bytes);
		if (size == 0)
			continue;
		end = memchr(bytes, '\n', size);
		data = memmem(bytes, end != NULL ? (size_t)(end - bytes) : size, DATA,
			      strlen(DATA));
		if (data == NULL && end == NULL)
			continue;
		if (data == NULL)
			return VRCTL_DONE;
		/* A list of objects shows it by two characters. */
		head->size = (size_t)(data - bytes);
		if (end != NULL || size >= head->size + strlen(DATA) + 2) {
			head->rows = strncmp(data + strlen(DATA), "[{", 2) == 0;
			return VRCTL_DONE;
		}
	}
	return status;
}

/* The reply without its data, to be deleted, or NULL. */
static cJSON *
parse_head(struct vrctl_link *link, const struct head *head)
{
	cJSON *reply;
	char *bytes;

	(void)vrctl_link_waiting(link, &bytes);
	bytes[head->size] = '}';
	reply = cJSON_ParseWithLength(bytes, head->size + 1);
	bytes[head->size] = ',';
	return reply;
}

static enum vrctl_status
read_head(struct vrctl_link *link, struct head *head)
{
	enum vrctl_status status = hear_head(link, head);
	cJSON *reply;

	if (status != VRCTL_DONE || head->size == 0)
		return status;
	reply = parse_head(link, head);
	if (!cJSON_IsObject(reply))
		status = no_router();
	head->ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reply, "ok"));
	cJSON_Delete(reply);
	return status;
}

/* ---- where rows end ---- */

/* How far an object was looked through. */
struct scan {
	size_t at;
	unsigned depth;
	bool in_string, escaped;
};

/* True when its end was found: it has 'at' bytes. */
static bool
find_end(struct scan *s, const char *bytes, size_t size)
{
	while (s->at < size) {
		char c = bytes[s->at++];

		if (s->in_string) {
			if (!s->escaped && c == '"')
				s->in_string = false;
			s->escaped = !s->escaped && c == '\\';
		} else if (c == '"') {
			s->in_string = true;
		} else if (c == '{' || c == '[') {
			s->depth++;
		} else if ((c == '}' || c == ']') && --s->depth == 0) {
			return true;
		}
	}
	return false;
}

/* ---- as it is ---- */

/* Walks over the rows that end in these bytes, of which 'scan' has seen none.  Returns how many bytes of a row, or of what
 * stands between rows, there are behind the last end, '*begun' before them included. */
static size_t
begun_row(struct scan *scan, const char *bytes, size_t size, size_t begun, bool *ended)
{
	size_t last = 0;

	*ended = false;
	scan->at = 0;
	while (find_end(scan, bytes, size)) {
		*ended = true;
		last = scan->at;
	}
	return *ended ? size - last : begun + size;
}

/* What is left of the line, and its end. */
static enum vrctl_status
pass_on(struct vrctl_link *link, const struct head *head, FILE *out)
{
	size_t max = head->rows ? VRCTL_ROW_MAX : VRCTL_LINE_MAX;
	struct scan scan = {.at = 0};
	size_t size, begun = 0;
	enum vrctl_status status;
	const char *end;
	bool ended;
	char *bytes;

	/* Up to the first row: with that, each is an object by itself. */
	if (head->rows) {
		size = head->size + strlen(DATA "[");
		(void)vrctl_link_waiting(link, &bytes);
		fwrite(bytes, 1, size, out);
		vrctl_link_take(link, size);
	}
	for (;;) {
		size = vrctl_link_waiting(link, &bytes);
		end = size > 0 ? memchr(bytes, '\n', size) : NULL;
		size = end != NULL ? (size_t)(end - bytes) + 1 : size;
		begun = begun_row(&scan, bytes, size, begun, &ended);
		fwrite(bytes, 1, size, out);
		vrctl_link_take(link, size);
		if (end != NULL)
			return VRCTL_DONE;
		if (ended)
			vrctl_link_complete(link);
		status = vrctl_link_more(link, begun, max);
		if (status != VRCTL_DONE)
			return status;
	}
}

/* ---- row by row ---- */

/* Takes the row that comes next, and the character behind it. */
static enum vrctl_status
take_row(struct vrctl_link *link, cJSON *rows, char *behind)
{
	struct scan scan = {.at = 0};
	enum vrctl_status status = VRCTL_DONE;
	size_t size;
	char *bytes;
	cJSON *row;

	while (size = vrctl_link_waiting(link, &bytes),
	       !(find_end(&scan, bytes, size) && size > scan.at)) {
		if (size > 0 && bytes[0] != '{')
			return no_router();
		status = vrctl_link_more(link, size, VRCTL_ROW_MAX);
		if (status != VRCTL_DONE)
			return status;
		/* The end was found, but nothing behind it. */
		if (scan.depth == 0)
			scan = (struct scan){.at = 0};
	}
	row = cJSON_ParseWithLength(bytes, scan.at);
	if (!cJSON_IsObject(row)) {
		cJSON_Delete(row);
		return no_router();
	}
	*behind = bytes[scan.at];
	vrctl_link_complete(link);
	vrctl_link_take(link, scan.at + 1);
	(void)cJSON_AddItemToArray(rows, row);
	return VRCTL_DONE;
}

/* A page of rows; '*last' when the list has ended. */
static enum vrctl_status
take_page(struct vrctl_link *link, struct vrctl_table *table, bool *last)
{
	cJSON *rows = cJSON_CreateArray();
	enum vrctl_status status = rows != NULL ? VRCTL_DONE : vrctl_lost("out of memory");
	char behind = ',';

	for (unsigned i = 0; status == VRCTL_DONE && i < VRCTL_PAGE_ROWS && behind == ','; i++)
		status = take_row(link, rows, &behind);
	if (status == VRCTL_DONE && behind != ',' && behind != ']')
		status = no_router();
	if (status == VRCTL_DONE && vrctl_table_add(table, rows) != 0)
		status = vrctl_lost("out of memory");
	cJSON_Delete(rows);
	*last = behind == ']';
	return status;
}

static enum vrctl_status
show_rows(struct vrctl_link *link, const struct vrctl_view *view, const struct head *head,
	  FILE *out)
{
	enum vrctl_status status = VRCTL_DONE;
	struct vrctl_table table;
	bool last = false;
	char *line;

	vrctl_link_take(link, head->size + strlen(DATA "["));
	vrctl_table_init(&table, view, out);
	while (status == VRCTL_DONE && !last)
		status = take_page(link, &table, &last);
	if (status == VRCTL_DONE && vrctl_table_end(&table) != 0)
		status = vrctl_lost("out of memory");
	return status == VRCTL_DONE ? vrctl_link_hear(link, &line) : status;
}

/* ---- in one piece ---- */

static enum vrctl_status
show_line(struct vrctl_link *link, const struct vrctl_view *view, bool json, FILE *out)
{
	char *line;
	enum vrctl_status status = vrctl_link_hear(link, &line);
	cJSON *reply = status == VRCTL_DONE ? cJSON_Parse(line) : NULL;

	if (status != VRCTL_DONE)
		return status;
	if (!cJSON_IsObject(reply))
		status = no_router();
	else if (!cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(reply, "ok")))
		status = json ? VRCTL_REFUSED : refused(reply);
	else if (!json &&
		 vrctl_print(cJSON_GetObjectItemCaseSensitive(reply, "data"), view, out) != 0)
		status = vrctl_lost("out of memory");
	if (json && cJSON_IsObject(reply))
		fprintf(out, "%s\n", line);
	cJSON_Delete(reply);
	return status;
}

enum vrctl_status
vrctl_reply_show(struct vrctl_link *link, const struct vrctl_view *view, bool json, FILE *out)
{
	struct head head;
	enum vrctl_status status = read_head(link, &head);

	if (status != VRCTL_DONE)
		return status;
	if (json && head.size > 0) {
		status = pass_on(link, &head, out);
		return status != VRCTL_DONE || head.ok ? status : VRCTL_REFUSED;
	}
	if (head.ok && head.rows && view != NULL)
		return show_rows(link, view, &head, out);
	return show_line(link, view, json, out);
}
