/* One row per key of the configuration. */
#include "conf/keys.h"

#include <inttypes.h>
#include <stdio.h>

#include "conf/conf.h"

#define MEMBER_SIZE(type, member) sizeof(((type *)NULL)->member)

#define AT(type, member)                                                                           \
	.offset = offsetof(type, member), .size = MEMBER_SIZE(type, member),                       \
	.count_offset = KEY_NO_COUNT

#define MANY(type, member, count)                                                                  \
	.offset = offsetof(type, member), .size = sizeof(*((type *)NULL)->member),                 \
	.count_offset = offsetof(type, count)

#define GROUP .type = KEY_OBJECT, .count_offset = KEY_NO_COUNT

/* A group of which the struct notes whether it is there. */
#define GROUP_NOTED(type_, member) .type = KEY_OBJECT, AT(type_, member)

#define NUMBER(low, high, factor, word)                                                            \
	.type = KEY_NUMBER, .min = (low), .max = (high), .scale = (factor), .unit = (word)

#define PATH_SIZE_MAX    4095
#define SOCKET_SIZE_MAX  107 /* of a UNIX socket's name */
#define PREFIXES_MAX     1000000
#define PEERS_MAX        4096
#define PEER_VNS_MAX     64
#define LISP_RLOCS_MAX   4
#define LISP_SERVERS_MAX 8
#define PETRS_MAX        8 /* MAP_LOCATORS_MAX (tables/mapcache.h) */
#define LISP_RTRS_MAX    8 /* of wire/lisp_addr.h, and RTR_SERVERS_MAX (lisp/rtr.h) */
#define LISP_KEYS_MAX    65536
#define LISP_SITES_MAX   65535

#define ENCAPSULATIONS "auto|plain|sealed"

