/* What can happen to a frame that is not delivered: every drop has a reason, and each is counted. */
#ifndef VR_DROP_H
#define VR_DROP_H

/* name, meaning */
#define VR_DROPS(X)                                                                                \
	X(MALFORMED, "malformed", "not a well-formed packet")                                      \
	X(NOT_IP, "not-ip", "an Ethernet type that is not routed")                                 \
	X(MULTICAST, "multicast", "multicast and broadcast stay on their LAN")                     \
	X(IP6, "ipv6", "IPv6 machines are not served")                                             \
	X(ECHO, "echo", "our own MAC as Ethernet source")                                          \
	X(SOURCE_NOT_LOCAL, "source-not-local", "LNDT: this machine may not speak here")           \
	X(SOURCE_SPOOFED, "source-spoofed", "another machine's address")                           \
	X(NO_ROUTE, "no-route", "GNDT: nobody is responsible for the destination")                 \
	X(TTL, "ttl", "time exceeded")                                                             \
	X(TOO_BIG, "too-big", "does not fit the path and may not be fragmented")                   \
	X(MAPPING_PENDING, "mapping-pending", "too many packets wait for a mapping")               \
	X(MAPPING_TIMEOUT, "mapping-timeout", "no answer from the mapping system")                 \
	X(NEGATIVE, "negative-mapping", "the mapping system says to drop it")                      \
	X(NO_LOCATOR, "no-locator", "no locator of the mapping can be used")                       \
	X(PLAIN_REFUSED, "plain-refused", "plain LISP where only sealed sessions may be used")     \
	X(PLAIN_VN, "plain-vn", "plain LISP for a VN that does not take part")                     \
	X(PLAIN_SOURCE, "plain-source", "plain LISP from a source that is known elsewhere")        \
	X(PROXY_OUTSIDE, "proxy-outside", "proxy: from outside, with a source that is not there")  \
	X(PROXY_PREFIX, "proxy-prefix", "proxy: from outside, for an EID that is not served")      \
	X(PROXY_SOURCE, "proxy-source", "proxy: to the outside, from no EID that is served")       \
	X(PROXY_LOCATOR, "proxy-locator", "proxy: to the outside, from where its source is not")   \
	X(PROXY_DOWN, "proxy-down", "no proxy to the outside can be reached")                      \
	X(PEER_DOWN, "peer-down", "the responsible router is not reachable")                       \
	X(NO_SESSION, "no-session", "no keys with the peer")                                       \
	X(PEER_SOURCE, "peer-source", "the peer may not speak for this source")                    \
	X(PEER_NOT_IN_VN, "peer-not-in-vn", "the peer does not belong to this VN")                 \
	X(NOT_HERE, "not-here", "came over the underlay for an EID that is not here")              \
	X(HOP_LIMIT, "hop-limit", "redirected too often")                                          \
	X(REDIRECT_REFUSED, "redirect-refused", "redirected by a router that never owned the EID") \
	X(ARP_PENDING, "arp-pending", "too many packets wait for an ARP answer")                   \
	X(ARP_TIMEOUT, "arp-timeout", "no answer to ARP")                                          \
	X(OWN_SOURCE, "own-source", "a machine's own frame is never sent back to it")              \
	X(LAN_SEND, "lan-send", "the LAN device did not take it")                                  \
	X(SYNC_MALFORMED, "sync-malformed", "not a well-formed message")                           \
	X(SYNC_VERSION, "sync-version", "a message of another version or unknown type")            \
	X(CLAIM_REFUSED, "claim-refused", "the router may not have that EID")                      \
	X(CLAIM_STALE, "claim-stale", "older than what is known")                                  \
	X(CLAIM_FROZEN, "claim-frozen", "the EID moved too often")                                 \
	X(NEWER_REFUSED, "newer-refused",                                                          \
	  "a newer counter, by a router that may not have the EID, or out of reach")               \
	X(NEWER_UNASKED, "newer-unasked", "newer counters about a table that was not sent")        \
	X(PRESENCE_REFUSED, "presence-refused", "asked by a router that may not have the EID")     \
	X(PULL_LIMIT, "pull-limit", "the peer asks for tables too often")                          \
	X(ACTION_REFUSED, "action-refused", "a management action by a peer that may give none")    \
	X(QUERY_FULL, "query-full", "too many questions to the other routers at once")             \
	X(RARP_UNKNOWN, "rarp-unknown", "RARP for a MAC that no HWDT knows")                       \
	X(SIGHTING_REFUSED, "sighting-refused", "an EID that this site may not host")              \
	X(ADDRESS_TAKEN, "address-taken", "ARP of a machine that uses the router's own address")   \
	X(NAMESAKE, "namesake",                                                                    \
	  "ARP of a machine on the LAN that has a peer's address, not its MAC")                    \
	X(ARP_MALFORMED, "arp-malformed", "not a well-formed ARP or RARP frame")

enum vr_drop {
#define X(id, name, text) DROP_##id,
	VR_DROPS(X)
#undef X
		DROP_COUNT
};

const char *vr_drop_name(enum vr_drop reason);
const char *vr_drop_text(enum vr_drop reason);

#endif
