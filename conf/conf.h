/* The configuration: JSON text (comments // and slash-star allowed) -> struct conf, or every error.
 *
 * Reading has no side effects and opens nothing but the file itself; names of peers, prefixes and
 * numbers are fully checked, also against each other.  All strings and arrays belong to the struct.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"

#define CONF_KEY_SIZE 32
/* Peers that relay for this router; each may be a way to each peer. */
#define CONF_RELAYS_MAX 8
/* The longest shared secret. */
#define CONF_SECRET_SIZE_MAX 128

enum conf_cipher { CONF_AESGCM = 0, CONF_CHACHAPOLY };

/* Which MAC the router answers with on a LAN: the VN's own virtual-router MAC, or the NIC's. */
enum conf_mac { CONF_MAC_VIRTUAL = 0, CONF_MAC_NIC };

/* What stands at "device". */
enum conf_model {
	CONF_MODEL_ROUTER = 0, /* a LAN */
	CONF_MODEL_INTERFACE,  /* this machine alone, behind a TUN device that the router makes */
	CONF_MODEL_HYBRID, /* this machine alone, on a bridge with that NIC and the router's TAP device */
};

/* How packets travel to a locator. */
enum conf_encapsulation {
	CONF_ENCAP_AUTO = 0, /* sealed to a peer that we have a session with, plain to all others */
	CONF_ENCAP_PLAIN,
	CONF_ENCAP_SEALED, /* never plain */
};

struct conf_mobile {
	struct prefix prefix;
	char **hosts; /* names of routers, "self" name included; count 0: every router of the VN */
	size_t host_count;
};

/* An address that the router owns on the LAN: answers ARP and ping, is the gateway of 'prefix'. */
struct conf_address {
	struct addr addr;
	uint8_t len; /* of the subnet it stands in */
};

/* Machines outside of the network reach it here, and it them (RFC 6832). */
struct conf_proxy {
	bool enabled;            /* there is a "proxy" object: the device is on the outside */
	bool ingress, egress;    /* PITR, PETR */
	bool check_locators;     /* an EID's packets must come from a locator of its mapping */
	struct prefix *prefixes; /* EID-prefixes that are served */
	size_t prefix_count;
};

struct conf_vn {
	vn_id_t id;
	char *name;
	enum conf_model model;
	char *device; /* NIC, veth or Linux bridge; INTERFACE: of a TUN that is not there yet; HYBRID: NIC */
	enum conf_mac mac_kind;
	struct mac mac;       /* VIRTUAL: by default 02:56:52 and the VN's number */
	bool super_frames;    /* PACKET_VNET_HDR; default true */
	struct prefix *local; /* LNDT: prefixes at home on this LAN */
	size_t local_count;
	struct conf_address *addresses;
	size_t address_count;
	/* INTERFACE, HYBRID: this machine's addresses on the device; these stand at "addresses" in the text, and the router
	 * itself has none. */
	struct conf_address *own;
	size_t own_count;
	struct prefix *
		subnets; /* on-link subnets of the VN beside those of 'addresses': same-subnet traffic keeps its TTL */
	size_t subnet_count;
	struct addr native_gateway; /* for destinations outside the VN; family NONE: none */
	struct conf_mobile *mobile;
	size_t mobile_count;
	uint32_t freeze_moves;                 /* this many moves of one EID ... */
	us_t freeze_window;                    /* ... within this time freeze it */
	us_t freeze_time;                      /* for so long */
	bool lisp;                             /* takes part in the mapping system */
	enum conf_encapsulation encapsulation; /* where no locator has a choice of its own */
	struct addr *petrs; /* locators for what leaves the network, the preferred first */
	size_t petr_count;
	struct conf_proxy proxy;
};

struct conf_peer_vn {
	vn_id_t id;
	struct prefix *prefixes; /* fixed prefixes it is responsible for and may speak for */
	size_t prefix_count;
	bool proxy; /* what leaves the network goes to it, and it may speak for the outside */
};

