/* Which fields of a reply make its table. */
#include "vr/vrctl_print.h"

static const struct vrctl_view views[] = {
	{"show peers",
	 NULL,
	 {{"NAME", "name"},
	  {"STATE", "state"},
	  {"FOR", "since_s"},
	  {"ENDPOINT", "endpoint"},
	  {"CIPHER", "cipher"},
	  {"RTT", "rtt_us"},
	  {"MTU", "mtu"},
	  {"HEARD", "heard_s"},
	  {"RECEIVED", "rx_bytes"},
	  {"SENT", "tx_bytes"}}},
	{"show lndt",
	 NULL,
	 {{"VN", "vn"},
	  {"PREFIX", "prefix"},
	  {"KIND", "kind"},
	  {"ROUTER", "vr"},
	  {"HOSTS", "hosts"}}},
	{"show gndt",
	 NULL,
	 {{"VN", "vn"},
	  {"PREFIX", "prefix"},
	  {"ROUTER", "vr"},
	  {"ORIGIN", "origin"},
	  {"HERE", "local"}}},
	{"show hwdt",
	 NULL,
	 {{"VN", "vn"},
	  {"EID", "eid"},
	  {"MAC", "mac"},
	  {"ROUTER", "vr"},
	  {"BEFORE", "previous"},
	  {"MOBILITY", "mobility"},
	  {"KIND", "kind"},
	  {"STATE", "state"},
	  {"HEARD", "heard_s"},
	  {"MOVED", "moved_s"}}},
	{"show moves",
	 NULL,
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
	 "count",
	 {{"WHERE", "where"}, {"REASON", "reason"}, {"COUNT", "count"}, {"MEANING", "text"}}},
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
