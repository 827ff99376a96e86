/* The interface model: its configuration, what the kernel gets from it, and the host that speaks for itself. */
#include "tests/unit/conf_outcome.h"

#include "base/fmt.h"
#include "vr/host_conf.h"
#include "vr/port_host.h"
#include "vr/tun.h"
#include "wire/arp.h"
#include "wire/be.h"
#include "wire/eth.h"
#include "wire/ip.h"

#define KEY "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
/* The router m; 'vn' and 'peer_vn' are more of its network and of its peer's part of that. */
#define CONF(vn, peer_vn)                                                                          \
	"{\"name\":\"m\",\"key_file\":\"/k\",\n"                                                   \
	"\"vns\":[{\"id\":7,\"model\":\"interface\",\"device\":\"vn0\"" vn "}],\n"                 \
	"\"peers\":[{\"name\":\"a\",\"public_key\":\"" KEY "\",\"endpoints\":[\"192.0.2.1:5\"],\n" \
	"\"vns\":[{\"id\":7" peer_vn "}]}]}"
#define ADDRESS  ",\"addresses\":[\"10.9.0.5/24\"]"
#define PREFIXES ",\"prefixes\":[\"10.1.0.0/24\"]"

static const struct mac host_mac = {{6, 0, 0, 0, 0, 1}};
static const struct mac router_mac = {{2, 0x56, 0x52, 0, 0, 7}};

static struct addr
ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_from_text(text, &a), 0);
	return a;
}

/* ---- configuration ---- */

static void
addresses_are_this_machines_own(void **state)
{
	struct outcome o = parse(CONF(ADDRESS, PREFIXES));
	const struct conf_vn *vn = &o.conf.vns[0];

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(vn->model, CONF_MODEL_INTERFACE);
	assert_int_equal(vn->address_count, 0);
	assert_int_equal(vn->own_count, 1);
	assert_int_equal(vn->own[0].len, 24);
	/* It is at home here, and its subnet on-link. */
	assert_int_equal(vn->local_count, 1);
	assert_string_equal(fmt_prefix(vn->local[0]).s, "10.9.0.5/32");
	assert_int_equal(vn->subnet_count, 1);
	assert_string_equal(fmt_prefix(vn->subnets[0]).s, "10.9.0.0/24");
	outcome_fini(&o);
}

static void
what_is_said_of_an_address_elsewhere_is_not_said_again(void **state)
{
	struct outcome o =
		parse(CONF(",\"addresses\":[\"10.9.0.5/24\",\"10.9.0.6/24\",\"10.8.0.1/32\"],"
			   "\"local\":[\"10.8.0.0/30\"],\"subnets\":[\"10.9.0.0/24\"],"
			   "\"mobile\":[{\"prefix\":\"10.9.0.0/24\",\"hosts\":[\"a\",\"m\"]}]",
			   PREFIXES));
	const struct conf_vn *vn = &o.conf.vns[0];

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(vn->own_count, 3);
	assert_int_equal(vn->local_count, 1);
	assert_int_equal(vn->subnet_count, 1);
	outcome_fini(&o);
}

static void
the_model_is_router_unless_it_is_said(void **state)
{
	struct outcome o = parse("{\"name\":\"m\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,"
				 "\"device\":\"br0\",\"addresses\":[\"10.9.0.5/24\"]}]}");

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.conf.vns[0].model, CONF_MODEL_ROUTER);
	assert_int_equal(o.conf.vns[0].address_count, 1);
	assert_int_equal(o.conf.vns[0].local_count, 0);
	outcome_fini(&o);
}