struct conf_peer {
	char *name;
	uint8_t public_key[CONF_KEY_SIZE];
	struct endpoint *endpoints; /* may be empty: it will call us */
	size_t endpoint_count;
	bool relay;           /* it relays for us */
	struct endpoint *tcp; /* where it is tried over TCP */
	size_t tcp_count;
	struct conf_peer_vn *vns;
	size_t vn_count;
	bool management; /* its management actions are carried out */
};

/* This host's part of the underlay, where the router is one machine's own. */
struct conf_underlay {
	char *device; /* NULL: addresses that others name are set nowhere */
	char **renew; /* command and arguments that have the device ask for an address; count 0: none */
	size_t renew_count;
	us_t renew_time;  /* it may take so long; default 10 s */
	us_t silent_time; /* nothing heard of any peer for so long: renew; default 2.5 s */
};

/* What this router does for peers that do not reach each other. */
struct conf_relay {
	bool enabled;        /* there is a "relay" object */
	uint32_t peer_mbps;  /* for each sender; 0: no limit */
	uint32_t peer_pairs; /* other peers for each sender within a minute */
};

/* The numbers are those of enum lisp_algorithm (wire/lisp.h). */
enum conf_lisp_algorithm {
	CONF_LISP_SHA1 = 1,
	CONF_LISP_SHA256 = 2,
	CONF_LISP_SHA256_HKDF = 3,
};

/* A secret shared by a site and its map-servers. */
struct conf_lisp_key {
	char *name;
	uint8_t id; /* the Key ID in messages */
	enum conf_lisp_algorithm algorithm;
	bool full_length;  /* authentication data is not truncated */
	char *secret_file; /* for conf_secret_read() */
};

/* A locator of this site. */
struct conf_lisp_rloc {
	struct addr addr;
	uint8_t priority, weight;
};

/* Map-Notifies that are acknowledged. */
enum conf_acknowledge { CONF_ACK_UNSOLICITED = 0, CONF_ACK_ALL };

/* A map-server that own EIDs are registered at. */
struct conf_lisp_server {
	struct addr addr;
	char *key;        /* name of a key */
	bool proxy_reply; /* it answers for us */
	bool ids;         /* xTR-ID and site-ID go with each Map-Register */
	bool merge;       /* it joins our locators with those of others of this site */
	enum conf_acknowledge acknowledge;
};

/* What holds for a locator of another site. */
struct conf_lisp_locator {
	struct addr addr;
	enum conf_encapsulation encapsulation;
	bool zero_checksum; /* of the outer UDP header */
	bool push;          /* it takes CHANGE-PRIORITY */
};

struct conf_ms_prefix {
	vn_id_t vn;
	struct prefix prefix;
	bool more_specifics;
};

/* Where Map-Notifies go: UDP 4342, or the port that the message came from. */
enum conf_notify_port { CONF_NOTIFY_CONTROL = 0, CONF_NOTIFY_SOURCE };

/* How xTR-ID and site-ID go into a Map-Notify that publishes. */
enum conf_notify_ids { CONF_IDS_WITH_BIT = 0, CONF_IDS_WITHOUT_BIT, CONF_IDS_LEFT_OUT };

/* A site that may register. */
struct conf_ms_site {
	char *name;
	char **keys; /* names of keys */
	size_t key_count;
	struct conf_ms_prefix *prefixes;
	size_t prefix_count;
	uint64_t site_id;
	bool has_site_id;
	bool strict_nonces;
	bool always_proxy;    /* as if every Map-Register asked for it */
	bool trusts_requests; /* its subscriptions need no acknowledgement first */
	enum conf_notify_port notify_port;
	enum conf_notify_ids notify_ids;
	uint32_t max_eids; /* 0: no limit of its own */
};

/* Sites that may register more-specifics of a prefix, one at a time each. */
struct conf_ms_mobile {
	vn_id_t vn;
	struct prefix prefix;
	char **sites; /* names */
	size_t site_count;
	bool by_host; /* Map-Requests for one address are answered for it alone */
};