static const struct key keys[] = {
	{"name", KEY_NAME, .required = true, AT(struct conf, name), .fixed = true,
	 .help = "The name of this router, by which \"hosts\" of mobile prefixes call it."},
	{"key_file", KEY_PATH, .required = true, .max = PATH_SIZE_MAX, AT(struct conf, key_file),
	 .fixed = true, .help = "File with this router's private key, made by \"vrctl keygen\"."},
	{"state_dir", KEY_PATH, .max = PATH_SIZE_MAX, .fallback = "\"/var/lib/vrd\"",
	 AT(struct conf, state_dir), .fixed = true,
	 .help = "Directory for what must survive a restart: mobility counters and clocks."},
	{"control_socket", KEY_PATH, .max = SOCKET_SIZE_MAX, .fallback = "\"/run/vrd/vrd.sock\"",
	 AT(struct conf, control_socket), .fixed = true,
	 .help = "UNIX socket on which vrctl(8) is answered."},
	{"listen", KEY_ENDPOINT, .fallback = "\"0.0.0.0:51341\"", AT(struct conf, listen),
	 .fixed = true,
	 .help = "Underlay address and UDP port for the sessions with the other routers.  With an "
		 "unspecified address this host's addresses may change meanwhile."},

	{"candidates", KEY_ENDPOINT, .max = 4, MANY(struct conf, candidates, candidate_count),
	 .help = "Further addresses and ports under which this router may be reached, as those of "
		 "a port that a NAT forwards to it.  Peers that reach it only by a relay are told "
		 "them, beside its own addresses and the one that the relay sees."},
	{"relay", GROUP_NOTED(struct conf, relay.enabled),
	 .help = "This router relays between peers that do not reach each other."},
	{"relay.peer_mbps", NUMBER(0, 1000000, 1, "Mb/s"), .fallback = "1000",
	 AT(struct conf, relay.peer_mbps),
	 .help = "So much is relayed for each sending peer; 0 is no limit."},
	{"relay.peer_pairs", NUMBER(1, 65535, 1, "peers"), .fallback = "1024",
	 AT(struct conf, relay.peer_pairs),
	 .help = "To so many other peers is relayed for each sending peer within a minute."},
	{"underlay", GROUP,
	 .help = "This host's part of the underlay, where the router is one machine's own."},
	{"underlay.device", KEY_DEVICE, AT(struct conf, underlay.device), .fixed = true,
	 .help = "The device towards the other routers, which a management action may give "
		 "another "
		 "address."},
	{"underlay.renew", KEY_WORD, .min = 1, .max = 32,
	 MANY(struct conf, underlay.renew, underlay.renew_count), .fixed = true,
	 .help = "A command and its arguments that make this device ask for an address, and end "
		 "with status 0 when it has one.  It is run when a management action asks for "
		 "that, "
		 "when the machine has been moved and no peer is heard, and when all peers are "
		 "silent."},
	{"underlay.renew_s", NUMBER(1, 60, 1000000, "seconds"), .fallback = "10",
	 AT(struct conf, underlay.renew_time),
	 .help = "That command is ended when it takes longer."},
	{"underlay.silent_ms", NUMBER(100, 600000, 1000, "milliseconds"), .fallback = "2500",
	 AT(struct conf, underlay.silent_time),
	 .help = "Silence of all peers after which it is run; again after 2, 4, 8 ... 60 seconds. "
		 "At least twice \"sync.hello_ms\"."},
	{"management_port", KEY_PATH, .max = PATH_SIZE_MAX, AT(struct conf, management_port),
	 .fixed = true,
	 .help = "Character device, such as a port of virtio-serial, on which management actions "
		 "for this machine are taken."},

	{"tcp_listen", KEY_ENDPOINT, AT(struct conf, tcp_listen), .fixed = true,
	 .help = "Address and TCP port where routers that UDP does not reach are accepted; without "
		 "it nowhere."},
	{"http_proxy", KEY_ENDPOINT, AT(struct conf, http_proxy), .fixed = true,
	 .help = "HTTP proxy through which other routers are called over TCP, by CONNECT."},
	{"http_proxy_secret_file", KEY_PATH, .max = PATH_SIZE_MAX,
	 AT(struct conf, http_proxy_secret_file), .fixed = true,
	 .help = "File with \"user:password\" for that proxy, at most 128 bytes; one line end "
		 "behind it does not count.  Others may not read it."},

	{"log", GROUP, .help = "What is logged, and where."},
	{"log.level", KEY_CHOICE, .choices = "error|warning|info|debug", .fallback = "\"info\"",
	 AT(struct conf, log_level), .help = "The least important lines that are written."},
	{"log.file", KEY_PATH, .max = PATH_SIZE_MAX, AT(struct conf, log_file), .fixed = true,
	 .help = "File that lines are appended to; without it they go to the standard error."},

	{"session", GROUP, .help = "The sealed sessions between routers."},
	{"session.cipher", KEY_CHOICE, .choices = "AESGCM|ChaChaPoly", .fallback = "\"AESGCM\"",
	 AT(struct conf, cipher), .fixed = true,
	 .help = "The cipher that this router proposes; it accepts both."},
	{"session.rekey_s", NUMBER(1, 86400, 1000000, "seconds"), .fallback = "120",
	 AT(struct conf, rekey_time), .fixed = true,
	 .help = "Age at which the keys of a session are replaced."},
	{"session.rekey_records", NUMBER(16, UINT64_C(1) << 40, 1, "records"),
	 .fallback = "4294967296", AT(struct conf, rekey_records), .fixed = true,
	 .help = "Records after which the keys of a session are replaced."},
	{"session.keepalive_s", NUMBER(5, 3600, 1000000, "seconds"), .fallback = "25",
	 AT(struct conf, keepalive), .fixed = true,
	 .help = "A session's way is kept open through NATs by a sign of life at least so often, "
		 "4 s while machines talk, and more often where the NAT is found to forget "
		 "sooner."},
	{"session.mtu_max", NUMBER(576, 65535, 1, "bytes"), .fallback = "1500",
	 AT(struct conf, mtu_max), .fixed = true,
	 .help = "Largest underlay IP packet that is probed for."},

	{"sync", GROUP, .help = "How routers watch each other."},
	{"sync.hello_ms", NUMBER(10, 60000, 1000, "milliseconds"), .fallback = "1000",
	 AT(struct conf, hello_interval), .help = "Time between two hellos to each peer."},
	{"sync.dead_ms", NUMBER(20, 600000, 1000, "milliseconds"), .fallback = "4000",
	 AT(struct conf, dead_time),
	 .help = "Silence after which a peer is down; at least twice \"hello_ms\"."},

	{"hwdt", GROUP, .help = "The table of where each machine is."},
	{"hwdt.max", NUMBER(16, 16777216, 1, "records"), .fallback = "65536",
	 AT(struct conf, hwdt_max), .fixed = true,
	 .help = "Room of the table, shared fairly among the routers."},
	{"hwdt.expiry_s", NUMBER(1, 604800, 1000000, "seconds"), .fallback = "1200",
	 AT(struct conf, hwdt_expiry),
	 .help = "A local machine that is silent for so long is asked for, then forgotten."},

	{"workers", KEY_CHOICE, .choices = "auto|0|1|2|3|4|5|6|7|8", .fallback = "\"0\"",
	 AT(struct conf, workers), .fixed = true,
	 .help = "Threads that carry packets from the LANs to the other routers, and as many that "
		 "open records that come from these; with \"0\" one "
		 "thread does everything.  \"auto\" is one for each core that the process may use "
		 "but "
		 "one, at most 8, and none with fewer than three cores."},

	{"busy_poll_us", NUMBER(0, 1000, 1, "microseconds"), .fallback = "0",
	 AT(struct conf, busy_poll), .fixed = true,
	 .help = "After a packet the sockets are looked at again for so long at most before the "
		 "router "
		 "sleeps, as long as that often finds another packet; 0: it sleeps at once."},

	{"features", GROUP,
	 .help = "Features of the kernel and the processor; false forces the fallback."},
	{"features.udp_segment", KEY_BOOL, .fallback = "true",
	 AT(struct conf, features.udp_segment), .fixed = true,
	 .help = "UDP_SEGMENT when sending to peers."},
	{"features.udp_gro", KEY_BOOL, .fallback = "true", AT(struct conf, features.udp_gro),
	 .fixed = true, .help = "UDP_GRO when receiving from peers."},
	{"features.ipsec_mb", KEY_BOOL, .fallback = "true", AT(struct conf, features.ipsec_mb),
	 .fixed = true,
	 .help = "AES-256-GCM by intel-ipsec-mb, on processors it has code for; otherwise by "
		 "OpenSSL."},
	{"features.vnet_hdr", KEY_BOOL, .fallback = "true", AT(struct conf, features.vnet_hdr),
	 .fixed = true, .help = "PACKET_VNET_HDR on the ports of all networks."},
	{"features.udp_super_frames", KEY_BOOL, .fallback = "true",
	 AT(struct conf, features.udp_super_frames), .fixed = true,
	 .help = "UDP super-frames into ports (Linux 6.2 and later)."},
	{"features.ignore_outgoing", KEY_BOOL, .fallback = "true",
	 AT(struct conf, features.ignore_outgoing),
	 .help = "PACKET_IGNORE_OUTGOING on the ports (Linux 4.20 and later); without it the "
		 "socket's filter drops the frames that this host sends."},
	{"features.nftables", KEY_BOOL, .fallback = "true", AT(struct conf, features.nftables),
	 .help = "Rules in the kernel that keep it from handling frames of the networks.  "
		 "Networks with the \"mac\" \"nic\" cannot do without them; a bridge can."},
	{"features.nft_owner", KEY_BOOL, .fallback = "true", AT(struct conf, features.nft_owner),
	 .help = "These rules end with the process, however that ends (Linux 5.12 and later); "
		 "without it those of a killed router stay until the next one replaces them."},

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

	{"lisp", GROUP_NOTED(struct conf, lisp.enabled), .fixed = true,
	 .help = "The LISP roles of this router (RFC 9300, 9301); without it there are none."},
	{"lisp.keys", KEY_OBJECTS, .max = LISP_KEYS_MAX,
	 MANY(struct conf, lisp.keys, lisp.key_count),
	 .help = "Secrets shared with map-servers and sites, to be named elsewhere."},
	{"lisp.keys[].name", KEY_NAME, .required = true, AT(struct conf_lisp_key, name),
	 .help = "Its name in this file."},
	{"lisp.keys[].id", NUMBER(0, 255, 1, NULL), .fallback = "1", AT(struct conf_lisp_key, id),
	 .help = "The Key ID in messages."},
	{"lisp.keys[].algorithm", KEY_CHOICE, .choices = "sha1|sha256|sha256-hkdf",
	 .min = CONF_LISP_SHA1, .fallback = "\"sha256\"", AT(struct conf_lisp_key, algorithm),
	 .help = "HMAC-SHA1-96 (of old peers only), HMAC-SHA256-128, or HMAC-SHA256-128 with a key "
		 "derived for each message."},
	{"lisp.keys[].full_length", KEY_BOOL, .fallback = "false",
	 AT(struct conf_lisp_key, full_length),
	 .help = "Authentication data is sent whole, 20 or 32 bytes, as some peers demand, and not "
		 "cut to 12 or 16."},
	{"lisp.keys[].secret_file", KEY_PATH, .required = true, .max = PATH_SIZE_MAX,
	 AT(struct conf_lisp_key, secret_file),
	 .help = "File with the secret; one line end behind it does not count.  Others may not "
		 "read "
		 "it."},

	{"lisp.rlocs", KEY_OBJECTS, .max = LISP_RLOCS_MAX,
	 MANY(struct conf, lisp.rlocs, lisp.rloc_count), .fixed = true,
	 .help = "Locators of this site: one of each family at most."},
	{"lisp.rlocs[].address", KEY_ADDR, .required = true, AT(struct conf_lisp_rloc, addr),
	 .fixed = true, .help = "Underlay address of this router."},
	{"lisp.rlocs[].priority", NUMBER(0, 255, 1, NULL), .fallback = "1",
	 AT(struct conf_lisp_rloc, priority), .fixed = true,
	 .help = "Others use the locators of the lowest priority; 255 is never used."},
	{"lisp.rlocs[].weight", NUMBER(0, 255, 1, NULL), .fallback = "100",
	 AT(struct conf_lisp_rloc, weight), .fixed = true,
	 .help = "Share of the traffic among locators of one priority."},
	{"lisp.xtr_id", KEY_XTR_ID, AT(struct conf, lisp.xtr_id), .fixed = true,
	 .help = "The xTR-ID; without it it is derived from the public key."},
	{"lisp.site_id", KEY_SITE_ID, .fallback = "0", AT(struct conf, lisp.site_id), .fixed = true,
	 .help = "The site-ID that goes with the xTR-ID."},
	{"lisp.map_servers", KEY_OBJECTS, .max = LISP_SERVERS_MAX,
	 MANY(struct conf, lisp.map_servers, lisp.map_server_count), .fixed = true,
	 .help = "Map-servers that the prefixes of this site are registered at."},
	{"lisp.map_servers[].address", KEY_ADDR, .required = true,
	 AT(struct conf_lisp_server, addr), .fixed = true, .help = "Its underlay address."},
	{"lisp.map_servers[].key", KEY_NAME, .required = true, AT(struct conf_lisp_server, key),
	 .fixed = true, .help = "Name of the key shared with it."},
	{"lisp.map_servers[].proxy_reply", KEY_BOOL, .fallback = "true",
	 AT(struct conf_lisp_server, proxy_reply), .fixed = true,
	 .help = "It is asked to answer Map-Requests for us."},
	{"lisp.map_servers[].ids", KEY_BOOL, .fallback = "true", AT(struct conf_lisp_server, ids),
	 .fixed = true, .help = "xTR-ID and site-ID go with each Map-Register."},
	{"lisp.map_servers[].merge", KEY_BOOL, .fallback = "false",
	 AT(struct conf_lisp_server, merge), .fixed = true,
	 .help = "It is asked to join our locators with those that other routers of this site "
		 "register for the same prefix; all of them have to ask."},
	{"lisp.map_servers[].acknowledge", KEY_CHOICE, .choices = "unsolicited|all",
	 .fallback = "\"unsolicited\"", AT(struct conf_lisp_server, acknowledge), .fixed = true,
	 .help = "Which of its Map-Notifies are acknowledged: those that answer no Map-Register "
		 "(RFC 9301), or \"all\", for one that repeats also the others."},
	{"lisp.map_resolvers", KEY_ADDR, .max = LISP_SERVERS_MAX,
	 MANY(struct conf, lisp.map_resolvers, lisp.map_resolver_count), .fixed = true,
	 .help = "Underlay addresses of map-resolvers that are asked for unknown addresses."},
	{"lisp.subscribe", KEY_BOOL, .fallback = "false", AT(struct conf, lisp.subscribe),
	 .fixed = true,
	 .help = "The mapping system is asked to tell of changes (RFC 9437), and again every "
		 "register_s for what is in use."},
	{"lisp.ttl_min", NUMBER(1, 525600, 1, "minutes"), .fallback = "1440",
	 AT(struct conf, lisp.ttl_min), .fixed = true,
	 .help = "How long others may keep the mappings of this site."},
	{"lisp.register_s", NUMBER(1, 60, 1000000, "seconds"), .fallback = "60",
	 AT(struct conf, lisp.register_interval), .fixed = true,
	 .help = "Time between two Map-Registers of a prefix; map-servers forget one after 180 "
		 "seconds (RFC 9301, section 8.2)."},
	{"lisp.probe_s", NUMBER(0, 3600, 1000000, "seconds"), .fallback = "30",
	 AT(struct conf, lisp.probe_interval), .fixed = true,
	 .help = "Time between two probes of a locator in use, or of a Proxy-ETR; 0 sends none."},
	{"lisp.status_bits", KEY_BOOL, .fallback = "false", AT(struct conf, lisp.status_bits),
	 .fixed = true,
	 .help = "Packets tell which locators of this site are up.  Not for use over the public "
		 "Internet (RFC 9300, section 4.1)."},
	{"lisp.cache_max", NUMBER(16, 16777216, 1, "mappings"), .fallback = "10000",
	 AT(struct conf, lisp.cache_max), .fixed = true, .help = "Room of the map-cache."},
	{"lisp.reply_rate", NUMBER(1, 1000000, 1, "messages per second"), .fallback = "1000",
	 AT(struct conf, lisp.reply_rate), .fixed = true,
	 .help = "Most Map-Replies to one locator."},
	{"lisp.push", GROUP, .help = "CHANGE-PRIORITY messages, which tell of a move at once."},
	{"lisp.push.key", KEY_NAME, AT(struct conf, lisp.push_key), .fixed = true,
	 .help = "Name of the key they are sent and taken with; without it there are none."},
	{"lisp.push.sub_type", NUMBER(0, 4095, 1, NULL), .fallback = "0",
	 AT(struct conf, lisp.push_sub_type), .fixed = true,
	 .help = "Their sub-type of LISP message type 15, the same at all routers."},
	{"lisp.push.type5", KEY_BOOL, .fallback = "false", AT(struct conf, lisp.push_type5),
	 .fixed = true, .help = "Their historic form, of message type 5, is sent and taken."},
	{"lisp.locators", KEY_OBJECTS, .max = 4096,
	 MANY(struct conf, lisp.locators, lisp.locator_count),
	 .help = "What is done differently for some locators of other sites."},
	{"lisp.locators[].address", KEY_ADDR, .required = true, AT(struct conf_lisp_locator, addr),
	 .help = "The locator."},
	{"lisp.locators[].encapsulation", KEY_CHOICE, .choices = ENCAPSULATIONS,
	 .fallback = "\"auto\"", AT(struct conf_lisp_locator, encapsulation),
	 .help = "How packets travel to it, whatever the network says."},
	{"lisp.locators[].zero_checksum", KEY_BOOL, .fallback = "false",
	 AT(struct conf_lisp_locator, zero_checksum),
	 .help = "The outer UDP checksum of plain packets to it is 0."},
	{"lisp.locators[].push", KEY_BOOL, .fallback = "false", AT(struct conf_lisp_locator, push),
	 .help = "It is told of moves by CHANGE-PRIORITY, if there is a key for that, and not by "
		 "SMR."},
	{"lisp.data_port", NUMBER(1, 65535, 1, NULL), .fallback = "4341",
	 AT(struct conf, lisp.data_port), .fixed = true, .help = "UDP port of plain data packets."},
	{"lisp.control_port", NUMBER(1, 65535, 1, NULL), .fallback = "4342",
	 AT(struct conf, lisp.control_port), .fixed = true,
	 .help = "UDP port of control messages."},

	{"lisp.nat", KEY_BOOL, .fallback = "false", AT(struct conf, lisp.nat), .fixed = true,
	 .help = "The map-servers are asked whether there is a NAT before this router.  If so it "
		 "registers through an RTR that they name, and sends all data there."},
	{"lisp.nat_keepalive_s", NUMBER(1, 3600, 1000000, "seconds"), .fallback = "25",
	 AT(struct conf, lisp.nat_keepalive), .fixed = true,
	 .help = "Time between two registrations through an RTR, which keep the NAT's state; "
		 "\"register_s\" where that is shorter."},

	{"lisp.rtr", GROUP_NOTED(struct conf, lisp.rtr), .fixed = true,
	 .help = "This router is an RTR: LISP sites behind a NAT register and are reached "
		 "through it; without it it is none."},
	{"lisp.rtr.map_servers", KEY_OBJECTS, .required = true, .min = 1, .max = LISP_RTRS_MAX,
	 MANY(struct conf, lisp.rtr_servers, lisp.rtr_server_count), .fixed = true,
	 .help = "Map-servers that Map-Registers are relayed to."},
	{"lisp.rtr.map_servers[].address", KEY_ADDR, .required = true, AT(struct conf_rtr, addr),
	 .fixed = true, .help = "Its underlay address."},
	{"lisp.rtr.map_servers[].key", KEY_NAME, .required = true, AT(struct conf_rtr, key),
	 .fixed = true, .help = "Name of the key that this RTR shares with it, and no site."},
	{"lisp.rtr.max_eids", NUMBER(1, 1048576, 1, "prefixes"), .fallback = "16384",
	 AT(struct conf, lisp.rtr_eids_max), .fixed = true,
	 .help = "Room for prefixes behind NATs, of all sites."},
	{"lisp.rtr.old_drafts", KEY_BOOL, .fallback = "false", AT(struct conf, lisp.rtr_old_drafts),
	 .fixed = true,
	 .help = "Map-Registers are also taken from xTRs of the NAT drafts before version 04, "
		 "which do not set the R bit of the ECM."},

	{"lisp.map_server", GROUP_NOTED(struct conf, lisp.map_server), .fixed = true,
	 .help = "This router is a map-server and map-resolver; without it it is none."},
	{"lisp.map_server.sites", KEY_OBJECTS, .max = LISP_SITES_MAX,
	 MANY(struct conf, lisp.sites, lisp.site_count), .help = "The sites that may register."},
	{"lisp.map_server.sites[].name", KEY_NAME, .required = true, AT(struct conf_ms_site, name),
	 .help = "Its name; nonces that are kept over a restart are found by it."},
	{"lisp.map_server.sites[].keys", KEY_NAME, .required = true, .min = 1, .max = 16,
	 MANY(struct conf_ms_site, keys, key_count),
	 .help = "Names of the keys it may use; messages to an xTR that never registered are "
		 "signed "
		 "with the first."},
	{"lisp.map_server.sites[].prefixes", KEY_OBJECTS, .max = PREFIXES_MAX,
	 MANY(struct conf_ms_site, prefixes, prefix_count), .help = "What it may register."},
	{"lisp.map_server.sites[].prefixes[].vn", .required = true, NUMBER(0, VN_ID_MAX, 1, NULL),
	 AT(struct conf_ms_prefix, vn), .help = "Number of the network (the Instance-ID)."},
	{"lisp.map_server.sites[].prefixes[].prefix", KEY_PREFIX, .required = true,
	 AT(struct conf_ms_prefix, prefix), .help = "The prefix."},
	{"lisp.map_server.sites[].prefixes[].more_specifics", KEY_BOOL, .fallback = "false",
	 AT(struct conf_ms_prefix, more_specifics),
	 .help = "It may register longer prefixes within it, too."},
	{"lisp.map_server.sites[].site_id", KEY_SITE_ID, .fallback = "0",
	 AT(struct conf_ms_site, site_id),
	 .help = "The site-ID its subscribers are known by; 0 is none."},
	{"lisp.map_server.sites[].strict_nonces", KEY_BOOL, .fallback = "true",
	 AT(struct conf_ms_site, strict_nonces),
	 .help = "Nonces of Map-Registers must grow; false for xTRs that start anew after a "
		 "restart."},
	{"lisp.map_server.sites[].always_proxy", KEY_BOOL, .fallback = "false",
	 AT(struct conf_ms_site, always_proxy),
	 .help = "Map-Requests for it are answered here even where it did not ask for that."},
	{"lisp.map_server.sites[].trusts_requests", KEY_BOOL, .fallback = "false",
	 AT(struct conf_ms_site, trusts_requests),
	 .help = "Its subscriptions are in force before it has acknowledged one Map-Notify."},
	{"lisp.map_server.sites[].notify_port", KEY_CHOICE, .choices = "control|source",
	 .fallback = "\"control\"", AT(struct conf_ms_site, notify_port),
	 .help = "Where its Map-Notifies go: to UDP 4342, or to the port that its message came "
		 "from."},
	{"lisp.map_server.sites[].notify_ids", KEY_CHOICE, .choices = "flagged|unflagged|none",
	 .fallback = "\"flagged\"", AT(struct conf_ms_site, notify_ids),
	 .help = "xTR-ID and site-ID in Map-Notifies to its subscribers: with the I bit, without "
		 "it, or left out."},
	{"lisp.map_server.sites[].max_eids", NUMBER(0, 16777215, 1, "prefixes"), .fallback = "0",
	 AT(struct conf_ms_site, max_eids),
	 .help = "Most that it may have registered; 0 is no limit of its own."},
	{"lisp.map_server.mobile", KEY_OBJECTS, .max = 65536,
	 MANY(struct conf, lisp.mobiles, lisp.mobile_count),
	 .help = "Prefixes whose machines may move from site to site."},
	{"lisp.map_server.mobile[].vn", .required = true, NUMBER(0, VN_ID_MAX, 1, NULL),
	 AT(struct conf_ms_mobile, vn), .help = "Number of the network (the Instance-ID)."},
	{"lisp.map_server.mobile[].prefix", KEY_PREFIX, .required = true,
	 AT(struct conf_ms_mobile, prefix), .help = "Machines of this prefix may move."},
	{"lisp.map_server.mobile[].sites", KEY_NAME, .required = true, .min = 1,
	 .max = LISP_SITES_MAX, MANY(struct conf_ms_mobile, sites, site_count),
	 .help = "Names of the sites that may register them, one site at a time."},
	{"lisp.map_server.mobile[].by_host", KEY_BOOL, .fallback = "false",
	 AT(struct conf_ms_mobile, by_host),
	 .help = "A Map-Request for one address is answered for that address alone, not for a "
		 "prefix around it; for xTRs that, after an SMR, only renew the mapping that they "
		 "have."},
	{"lisp.map_server.rtrs", KEY_OBJECTS, .max = LISP_RTRS_MAX,
	 MANY(struct conf, lisp.rtrs, lisp.rtr_count),
	 .help = "RTRs that sites behind a NAT are told of, the preferred first, and that may "
		 "relay "
		 "their registrations."},
	{"lisp.map_server.rtrs[].address", KEY_ADDR, .required = true, AT(struct conf_rtr, addr),
	 .help = "Its underlay address."},
	{"lisp.map_server.rtrs[].key", KEY_NAME, .required = true, AT(struct conf_rtr, key),
	 .help = "Name of the key shared with it, and no site."},
	{"lisp.map_server.max_eids", NUMBER(1, 16777215, 1, "prefixes"), .fallback = "1048576",
	 AT(struct conf, lisp.max_eids), .fixed = true,
	 .help = "Room for registrations, of all sites."},
	{"lisp.map_server.bare_requests", KEY_BOOL, .fallback = "true",
	 AT(struct conf, lisp.bare_requests), .fixed = true,
	 .help = "Map-Requests are answered that come outside an Encapsulated Control Message."},
};

