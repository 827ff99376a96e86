/* Cutting: each segment of a super-frame is a right packet, and what is none is refused. */
#include "tests/unit/offload_packets.h"

static bool
checksum_is_right(const struct frame *f)
{
	const uint8_t *p = f->data + ETH_SIZE;
	uint32_t l4_size;
	struct ip ip;

	if (ip_parse(p, f->size - ETH_SIZE, &ip) < 0)
		return false;
	l4_size = ip.size - ip.header_size;
	if (f->csum_partial)
		return be16_get(p + ip.header_size + ip_csum_offset(ip.proto)) ==
		       ip_pseudo_sum(&ip, l4_size);
	return ip_sum(p + ip.header_size, l4_size, ip_pseudo_sum(&ip, l4_size)) == 0xffff;
}

static void
each_segment_is_a_right_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(supers); i++) {
		struct frame f = make(supers[i]), packet = at_ip(&f);
		struct offload_cut cut;
		uint32_t total = 0;

		assert_int_equal(offload_cut_init(&cut, &packet, 65535), 0);
		assert_int_equal(cut.count, (supers[i].payload - 1) / supers[i].gso_size + 1);
		for (uint32_t k = 0; k < cut.count; k++) {
			struct frame s = segment(&cut, k, f.data);
			uint32_t size = (uint32_t)s.size - ETH_SIZE - cut.header_size;
			const uint8_t *p = s.data + ETH_SIZE;
			struct ip ip;

			assert_int_equal(ip_parse(p, s.size - ETH_SIZE, &ip), 0);
			assert_int_equal(ip.size, s.size - ETH_SIZE);
			assert_true(checksum_is_right(&s));
			assert_int_equal(s.csum_partial, supers[i].partial);
			if (ip.family == ADDR_V4)
				assert_int_equal(be16_get(p + 4), (uint16_t)(IP_ID + k));
			if (ip.proto == IP_PROTO_TCP)
				assert_int_equal(be32_get(p + ip.header_size + 4), SEQ + total);
			else
				assert_int_equal(be16_get(p + ip.header_size + 4), size + 8);
			assert_memory_equal(p + cut.header_size,
					    packet.data + cut.header_size + total, size);
			total += size;
			assert_true(k + 1 == cut.count || size == supers[i].gso_size);
			free(s.data);
		}
		assert_int_equal(total, supers[i].payload);
		free(f.data);
	}
}

static void
flags_go_to_the_segments_they_belong_to(void **state)
{
	static const struct {
		uint8_t flags, first, middle, last;
	} rows[] = {
		{ACK, ACK, ACK, ACK},
		{ACK | PSH, ACK, ACK, ACK | PSH},
		{ACK | FIN, ACK, ACK, ACK | FIN},
		{ACK | FIN | PSH, ACK, ACK, ACK | FIN | PSH},
		{ACK | CWR, ACK | CWR, ACK, ACK},
		{ACK | ECE, ACK | ECE, ACK | ECE, ACK | ECE},
		{ACK | CWR | ECE | PSH | FIN, ACK | CWR | ECE, ACK | ECE, ACK | ECE | PSH | FIN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct frame f = make(
			(struct shape){ADDR_V4, IP_PROTO_TCP, rows[i].flags, 3000, 12, 1000, true});
		struct frame packet = at_ip(&f);
		uint8_t header[OFFLOAD_HEADER_MAX],
			expected[] = {rows[i].first, rows[i].middle, rows[i].last};
		struct offload_cut cut;
		const uint8_t *payload;
		uint32_t size;

		assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
		assert_int_equal(cut.count, 3);
		for (uint32_t k = 0; k < 3; k++) {
			offload_cut_get(&cut, k, header, &payload, &size);
			assert_int_equal(header[IP4_SIZE_MIN + 13], expected[k]);
		}
		/* One segment has them all. */
		assert_int_equal(offload_cut_init(&cut, &packet, 65535), 0);
		packet.gso_size = 3000;
		assert_int_equal(offload_cut_init(&cut, &packet, 65535), 0);
		assert_int_equal(cut.count, 1);
		offload_cut_get(&cut, 0, header, &payload, &size);
		assert_int_equal(header[IP4_SIZE_MIN + 13], rows[i].flags);
		free(f.data);
	}
}

static void
a_smaller_path_cuts_tcp_anew_and_refuses_udp(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_TCP, ACK, 4000, 12, 1448, true});
	struct frame packet = at_ip(&f);
	struct offload_cut cut;

	(void)state;
	assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
	assert_int_equal(cut.segment, 1000);
	assert_int_equal(cut.count, 4);
	assert_int_equal(offload_cut_init(&cut, &packet, 0), -EINVAL);
	free(f.data);

	f = make((struct shape){ADDR_V4, IP_PROTO_UDP, 0, 4000, 0, 1448, true});
	packet = at_ip(&f);
	assert_int_equal(offload_cut_init(&cut, &packet, 1448), 0);
	assert_int_equal(offload_cut_init(&cut, &packet, 1447), -EMSGSIZE);
	free(f.data);
}

