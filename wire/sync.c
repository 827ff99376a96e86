/* Messages between routers: one row per message type, each with its body's parser and builder. */
#include "wire/sync.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define HEADER_SIZE   6
#define BINDING_MAX   (1 + 6 + 8 + 16)
#define DIGEST_SIZE   (3 + 4 + 8)
#define ACK_ROW_SIZE  (1 + 8 + 8)
#define NEWER_ROW_MAX (8 + 8 + 1 + 16)

/* Each type's largest message, so that SYNC_SIZE_MAX is always enough. */
_Static_assert(HEADER_SIZE + 8 + 8 + 8 + 4 + 1 + SYNC_VNS_MAX * DIGEST_SIZE <= SYNC_SIZE_MAX,
	       "a HELLO with all VNs fits");
_Static_assert(HEADER_SIZE + 3 + 1 + 1 + 16 + 1 + SYNC_BINDINGS_MAX * BINDING_MAX <= SYNC_SIZE_MAX,
	       "a DELTA, TABLE or ANSWER of IPv6 bindings fits");
_Static_assert(HEADER_SIZE + 3 + 1 + SYNC_BINDINGS_MAX * ACK_ROW_SIZE <= SYNC_SIZE_MAX,
	       "an ACK fits");
_Static_assert(HEADER_SIZE + 3 + 1 + SYNC_BINDINGS_MAX * NEWER_ROW_MAX <= SYNC_SIZE_MAX,
	       "a NEWER fits");

_Static_assert(HEADER_SIZE + 3 + 1 + SYNC_BINDINGS_MAX * 2 * (1 + 16) <= SYNC_SIZE_MAX,
	       "an ASKED fits");

/* First byte of a binding: withdrawn 1 | kind 3 | family 4. */
#define BINDING_WITHDRAWN  0x80
#define BINDING_KIND_SHIFT 4
#define BINDING_KIND_MASK  0x07
#define BINDING_KIND_MAX   1
#define FAMILY_MASK        0x0f

#define FLAG_MOVE    0x01 /* of a DELTA */
#define FLAG_LAST    0x01 /* of a TABLE */
#define FLAG_BY_MAC  0x01 /* of a QUERY */
#define FLAG_PRESENT 0x01 /* of a PRESENT */

static bool
mac_is_host(struct mac mac)
{
	return !mac_is_multicast(mac) && !mac_is_zero(mac);
}

static bool
addr_is_eid(struct addr a)
{
	return addr_size(a.family) != 0 && !addr_is_unspecified(a) && !addr_is_multicast(a);
}

/* A byte of flags of which only 'known' may be set. */
static uint8_t
read_flags(struct rd *r, uint8_t known)
{
	uint8_t flags = rd_u8(r);

	if ((flags & ~known) != 0)
		r->failed = true;
	return flags;
}

/* A count of items of at least 'item_size' bytes each.  Zero when it cannot be right. */
static uint8_t
read_count(struct rd *r, uint8_t max, size_t item_size)
{
	uint8_t count = rd_u8(r);

	if (count > max || count * item_size > r->size)
		r->failed = true;
	return r->failed ? 0 : count;
}

static struct addr
read_eid(struct rd *r, uint8_t family)
{
	struct addr a = rd_addr(r, family);

	if (!addr_is_eid(a))
		r->failed = true;
	return a;
}

static void
read_bindings(struct rd *r, struct sync_binding *bindings, uint8_t *out_count)
{
	uint8_t count = read_count(r, SYNC_BINDINGS_MAX, 1 + 6 + 8 + 4);

	for (uint8_t i = 0; i < count; i++) {
		struct sync_binding *b = &bindings[i];
		uint8_t head = rd_u8(r);

		b->withdrawn = (head & BINDING_WITHDRAWN) != 0;
		b->kind = head >> BINDING_KIND_SHIFT & BINDING_KIND_MASK;
		b->mac = rd_mac(r);
		b->mobility = rd_u64(r);
		b->ip = read_eid(r, head & FAMILY_MASK);
		if (b->kind > BINDING_KIND_MAX || !mac_is_host(b->mac))
			r->failed = true;
	}
	*out_count = count;
}

