/* Requests, commands and replies of the control socket. */
#include "vr/ctl_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

void
ctl_error_set(struct ctl_error *error, const char *code, const char *format, ...)
{
	va_list args;

	snprintf(error->code, sizeof(error->code), "%s", code);
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

int
ctl_out_add(struct ctl_out *out, const char *bytes, size_t size)
{
	if (out->start == out->end)
		out->start = out->end = 0;
	if (out->room - out->end < size && out->start > 0) {
		memmove(out->bytes, out->bytes + out->start, out->end - out->start);
		out->end -= out->start;
		out->start = 0;
	}
	if (out->room - out->end < size) {
		size_t room = (out->end + size) * 2;
		char *grown = realloc(out->bytes, room);

		if (grown == NULL)
			return -ENOMEM;
		out->bytes = grown;
		out->room = room;
	}
	memcpy(out->bytes + out->end, bytes, size);
	out->end += size;
	return 0;
}

void
ctl_out_fini(struct ctl_out *out)
{
	free(out->bytes);
	*out = (struct ctl_out){.bytes = NULL};
}

/* One after the other, all or nothing. */
static int
add_texts(struct ctl_out *out, const char *a, const char *b)
{
	size_t end = out->end - out->start;
	int rc = ctl_out_add(out, a, strlen(a));

	if (rc == 0)
		rc = ctl_out_add(out, b, strlen(b));
	if (rc != 0)
		out->end = out->start + end;
	return rc;
}

/* Consumes the object. */
static int
add_line(struct ctl_out *out, cJSON *object)
{
	char *text = object == NULL ? NULL : cJSON_PrintUnformatted(object);
	int rc = text == NULL ? -ENOMEM : add_texts(out, text, "\n");

	cJSON_free(text);
	cJSON_Delete(object);
	return rc;
}

/* The head of a reply.  An id that is neither a number nor a text is answered with null. */
static cJSON *
make_reply(const cJSON *request, bool ok)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(request, "id");
	cJSON *reply = cJSON_CreateObject();
	cJSON *copy = cJSON_IsNumber(id) || cJSON_IsString(id) ? cJSON_Duplicate(id, false)
							       : cJSON_CreateNull();

	if (!cJSON_AddItemToObject(reply, "id", copy)) {
		cJSON_Delete(copy);
		cJSON_Delete(reply);
		return NULL;
	}
	if (cJSON_AddBoolToObject(reply, "ok", ok) == NULL) {
		cJSON_Delete(reply);
		return NULL;
	}
	return reply;
}

/* 'data' is consumed; NULL for none. */
static int
reply_error(struct ctl_out *out, const cJSON *request, const struct ctl_error *error, cJSON *data)
{
	cJSON *reply = make_reply(request, false);

	if (cJSON_AddStringToObject(reply, "code", error->code) == NULL ||
	    cJSON_AddStringToObject(reply, "text", error->text) == NULL ||
	    (data != NULL && !cJSON_AddItemToObject(reply, "data", data))) {
		cJSON_Delete(data);
		cJSON_Delete(reply);
		return -ENOMEM;
	}
	return add_line(out, reply);
}

static int
reply_data(struct ctl_out *out, const cJSON *request, cJSON *data)
{
	cJSON *reply = make_reply(request, true);

	if (data != NULL && !cJSON_AddItemToObject(reply, "data", data)) {
		cJSON_Delete(data);
		cJSON_Delete(reply);
		return -ENOMEM;
	}
	return add_line(out, reply);
}

/* A field matches its own value; a list matches each of its elements. */
static bool
field_matches(const cJSON *field, const cJSON *wanted)
{
	const cJSON *element;

	if (cJSON_IsArray(field)) {
		cJSON_ArrayForEach(element, field)
		{
			if (cJSON_Compare(element, wanted, true))
				return true;
		}
		return false;
	}
	return cJSON_Compare(field, wanted, true);
}

static bool
row_matches(const cJSON *row, const cJSON *request)
{
	const cJSON *match = cJSON_GetObjectItemCaseSensitive(request, "match");
	const cJSON *wanted;

	cJSON_ArrayForEach(wanted, match)
	{
		const cJSON *field = cJSON_GetObjectItemCaseSensitive(row, wanted->string);

		if (field == NULL || !field_matches(field, wanted))
			return false;
	}
	return true;
}

static void
filter_rows(cJSON *data, const cJSON *request)
{
	cJSON *row = cJSON_IsArray(data) ? data->child : NULL;

	while (row != NULL) {
		cJSON *next = row->next;

		if (cJSON_IsObject(row) && !row_matches(row, request))
			cJSON_Delete(cJSON_DetachItemViaPointer(data, row));
		row = next;
	}
}

