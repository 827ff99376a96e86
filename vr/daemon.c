/* The daemon around one router: see daemon.h. */
#include "vr/daemon.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"
#include "vr/crypto.h"
#include "vr/ctl.h"
#include "vr/ctl_port.h"
#include "vr/host_conf.h"
#include "vr/workers.h"

struct vr_id
daemon_id(const uint8_t public_key[CONF_KEY_SIZE])
{
	uint8_t hash[CRYPTO_HASH_SIZE];
	struct vr_id id = {0};

	crypto_hash(public_key, CONF_KEY_SIZE, NULL, 0, hash);
	for (size_t i = 0; i < sizeof(id.v); i++)
		id.v = id.v << 8 | hash[i];
	return id;
}

int
daemon_public_key(const char *key_file, uint8_t public_key[CONF_KEY_SIZE])
{
	uint8_t private_key[CONF_KEY_SIZE];
	int err = conf_key_read(key_file, private_key);

	if (err == 0)
		err = crypto_public_key(private_key, public_key);
	crypto_wipe(private_key, sizeof(private_key));
	return err;
}

/* ---- creation ---- */

struct prefixes {
	struct prefix *rows; /* NULL: they are only counted */
	size_t count;
};

static void
add_prefix(struct prefixes *list, struct prefix prefix)
{
	if (list->rows != NULL)
		list->rows[list->count] = prefix;
	list->count++;
}

/* All prefixes of the VN: what the host's kernel must leave alone where the router uses the NIC's MAC. */
static void
add_vn(struct prefixes *list, const struct conf *conf, const struct conf_vn *vn)
{
	for (size_t i = 0; i < vn->local_count; i++)
		add_prefix(list, vn->local[i]);
	for (size_t i = 0; i < vn->mobile_count; i++)
		add_prefix(list, vn->mobile[i].prefix);
	for (size_t i = 0; i < vn->proxy.prefix_count; i++)
		add_prefix(list, vn->proxy.prefixes[i]);
	for (size_t i = 0; vn->proxy.enabled && i < vn->address_count; i++)
		add_prefix(list, prefix_host(vn->addresses[i].addr));
	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = 0; j < conf->peers[i].vn_count; j++) {
			const struct conf_peer_vn *pv = &conf->peers[i].vns[j];

			for (size_t k = 0; pv->id == vn->id && k < pv->prefix_count; k++)
				add_prefix(list, pv->prefixes[k]);
		}
}

/* The caller frees the rows.  0 or -ENOMEM. */
static int
list_vn(struct prefixes *list, const struct conf *conf, const struct conf_vn *vn)
{
	*list = (struct prefixes){.rows = NULL};
	add_vn(list, conf, vn);
	list->rows = calloc(list->count + 1, sizeof(*list->rows));
	if (list->rows == NULL)
		return -ENOMEM;
	list->count = 0;
	add_vn(list, conf, vn);
	return 0;
}

static int
follow_host(struct daemon_port *p, const struct conf *conf, const struct conf_vn *vn)
{
	struct port_host host;
	struct prefix *routes;
	int err = host_conf_make(conf, vn, p->daemon->self, &host, &routes);

	if (err != 0)
		return err;
	err = port_host_set(p->port, &host);
	free(routes);
	return err;
}

int
daemon_guard(struct daemon_port *p, const struct conf *conf, const struct conf_vn *vn)
{
	struct prefixes list;
	int err;

	if (vn->model != CONF_MODEL_ROUTER)
		return follow_host(p, conf, vn);
	if (vn->mac_kind != CONF_MAC_NIC)
		return 0;
	err = list_vn(&list, conf, vn);
	if (err == 0)
		err = port_guard_set(p->port, list.rows, list.count);
	free(list.rows);
	return err;
}

