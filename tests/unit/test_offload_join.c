/* Joining: what was apart comes together again, and only what belongs together. */
#include "tests/unit/offload_packets.h"

static void
what_was_cut_is_joined_to_the_same_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(supers); i++) {
		struct frame f = make(supers[i]), packet = at_ip(&f), out, parts[OFFLOAD_JOIN_MAX];
		struct offload_join join = {0};
		struct offload_cut cut;
		size_t at = 0;

		assert_int_equal(offload_cut_init(&cut, &packet, 65535), 0);
		if (supers[i].proto != IP_PROTO_TCP || cut.count > OFFLOAD_JOIN_MAX ||
		    cut.count == 1) {
			free(f.data);
			continue;
		}
		for (uint32_t k = 0; k < cut.count; k++) {
			parts[k] = segment(&cut, k, f.data);
			assert_true((k > 0 && offload_join_next(&join, &parts[k])) ||
				    offload_join_add(&join, &parts[k]));
		}
		assert_int_equal(join.count, cut.count);
		offload_join_end(&join, &out);
		assert_int_equal(out.size, f.size);
		assert_int_equal(out.gso, f.gso);
		assert_int_equal(out.gso_size, f.gso_size);
		assert_true(out.csum_partial);
		if (!f.csum_partial) { /* The join's is always partial. */
			struct shape s = supers[i];

			free(f.data);
			s.partial = true;
			f = make(s);
		}
		for (size_t k = 0; k < join.count; k++) {
			assert_memory_equal(join.part[k].iov_base, f.data + at,
					    join.part[k].iov_len);
			at += join.part[k].iov_len;
		}
		assert_int_equal(at, f.size);
		for (uint32_t k = 0; k < cut.count; k++)
			free(parts[k].data);
		free(f.data);
	}
}

/* Two segments that follow each other. */
static void
make_two(struct shape s, struct frame *a, struct frame *b)
{
	struct frame f, packet;
	struct offload_cut cut;

	s.gso_size = 1000;
	s.payload = 2000;
	f = make(s);
	packet = at_ip(&f);
	assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
	*a = segment(&cut, 0, f.data);
	*b = segment(&cut, 1, f.data);
	free(f.data);
}

static bool
join_two(const struct frame *a, const struct frame *b)
{
	struct offload_join join = {0}, by_next = {0};
	bool is_added;

	assert_true(offload_join_add(&join, a));
	assert_true(offload_join_add(&by_next, a));
	is_added = offload_join_add(&join, b);
	/* The short way is for IPv4, and never says anything else. */
	assert_int_equal(offload_join_next(&by_next, b), is_added && a->data[ETH_SIZE] >> 4 == 4);
	return is_added;
}

/* May this bit differ between two segments that are joined? */
static bool
may_differ(uint8_t family, size_t at, uint8_t bit)
{
	size_t l4 = ETH_SIZE + (family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE);
	size_t length = ETH_SIZE + (family == ADDR_V4 ? 2 : 4);

	if (at == length || at == length + 1) /* shorter: the last one */
		return true;
	if (family == ADDR_V4 && (at == ETH_SIZE + 10 || at == ETH_SIZE + 11))
		return true;                /* made right again by the test */
	if (at == l4 + 16 || at == l4 + 17) /* partial: replaced */
		return true;
	return at == l4 + 13 && bit == PSH;
}

static void
any_other_difference_in_the_header_forbids_a_join(void **state)
{
	(void)state;
	for (uint8_t family = ADDR_V4; family <= ADDR_V6; family += ADDR_V6 - ADDR_V4) {
		size_t header = ETH_SIZE + (family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) + 32u;
		struct frame a, b;

		make_two((struct shape){family, IP_PROTO_TCP, ACK, 0, 12, 0, true}, &a, &b);
		assert_true(join_two(&a, &b));
		for (size_t at = 0; at < header; at++) {
			for (unsigned bit = 1; bit < 256; bit <<= 1) {
				if (may_differ(family, at, (uint8_t)bit))
					continue;
				b.data[at] ^= (uint8_t)bit;
				if (family == ADDR_V4 && at != ETH_SIZE)
					ip_header_checksum(b.data + ETH_SIZE);
				if (join_two(&a, &b))
					fail_msg("family %u, byte %zu, bit %02x", family, at, bit);
				b.data[at] ^= (uint8_t)bit;
				if (family == ADDR_V4)
					ip_header_checksum(b.data + ETH_SIZE);
			}
		}
		assert_true(join_two(&a, &b));
		free(a.data);
		free(b.data);
	}
}