static int
add_help(cJSON *list, const char *name, const char *usage, const char *help, bool changes_state)
{
	cJSON *row = cJSON_CreateObject();

	if (cJSON_AddStringToObject(row, "name", name) == NULL ||
	    cJSON_AddStringToObject(row, "usage", usage) == NULL ||
	    cJSON_AddStringToObject(row, "help", help) == NULL ||
	    cJSON_AddBoolToObject(row, "changes_state", changes_state) == NULL ||
	    !cJSON_AddItemToArray(list, row)) {
		cJSON_Delete(row);
		return -ENOMEM;
	}
	return 0;
}

static int
reply_help(const struct ctl_table *table, const cJSON *request, struct ctl_out *out)
{
	cJSON *list = cJSON_CreateArray();
	int rc = list == NULL ? -ENOMEM : 0;
	size_t i;

	for (i = 0; rc == 0 && i < table->count; i++) {
		const struct ctl_command *c = &table->commands[i];

		rc = add_help(list, c->name, c->usage, c->help, c->changes_state);
	}
	if (rc == 0)
		rc = add_help(list, "monitor", "monitor", "Events as they happen.", false);
	if (rc == 0)
		rc = add_help(list, "help", "help", "The commands of this router.", false);
	if (rc != 0) {
		cJSON_Delete(list);
		return rc;
	}
	return reply_data(out, request, list);
}

/* "show moves" is the command whose "cmd" is "show" and whose "what" is "moves". */
static bool
is_named(const struct ctl_command *command, const char *cmd, const char *what)
{
	size_t size = strcspn(command->name, " ");
	const char *second = command->name[size] == ' ' ? command->name + size + 1 : "";

	return strlen(cmd) == size && memcmp(command->name, cmd, size) == 0 &&
	       strcmp(second, what) == 0;
}

static const struct ctl_command *
find_command(const struct ctl_table *table, const char *cmd, const char *what)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (is_named(&table->commands[i], cmd, what))
			return &table->commands[i];
	return NULL;
}

/* The start of a reply whose rows follow; its end is written by ctl_continue(). */
static int
start_rows(const struct ctl_command *command, cJSON *request, struct ctl_pending *pending,
	   struct ctl_out *out)
{
	cJSON *head = make_reply(request, true);
	char *text = head == NULL ? NULL : cJSON_PrintUnformatted(head);
	int rc = -ENOMEM;

	if (text != NULL) {
		text[strlen(text) - 1] = '\0'; /* the object stays open */
		rc = add_texts(out, text, ",\"data\":[");
	}
	cJSON_free(text);
	cJSON_Delete(head);
	if (rc != 0)
		return rc;
	*pending = (struct ctl_pending){.command = command, .request = request, .first = true};
	return CTL_PENDING;
}

/* A command that takes time: its reply, or CTL_PENDING. */
static int
try_later(const struct ctl_table *table, struct ctl_pending *pending, struct ctl_out *out)
{
	struct ctl_error error = {.code = ""};
	cJSON *data = NULL;
	int rc = pending->command->later(table->ctx, pending->request, pending->cursor, &data,
					 &error);

	pending->waits = rc == -EINPROGRESS;
	if (pending->waits)
		return CTL_PENDING;
	if (rc != 0 && error.code[0] == '\0')
		ctl_error_set(&error, "failed", "%s", strerror(-rc));
	return rc != 0 ? reply_error(out, pending->request, &error, data)
		       : reply_data(out, pending->request, data);
}

static int
start_later(const struct ctl_table *table, const struct ctl_command *command, cJSON *request,
	    struct ctl_pending *pending, struct ctl_out *out)
{
	int rc;

	*pending = (struct ctl_pending){.command = command, .request = request};
	rc = try_later(table, pending, out);
	/* The request is the caller's then. */
	if (rc != CTL_PENDING)
		*pending = (struct ctl_pending){.command = NULL};
	return rc;
}

/* Takes the request over when something is pending. */
static int
run_command(const struct ctl_table *table, const struct ctl_command *command, cJSON *request,
	    struct ctl_pending *pending, struct ctl_out *out)
{
	struct ctl_error error = {.code = ""};
	cJSON *data = NULL;
	int rc = 0;

	if (command->later != NULL)
		return start_later(table, command, request, pending, out);
	if (command->handler != NULL)
		rc = command->handler(table->ctx, request, &data, &error);
	if (rc != 0 && error.code[0] == '\0')
		ctl_error_set(&error, "failed", "%s", strerror(-rc));
	if (rc != 0)
		return reply_error(out, request, &error, data);
	if (command->row == NULL) {
		filter_rows(data, request);
		return reply_data(out, request, data);
	}
	cJSON_Delete(data);
	return start_rows(command, request, pending, out);
}