static int
open_port(struct daemon *d, size_t i)
{
	const struct conf_features *features = &d->conf->features;
	const struct conf_vn *vn = &d->conf->vns[i];
	struct daemon_port *p = &d->ports[i];
	struct port_conf conf = {.number = (unsigned)i,
				 .device = vn->device,
				 .use_nic_mac = vn->mac_kind == CONF_MAC_NIC,
				 .router_mac = vn->mac,
				 .vnet_hdr = vn->super_frames && features->vnet_hdr,
				 .udp_super_frames = features->udp_super_frames,
				 .ignore_outgoing = features->ignore_outgoing,
				 .nftables = features->nftables,
				 .nft_owner = features->nft_owner};
	struct prefixes guard = {.rows = NULL};
	struct prefix *routes = NULL;
	struct port_host host;
	int err;

	if (vn->model != CONF_MODEL_ROUTER) {
		err = host_conf_make(d->conf, vn, d->self, &host, &routes);
		conf.host = &host;
		conf.nic = vn->model == CONF_MODEL_HYBRID;
	} else {
		err = list_vn(&guard, d->conf, vn);
	}
	if (err != 0)
		return err;
	conf.guard = guard.rows;
	conf.guard_count = guard.count;
	*p = (struct daemon_port){.daemon = d, .vn = vn->id};
	err = port_create(&conf, &daemon_port_ops, d, d->log, &p->port);
	free(guard.rows);
	free(routes);
	if (err == 0)
		d->port_count++;
	return err;
}

static int
open_ports(struct daemon *d)
{
	int err = 0;

	d->ports = calloc(d->conf->vn_count + 1, sizeof(*d->ports));
	if (d->ports == NULL)
		return -ENOMEM;
	for (size_t i = 0; err == 0 && i < d->conf->vn_count; i++)
		err = open_port(d, i);
	return err;
}

static int
create_router(struct daemon *d)
{
	size_t vns = d->conf->vn_count, peers = d->conf->peer_count;
	struct mac *macs = calloc(vns + 1, sizeof(*macs));
	uint16_t *mtus = calloc(vns + 1, sizeof(*mtus));
	struct vr_id *ids = calloc(peers + 1, sizeof(*ids));
	uint32_t *slots = calloc(peers + 1, sizeof(*slots));
	struct vr_start start = {.self = d->self,
				 .io = &daemon_vr_io,
				 .ctx = d,
				 .log = d->log,
				 .macs = macs,
				 .mtus = mtus,
				 .peer_ids = ids};
	int err = -ENOMEM;

	if (macs == NULL || mtus == NULL || ids == NULL || slots == NULL)
		goto out;
	for (size_t i = 0; i < vns; i++) {
		macs[i] = port_mac(d->ports[i].port);
		mtus[i] = port_mtu(d->ports[i].port);
	}
	for (size_t i = 0; i < peers; i++)
		ids[i] = d->peers[i].id;
	err = crypto_random(&start.key, sizeof(start.key));
	if (err == 0)
		err = crypto_random(&start.boot, sizeof(start.boot));
	start.boot |= 1;
	if (err == 0)
		err = vr_create(d->conf, &start, loop_now(), slots, &d->vr);
	for (size_t i = 0; err == 0 && i < peers; i++)
		d->peers[i].slot = slots[i];
out:
	free(macs);
	free(mtus);
	free(ids);
	free(slots);
	return err;
}

int
daemon_tunnel_peer(struct daemon *d, const struct conf_peer *conf, const struct daemon_peer *peer,
		   us_t now)
{
	struct tunnel_peer_conf tp = {
		.slot = peer->slot, .heard_floor = peer->heard_floor, .relays = conf->relay};

	memcpy(tp.public_key, conf->public_key, sizeof(tp.public_key));
	while (tp.endpoint_count < conf->endpoint_count &&
	       tp.endpoint_count < TUNNEL_ENDPOINTS_MAX) {
		tp.endpoints[tp.endpoint_count] = conf->endpoints[tp.endpoint_count];
		tp.endpoint_count++;
	}
	while (tp.stream_count < conf->tcp_count && tp.stream_count < TUNNEL_STREAMS_MAX) {
		tp.streams[tp.stream_count] = conf->tcp[tp.stream_count];
		tp.stream_count++;
	}
	return tunnel_peer_add(d->tunnel, &tp, now);
}

