/* The configuration of the LISP roles: what is made of it, and the defaults. */
#include "base/fmt.h"
#include "tests/unit/conf_lisp_texts.h"

static void
what_is_left_out_has_its_default(void **state)
{
	struct outcome o = parse(
		LISP("\"keys\":[" KEY "]," RLOC
		     ",\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"k\"}],"
		     "\"locators\":[{\"address\":\"10.0.0.9\"}],\"map_server\":{\"sites\":[" SITE(
			     "s", ",\"prefixes\":[" PREFIX("10.1.0.0/16", "") "]") "]}"));
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.rc, 0);
	assert_true(l->enabled);
	assert_int_equal(l->keys[0].id, 1);
	assert_int_equal(l->keys[0].algorithm, CONF_LISP_SHA256);
	assert_false(l->keys[0].full_length);
	assert_int_equal(l->rlocs[0].priority, 1);
	assert_int_equal(l->rlocs[0].weight, 100);
	assert_false(l->has_xtr_id);
	assert_int_equal(l->site_id, 0);
	assert_true(l->map_servers[0].proxy_reply);
	assert_true(l->map_servers[0].ids);
	assert_false(l->map_servers[0].merge);
	assert_int_equal(l->map_servers[0].acknowledge, CONF_ACK_UNSOLICITED);
	assert_false(l->status_bits);
	assert_int_equal(l->map_resolver_count, 0);
	assert_false(l->subscribe);
	assert_int_equal(l->ttl_min, 1440);
	assert_int_equal(l->register_interval, 60 * US_S);
	assert_int_equal(l->probe_interval, 30 * US_S);
	assert_int_equal(l->cache_max, 10000);
	assert_int_equal(l->reply_rate, 1000);
	assert_null(l->push_key);
	assert_int_equal(l->push_sub_type, 0);
	assert_false(l->push_type5);
	assert_int_equal(l->locators[0].encapsulation, CONF_ENCAP_AUTO);
	assert_false(l->locators[0].zero_checksum);
	assert_int_equal(l->data_port, 4341);
	assert_int_equal(l->control_port, 4342);
	assert_true(l->map_server);
	assert_false(l->sites[0].prefixes[0].more_specifics);
	assert_false(l->sites[0].has_site_id);
	assert_true(l->sites[0].strict_nonces);
	assert_false(l->sites[0].always_proxy);
	assert_false(l->sites[0].trusts_requests);
	assert_int_equal(l->sites[0].max_eids, 0);
	assert_int_equal(l->mobile_count, 0);
	assert_int_equal(l->max_eids, 1048576);
	assert_true(l->bare_requests);
	assert_false(o.conf.vns[0].lisp);
	assert_int_equal(o.conf.vns[0].encapsulation, CONF_ENCAP_AUTO);
	outcome_fini(&o);
}

static void
without_the_object_there_is_no_role(void **state)
{
	struct outcome o = parse(WITH_VN("{\"id\":7,\"device\":\"br0\"}", ""));

	(void)state;
	assert_int_equal(o.rc, 0);
	assert_false(o.conf.lisp.enabled);
	assert_false(o.conf.lisp.map_server);
	assert_int_equal(o.conf.lisp.control_port, 4342);
	outcome_fini(&o);
	o = parse(LISP(""));
	assert_int_equal(o.rc, 0);
	assert_true(o.conf.lisp.enabled);
	assert_false(o.conf.lisp.map_server);
	outcome_fini(&o);
}