const struct key *
key_at(size_t position)
{
	return position < ARRAY_COUNT(keys) ? &keys[position] : NULL;
}

const struct key *
key_find(const char *path)
{
	size_t i;

	for (i = 0; i < ARRAY_COUNT(keys); i++)
		if (strcmp(keys[i].path, path) == 0)
			return &keys[i];
	return NULL;
}

const char *
key_name(const struct key *key)
{
	const char *dot = strrchr(key->path, '.');

	return dot == NULL ? key->path : dot + 1;
}

bool
key_is_in(const struct key *key, const char *object)
{
	size_t size = strlen(object);
	const char *name = key_name(key);

	if (size == 0)
		return name == key->path;
	return (size_t)(name - key->path) == size + 1 && memcmp(key->path, object, size) == 0;
}

bool
key_is_array(const struct key *key)
{
	return key->count_offset != KEY_NO_COUNT;
}

/* One value, and several of them. */
static const char *
type_words(enum key_type type, bool plural)
{
	static const struct {
		const char *one, *many;
	} words[] = {
		[KEY_OBJECT] = {"an object", "objects"},
		[KEY_OBJECTS] = {"an object", "objects"},
		[KEY_NAME] = {"a name of 1 to 63 letters, digits, '.', '_' and '-'", "names"},
		[KEY_PATH] = {"an absolute path", "absolute paths"},
		[KEY_DEVICE] = {"the name of a network device", "names of network devices"},
		[KEY_WORD] = {"a text of 1 to 255 bytes without control characters", "texts"},
		[KEY_BOOL] = {"true or false", "booleans"},
		[KEY_NUMBER] = {"a whole number", "whole numbers"},
		[KEY_CHOICE] = {"a word", "words"},
		[KEY_ENDPOINT] = {"an address and port such as \"192.0.2.1:51341\"", "endpoints"},
		[KEY_ADDR] = {"an address such as \"10.1.0.254\"", "addresses"},
		[KEY_PREFIX] = {"a prefix such as \"10.1.0.0/24\" without host bits", "prefixes"},
		[KEY_ADDR_LEN] = {"an address with its subnet's length such as \"10.1.0.1/24\"",
				  "addresses with length"},
		[KEY_MAC] = {"\"virtual\", \"nic\" or a unicast MAC address", "MAC addresses"},
		[KEY_PUBLIC_KEY] = {"the base64 text of a 32-byte public key", "public keys"},
		[KEY_XTR_ID] = {"32 hexadecimal digits that are not all 0", "xTR-IDs"},
		[KEY_SITE_ID] = {"a whole number below 2^53, or 16 hexadecimal digits in quotes",
				 "site-IDs"},
	};

	return plural ? words[type].many : words[type].one;
}

