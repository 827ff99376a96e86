/* Which fields of a reply make its table. */
#include "vr/vrctl_print.h"

static const struct vrctl_view views[] = {
	{"show peers",
	 {{"NAME", "name"},
	  {"STATE", "state"},
	  {"FOR", "state_age_us"},
	  {"ENDPOINT", "endpoint"},
	  {"CIPHER", "cipher"},
	  {"RTT", "rtt_us"},
	  {"MTU", "mtu"},
	  {"HEARD", "heard_ago_us"},
	  {"VNS", "vns"},
	  {"RECEIVED", "rx_bytes"},
	  {"SENT", "tx_bytes"}}},
	{"show lndt",
	 {{"VN", "vn"},
	  {"PREFIX", "prefix"},
	  {"KIND", "kind"},
	  {"ROUTER", "vr"},
	  {"HOSTS", "hosts"}}},
	{"show gndt",
	 {{"VN", "vn"},
	  {"PREFIX", "prefix"},
	  {"KIND", "kind"},
	  {"ROUTER", "vr"},
	  {"STATE", "state"}}},
	{"show hwdt",
	 {{"VN", "vn"},
	  {"IP", "ip"},
	  {"MAC", "mac"},
	  {"ROUTER", "vr"},
	  {"HERE", "here"},
	  {"KIND", "kind"},
	  {"MOBILITY", "mobility"},
	  {"HEARD", "heard_ago_us"},
	  {"MOVED", "moved_ago_us"},
	  {"BEFORE", "previous"}}},
	{"show moves",
	 {{"NO", "number"},
	  {"VN", "vn"},
	  {"MAC", "mac"},
	  {"EIDS", "eids"},
	  {"FROM", "from"},
	  {"TO", "to"},
	  {"TRIGGER", "trigger"},
	  {"AT", "at"},
	  {"RESOLVED", "resolved_us"},
	  {"CLAIMED", "claimed_us"},
	  {"ALL ACKED", "all_acked_us"},
	  {"CONFIRMED", "confirmed_us"},
	  {"DELIVERED", "first_frame_us"},
	  {"OUTCOME", "outcome"}}},
	{"show drops",
	 {{"WHERE", "where"}, {"REASON", "reason"}, {"COUNT", "count"}, {"MEANING", "text"}}},
	{"help", {{"COMMAND", "usage"}, {"WHAT IT DOES", "help"}}},
};

const struct vrctl_view *
vrctl_view_find(const char *command)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(views); i++)
		if (strcmp(views[i].command, command) == 0)
			return &views[i];
	return NULL;
}
