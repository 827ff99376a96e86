/* What a map-server counts.  Names, once released, stay. */
#ifndef LISP_MS_COUNT_H
#define LISP_MS_COUNT_H

#include <stdint.h>

/* id, name, meaning */
#define MS_COUNTS(X)                                                                               \
	/* What was done. */                                                                       \
	X(REQUESTS, "requests", "Map-Requests taken")                                              \
	X(REPLIES_PROXY, "replies-proxy", "Map-Replies with a mapping, for an ETR")                \
	X(REPLIES_NEGATIVE, "replies-negative", "negative Map-Replies")                            \
	X(FORWARDED, "forwarded", "Map-Requests sent on to an ETR")                                \
	X(REGISTERS, "registers", "Map-Registers taken")                                           \
	X(NOTIFIES, "notifies", "Map-Notifies that acknowledge a Map-Register")                    \
	X(WITHDRAWN, "withdrawn", "registrations ended by their ETR")                              \
	X(EXPIRED, "expired", "registrations that were not refreshed")                             \
	X(MOVES, "moves", "mobile EIDs that another site took over")                               \
	X(SUBSCRIBED, "subscribed", "subscriptions confirmed")                                     \
	X(UNSUBSCRIBED, "unsubscribed", "subscriptions ended by their xTR")                        \
	X(PUBLISHED, "published", "Map-Notifies sent unasked, first attempts")                     \
	X(RETRIES, "retries", "Map-Notifies sent again")                                           \
	X(ACKS, "acks", "Map-Notify-Acks taken")                                                   \
	X(INFOS, "infos", "Info-Requests answered")                                                \
	X(RELAYED, "relayed", "of the Map-Registers taken, those that an RTR relayed")             \
	/* What was refused or went wrong. */                                                      \
	X(MALFORMED, "malformed", "not a well-formed message")                                     \
	X(OVERSIZED, "oversized", "larger than a map-server takes")                                \
	X(UNSUPPORTED, "unsupported", "a type, or LISP-SEC data, that is not spoken")              \
	X(ECM_CONTENT, "ecm-content", "an encapsulated message that is not taken so")              \
	X(PROBE, "probe", "an encapsulated RLOC-probe")                                            \
	X(NO_ITR_RLOC, "no-itr-rloc", "a Map-Request without a locator to answer to")              \
	X(NO_REPLY, "no-reply", "a Map-Request that asks not to be answered")                      \
	X(EID_KIND, "eid-kind", "an EID that is no address")                                       \
	X(UNSETTLED, "unsettled", "asked after a restart for what may not be registered yet")      \
	X(REPLY_LIMITED, "reply-limited", "too many answers for this locator")                     \
	X(NO_ETR, "no-etr", "no locator to send a Map-Request on to")                              \
	X(NO_RECORD, "no-record", "a Map-Register without a record")                               \
	X(PREFIX_REFUSED, "prefix-refused", "an EID-prefix that the site may not register")        \
	X(KEY_UNKNOWN, "key-unknown", "no key of this Key ID, algorithm and length")               \
	X(AUTH_FAILED, "auth-failed",                                                              \
	  "wrong authentication data in a Map-Register or Info-Request")                           \
	X(REPLAYED, "replayed", "a nonce not greater than the last")                               \
	X(ETRS_FULL, "etrs-full", "no room for one more ETR")                                      \
	X(EIDS_FULL, "eids-full", "no room for one more EID, or the site's limit")                 \
	X(LOCATORS, "locators", "more locators in a record than are kept")                         \
	X(DISPLACED, "displaced", "a refresh by a site that lost the mobile EID")                  \
	X(SUB_UNKNOWN, "subscriber-unknown", "a subscription by nobody we share a key with")       \
	X(SUB_REPLAYED, "subscription-replayed", "its nonce is not greater than the last")         \
	X(SUBS_FULL, "subscriptions-full", "no room for one more, or the xTR's limit")             \
	X(SUB_LIMITED, "subscription-limited", "an xTR that subscribes too fast")                  \
	X(PUBLICATIONS_FULL, "publications-full", "a change that not all subscribers are told")    \
	X(SUB_LOST, "subscription-lost", "ended: its xTR does not acknowledge")                    \
	X(UNANSWERED, "unanswered", "Map-Notifies that were never acknowledged")                   \
	X(ACK_FAILED, "ack-failed", "a Map-Notify-Ack with wrong authentication data")             \
	X(INFO_REPEATED, "info-repeated", "an Info-Request that came again, from elsewhere")       \
	X(INFO_LIMITED, "info-limited", "too many Info-Requests from this address")                \
	X(RTR_UNKNOWN, "rtr-unknown", "a Map-Register relayed by no RTR of ours")                  \
	X(NO_XTR_ID, "no-xtr-id", "a relayed Map-Register without an xTR-ID")                      \
	X(SEND_FAILED, "send-failed", "a message that could not be sent or built")

enum ms_count {
#define X(id, name, text) MS_##id,
	MS_COUNTS(X)
#undef X
		MS_COUNT_END
};

/* The first of those that were refused or went wrong; all behind it are. */
#define MS_REFUSALS MS_MALFORMED

/* "unknown" beyond the end. */
const char *ms_count_name(enum ms_count count);
const char *ms_count_text(enum ms_count count);

#endif
