/* What the configuration of the LISP roles may not say: every error with its place. */
#include "tests/unit/conf_lisp_texts.h"

static const struct bad unfit[] = {
	{LISP("\"keys\":[{}]"), "f:2:17: lisp.keys[0].name: expected a name of 1 to 63 "
				"letters, digits, '.', '_' and '-', found nothing\n"
				"f:2:17: lisp.keys[0].secret_file: expected an absolute "
				"path of at most 4095 bytes, found nothing\n"},
	{LISP("\"keys\":[{\"name\":\"k\",\"secret_file\":\"s\"}]"),
	 "f:2:43: lisp.keys[0].secret_file: expected an absolute path of at most 4095 "
	 "bytes, found \"s\"\n"},
	{LISP("\"keys\":[{\"name\":\"k\",\"secret_file\":\"/s\",\"id\":256}]"),
	 "f:2:53: lisp.keys[0].id: expected a whole number from 0 to 255, found 256\n"},
	{LISP("\"keys\":[{\"name\":\"k\",\"secret_file\":\"/s\",\"algorithm\":\"md5\"}]"),
	 "f:2:60: lisp.keys[0].algorithm: expected \"sha1\", \"sha256\" or "
	 "\"sha256-hkdf\", found \"md5\"\n"},
	{LISP("\"keys\":[{\"name\":\"k\",\"secret_file\":\"/s\",\"full_length\":1}]"),
	 "f:2:62: lisp.keys[0].full_length: expected true or false, found 1\n"},
	{LISP("\"rlocs\":[{}]"), "f:2:18: lisp.rlocs[0].address: expected an address such "
				 "as \"10.1.0.254\", found nothing\n"},
	{LISP("\"rlocs\":[{\"address\":\"127.0.0.1\",\"priority\":-1,\"weight\":256}]"),
	 "f:2:29: lisp.rlocs[0].address: expected an address such as \"10.1.0.254\", found "
	 "\"127.0.0.1\"\n"
	 "f:2:52: lisp.rlocs[0].priority: expected a whole number from 0 to 255, found -1\n"
	 "f:2:64: lisp.rlocs[0].weight: expected a whole number from 0 to 255, found "
	 "256\n"},
	{LISP("\"rlocs\":[{},{},{},{},{}]"),
	 "f:2:17: lisp.rlocs: expected an array of 0 to 4 objects, found 5\n"},
	{LISP("\"xtr_id\":\"00000000000000000000000000000000\""),
	 "f:2:18: lisp.xtr_id: expected 32 hexadecimal digits that are not all 0, found "
	 "\"00000000000000000000000000000000\"\n"},
	{LISP("\"xtr_id\":\"0123456789abcdef0123456789abcde\""),
	 "f:2:18: lisp.xtr_id: expected 32 hexadecimal digits that are not all 0, found "
	 "\"0123456789abcdef0123456789abcde\"\n"},
	{LISP("\"xtr_id\":\"0123456789abcdef0123456789abcdeg\""),
	 "f:2:18: lisp.xtr_id: expected 32 hexadecimal digits that are not all 0, found "
	 "\"0123456789abcdef0123456789abcdeg\"\n"},
	{LISP("\"xtr_id\":1"), "f:2:18: lisp.xtr_id: expected 32 hexadecimal digits that "
			       "are not all 0, found 1\n"},
	{LISP("\"site_id\":9007199254740992"),
	 "f:2:19: lisp.site_id: expected a whole number below 2^53, or 16 hexadecimal "
	 "digits in quotes, found 9.00719925474099e+15\n"},
	{LISP("\"site_id\":-1"), "f:2:19: lisp.site_id: expected a whole number below "
				 "2^53, or 16 hexadecimal digits in quotes, found -1\n"},
	{LISP("\"site_id\":0.5"), "f:2:19: lisp.site_id: expected a whole number below "
				  "2^53, or 16 hexadecimal digits in quotes, found 0.5\n"},
	{LISP("\"site_id\":\"1\""),
	 "f:2:19: lisp.site_id: expected a whole number below 2^53, or 16 hexadecimal "
	 "digits in quotes, found \"1\"\n"},
	{LISP("\"site_id\":\"000000000000000g\""),
	 "f:2:19: lisp.site_id: expected a whole number below 2^53, or 16 hexadecimal "
	 "digits in quotes, found \"000000000000000g\"\n"},
	{LISP("\"site_id\":true"),
	 "f:2:19: lisp.site_id: expected a whole number below 2^53, or 16 hexadecimal "
	 "digits in quotes, found true\n"},
	{LISP("\"map_servers\":[{}]"),
	 "f:2:23: lisp.map_servers: expected none where there are no \"lisp.rlocs\", found "
	 "1\n"
	 "f:2:24: lisp.map_servers[0].address: expected an address such as \"10.1.0.254\", "
	 "found nothing\n"
	 "f:2:24: lisp.map_servers[0].key: expected a name of 1 to 63 letters, digits, "
	 "'.', '_' and '-', found nothing\n"},
	{LISP("\"nat\":true"), "f:2:15: lisp.nat: expected false where there are no "
			       "\"map_servers\", found true\n"},
	{LISP("\"nat\":true,\"nat_keepalive_s\":0"),
	 "f:2:15: lisp.nat: expected false where there are no \"map_servers\", found true\n"
	 "f:2:38: lisp.nat_keepalive_s: expected a whole number from 1 to 3600, found 0\n"},
	{LISP("\"rtr\":{}"), "f:2:15: lisp.rtr: expected none where there are no "
			     "\"lisp.rlocs\", found an object\n"
			     "f:2:15: lisp.rtr.map_servers: expected an array of 1 to 8 "
			     "objects, found nothing\n"},
	{LISP(RLOC ",\"keys\":[" KEY "],\"rtr\":{\"map_servers\":["
		   "{\"address\":\"10.0.0.8\",\"key\":\"k\"},"
		   "{\"address\":\"10.0.0.8\",\"key\":\"z\"}],\"max_eids\":0}"),
	 "f:2:149: lisp.rtr.map_servers[1].address: expected each address once, found "
	 "10.0.0.8, which lisp.rtr.map_servers[0].address is too\n"
	 "f:2:166: lisp.rtr.map_servers[1].key: expected the name of a key in "
	 "\"lisp.keys\", found \"z\"\n"
	 "f:2:183: lisp.rtr.max_eids: expected a whole number from 1 to 1048576, found "
	 "0\n"},
	{LISP(RLOC ",\"keys\":[" KEY "],\"map_server\":{\"rtrs\":["
		   "{\"address\":\"10.0.0.8\",\"key\":\"k\"},"
		   "{\"address\":\"10.0.0.8\"}]}"),
	 "f:2:138: lisp.map_server.rtrs[1].key: expected a name of 1 to 63 letters, "
	 "digits, '.', '_' and '-', found nothing\n"
	 "f:2:149: lisp.map_server.rtrs[1].address: expected each address once, found "
	 "10.0.0.8, which lisp.map_server.rtrs[0].address is too\n"},
	{WITH_VN("{\"id\":16777215,\"device\":\"br0\",\"lisp\":{\"use\":true}}",
		 ",\n\"lisp\":{" RLOC ",\"keys\":[" KEY
		 "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"k\"}],\"nat\":"
		 "true}"),
	 "f:1:42: vns[0].id: expected another number than 16777215 where \"lisp.nat\" is "
	 "true, found 16777215\n"},
	{LISP("\"map_servers\":[{},{},{},{},{},{},{},{},{}]"),
	 "f:2:23: lisp.map_servers: expected an array of 0 to 8 objects, found 9\n"},
	{LISP("\"map_resolvers\":[\"10.0.0.0/8\"]"),
	 "f:2:25: lisp.map_resolvers: expected none where there are no \"lisp.rlocs\", "
	 "found 1\n"
	 "f:2:26: lisp.map_resolvers[0]: expected an address such as \"10.1.0.254\", found "
	 "\"10.0.0.0/8\"\n"},
	{LISP("\"map_resolvers\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]"),
	 "f:2:25: lisp.map_resolvers: expected an array of 0 to 8 addresses, found 9\n"},
	{LISP("\"subscribe\":\"yes\""),
	 "f:2:21: lisp.subscribe: expected true or false, found \"yes\"\n"},
	{LISP("\"ttl_min\":0,\"register_s\":3601,\"probe_s\":3601,\"cache_max\":15,\"reply_"
	      "rate\":0"),
	 "f:2:19: lisp.ttl_min: expected a whole number from 1 to 525600, found 0\n"
	 "f:2:34: lisp.register_s: expected a whole number from 1 to 60, found 3601\n"
	 "f:2:49: lisp.probe_s: expected a whole number from 0 to 3600, found 3601\n"
	 "f:2:66: lisp.cache_max: expected a whole number from 16 to 16777216, found 15\n"
	 "f:2:82: lisp.reply_rate: expected a whole number from 1 to 1000000, found 0\n"},
	{LISP("\"push\":{\"key\":\"a b\",\"sub_type\":4096,\"type5\":1}"),
	 "f:2:23: lisp.push.key: expected a name of 1 to 63 letters, digits, '.', '_' and "
	 "'-', found \"a b\"\n"
	 "f:2:40: lisp.push.sub_type: expected a whole number from 0 to 4095, found 4096\n"
	 "f:2:53: lisp.push.type5: expected true or false, found 1\n"},
	{LISP("\"locators\":[{\"encapsulation\":\"on\",\"zero_checksum\":0}]"),
	 "f:2:21: lisp.locators[0].address: expected an address such as \"10.1.0.254\", "
	 "found nothing\n"
	 "f:2:38: lisp.locators[0].encapsulation: expected \"auto\", \"plain\" or "
	 "\"sealed\", found \"on\"\n"
	 "f:2:59: lisp.locators[0].zero_checksum: expected true or false, found 0\n"},
	{LISP("\"data_port\":0,\"control_port\":65536"),
	 "f:2:21: lisp.data_port: expected a whole number from 1 to 65535, found 0\n"
	 "f:2:38: lisp.control_port: expected a whole number from 1 to 65535, found "
	 "65536\n"},
	{LISP("\"map_server\":7"), "f:2:22: lisp.map_server: expected an object, found 7\n"},
	{LISP("\"map_server\":{\"max_eids\":16777216,\"bare_requests\":null}"),
	 "f:2:34: lisp.map_server.max_eids: expected a whole number from 1 to 16777215, "
	 "found 16777216\n"
	 "f:2:59: lisp.map_server.bare_requests: expected true or false, found null\n"},
	{LISP("\"map_server\":{\"sites\":[{}]}"),
	 "f:2:32: lisp.map_server.sites[0].keys: expected an array of 1 to 16 names, found "
	 "nothing\n"
	 "f:2:32: lisp.map_server.sites[0].name: expected a name of 1 to 63 letters, "
	 "digits, '.', '_' and '-', found nothing\n"},
	{LISP("\"map_server\":{\"sites\":[{\"name\":\"s\",\"keys\":[]}]}"),
	 "f:2:51: lisp.map_server.sites[0].keys: expected an array of 1 to 16 names, found "
	 "0\n"},
	{LISP("\"map_server\":{\"sites\":[{\"name\":\"s\",\"keys\":\"k\",\"prefixes\":[{}],"
	      "\"site_id\":-1}]}"),
	 "f:2:51: lisp.map_server.sites[0].keys: expected an array of 1 to 16 names, found "
	 "\"k\"\n"
	 "f:2:67: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix such as "
	 "\"10.1.0.0/24\" without host bits, found nothing\n"
	 "f:2:67: lisp.map_server.sites[0].prefixes[0].vn: expected a whole number from 0 "
	 "to 16777215, found nothing\n"
	 "f:2:81: lisp.map_server.sites[0].site_id: expected a whole number below 2^53, or "
	 "16 hexadecimal digits in quotes, found -1\n"},
	{LISP("\"map_server\":{\"sites\":[{\"name\":\"s\",\"keys\":[7],\"prefixes\":[{"
	      "\"vn\":16777216,\"prefix\":\"10.0.0.1/8\",\"more_specifics\":1}]}]}"),
	 "f:2:52: lisp.map_server.sites[0].keys[0]: expected a name of 1 to 63 letters, "
	 "digits, '.', '_' and '-', found 7\n"
	 "f:2:73: lisp.map_server.sites[0].prefixes[0].vn: expected a whole number from 0 "
	 "to 16777215, found 16777216\n"
	 "f:2:91: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix such as "
	 "\"10.1.0.0/24\" without host bits, found \"10.0.0.1/8\"\n"
	 "f:2:121: lisp.map_server.sites[0].prefixes[0].more_specifics: expected true or "
	 "false, found 1\n"},
	{LISP("\"map_server\":{\"sites\":[{\"name\":\"s\",\"keys\":[7],\"strict_nonces\":1,"
	      "\"always_proxy\":1,\"trusts_requests\":1,\"max_eids\":16777216}]}"),
	 "f:2:52: lisp.map_server.sites[0].keys[0]: expected a name of 1 to 63 letters, "
	 "digits, '.', '_' and '-', found 7\n"
	 "f:2:71: lisp.map_server.sites[0].strict_nonces: expected true or false, found 1\n"
	 "f:2:88: lisp.map_server.sites[0].always_proxy: expected true or false, found 1\n"
	 "f:2:108: lisp.map_server.sites[0].trusts_requests: expected true or false, found "
	 "1\n"
	 "f:2:121: lisp.map_server.sites[0].max_eids: expected a whole number from 0 to "
	 "16777215, found 16777216\n"},
	{LISP("\"map_server\":{\"mobile\":[{}]}"),
	 "f:2:33: lisp.map_server.mobile[0].prefix: expected a prefix such as "
	 "\"10.1.0.0/24\" without host bits, found nothing\n"
	 "f:2:33: lisp.map_server.mobile[0].sites: expected an array of 1 to 65535 names, "
	 "found nothing\n"
	 "f:2:33: lisp.map_server.mobile[0].vn: expected a whole number from 0 to "
	 "16777215, found nothing\n"},
	{LISP("\"map_server\":{\"mobile\":[{\"vn\":-1,\"prefix\":7,\"sites\":[]}]}"),
	 "f:2:39: lisp.map_server.mobile[0].vn: expected a whole number from 0 to "
	 "16777215, found -1\n"
	 "f:2:51: lisp.map_server.mobile[0].prefix: expected a prefix such as "
	 "\"10.1.0.0/24\" without host bits, found 7\n"
	 "f:2:61: lisp.map_server.mobile[0].sites: expected an array of 1 to 65535 names, "
	 "found 0\n"},
	{WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":{\"use\":1,\"encapsulation\":"
		 "\"never\"}}",
		 ",\n\"lisp\":{}"),
	 "f:1:73: vns[0].lisp.use: expected true or false, found 1\n"
	 "f:1:91: vns[0].lisp.encapsulation: expected \"auto\", \"plain\" or \"sealed\", "
	 "found \"never\"\n"},
	{WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":true}", ",\n\"lisp\":{}"),
	 "f:1:66: vns[0].lisp: expected an object, found true\n"},
};

