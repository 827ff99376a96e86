/* What comes in, whoever sent it: to which session it belongs, and what is refused at the door. */
#include "vr/roster_priv.h"

#include <errno.h>

#include "wire/wr.h"

/* Who a datagram is from, as far as the outside tells. */
struct sender {
	const struct path *path;
	struct vr_id id; /* by a relay: who the relay says it is */
};

/* What the door knows a sender by: its address, or, by a relay, its name. */
static struct endpoint
sender_address(const struct sender *from)
{
	struct endpoint e = from->path->to;
	struct wr w = wr_make(e.addr.b, sizeof(e.addr.b));

	if (from->path->kind == PATH_RELAY) {
		e.addr.family = ADDR_V6;
		wr_u64(&w, from->id.v);
	}
	return e;
}

static void
init_heard(struct roster *r, const uint8_t *data, size_t size, const struct sender *from, us_t now)
{
	uint8_t cookie[HANDSHAKE_MAC_SIZE], nonce[16], reply[HANDSHAKE_COOKIE_SIZE];
	struct endpoint address = sender_address(from);
	enum door_verdict verdict;
	struct handshake_init init;
	struct session *s;
	uint32_t slot;
	struct noise n;
	int rc;

	if (!handshake_mac1_valid(&r->conf.self, data, size)) {
		r->drops[ROSTER_DROP_MAC1]++;
		return;
	}
	/* The relay says who that is: a name of its own making would have an allowance of its own. */
	if (from->path->kind == PATH_RELAY && !roster_slot_of(r, from->id, &slot)) {
		r->drops[ROSTER_DROP_UNKNOWN_PEER]++;
		return;
	}
	verdict = door_ask(&r->door, data, &address, now, cookie);
	if (verdict != DOOR_PASS) {
		r->drops[ROSTER_DROP_LOAD]++;
		if (verdict == DOOR_COOKIE && r->ops->random(r->ctx, nonce, sizeof(nonce)) == 0 &&
		    handshake_cookie_build(&r->conf.self, data, nonce, cookie, reply) == 0)
			(void)roster_datagram_send(r, from->path, from->id, reply, sizeof(reply),
						   now);
		return;
	}
	rc = handshake_init_read(&n, &r->conf.self, data, size, &init);
	if (rc != 0) {
		r->drops[rc == -EBADMSG ? ROSTER_DROP_HANDSHAKE : ROSTER_DROP_RESOURCE]++;
		return;
	}
	s = roster_by_key(r, n.remote_static);
	if (s == NULL) {
		r->drops[ROSTER_DROP_UNKNOWN_PEER]++;
	} else {
		rc = session_init_heard(s, &n, &init, from->path, now);
		if (rc != 0)
			r->drops[rc == -ESTALE ? ROSTER_DROP_STALE : ROSTER_DROP_RESOURCE]++;
		roster_touch(r, s);
	}
	noise_fini(&n);
}

static void
answer_heard(struct roster *r, const struct seal_outer *outer, const uint8_t *data, size_t size,
	     const struct sender *from, us_t now)
{
	const struct index_row *row;
	int rc;

	if (outer->type == SEAL_RESPONSE && !handshake_mac1_valid(&r->conf.self, data, size)) {
		r->drops[ROSTER_DROP_MAC1]++;
		return;
	}
	row = roster_row_of(r, outer->receiver);
	if (row == NULL)
		rc = -ENOENT;
	else if (outer->type == SEAL_RESPONSE)
		rc = session_response_heard(row->session, outer->receiver, data, size, from->path,
					    now);
	else
		rc = session_cookie_heard(row->session, outer->receiver, data, size, now);
	if (rc == -ENOENT)
		r->drops[ROSTER_DROP_UNASKED]++;
	else if (rc == -EBADMSG)
		r->drops[ROSTER_DROP_HANDSHAKE]++;
	else if (rc != 0)
		r->drops[ROSTER_DROP_RESOURCE]++;
	/* The row may have moved or gone, the session has not. */
	row = roster_row_of(r, outer->receiver);
	if (row != NULL)
		roster_touch(r, row->session);
}

