/* Reading the configuration again while packets flow: prefixes, policies, peers and limits change; what is tied to a socket, a
 * device or the router's identity does not, and is said. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/fixed.h"
#include "vr/daemon.h"
#include "vr/lisp_made.h"
#include "vr/mapsys.h"

/* Kept free for the last line, which says what came of it. */
#define VERDICT_SIZE 64

/* Room for 'more' bytes and the verdict. */
static bool
make_room(struct daemon_reload *r, size_t more)
{
	size_t room = 2 * (r->used + more + VERDICT_SIZE);
	char *grown;

	if (r->used + more + VERDICT_SIZE <= r->room)
		return true;
	grown = realloc(r->buffer, room);
	if (grown == NULL)
		return false;
	r->buffer = grown;
	r->room = room;
	return true;
}

/* Without memory the line is left out. */
__attribute__((format(printf, 2, 3))) static void
say(struct daemon_reload *r, const char *format, ...)
{
	char line[4096 + 512];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (n < 0 || !make_room(r, strlen(line) + 1))
		return;
	memcpy(r->buffer + r->used, line, strlen(line) + 1);
	r->used += strlen(line);
}

static void
say_verdict(struct daemon_reload *r)
{
	const char *verdict = r->refused ? "nothing was changed\n" : "reloaded\n";

	if (r->buffer != NULL)
		memcpy(r->buffer + r->used, verdict, strlen(verdict) + 1);
	r->text = r->buffer != NULL ? r->buffer : verdict;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static const struct conf_vn *
find_vn(const struct conf *conf, vn_id_t id)
{
	for (size_t i = 0; i < conf->vn_count; i++)
		if (conf->vns[i].id == id)
			return &conf->vns[i];
	return NULL;
}

/* VNs and their ports stay what they are: false, with the reason, when they would change. */
static bool
vns_stay(const struct conf *old, const struct conf *new, struct daemon_reload *r)
{
	bool stay = old->vn_count == new->vn_count;

	if (!stay)
		say(r, "vns: added or removed ones need a restart\n");
	for (size_t i = 0; i < new->vn_count; i++) {
		const struct conf_vn *b = &new->vns[i], *a = find_vn(old, b->id);

		if (a != NULL && same_text(a->device, b->device) && a->mac_kind == b->mac_kind &&
		    mac_equal(a->mac, b->mac) && a->super_frames == b->super_frames &&
		    a->lisp == b->lisp && a->proxy.enabled == b->proxy.enabled &&
		    a->model == b->model)
			continue;
		say(r,
		    "vns[%zu]: its number, model, device, mac, super_frames, part in \"lisp\" and "
		    "being a \"proxy\" need a restart\n",
		    i);
		stay = false;
	}
	return stay;
}

/* Values that a socket or the identity was made from: they keep what they are, which is said. */
static void
say_fixed(void *ctx, const struct key *key)
{
	say(ctx, "%s: not changed, needs a restart\n", key->path);
}

static bool
has_own_key(const struct daemon *d, const struct conf *new, struct daemon_reload *r)
{
	for (size_t i = 0; i < new->peer_count; i++)
		if (memcmp(new->peers[i].public_key, d->public_key, CONF_KEY_SIZE) == 0) {
			say(r, "peers[%zu]: has this router's own key\n", i);
			return true;
		}
	return false;
}

static const struct daemon_peer *
find_peer(const struct daemon_peer *peers, size_t count, const uint8_t *key)
{
	for (size_t i = 0; i < count; i++)
		if (memcmp(peers[i].public_key, key, CONF_KEY_SIZE) == 0)
			return &peers[i];
	return NULL;
}

static bool
same_vns(const struct conf_peer *a, const struct conf_peer *b)
{
	if (a->vn_count != b->vn_count)
		return false;
	for (size_t i = 0; i < a->vn_count; i++)
		if (a->vns[i].id != b->vns[i].id)
			return false;
	return true;
}

static const struct conf_peer *
find_conf(const struct conf *conf, const uint8_t *key)
{
	for (size_t i = 0; i < conf->peer_count; i++)
		if (memcmp(conf->peers[i].public_key, key, CONF_KEY_SIZE) == 0)
			return &conf->peers[i];
	return NULL;
}

static void
remove_peer(struct daemon *d, const struct daemon_peer *peer, us_t now)
{
	tunnel_peer_remove(d->tunnel, peer->slot, now);
	vr_peer_remove(d->vr, peer->slot, now);
}

/* All or nothing. */
static int
add_peer(struct daemon *d, const struct conf_peer *conf, struct daemon_peer *peer, us_t now)
{
	int err;

	memcpy(peer->public_key, conf->public_key, CONF_KEY_SIZE);
	peer->id = daemon_id(conf->public_key);
	err = vr_peer_add(d->vr, conf, peer->id, now, &peer->slot);
	if (err != 0)
		return err;
	err = daemon_tunnel_peer(d, conf, peer, now);
	if (err != 0)
		vr_peer_remove(d->vr, peer->slot, now);
	return err;
}

/* Takes out those of 'peers' that were not there before. */
static void
take_back(struct daemon *d, const struct daemon_peer *peers, size_t count, us_t now)
{
	for (size_t i = 0; i < count; i++)
		if (find_peer(d->peers, d->peer_count, peers[i].public_key) == NULL)
			remove_peer(d, &peers[i], now);
}

/* Fills 'peers' in the order of the new configuration: known ones keep their slot, new ones are added.  All or nothing. */
static int
add_new(struct daemon *d, const struct conf *new, struct daemon_peer *peers, us_t now)
{
	for (size_t i = 0; i < new->peer_count; i++) {
		const struct daemon_peer *known =
			find_peer(d->peers, d->peer_count, new->peers[i].public_key);
		int err = 0;

		if (known != NULL)
			peers[i] = *known;
		else
			err = add_peer(d, &new->peers[i], &peers[i], now);
		if (err != 0) {
			take_back(d, peers, i, now);
			return err;
		}
	}
	return 0;
}

static void
remove_gone(struct daemon *d, const struct conf *new, us_t now)
{
	for (size_t i = 0; i < d->peer_count; i++)
		if (find_conf(new, d->peers[i].public_key) == NULL)
			remove_peer(d, &d->peers[i], now);
}

/* Where peers are, who relays, and what is told of this router. */
static void
follow_ways(struct daemon *d, const struct conf *new, const struct daemon_peer *peers, us_t now)
{
	for (size_t i = 0; i < new->peer_count; i++) {
		tunnel_peer_endpoints(d->tunnel, peers[i].slot, new->peers[i].endpoints,
				      new->peers[i].endpoint_count);
		tunnel_peer_streams(d->tunnel, peers[i].slot, new->peers[i].tcp,
				    new->peers[i].tcp_count, now);
		tunnel_peer_relays(d->tunnel, peers[i].slot, new->peers[i].relay, now);
	}
	tunnel_set_relaying(d->tunnel, new->relay.enabled, daemon_relay_rate(new),
			    new->relay.peer_pairs);
	tunnel_set_candidates(d->tunnel, new->candidates, new->candidate_count, now);
}

static void
say_peers(const struct conf *old, const struct conf *new, struct daemon_reload *r)
{
	for (size_t i = 0; i < new->peer_count; i++) {
		const struct conf_peer *b = &new->peers[i], *a = find_conf(old, b->public_key);

		if (a == NULL) {
			say(r, "peer %s: added\n", b->name);
			continue;
		}
		if (!same_text(a->name, b->name))
			say(r, "peer %s: now called %s\n", a->name, b->name);
		if (!same_vns(a, b))
			say(r, "peer %s: other networks\n", b->name);
	}
	for (size_t i = 0; i < old->peer_count; i++)
		if (find_conf(new, old->peers[i].public_key) == NULL)
			say(r, "peer %s: removed\n", old->peers[i].name);
}

/* The kernel leaves alone what is a VN's now, or gets its addresses and routes.  Where that fails the router goes on; the
 * cause is in the log. */
static void
guard_ports(struct daemon *d, const struct conf *new, struct daemon_reload *r)
{
	for (size_t i = 0; i < d->port_count; i++) {
		const struct conf_vn *vn = find_vn(new, d->ports[i].vn);
		int err = vn != NULL ? daemon_guard(&d->ports[i], new, vn) : 0;

		if (err != 0)
			say(r, "VN %u: %s: %s\n", d->ports[i].vn,
			    vn->model != CONF_MODEL_ROUTER
				    ? "this machine's addresses and routes are not all as they "
				      "should be"
				    : "the kernel's rules stay as they were",
			    strerror(-err));
	}
}

/* What can fail is done first and can be taken back; what is gone from the configuration goes last. */
static int
apply(struct daemon *d, const struct conf *new, us_t now)
{
	struct daemon_peer *peers = calloc(new->peer_count + 1, sizeof(*peers));
	struct vr_id *ids = calloc(new->peer_count + 1, sizeof(*ids));
	int err = peers == NULL || ids == NULL ? -ENOMEM : 0;

	if (err == 0)
		err = add_new(d, new, peers, now);
	if (err != 0)
		goto out;
	for (size_t i = 0; i < new->peer_count; i++)
		ids[i] = peers[i].id;
	err = vr_reload(d->vr, new, ids, now);
	if (err != 0) {
		take_back(d, peers, new->peer_count, now);
		goto out;
	}
	/* Behind this nothing fails. */
	follow_ways(d, new, peers, now);
	tunnel_set_silence(d->tunnel, daemon_silence(new));
	remove_gone(d, new, now);
	free(d->peers);
	d->peers = peers;
	d->peer_count = new->peer_count;
	peers = NULL;
out:
	free(peers);
	free(ids);
	return err;
}

/* Says every error of the file. */
static void
say_errors(const struct daemon *d, const struct conf_errors *errors, struct daemon_reload *r)
{
	char text[CONF_ERROR_SIZE];

	for (size_t i = 0; i < errors->count; i++) {
		conf_error_text(&errors->rows[i], d->file, text, sizeof(text));
		say(r, "%s\n", text);
	}
}

static void
log_lines(struct daemon *d, const struct daemon_reload *r)
{
	const char *line = r->text;

	while (*line != '\0') {
		size_t size = strcspn(line, "\n");

		log_line(d->log, r->refused ? LOG_ERROR : LOG_INFO, "reload", "%.*s", (int)size,
			 line);
		line += size + (line[size] == '\n');
	}
}

/* The map-server's sites and the keys.  Where that fails the router goes on with what it had: false. */
static bool
follow_lisp(struct daemon *d, struct lisp_made *made, struct daemon_reload *r, us_t now)
{
	int err = daemon_lisp_reload(d, made, now);

	if (err != 0)
		say(r, "lisp: stays as it was: %s\n",
		    err == -EINVAL ? "two sites of the map-server have one secret"
				   : strerror(-err));
	return err == 0;
}

/* Takes over the new configuration, or nothing.  True when 'new' is in force. */
static bool
take_over(struct daemon *d, struct conf *new, struct daemon_reload *r, us_t now)
{
	struct lisp_made *made;
	int err;

	if (!same_text(d->conf->name, new->name))
		say(r, "name: needs a restart\n");
	if (!vns_stay(d->conf, new, r) || !same_text(d->conf->name, new->name) ||
	    has_own_key(d, new, r))
		return false;
	err = daemon_lisp_prepare(d, new, &made);
	if (err == 0) {
		err = apply(d, new, now);
		if (err != 0)
			lisp_made_destroy(made);
	}
	if (err != 0) {
		say(r, "failed: %s\n", strerror(-err));
		return false;
	}
	conf_fixed_differ(d->conf, new, say_fixed, r);
	say_peers(d->conf, new, r);
	guard_ports(d, new, r);
	/* What is in force stays in the configuration in force: the next reload compares with it. */
	conf_fixed_keep(d->conf, new, !follow_lisp(d, made, r, now));
	mapsys_reload(d->vr, now);
	log_set_level(d->log, new->log_level);
	return true;
}

void
daemon_reload(struct daemon *d, struct daemon_reload *r, us_t now)
{
	struct conf *new = calloc(1, sizeof(*new));
	struct conf_errors errors = {.count = 0};

	*r = (struct daemon_reload){.refused = true};
	if (new == NULL) {
		say(r, "failed: %s\n", strerror(ENOMEM));
	} else if (conf_read(d->file, new, &errors) != 0) {
		say_errors(d, &errors, r);
	} else if (take_over(d, new, r, now)) {
		struct conf *old = d->conf;

		r->refused = false;
		d->conf = new;
		new = old;
	}
	if (new != NULL)
		conf_fini(new);
	free(new);
	conf_errors_fini(&errors);
	say_verdict(r);
	log_lines(d, r);
}

void
daemon_reload_fini(struct daemon_reload *r)
{
	free(r->buffer);
	*r = (struct daemon_reload){.refused = r->refused};
}
