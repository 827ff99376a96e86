/* The ring of injections. */
#include "vr/port_echo.h"

#include <stdlib.h>

#include "wire/eth.h"

/* Enough for every announcement of a large site between two readings of the capture. */
#define RING_SIZE 1024u

/* An Ethernet and an ARP header: what is behind is padding, which switches may change. */
#define CONTENT_SIZE 42

#define BACK_TIME US_S

struct injection {
	uint8_t content[CONTENT_SIZE];
	uint8_t size;
	bool is_seen; /* among the outgoing frames */
	bool is_back;
	us_t since; /* US_NEVER: not yet seen on its way out */
};

struct port_echo {
	struct mac router_mac;
	uint32_t next;   /* all that were ever put */
	uint32_t unseen; /* all before this one are seen */
	struct injection ring[RING_SIZE];
};

struct port_echo *
port_echo_create(struct mac router_mac)
{
	struct port_echo *e = calloc(1, sizeof(*e));

	if (e != NULL)
		e->router_mac = router_mac;
	return e;
}

void
port_echo_destroy(struct port_echo *e)
{
	free(e);
}

static struct injection *
at(struct port_echo *e, uint32_t index)
{
	return &e->ring[index % RING_SIZE];
}

static uint32_t
oldest(const struct port_echo *e)
{
	return e->next < RING_SIZE ? 0 : e->next - RING_SIZE;
}

static bool
is_same(const struct injection *i, const uint8_t *frame, size_t size)
{
	if (size > CONTENT_SIZE)
		size = CONTENT_SIZE;
	return i->size == size && memcmp(i->content, frame, size) == 0;
}

void
port_echo_put(struct port_echo *e, const uint8_t *frame, size_t size)
{
	struct injection *i = at(e, e->next);

	if (size > CONTENT_SIZE)
		size = CONTENT_SIZE;
	memcpy(i->content, frame, size);
	i->size = (uint8_t)size;
	i->is_seen = false;
	i->is_back = false;
	i->since = US_NEVER;
	e->next++;
}

void
port_echo_cancel(struct port_echo *e)
{
	e->next--;
	at(e, e->next)->size = 0;
}

static bool
has_router_mac(const struct port_echo *e, const uint8_t *frame, size_t size)
{
	struct eth eth;

	return eth_parse(frame, size, &eth) == 0 && mac_equal(eth.src, e->router_mac);
}

bool
port_echo_is_own(struct port_echo *e, const uint8_t *frame, size_t size, us_t now)
{
	if (e->unseen < oldest(e))
		e->unseen = oldest(e);
	/* They come in the order of injection, so that the first look finds it. */
	for (uint32_t k = e->unseen; k != e->next; k++) {
		struct injection *i = at(e, k);

		if (i->is_seen || !is_same(i, frame, size))
			continue;
		i->is_seen = true;
		i->since = now;
		while (e->unseen != e->next && at(e, e->unseen)->is_seen)
			e->unseen++;
		return true;
	}
	return false;
}

bool
port_echo_is_back(struct port_echo *e, const uint8_t *frame, size_t size, us_t now)
{
	bool is_router = has_router_mac(e, frame, size);

	/* The newest first: it is the likeliest, and behind the first one too old all are. */
	for (uint32_t k = e->next; k != oldest(e); k--) {
		struct injection *i = at(e, k - 1);

		if (i->since == US_NEVER)
			i->since = now;
		if (now - i->since > BACK_TIME)
			break;
		if ((i->is_back && !is_router) || !is_same(i, frame, size))
			continue;
		i->is_back = true;
		return true;
	}
	return false;
}