static void
every_key_of_an_xtr_is_taken_over(void **state)
{
	static const uint8_t id[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
				       0xAB, 0xCD, 0xEF, 0x67, 0x45, 0x23, 0x01, 0x00};
	struct outcome o = parse(WITH_VN(
		"{\"id\":7,\"device\":\"br0\",\"lisp\":{\"use\":true,\"encapsulation\":\"sealed\"}"
		"}",
		",\"lisp\":{\"keys\":[{\"name\":\"k\",\"id\":0,\"algorithm\":\"sha1\",\"full_"
		"length\":true,"
		"\"secret_file\":\"/s\"},{\"name\":\"h\",\"id\":255,\"algorithm\":\"sha256-hkdf\","
		"\"secret_file\":\"/t\"}],\"rlocs\":[{\"address\":\"10.0.0.1\",\"priority\":255,"
		"\"weight\":0},{\"address\":\"2001:db8::1\",\"priority\":0,\"weight\":255}],"
		"\"xtr_id\":\"0123456789abcdefABCDEF6745230100\",\"site_id\":\"FFffFFffFFffFFfe\","
		"\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"h\",\"proxy_reply\":false,"
		"\"ids\":false,\"acknowledge\":\"all\"},{\"address\":\"2001:db8::8\","
		"\"key\":\"k\"}],\"status_bits\":true,"
		"\"map_resolvers\":[\"10.0.0.8\",\"2001:db8::8\"],\"subscribe\":true,"
		"\"ttl_min\":525600,\"register_s\":59,\"probe_s\":0,\"cache_max\":16777216,"
		"\"reply_rate\":1000000,\"push\":{\"key\":\"h\",\"sub_type\":4095,\"type5\":true},"
		"\"locators\":[{\"address\":\"10.0.0.3\",\"encapsulation\":\"plain\","
		"\"zero_checksum\":true},{\"address\":\"10.0.0.4\",\"encapsulation\":\"sealed\"}],"
		"\"data_port\":65535,\"control_port\":1}"));
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.rc, 0);
	assert_true(o.conf.vns[0].lisp);
	assert_int_equal(o.conf.vns[0].encapsulation, CONF_ENCAP_SEALED);
	assert_int_equal(l->key_count, 2);
	assert_string_equal(l->keys[0].name, "k");
	assert_int_equal(l->keys[0].id, 0);
	assert_int_equal(l->keys[0].algorithm, CONF_LISP_SHA1);
	assert_true(l->keys[0].full_length);
	assert_string_equal(l->keys[0].secret_file, "/s");
	assert_int_equal(l->keys[1].id, 255);
	assert_int_equal(l->keys[1].algorithm, CONF_LISP_SHA256_HKDF);
	assert_int_equal(l->rloc_count, 2);
	assert_string_equal(fmt_addr(l->rlocs[0].addr).s, "10.0.0.1");
	assert_int_equal(l->rlocs[0].priority, 255);
	assert_int_equal(l->rlocs[0].weight, 0);
	assert_int_equal(l->rlocs[1].priority, 0);
	assert_int_equal(l->rlocs[1].weight, 255);
	assert_true(l->has_xtr_id);
	assert_memory_equal(l->xtr_id, id, sizeof(id));
	assert_true(l->site_id == UINT64_C(0xfffffffffffffffe));
	assert_int_equal(l->map_server_count, 2);
	assert_string_equal(fmt_addr(l->map_servers[1].addr).s, "2001:db8::8");
	assert_string_equal(l->map_servers[0].key, "h");
	assert_false(l->map_servers[0].proxy_reply || l->map_servers[0].ids);
	assert_int_equal(l->map_servers[0].acknowledge, CONF_ACK_ALL);
	assert_int_equal(l->map_servers[1].acknowledge, CONF_ACK_UNSOLICITED);
	assert_true(l->status_bits);
	assert_int_equal(l->map_resolver_count, 2);
	assert_string_equal(fmt_addr(l->map_resolvers[1]).s, "2001:db8::8");
	assert_true(l->subscribe);
	assert_int_equal(l->ttl_min, 525600);
	assert_int_equal(l->register_interval, 59 * US_S);
	assert_int_equal(l->probe_interval, 0);
	assert_int_equal(l->cache_max, 16777216);
	assert_int_equal(l->reply_rate, 1000000);
	assert_string_equal(l->push_key, "h");
	assert_int_equal(l->push_sub_type, 4095);
	assert_true(l->push_type5);
	assert_int_equal(l->locator_count, 2);
	assert_string_equal(fmt_addr(l->locators[0].addr).s, "10.0.0.3");
	assert_int_equal(l->locators[0].encapsulation, CONF_ENCAP_PLAIN);
	assert_true(l->locators[0].zero_checksum);
	assert_int_equal(l->locators[1].encapsulation, CONF_ENCAP_SEALED);
	assert_int_equal(l->data_port, 65535);
	assert_int_equal(l->control_port, 1);
	outcome_fini(&o);
}

/* As records have them (RFC 9301 section 5.5). */
static void
own_locators_are_in_the_order_of_records(void **state)
{
	struct outcome o = parse(LISP("\"rlocs\":[{\"address\":\"2001:db8::1\"},"
				      "{\"address\":\"203.0.113.1\",\"priority\":7}]"));
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(l->rloc_count, 2);
	assert_string_equal(fmt_addr(l->rlocs[0].addr).s, "203.0.113.1");
	assert_int_equal(l->rlocs[0].priority, 7);
	assert_string_equal(fmt_addr(l->rlocs[1].addr).s, "2001:db8::1");
	outcome_fini(&o);
}