static void
only_plain_data_starts_a_join(void **state)
{
	static const uint8_t flags[] = {SYN,       ACK | SYN, ACK | FIN, ACK | RST,
					ACK | URG, ACK | ECE, ACK | CWR, 0};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(flags); i++) {
		struct frame f =
			make((struct shape){ADDR_V4, IP_PROTO_TCP, flags[i], 1000, 12, 0, true});
		struct offload_join join = {0};
		struct frame out;

		assert_true(offload_join_add(&join, &f));
		assert_true(join.closed);
		assert_false(offload_join_add(&join, &f));
		offload_join_end(&join, &out);
		assert_int_equal(out.gso, FRAME_GSO_NONE);
		assert_int_equal(out.size, f.size);
		free(f.data);
	}
}

static void
frames_that_are_no_packets_stay_alone(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_TCP, ACK, 1000, 12, 0, true});

	(void)state;
	for (size_t size = 0; size < f.size; size += size < 70 ? 1 : 111) {
		struct frame cut = {.size = size, .data = malloc(size)};
		struct offload_join join = {0};

		memcpy(cut.data, f.data, size);
		assert_true(offload_join_add(&join, &cut));
		assert_true(join.closed);
		free(cut.data);
	}
	free(f.data);
}

static void
a_short_or_pushed_segment_is_the_last(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_TCP, ACK | PSH, 2500, 12, 1000, 1});
	struct frame packet = at_ip(&f), s[3], out;
	struct offload_join join = {0};
	struct offload_cut cut;

	(void)state;
	assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
	for (uint32_t i = 0; i < 3; i++)
		s[i] = segment(&cut, i, f.data);
	assert_true(offload_join_add(&join, &s[0]));
	assert_true(offload_join_add(&join, &s[1]));
	assert_false(join.closed);
	assert_true(offload_join_add(&join, &s[2]));
	assert_true(join.closed);
	offload_join_end(&join, &out);
	assert_int_equal(out.data[ETH_SIZE + IP4_SIZE_MIN + 13], ACK | PSH);

	/* Longer than the first is not continued by it. */
	join.count = 0;
	assert_true(offload_join_add(&join, &s[2]));
	assert_true(join.closed);
	for (uint32_t i = 0; i < 3; i++)
		free(s[i].data);
	free(f.data);
}

static void
a_join_stays_within_what_one_packet_can_hold(void **state)
{
	struct offload_join join = {0};
	struct frame out;
	struct frame s[OFFLOAD_JOIN_MAX + 1];
	size_t joined = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(s); i++) {
		uint8_t *p;

		s[i] = make((struct shape){ADDR_V4, IP_PROTO_TCP, ACK, 1448, 12, 0, true});
		p = s[i].data + ETH_SIZE;
		be16_put(p + 4, (uint16_t)(IP_ID + i));
		be32_put(p + IP4_SIZE_MIN + 4, SEQ + 1448 * (uint32_t)i);
		ip_header_checksum(p);
	}
	while (joined < ARRAY_COUNT(s) && offload_join_add(&join, &s[joined]))
		joined++;
	assert_int_equal(joined, (65535 - 52) / 1448);
	offload_join_end(&join, &out);
	assert_int_equal(be16_get(out.data + ETH_SIZE + 2), 52 + 1448 * joined);
	for (size_t i = 0; i < ARRAY_COUNT(s); i++)
		free(s[i].data);
}

static void
corruption_from_before_stays_visible(void **state)
{
	struct frame a, b, out;
	struct offload_join join = {0};
	uint8_t *copy;

	(void)state;
	make_two((struct shape){ADDR_V4, IP_PROTO_TCP, ACK, 0, 12, 0, false}, &a, &b);
	assert_true(join_two(&a, &b));
	b.data[b.size - 1] ^= 1;
	assert_false(join_two(&a, &b));
	b.data[b.size - 1] ^= 1;

	a.data[a.size - 1] ^= 1;
	copy = malloc(a.size);
	memcpy(copy, a.data, a.size);
	assert_true(offload_join_add(&join, &a));
	assert_false(offload_join_add(&join, &b));
	offload_join_end(&join, &out);
	assert_int_equal(out.size, a.size);
	assert_false(out.csum_partial);
	assert_memory_equal(out.data, copy, a.size);

	/* Who vouches for it is believed. */
	a.csum_verified = true;
	assert_true(join_two(&a, &b));
	free(copy);
	free(a.data);
	free(b.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_cut_is_joined_to_the_same_bytes),
		cmocka_unit_test(any_other_difference_in_the_header_forbids_a_join),
		cmocka_unit_test(only_plain_data_starts_a_join),
		cmocka_unit_test(frames_that_are_no_packets_stay_alone),
		cmocka_unit_test(a_short_or_pushed_segment_is_the_last),
		cmocka_unit_test(a_join_stays_within_what_one_packet_can_hold),
		cmocka_unit_test(corruption_from_before_stays_visible),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
