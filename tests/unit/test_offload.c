/* Cutting and joining: what goes apart comes together again, and only then. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "vr/offload.h"
#include "wire/be.h"
#include "wire/eth.h"

enum { FIN = 0x01, SYN = 0x02, RST = 0x04, PSH = 0x08, ACK = 0x10, URG = 0x20, ECE = 0x40 };
enum { CWR = 0x80 };

#define SEQ   0xfffffe00u /* wraps within a super-frame */
#define IP_ID 0xfffe

/* What a test packet is; zero means the usual. */
struct shape {
	uint8_t family, proto, flags;
	uint32_t payload;
	uint8_t options; /* bytes of TCP options */
	uint16_t gso_size;
	bool partial;
};

static uint32_t
header_size(const struct shape *s)
{
	return (s->family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE) +
	       (s->proto == IP_PROTO_TCP ? 20u + s->options : 8u);
}

static void
put_ip(const struct shape *s, uint8_t *p, uint32_t size)
{
	if (s->family == ADDR_V4) {
		p[0] = 0x45;
		p[1] = 0x02;
		be16_put(p + 2, (uint16_t)size);
		be16_put(p + 4, IP_ID);
		be16_put(p + 6, 0x4000);
		p[8] = 63;
		p[9] = s->proto;
		be32_put(p + 12, 0x0a010005);
		be32_put(p + 16, 0x0a020007);
		ip_header_checksum(p);
		return;
	}
	be32_put(p, 0x60212345);
	be16_put(p + 4, (uint16_t)(size - IP6_SIZE));
	p[6] = s->proto;
	p[7] = 63;
	memset(p + 8, 0x20, 32);
	p[39] = 7;
}

static void
put_l4(const struct shape *s, uint8_t *l4, uint32_t l4_size)
{
	be16_put(l4, 50000);
	be16_put(l4 + 2, 443);
	if (s->proto == IP_PROTO_UDP) {
		be16_put(l4 + 4, (uint16_t)l4_size);
		return;
	}
	be32_put(l4 + 4, SEQ);
	be32_put(l4 + 8, 0x01020304);
	l4[12] = (uint8_t)((20 + s->options) / 4 << 4);
	l4[13] = s->flags;
	be16_put(l4 + 14, 501);
	memset(l4 + 20, 1, s->options);
}

/* The frame at its Ethernet header, in memory of its exact size: free(f.data). */
static struct frame
make(struct shape s)
{
	uint32_t header = header_size(&s);
	uint32_t size = header + s.payload;
	struct frame f = {.size = ETH_SIZE + size, .gso_size = s.gso_size};
	struct eth eth = {.dst = {{2, 0, 0, 0, 0, 2}},
			  .src = {{2, 0, 0, 0, 0, 1}},
			  .type = s.family == ADDR_V4 ? ETH_IP4 : ETH_IP6};
	struct ip ip;
	uint8_t *p, *l4;

	f.data = calloc(1, f.size);
	assert_non_null(f.data);
	eth_build(&eth, f.data);
	p = f.data + ETH_SIZE;
	put_ip(&s, p, size);
	l4 = p + (s.family == ADDR_V4 ? IP4_SIZE_MIN : IP6_SIZE);
	put_l4(&s, l4, size - (uint32_t)(l4 - p));
	for (uint32_t i = 0; i < s.payload; i++)
		p[header + i] = (uint8_t)(i * 7 + (i >> 8));
	assert_int_equal(ip_parse(p, size, &ip), 0);
	if (s.partial)
		be16_put(l4 + ip_csum_offset(s.proto),
			 ip_pseudo_sum(&ip, ip.size - ip.header_size));
	else
		ip_l4_checksum(p, &ip);
	f.csum_partial = s.partial;
	if (s.gso_size != 0)
		f.gso = s.proto == IP_PROTO_UDP ? FRAME_GSO_UDP
			: s.family == ADDR_V4   ? FRAME_GSO_TCP4
						: FRAME_GSO_TCP6;
	return f;
}

static struct frame
at_ip(const struct frame *f)
{
	struct frame packet = *f;

	packet.data += ETH_SIZE;
	packet.size -= ETH_SIZE;
	return packet;
}

/* Segment 'index' as a frame of its own, Ethernet header in front. */
static struct frame
segment(const struct offload_cut *cut, uint32_t index, const uint8_t *ethernet)
{
	uint8_t header[OFFLOAD_HEADER_MAX];
	struct frame f = {.csum_partial = cut->csum_partial};
	const uint8_t *payload;
	uint32_t size;

	offload_cut_get(cut, index, header, &payload, &size);
	f.size = ETH_SIZE + cut->header_size + size;
	f.data = malloc(f.size);
	assert_non_null(f.data);
	memcpy(f.data, ethernet, ETH_SIZE);
	memcpy(f.data + ETH_SIZE, header, cut->header_size);
	memcpy(f.data + ETH_SIZE + cut->header_size, payload, size);
	return f;
}

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

static const struct shape supers[] = {
	{ADDR_V4, IP_PROTO_TCP, ACK, 10000, 12, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK | PSH, 2896, 12, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK | PSH, 2897, 0, 1448, false},
	{ADDR_V4, IP_PROTO_TCP, ACK, 1448, 40, 1448, true},
	{ADDR_V4, IP_PROTO_TCP, ACK, 64000, 12, 1001, true},
	{ADDR_V6, IP_PROTO_TCP, ACK, 10000, 12, 1428, true},
	{ADDR_V6, IP_PROTO_TCP, ACK, 9999, 0, 1427, false},
	{ADDR_V4, IP_PROTO_UDP, 0, 5000, 0, 1200, true},
	{ADDR_V4, IP_PROTO_UDP, 0, 4801, 0, 1200, false},
	{ADDR_V6, IP_PROTO_UDP, 0, 5000, 0, 1201, true},
};

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
		cmocka_unit_test(what_was_cut_is_joined_to_the_same_bytes),
		cmocka_unit_test(flags_go_to_the_segments_they_belong_to),
		cmocka_unit_test(a_smaller_path_cuts_tcp_anew_and_refuses_udp),
		cmocka_unit_test(a_packet_without_gso_is_one_untouched_segment),
		cmocka_unit_test(ethernet_padding_is_left_out),
		cmocka_unit_test(a_super_frame_that_is_none_is_refused),
		cmocka_unit_test(fragments_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(any_other_difference_in_the_header_forbids_a_join),
		cmocka_unit_test(only_plain_data_starts_a_join),
		cmocka_unit_test(frames_that_are_no_packets_stay_alone),
		cmocka_unit_test(a_short_or_pushed_segment_is_the_last),
		cmocka_unit_test(a_join_stays_within_what_one_packet_can_hold),
		cmocka_unit_test(corruption_from_before_stays_visible),
		cmocka_unit_test(a_partial_checksum_is_finished),
		cmocka_unit_test(a_udp_packet_without_a_checksum_keeps_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
