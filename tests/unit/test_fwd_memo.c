/* With the decision about the packet before, a router does what it does without. */
#include "tests/unit/fwd_rig.h"

#define STEPS 20000

/* The same router twice; one remembers. */
struct pair {
	struct world *with, *without;
	uint64_t seed;
	unsigned found; /* packets that were as the one before */
};

static unsigned
draw(struct pair *p, unsigned count)
{
	p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(p->seed >> 33) % count;
}

static void
start(struct pair *p, uint64_t seed)
{
	*p = (struct pair){.with = world_make(plain), .without = world_make(plain), .seed = seed};
	fwd_memo_open(p->with->vr);
}

static void
end(struct pair *p)
{
	world_end(p->with);
	world_end(p->without);
}

static void
expect_the_same(struct pair *p)
{
	const struct world *a = p->with, *b = p->without;

	assert_int_equal(a->sent_count, b->sent_count);
	for (size_t i = 0; i < a->sent_count; i++) {
		assert_int_equal(a->sent[i].to_lan, b->sent[i].to_lan);
		assert_int_equal(a->sent[i].vn, b->sent[i].vn);
		assert_true(mac_equal(a->sent[i].mac, b->sent[i].mac));
		assert_int_equal(a->sent[i].size, b->sent[i].size);
		assert_memory_equal(a->sent[i].data, b->sent[i].data, a->sent[i].size);
	}
	assert_memory_equal(a->vr->drops, b->vr->drops, sizeof(a->vr->drops));
	assert_int_equal(a->vr->link_frames, b->vr->link_frames);
	assert_int_equal(a->vr->lan_delivered, b->vr->lan_delivered);
	assert_int_equal(a->vr->unknown_owner, b->vr->unknown_owner);
	assert_int_equal(peers_at(a->vr->peers, a->slot)->rx_bytes,
			 peers_at(b->vr->peers, b->slot)->rx_bytes);
	forget(p->with);
	forget(p->without);
}

/* A packet of a few flows, now and then with a byte of its headers changed. */
static void
send_both(struct pair *p)
{
	static const char *const from[] = {"10.2.0.9", "10.2.0.9", "10.2.0.8", "10.1.0.77"};
	static const char *const to[] = {"10.1.0.5", "10.1.0.5", "10.1.0.6", "10.1.0.1"};
	static const size_t sizes[] = {1400, 1400, 100, 1600};
	struct want want = {.from = from[draw(p, 4) * (draw(p, 8) == 0)],
			    .to = to[draw(p, 4) * (draw(p, 8) == 0)],
			    .size = sizes[draw(p, 4) * (draw(p, 8) == 0)],
			    .gso = p->seed >> 60 > 12 ? FRAME_GSO_NONE : FRAME_GSO_TCP4};
	struct seal_inner inner = {.vn = draw(p, 16) == 0 ? RED : BLUE,
				   .flags = draw(p, 16) == 0 ? SEAL_FLAG_REDIRECTED : 0};
	unsigned at = draw(p, 40), bit = draw(p, 8), what = draw(p, 8);
	struct world *both[] = {p->with, p->without};

	for (size_t i = 0; i < ARRAY_COUNT(both); i++) {
		struct frame f;
		uint8_t *bytes = packet_of(&want, &f);
		struct fwd_memo_from memo = {.site = vr_site(both[i]->vr, inner.vn),
					     .peer = peers_at(both[i]->vr->peers, both[i]->slot),
					     .header = (uint64_t)inner.flags << 8};
		struct mac mac;

		f.gso = FRAME_GSO_NONE;
		/* Made for TCP, the packet's offset is where an acknowledgement's is. */
		if (want.gso == FRAME_GSO_TCP4)
			f.data[32] = 0x50;
		if (what < 2)
			f.data[at] ^= (uint8_t)(1u << bit);
		if (what == 1)
			packet_ip4_sum(f.data);
		p->found += fwd_memo_find(both[i]->vr, &memo, &f, &mac);
		vr_link_data(both[i]->vr, both[i]->slot, &inner, &f, both[i]->now);
		free(bytes);
	}
}

static void
a_memory_changes_nothing(void **state)
{
	struct pair p;

	(void)state;
	for (uint64_t seed = 1; seed < 5; seed++) {
		start(&p, seed);
		for (unsigned i = 0; i < STEPS; i++) {
			struct world *both[] = {p.with, p.without};
			unsigned what = draw(&p, 200), number = 5 + draw(&p, 2);
			char text[] = "10.1.0.5";

			text[7] = (char)('0' + number);
			for (size_t k = 0; k < ARRAY_COUNT(both); k++) {
				if (what == 0 || i == 0)
					here(both[k], BLUE, (uint8_t)number);
				else if (what == 1)
					peer_says(both[k], text, (uint8_t)number, i);
				else if (what == 2)
					peer_says(both[k], "10.2.0.9", 9, i);
				else if (what == 3)
					both[k]->now += US_S;
			}
			send_both(&p);
			expect_the_same(&p);
		}
		assert_true(p.found > STEPS / 20);
		end(&p);
	}
}

static void
outside_of_an_event_nothing_is_remembered(void **state)
{
	struct world *w = world_make(plain);

	(void)state;
	here(w, BLUE, 5);
	peer_says(w, "10.2.0.9", 9, 1);
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 100});
	assert_false(w->vr->memo.is_set);
	fwd_memo_open(w->vr);
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 100});
	assert_true(w->vr->memo.is_set);
	/* News may change everything. */
	peer_says(w, "10.2.0.10", 10, 1);
	assert_false(w->vr->memo.is_set);
	peer_sends(w, (struct want){.from = "10.2.0.9", .to = "10.1.0.5", .size = 100});
	assert_true(w->vr->memo.is_set);
	fwd_memo_close(w->vr);
	assert_false(w->vr->memo.is_set);
	world_end(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_memory_changes_nothing),
		cmocka_unit_test(outside_of_an_event_nothing_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
