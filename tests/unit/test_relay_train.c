/* Trains of relayed datagrams: what is right in them goes on, in one piece where it can, whatever stands between.
 *
 * Router 0 is the relay; 1 has it relay to 2 and 3. */
#include "tests/unit/session_sim.h"

#define COUNT  6
#define STRIDE (SEAL_RELAY_SIZE + SEAL_OVERHEAD + SIM_PACKET)

struct told {
	unsigned count;
	enum roster_fate fate[COUNT];
	uint32_t slot[COUNT];
	const uint8_t *data[COUNT];
	size_t size[COUNT];
};

static void
on_heard(void *ctx, enum roster_fate fate, uint32_t slot, uint8_t *data, size_t size,
	 const struct session_content *content, us_t now)
{
	struct told *t = ctx;

	(void)now;
	assert_true(t->count < COUNT);
	assert_true((content != NULL) == (fate == ROSTER_CONTENT));
	t->fate[t->count] = fate;
	t->slot[t->count] = slot;
	t->data[t->count] = data;
	t->size[t->count++] = size;
}

static struct sim *
start(void)
{
	struct sim *s = sim_create(4, 1);

	s->conf.relay = true;
	for (unsigned i = 0; i < 4; i++)
		sim_start(s, i);
	sim_run(s, 2 * US_S);
	for (unsigned i = 1; i < 4; i++) {
		assert_true(session_is_up(roster_at(s->nodes[i].roster, 0)));
		roster_set_relay(s->nodes[i].roster, 0, true, s->now);
	}
	assert_true(session_is_up(roster_at(s->nodes[1].roster, 2)));
	return s;
}

static struct vr_id
id_of(const struct sim *s, unsigned node)
{
	uint8_t hash[CRYPTO_HASH_SIZE];
	struct vr_id id = {0};

	crypto_hash(s->nodes[node].public_key, CRYPTO_KEY_SIZE, NULL, 0, hash);
	for (size_t i = 0; i < SEAL_ID_SIZE; i++)
		id.v = id.v << 8 | hash[i];
	return id;
}

/* Records of 1 for 'to', with what the relay needs in front; the last one shorter by 'less'. */
static void
records(struct sim *s, unsigned to, uint8_t *data, size_t count, size_t less)
{
	struct session *peer = roster_at(s->nodes[1].roster, to);
	uint8_t body[SIM_PACKET] = {0};

	for (size_t i = 0; i < count; i++)
		assert_int_equal(session_seal(peer,
					      &(struct seal_inner){.kind = SEAL_DATA, .vn = 7},
					      data + i * STRIDE + SEAL_RELAY_SIZE, 0, body,
					      SIM_PACKET - (i + 1 == count ? less : 0), s->now),
				 0);
	assert_int_equal(session_relay_seal(roster_at(s->nodes[1].roster, 0), SEAL_RELAY,
					    id_of(s, to), data, STRIDE, count, s->now),
			 0);
}

static struct told
hear(struct sim *s, unsigned node, unsigned from, uint8_t *data, size_t size)
{
	const struct path path = path_udp(s->nodes[from].at);
	struct told t = {.count = 0};

	roster_train_heard(s->nodes[node].roster, data, size, STRIDE, NULL, &path, s->now, on_heard,
			   &t);
	return t;
}

static void
a_train_passes_whole(void **state)
{
	struct sim *s = start();
	uint8_t *data = calloc(COUNT, STRIDE);
	size_t whole = COUNT * STRIDE - 20;
	struct told t;

	(void)state;
	records(s, 2, data, COUNT, 20);
	t = hear(s, 0, 1, data, whole);
	assert_int_equal(t.count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(t.fate[i], ROSTER_FORWARD);
		assert_int_equal(t.slot[i], 2);
		assert_ptr_equal(t.data[i], data + i * STRIDE);
		assert_int_equal(t.size[i], i + 1 < COUNT ? STRIDE : STRIDE - 20);
	}
	t = hear(s, 2, 0, data, whole);
	assert_int_equal(t.count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(t.fate[i], ROSTER_CONTENT);
		assert_int_equal(t.slot[i], 1);
	}
	/* All of it again. */
	t = hear(s, 2, 0, data, whole);
	assert_int_equal(t.count, 0);
	free(data);
	sim_destroy(s);
}

static void
what_is_wrong_in_a_train_is_left_out(void **state)
{
	struct sim *s = start();
	uint8_t *data = calloc(COUNT, STRIDE);
	uint64_t forged = sim_drops(s, 0, ROSTER_DROP_FORGED);
	uint64_t replayed = sim_drops(s, 0, ROSTER_DROP_REPLAYED);
	uint64_t unknown = sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN);
	struct told t;

	(void)state;
	records(s, 2, data, COUNT, 0);
	/* 0 is right, 1 forged, 2 as 0, 3 for nobody, 4 and 5 are right. */
	data[STRIDE + SEAL_OUTER_SIZE] ^= 1;
	memcpy(data + 2 * STRIDE, data, STRIDE);
	assert_int_equal(session_relay_seal(roster_at(s->nodes[1].roster, 0), SEAL_RELAY,
					    (struct vr_id){.v = 77}, data + 3 * STRIDE, 0, 1,
					    s->now),
			 0);
	t = hear(s, 0, 1, data, COUNT * STRIDE);
	assert_int_equal(t.count, 3);
	assert_ptr_equal(t.data[0], data);
	assert_ptr_equal(t.data[1], data + 4 * STRIDE);
	assert_ptr_equal(t.data[2], data + 5 * STRIDE);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_FORGED), forged + 1);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_REPLAYED), replayed + 1);
	assert_int_equal(sim_drops(s, 0, ROSTER_DROP_RELAY_UNKNOWN), unknown + 1);
	free(data);
	sim_destroy(s);
}

static void
receivers_and_kinds_may_change_within_a_train(void **state)
{
	struct sim *s = start();
	uint8_t *data = calloc(COUNT, STRIDE);
	uint8_t body[SIM_PACKET + SEAL_RELAY_SIZE] = {0};
	struct told t;

	(void)state;
	records(s, 2, data, 2, 0);
	records(s, 3, data + 2 * STRIDE, 1, 0);
	/* One for the relay itself. */
	assert_int_equal(session_seal(roster_at(s->nodes[1].roster, 0),
				      &(struct seal_inner){.kind = SEAL_DATA, .vn = 7},
				      data + 3 * STRIDE, 0, body, sizeof(body), s->now),
			 0);
	records(s, 3, data + 4 * STRIDE, 2, 0);
	t = hear(s, 0, 1, data, COUNT * STRIDE);
	assert_int_equal(t.count, COUNT);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(t.fate[i], i == 3 ? ROSTER_CONTENT : ROSTER_FORWARD);
		assert_int_equal(t.slot[i], i == 3 ? 1 : i < 2 ? 2 : 3);
	}
	free(data);
	sim_destroy(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_train_passes_whole),
		cmocka_unit_test(what_is_wrong_in_a_train_is_left_out),
		cmocka_unit_test(receivers_and_kinds_may_change_within_a_train),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
