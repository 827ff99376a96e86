/* Which row of a shared table is given up: see share.h. */
#include "base/share.h"

static const struct share *
row_at(const void *rows, size_t row_size, size_t position)
{
	return (const void *)((const unsigned char *)rows + position * row_size);
}

static size_t
used_by(const void *rows, size_t count, size_t row_size, vn_id_t vn)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++)
		used += row_at(rows, row_size, i)->vn == vn;
	return used;
}

static uint64_t
next_turn(const void *rows, size_t count, size_t row_size)
{
	uint64_t turn = 0;

	for (size_t i = 0; i < count; i++)
		if (row_at(rows, row_size, i)->turn > turn)
			turn = row_at(rows, row_size, i)->turn;
	return turn + 1;
}

size_t
share_pick(const void *rows, size_t count, size_t row_size, vn_id_t vn, struct share *share)
{
	size_t most = used_by(rows, count, row_size, vn);
	size_t oldest = count;
	vn_id_t largest = vn;

	*share =
		(struct share){.is_used = true, .vn = vn, .turn = next_turn(rows, count, row_size)};
	for (size_t i = 0; i < count; i++)
		if (!row_at(rows, row_size, i)->is_used)
			return i;
	for (size_t i = 0; i < count; i++) {
		vn_id_t other = row_at(rows, row_size, i)->vn;
		size_t used = other == largest ? 0 : used_by(rows, count, row_size, other);

		if (used > most) {
			most = used;
			largest = other;
		}
	}
	for (size_t i = 0; i < count; i++) {
		const struct share *row = row_at(rows, row_size, i);

		if (row->vn == largest &&
		    (oldest == count || row->turn < row_at(rows, row_size, oldest)->turn))
			oldest = i;
	}
	return oldest;
}
