/* Control requests: whatever the lines are, each gets one line of JSON as its reply. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/err.h"
#include "vr/ctl_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
show(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)request;
	(void)error;
	*data = cJSON_Parse("[{\"name\":\"b\",\"vns\":[7,8],\"up\":true},{\"name\":\"c\"},7,null]");
	return 0;
}

static int
refuse(void *ctx, const cJSON *request, cJSON **data, struct ctl_error *error)
{
	(void)ctx;
	(void)data;
	ctl_error_set(error, "refused", "%d", cJSON_GetArraySize(request));
	return -1;
}

static int
row(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **out)
{
	(void)ctx;
	(void)request;
	if (*cursor == 300)
		return 0;
	*out = cJSON_CreateObject();
	cJSON_AddNumberToObject(*out, "n", (double)(*cursor)++);
	return 0;
}

static const struct ctl_command commands[] = {
	{.name = "show peers", .usage = "", .help = "", .handler = show},
	{.name = "show hwdt", .usage = "", .help = "", .row = row},
	{.name = "reload", .usage = "", .help = "", .changes_state = true, .handler = refuse},
};

static void
answer(const char *line, size_t size)
{
	const struct ctl_table table = {.commands = commands, .count = ARRAY_COUNT(commands)};
	struct ctl_pending pending = {.command = NULL};
	struct ctl_out out = {.bytes = NULL};
	char *copy = malloc(size + 1);
	cJSON *reply;
	int rc;

	memcpy(copy, line, size);
	copy[size] = '\0';
	rc = ctl_answer(&table, copy, size, 0, &pending, &out);
	while (rc == CTL_PENDING)
		rc = ctl_continue(&table, &pending, &out);
	BUG_IF(rc != CTL_ANSWERED && rc != CTL_MONITOR);
	BUG_IF(ctl_out_size(&out) < 2 || out.bytes[out.end - 1] != '\n');
	BUG_IF(memchr(out.bytes, '\n', ctl_out_size(&out)) != out.bytes + out.end - 1);
	reply = cJSON_ParseWithLength(out.bytes, ctl_out_size(&out));
	BUG_IF(!cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(reply, "ok")));
	cJSON_Delete(reply);
	ctl_pending_fini(&pending);
	ctl_out_fini(&out);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t line = end == NULL ? size : (size_t)(end - text);

		answer(text, line);
		line += end != NULL;
		text += line;
		size -= line;
	}
	return 0;
}
