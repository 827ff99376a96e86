/* What an RTR counts.  Names, once released, stay. */
#ifndef LISP_RTR_COUNT_H
#define LISP_RTR_COUNT_H

/* id, name, meaning */
#define RTR_COUNTS(X)                                                                              \
	/* What was done. */                                                                       \
	X(RELAYED, "relayed", "Map-Registers relayed to a map-server")                             \
	X(ACCEPTED, "accepted", "Map-Notifies that a map-server answered them with")               \
	X(NOTIFIED, "notified", "Map-Notifies sent on to an xTR behind a NAT")                     \
	X(REBOUND, "rebound", "EID-prefixes whose xTR has come to another address or port")        \
	X(EXPIRED, "expired", "EID-prefixes that were not refreshed")                              \
	/* What was refused or went wrong. */                                                      \
	X(MALFORMED, "malformed", "not a well-formed message")                                     \
	X(SERVER_UNKNOWN, "server-unknown", "to or from a map-server that is not ours")            \
	X(NO_XTR_ID, "no-xtr-id", "a message without an xTR-ID")                                   \
	X(NO_NOTIFY, "no-notify", "a Map-Register that wants no Map-Notify")                       \
	X(LIMITED, "limited", "too many Map-Registers from this address, or from strangers")       \
	X(AMBIGUOUS, "ambiguous", "one Map-Register from two places: neither is believed")         \
	X(AUTH_FAILED, "auth-failed",                                                              \
	  "a Map-Notify that is not authentic by the map-server's key")                            \
	X(UNASKED, "unasked", "a Map-Notify for nobody that is known here")                        \
	X(EID_KIND, "eid-kind", "an EID that is no address")                                       \
	X(NOT_SERVED, "not-served", "an EID of a network that is not served, or known otherwise")  \
	X(EIDS_FULL, "eids-full", "no room for one more EID-prefix, or the xTR's limit")           \
	X(SEND_FAILED, "send-failed", "a message that could not be sent or built")

enum rtr_count {
#define X(id, name, text) RTR_##id,
	RTR_COUNTS(X)
#undef X
		RTR_COUNT_END
};

/* The first of those that were refused or went wrong; all behind it are. */
#define RTR_REFUSALS RTR_MALFORMED

/* "unknown" beyond the end. */
const char *rtr_count_name(enum rtr_count count);
const char *rtr_count_text(enum rtr_count count);

#endif