/* What the HTTP proxy wants to know.  0 and '*size' (0: nothing), or -errno with the cause logged. */
static int
proxy_credentials(struct daemon *d, uint8_t credentials[CONF_SECRET_SIZE_MAX], size_t *size)
{
	const char *file = d->conf->http_proxy_secret_file;
	ssize_t got = file == NULL ? 0 : conf_secret_read(file, credentials, CONF_SECRET_SIZE_MAX);

	if (got < 0) {
		log_line(d->log, LOG_ERROR, "main", "%s: %s", file, strerror((int)-got));
		return (int)got;
	}
	*size = (size_t)got;
	return 0;
}

static int
open_tunnel(struct daemon *d, const uint8_t private_key[CONF_KEY_SIZE])
{
	struct tunnel_conf conf = {.listen = d->conf->listen,
				   .cipher = d->conf->cipher == CONF_AESGCM ? CRYPTO_AESGCM
									    : CRYPTO_CHACHAPOLY,
				   .rekey_time = d->conf->rekey_time,
				   .rekey_records = d->conf->rekey_records,
				   .silence = daemon_silence(d->conf),
				   .keepalive = d->conf->keepalive,
				   .stream_listen = d->conf->tcp_listen,
				   .http_proxy = d->conf->http_proxy,
				   .relay = d->conf->relay.enabled,
				   .relay_rate = daemon_relay_rate(d->conf),
				   .relay_pairs = d->conf->relay.peer_pairs,
				   .mtu_max = d->conf->mtu_max,
				   .workers = daemon_workers_count(d->conf),
				   .udp_segment = d->conf->features.udp_segment,
				   .udp_gro = d->conf->features.udp_gro,
				   .control_socket = d->conf->features.control_socket,
				   .ipsec_mb = d->conf->features.ipsec_mb,
				   .clock_floor = d->clock_floor};
	uint8_t credentials[CONF_SECRET_SIZE_MAX];
	int err = proxy_credentials(d, credentials, &conf.proxy_credentials_size);

	conf.proxy_credentials = credentials;
	memcpy(conf.private_key, private_key, sizeof(conf.private_key));
	if (err == 0)
		err = tunnel_create(&conf, &daemon_tunnel_ops, d, d->log, &d->tunnel);
	crypto_wipe(&conf, sizeof(conf));
	crypto_wipe(credentials, sizeof(credentials));
	if (err == 0)
		tunnel_set_candidates(d->tunnel, d->conf->candidates, d->conf->candidate_count,
				      loop_now());
	for (size_t i = 0; err == 0 && i < d->peer_count; i++)
		err = daemon_tunnel_peer(d, &d->conf->peers[i], &d->peers[i], loop_now());
	return err;
}

static int
read_keys(struct daemon *d, uint8_t private_key[CONF_KEY_SIZE])
{
	int err = conf_key_read(d->conf->key_file, private_key);

	if (err == 0)
		err = crypto_public_key(private_key, d->public_key);
	if (err != 0) {
		log_line(d->log, LOG_ERROR, "main", "%s: %s", d->conf->key_file, strerror(-err));
		return err;
	}
	d->self = daemon_id(d->public_key);
	d->peer_count = d->conf->peer_count;
	d->peers = calloc(d->peer_count + 1, sizeof(*d->peers));
	if (d->peers == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < d->peer_count; i++) {
		memcpy(d->peers[i].public_key, d->conf->peers[i].public_key, CONF_KEY_SIZE);
		d->peers[i].id = daemon_id(d->conf->peers[i].public_key);
		if (vr_id_equal(d->peers[i].id, d->self)) {
			log_line(d->log, LOG_ERROR, "main", "peer %s has this router's own key",
				 d->conf->peers[i].name);
			return -EINVAL;
		}
	}
	return 0;
}

