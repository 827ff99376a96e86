/* Ring of changes: a change's number says where it lies. */
#include "tables/change.h"

struct change_feed {
	struct change *ring;
	uint64_t count; /* a power of two */
	uint64_t next;  /* number that the next change gets */
};

struct change_feed *
change_feed_create(size_t count)
{
	struct change_feed *feed = calloc(1, sizeof(*feed));
	size_t size = 1;

	if (feed == NULL)
		return NULL;
	while (size < count && size <= SIZE_MAX / 2)
		size *= 2;
	feed->ring = calloc(size, sizeof(*feed->ring));
	if (feed->ring == NULL) {
		free(feed);
		return NULL;
	}
	feed->count = size;
	feed->next = 1;
	return feed;
}

void
change_feed_destroy(struct change_feed *feed)
{
	if (feed == NULL)
		return;
	free(feed->ring);
	free(feed);
}

void
change_publish(struct change_feed *feed, const struct change *change)
{
	struct change *slot = &feed->ring[feed->next & (feed->count - 1)];

	*slot = *change;
	slot->number = feed->next++;
	slot->text[sizeof(slot->text) - 1] = '\0';
}

uint64_t
change_next_number(const struct change_feed *feed)
{
	return feed->next;
}

bool
change_read(const struct change_feed *feed, uint64_t *cursor, struct change *out, uint64_t *missed)
{
	uint64_t oldest = feed->next > feed->count ? feed->next - feed->count : 1;

	*missed = 0;
	if (*cursor == 0)
		*cursor = 1;
	if (*cursor >= feed->next)
		return false;
	if (*cursor < oldest) {
		*missed = oldest - *cursor;
		*cursor = oldest;
	}
	*out = feed->ring[*cursor & (feed->count - 1)];
	++*cursor;
	return true;
}

const char *
change_kind_name(enum change_kind kind)
{
	switch (kind) {
	case CHANGE_BINDING_NEW:
		return "new";
	case CHANGE_BINDING_MOVED:
		return "moved";
	case CHANGE_BINDING_GONE:
		return "gone";
	case CHANGE_PEER_UP:
		return "peer-up";
	case CHANGE_PEER_DOWN:
		return "peer-down";
	case CHANGE_ALARM:
		return "alarm";
	}
	return "unknown";
}