/* The builders' side of the same tests: what a parser would refuse is not sent. */
static int
write_bindings(struct wr *w, const struct sync_binding *bindings, uint8_t count)
{
	if (count > SYNC_BINDINGS_MAX)
		return -EINVAL;
	wr_u8(w, count);
	for (uint8_t i = 0; i < count; i++) {
		const struct sync_binding *b = &bindings[i];

		if (!addr_is_eid(b->ip) || !mac_is_host(b->mac) || b->kind > BINDING_KIND_MAX)
			return -EINVAL;
		wr_u8(w, (uint8_t)((b->withdrawn ? BINDING_WITHDRAWN : 0) |
				   b->kind << BINDING_KIND_SHIFT | b->ip.family));
		wr_mac(w, b->mac);
		wr_u64(w, b->mobility);
		wr_addr(w, b->ip);
	}
	return 0;
}

static void
parse_hello(struct rd *r, struct sync_msg *m)
{
	m->hello.boot = rd_u64(r);
	m->hello.sent = rd_u64(r);
	m->hello.echo = rd_u64(r);
	m->hello.echo_age = rd_u32(r);
	m->hello.count = read_count(r, SYNC_VNS_MAX, DIGEST_SIZE);
	for (uint8_t i = 0; i < m->hello.count; i++) {
		struct sync_digest *d = &m->hello.digests[i];

		d->vn = rd_u24(r);
		d->count = rd_u32(r);
		d->sum = rd_u64(r);
	}
}

static int
build_hello(struct wr *w, const struct sync_msg *m)
{
	if (m->hello.count > SYNC_VNS_MAX)
		return -EINVAL;
	wr_u64(w, m->hello.boot);
	wr_u64(w, m->hello.sent);
	wr_u64(w, m->hello.echo);
	wr_u32(w, m->hello.echo_age);
	wr_u8(w, m->hello.count);
	for (uint8_t i = 0; i < m->hello.count; i++) {
		const struct sync_digest *d = &m->hello.digests[i];

		if (d->vn > VN_ID_MAX)
			return -EINVAL;
		wr_u24(w, d->vn);
		wr_u32(w, d->count);
		wr_u64(w, d->sum);
	}
	return 0;
}

/* Where a page starts: behind this EID, or from the beginning of the table when there is none. */
static struct addr
read_after(struct rd *r)
{
	uint8_t family = rd_u8(r);

	return family == ADDR_NONE ? (struct addr){.family = ADDR_NONE} : read_eid(r, family);
}

static int
write_after(struct wr *w, struct addr after)
{
	if (!addr_is_none(after) && !addr_is_eid(after))
		return -EINVAL;
	wr_u8(w, after.family);
	wr_addr(w, after);
	return 0;
}

static void
parse_pull(struct rd *r, struct sync_msg *m)
{
	m->pull.after = read_after(r);
}

static int
build_pull(struct wr *w, const struct sync_msg *m)
{
	return write_after(w, m->pull.after);
}

/* Each page leads on: who follows the pages of a peer comes to an end, whatever the peer sends. */
static bool
page_leads_on(const struct sync_msg *m)
{
	struct addr last = m->table.after;

	if (m->table.count == 0 && !m->table.is_last)
		return false;
	for (uint8_t i = 0; i < m->table.count; i++) {
		struct addr next = m->table.bindings[i].ip;

		if (memcmp(&next, &last, sizeof(next)) <= 0)
			return false;
		last = next;
	}
	return true;
}

static void
parse_table(struct rd *r, struct sync_msg *m)
{
	m->table.is_last = read_flags(r, FLAG_LAST) != 0;
	m->table.after = read_after(r);
	read_bindings(r, m->table.bindings, &m->table.count);
	if (!page_leads_on(m))
		r->failed = true;
}

