/* vrctl move: see vrctl_move.h.  What is wrong with the values is said by the router. */
#include "vr/vrctl_move.h"

#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "vr/vrctl_reply.h"

/* Longer than a router takes for anything. */
#define PATIENCE_S 150

static cJSON *
make_request(const struct vrctl_options *o, const char *eid, uint32_t vn)
{
	cJSON *request = vrctl_request("move", NULL);

	cJSON_AddStringToObject(request, "eid", eid);
	if (o->values[VRCTL_VN] != NULL)
		cJSON_AddNumberToObject(request, "vn", vn);
	if (o->values[VRCTL_ADDRESS] != NULL)
		cJSON_AddStringToObject(request, "address", o->values[VRCTL_ADDRESS]);
	if (o->values[VRCTL_GATEWAY] != NULL)
		cJSON_AddStringToObject(request, "gateway", o->values[VRCTL_GATEWAY]);
	if (o->values[VRCTL_CHECK] != NULL)
		cJSON_AddBoolToObject(request, "check", true);
	return request;
}

enum vrctl_status
vrctl_move(const struct vrctl_options *options, int count, char **words)
{
	struct vrctl_link link;
	enum vrctl_status status;
	struct addr eid;
	uint32_t vn = 0;

	if (count != 1)
		return vrctl_usage_error("move takes one EID", "");
	if (addr_from_text(words[0], &eid) != 0)
		return vrctl_usage_error("not an address", words[0]);
	if (options->values[VRCTL_GATEWAY] != NULL && options->values[VRCTL_ADDRESS] == NULL)
		return vrctl_usage_error("--gateway goes with --address", "");
	if (options->values[VRCTL_CHECK] != NULL && options->values[VRCTL_ADDRESS] != NULL)
		return vrctl_usage_error("--check or --address", "");
	status = vrctl_option_number(options, VRCTL_VN, VN_ID_MAX, &vn);
	if (status != VRCTL_DONE)
		return status;
	status = vrctl_link_open(&link, options->socket);
	if (status == VRCTL_DONE) {
		vrctl_link_patience(&link, PATIENCE_S);
		status = vrctl_link_say(&link, make_request(options, words[0], vn));
	}
	if (status == VRCTL_DONE)
		status = vrctl_reply_show(&link, NULL, options->json, stdout);
	vrctl_link_close(&link);
	return status;
}