/* An RTR of a map-server, or a map-server of an RTR, and the key that the two share. */
struct conf_rtr {
	struct addr addr;
	char *key; /* name of a key */
};

struct conf_lisp {
	bool enabled; /* there is a "lisp" object */
	struct conf_lisp_key *keys;
	size_t key_count;
	struct conf_lisp_rloc *rlocs; /* at most one of each family */
	size_t rloc_count;
	uint8_t xtr_id[16];
	bool has_xtr_id; /* otherwise it is derived from the public key */
	uint64_t site_id;
	struct conf_lisp_server *map_servers;
	size_t map_server_count;
	struct addr *map_resolvers;
	size_t map_resolver_count;
	bool subscribe;                     /* ask to be told of changes (RFC 9437) */
	uint32_t ttl_min;                   /* minutes, of own mappings */
	us_t register_interval;             /* default 60 s */
	us_t probe_interval;                /* 0: no RLOC-probes; default 30 s */
	uint32_t cache_max;                 /* mappings */
	uint32_t reply_rate;                /* Map-Replies per second and locator */
	bool status_bits;                   /* plain packets have locator-status bits */
	char *push_key;                     /* name of a key; NULL: no CHANGE-PRIORITY */
	uint16_t push_sub_type;             /* of type 15 */
	bool push_type5;                    /* send its historic form */
	struct conf_lisp_locator *locators; /* for conf_lisp_locator() */
	size_t locator_count;
	uint16_t data_port, control_port;
	bool nat;           /* ask whether there is a NAT, and register through an RTR then */
	us_t nat_keepalive; /* default 25 s */
	bool rtr;           /* there is an "rtr" object */
	struct conf_rtr *rtr_servers; /* that it relays to */
	size_t rtr_server_count;
	uint32_t rtr_eids_max;
	bool rtr_old_drafts;
	bool map_server;       /* there is a "map_server" object */
	struct conf_rtr *rtrs; /* that may relay to it, and that sites are told of */
	size_t rtr_count;
	struct conf_ms_site *sites;
	size_t site_count;
	struct conf_ms_mobile *mobiles;
	size_t mobile_count;
	uint32_t max_eids;
	bool bare_requests; /* Map-Requests that are not encapsulated are answered */
};

/* Features of kernel and processor that can be switched off, to force their fallbacks. */
struct conf_features {
	bool udp_segment;      /* UDP_SEGMENT on send */
	bool udp_gro;          /* UDP_GRO on receive */
	bool control_socket;   /* control is received by a socket of its own */
	bool ipsec_mb;         /* AES-256-GCM by intel-ipsec-mb */
	bool vnet_hdr;         /* PACKET_VNET_HDR, for all ports */
	bool udp_super_frames; /* UDP super-frames into AF_PACKET (Linux 6.2) */
	bool ignore_outgoing;  /* PACKET_IGNORE_OUTGOING (Linux 4.20) */
	bool nftables;         /* rules that keep the host's kernel off the VN's frames */
	bool nft_owner;        /* they end with the process, however that ends (Linux 5.12) */
};

/* Threads that carry packets beside the one that decides: as many as fit the machine, or a number. */
enum conf_workers { CONF_WORKERS_AUTO = 0, CONF_WORKERS_NONE };

static inline unsigned
conf_workers_count(enum conf_workers workers)
{
	return (unsigned)workers - CONF_WORKERS_NONE;
}