/* What came is repeated in ASCII only: it may be cut in the middle of a character. */
static void
unknown_command(const char *cmd, const char *what, struct ctl_error *error)
{
	char *c;

	ctl_error_set(error, "unknown-command", "no command \"%.40s%s%.40s\"", cmd,
		      what[0] != '\0' ? " " : "", what);
	for (c = error->text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static int
dispatch(const struct ctl_table *table, cJSON *request, unsigned uid, struct ctl_pending *pending,
	 struct ctl_out *out)
{
	const cJSON *cmd = cJSON_GetObjectItemCaseSensitive(request, "cmd");
	const cJSON *what = cJSON_GetObjectItemCaseSensitive(request, "what");
	const cJSON *match = cJSON_GetObjectItemCaseSensitive(request, "match");
	const struct ctl_command *command;
	struct ctl_error error;
	int rc;

	if (!cJSON_IsObject(request))
		ctl_error_set(&error, "bad-json", "expected one JSON object per line");
	else if (!cJSON_IsString(cmd) || (what != NULL && !cJSON_IsString(what)) ||
		 (match != NULL && !cJSON_IsObject(match)))
		ctl_error_set(
			&error, "bad-request",
			"expected \"cmd\" and, if any, \"what\" to be strings and \"match\" an "
			"object");
	else if (strcmp(cmd->valuestring, "help") == 0 && what == NULL)
		return reply_help(table, request, out);
	else if (strcmp(cmd->valuestring, "monitor") == 0 && what == NULL) {
		rc = reply_data(out, request, NULL);
		return rc != 0 ? rc : CTL_MONITOR;
	} else {
		command = find_command(table, cmd->valuestring,
				       what == NULL ? "" : what->valuestring);
		if (command != NULL && command->changes_state)
			log_line(table->log, LOG_INFO, "control", "%s, by user %u", command->name,
				 uid);
		if (command != NULL)
			return run_command(table, command, request, pending, out);
		unknown_command(cmd->valuestring, what == NULL ? "" : what->valuestring, &error);
	}
	return reply_error(out, request, &error, NULL);
}

int
ctl_answer(const struct ctl_table *table, const char *line, size_t size, unsigned uid,
	   struct ctl_pending *pending, struct ctl_out *out)
{
	const char *end = line;
	cJSON *request = cJSON_ParseWithLengthOpts(line, size, &end, false);
	int rc;

	/* Something may only follow that is white space. */
	while (request != NULL && end < line + size && strchr(" \t\r", *end) != NULL &&
	       *end != '\0')
		end++;
	if (request != NULL && end < line + size) {
		cJSON_Delete(request);
		request = NULL;
	}
	rc = dispatch(table, request, uid, pending, out);
	if (rc != CTL_PENDING)
		cJSON_Delete(request);
	return rc;
}

static int
add_row(struct ctl_pending *pending, const cJSON *row, struct ctl_out *out)
{
	char *text = cJSON_PrintUnformatted(row);
	int rc = text == NULL ? -ENOMEM : add_texts(out, pending->first ? "" : ",", text);

	cJSON_free(text);
	pending->first = false;
	return rc;
}

int
ctl_continue(const struct ctl_table *table, struct ctl_pending *pending, struct ctl_out *out)
{
	unsigned turns;
	int rc = 0;

	if (pending->command->later != NULL) {
		rc = try_later(table, pending, out);
		if (rc != CTL_PENDING)
			ctl_pending_fini(pending);
		return rc;
	}
	for (turns = 0; rc == 0 && turns < CTL_ROWS_PER_TURN; turns++) {
		cJSON *row = NULL;

		rc = pending->command->row(table->ctx, pending->request, pending->cursor, &row);
		if (rc == 0 && row == NULL) {
			rc = add_texts(out, "]}", "\n");
			ctl_pending_fini(pending);
			return rc != 0 ? rc : CTL_ANSWERED;
		}
		if (rc == 0 && row_matches(row, pending->request))
			rc = add_row(pending, row, out);
		cJSON_Delete(row);
	}
	return rc != 0 ? rc : CTL_PENDING;
}

void
ctl_pending_fini(struct ctl_pending *pending)
{
	cJSON_Delete(pending->request);
	*pending = (struct ctl_pending){.command = NULL};
}

int
ctl_refuse(struct ctl_out *out, const char *code, const char *text)
{
	struct ctl_error error;

	ctl_error_set(&error, code, "%s", text);
	return reply_error(out, NULL, &error, NULL);
}

int
ctl_event(struct ctl_out *out, const char *event, const struct cJSON *fields)
{
	cJSON *object = cJSON_CreateObject();
	const cJSON *field;

	if (cJSON_AddStringToObject(object, "event", event) == NULL) {
		cJSON_Delete(object);
		return -ENOMEM;
	}
	cJSON_ArrayForEach(field, fields)
	{
		cJSON *copy = cJSON_Duplicate(field, true);

		if (!cJSON_AddItemToObject(object, field->string, copy)) {
			cJSON_Delete(copy);
			cJSON_Delete(object);
			return -ENOMEM;
		}
	}
	return add_line(out, object);
}
