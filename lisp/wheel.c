/* A ring of lists, one per second, with a bit for each that is not empty. */
#include "lisp/wheel.h"

#include <errno.h>

#include "lisp/pages.h"

#define WHEEL_FIRST 0x80000000u

_Static_assert(WHEEL_SLOTS == 64 * 64, "a word has a bit for each word of slots");

int
wheel_init(struct wheel *w, uint32_t max)
{
	*w = (struct wheel){0};
	w->max = max;
	w->links = pages_create((size_t)max + 1, sizeof(*w->links));
	w->heads = calloc(WHEEL_SLOTS, sizeof(*w->heads));
	if (w->links == NULL || w->heads == NULL) {
		wheel_fini(w);
		return -ENOMEM;
	}
	return 0;
}

void
wheel_fini(struct wheel *w)
{
	pages_destroy(w->links, (size_t)w->max + 1, sizeof(*w->links));
	free(w->heads);
	*w = (struct wheel){0};
}

static void
mark(struct wheel *w, uint32_t slot)
{
	w->used[slot / 64] |= UINT64_C(1) << slot % 64;
	w->words |= UINT64_C(1) << slot / 64;
}

static void
unmark(struct wheel *w, uint32_t slot)
{
	w->used[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	if (w->used[slot / 64] == 0)
		w->words &= ~(UINT64_C(1) << slot / 64);
}

void
wheel_add(struct wheel *w, uint32_t member, uint32_t due)
{
	uint32_t ahead = due > w->now ? due - w->now : 0;
	uint32_t slot;
	struct wheel_link *link = &w->links[member];

	if (ahead >= WHEEL_SLOTS)
		ahead = WHEEL_SLOTS - 1;
	slot = (w->now + ahead) % WHEEL_SLOTS;
	link->prev = WHEEL_FIRST | slot;
	link->next = w->heads[slot];
	if (link->next != 0)
		w->links[link->next].prev = member;
	w->heads[slot] = member;
	mark(w, slot);
}

void
wheel_remove(struct wheel *w, uint32_t member)
{
	struct wheel_link *link = &w->links[member];

	if (link->prev == 0)
		return;
	if ((link->prev & WHEEL_FIRST) != 0) {
		uint32_t slot = link->prev & ~WHEEL_FIRST;

		w->heads[slot] = link->next;
		if (link->next == 0)
			unmark(w, slot);
	} else {
		w->links[link->prev].next = link->next;
	}
	if (link->next != 0)
		w->links[link->next].prev = link->prev;
	*link = (struct wheel_link){0};
}

/* The bits from 'first' on, then those before it. */
static uint64_t
turned(uint64_t bits, uint32_t first)
{
	return bits >> first % 64 | bits << (64 - first) % 64;
}

uint32_t
wheel_next(const struct wheel *w)
{
	uint32_t start = w->now % WHEEL_SLOTS;
	uint32_t word = start / 64, slot;
	uint64_t bits = w->used[word] & ~UINT64_C(0) << start % 64;

	if (w->words == 0)
		return WHEEL_NEVER;
	if (bits == 0) {
		/* Of the words behind it, around to what lies before 'start' in its own. */
		word = (word + 1 + (uint32_t)__builtin_ctzll(turned(w->words, word + 1))) % 64;
		bits = w->used[word];
	}
	slot = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return w->now + (slot - start + WHEEL_SLOTS) % WHEEL_SLOTS;
}

uint32_t
wheel_take(struct wheel *w, uint32_t now)
{
	uint32_t next = wheel_next(w);
	uint32_t member;

	if (next > now) {
		if (now > w->now)
			w->now = now;
		return 0;
	}
	w->now = next;
	member = w->heads[next % WHEEL_SLOTS];
	wheel_remove(w, member);
	return member;
}