void
roster_count_unopened(struct roster *r, int rc)
{
	if (rc == -ENOENT)
		r->drops[ROSTER_DROP_NO_INDEX]++;
	else if (rc == -EALREADY)
		r->drops[ROSTER_DROP_REPLAYED]++;
	else if (rc == -EPROTO)
		r->drops[ROSTER_DROP_INNER]++;
	else
		r->drops[ROSTER_DROP_FORGED]++;
}

static enum roster_fate
record_heard(struct roster *r, const struct seal_outer *outer, struct session *s, uint8_t *data,
	     size_t size, const struct path *from, us_t now, struct session_content *out,
	     uint32_t *slot)
{
	int rc = session_open(s, outer, data, size, from, now, out);

	*slot = session_user(s);
	roster_touch(r, s);
	if (rc != 0) {
		roster_count_unopened(r, rc);
		return ROSTER_DONE;
	}
	return out->inner.kind == SEAL_DATA || out->inner.kind == SEAL_SYNC ? ROSTER_CONTENT
									    : ROSTER_DONE;
}

static enum roster_fate datagram_heard(struct roster *r, uint8_t *data, size_t size,
				       const struct sender *from, us_t now,
				       struct session_content *out, uint32_t *slot);

/* A datagram that a relay of ours hands over: what is in it is heard as if it came by itself. */
static enum roster_fate
relayed_heard(struct roster *r, const struct seal_outer *outer, struct session *s, uint8_t *data,
	      size_t size, const struct sender *from, us_t now, struct session_content *out,
	      uint32_t *slot)
{
	struct path path = path_relay(session_user(s));
	struct sender sender = {.path = &path};
	int rc;

	/* Relays are not chained, and only those asked to relay are listened to. */
	if (!r->slots[session_user(s)].relays || from->path->kind == PATH_RELAY) {
		r->drops[ROSTER_DROP_RELAY_REFUSED]++;
		return ROSTER_DONE;
	}
	rc = session_relay_open(s, outer, data, from->path, now, &sender.id);
	roster_touch(r, s);
	if (rc != 0) {
		roster_count_unopened(r, rc);
		return ROSTER_DONE;
	}
	return datagram_heard(r, data + SEAL_RELAY_SIZE, size - SEAL_RELAY_SIZE, &sender, now, out,
			      slot);
}

static enum roster_fate
datagram_heard(struct roster *r, uint8_t *data, size_t size, const struct sender *from, us_t now,
	       struct session_content *out, uint32_t *slot)
{
	struct seal_outer outer;
	struct index_row *row;
	struct session *s;
	bool relayed;

	if (seal_outer_parse(data, size, &outer) != 0) {
		r->drops[ROSTER_DROP_MALFORMED]++;
		return ROSTER_DONE;
	}
	if (outer.type == SEAL_INIT) {
		init_heard(r, data, size, from, now);
		return ROSTER_DONE;
	}
	if (outer.type == SEAL_RESPONSE || outer.type == SEAL_COOKIE) {
		answer_heard(r, &outer, data, size, from, now);
		return ROSTER_DONE;
	}
	relayed = outer.type == SEAL_RELAY || outer.type == SEAL_RELAYED;
	if (relayed && size < SEAL_RELAY_SIZE + SEAL_OUTER_SIZE) {
		r->drops[ROSTER_DROP_MALFORMED]++;
		return ROSTER_DONE;
	}
	row = roster_row_of(r, outer.receiver);
	if (row == NULL) {
		r->drops[ROSTER_DROP_NO_INDEX]++;
		return ROSTER_DONE;
	}
	/* Opening may answer, and that may move the rows: keep the session, not the row. */
	s = row->session;
	if (outer.type == SEAL_RECORD)
		return record_heard(r, &outer, s, data, size, from->path, now, out, slot);
	if (outer.type == SEAL_RELAYED)
		return relayed_heard(r, &outer, s, data, size, from, now, out, slot);
	return roster_forward(r, &outer, s, data, size, from->path, now, slot);
}

enum roster_fate
roster_heard(struct roster *r, uint8_t *data, size_t size, const struct path *from, us_t now,
	     struct session_content *out, uint32_t *slot)
{
	return datagram_heard(r, data, size, &(struct sender){.path = from}, now, out, slot);
}
