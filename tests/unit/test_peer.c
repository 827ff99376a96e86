/* Peers: slots that keep their number, look-up by id, and what happens without room or memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/table_memory.h"

#include "tables/peer.c"

static const vn_id_t VNS[] = {7, 9, 0xffffff};

static struct vr_id
id_of(uint64_t number)
{
	return (struct vr_id){number};
}

static uint32_t
put(struct peers *t, uint64_t id)
{
	uint32_t slot = UINT32_MAX;

	assert_int_equal(peers_put(t, id_of(id), "peer", VNS, ARRAY_COUNT(VNS), &slot), 0);
	return slot;
}

static void
peer_is_found_by_slot_and_by_id(void **state)
{
	struct peers *t = peers_create();
	uint32_t slot = put(t, 42);
	struct peer *p = peers_at(t, slot);

	(void)state;
	assert_non_null(p);
	assert_ptr_equal(peers_find(t, id_of(42)), p);
	assert_null(peers_find(t, id_of(43)));
	assert_null(peers_find(t, id_of(42 + PEER_SLOTS_MAX)));
	assert_null(peers_at(t, slot + 1));
	assert_null(peers_at(t, UINT32_MAX));
	assert_int_equal(p->slot, slot);
	assert_int_equal(p->state, PEER_DOWN);
	assert_string_equal(p->name, "peer");
	assert_int_equal(p->vn_count, 3);
	assert_int_equal(peers_count(t), 1);
	peers_destroy(t);
	peers_destroy(NULL);
}

static void
vn_is_found_when_the_peer_is_in_it(void **state)
{
	const vn_id_t repeated[] = {5, 6, 5};
	struct peers *t = peers_create();
	struct peer *p = peers_at(t, put(t, 1));
	uint32_t slot;

	(void)state;
	assert_int_equal(peer_vn(p, 9)->vn, 9);
	assert_int_equal(peer_vn(p, 0xffffff)->vn, 0xffffff);
	assert_null(peer_vn(p, 8));
	assert_int_equal(peers_put(t, id_of(2), "", repeated, 3, &slot), 0);
	assert_int_equal(peers_at(t, slot)->vn_count, 2);
	assert_int_equal(peers_put(t, id_of(3), "", NULL, 0, &slot), 0);
	assert_null(peer_vn(peers_at(t, slot), 5));
	peers_destroy(t);
}

static void
same_id_is_refused(void **state)
{
	struct peers *t = peers_create();
	uint32_t slot = 77;

	(void)state;
	put(t, 1);
	assert_int_equal(peers_put(t, id_of(1), "other", VNS, 1, &slot), -EEXIST);
	assert_int_equal(slot, 77);
	assert_string_equal(peers_find(t, id_of(1))->name, "peer");
	assert_int_equal(peers_count(t), 1);
	peers_destroy(t);
}

static void
long_name_is_cut(void **state)
{
	char name[200];
	struct peers *t = peers_create();
	uint32_t slot;

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(peers_put(t, id_of(1), name, VNS, 1, &slot), 0);
	assert_int_equal(strlen(peers_at(t, slot)->name), sizeof(peers_at(t, slot)->name) - 1);
	peers_destroy(t);
}

static void
slot_stays_until_removal_and_is_reused_after_it(void **state)
{
	struct peers *t = peers_create();
	uint32_t a = put(t, 1);
	uint32_t b = put(t, 2);
	uint32_t c = put(t, 3);
	struct peer *kept = peers_at(t, c);

	(void)state;
	peers_remove(t, b);
	peers_remove(t, b);
	peers_remove(t, UINT32_MAX);
	assert_null(peers_at(t, b));
	assert_null(peers_find(t, id_of(2)));
	assert_ptr_equal(peers_at(t, c), kept);
	assert_int_equal(peers_find(t, id_of(1))->slot, a);
	assert_int_equal(put(t, 4), b);
	assert_int_equal(peers_count(t), 3);
	peers_destroy(t);
}

static void
ids_of_one_bucket_do_not_hide_each_other(void **state)
{
	struct peers *t = peers_create();
	uint32_t slots[4];
	uint64_t i;

	(void)state;
	for (i = 0; i < 4; i++)
		slots[i] = put(t, 5 + i * BUCKETS);
	peers_remove(t, slots[2]);
	peers_remove(t, slots[0]);
	assert_null(peers_find(t, id_of(5)));
	assert_int_equal(peers_find(t, id_of(5 + BUCKETS))->slot, slots[1]);
	assert_int_equal(peers_find(t, id_of(5 + 3 * BUCKETS))->slot, slots[3]);
	peers_destroy(t);
}

static void
walk_survives_removal_and_sees_all_others(void **state)
{
	struct peers *t = peers_create();
	uint32_t position = 0;
	size_t seen = 0;
	struct peer *p;
	uint64_t i;

	(void)state;
	for (i = 1; i <= 10; i++)
		put(t, i);
	while ((p = peers_next(t, &position)) != NULL) {
		seen++;
		if (p->slot % 2 == 1)
			peers_remove(t, p->slot);
	}
	assert_int_equal(seen, 10);
	assert_int_equal(peers_count(t), 5);
	for (position = 0, seen = 0; (p = peers_next(t, &position)) != NULL; seen++)
		assert_int_equal(p->slot % 2, 0);
	assert_int_equal(seen, 5);
	peers_destroy(t);
}

static void
limits_are_kept(void **state)
{
	vn_id_t vns[PEER_VNS_MAX + 1];
	struct peers *t = peers_create();
	uint32_t slot;
	uint64_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(vns); i++)
		vns[i] = (vn_id_t)i;
	assert_int_equal(peers_put(t, id_of(1), "", vns, PEER_VNS_MAX + 1, &slot), -ENOSPC);
	assert_int_equal(peers_put(t, id_of(1), "", vns, PEER_VNS_MAX, &slot), 0);
	for (i = 1; i < PEER_SLOTS_MAX; i++)
		put(t, 1 + i);
	assert_int_equal(peers_count(t), PEER_SLOTS_MAX);
	assert_int_equal(peers_put(t, id_of(99999), "", VNS, 1, &slot), -ENOSPC);
	peers_remove(t, 1000);
	assert_int_equal(put(t, 99999), 1000);
	peers_destroy(t);
}

static void
an_update_keeps_what_stays(void **state)
{
	static const vn_id_t other[] = {5, 20, 9, 21, 22, 23, 20};
	struct peers *t = peers_create();
	uint32_t slot = put(t, 1);
	struct peer *p = peers_at(t, slot);

	(void)state;
	p->state = PEER_UP;
	p->tx_bytes = 77;
	peer_vn(p, 9)->digest_sum = 99;
	assert_int_equal(peers_reserve(t, slot, ARRAY_COUNT(other)), 0);
	assert_int_equal(p->vn_count, 3);
	assert_string_equal(p->name, "peer");
	peers_update(t, slot, "new", other, ARRAY_COUNT(other));
	assert_ptr_equal(peers_at(t, slot), p);
	assert_ptr_equal(peers_find(t, id_of(1)), p);
	assert_string_equal(p->name, "new");
	assert_int_equal(p->state, PEER_UP);
	assert_int_equal(p->tx_bytes, 77);
	assert_int_equal(p->vn_count, 6);
	for (size_t i = 0; i < ARRAY_COUNT(other); i++)
		assert_int_equal(peer_vn(p, other[i])->digest_sum, other[i] == 9 ? 99 : 0);
	assert_null(peer_vn(p, 0xffffff));
	peers_update(t, slot, "new", other, 1);
	assert_int_equal(p->vn_count, 1);
	peers_update(t, slot, "new", VNS, 3);
	assert_int_equal(peer_vn(p, 9)->digest_sum, 0);
	assert_int_equal(peers_reserve(t, slot, PEER_VNS_MAX + 1), -ENOSPC);
	assert_int_equal(peers_reserve(t, slot + 1, 1), -ENOENT);
	memory_allow(0);
	assert_int_equal(peers_reserve(t, slot, PEER_VNS_MAX), -ENOMEM);
	memory_allow(MEMORY_ALL);
	assert_int_equal(p->vn_count, 3);
	peers_destroy(t);
}

static void
short_memory_changes_nothing(void **state)
{
	struct peers *t = peers_create();
	uint32_t slot = 5;
	size_t allowed;

	(void)state;
	for (allowed = 0; allowed < 2; allowed++) {
		memory_allow(allowed);
		assert_int_equal(peers_put(t, id_of(1), "", VNS, 3, &slot), -ENOMEM);
		assert_int_equal(slot, 5);
		assert_int_equal(peers_count(t), 0);
		assert_null(peers_find(t, id_of(1)));
	}
	memory_allow(0);
	assert_null(peers_create());
	memory_allow(MEMORY_ALL);
	put(t, 1);
	peers_destroy(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peer_is_found_by_slot_and_by_id),
		cmocka_unit_test(vn_is_found_when_the_peer_is_in_it),
		cmocka_unit_test(same_id_is_refused),
		cmocka_unit_test(long_name_is_cut),
		cmocka_unit_test(slot_stays_until_removal_and_is_reused_after_it),
		cmocka_unit_test(ids_of_one_bucket_do_not_hide_each_other),
		cmocka_unit_test(walk_survives_removal_and_sees_all_others),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(an_update_keeps_what_stays),
		cmocka_unit_test(short_memory_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