static int
build_table(struct wr *w, const struct sync_msg *m)
{
	if (m->table.count > SYNC_BINDINGS_MAX || !page_leads_on(m))
		return -EINVAL;
	wr_u8(w, m->table.is_last ? FLAG_LAST : 0);
	if (write_after(w, m->table.after) != 0)
		return -EINVAL;
	return write_bindings(w, m->table.bindings, m->table.count);
}

static void
parse_delta(struct rd *r, struct sync_msg *m)
{
	m->delta.is_move = read_flags(r, FLAG_MOVE) != 0;
	if (m->delta.is_move)
		m->delta.previous = rd_u64(r);
	read_bindings(r, m->delta.bindings, &m->delta.count);
}

static int
build_delta(struct wr *w, const struct sync_msg *m)
{
	wr_u8(w, m->delta.is_move ? FLAG_MOVE : 0);
	if (m->delta.is_move)
		wr_u64(w, m->delta.previous);
	return write_bindings(w, m->delta.bindings, m->delta.count);
}

static void
parse_ack(struct rd *r, struct sync_msg *m)
{
	m->ack.count = read_count(r, SYNC_BINDINGS_MAX, ACK_ROW_SIZE);
	for (uint8_t i = 0; i < m->ack.count; i++) {
		struct sync_ack_row *row = &m->ack.rows[i];

		row->verdict = rd_u8(r);
		row->newest = rd_u64(r);
		row->owner = rd_u64(r);
		if (row->verdict > SYNC_FROZEN)
			r->failed = true;
	}
}

static int
build_ack(struct wr *w, const struct sync_msg *m)
{
	if (m->ack.count > SYNC_BINDINGS_MAX)
		return -EINVAL;
	wr_u8(w, m->ack.count);
	for (uint8_t i = 0; i < m->ack.count; i++) {
		const struct sync_ack_row *row = &m->ack.rows[i];

		if (row->verdict > SYNC_FROZEN)
			return -EINVAL;
		wr_u8(w, row->verdict);
		wr_u64(w, row->newest);
		wr_u64(w, row->owner);
	}
	return 0;
}

static void
parse_query(struct rd *r, struct sync_msg *m)
{
	m->query.by_mac = read_flags(r, FLAG_BY_MAC) != 0;
	if (!m->query.by_mac) {
		m->query.ip = read_eid(r, rd_u8(r));
		return;
	}
	m->query.mac = rd_mac(r);
	if (!mac_is_host(m->query.mac))
		r->failed = true;
}

static int
build_query(struct wr *w, const struct sync_msg *m)
{
	if (m->query.by_mac ? !mac_is_host(m->query.mac) : !addr_is_eid(m->query.ip))
		return -EINVAL;
	wr_u8(w, m->query.by_mac ? FLAG_BY_MAC : 0);
	if (m->query.by_mac) {
		wr_mac(w, m->query.mac);
	} else {
		wr_u8(w, m->query.ip.family);
		wr_addr(w, m->query.ip);
	}
	return 0;
}

static void
parse_answer(struct rd *r, struct sync_msg *m)
{
	read_bindings(r, m->answer.bindings, &m->answer.count);
}

static int
build_answer(struct wr *w, const struct sync_msg *m)
{
	return write_bindings(w, m->answer.bindings, m->answer.count);
}

static void
parse_presence(struct rd *r, struct sync_msg *m)
{
	uint8_t known = m->type == SYNC_PRESENT ? FLAG_PRESENT : 0;

	m->presence.present = read_flags(r, known) != 0;
	m->presence.mac = rd_mac(r);
	m->presence.ip = read_eid(r, rd_u8(r));
	if (mac_is_multicast(m->presence.mac))
		r->failed = true;
}

