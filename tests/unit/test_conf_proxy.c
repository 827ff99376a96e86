/* The configuration of proxies, and of those that use one. */
#include "tests/unit/conf_outcome.h"

#define START                                                                                      \
	"{\"name\":\"p\",\"key_file\":\"/"                                                         \
	"k\",\"lisp\":{\"rlocs\":[{\"address\":\"192.0.2.6\"}]},\n"
#define VN(text)    START "\"vns\":[{\"id\":7,\"device\":\"br0\"," text "}]}"
#define USE         "\"lisp\":{\"use\":true},"
#define ADDRESSES   "\"addresses\":[\"198.18.0.1/24\"],"
#define PROXY(more) "\"proxy\":{\"prefixes\":[\"10.1.0.0/24\"]" more "}"
#define KEY         "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="

static void
a_proxy_is_read(void **state)
{
	struct outcome o =
		parse(VN(USE ADDRESSES "\"proxy\":{\"prefixes\":[\"10.1.0.0/24\",\"10.2.0.0/16\"],"
				       "\"egress\":false,\"check_locators\":false}"));
	const struct conf_proxy *proxy;

	(void)state;
	assert_string_equal(o.lines, "");
	proxy = &o.conf.vns[0].proxy;
	assert_true(proxy->enabled && proxy->ingress);
	assert_false(proxy->egress || proxy->check_locators);
	assert_int_equal(proxy->prefix_count, 2);
	assert_int_equal(proxy->prefixes[1].len, 16);
	outcome_fini(&o);
	o = parse(VN(USE ADDRESSES PROXY("")));
	assert_true(o.conf.vns[0].proxy.egress && o.conf.vns[0].proxy.check_locators);
	outcome_fini(&o);
	/* None is none. */
	o = parse(VN(USE "\"local\":[\"10.1.0.0/24\"]"));
	assert_string_equal(o.lines, "");
	assert_false(o.conf.vns[0].proxy.enabled);
	assert_int_equal(o.conf.vns[0].petr_count, 0);
	outcome_fini(&o);
}

static void
users_of_a_proxy_are_read(void **state)
{
	struct outcome o =
		parse(VN("\"lisp\":{\"use\":true,\"petrs\":[\"192.0.2.7\",\"2001:db8::7\"]}"));
	const char *peer = START "\"vns\":[{\"id\":7,\"device\":\"br0\"}],"
				 "\"peers\":[{\"name\":\"b\",\"public_key\":\"" KEY
				 "\",\"vns\":[{\"id\":7,\"proxy\":true}]}]}";

	(void)state;
	assert_string_equal(o.lines, "");
	assert_int_equal(o.conf.vns[0].petr_count, 2);
	assert_int_equal(o.conf.vns[0].petrs[1].family, ADDR_V6);
	outcome_fini(&o);
	o = parse(peer);
	assert_string_equal(o.lines, "");
	assert_true(o.conf.peers[0].vns[0].proxy);
	outcome_fini(&o);
}

static void
a_peer_is_a_way_in_too(void **state)
{
	struct outcome o = parse(START "\"vns\":[{\"id\":7,\"device\":\"br0\"," ADDRESSES PROXY(
		"") "}],\"peers\":[{\"name\":\"b\",\"public_key\":\"" KEY
		    "\",\"vns\":[{\"id\":7}]}]}");

	(void)state;
	assert_string_equal(o.lines, "");
	outcome_fini(&o);
}