static void
every_key_of_a_map_server_is_taken_over(void **state)
{
	struct outcome o = parse(
		LISP("\"keys\":[" KEY
		     ",{\"name\":\"h\",\"secret_file\":\"/t\"}],\"map_server\":{\"sites\":["
		     "{\"name\":\"s\",\"keys\":[\"k\",\"h\"],\"prefixes\":[{\"vn\":16777215,"
		     "\"prefix\":\"10.1.0.0/16\",\"more_specifics\":true},{\"vn\":0,"
		     "\"prefix\":\"2001:db8::/"
		     "32\"}],\"site_id\":9007199254740991,\"strict_nonces\":false,"
		     "\"always_proxy\":true,\"trusts_requests\":true,\"max_eids\":5,"
		     "\"notify_port\":\"source\",\"notify_ids\":\"unflagged\"},"
		     "{\"name\":\"t\",\"keys\":[\"h\"]}],\"mobile\":[{\"vn\":9,\"prefix\":\"10.2.0."
		     "0/16\","
		     "\"sites\":[\"s\",\"t\"]}],\"max_eids\":16777215,\"bare_requests\":false}"));
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.rc, 0);
	assert_true(l->map_server);
	assert_int_equal(l->site_count, 2);
	assert_string_equal(l->sites[0].name, "s");
	assert_int_equal(l->sites[0].key_count, 2);
	assert_int_equal(l->sites[0].notify_port, CONF_NOTIFY_SOURCE);
	assert_int_equal(l->sites[0].notify_ids, CONF_IDS_WITHOUT_BIT);
	assert_int_equal(l->sites[1].notify_port, CONF_NOTIFY_CONTROL);
	assert_int_equal(l->sites[1].notify_ids, CONF_IDS_WITH_BIT);
	assert_string_equal(l->sites[0].keys[1], "h");
	assert_int_equal(l->sites[0].prefix_count, 2);
	assert_int_equal(l->sites[0].prefixes[0].vn, VN_ID_MAX);
	assert_string_equal(fmt_prefix(l->sites[0].prefixes[0].prefix).s, "10.1.0.0/16");
	assert_true(l->sites[0].prefixes[0].more_specifics);
	assert_int_equal(l->sites[0].prefixes[1].vn, 0);
	assert_true(l->sites[0].has_site_id);
	assert_true(l->sites[0].site_id == (UINT64_C(1) << 53) - 1);
	assert_false(l->sites[0].strict_nonces);
	assert_true(l->sites[0].always_proxy);
	assert_true(l->sites[0].trusts_requests);
	assert_int_equal(l->sites[0].max_eids, 5);
	assert_string_equal(l->sites[1].name, "t");
	assert_int_equal(l->sites[1].prefix_count, 0);
	assert_int_equal(l->mobile_count, 1);
	assert_int_equal(l->mobiles[0].vn, 9);
	assert_string_equal(fmt_prefix(l->mobiles[0].prefix).s, "10.2.0.0/16");
	assert_int_equal(l->mobiles[0].site_count, 2);
	assert_string_equal(l->mobiles[0].sites[1], "t");
	assert_int_equal(l->max_eids, 16777215);
	assert_false(l->bare_requests);
	outcome_fini(&o);
}

static void
every_key_of_an_rtr_is_taken_over(void **state)
{
	static const struct {
		const char *text;
		uint32_t eids_max;
		bool old_drafts;
	} cases[] = {{"", 16384, false}, {",\"max_eids\":5,\"old_drafts\":true", 5, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char text[1024];
		struct outcome o;

		snprintf(text, sizeof(text),
			 LISP("\"keys\":[" KEY "]," RLOC ",\"rtr\":{\"map_servers\":["
			      "{\"address\":\"10.0.0.8\",\"key\":\"k\"}]%s}"),
			 cases[i].text);
		o = parse(text);
		assert_string_equal(o.lines, "");
		assert_true(o.conf.lisp.rtr);
		assert_int_equal(o.conf.lisp.rtr_server_count, 1);
		assert_int_equal(o.conf.lisp.rtr_eids_max, cases[i].eids_max);
		assert_int_equal(o.conf.lisp.rtr_old_drafts, cases[i].old_drafts);
		outcome_fini(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(without_the_object_there_is_no_role),
		cmocka_unit_test(every_key_of_an_xtr_is_taken_over),
		cmocka_unit_test(own_locators_are_in_the_order_of_records),
		cmocka_unit_test(every_key_of_a_map_server_is_taken_over),
		cmocka_unit_test(every_key_of_an_rtr_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