static int
build_presence(struct wr *w, const struct sync_msg *m)
{
	if (!addr_is_eid(m->presence.ip) || mac_is_multicast(m->presence.mac))
		return -EINVAL;
	wr_u8(w, m->type == SYNC_PRESENT && m->presence.present ? FLAG_PRESENT : 0);
	wr_mac(w, m->presence.mac);
	wr_u8(w, m->presence.ip.family);
	wr_addr(w, m->presence.ip);
	return 0;
}

static void
parse_newer(struct rd *r, struct sync_msg *m)
{
	m->newer.count = read_count(r, SYNC_BINDINGS_MAX, 8 + 8 + 1 + 4);
	for (uint8_t i = 0; i < m->newer.count; i++) {
		struct sync_newer_row *row = &m->newer.rows[i];

		row->newest = rd_u64(r);
		row->owner = rd_u64(r);
		row->ip = read_eid(r, rd_u8(r));
	}
}

static int
build_newer(struct wr *w, const struct sync_msg *m)
{
	if (m->newer.count > SYNC_BINDINGS_MAX)
		return -EINVAL;
	wr_u8(w, m->newer.count);
	for (uint8_t i = 0; i < m->newer.count; i++) {
		const struct sync_newer_row *row = &m->newer.rows[i];

		if (!addr_is_eid(row->ip))
			return -EINVAL;
		wr_u64(w, row->newest);
		wr_u64(w, row->owner);
		wr_u8(w, row->ip.family);
		wr_addr(w, row->ip);
	}
	return 0;
}

static void
parse_asked(struct rd *r, struct sync_msg *m)
{
	m->asked.count = read_count(r, SYNC_BINDINGS_MAX, 1 + 4 + 1 + 4);
	for (uint8_t i = 0; i < m->asked.count; i++) {
		struct sync_asked_row *row = &m->asked.rows[i];

		row->ip = read_eid(r, rd_u8(r));
		row->rloc = read_eid(r, rd_u8(r));
	}
}

static int
build_asked(struct wr *w, const struct sync_msg *m)
{
	if (m->asked.count > SYNC_BINDINGS_MAX)
		return -EINVAL;
	wr_u8(w, m->asked.count);
	for (uint8_t i = 0; i < m->asked.count; i++) {
		const struct sync_asked_row *row = &m->asked.rows[i];

		if (!addr_is_eid(row->ip) || !addr_is_eid(row->rloc))
			return -EINVAL;
		wr_u8(w, row->ip.family);
		wr_addr(w, row->ip);
		wr_u8(w, row->rloc.family);
		wr_addr(w, row->rloc);
	}
	return 0;
}

/* One that a device can have, of a subnet of this length. */
static bool
is_device_address(struct addr a, uint8_t len)
{
	return addr_is_eid(a) && len > 0 && len <= addr_size(a.family) * 8;
}

static void
parse_action(struct rd *r, struct sync_msg *m)
{
	uint8_t family;

	m->action.act = rd_u8(r);
	m->action.eid = read_eid(r, rd_u8(r));
	if (m->action.act > SYNC_ACT_RENEW)
		r->failed = true;
	if (m->action.act != SYNC_ACT_SET)
		return;
	m->action.address = read_eid(r, rd_u8(r));
	m->action.len = rd_u8(r);
	family = rd_u8(r);
	if (family != ADDR_NONE)
		m->action.gateway = read_eid(r, family);
	if (!is_device_address(m->action.address, m->action.len) ||
	    (family != ADDR_NONE && family != m->action.address.family))
		r->failed = true;
}

static int
build_action(struct wr *w, const struct sync_msg *m)
{
	struct addr gateway = m->action.gateway;

	if (m->action.act > SYNC_ACT_RENEW || !addr_is_eid(m->action.eid))
		return -EINVAL;
	wr_u8(w, m->action.act);
	wr_u8(w, m->action.eid.family);
	wr_addr(w, m->action.eid);
	if (m->action.act != SYNC_ACT_SET)
		return 0;
	if (!is_device_address(m->action.address, m->action.len) ||
	    (!addr_is_none(gateway) &&
	     (!addr_is_eid(gateway) || gateway.family != m->action.address.family)))
		return -EINVAL;
	wr_u8(w, m->action.address.family);
	wr_addr(w, m->action.address);
	wr_u8(w, m->action.len);
	wr_u8(w, gateway.family);
	wr_addr(w, gateway);
	return 0;
}