static void
values_that_do_not_fit_are_refused(void **state)
{
	static const struct bad rows[] = {
		{VN(USE ADDRESSES "\"proxy\":{}"),
		 "f:2:89: vns[0].proxy.prefixes: expected an array of 1 to 64 prefixes, found "
		 "nothing\n"},
		{VN(USE ADDRESSES "\"proxy\":true"),
		 "f:2:89: vns[0].proxy: expected an object, found true\n"},
		{VN(USE ADDRESSES "\"proxy\":{\"prefixs\":[\"10.1.0.0/24\"]}"),
		 "f:2:89: vns[0].proxy.prefixes: expected an array of 1 to 64 prefixes, found "
		 "nothing\n"
		 "f:2:90: vns[0].proxy.prefixs: expected a known key (did you mean \"prefixes\"?), "
		 "found "
		 "\"prefixs\"\n"},
		{VN(USE ADDRESSES "\"proxy\":{\"prefixes\":[]}"),
		 "f:2:101: vns[0].proxy.prefixes: expected an array of 1 to 64 prefixes, found "
		 "0\n"},
		{VN(USE ADDRESSES "\"proxy\":{\"prefixes\":[\"10.1.0.1/24\",\"10.1.0.0/24\","
				  "\"10.1.0.0/24\"]}"),
		 "f:2:102: vns[0].proxy.prefixes[0]: expected a prefix such as \"10.1.0.0/24\" "
		 "without host bits, found \"10.1.0.1/24\"\n"
		 "f:2:130: vns[0].proxy.prefixes[2]: expected each prefix once, found "
		 "10.1.0.0/24, which vns[0].proxy.prefixes[1] is too\n"},
		{VN(USE ADDRESSES "\"subnets\":[\"198.18.1.0/24\"],"
				  "\"proxy\":{\"prefixes\":[\"198.18.0.0/16\",\"198.18.1.9/32\"]}"),
		 "f:2:130: vns[0].proxy.prefixes[0]: expected a prefix that is not on the outside, "
		 "found 198.18.0.0/16 beside 198.18.0.0/24 of \"addresses\"\n"
		 "f:2:146: vns[0].proxy.prefixes[1]: expected a prefix that is not on the outside, "
		 "found 198.18.1.9/32 beside 198.18.1.0/24 of \"subnets\"\n"},
		{VN(USE PROXY("")),
		 "f:2:8: vns[0].addresses: expected an address on the outside where there is a "
		 "\"proxy\", found nothing\n"},
		{VN(USE ADDRESSES "\"local\":[\"10.1.0.0/24\"]," PROXY("")),
		 "f:2:89: vns[0].local: expected none where there is a \"proxy\", found 1\n"},
		{VN(USE ADDRESSES PROXY(",\"ingress\":false,\"egress\":false")),
		 "f:2:142: vns[0].proxy.egress: expected true where \"ingress\" is false, found "
		 "false\n"},
		{VN(ADDRESSES PROXY("")), "f:2:69: vns[0].proxy: expected \"lisp.use\", or a peer "
					  "of the network, beside it, "
					  "found neither\n"},
		{VN("\"lisp\":{\"use\":true,\"petrs\":[\"192.0.2.7\"]}," ADDRESSES PROXY("")),
		 "f:2:58: vns[0].lisp.petrs: expected none where there is a \"proxy\", found 1\n"},
		{VN("\"lisp\":{\"petrs\":[\"192.0.2.7\"]}"),
		 "f:2:47: vns[0].lisp.petrs: expected none where \"use\" is not true, found "
		 "192.0.2.7\n"},
		{VN("\"lisp\":{\"use\":true,\"petrs\":[\"192.0.2.6\",\"192.0.2.7\",\"192.0.2.7\","
		    "\"x\"]}"),
		 "f:2:59: vns[0].lisp.petrs[0]: expected a locator of another router, found "
		 "192.0.2.6\n"
		 "f:2:83: vns[0].lisp.petrs[2]: expected each locator once, found 192.0.2.7, which "
		 "vns[0].lisp.petrs[1] is too\n"
		 "f:2:95: vns[0].lisp.petrs[3]: expected an address such as \"10.1.0.254\", found "
		 "\"x\"\n"},
		{VN("\"lisp\":{\"use\":true,\"petrs\":[1,2,3,4,5,6,7,8,9]}"),
		 "f:2:58: vns[0].lisp.petrs: expected an array of 0 to 8 addresses, found 9\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proxy_is_read),
		cmocka_unit_test(users_of_a_proxy_are_read),
		cmocka_unit_test(a_peer_is_a_way_in_too),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
