/* The configuration of the LISP roles: what is accepted, and every error with its place. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fmt.h"
#include "tests/unit/conf_outcome.h"

/* A whole configuration around what a row is about.  'vn' stands on line 1, 'more' on line 2, and of a map-server
 * on line 3. */
#define WITH_VN(vn, rest)    "{\"name\":\"a\",\"key_file\":\"/k\",\"vns\":[" vn "]" rest "}\n"
#define LISP(more)           WITH_VN("{\"id\":7,\"device\":\"br0\"}", ",\n\"lisp\":{" more "}")
#define MAP_SERVER(more)     LISP("\"keys\":[" KEY "],\n\"map_server\":{" more "}")
#define KEY                  "{\"name\":\"k\",\"secret_file\":\"/s\"}"
#define RLOC                 "\"rlocs\":[{\"address\":\"10.0.0.1\"}]"
#define SITE(name, more)     "{\"name\":\"" name "\",\"keys\":[\"k\"]" more "}"
#define PREFIX(prefix, more) "{\"vn\":7,\"prefix\":\"" prefix "\"" more "}"
#define MOBILE               "{\"vn\":7,\"prefix\":\"10.1.0.0/24\",\"sites\":"

static void
values_that_do_not_fit_are_refused(void **state)
{
	static const struct bad rows[] = {
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
		 "f:2:34: lisp.register_s: expected a whole number from 1 to 3600, found 3601\n"
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
		{LISP("\"map_server\":7"),
		 "f:2:22: lisp.map_server: expected an object, found 7\n"},
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

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
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
values_that_contradict_each_other_are_refused(void **state)
{
	static const struct bad rows[] = {
		{LISP("\"keys\":[" KEY ",{\"name\":\"k\",\"secret_file\":\"/t\"}]"),
		 "f:2:57: lisp.keys[1].name: expected a name of its own for each key, found k, "
		 "which lisp.keys[0].name is too\n"},
		{LISP(RLOC ",\"keys\":[" KEY
			   "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"K\"},{"
			   "\"address\":\"10.0.0.9\",\"key\":\"other\"}]"),
		 "f:2:126: lisp.map_servers[0].key: expected the name of a key in \"lisp.keys\" "
		 "(did you mean \"k\"?), found \"K\"\n"
		 "f:2:159: lisp.map_servers[1].key: expected the name of a key in \"lisp.keys\", "
		 "found \"other\"\n"},
		{LISP(RLOC ",\"keys\":[" KEY "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":"
			   "\"k\"},{\"address\":\"10.0.0.8\",\"key\":\"k\"}]"),
		 "f:2:142: lisp.map_servers[1].address: expected each map-server once, found "
		 "10.0.0.8, which lisp.map_servers[0].address is too\n"},
		{LISP(RLOC ",\"map_resolvers\":[\"10.0.0.8\",\"2001:db8::8\",\"2001:db8:0::8\"]"),
		 "f:2:84: lisp.map_resolvers[2]: expected each map-resolver once, found "
		 "2001:db8::8, which lisp.map_resolvers[1] is too\n"},
		{LISP("\"keys\":[" KEY "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"k\"}"
		      "],\"map_resolvers\":[\"10.0.0.8\",\"10.0.0.9\"]"),
		 "f:2:64: lisp.map_servers: expected none where there are no \"lisp.rlocs\", found "
		 "1\n"
		 "f:2:115: lisp.map_resolvers: expected none where there are no \"lisp.rlocs\", "
		 "found 2\n"},
		{LISP("\"rlocs\":[],\"map_resolvers\":[\"10.0.0.8\"]"),
		 "f:2:36: lisp.map_resolvers: expected none where there are no \"lisp.rlocs\", "
		 "found 1\n"},
		{LISP("\"rlocs\":[{\"address\":\"10.0.0.1\"},{\"address\":\"2001:db8::1\"},{"
		      "\"address\":\"10.0.0.2\"}]"),
		 "f:2:78: lisp.rlocs[2].address: expected one locator of each family, found "
		 "10.0.0.2 beside 10.0.0.1 of lisp.rlocs[0]\n"},
		{LISP(RLOC ",\"subscribe\":true"), "f:2:54: lisp.subscribe: expected false where "
						   "there are no \"map_resolvers\", found true\n"},
		{LISP(RLOC ",\"locators\":[{\"address\":\"10.0.0.7\"},{\"address\":\"10.0.0.1\"},{"
			   "\"address\":\"10.0.0.7\"}]"),
		 "f:2:88: lisp.locators[1].address: expected a locator of another site, found "
		 "10.0.0.1\n"
		 "f:2:111: lisp.locators[2].address: expected each locator once, found 10.0.0.7, "
		 "which lisp.locators[0].address is too\n"},
		{LISP("\"locators\":[{\"address\":\"10.0.0.7\",\"encapsulation\":\"sealed\",\"zero_"
		      "checksum\":true}]"),
		 "f:2:84: lisp.locators[0].zero_checksum: expected false where \"encapsulation\" "
		 "is \"sealed\", found true\n"},
		{LISP("\"keys\":[{\"name\":\"old\",\"algorithm\":\"sha1\",\"secret_file\":\"/"
		      "s\"}],\"push\":{\"key\":\"old\"}"),
		 "f:2:85: lisp.push.key: expected a key that is not of \"sha1\", found \"old\"\n"},
		{LISP("\"keys\":[" KEY "],\"push\":{\"key\":\"kk\"}"),
		 "f:2:64: lisp.push.key: expected the name of a key in \"lisp.keys\" (did you mean "
		 "\"k\"?), found \"kk\"\n"},
		{LISP("\"push\":{\"type5\":true}"),
		 "f:2:25: lisp.push.type5: expected false where there is no \"key\", found true\n"},
		{LISP("\"data_port\":51341"), "f:2:21: lisp.data_port: expected another port than "
					      "that of \"listen\", found 51341\n"},
		{LISP("\"control_port\":51341"), "f:2:24: lisp.control_port: expected another port "
						 "than that of \"listen\", found 51341\n"},
		{LISP("\"control_port\":4341"), "f:2:24: lisp.control_port: expected another port "
						"than \"data_port\", found 4341\n"},
		{LISP("\"data_port\":65535,\"control_port\":65535"),
		 "f:2:42: lisp.control_port: expected another port than \"data_port\", found "
		 "65535\n"},
		{WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":{\"use\":true}}", ",\n\"lisp\":{}"),
		 "f:1:73: vns[0].lisp.use: expected false where there are no \"lisp.rlocs\", found "
		 "true\n"},
		{WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":{\"use\":true}}", ""),
		 "f:1:73: vns[0].lisp.use: expected false where there is no \"lisp\" object, found "
		 "true\n"},
		{MAP_SERVER("\"sites\":[" SITE("s", ) "," SITE("s", ) "]"),
		 "f:3:58: lisp.map_server.sites[1].name: expected a name of its own for each site, "
		 "found s, which lisp.map_server.sites[0].name is too\n"},
		{MAP_SERVER("\"sites\":[" SITE("s", ",\"site_id\":5") "," SITE(
			 "t", ",\"site_id\":\"0000000000000005\"") "]"),
		 "f:3:97: lisp.map_server.sites[1].site_id: expected a site-ID of its own for each "
		 "site, found 5, which lisp.map_server.sites[0].site_id is too\n"},
		{MAP_SERVER("\"sites\":[{\"name\":\"s\",\"keys\":[\"k\",\"key\",\"k\"]}]"),
		 "f:3:48: lisp.map_server.sites[0].keys[1]: expected the name of a key in "
		 "\"lisp.keys\", found \"key\"\n"
		 "f:3:54: lisp.map_server.sites[0].keys[2]: expected each key once, found k, which "
		 "lisp.map_server.sites[0].keys[0] is too\n"},
		{MAP_SERVER("\"sites\":[" SITE("s", ",\"max_eids\":11") "],\"max_eids\":10"),
		 "f:3:60: lisp.map_server.sites[0].max_eids: expected at most \"max_eids\" of the "
		 "map-server (10), found 11\n"},
		{MAP_SERVER("\"sites\":[" SITE("site-a", ) "],\"mobile\":[" MOBILE
							   "[\"site-a\",\"sitea\",\"b\"]}," MOBILE
							   "[\"site-a\",\"site-a\"]}]"),
		 "f:3:115: lisp.map_server.mobile[0].sites[1]: expected the name of a site in "
		 "\"sites\" (did you mean \"site-a\"?), found \"sitea\"\n"
		 "f:3:123: lisp.map_server.mobile[0].sites[2]: expected the name of a site in "
		 "\"sites\", found \"b\"\n"
		 "f:3:146: lisp.map_server.mobile[1].prefix: expected each mobile prefix once, "
		 "found 10.1.0.0/24, which lisp.map_server.mobile[0].prefix is too\n"
		 "f:3:178: lisp.map_server.mobile[1].sites[1]: expected each site once, found "
		 "site-a, which lisp.map_server.mobile[1].sites[0] is too\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s", ",\"prefixes\":[" PREFIX("10.0.0.0/8", ) "," PREFIX(
				      "10.0.0.0/8", ) "," PREFIX("10.0.0.0/8", ) "]") "]"),
		 "f:3:109: lisp.map_server.sites[0].prefixes[1].prefix: expected each prefix of a "
		 "site once, found 10.0.0.0/8, which lisp.map_server.sites[0].prefixes[0].prefix "
		 "is too\n"
		 "f:3:140: lisp.map_server.sites[0].prefixes[2].prefix: expected each prefix of a "
		 "site once, found 10.0.0.0/8, which lisp.map_server.sites[0].prefixes[0].prefix "
		 "is too\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "10.0.0.0/8", ) "]") ",\n" SITE("t",
								 ",\"prefixes\":[" PREFIX(
									 "10.0.0.0/8", ) "]") "]"),
		 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
		 "other site may register, found 10.0.0.0/8, which 10.0.0.0/8 of "
		 "lisp.map_server.sites[0].prefixes[0] is too\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "10.1.0.0/16", ) "]") ",\n" SITE("t",
								  ",\"prefixes\":[" PREFIX(
									  "10.0.0.0/8",
									  ",\"more_specifics\":"
									  "true") "]") "]"),
		 "f:3:78: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix that no "
		 "other site may register, found 10.1.0.0/16, which 10.0.0.0/8 of "
		 "lisp.map_server.sites[1].prefixes[0] contains\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "2001:db8::/32",
				 ",\"more_specifics\":"
				 "true") "," PREFIX("2001:db8:1::/48", ) "]") ",\n" SITE("t",
											 ",\"prefix"
											 "es\":"
											 "[" PREFIX(
												 "2"
												 "0"
												 "0"
												 "1"
												 ":"
												 "d"
												 "b"
												 "8"
												 ":"
												 "1"
												 ":"
												 "1"
												 ":"
												 ":"
												 "/"
												 "6"
												 "4", ) "]") "]"),
		 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
		 "other site may register, found 2001:db8:1:1::/64, which 2001:db8::/32 of "
		 "lisp.map_server.sites[0].prefixes[0] contains\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "10.1.0.0/24", ) "]") ",\n" SITE("t",
								  ",\"prefixes\":[" PREFIX(
									  "10.1.0.0/24", ) "]") "],"
												"\""
												"mo"
												"bi"
												"le"
												"\""
												":"
												"[" MOBILE
												"["
												"\""
												"s"
												"\""
												","
												"\""
												"t"
												"\""
												"]}"
												"]"),
		 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
		 "other site may register, found 10.1.0.0/24, which 10.1.0.0/24 of "
		 "lisp.map_server.sites[0].prefixes[0] is too\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "10.1.0.0/28", ) "]") ",\n" SITE("t",
								  ",\"prefixes\":[" PREFIX(
									  "10.1.0.0/28", ) "]") "],"
												"\""
												"mo"
												"bi"
												"le"
												"\""
												":"
												"[" MOBILE
												"["
												"\""
												"s"
												"\""
												"]}"
												"]"),
		 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
		 "other site may register, found 10.1.0.0/28, which 10.1.0.0/28 of "
		 "lisp.map_server.sites[0].prefixes[0] is too\n"},
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
		{MAP_SERVER("\"sites\":[" SITE(
			 "s",
			 ",\"prefixes\":[" PREFIX(
				 "10.1.0.1/8", ) "]") "," SITE("t",
							       ",\"prefixes\":[" PREFIX(
								       "10.1.0.1/8", ) "]") "]"),
		 "f:3:78: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix such as "
		 "\"10.1.0.0/24\" without host bits, found \"10.1.0.1/8\"\n"
		 "f:3:148: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix such as "
		 "\"10.1.0.0/24\" without host bits, found \"10.1.0.1/8\"\n"},
		{MAP_SERVER("\"sites\":[" SITE(
			 "s", ",\"prefixes\":[{\"vn\":-1,\"prefix\":\"10.1.0."
			      "0/16\"}]") "," SITE("t", ",\"prefixes\":[{\"vn\":-1,\"prefix\":\"10."
							"1.0.0/16\"}]") "]"),
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

/* Texts that come close to an error and are none. */
static void
what_is_no_contradiction_is_accepted(void **state)
{
	static const char *const texts[] = {
		/* Longer than the mobile prefix that names both, whoever has more specifics. */
		MAP_SERVER("\"sites\":[" SITE(
			"s", ",\"prefixes\":[" PREFIX(
				     "10.1.0.0/28",
				     "") "]") "," SITE("t",
						       ",\"prefixes\":[" PREFIX(
							       "10.1.0.0/28",
							       "") "]") "],\"mobile\":[" MOBILE
									"[\"t\",\"s\"]}]"),
		MAP_SERVER("\"sites\":[" SITE(
			"s",
			",\"prefixes\":[" PREFIX(
				"10.0.0.0/8",
				",\"more_specifics\":true") "]") "," SITE("t",
									  ",\"prefixes\":[" PREFIX(
										  "10.1.0.7/32",
										  "") "]") "],"
											   "\"mobil"
											   "e\":"
											   "[" MOBILE
											   "[\"t\","
											   "\"s\"]}"
											   "]"),
		/* Neither site may register what is the other's. */
		MAP_SERVER("\"sites\":[" SITE(
			"s",
			",\"prefixes\":[" PREFIX(
				"10.0.0.0/8",
				"") "]") "," SITE("t",
						  ",\"prefixes\":[" PREFIX(
							  "10.1.0.0/16",
							  ",\"more_specifics\":true") "]") "]"),
		/* Another network, another family. */
		MAP_SERVER("\"sites\":[" SITE(
			"s",
			",\"prefixes\":[" PREFIX(
				"0.0.0.0/0",
				",\"more_specifics\":true") "]") "," SITE("t",
									  ",\"prefixes\":[" PREFIX(
										  "::/0",
										  ",\"more_"
										  "specifics\":"
										  "true") ",{"
											  "\"vn\":"
											  "8,"
											  "\"prefix"
											  "\":\"0."
											  "0.0.0/"
											  "0\"}]") "]"),
		/* Behind a wide prefix and one within it comes one beside that. */
		MAP_SERVER("\"sites\":[" SITE(
			"s",
			",\"prefixes\":[" PREFIX("10.0.0.0/8", "") "," PREFIX(
				"10.1.0.0/16",
				",\"more_specifics\":true") "]") "," SITE("t",
									  ",\"prefixes\":[" PREFIX(
										  "10.2.0.0/16",
										  "") "]") "]"),
		MAP_SERVER("\"sites\":[" SITE("s", "") "," SITE("t", ",\"site_id\":0") "]"),
		LISP("\"map_server\":{}"),
		LISP("\"keys\":[" KEY ",{\"name\":\"old\",\"algorithm\":\"sha1\",\"secret_file\":"
		     "\"/s\"}],\"push\":{\"key\":\"k\",\"type5\":true}"),
		LISP("\"data_port\":4342,\"control_port\":4341"),
		WITH_VN("{\"id\":7,\"device\":\"br0\",\"lisp\":{\"encapsulation\":\"plain\"}}", ""),
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		struct outcome o = parse(texts[i]);

		assert_string_equal(o.lines, "");
		assert_int_equal(o.rc, 0);
		outcome_fini(&o);
	}
}

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
		"\"ids\":false},{\"address\":\"2001:db8::8\",\"key\":\"k\"}],"
		"\"map_resolvers\":[\"10.0.0.8\",\"2001:db8::8\"],\"subscribe\":true,"
		"\"ttl_min\":525600,\"register_s\":3600,\"probe_s\":0,\"cache_max\":16777216,"
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
	assert_int_equal(l->map_resolver_count, 2);
	assert_string_equal(fmt_addr(l->map_resolvers[1]).s, "2001:db8::8");
	assert_true(l->subscribe);
	assert_int_equal(l->ttl_min, 525600);
	assert_int_equal(l->register_interval, 3600 * US_S);
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
		     "\"always_proxy\":true,\"trusts_requests\":true,\"max_eids\":5},"
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

/* One of many: found, and not slowly. */
static void
a_conflict_among_many_prefixes_is_found(void **state)
{
	enum { SITES = 500, PREFIXES = 50 };
	char *text;
	size_t size, i, j;
	FILE *out = open_memstream(&text, &size);
	struct outcome o;

	(void)state;
	fprintf(out, "{\"name\":\"a\",\"key_file\":\"/k\",\"vns\":[{\"id\":7,\"device\":\"br0\"}],"
		     "\"lisp\":{\"keys\":[" KEY "],\"map_server\":{\"sites\":[\n");
	for (i = 0; i < SITES; i++) {
		fprintf(out, "{\"name\":\"s%zu\",\"keys\":[\"k\"],\"prefixes\":[", i);
		for (j = 0; j < PREFIXES; j++)
			fprintf(out, "{\"vn\":7,\"prefix\":\"10.%zu.%zu.%zu/32\"},", i / 250,
				i % 250, j);
		fprintf(out,
			"{\"vn\":7,\"prefix\":\"11.%zu.%zu.0/24\",\"more_specifics\":true}]},\n",
			i / 250, i % 250);
	}
	fprintf(out, "{\"name\":\"last\",\"keys\":[\"k\"],\"prefixes\":[{\"vn\":7,\"prefix\":"
		     "\"11.1.9.128/25\"}]}]}}}");
	fclose(out);
	o = parse(text);
	assert_string_equal(
		o.lines,
		"f:502:58: lisp.map_server.sites[500].prefixes[0].prefix: expected a prefix "
		"that no other site may register, found 11.1.9.128/25, which 11.1.9.0/24 of "
		"lisp.map_server.sites[259].prefixes[50] contains\n");
	outcome_fini(&o);
	free(text);
}

struct secret {
	const char *text;
	size_t size;
	ssize_t result;
};

static void
write_file(const char *file, const char *text, size_t size)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	fclose(out);
	assert_int_equal(chmod(file, 0600), 0);
}