static void
parse_outcome(struct rd *r, struct sync_msg *m)
{
	m->outcome.outcome = rd_u8(r);
	m->outcome.detail = rd_u16(r);
	if (m->outcome.outcome > SYNC_OUT_TIMEOUT)
		r->failed = true;
}

static int
build_outcome(struct wr *w, const struct sync_msg *m)
{
	if (m->outcome.outcome > SYNC_OUT_TIMEOUT)
		return -EINVAL;
	wr_u8(w, m->outcome.outcome);
	wr_u16(w, m->outcome.detail);
	return 0;
}

struct sync_kind {
	const char *name;
	void (*parse)(struct rd *r, struct sync_msg *m);
	int (*build)(struct wr *w, const struct sync_msg *m);
};

/* NULL for an unknown type. */
static const struct sync_kind *
find_kind(uint8_t type)
{
	static const struct sync_kind kinds[] = {
		[SYNC_HELLO] = {"hello", parse_hello, build_hello},
		[SYNC_PULL] = {"pull", parse_pull, build_pull},
		[SYNC_TABLE] = {"table", parse_table, build_table},
		[SYNC_DELTA] = {"delta", parse_delta, build_delta},
		[SYNC_ACK] = {"ack", parse_ack, build_ack},
		[SYNC_QUERY] = {"query", parse_query, build_query},
		[SYNC_ANSWER] = {"answer", parse_answer, build_answer},
		[SYNC_PRESENCE] = {"presence", parse_presence, build_presence},
		[SYNC_PRESENT] = {"present", parse_presence, build_presence},
		[SYNC_NEWER] = {"newer", parse_newer, build_newer},
		[SYNC_ASKED] = {"asked", parse_asked, build_asked},
		[SYNC_ACTION] = {"action", parse_action, build_action},
		[SYNC_OUTCOME] = {"outcome", parse_outcome, build_outcome},
	};

	return type < ARRAY_COUNT(kinds) && kinds[type].name != NULL ? &kinds[type] : NULL;
}

int
sync_parse(const uint8_t *data, size_t size, struct sync_msg *msg)
{
	struct rd r = rd_make(data, size);
	const struct sync_kind *kind;
	uint8_t version = rd_u8(&r);

	memset(msg, 0, sizeof(*msg));
	msg->type = rd_u8(&r);
	if (r.failed)
		return -EBADMSG;
	kind = find_kind(msg->type);
	if (version != SYNC_VERSION || kind == NULL)
		return -EPROTONOSUPPORT;
	msg->id = rd_u32(&r);
	if (msg->type != SYNC_HELLO)
		msg->vn = rd_u24(&r);
	kind->parse(&r, msg);
	return rd_done(&r) ? 0 : -EBADMSG;
}

int
sync_build(const struct sync_msg *msg, uint8_t *data, size_t room)
{
	struct wr w = wr_make(data, room);
	const struct sync_kind *kind = find_kind(msg->type);
	int err;

	if (kind == NULL || (msg->type != SYNC_HELLO && msg->vn > VN_ID_MAX))
		return -EINVAL;
	wr_u8(&w, SYNC_VERSION);
	wr_u8(&w, msg->type);
	wr_u32(&w, msg->id);
	if (msg->type != SYNC_HELLO)
		wr_u24(&w, msg->vn);
	err = kind->build(&w, msg);
	if (err != 0)
		return err;
	return w.failed ? -EMSGSIZE : (int)w.used;
}

const char *
sync_type_name(uint8_t type)
{
	const struct sync_kind *kind = find_kind(type);

	return kind != NULL ? kind->name : "unknown";
}