/* "a", "b" or "c" */
static void
choice_words(const char *choices, struct key_text *text)
{
	size_t used = 0;
	const char *c;

	text->s[used++] = '"';
	for (c = choices; *c != '\0' && used + 8 < sizeof(text->s); c++) {
		if (*c == '|') {
			const char *glue = strchr(c + 1, '|') != NULL ? "\", \"" : "\" or \"";

			memcpy(text->s + used, glue, strlen(glue));
			used += strlen(glue);
		} else {
			text->s[used++] = *c;
		}
	}
	text->s[used++] = '"';
	text->s[used] = '\0';
}

struct key_text
key_expected(const struct key *key)
{
	struct key_text text;

	if (key->type == KEY_CHOICE)
		choice_words(key->choices, &text);
	else if (key->type == KEY_NUMBER)
		snprintf(text.s, sizeof(text.s), "a whole number from %" PRIu64 " to %" PRIu64,
			 key->min, key->max);
	else if (key->type == KEY_PATH)
		snprintf(text.s, sizeof(text.s), "an absolute path of at most %" PRIu64 " bytes",
			 key->max);
	else
		snprintf(text.s, sizeof(text.s), "%s", type_words(key->type, false));
	return text;
}

struct key_text
key_expected_array(const struct key *key)
{
	struct key_text text;

	snprintf(text.s, sizeof(text.s), "an array of %" PRIu64 " to %" PRIu64 " %s", key->min,
		 key->max, type_words(key->type, true));
	return text;
}