struct conf {
	char *name;
	char *key_file;
	char *state_dir;
	char *control_socket;
	struct endpoint listen;       /* default 0.0.0.0:51341 */
	struct endpoint tcp_listen;   /* family NONE: nobody is accepted over TCP */
	struct endpoint http_proxy;   /* family NONE: TCP goes straight */
	char *http_proxy_secret_file; /* for conf_secret_read(); NULL: no credentials */
	enum log_level log_level;
	char *log_file; /* NULL: standard error */
	enum conf_cipher cipher;
	us_t rekey_time;             /* default 120 s */
	uint64_t rekey_records;      /* default 2^32 */
	us_t hello_interval;         /* default 1 s */
	us_t dead_time;              /* silence after which a peer is down; default 4 s */
	us_t keepalive;              /* default 25 s */
	uint16_t mtu_max;            /* largest underlay packet that is probed for; default 1500 */
	struct endpoint *candidates; /* where else this router may be reached */
	size_t candidate_count;
	struct conf_relay relay;
	uint32_t hwdt_max; /* records; default 65536 */
	us_t hwdt_expiry;  /* unheard local machines are asked, then forgotten; default 20 min */
	struct conf_underlay underlay;
	char *management_port; /* character device for management actions; NULL: none */
	enum conf_workers workers;
	us_t busy_poll; /* look for packets so long before sleeping; default 0: not at all */
	struct conf_features features; /* default all true */
	struct conf_vn *vns;
	size_t vn_count;
	struct conf_peer *peers;
	size_t peer_count;
	struct conf_lisp lisp;
};

/* One error; 'line' and 'column' count from 1. */
struct conf_error {
	unsigned line, column;
	char path[128]; /* vns[0].local[2] */
	char text[256]; /* expected ..., found ... */
};

struct conf_errors {
	struct conf_error *rows;
	size_t count;
};

/* Reads text of 'size' bytes.  0 with '*conf' filled (give it to conf_fini()); -EINVAL with '*conf' zeroed and
 * at least one row in 'errors'; -ENOMEM.  'errors' is initialised here; give it to
 * conf_errors_fini(). */
MUST_USE int conf_parse(const char *text, size_t size, struct conf *conf,
			struct conf_errors *errors);
/* The same for a file; what cannot be read is an error row with line 0. */
MUST_USE int conf_read(const char *file, struct conf *conf, struct conf_errors *errors);
/* As conf_key_read(), and makes the public key of what it read. */
typedef int conf_public_key_fn(const char *key_file, uint8_t public_key[CONF_KEY_SIZE]);
/* conf_read() that also opens the key file and compares its key with those of the peers. */
MUST_USE int conf_read_with_key(const char *file, conf_public_key_fn *public_key, struct conf *conf,
				struct conf_errors *errors);
void conf_fini(struct conf *conf);
/* What is said of this locator, or NULL. */
const struct conf_lisp_locator *conf_lisp_locator(const struct conf_lisp *lisp, struct addr addr);
void conf_errors_fini(struct conf_errors *errors);
/* Room for one as text, with the longest name of a file. */
#define CONF_ERROR_SIZE 4608
/* One as text of at most 'size' bytes with its NUL: file:line:column: path: expected ..., found ...; without what it
 * does not have, a line or a path. */
void conf_error_text(const struct conf_error *error, const char *file, char *text, size_t size);
/* All of them, one per line. */
void conf_errors_print(const struct conf_errors *errors, const char *file, FILE *out);

/* What is no error and yet may not do what was meant, one per line. */
void conf_warnings_print(const struct conf *conf, const char *file, FILE *out);

/* Private key file: base64 of 32 bytes and a newline, mode 0600 at most (-EPERM otherwise). 0 or -errno. */
MUST_USE int conf_key_read(const char *file, uint8_t key[CONF_KEY_SIZE]);
/* What conf_key_read() found instead of a key, in words. */
const char *conf_key_fault(int err);
/* Creates the file with mode 0600; -EEXIST when there is one. */
MUST_USE int conf_key_write(const char *file, const uint8_t key[CONF_KEY_SIZE]);

/* A shared secret in a file: everything up to one trailing newline, mode 0600 at most (-EPERM
 * otherwise).  Its size, at most 'size', or -errno: -EINVAL for an empty one, -EFBIG for one that
 * is
 * larger. */
MUST_USE ssize_t conf_secret_read(const char *file, uint8_t *secret, size_t size);

/* The help of every key: path, type, unit, default, meaning.  For `vrd --help-config`. */
void conf_help(FILE *out);

#endif
