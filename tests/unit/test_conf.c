/* The configuration: what is accepted, and what is made of it. */
#include "base/fmt.h"
#include "tests/unit/conf_texts.h"

static void
what_is_left_out_has_its_default(void **state)
{
	struct outcome o = parse(CONF(VN, ""));
	const struct conf *c = &o.conf;

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_string_equal(c->state_dir, "/var/lib/vrd");
	assert_string_equal(c->control_socket, "/run/vrd/vrd.sock");
	assert_string_equal(fmt_endpoint(c->listen).s, "0.0.0.0:51341");
	assert_true(addr_is_none(c->tcp_listen.addr) && addr_is_none(c->http_proxy.addr));
	assert_null(c->http_proxy_secret_file);
	assert_int_equal(c->log_level, LOG_INFO);
	assert_null(c->log_file);
	assert_int_equal(c->cipher, CONF_AESGCM);
	assert_int_equal(c->rekey_time, 120 * US_S);
	assert_int_equal(c->rekey_records, UINT64_C(1) << 32);
	assert_int_equal(c->mtu_max, 1500);
	assert_int_equal(c->workers, CONF_WORKERS_NONE);
	assert_int_equal(c->busy_poll, 0);
	assert_int_equal(c->hello_interval, US_S);
	assert_int_equal(c->dead_time, 4 * US_S);
	assert_int_equal(c->hwdt_max, 65536);
	assert_int_equal(c->hwdt_expiry, 1200 * US_S);
	assert_true(c->features.udp_segment && c->features.udp_gro && c->features.ipsec_mb &&
		    c->features.control_socket && c->features.vnet_hdr &&
		    c->features.udp_super_frames && c->features.ignore_outgoing &&
		    c->features.nftables && c->features.nft_owner);
	assert_int_equal(c->vn_count, 1);
	assert_string_equal(c->vns[0].name, "vn7");
	assert_int_equal(c->vns[0].mac_kind, CONF_MAC_VIRTUAL);
	assert_string_equal(fmt_mac(c->vns[0].mac).s, "02:56:52:00:00:07");
	assert_true(c->vns[0].super_frames);
	assert_true(addr_is_none(c->vns[0].native_gateway));
	assert_int_equal(c->vns[0].freeze_moves, 10);
	assert_int_equal(c->vns[0].freeze_window, 10 * US_S);
	assert_int_equal(c->vns[0].freeze_time, 30 * US_S);
	assert_int_equal(c->peer_count, 0);
	outcome_fini(&o);
}