static void
a_packet_without_gso_is_one_untouched_segment(void **state)
{
	static const struct shape rows[] = {
		{ADDR_V4, IP_PROTO_TCP, SYN, 0, 20, 0, false},
		{ADDR_V4, IP_PROTO_TCP, ACK | PSH | FIN | CWR, 1000, 12, 0, true},
		{ADDR_V6, IP_PROTO_UDP, 0, 999, 0, 0, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct frame f = make(rows[i]), packet = at_ip(&f), s;
		struct offload_cut cut;

		assert_int_equal(offload_cut_init(&cut, &packet, 10), 0);
		assert_int_equal(cut.count, 1);
		s = segment(&cut, 0, f.data);
		assert_int_equal(s.size, f.size);
		assert_memory_equal(s.data, f.data, f.size);
		free(s.data);
		free(f.data);
	}
}

static void
ethernet_padding_is_left_out(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_TCP, ACK, 2, 0, 0, false}), packet;
	struct offload_cut cut;
	const uint8_t *payload;
	uint8_t header[OFFLOAD_HEADER_MAX], *padded = calloc(1, ETH_FRAME_MIN);
	uint32_t size;

	(void)state;
	memcpy(padded, f.data, f.size);
	packet = (struct frame){.data = padded + ETH_SIZE, .size = ETH_FRAME_MIN - ETH_SIZE};
	assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
	offload_cut_get(&cut, 0, header, &payload, &size);
	assert_int_equal(size, 2);
	free(padded);
	free(f.data);
}

static void
a_super_frame_that_is_none_is_refused(void **state)
{
	static const struct {
		struct shape shape;
		uint8_t gso;
	} rows[] = {
		{{ADDR_V4, IP_PROTO_TCP, ACK | SYN, 4000, 0, 1000, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK | RST, 4000, 0, 1000, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK | URG, 4000, 0, 1000, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK, 4000, 0, 1000, true}, FRAME_GSO_TCP6},
		{{ADDR_V6, IP_PROTO_TCP, ACK, 4000, 0, 1000, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK, 4000, 0, 1000, true}, FRAME_GSO_UDP},
		{{ADDR_V4, IP_PROTO_UDP, 0, 4000, 0, 1000, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK, 4000, 0, 0, true}, FRAME_GSO_TCP4},
		{{ADDR_V4, IP_PROTO_TCP, ACK, 4000, 0, 1000, true}, 77},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct frame f = make(rows[i].shape), packet = at_ip(&f);
		struct offload_cut cut;

		packet.gso = rows[i].gso;
		assert_int_equal(offload_cut_init(&cut, &packet, 1448), -EINVAL);
		free(f.data);
	}
}

static void
fragments_are_refused(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_UDP, 0, 4000, 0, 1000, true});
	struct frame packet = at_ip(&f);
	struct offload_cut cut;

	(void)state;
	for (uint16_t flags = 1; flags != 0x4000; flags = flags == 1 ? 0x2000 : 0x4000) {
		be16_put(packet.data + 6, flags);
		ip_header_checksum(packet.data);
		assert_int_equal(offload_cut_init(&cut, &packet, 1448), -EINVAL);
	}
	free(f.data);
}

static void
every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(supers); i++) {
		struct frame f = make(supers[i]);

		for (size_t size = 0; size < f.size - ETH_SIZE; size += size < 130 ? 1 : 97) {
			struct frame packet = f;
			struct offload_cut cut;

			packet.size = size;
			packet.data = malloc(size);
			memcpy(packet.data, f.data + ETH_SIZE, size);
			assert_int_equal(offload_cut_init(&cut, &packet, 1448), -EINVAL);
			free(packet.data);
		}
		free(f.data);
	}
}

static void
a_partial_checksum_is_finished(void **state)
{
	static const struct shape rows[] = {
		{ADDR_V4, IP_PROTO_TCP, ACK, 1001, 12, 0, true},
		{ADDR_V6, IP_PROTO_TCP, ACK, 1000, 0, 0, true},
		{ADDR_V4, IP_PROTO_UDP, 0, 33, 0, 0, true},
		{ADDR_V6, IP_PROTO_UDP, 0, 0, 0, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct shape whole = rows[i];
		struct frame f = make(rows[i]), packet = at_ip(&f), g;

		offload_finish_checksum(&packet);
		assert_false(packet.csum_partial);
		whole.partial = false;
		g = make(whole);
		assert_memory_equal(f.data, g.data, g.size);
		free(f.data);
		free(g.data);
	}
}

static void
a_udp_packet_without_a_checksum_keeps_none(void **state)
{
	struct frame f = make((struct shape){ADDR_V4, IP_PROTO_UDP, 0, 3000, 0, 1000, false});
	struct frame packet = at_ip(&f);
	uint8_t header[OFFLOAD_HEADER_MAX];
	struct offload_cut cut;
	const uint8_t *payload;
	uint32_t size;

	(void)state;
	be16_put(packet.data + IP4_SIZE_MIN + 6, 0);
	assert_int_equal(offload_cut_init(&cut, &packet, 1000), 0);
	offload_cut_get(&cut, 1, header, &payload, &size);
	assert_int_equal(be16_get(header + IP4_SIZE_MIN + 6), 0);
	free(f.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_segment_is_a_right_packet),
		cmocka_unit_test(flags_go_to_the_segments_they_belong_to),
		cmocka_unit_test(a_smaller_path_cuts_tcp_anew_and_refuses_udp),
		cmocka_unit_test(a_packet_without_gso_is_one_untouched_segment),
		cmocka_unit_test(ethernet_padding_is_left_out),
		cmocka_unit_test(a_super_frame_that_is_none_is_refused),
		cmocka_unit_test(fragments_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(a_partial_checksum_is_finished),
		cmocka_unit_test(a_udp_packet_without_a_checksum_keeps_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