static void
what_does_not_go_with_the_model_is_refused(void **state)
{
	static const struct bad rows[] = {
		{CONF("", PREFIXES),
		 "f:2:8: vns[0].addresses: expected an address of this machine where \"model\" is "
		 "\"interface\", found nothing\n"},
		{CONF(",\"addresses\":[\"2001:db8::5/64\"]", PREFIXES),
		 "f:2:64: vns[0].addresses[0]: expected an IPv4 address where \"model\" is "
		 "\"interface\", found 2001:db8::5\n"},
		{CONF(ADDRESS ",\"mobile\":[{\"prefix\":\"10.9.0.0/16\"},{\"prefix\":"
			      "\"10.9.0.0/24\",\"hosts\":[\"a\"]}]",
		      PREFIXES),
		 "f:2:64: vns[0].addresses[0]: expected an address of \"local\", or of a mobile "
		 "prefix that this router may host, found 10.9.0.5\n"},
		{CONF(ADDRESS ",\"mac\":\"nic\"", PREFIXES),
		 "f:2:85: vns[0].mac: expected \"virtual\" or an address where \"model\" is "
		 "\"interface\", found \"nic\"\n"},
		{CONF(ADDRESS ",\"native_gateway\":\"10.9.0.1\"", PREFIXES),
		 "f:2:96: vns[0].native_gateway: expected none where \"model\" is \"interface\", "
		 "found 10.9.0.1\n"},
		{CONF(ADDRESS ",\"proxy\":{\"prefixes\":[\"10.7.0.0/24\"]}", PREFIXES),
		 "f:2:87: vns[0].proxy: expected none where \"model\" is \"interface\", found an "
		 "object\n"},
		/* The session's own packets would go into the device. */
		{CONF(ADDRESS, ",\"prefixes\":[\"192.0.2.0/25\"]"),
		 "f:3:95: peers[0].endpoints[0]: expected an address outside of 192.0.2.0/25, "
		 "which is reached through \"vn0\", found 192.0.2.1:5\n"},
		{CONF(ADDRESS ",\"mobile\":[{\"prefix\":\"0.0.0.0/0\"}]", PREFIXES),
		 "f:3:95: peers[0].endpoints[0]: expected an address outside of 0.0.0.0/0, which "
		 "is reached through \"vn0\", found 192.0.2.1:5\n"},
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,\"model\":\"hub\","
		 "\"device\":\"vn0\"}]}",
		 "f:1:52: vns[0].model: expected \"router\", \"interface\" or \"hybrid\", found "
		 "\"hub\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
addresses_without_a_subnet_may_be_any(void **state)
{
	struct outcome o = parse(
		CONF(",\"addresses\":[\"10.9.0.0/32\",\"10.9.2.0/31\",\"10.9.3.1/30\"]", PREFIXES));

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.conf.vns[0].local_count, 3);
	assert_int_equal(o.conf.vns[0].subnet_count, 2);
	outcome_fini(&o);
}

static void
the_hybrid_model_has_the_same_rules(void **state)
{
	static const char text[] =
		"{\"name\":\"m\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,\"model\":\"hybrid\","
		"\"device\":\"eth0\",\"addresses\":[\"10.9.0.5/24\",\"10.9.0.6/24\"]}]}";
	static const struct bad rows[] = {
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,\"model\":\"hybrid\","
		 "\"device\":\"eth0\"}]}",
		 "f:1:36: vns[0].addresses: expected an address of this machine where \"model\" is "
		 "\"hybrid\", found nothing\n"},
	};
	struct outcome o = parse(text);
	struct port_host host;
	struct prefix *routes;

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
	assert_string_equal(o.lines, "");
	assert_int_equal(o.conf.vns[0].model, CONF_MODEL_HYBRID);
	assert_int_equal(o.conf.vns[0].address_count, 0);
	assert_int_equal(o.conf.vns[0].own_count, 2);
	assert_int_equal(o.conf.vns[0].local_count, 2);
	assert_int_equal(host_conf_make(&o.conf, &o.conf.vns[0], (struct vr_id){1}, &host, &routes),
			 0);
	/* The bridge has native addresses, too. */
	assert_true(addr_equal(host.source, o.conf.vns[0].own[0].addr));
	free(routes);
	outcome_fini(&o);
}

/* ---- what the kernel gets ---- */

static void
make_host(const struct outcome *o, struct port_host *host, struct prefix **routes)
{
	assert_string_equal(o->lines, "");
	assert_int_equal(host_conf_make(&o->conf, &o->conf.vns[0],
					(struct vr_id){0x1122334455667788}, host, routes),
			 0);
}

