/* Keys of the virtual networks, and of the peers they are shared with. */
#include "conf/keys_rows.h"

#define PEERS_MAX    4096
#define PEER_VNS_MAX 64
#define PETRS_MAX    8 /* MAP_LOCATORS_MAX (tables/mapcache.h) */

static const struct key rows[] = {
	{"vns", KEY_OBJECTS, .required = true, .min = 1, .max = 4096,
	 MANY(struct conf, vns, vn_count), .help = "The virtual networks this router serves."},
	{"vns[].id", .required = true, NUMBER(0, VN_ID_MAX, 1, NULL), AT(struct conf_vn, id),
	 .fixed = true,
	 .help = "Number of the network, the same at all routers (the LISP Instance-ID)."},
	{"vns[].name", KEY_NAME, AT(struct conf_vn, name),
	 .help = "A name for people; without it \"vn\" and the number."},
	{"vns[].model", KEY_CHOICE, .choices = "router|interface|hybrid", .fallback = "\"router\"",
	 AT(struct conf_vn, model), .fixed = true,
	 .help = "What this router serves: \"router\", the machines of a LAN; "
		 "\"interface\", only the machine that it runs on, by a TUN device that it makes; "
		 "or "
		 "\"hybrid\", only that machine, by a TAP device that is bridged with its NIC, so "
		 "that it reaches peers on its LAN without this router."},
	{"vns[].device", KEY_DEVICE, .required = true, AT(struct conf_vn, device), .fixed = true,
	 .help = "The LAN: a NIC, a veth or a Linux bridge.  Each network has its own.  With the "
		 "\"model\" \"interface\" the name of the TUN device, which must not be there "
		 "yet; with \"hybrid\" the NIC, which becomes a port of the bridge \"NIC-vrb\" "
		 "unless "
		 "it is one of another bridge."},
	{"vns[].mac", KEY_MAC, .fallback = "\"virtual\"", AT(struct conf_vn, mac_kind),
	 .fixed = true,
	 .help = "The MAC address that the router answers with: \"virtual\" (02:56:52 and the "
		 "number, the same at all routers of the network), \"nic\" (the device's own, "
		 "where a "
		 "cloud filters others), or an address."},
	{"vns[].super_frames", KEY_BOOL, .fallback = "true", AT(struct conf_vn, super_frames),
	 .fixed = true, .help = "Super-frames of up to 64 kB enter and leave this LAN whole."},
	{"vns[].local", KEY_PREFIX, .max = PREFIXES_MAX, MANY(struct conf_vn, local, local_count),
	 .help = "Prefixes of the machines at home on this LAN, which may speak.  With the "
		 "\"model\" \"interface\" or \"hybrid\" each of \"addresses\" that is in none, nor "
		 "in a mobile "
		 "prefix, is one of its own."},
	{"vns[].addresses", KEY_ADDR_LEN, .max = 64, MANY(struct conf_vn, addresses, address_count),
	 .help = "Addresses that the router itself has on the LAN, as the gateway of their "
		 "subnets.  With the \"model\" \"interface\" or \"hybrid\" those that this "
		 "machine gets on the device or its bridge, by which it is reached."},
	{"vns[].subnets", KEY_PREFIX, .max = 4096, MANY(struct conf_vn, subnets, subnet_count),
	 .help = "Further on-link subnets: packets within one of them keep their TTL."},
	{"vns[].native_gateway", KEY_ADDR, AT(struct conf_vn, native_gateway),
	 .help = "Router on the LAN for destinations outside the network."},
	{"vns[].mobile", KEY_OBJECTS, .max = 4096, MANY(struct conf_vn, mobile, mobile_count),
	 .help = "Prefixes whose machines may move from site to site."},
	{"vns[].mobile[].prefix", KEY_PREFIX, .required = true, AT(struct conf_mobile, prefix),
	 .help = "Machines of this prefix may move."},
	{"vns[].mobile[].hosts", KEY_NAME, .min = 1, .max = PEERS_MAX,
	 MANY(struct conf_mobile, hosts, host_count),
	 .help = "Names of the routers that may host them; without it every router of the "
		 "network."},
	{"vns[].freeze", GROUP, .help = "When a machine seems to move too often."},
	{"vns[].freeze.moves", NUMBER(1, 1000000, 1, "moves"), .fallback = "10",
	 AT(struct conf_vn, freeze_moves), .help = "So many moves of one address ..."},
	{"vns[].freeze.window_s", NUMBER(1, 86400, 1000000, "seconds"), .fallback = "10",
	 AT(struct conf_vn, freeze_window), .help = "... within this time freeze it ..."},
	{"vns[].freeze.time_s", NUMBER(1, 86400, 1000000, "seconds"), .fallback = "30",
	 AT(struct conf_vn, freeze_time), .help = "... for so long."},
	{"vns[].lisp", GROUP, .help = "The network and the mapping system."},
	{"vns[].lisp.use", KEY_BOOL, .fallback = "false", AT(struct conf_vn, lisp), .fixed = true,
	 .help = "The network takes part in the mapping system: its prefixes are registered, and "
		 "unknown addresses are asked for."},
	{"vns[].lisp.encapsulation", KEY_CHOICE, .choices = ENCAPSULATIONS, .fallback = "\"auto\"",
	 AT(struct conf_vn, encapsulation),
	 .help = "How packets travel to a locator of another site: \"auto\" (sealed where it is a "
		 "peer with a session, plain LISP to all others), \"plain\", or \"sealed\" (never "
		 "plain)."},
	{"vns[].lisp.petrs", KEY_ADDR, .max = PETRS_MAX, MANY(struct conf_vn, petrs, petr_count),
	 .help = "Locators of Proxy-ETRs: what the mapping system says to forward natively is "
		 "sent to the first that has a session or answers RLOC-probes, else to the first "
		 "that never answered one, else to the first; without any it leaves through the "
		 "home site's \"native_gateway\"."},
	{"vns[].proxy", GROUP_NOTED(struct conf_vn, proxy.enabled), .fixed = true,
	 .help = "This router is a proxy of the network (RFC 6832): \"device\" is not one of its "
		 "LANs but on the outside, with machines and routers that know nothing of LISP."},
	{"vns[].proxy.prefixes", KEY_PREFIX, .required = true, .min = 1, .max = 64,
	 MANY(struct conf_vn, proxy.prefixes, proxy.prefix_count),
	 .help = "EID-prefixes that are served; routers outside have routes for them to one of "
		 "\"addresses\"."},
	{"vns[].proxy.ingress", KEY_BOOL, .fallback = "true", AT(struct conf_vn, proxy.ingress),
	 .help = "Proxy-ITR: packets from outside to these prefixes are taken in."},
	{"vns[].proxy.egress", KEY_BOOL, .fallback = "true", AT(struct conf_vn, proxy.egress),
	 .help = "Proxy-ETR: packets from these prefixes to the outside are let out."},
	{"vns[].proxy.check_locators", KEY_BOOL, .fallback = "true",
	 AT(struct conf_vn, proxy.check_locators),
	 .help = "Packets from a machine that no peer has are let out only if they come from a "
		 "locator of its mapping."},

	{"peers", KEY_OBJECTS, .max = PEERS_MAX, MANY(struct conf, peers, peer_count),
	 .help = "The other routers."},
	{"peers[].name", KEY_NAME, .required = true, AT(struct conf_peer, name),
	 .help = "Its name, as in its own configuration."},
	{"peers[].public_key", KEY_PUBLIC_KEY, .required = true, AT(struct conf_peer, public_key),
	 .help = "Its public key, as \"vrctl pubkey\" prints it."},
	{"peers[].endpoints", KEY_ENDPOINT, .max = 8,
	 MANY(struct conf_peer, endpoints, endpoint_count),
	 .help = "Underlay addresses and ports where it is tried; without any it will call, or is "
		 "reached by a relay."},
	{"peers[].relay", KEY_BOOL, .fallback = "false", AT(struct conf_peer, relay),
	 .help = "It relays for this router: peers that cannot be reached directly are reached by "
		 "it, and with its help directly where the NATs between them allow that.  Its own "
		 "configuration has \"relay\", and both routers as peers.  At most 8."},
	{"peers[].management", KEY_BOOL, .fallback = "false", AT(struct conf_peer, management),
	 .help = "Management actions that it delivers are carried out here."},
	{"peers[].tcp", KEY_ENDPOINT, .max = 4, MANY(struct conf_peer, tcp, tcp_count),
	 .help = "Addresses and TCP ports where it is tried when UDP does not reach it."},
	{"peers[].vns", KEY_OBJECTS, .required = true, .min = 1, .max = PEER_VNS_MAX,
	 MANY(struct conf_peer, vns, vn_count), .help = "The networks shared with it."},
	{"peers[].vns[].id", .required = true, NUMBER(0, VN_ID_MAX, 1, NULL),
	 AT(struct conf_peer_vn, id), .help = "Number of a network that \"vns\" has too."},
	{"peers[].vns[].prefixes", KEY_PREFIX, .max = PREFIXES_MAX,
	 MANY(struct conf_peer_vn, prefixes, prefix_count),
	 .help = "Fixed prefixes it is responsible for and may speak for."},
	{"peers[].vns[].proxy", KEY_BOOL, .fallback = "false", AT(struct conf_peer_vn, proxy),
	 .help = "It is a proxy of the network: what leaves the network is sent to it, and it may "
		 "speak for machines outside."},
};

const struct key_rows keys_networks = {rows, ARRAY_COUNT(rows)};
