/* What comes in, whoever sent it: to which session it belongs, and what is refused at the door. */
#include "vr/roster_priv.h"

#include <errno.h>

#include "wire/wr.h"

/* Who a datagram is from, as far as the outside tells, and what was found of it before. */
struct sender {
	const struct path *path;
	struct vr_id id; /* by a relay: who the relay says it is */
	struct opened opened;
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
	     size_t size, const struct sender *from, us_t now, struct session_content *out,
	     uint32_t *slot)
{
	int rc = session_open(s, outer, data, size, from->opened, from->path, now, out);

	*slot = session_user(s);
	roster_touch(r, s);
	if (rc != 0) {
		roster_count_unopened(r, rc);
		return ROSTER_DONE;
	}
	return out->inner.kind == SEAL_DATA || out->inner.kind == SEAL_SYNC ? ROSTER_CONTENT
									    : ROSTER_DONE;
}

/* Any datagram but one that is relayed: that is refused here, as it is inside of another. */
static enum roster_fate
datagram_heard(struct roster *r, uint8_t *data, size_t size, const struct sender *from, us_t now,
	       struct session_content *out, uint32_t *slot)
{
	struct seal_outer outer;
	struct index_row *row;

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
	if (outer.type != SEAL_RECORD) {
		/* Too short, or a chain of relays. */
		r->drops[from->path->kind == PATH_RELAY ? ROSTER_DROP_RELAY_REFUSED
							: ROSTER_DROP_MALFORMED]++;
		return ROSTER_DONE;
	}
	row = roster_row_of(r, outer.receiver);
	if (row == NULL) {
		r->drops[ROSTER_DROP_NO_INDEX]++;
		return ROSTER_DONE;
	}
	/* Opening may answer, and that may move the rows: keep the session, not the row. */
	return record_heard(r, &outer, row->session, data, size, from, now, out, slot);
}

/* Datagrams that a relay of ours hands over: what is in them is heard as if it came by itself. */
static void
relayed_heard(struct roster *r, struct session *s, struct relay_run *run, const struct path *path,
	      us_t now, roster_heard_fn *heard, void *ctx)
{
	const struct path by = path_relay(session_user(s));
	struct sender sender = {.path = &by};

	/* Only those asked to relay are listened to. */
	if (!r->slots[session_user(s)].relays) {
		r->drops[ROSTER_DROP_RELAY_REFUSED] += run->count;
		return;
	}
	session_relay_open(s, run->index, run->data, run->whole, run->segment, run->rows,
			   run->count, path, now);
	roster_touch(r, s);
	for (size_t i = 0; i < run->count; i++) {
		uint8_t *data = run->data + i * run->segment;
		size_t size = i + 1 < run->count ? run->segment : run->whole - i * run->segment;
		struct session_content content;
		enum roster_fate fate;
		uint32_t slot;

		if (run->rows[i].rc != 0) {
			roster_count_unopened(r, run->rows[i].rc);
			continue;
		}
		sender.id = run->rows[i].id;
		fate = datagram_heard(r, data + SEAL_RELAY_SIZE, size - SEAL_RELAY_SIZE, &sender,
				      now, &content, &slot);
		if (fate != ROSTER_DONE)
			heard(ctx, fate, slot, data, size, &content, now);
	}
}

static void
run_heard(struct roster *r, struct relay_run *run, const struct path *from, us_t now,
	  roster_heard_fn *heard, void *ctx)
{
	const struct index_row *row = roster_row_of(r, run->index);

	if (row == NULL)
		r->drops[ROSTER_DROP_NO_INDEX] += run->count;
	else if (run->type == SEAL_RELAYED)
		relayed_heard(r, row->session, run, from, now, heard, ctx);
	else
		roster_forward(r, row->session, run, from, now, heard, ctx);
}

struct opener *
roster_opener(struct roster *r, const uint8_t *data, size_t size, uint32_t *index)
{
	const struct index_row *row;
	struct seal_outer outer;

	if (seal_outer_parse(data, size, &outer) != 0 || outer.type != SEAL_RECORD)
		return NULL;
	*index = outer.receiver;
	row = roster_row_of(r, outer.receiver);
	return row != NULL ? session_opener(row->session, outer.receiver, outer.counter) : NULL;
}

static struct opened
found_of(const struct roster_found *found, size_t number)
{
	if (found == NULL || number >= found->count)
		return OPENED_NOT;
	return (struct opened){.finding = (enum opener_finding)found->findings[number],
			       .by = found->by};
}

void
roster_train_heard(struct roster *r, uint8_t *data, size_t whole, size_t segment,
		   const struct roster_found *found, const struct path *from, us_t now,
		   roster_heard_fn *heard, void *ctx)
{
	struct sender sender = {.path = from};
	struct relay_run run;
	size_t size;

	for (size_t at = 0; at < whole || whole == 0; at += size) {
		struct session_content content;
		enum roster_fate fate;
		uint32_t slot;

		if (roster_relay_run(data + at, whole - at, segment, &run)) {
			run_heard(r, &run, from, now, heard, ctx);
			size = run.whole;
			continue;
		}
		size = whole - at < segment ? whole - at : segment;
		sender.opened = found_of(found, segment != 0 ? at / segment : 0);
		fate = datagram_heard(r, data + at, size, &sender, now, &content, &slot);
		if (fate != ROSTER_DONE)
			heard(ctx, fate, slot, data + at, size, &content, now);
		if (whole == 0)
			break;
	}
}

/* What became of one datagram. */
struct outcome {
	enum roster_fate fate;
	uint32_t slot;
	struct session_content content;
};

static void
outcome_keep(void *ctx, enum roster_fate fate, uint32_t slot, uint8_t *data, size_t size,
	     const struct session_content *content, us_t now)
{
	struct outcome *o = ctx;

	(void)data, (void)size, (void)now;
	o->fate = fate;
	o->slot = slot;
	if (content != NULL)
		o->content = *content;
}

enum roster_fate
roster_heard(struct roster *r, uint8_t *data, size_t size, const struct path *from, us_t now,
	     struct session_content *out, uint32_t *slot)
{
	struct outcome o = {.fate = ROSTER_DONE};

	roster_train_heard(r, data, size, size, NULL, from, now, outcome_keep, &o);
	if (o.fate != ROSTER_DONE)
		*slot = o.slot;
	if (o.fate == ROSTER_CONTENT)
		*out = o.content;
	return o.fate;
}