static void
routes_lead_to_what_others_have_once_and_in_order(void **state)
{
	struct outcome o = parse(
		CONF(",\"addresses\":[\"10.9.0.5/24\"],\"mobile\":[{\"prefix\":\"10.3.0.0/16\"},"
		     "{\"prefix\":\"10.1.0.0/24\"},{\"prefix\":\"10.9.0.0/24\"},"
		     "{\"prefix\":\"10.9.0.5/32\"},{\"prefix\":\"2001:db8::/32\"}]",
		     ",\"prefixes\":[\"10.9.0.6/32\",\"10.1.0.0/24\",\"10.1.0.0/16\"]"));
	static const char *const expected[] = {"10.1.0.0/16", "10.1.0.0/24", "10.3.0.0/16",
					       "10.9.0.6/32"};
	struct port_host host;
	struct prefix *routes;

	(void)state;
	make_host(&o, &host, &routes);
	assert_int_equal(host.route_count, ARRAY_COUNT(expected));
	for (size_t i = 0; i < ARRAY_COUNT(expected); i++)
		assert_string_equal(fmt_prefix(host.routes[i]).s, expected[i]);
	assert_int_equal(host.address_count, 1);
	/* A unicast address of nobody's, and not of the virtual router's kind. */
	assert_int_equal(host.mac.b[0] & 3, 2);
	assert_int_not_equal(host.mac.b[0], 2);
	free(routes);
	outcome_fini(&o);
}

static void
another_networks_prefixes_are_no_routes(void **state)
{
	struct outcome o = parse(
		"{\"name\":\"m\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,\"model\":\"interface\","
		"\"device\":\"vn0\"" ADDRESS "},{\"id\":8,\"device\":\"br0\",\"mobile\":"
		"[{\"prefix\":\"10.5.0.0/16\"}]}],\"peers\":[{\"name\":\"a\",\"public_key\":\"" KEY
		"\",\"vns\":[{\"id\":8,\"prefixes\":[\"10.6.0.0/16\"]}]}]}");
	struct port_host host;
	struct prefix *routes;

	(void)state;
	make_host(&o, &host, &routes);
	assert_int_equal(host.route_count, 0);
	free(routes);
	outcome_fini(&o);
}

static void
the_mtu_is_what_the_tunnel_carries(void **state)
{
	static const struct {
		const char *text;
		uint16_t mtu;
	} rows[] = {
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"session\":{\"mtu_max\":1500},", 1432},
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"session\":{\"mtu_max\":9000},", 8932},
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"session\":{\"mtu_max\":576},", 508},
		{"{\"name\":\"m\",\"key_file\":\"/k\",\"listen\":\"[::]:5\",", 1412},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct port_host host;
		struct prefix *routes;
		struct outcome o;
		char text[512];

		snprintf(text, sizeof(text), "%s%s", rows[i].text,
			 "\"vns\":[{\"id\":7,\"model\":\"interface\",\"device\":\"vn0\"" ADDRESS
			 "}]}");
		o = parse(text);
		make_host(&o, &host, &routes);
		assert_int_equal(host.mtu, rows[i].mtu);
		free(routes);
		outcome_fini(&o);
	}
}

/* ---- the host that speaks ARP ---- */

static const struct conf_address own[] = {{{ADDR_V4, {10, 9, 0, 5}}, 24},
					  {{ADDR_V4, {10, 9, 0, 7}}, 24}};
static const struct port_host host = {
	.mac = {{6, 0, 0, 0, 0, 1}}, .addresses = own, .address_count = ARRAY_COUNT(own)};

/* Asks for an address as the router does; true with the answer in '*answer'. */
static bool
ask(struct arp question, struct arp *answer)
{
	uint8_t frame[ETH_FRAME_MIN], said[PORT_HOST_FRAME];

	arp_build(&question, frame);
	if (!port_host_answer(&host, frame, sizeof(frame), said))
		return false;
	assert_int_equal(arp_parse(said, sizeof(said), answer), 0);
	return true;
}

