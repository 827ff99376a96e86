/* Keys of this router: names and addresses, log, sessions, timers, features. */
#include "conf/keys_rows.h"

#define SOCKET_SIZE_MAX 107 /* of a UNIX socket's name */

static const struct key rows[] = {
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
	{"features.control_socket", KEY_BOOL, .fallback = "true",
	 AT(struct conf, features.control_socket), .fixed = true,
	 .help = "A socket of its own at the same port for what other routers mark as control, so "
		 "that it does not wait behind data (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5 and "
		 "later)."},
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
};

const struct key_rows keys_router = {rows, ARRAY_COUNT(rows)};