static void
every_key_is_taken_over(void **state)
{
	struct outcome o = parse(
		"{\"name\":\"a\",\"key_file\":\"/k\",\"state_dir\":\"/s\",\"control_socket\":\"/"
		"c\","
		"\"listen\":\"[::]:5\",\"tcp_listen\":\"0.0.0.0:443\","
		"\"http_proxy\":\"192.0.2.8:3128\",\"http_proxy_secret_file\":\"/"
		"p\",\"log\":{\"level\":\"debug\",\"file\":\"/l\"},"
		"\"session\":{\"cipher\":\"ChaChaPoly\",\"rekey_s\":86400,\"rekey_records\":"
		"1099511627776,\"mtu_max\":9000},\"workers\":\"4\",\"busy_poll_us\":7,\"sync\":{"
		"\"hello_ms\":10,"
		"\"dead_ms\":20},"
		"\"hwdt\":{\"max\":16777216,\"expiry_s\":604800},\"features\":{\"udp_segment\":"
		"false,"
		"\"udp_gro\":false,\"control_socket\":false,\"ipsec_mb\":false,\"vnet_hdr\":false,"
		"\"udp_super_frames\":"
		"false,"
		"\"ignore_outgoing\":false,\"nft_owner\":false},"
		"\"vns\":[{\"id\":16777215,\"name\":\"x\",\"device\":\"br0\",\"mac\":\"nic\","
		"\"super_frames\":false,\"local\":[\"10.1.0.0/24\",\"2001:db8::/64\"],"
		"\"addresses\":[\"10.1.0.1/24\",\"2001:db8::1/64\"],\"subnets\":[\"10.9.0.0/16\"],"
		"\"native_gateway\":\"10.1.0.254\",\"mobile\":[{\"prefix\":\"10.1.0.0/24\"},"
		"{\"prefix\":\"10.9.0.0/16\",\"hosts\":[\"a\",\"b\"]}],"
		"\"freeze\":{\"moves\":3,\"window_s\":4,\"time_s\":5}},"
		"{\"id\":0,\"device\":\"br1\",\"mac\":\"02:00:00:00:00:09\"}],"
		"\"peers\":[{\"name\":\"b\",\"public_key\":\"" KEY_B "\",\"endpoints\":["
		"\"192.0.2.2:1\",\"[2001:db8::2]:2\"],\"tcp\":[\"192.0.2.2:1\","
		"\"[2001:db8::2]:443\"],\"vns\":[{\"id\":16777215,\"prefixes\":["
		"\"10.2.0.0/24\",\"10.3.0.7/32\"]},{\"id\":0}]}]}");
	const struct conf *c = &o.conf;

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.rc, 0);
	assert_string_equal(c->name, "a");
	assert_string_equal(c->key_file, "/k");
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->control_socket, "/c");
	assert_string_equal(fmt_endpoint(c->listen).s, "[::]:5");
	assert_string_equal(fmt_endpoint(c->tcp_listen).s, "0.0.0.0:443");
	assert_string_equal(fmt_endpoint(c->http_proxy).s, "192.0.2.8:3128");
	assert_string_equal(c->http_proxy_secret_file, "/p");
	assert_int_equal(c->peers[0].tcp_count, 2);
	assert_string_equal(fmt_endpoint(c->peers[0].tcp[1]).s, "[2001:db8::2]:443");
	assert_int_equal(c->log_level, LOG_DEBUG);
	assert_string_equal(c->log_file, "/l");
	assert_int_equal(c->cipher, CONF_CHACHAPOLY);
	assert_int_equal(c->rekey_time, 86400 * US_S);
	assert_int_equal(c->rekey_records, UINT64_C(1) << 40);
	assert_int_equal(c->mtu_max, 9000);
	assert_int_equal(c->busy_poll, 7);
	assert_int_equal(conf_workers_count(c->workers), 4);
	assert_int_equal(c->hello_interval, 10 * US_MS);
	assert_int_equal(c->dead_time, 20 * US_MS);
	assert_int_equal(c->hwdt_max, 16777216);
	assert_int_equal(c->hwdt_expiry, 604800 * US_S);
	assert_false(c->features.udp_segment || c->features.udp_gro || c->features.ipsec_mb ||
		     c->features.control_socket || c->features.vnet_hdr ||
		     c->features.udp_super_frames || c->features.ignore_outgoing ||
		     c->features.nft_owner);
	assert_true(c->features.nftables);
	assert_int_equal(c->vn_count, 2);
	assert_int_equal(c->vns[0].id, VN_ID_MAX);
	assert_string_equal(c->vns[0].name, "x");
	assert_string_equal(c->vns[0].device, "br0");
	assert_int_equal(c->vns[0].mac_kind, CONF_MAC_NIC);
	assert_false(c->vns[0].super_frames);
	assert_int_equal(c->vns[0].local_count, 2);
	assert_string_equal(fmt_prefix(c->vns[0].local[1]).s, "2001:db8::/64");
	assert_int_equal(c->vns[0].address_count, 2);
	assert_string_equal(fmt_addr(c->vns[0].addresses[0].addr).s, "10.1.0.1");
	assert_int_equal(c->vns[0].addresses[1].len, 64);
	assert_int_equal(c->vns[0].subnet_count, 1);
	assert_string_equal(fmt_prefix(c->vns[0].subnets[0]).s, "10.9.0.0/16");
	assert_string_equal(fmt_addr(c->vns[0].native_gateway).s, "10.1.0.254");
	assert_int_equal(c->vns[0].mobile_count, 2);
	assert_int_equal(c->vns[0].mobile[0].host_count, 0);
	assert_int_equal(c->vns[0].mobile[1].host_count, 2);
	assert_string_equal(c->vns[0].mobile[1].hosts[1], "b");
	assert_int_equal(c->vns[0].freeze_moves, 3);
	assert_int_equal(c->vns[0].freeze_window, 4 * US_S);
	assert_int_equal(c->vns[0].freeze_time, 5 * US_S);
	assert_string_equal(fmt_mac(c->vns[1].mac).s, "02:00:00:00:00:09");
	assert_int_equal(c->peer_count, 1);
	assert_int_equal(c->peers[0].public_key[0], 0x85);
	assert_int_equal(c->peers[0].endpoint_count, 2);
	assert_int_equal(c->peers[0].vn_count, 2);
	assert_int_equal(c->peers[0].vns[0].prefix_count, 2);
	assert_int_equal(c->peers[0].vns[1].id, 0);
	outcome_fini(&o);
}

static void
a_file_that_cannot_be_read_is_an_error_without_a_line(void **state)
{
	struct conf conf;
	struct conf_errors errors;

	(void)state;
	assert_int_equal(conf_read("/nowhere/vrd.conf", &conf, &errors), -EINVAL);
	assert_int_equal(errors.count, 1);
	assert_int_equal(errors.rows[0].line, 0);
	assert_string_equal(errors.rows[0].text,
			    "expected a file that can be read, found No such file or directory");
	conf_errors_fini(&errors);
	assert_int_equal(conf_read("/", &conf, &errors), -EINVAL);
	assert_string_equal(errors.rows[0].text,
			    "expected a file that can be read, found Is a directory");
	conf_errors_fini(&errors);
}

static void
the_examples_are_accepted(void **state)
{
	static const char *const files[] = {
		"conf/examples/router.conf",     "conf/examples/gateway-native.conf",
		"conf/examples/stretched.conf",  "conf/examples/two-networks.conf",
		"conf/examples/cloud-nic.conf",  "conf/examples/lisp-xtr.conf",
		"conf/examples/map-server.conf", "conf/examples/proxy.conf",
		"conf/examples/public-lan.conf", "conf/examples/private-lan.conf",
		"conf/examples/interface.conf",  "conf/examples/hybrid.conf",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(files); i++) {
		struct conf conf;
		struct conf_errors errors;
		int rc = conf_read(files[i], &conf, &errors);

		conf_errors_print(&errors, files[i], stderr);
		assert_int_equal(rc, 0);
		conf_fini(&conf);
		conf_errors_fini(&errors);
	}
}

static void
prefixes_that_machines_are_in_too_fit(void **state)
{
	static const char *const prefixes[] = {"0.0.0.0/0",   "126.0.0.0/7", "1.0.0.0/8",
					       "128.0.0.0/8", "::/0",        "::/127"};
	char text[512];

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(prefixes); i++) {
		struct outcome o;

		snprintf(text, sizeof(text), VN_WITH("\"local\":[\"%s\"]"), prefixes[i]);
		o = parse(text);
		assert_string_equal(o.lines, "");
		assert_int_equal(o.rc, 0);
		outcome_fini(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(every_key_is_taken_over),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_without_a_line),
		cmocka_unit_test(the_examples_are_accepted),
		cmocka_unit_test(prefixes_that_machines_are_in_too_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
