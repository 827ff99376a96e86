/* What must survive a restart, in one text file that is replaced as a whole: bindings with their mobility counters, and the
 * handshake timestamps that replays are told by.
 *
 * Writing happens in a thread of its own, so that the loop never waits for a disk; the newest
 * content wins, and what could
 * not be written is tried again.  A file that does not parse is reported and its good lines are
 * used. */
#ifndef VR_STATE_H
#define VR_STATE_H

#include "base/err.h"
#include "base/log.h"
#include "base/types.h"
#include "tables/hwdt.h"

struct state;

/* Who has registered at our map-server: see struct ms_kept. */
struct state_etr {
	char site[64];
	uint8_t key_id;
	bool has_xtr_id;
	uint8_t xtr[16];
	uint64_t site_id;
	struct addr addr;
};

/* One thing that was remembered; the other fields are zero. */
struct state_row {
	enum { STATE_BINDING = 1, STATE_CLOCK, STATE_HEARD, STATE_REGISTERED, STATE_ETR } kind;
	struct binding binding;
	struct state_etr etr;
	struct vr_id peer; /* HEARD */
	uint64_t
		value; /* CLOCK, HEARD: handshake timestamp; REGISTERED: LISP nonce; ETR: its reserve */
};

/* 'file' is copied; its directory must exist.  Starts the thread.  0, -EBUSY (another router has the file, also in this
 * process) or another negative errno, which is logged. */
MUST_USE int state_create(const char *file, struct log *log, struct state **out);
/* Writes what is still waiting, or could not be written before, and ends the thread. */
void state_destroy(struct state *s);
/* Calls 'each' for every good row of the file.  A missing file has none.  0 or a negative errno, which is logged: then not
 * all that was remembered is known. */
MUST_USE int state_read(const struct state *s, void (*each)(void *ctx, const struct state_row *row),
			void *ctx);

/* A new content: begin, add rows, commit (hands it to the thread, which makes text of it).  Other events may be handled
 * in between; another begin starts anew.  Memory short: the commit is left out and the old file
 * stays. */
void state_begin(struct state *s);
void state_add(struct state *s, const struct state_row *row);
void state_commit(struct state *s);

#endif
