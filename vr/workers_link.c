/* Peers as the data workers need them: made when a decision leads there, freed when nobody looks at them any more. */
#include <stdlib.h>

#include "vr/session.h"
#include "vr/tunnel.h"
#include "vr/vr.h"
#include "vr/workers_link.h"

static void
link_free(struct worker_link *link)
{
	sealer_drop(link->sealer);
	free(link->sent);
	free(link);
}

static struct worker_link *
link_make(const struct workers *ws, uint32_t slot, const struct session_link *session)
{
	struct worker_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->sent =
		aligned_alloc(alignof(struct worker_sent), ws->conf.count * sizeof(*link->sent));
	if (link->sent == NULL) {
		free(link);
		return NULL;
	}
	memset(link->sent, 0, ws->conf.count * sizeof(*link->sent));
	link->slot = slot;
	link->to = session->to;
	link->mtu = session->inner_mtu;
	link->sealer = sealer_hold(session->sealer);
	return link;
}

static bool
links_grow(struct workers *ws, uint32_t slot)
{
	uint32_t count = slot + 16;
	struct worker_link **links;

	if (slot < ws->link_count)
		return true;
	links = realloc(ws->links, count * sizeof(*links));
	if (links == NULL)
		return false;
	memset(links + ws->link_count, 0, (count - ws->link_count) * sizeof(*links));
	ws->links = links;
	ws->link_count = count;
	return true;
}

/* Decisions that lead there are of a time before this one. */
static void
link_retire(struct workers *ws, uint32_t slot)
{
	struct worker_link *link = ws->links[slot];

	if (link == NULL)
		return;
	ws->links[slot] = NULL;
	link->gone = epoch_now(&ws->epoch);
	link->next = ws->retired;
	ws->retired = link;
}

const struct worker_link *
workers_link(struct workers *ws, uint32_t slot)
{
	uint64_t changes = tunnel_changes(ws->conf.tunnel);
	struct session_link session;
	struct worker_link *link;

	if (!links_grow(ws, slot))
		return NULL;
	link = ws->links[slot];
	if (link != NULL && link->checked == changes)
		return link;
	if (!tunnel_link(ws->conf.tunnel, slot, &session) || session.inner_mtu == 0) {
		link_retire(ws, slot);
		return NULL;
	}
	if (link == NULL || link->sealer != session.sealer || link->mtu != session.inner_mtu ||
	    !endpoint_equal(link->to, session.to)) {
		link_retire(ws, slot);
		link = ws->links[slot] = link_make(ws, slot, &session);
	}
	if (link != NULL)
		link->checked = changes;
	return link;
}

/* What 'sum' has more than it had. */
static uint64_t
more_than(uint64_t *counted, uint64_t sum)
{
	uint64_t more = sum - *counted;

	*counted = sum;
	return more;
}

static bool
link_count(struct workers *ws, struct worker_link *link, us_t now)
{
	uint64_t packets = 0, bytes = 0, records = 0, record_bytes = 0;

	for (unsigned i = 0; i < ws->conf.count; i++) {
		struct worker_sent *sent = &link->sent[i];

		packets += atomic_load_explicit(&sent->packets, memory_order_relaxed);
		bytes += atomic_load_explicit(&sent->bytes, memory_order_relaxed);
		records += atomic_load_explicit(&sent->records, memory_order_relaxed);
		record_bytes += atomic_load_explicit(&sent->record_bytes, memory_order_relaxed);
	}
	packets = more_than(&link->counted_packets, packets);
	bytes = more_than(&link->counted_bytes, bytes);
	records = more_than(&link->counted_records, records);
	record_bytes = more_than(&link->counted_record_bytes, record_bytes);
	if (packets != 0)
		vr_lan_sent(ws->conf.vr, link->slot, packets, bytes);
	if (records != 0)
		tunnel_sealed(ws->conf.tunnel, link->slot, records, record_bytes, now);
	return packets != 0 || records != 0;
}

static bool
is_forgotten(struct workers *ws, const struct worker_link *link)
{
	for (unsigned i = 0; i < ws->conf.count; i++)
		if (!epoch_has_passed(&ws->rows[i]->reader, link->gone))
			return false;
	return true;
}

bool
workers_links_run(struct workers *ws, us_t now)
{
	bool is_active = ws->retired != NULL;

	for (uint32_t i = 0; i < ws->link_count; i++)
		if (ws->links[i] != NULL && link_count(ws, ws->links[i], now))
			is_active = true;
	for (struct worker_link **at = &ws->retired; *at != NULL;) {
		struct worker_link *link = *at;
		/* First, so that what is counted is all of it. */
		bool forgotten = is_forgotten(ws, link);

		(void)link_count(ws, link, now);
		if (forgotten) {
			*at = link->next;
			link_free(link);
		} else {
			at = &link->next;
		}
	}
	return is_active;
}

void
workers_links_free(struct workers *ws)
{
	for (uint32_t i = 0; i < ws->link_count; i++)
		link_retire(ws, i);
	while (ws->retired != NULL) {
		struct worker_link *link = ws->retired;

		ws->retired = link->next;
		link_free(link);
	}
	free(ws->links);
}
