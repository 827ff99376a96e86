/* Change feed: what the tables did, in order, for those who follow them (monitor, log, mappings).
 *
 * A ring of fixed size.  Publishers never wait and call no one; a reader keeps a cursor of its own
 * and is told how much it missed when it was too slow. */
#ifndef TABLES_CHANGE_H
#define TABLES_CHANGE_H

#include "base/err.h"
#include "base/types.h"

enum change_kind {
	CHANGE_BINDING_NEW = 1, /* an EID that nobody owned */
	CHANGE_BINDING_MOVED,   /* another owner: 'from' is the old one */
	CHANGE_BINDING_GONE,    /* withdrawn, expired or removed */
	CHANGE_PEER_UP,         /* 'to' */
	CHANGE_PEER_DOWN,       /* 'to' */
	CHANGE_ALARM,           /* 'text' says what: duplicate, frozen ... */
};

struct change {
	uint64_t number; /* 1, 2, 3 ...: set by change_publish() */
	us_t at;
	enum change_kind kind;
	vn_id_t vn;
	struct addr ip;
	struct mac mac;
	struct vr_id from;
	struct vr_id to;
	mobility_t mobility;
	char text[48];
};

struct change_feed;

/* 'count' changes are remembered (rounded up to a power of two).  NULL when memory is short. */
struct change_feed *change_feed_create(size_t count);
void change_feed_destroy(struct change_feed *feed);
/* Copies it and gives it its number; 'text' is cut to its room. */
void change_publish(struct change_feed *feed, const struct change *change);
/* The number that the next change will get: where a new reader starts. */
uint64_t change_next_number(const struct change_feed *feed);
/* Copies the change that 'cursor' names and moves the cursor on; false when there is none yet.  A
 * cursor that fell out of the ring jumps to the oldest; '*missed' is then how many were skipped,
 * otherwise 0.  Cursor 0 reads from the first change on. */
bool change_read(const struct change_feed *feed, uint64_t *cursor, struct change *out,
		 uint64_t *missed);
/* "new", "moved", "gone", "peer-up", "peer-down", "alarm"; "unknown" for anything else. */
const char *change_kind_name(enum change_kind kind);

#endif