static void
values_that_do_not_fit_are_refused(void **state)
{
	(void)state;
	expect_lines(unfit, ARRAY_COUNT(unfit));
}

static void
unknown_keys_come_with_a_suggestion(void **state)
{
	static const struct bad rows[] = {
		{LISP("\"rloc\":[]"), "f:2:9: lisp.rloc: expected a known key (did you mean "
				      "\"rlocs\"?), found \"rloc\"\n"},
		{LISP("\"mapServers\":[]"), "f:2:9: lisp.mapServers: expected a known key (did you "
					    "mean \"map_servers\"?), found \"mapServers\"\n"},
		{LISP("\"zzzzzz\":1"),
		 "f:2:9: lisp.zzzzzz: expected a known key, found \"zzzzzz\"\n"},
		{LISP("\"keys\":[{\"name\":\"k\",\"secret_file\":\"/s\",\"algoritm\":\"sha1\"}]"),
		 "f:2:48: lisp.keys[0].algoritm: expected a known key (did you mean "
		 "\"algorithm\"?), found \"algoritm\"\n"},
		{LISP("\"push\":{\"subtype\":1}"),
		 "f:2:17: lisp.push.subtype: expected a known key (did you mean \"sub_type\"?), "
		 "found \"subtype\"\n"},
		{LISP("\"map_server\":{\"site\":[]}"),
		 "f:2:23: lisp.map_server.site: expected a known key (did you mean \"sites\"?), "
		 "found \"site\"\n"},
		{LISP("\"map_server\":{\"sites\":[{\"name\":\"s\",\"keys\":[\"k\"],\"prefixes\":[{"
		      "\"vn\":1,\"prefix\":\"10.0.0.0/"
		      "8\",\"more_specific\":true}]}]},\"keys\":[{\"name\":\"k\",\"secret_file\":"
		      "\"/s\"}]"),
		 "f:2:99: lisp.map_server.sites[0].prefixes[0].more_specific: expected a known key "
		 "(did you mean \"more_specifics\"?), found \"more_specific\"\n"},
		{WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":{\"used\":true}}",
			 ",\n\"lisp\":{}"),
		 "f:1:67: vns[0].lisp.used: expected a known key (did you mean \"use\"?), found "
		 "\"used\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
one_mistake_is_reported_once(void **state)
{
	static const struct bad rows[] = {
		{LISP("\"keys\":7,\"rlocs\":7,\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":"
		      "\"k\"}]"),
		 "f:2:16: lisp.keys: expected an array of 0 to 65536 objects, found 7\n"
		 "f:2:26: lisp.rlocs: expected an array of 0 to 4 objects, found 7\n"},
		{LISP(RLOC ",\"keys\":[{\"name\":\"a "
			   "b\",\"secret_file\":\"/"
			   "s\"}],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"k\"}],"
			   "\"push\":{\"key\":\"z\"}"),
		 "f:2:58: lisp.keys[0].name: expected a name of 1 to 63 letters, digits, '.', '_' "
		 "and '-', found \"a b\"\n"},
		{LISP("\"data_port\":0,\"control_port\":0"),
		 "f:2:21: lisp.data_port: expected a whole number from 1 to 65535, found 0\n"
		 "f:2:38: lisp.control_port: expected a whole number from 1 to 65535, found 0\n"},
		{LISP("\"push\":{\"key\":7,\"type5\":true}"),
		 "f:2:23: lisp.push.key: expected a name of 1 to 63 letters, digits, '.', '_' and "
		 "'-', found 7\n"},
		{LISP(RLOC ",\"subscribe\":true,\"map_resolvers\":7"),
		 "f:2:75: lisp.map_resolvers: expected an array of 0 to 8 addresses, found 7\n"},
		{MAP_SERVER("\"sites\":7,\"mobile\":[" MOBILE "[\"s\"]}]"),
		 "f:3:23: lisp.map_server.sites: expected an array of 0 to 65535 objects, found "
		 "7\n"},
		{MAP_SERVER("\"sites\":[{\"name\":\"?\",\"keys\":[\"k\"]}],\"mobile\":[" MOBILE
			    "[\"s\"]}]"),
		 "f:3:32: lisp.map_server.sites[0].name: expected a name of 1 to 63 letters, "
		 "digits, '.', '_' and '-', found \"?\"\n"},
		{MAP_SERVER("\"sites\":[" SITE("s", ",\"max_eids\":11") "],\"max_eids\":-1"),
		 "f:3:76: lisp.map_server.max_eids: expected a whole number from 1 to 16777215, "
		 "found -1\n"},
		{MAP_SERVER("\"sites\":[" SITE_OF("s", PREFIX("10.1.0.1/8", "")) "," SITE_OF(
			 "t", PREFIX("10.1.0.1/8", "")) "]"),
		 "f:3:78: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix such as "
		 "\"10.1.0.0/24\" without host bits, found \"10.1.0.1/8\"\n"
		 "f:3:148: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix such as "
		 "\"10.1.0.0/24\" without host bits, found \"10.1.0.1/8\"\n"},
		{MAP_SERVER("\"sites\":[" SITE_OF(
			 "s",
			 "{\"vn\":-1,\"prefix\":\"10.1.0.0/16\"}") "," SITE_OF("t",
									       "{\"vn\":-1,"
									       "\"prefix\":\"10.1."
									       "0.0/16\"}") "]"),
		 "f:3:67: lisp.map_server.sites[0].prefixes[0].vn: expected a whole number from 0 "
		 "to 16777215, found -1\n"
		 "f:3:139: lisp.map_server.sites[1].prefixes[0].vn: expected a whole number from 0 "
		 "to 16777215, found -1\n"},
		{"{\"name\":\"a\",\"key_file\":\"/"
		 "k\",\"vns\":[{\"id\":7,\"device\":\"br0\",\"lisp\":{\"use\":true}}],\n\"lisp\":"
		 "7}",
		 "f:2:8: lisp: expected an object, found 7\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(unknown_keys_come_with_a_suggestion),
		cmocka_unit_test(one_mistake_is_reported_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