static int
start_everything(struct daemon *d, const uint8_t private_key[CONF_KEY_SIZE])
{
	int err;

	d->loop = loop_create();
	if (d->loop == NULL)
		return -ENOMEM;
	loop_look_on(d->loop, d->conf->busy_poll);
	err = daemon_timers(d);
	if (err != 0)
		return err;
	err = daemon_state_open(d);
	if (err == 0)
		err = open_ports(d);
	if (err == 0)
		err = create_router(d);
	if (err == 0)
		err = daemon_lisp_open(d);
	if (err == 0)
		err = daemon_state_recall(d);
	if (err == 0)
		err = daemon_lisp_start(d);
	if (err == 0)
		err = open_tunnel(d, private_key);
	if (err == 0)
		err = daemon_workers_open(d);
	if (err == 0)
		err = daemon_underlay_open(d);
	/* The kernel chooses ports for some of these: not before that of the sessions is taken. */
	if (err == 0)
		err = daemon_lisp_listen(d);
	if (err == 0)
		err = daemon_ctl_create(d);
	if (err == 0)
		err = daemon_watch(d);
	return err;
}

static void
report_start(const struct daemon *d)
{
	log_line(d->log, LOG_INFO, "main",
		 "%s (%s) on %s: %zu peers, UDP_SEGMENT %s, UDP_GRO %s, control socket %s, AES-GCM "
		 "by %s",
		 d->conf->name, fmt_vr_id(d->self).s, fmt_endpoint(d->conf->listen).s,
		 d->peer_count, tunnel_has_segment(d->tunnel) ? "yes" : "no",
		 tunnel_has_gro(d->tunnel) ? "yes" : "no",
		 tunnel_has_control_socket(d->tunnel) ? "yes" : "no", tunnel_aesgcm(d->tunnel));
	for (size_t i = 0; i < d->port_count; i++)
		log_line(d->log, LOG_INFO, "main",
			 "VN %u on %s: MAC %s, MTU %u, super-frames %s, of UDP %s", d->ports[i].vn,
			 d->conf->vns[i].device, fmt_mac(port_mac(d->ports[i].port)).s,
			 port_mtu(d->ports[i].port),
			 port_has_vnet_hdr(d->ports[i].port) ? "yes" : "no",
			 port_has_udp_super(d->ports[i].port) ? "yes" : "no");
}

int
daemon_create(const char *file, struct conf *conf, struct log *log, struct daemon **out)
{
	struct daemon *d = calloc(1, sizeof(*d));
	uint8_t private_key[CONF_KEY_SIZE];
	int err = -ENOMEM;

	if (d == NULL) {
		conf_fini(conf);
		free(conf);
		return -ENOMEM;
	}
	d->conf = conf;
	d->log = log;
	d->started = loop_now();
	d->file = strdup(file);
	if (d->file != NULL)
		err = read_keys(d, private_key);
	if (err == 0)
		err = start_everything(d, private_key);
	crypto_wipe(private_key, sizeof(private_key));
	if (err != 0) {
		log_line(log, LOG_ERROR, "main", "cannot start: %s", strerror(-err));
		daemon_destroy(d);
		return err;
	}
	report_start(d);
	*out = d;
	return 0;
}

void
daemon_destroy(struct daemon *d)
{
	if (d == NULL)
		return;
	if (d->tunnel != NULL && d->vr != NULL && d->ctl != NULL)
		daemon_state_write(d);
	daemon_underlay_destroy(d);
	ctl_port_destroy(d->ctl_port);
	loop_destroy(d->loop);
	ctl_destroy(d->ctl);
	workers_destroy(d->workers);
	tunnel_destroy(d->tunnel);
	vr_destroy(d->vr);
	daemon_lisp_destroy(d);
	for (size_t i = 0; i < d->port_count; i++)
		port_destroy(d->ports[i].port);
	state_destroy(d->state);
	free(d->ports);
	free(d->peers);
	free(d->file);
	conf_fini(d->conf);
	free(d->conf);
	free(d);
}

void
daemon_run(struct daemon *d)
{
	us_t now = loop_now();

	daemon_step(d, now);
	daemon_flush(d);
	loop_run(d->loop);
}