static void
secrets_are_read_without_their_line_end(void **state)
{
	static const struct secret rows[] = {
		{"s", 1, 1},
		{"a secret\n", 9, 8},
		{"a secret\n\n", 10, 9},
		{"a secret\r\n", 10, 9},
		{"\0\n", 2, 1},
		{"", 0, -EINVAL},
		{"\n", 1, -EINVAL},
		{"12345678901", 11, -EFBIG},
		{"12345678901\n", 12, -EFBIG},
		{"1234567890\n", 11, 10},
		{"1234567890\n\n", 12, -EFBIG},
	};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *secret = malloc(10);
		ssize_t size;

		write_file(file, rows[i].text, rows[i].size);
		size = conf_secret_read(file, secret, 10);
		assert_int_equal(size, rows[i].result);
		if (size > 0)
			assert_memory_equal(secret, rows[i].text, (size_t)size);
		free(secret);
	}
	unlink(file);
	rmdir(directory);
}

static void
the_longest_secret_is_read_whole(void **state)
{
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64], text[CONF_SECRET_SIZE_MAX + 3];
	uint8_t secret[CONF_SECRET_SIZE_MAX * 2];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	memset(text, 'x', sizeof(text));
	text[CONF_SECRET_SIZE_MAX] = '\n';
	write_file(file, text, CONF_SECRET_SIZE_MAX);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), CONF_SECRET_SIZE_MAX);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 1);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), CONF_SECRET_SIZE_MAX);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 2);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EFBIG);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 3);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EFBIG);
	unlink(file);
	rmdir(directory);
}

static void
secrets_that_others_may_read_are_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0700, 0620, 0601};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t secret[8] = {0};
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -ENOENT);
	assert_int_equal(conf_secret_read(directory, secret, sizeof(secret)), -EINVAL);
	write_file(file, "s", 1);
	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EPERM);
	}
	assert_int_equal(secret[0], 0);
	assert_int_equal(chmod(file, 0400), 0);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), 1);
	unlink(file);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(unknown_keys_come_with_a_suggestion),
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
		cmocka_unit_test(one_mistake_is_reported_once),
		cmocka_unit_test(what_is_no_contradiction_is_accepted),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(without_the_object_there_is_no_role),
		cmocka_unit_test(every_key_of_an_xtr_is_taken_over),
		cmocka_unit_test(every_key_of_a_map_server_is_taken_over),
		cmocka_unit_test(a_conflict_among_many_prefixes_is_found),
		cmocka_unit_test(secrets_are_read_without_their_line_end),
		cmocka_unit_test(the_longest_secret_is_read_whole),
		cmocka_unit_test(secrets_that_others_may_read_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
