/* What an xTR counts.  Names, once released, stay. */
#ifndef LISP_XTR_COUNT_H
#define LISP_XTR_COUNT_H

/* id, name, meaning */
#define XTR_COUNTS(X)                                                                              \
	/* What was done. */                                                                       \
	X(REQUESTS, "requests", "Map-Requests sent, repeats included")                             \
	X(MAPPINGS, "mappings", "mappings taken from Map-Replies")                                 \
	X(NEGATIVE, "negative", "negative Map-Replies taken")                                      \
	X(UNANSWERED, "unanswered", "questions that nobody answered")                              \
	X(REGISTERS, "registers", "Map-Registers sent, repeats included")                          \
	X(REGISTERED, "registered", "Map-Notifies that acknowledged one")                          \
	X(INFOS, "infos", "Info-Requests sent, repeats included")                                  \
	X(INFOS_ANSWERED, "infos-answered", "Info-Replies taken")                                  \
	X(RTR_CHANGES, "rtr-changes", "RTRs given up for another one")                             \
	X(PUBLICATIONS, "publications", "Map-Notifies of a subscription taken")                    \
	X(DOUBTED, "doubted", "mappings kept although a renewal did not find them, once")          \
	X(REPLIES, "replies", "Map-Replies sent for own EIDs")                                     \
	X(PROBES, "probes", "RLOC-probes sent")                                                    \
	X(PROBES_ANSWERED, "probes-answered", "RLOC-probes of others answered")                    \
	X(SMRS, "smrs", "SMRs sent")                                                               \
	X(SMRS_HEARD, "smrs-heard", "SMRs followed by a Map-Request")                              \
	X(PUSHED, "pushed", "CHANGE-PRIORITY messages sent")                                       \
	X(PUSHES_HEARD, "pushes-heard", "CHANGE-PRIORITY messages taken")                          \
	/* What was refused or went wrong. */                                                      \
	X(MALFORMED, "malformed", "not a well-formed message")                                     \
	X(UNSOLICITED, "unsolicited", "a Map-Reply that nothing waits for")                        \
	X(PROBE_REFUSED, "probe-refused", "an answer to an RLOC-probe that does not bear it out")  \
	X(NOT_ASKED, "not-asked", "a record for another EID than was asked for")                   \
	X(OVERCLAIM, "overclaim", "a mapping of EIDs whose place is known otherwise")              \
	X(EID_KIND, "eid-kind", "an EID that is no address")                                       \
	X(NO_EID, "no-eid", "a Map-Request without an EID")                                        \
	X(NO_ITR_RLOC, "no-itr-rloc", "a Map-Request without a locator to answer to")              \
	X(NOT_OURS, "not-ours", "a Map-Request for an EID that is not here")                       \
	X(REPLY_LIMITED, "reply-limited", "too many answers for this locator")                     \
	X(SMR_UNKNOWN, "smr-unknown", "an SMR for an EID that is not in the map-cache")            \
	X(SMR_LIMITED, "smr-limited", "an SMR sooner than one is followed again")                  \
	X(ASKS_FULL, "asks-full", "no room for one more question")                                 \
	X(ASKERS_FULL, "askers-full", "who asked for an EID is forgotten early, for want of room") \
	X(AUTH_FAILED, "auth-failed", "wrong authentication data, or no key for it")               \
	X(REPLAYED, "replayed", "a nonce not greater than the last")                               \
	X(NOTIFY_UNKNOWN, "notify-unknown", "a Map-Notify that nothing here wants")                \
	X(SUBSCRIPTIONS_LOST, "subscriptions-lost", "a map-server ended a subscription")           \
	X(PUSH_REFUSED, "push-refused", "a CHANGE-PRIORITY that its sender may not send")          \
	X(PUSH_UNTIMELY, "push-untimely", "a CHANGE-PRIORITY whose clock is half a minute off")    \
	X(SMR_PACED, "smr-paced", "an SMR not sent: too many to this locator")                     \
	X(INFO_UNKNOWN, "info-unknown", "an Info-Reply that nothing waits for")                    \
	X(NO_RTR, "no-rtr", "behind a NAT, and the map-server knows no RTR")                       \
	X(NOTIFY_INSIDE, "notify-inside",                                                          \
	  "in a data packet something else than a Map-Notify to us")                               \
	X(UNSUPPORTED, "unsupported", "a type that is not spoken")                                 \
	X(SEND_FAILED, "send-failed", "a message that could not be sent or built")

enum xtr_count {
#define X(id, name, text) XTR_##id,
	XTR_COUNTS(X)
#undef X
		XTR_COUNT_END
};

/* The first of those that were refused or went wrong; all behind it are. */
#define XTR_REFUSALS XTR_MALFORMED

/* "unknown" beyond the end. */
const char *xtr_count_name(enum xtr_count count);
const char *xtr_count_text(enum xtr_count count);

#endif
