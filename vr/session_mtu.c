/* What size of packets the way in use takes: probes, their answers, and what is left for the packets inside. */
#include "vr/session_priv.h"

#include <errno.h>

#include "wire/rd.h"
#include "wire/wr.h"

#define UDP_HEADER_SIZE 8
#define PROBE_GUARD     (300 * US_MS) /* after a change of way */

uint16_t
session_path_overhead(const struct session *s, const struct path *path)
{
	const struct path *leg = path->kind == PATH_RELAY ? s->ops->leg(s->ctx, path->via) : path;
	unsigned ip = leg != NULL && leg->to.addr.family == ADDR_V6 ? 40 : 20;

	/* A stream cuts packets as it likes: what goes through it is as large as if it did not. */
	return (uint16_t)(ip + UDP_HEADER_SIZE + (path->kind == PATH_RELAY ? SEAL_RELAY_SIZE : 0));
}

/* Bytes of IP and UDP, and what a relay needs, in front of a record. */
static uint16_t
underlay_overhead(const struct session *s)
{
	return session_path_overhead(s, &s->path);
}

uint16_t
session_inner_mtu(const struct session *s)
{
	uint16_t overhead = underlay_overhead(s) + SEAL_OVERHEAD;

	return s->pmtu.size > overhead ? s->pmtu.size - overhead : 0;
}

void
session_mtu_report(struct session *s, us_t now)
{
	uint16_t inner = session_inner_mtu(s);

	if (inner == s->inner_mtu)
		return;
	s->inner_mtu = inner;
	s->ops->mtu(s->ctx, s, now);
}

int
session_probe_send(struct session *s, uint16_t packet, us_t now)
{
	size_t overhead = (size_t)underlay_overhead(s) + SEAL_OVERHEAD;
	size_t pad = packet > overhead ? packet - overhead : 0;

	memset(s->conf->scratch + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, 0, pad);
	return session_control_send(s, &s->path, SEAL_PROBE, s->conf->scratch, pad, now);
}

us_t
session_mtu_due(const struct session *s, us_t now)
{
	return s->pmtu.state == PMTU_HOLD && !session_is_busy(s, now) ? US_NEVER : s->pmtu.due;
}

void
session_mtu_run(struct session *s, us_t now)
{
	uint16_t size;

	while (s->current != NULL && now >= session_mtu_due(s, now) &&
	       (size = pmtu_run(&s->pmtu, now, s->heard)) != 0) {
		if (session_probe_send(s, size, now) == -EMSGSIZE)
			pmtu_refused(&s->pmtu, size, now);
		else if (s->pmtu.tries > 1)
			/* A small one tells whether it is the size or the peer that is gone. */
			(void)session_probe_send(s, 0, now);
	}
	session_mtu_report(s, now);
}

void
session_probe_heard(struct session *s, const struct session_content *c, size_t record_size,
		    const struct path *from, us_t now)
{
	uint8_t record[SEAL_OVERHEAD + 2];
	struct wr w = wr_make(record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE, 2);
	struct rd r = rd_make(c->body, c->size);
	uint32_t size;

	if (c->inner.kind == SEAL_PROBE) {
		wr_u16(&w, (uint16_t)record_size);
		/* A peer that has moved asks whether it is heard. */
		if (session_trial(s) == NULL || !path_equal(*session_trial(s), *from) ||
		    !session_trial_take(s, sizeof(record)))
			from = &s->path;
		(void)session_control_send(s, from, SEAL_PROBE_ACK, record, 2, now);
		return;
	}
	size = rd_u16(&r) + (uint32_t)underlay_overhead(s);
	if (!rd_done(&r) || size > UINT16_MAX)
		return;
	s->check_at = US_NEVER;
	/* It may still be of the way before. */
	if (s->path_reason != PATH_FIRST && now - s->path_since < PROBE_GUARD)
		return;
	pmtu_acked(&s->pmtu, (uint16_t)size, now);
	session_mtu_run(s, now);
}

void
session_refused(struct session *s, size_t record_size, us_t now)
{
	size_t packet = record_size + underlay_overhead(s);

	if (packet <= UINT16_MAX)
		pmtu_refused(&s->pmtu, (uint16_t)packet, now);
	s->due = now;
	session_mtu_report(s, now);
}