static void
the_host_answers_for_its_addresses_only(void **state)
{
	struct arp question = {.eth_dst = MAC_BROADCAST,
			       .eth_src = router_mac,
			       .op = ARP_REQUEST,
			       .sha = router_mac,
			       .spa = {.family = ADDR_V4},
			       .tpa = ip("10.9.0.7")};
	struct arp answer;

	(void)state;
	assert_true(ask(question, &answer));
	assert_int_equal(answer.op, ARP_REPLY);
	assert_true(mac_equal(answer.eth_dst, router_mac) && mac_equal(answer.tha, router_mac));
	assert_true(mac_equal(answer.eth_src, host_mac) && mac_equal(answer.sha, host_mac));
	assert_true(addr_equal(answer.spa, ip("10.9.0.7")));
	assert_true(addr_is_unspecified(answer.tpa));
	question.eth_dst = host_mac;
	question.tpa = ip("10.9.0.5");
	assert_true(ask(question, &answer));
	question.tpa = ip("10.9.0.6");
	assert_false(ask(question, &answer));
	question.tpa = question.spa = ip("10.9.0.5");
	assert_false(ask(question, &answer));
	question.spa = ip("10.9.0.1");
	question.eth_dst = (struct mac){{4}};
	assert_false(ask(question, &answer));
	question.eth_dst = MAC_BROADCAST;
	question.op = ARP_REPLY;
	assert_false(ask(question, &answer));
	question.op = RARP_REQUEST;
	assert_false(ask(question, &answer));
}

static void
what_is_no_arp_has_no_answer(void **state)
{
	struct arp question = {.eth_dst = MAC_BROADCAST,
			       .eth_src = router_mac,
			       .op = ARP_REQUEST,
			       .sha = router_mac,
			       .tpa = ip("10.9.0.7")};
	uint8_t frame[ETH_FRAME_MIN], said[PORT_HOST_FRAME];

	(void)state;
	arp_build(&question, frame);
	for (size_t size = 0; size < 42; size++) {
		uint8_t *copy = malloc(size + (size == 0));

		memcpy(copy, frame, size);
		assert_false(port_host_answer(&host, copy, size, said));
		free(copy);
	}
	claim_build(router_mac, (struct vr_id){9}, frame);
	assert_false(port_host_answer(&host, frame, sizeof(frame), said));
}

static void
a_new_address_is_announced_to_all(void **state)
{
	uint8_t frame[PORT_HOST_FRAME];
	struct arp arp;

	(void)state;
	port_host_announce(&host, own[1].addr, frame);
	assert_int_equal(arp_parse(frame, sizeof(frame), &arp), 0);
	assert_true(mac_equal(arp.eth_dst, MAC_BROADCAST) && mac_equal(arp.eth_src, host_mac));
	assert_true(mac_equal(arp.sha, host_mac));
	assert_true(addr_equal(arp.spa, own[1].addr) && addr_equal(arp.tpa, own[1].addr));
}

static void
a_copy_is_its_own(void **state)
{
	struct conf_address address = own[0];
	struct prefix route = prefix_make(own[0].addr, 16);
	struct port_host from = {.mac = host_mac,
				 .mtu = 1400,
				 .addresses = &address,
				 .address_count = 1,
				 .routes = &route,
				 .route_count = 1};
	struct port_host_copy copy;

	(void)state;
	assert_int_equal(port_host_copy(&from, &copy), 0);
	address.len = 0;
	route.len = 0;
	assert_true(port_host_has(&copy.host, own[0].addr));
	assert_false(port_host_has(&copy.host, own[1].addr));
	assert_int_equal(copy.host.addresses[0].len, 24);
	assert_int_equal(copy.host.routes[0].len, 16);
	assert_int_equal(copy.host.mtu, 1400);
	port_host_fini(&copy);
	port_host_fini(&copy);
}

/* ---- the kernel's packets as frames ---- */

/* A packet of 'size' bytes behind room for a header; '*block' is to be freed. */
static uint8_t *
make_packet(uint8_t version, uint8_t proto, size_t size, uint8_t **block)
{
	uint8_t *p;

	*block = calloc(1, FRAME_HEADROOM + ETH_SIZE + size);
	assert_non_null(*block);
	p = *block + FRAME_HEADROOM + ETH_SIZE;
	if (size == 0)
		return p;
	p[0] = (uint8_t)(version << 4 | 5);
	if (size < IP4_SIZE_MIN + 20)
		return p;
	p[8] = 64;
	p[9] = proto;
	be16_put(p + 2, (uint16_t)size);
	be32_put(p + 12, 0x0a090005);
	be32_put(p + 16, 0x0a010001);
	if (proto == IP_PROTO_TCP)
		p[IP4_SIZE_MIN + 12] = 0x50;
	else
		be16_put(p + IP4_SIZE_MIN + 4, (uint16_t)(size - IP4_SIZE_MIN));
	ip_header_checksum(p);
	return p;
}

static const struct tun_conf conf = {.host = {{6, 0, 0, 0, 0, 1}},
				     .router = {{2, 0x56, 0x52, 0, 0, 7}}};

static void
a_super_frame_stays_whole_and_unfinished(void **state)
{
	static const struct {
		uint8_t proto, type, gso;
		uint16_t offset;
	} rows[] = {{IP_PROTO_TCP, VIRTIO_NET_HDR_GSO_TCPV4, FRAME_GSO_TCP4, 16},
		    {IP_PROTO_UDP, 5, FRAME_GSO_UDP, 6}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct virtio_net_hdr h = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					   .gso_type = rows[i].type,
					   .gso_size = 1000,
					   .csum_start = IP4_SIZE_MIN,
					   .csum_offset = rows[i].offset};
		uint8_t *block, *packet = make_packet(4, rows[i].proto, 30000, &block);
		struct frame f;
		struct eth eth;

		assert_int_equal(tun_frame(&conf, &h, packet, 30000, &f), 0);
		assert_ptr_equal(f.data, packet - ETH_SIZE);
		assert_int_equal(f.size, 30000 + ETH_SIZE);
		assert_int_equal(f.gso, rows[i].gso);
		assert_int_equal(f.gso_size, 1000);
		assert_true(f.csum_partial);
		assert_int_equal(eth_parse(f.data, f.size, &eth), 0);
		assert_true(mac_equal(eth.src, host_mac) && mac_equal(eth.dst, router_mac));
		assert_int_equal(eth.type, ETH_IP4);
		free(block);
	}
}

static void
what_is_no_packet_is_refused(void **state)
{
	static const struct {
		uint8_t version;
		size_t size;
		bool gso;
		int rc;
	} rows[] = {{4, 60, false, 0},        {6, 60, false, 0},       {5, 60, false, -EBADMSG},
		    {0, 60, false, -EBADMSG}, {4, 0, false, -EBADMSG}, {4, 1, true, -EBADMSG},
		    {4, 20, true, -EBADMSG},  {4, 39, true, -EBADMSG}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct virtio_net_hdr h = {.flags = rows[i].gso ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0,
					   .gso_type = rows[i].gso ? VIRTIO_NET_HDR_GSO_TCPV4 : 0,
					   .gso_size = 1000,
					   .csum_start = IP4_SIZE_MIN,
					   .csum_offset = 16};
		uint8_t *block,
			*packet = make_packet(rows[i].version, IP_PROTO_TCP, rows[i].size, &block);
		struct frame f;

		assert_int_equal(tun_frame(&conf, &h, packet, rows[i].size, &f), rows[i].rc);
		if (rows[i].rc == 0)
			assert_int_equal(be16_get(f.data + 12),
					 rows[i].version == 4 ? ETH_IP4 : ETH_IP6);
		free(block);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_this_machines_own),
		cmocka_unit_test(what_is_said_of_an_address_elsewhere_is_not_said_again),
		cmocka_unit_test(the_model_is_router_unless_it_is_said),
		cmocka_unit_test(what_does_not_go_with_the_model_is_refused),
		cmocka_unit_test(addresses_without_a_subnet_may_be_any),
		cmocka_unit_test(the_hybrid_model_has_the_same_rules),
		cmocka_unit_test(routes_lead_to_what_others_have_once_and_in_order),
		cmocka_unit_test(another_networks_prefixes_are_no_routes),
		cmocka_unit_test(the_mtu_is_what_the_tunnel_carries),
		cmocka_unit_test(the_host_answers_for_its_addresses_only),
		cmocka_unit_test(what_is_no_arp_has_no_answer),
		cmocka_unit_test(a_new_address_is_announced_to_all),
		cmocka_unit_test(a_copy_is_its_own),
		cmocka_unit_test(a_super_frame_stays_whole_and_unfinished),
		cmocka_unit_test(what_is_no_packet_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
