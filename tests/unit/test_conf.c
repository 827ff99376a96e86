/* The configuration: what is accepted, and every error with its place. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "conf/conf.h"
#include "conf/keys.h"
#include "tests/unit/conf_outcome.h"

#define KEY_B "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define KEY_C "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08="

/* A whole configuration around what a row is about: 'top' stands on line 1, 'vns' on line 2, 'peers' on line 3. */
#define HEAD             "{\"name\":\"a\",\"key_file\":\"/k\","
#define VN               "{\"id\":7,\"device\":\"br0\"}"
#define CONF(vns, peers) HEAD "\n\"vns\":[" vns "],\n\"peers\":[" peers "]}\n"
#define WITH(top)        "{\"name\":\"a\",\"key_file\":\"/k\",\"vns\":[" VN "]," top "}\n"
#define VN_WITH(more)    CONF("{\"id\":7,\"device\":\"br0\"," more "}", "")
#define PEER(name, key, more)                                                                      \
	"{\"name\":\"" name "\",\"public_key\":\"" key "\",\"vns\":[{\"id\":7}]" more "}"
#define PEER_VNS(vns) "{\"name\":\"b\",\"public_key\":\"" KEY_B "\",\"vns\":[" vns "]}"

#define WORD_WORDS   "a text of 1 to 255 bytes without control characters"
#define NAME_WORDS   "a name of 1 to 63 letters, digits, '.', '_' and '-'"
#define PREFIX_WORDS "a prefix such as \"10.1.0.0/24\" without host bits"

static void
what_is_not_json_is_placed(void **state)
{
	static const struct bad rows[] = {
		{"", "f:1:1: expected a value, found the end of the text\n"},
		{" \n /* x */ ", "f:2:10: expected a value, found the end of the text\n"},
		{"{", "f:1:2: expected a key in double quotes, found the end of the text\n"},
		{"{}x", "f:1:3: expected the end of the text, found 'x'\n"},
		{"{\"a\":1,}", "f:1:8: expected a key in double quotes, found '}'\n"},
		{"{\"a\" 1}", "f:1:6: expected ':' behind the key, found '1'\n"},
		{"{\"a\":1\n\"b\":2}", "f:2:1: expected ',' or '}', found '\"'\n"},
		{"{\"a\":[1 2]}", "f:1:9: expected ',' or ']', found '2'\n"},
		{"{\"a\":}", "f:1:6: expected a value, found '}'\n"},
		{"{a:1}", "f:1:2: expected a key in double quotes, found 'a'\n"},
		{"{\"a\":tru}", "f:1:6: expected a value, found 't'\n"},
		{"{\"a\":01}", "f:1:7: expected ',' or '}', found '1'\n"},
		{"{\"a\":-}", "f:1:7: expected a digit, found '}'\n"},
		{"{\"a\":1.}", "f:1:8: expected a digit, found '}'\n"},
		{"{\"a\":1e}", "f:1:8: expected a digit, found '}'\n"},
		{"{\"a\":\"x\n\"}",
		 "f:1:8: expected '\"' at the end of the string, found the end of the line\n"},
		{"{\"a\":\"\t\"}",
		 "f:1:7: expected '\"' at the end of the string, found byte 0x09\n"},
		{"{\"a\":\"x",
		 "f:1:8: expected '\"' at the end of the string, found the end of the text\n"},
		{"{\"a\":\"\\x\"}", "f:1:8: expected an escape of JSON, found 'x'\n"},
		{"{\"a\":\"\\u12g4\"}", "f:1:11: expected four hexadecimal digits, found 'g'\n"},
		{"{\"a\":\"\\u0000\"}",
		 "f:1:7: expected an escape that names a character, found '\\'\n"},
		{"{\"a\":\"\\ud800x\"}",
		 "f:1:7: expected an escape that names a character, found '\\'\n"},
		{"{\"a\":\"\\ud800\\u0041\"}",
		 "f:1:7: expected an escape that names a character, found '\\'\n"},
		{"{\"a\":\"\xc3\"}", "f:1:7: expected text in UTF-8, found byte 0xc3\n"},
		{"{\"a\":\"\xc0\x80\"}", "f:1:7: expected text in UTF-8, found byte 0xc0\n"},
		{"{\"a\":\"\xed\xa0\x80\"}", "f:1:7: expected text in UTF-8, found byte 0xed\n"},
		{"{ /* x }", "f:1:3: expected a comment that ends with \"*/\", found '/'\n"},
		{"{ /*/ }", "f:1:3: expected a comment that ends with \"*/\", found '/'\n"},
		{"{} /*", "f:1:4: expected a comment that ends with \"*/\", found '/'\n"},
		{"{} /", "f:1:4: expected the end of the text, found '/'\n"},
		{"{\"a\":1111111111111111111111111111111111111111111111111111111111111}",
		 "f:1:6: expected a number of at most 60 characters, found '1'\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
nesting_has_a_limit(void **state)
{
	char text[200];
	struct outcome o;

	(void)state;
	memset(text, '[', sizeof(text));
	o = parse_bytes(text, sizeof(text));
	assert_string_equal(o.lines, "f:1:33: expected at most 32 levels, found '['\n");
	outcome_fini(&o);
}

static void
columns_count_characters_and_comments_keep_places(void **state)
{
	static const struct bad rows[] = {
		{"[]", "f:1:1: expected an object, found an array\n"},
		{"\xef\xbb\xbf// \xc3\xa4\n\n  5", "f:3:3: expected an object, found 5\n"},
		{"/* \xc3\xa4\xc3\xb6 */ null", "f:1:10: expected an object, found null\n"},
		{"/* one\n two */ /**/ true // three", "f:2:14: expected an object, found true\n"},
		{"\t\"//\"", "f:1:2: expected an object, found \"//\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
values_that_do_not_fit_are_refused(void **state)
{
	static const struct bad rows[] = {
		{"{}",
		 "f:1:1: key_file: expected an absolute path of at most 4095 bytes, found nothing\n"
		 "f:1:1: name: expected " NAME_WORDS ", found nothing\n"
		 "f:1:1: vns: expected an array of 1 to 4096 objects, found nothing\n"},
		{WITH("\"listen\":\"1.2.3.4\""),
		 "f:1:70: listen: expected an address and port such as \"192.0.2.1:51341\", found "
		 "\"1.2.3.4\"\n"},
		{WITH("\"listen\":\"1.2.3.4:0\""),
		 "f:1:70: listen: expected an address and port such as \"192.0.2.1:51341\", found "
		 "\"1.2.3.4:0\"\n"},
		{WITH("\"listen\":51341"),
		 "f:1:70: listen: expected an address and port such as \"192.0.2.1:51341\", found "
		 "51341\n"},
		{WITH("\"listen\":\"224.0.0.1:5\""),
		 "f:1:70: listen: expected a unicast address of this router, found 224.0.0.1:5\n"},
		{WITH("\"state_dir\":\"var\""),
		 "f:1:73: state_dir: expected an absolute path of at most 4095 bytes, found "
		 "\"var\"\n"},
		{WITH("\"state_dir\":\"/v\\n\""),
		 "f:1:73: state_dir: expected an absolute path of at most 4095 bytes, found "
		 "\"/v?\"\n"},
		{WITH("\"log\":{\"level\":\"loud\"}"),
		 "f:1:76: log.level: expected \"error\", \"warning\", \"info\" or \"debug\", found "
		 "\"loud\"\n"},
		{WITH("\"log\":{\"level\":\"\"}"),
		 "f:1:76: log.level: expected \"error\", \"warning\", \"info\" or \"debug\", found "
		 "\"\"\n"},
		{WITH("\"log\":[]"), "f:1:67: log: expected an object, found an array\n"},
		{WITH("\"log\":null"), "f:1:67: log: expected an object, found null\n"},
		{WITH("\"session\":{\"cipher\":\"aesgcm\"}"),
		 "f:1:81: session.cipher: expected \"AESGCM\" or \"ChaChaPoly\", found "
		 "\"aesgcm\"\n"},
		{WITH("\"session\":{\"rekey_s\":0}"),
		 "f:1:82: session.rekey_s: expected a whole number from 1 to 86400, found 0\n"},
		{WITH("\"session\":{\"rekey_s\":1.5}"),
		 "f:1:82: session.rekey_s: expected a whole number from 1 to 86400, found 1.5\n"},
		{WITH("\"session\":{\"rekey_s\":-1e999}"),
		 "f:1:82: session.rekey_s: expected a whole number from 1 to 86400, found -inf\n"},
		{WITH("\"session\":{\"rekey_s\":\"60\"}"),
		 "f:1:82: session.rekey_s: expected a whole number from 1 to 86400, found "
		 "\"60\"\n"},
		{WITH("\"session\":{\"mtu_max\":65536}"),
		 "f:1:82: session.mtu_max: expected a whole number from 576 to 65535, found "
		 "65536\n"},
		{WITH("\"features\":{\"udp_gro\":1}"),
		 "f:1:83: features.udp_gro: expected true or false, found 1\n"},
		{CONF("", ""), "f:2:7: vns: expected an array of 1 to 4096 objects, found 0\n"},
		{CONF("7", ""), "f:2:8: vns[0]: expected an object, found 7\n"},
		{CONF("{}", ""),
		 "f:2:8: vns[0].device: expected the name of a network device, found nothing\n"
		 "f:2:8: vns[0].id: expected a whole number from 0 to 16777215, found nothing\n"},
		{CONF("{\"id\":16777216,\"device\":\"br0\"}", ""),
		 "f:2:14: vns[0].id: expected a whole number from 0 to 16777215, found 16777216\n"},
		{CONF("{\"id\":1,\"device\":\"a-name-of-16-ch.\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found "
		 "\"a-name-of-16-ch.\"\n"},
		{CONF("{\"id\":1,\"device\":\"a/b\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found \"a/b\"\n"},
		{CONF("{\"id\":1,\"device\":\"a\\\"b\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found "
		 "\"a\"b\"\n"},
		{CONF("{\"id\":1,\"device\":\"a*\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found \"a*\"\n"},
		{CONF("{\"id\":1,\"device\":\"a%d\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found \"a%d\"\n"},
		{CONF("{\"id\":1,\"device\":\"a\\\\b\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found "
		 "\"a\\b\"\n"},
		{CONF("{\"id\":1,\"device\":\"a b\"}", ""),
		 "f:2:25: vns[0].device: expected the name of a network device, found \"a b\"\n"},
		{VN_WITH("\"mac\":\"01:00:00:00:00:01\""),
		 "f:2:37: vns[0].mac: expected \"virtual\", \"nic\" or a unicast MAC address, "
		 "found "
		 "\"01:00:00:00:00:01\"\n"},
		{VN_WITH("\"name\":\"\""),
		 "f:2:38: vns[0].name: expected " NAME_WORDS ", found \"\"\n"},
		{VN_WITH("\"local\":\"10.1.0.0/24\""),
		 "f:2:39: vns[0].local: expected an array of 0 to 1000000 prefixes, found "
		 "\"10.1.0.0/24\"\n"},
		{VN_WITH("\"local\":[\"10.1.0.1/24\",\"10.1.0.0/33\",{}]"),
		 "f:2:40: vns[0].local[0]: expected " PREFIX_WORDS ", found \"10.1.0.1/24\"\n"
		 "f:2:54: vns[0].local[1]: expected " PREFIX_WORDS ", found \"10.1.0.0/33\"\n"
		 "f:2:68: vns[0].local[2]: expected " PREFIX_WORDS ", found an object\n"},
		{VN_WITH("\"local\":[\"224.0.0.0/24\"]"),
		 "f:2:40: vns[0].local[0]: expected " PREFIX_WORDS ", found \"224.0.0.0/24\"\n"},
		{VN_WITH("\"local\":[\"127.0.0.0/8\",\"127.0.0.0/24\",\"0.0.0.0/8\",\"::1/128\"]"),
		 "f:2:40: vns[0].local[0]: expected " PREFIX_WORDS ", found \"127.0.0.0/8\"\n"
		 "f:2:54: vns[0].local[1]: expected " PREFIX_WORDS ", found \"127.0.0.0/24\"\n"
		 "f:2:69: vns[0].local[2]: expected " PREFIX_WORDS ", found \"0.0.0.0/8\"\n"
		 "f:2:81: vns[0].local[3]: expected " PREFIX_WORDS ", found \"::1/128\"\n"},
		{VN_WITH("\"addresses\":[\"10.1.0.0/24\",\"10.1.0.255/24\"]"),
		 "f:2:44: vns[0].addresses[0]: expected an address with its subnet's length such "
		 "as "
		 "\"10.1.0.1/24\", found \"10.1.0.0/24\"\n"
		 "f:2:58: vns[0].addresses[1]: expected an address with its subnet's length such "
		 "as "
		 "\"10.1.0.1/24\", found \"10.1.0.255/24\"\n"},
		{VN_WITH("\"addresses\":[\"127.0.0.1/8\"]"),
		 "f:2:44: vns[0].addresses[0]: expected an address with its subnet's length such "
		 "as "
		 "\"10.1.0.1/24\", found \"127.0.0.1/8\"\n"},
		{VN_WITH("\"native_gateway\":\"0.0.0.0\""),
		 "f:2:48: vns[0].native_gateway: expected an address such as \"10.1.0.254\", found "
		 "\"0.0.0.0\"\n"},
		{VN_WITH("\"mobile\":[{\"hosts\":[]}]"),
		 "f:2:41: vns[0].mobile[0].prefix: expected " PREFIX_WORDS ", found nothing\n"
		 "f:2:50: vns[0].mobile[0].hosts: expected an array of 1 to 4096 names, found 0\n"},
		{VN_WITH("\"freeze\":{\"moves\":0}"),
		 "f:2:49: vns[0].freeze.moves: expected a whole number from 1 to 1000000, found "
		 "0\n"},
		{CONF(VN, PEER("b", "AAAA", "")),
		 "f:3:35: peers[0].public_key: expected the base64 text of a 32-byte public key, "
		 "found \"AAAA\"\n"},
		{CONF(VN, PEER("b", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "")),
		 "f:3:35: peers[0].public_key: expected the base64 text of a 32-byte public key, "
		 "found \"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
unknown_keys_come_with_a_suggestion(void **state)
{
	static const struct bad rows[] = {
		{WITH("\"lisetn\":1"),
		 "f:1:61: lisetn: expected a known key (did you mean \"listen\"?), found "
		 "\"lisetn\"\n"},
		{WITH("\"stateDir\":1"),
		 "f:1:61: stateDir: expected a known key (did you mean \"state_dir\"?), found "
		 "\"stateDir\"\n"},
		{WITH("\"hello_ms\":1"),
		 "f:1:61: hello_ms: expected a known key (did you mean \"sync.hello_ms\"?), found "
		 "\"hello_ms\"\n"},
		{WITH("\"session\":{\"rekey\":1}"),
		 "f:1:72: session.rekey: expected a known key (did you mean \"rekey_s\"?), found "
		 "\"rekey\"\n"},
		{WITH("\"sync\":{\"zzz\":1}"),
		 "f:1:69: sync.zzz: expected one of \"hello_ms\", \"dead_ms\", found \"zzz\"\n"},
		{VN_WITH("\"divice\":1"),
		 "f:2:31: vns[0].divice: expected a known key (did you mean \"device\"?), found "
		 "\"divice\"\n"},
		{VN_WITH("\"freeze\":{\"window\":1}"),
		 "f:2:41: vns[0].freeze.window: expected a known key (did you mean \"window_s\"?), "
		 "found \"window\"\n"},
		{CONF(VN, PEER("b", KEY_B, ",\"endpoint\":[]")),
		 "f:3:99: peers[0].endpoint: expected a known key (did you mean \"endpoints\"?), "
		 "found \"endpoint\"\n"},
		{CONF(VN, PEER_VNS("{\"id\":7,\"prefix\":[]}")),
		 "f:3:97: peers[0].vns[0].prefix: expected a known key (did you mean "
		 "\"prefixes\"?), "
		 "found \"prefix\"\n"},
		/* All that there are, when they are few. */
		{WITH("\"\\u000a\xc3\xa4\":1"),
		 "f:1:61: ?\xc3\xa4: expected a known key, found \"?\xc3\xa4\"\n"},
		{WITH("\"sync\":{\"\\u000a\xc3\xa4\":1}"),
		 "f:1:69: sync.?\xc3\xa4: expected one of \"hello_ms\", \"dead_ms\", found "
		 "\"?\xc3\xa4\"\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
a_key_may_stand_once(void **state)
{
	static const struct bad rows[] = {
		{WITH("\"name\":\"b\""),
		 "f:1:61: name: expected each key once, found the key again\n"},
		{VN_WITH("\"id\":8,\"id\":9"),
		 "f:2:31: vns[0].id: expected each key once, found the key again\n"
		 "f:2:38: vns[0].id: expected each key once, found the key again\n"},
		{WITH("\"\\u006eame\":\"b\""),
		 "f:1:61: name: expected each key once, found the key again\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
values_that_contradict_each_other_are_refused(void **state)
{
	static const struct bad rows[] = {
		{WITH("\"sync\":{\"hello_ms\":1000,\"dead_ms\":1999}"),
		 "f:1:95: sync.dead_ms: expected at least twice \"hello_ms\" (1000), found 1999\n"},
		{WITH("\"underlay\":{\"renew\":[\"x\"],\"silent_ms\":1999}"),
		 "f:1:99: underlay.silent_ms: expected at least twice \"sync.hello_ms\" (1000), "
		 "found 1999\n"},
		{HEAD "\n\"vns\":[{\"id\":7,\"device\":\"br0\",\"mac\":\"nic\"}],\n"
		      "\"features\":{\"nftables\":false}}",
		 "f:2:37: vns[0].mac: expected \"virtual\" or an address where "
		 "\"features.nftables\" is false, found \"nic\"\n"},
		{WITH("\"sync\":{\"hello_ms\":3000}"),
		 "f:1:68: sync.dead_ms: expected at least twice \"hello_ms\" (3000), found 4000\n"},
		{CONF(VN "," VN, ""),
		 "f:2:38: vns[1].id: expected a number of its own for each network, found 7, which "
		 "vns[0].id is too\n"
		 "f:2:49: vns[1].device: expected a device of its own for each network, found br0, "
		 "which vns[0].device is too\n"},
		{CONF("{\"id\":7,\"device\":\"br0\",\"name\":\"x\"},"
		      "\n{\"id\":8,\"device\":\"br1\",\"name\":\"x\"}",
		      ""),
		 "f:3:31: vns[1].name: expected a name of its own for each network, found x, which "
		 "vns[0].name is too\n"},
		{CONF(VN, PEER("a", KEY_B, "")), "f:3:18: peers[0].name: expected a name of its "
						 "own for each router, found a, which "
						 "name is too\n"},
		{CONF(VN, PEER("b", KEY_B, "") ",\n" PEER("b", KEY_B, "")),
		 "f:4:9: peers[1].name: expected a name of its own for each router, found b, which "
		 "peers[0].name is too\n"
		 "f:4:26: peers[1].public_key: expected a key of its own for each router, "
		 "found " KEY_B ", which peers[0].public_key is too\n"},
		{CONF(VN, PEER("b", KEY_B, ",\"endpoints\":[\"1.2.3.4:5\"]") ",\n" PEER(
				  "c", KEY_C, ",\"endpoints\":[\"1.2.3.4:6\",\"1.2.3.4:5\"]")),
		 "f:4:115: peers[1].endpoints[1]: expected an endpoint of its own for each router, "
		 "found 1.2.3.4:5, which peers[0].endpoints[0] is too\n"},
		{CONF(VN, PEER("b", KEY_B, ",\"endpoints\":[\"0.0.0.0:5\",\"[2001:db8::1]:5\"]")),
		 "f:3:112: peers[0].endpoints[0]: expected the unicast address of a router, found "
		 "0.0.0.0:5\n"
		 "f:3:124: peers[0].endpoints[1]: expected an address of the family of \"listen\", "
		 "found [2001:db8::1]:5\n"},
		{WITH("\"tcp_listen\":\"224.0.0.1:5\",\"http_proxy\":\"0.0.0.0:6\""),
		 "f:1:74: tcp_listen: expected a unicast address of this router, found "
		 "224.0.0.1:5\n"
		 "f:1:101: http_proxy: expected the unicast address of a proxy, found 0.0.0.0:6\n"},
		{WITH("\"http_proxy\":\"proxy:8080\""),
		 "f:1:74: http_proxy: expected an address and port such as \"192.0.2.1:51341\", "
		 "found \"proxy:8080\"\n"},
		{WITH("\"http_proxy_secret_file\":\"/s\""),
		 "f:1:86: http_proxy_secret_file: expected none where there is no \"http_proxy\", "
		 "found \"/s\"\n"},
		{CONF(VN, PEER("b", KEY_B, ",\"tcp\":[\"1.2.3.4:5\",\"[::]:5\"]") ",\n" PEER(
				  "c", KEY_C, ",\"tcp\":[\"1.2.3.4:5\"]")),
		 "f:3:118: peers[0].tcp[1]: expected the unicast address of a router, found "
		 "[::]:5\n"
		 "f:4:97: peers[1].tcp[0]: expected an endpoint of its own for each router, found "
		 "1.2.3.4:5, which peers[0].tcp[0] is too\n"},
		{CONF(VN, PEER("b", KEY_B, ",\"tcp\":[1,2,3,4,5]")),
		 "f:3:105: peers[0].tcp: expected an array of 0 to 4 endpoints, found 5\n"},
		{CONF(VN, PEER_VNS("{\"id\":8}")),
		 "f:3:95: peers[0].vns[0].id: expected the number of a network in \"vns\", found "
		 "8\n"},
		{CONF(VN, PEER_VNS("{\"id\":7},{\"id\":7}")),
		 "f:3:104: peers[0].vns[1].id: expected each network once, found 7, which "
		 "peers[0].vns[0].id is too\n"},
		{CONF("{\"id\":7,\"device\":\"br0\",\"local\":[\"10.1.0.0/24\",\"10.1.0.0/24\"]}",
		      PEER_VNS("{\"id\":7,\"prefixes\":[\"10.1.0.0/24\"]}")),
		 "f:2:54: vns[0].local[1]: expected each prefix at one router, found 10.1.0.0/24, "
		 "which vns[0].local[0] is too\n"
		 "f:3:109: peers[0].vns[0].prefixes[0]: expected each prefix at one router, found "
		 "10.1.0.0/24, which vns[0].local[0] is too\n"},
		{VN_WITH("\"mobile\":[{\"prefix\":\"10.1.0.0/24\"},{\"prefix\":\"10.1.0.0/24\"}]"),
		 "f:2:76: vns[0].mobile[1].prefix: expected each mobile prefix once, found "
		 "10.1.0.0/24, which vns[0].mobile[0].prefix is too\n"},
		{CONF(VN ",{\"id\":8,\"device\":\"br1\",\"mobile\":[{\"prefix\":\"10.1.0.0/24\","
			 "\"hosts\":[\"a\",\"b\",\"z\",\"a\"]}]}",
		      PEER("b", KEY_B, "")),
		 "f:2:102: vns[1].mobile[0].hosts[1]: expected a router of network 8, found \"b\"\n"
		 "f:2:106: vns[1].mobile[0].hosts[2]: expected \"name\" or the name of a peer, "
		 "found "
		 "\"z\"\n"
		 "f:2:110: vns[1].mobile[0].hosts[3]: expected each router once, found a, which "
		 "vns[1].mobile[0].hosts[0] is too\n"},
		{VN_WITH("\"addresses\":[\"10.1.0.1/24\",\"10.1.0.1/24\"]"),
		 "f:2:58: vns[0].addresses[1]: expected each address once, found 10.1.0.1, which "
		 "vns[0].addresses[0] is too\n"},
		{VN_WITH("\"addresses\":[\"10.1.0.1/24\"],\"subnets\":[\"10.1.0.0/16\"]"),
		 "f:2:70: vns[0].subnets[0]: expected subnets that do not overlap, found "
		 "10.1.0.0/16 "
		 "beside 10.1.0.0/24 of vns[0].addresses[0]\n"},
		{VN_WITH("\"addresses\":[\"10.1.0.1/24\"],\"native_gateway\":\"10.2.0.1\""),
		 "f:2:76: vns[0].native_gateway: expected an address within \"local\", \"subnets\" "
		 "or those of \"addresses\", found 10.2.0.1\n"},
		{VN_WITH("\"addresses\":[\"10.1.0.1/24\"],\"native_gateway\":\"10.1.0.1\""),
		 "f:2:76: vns[0].native_gateway: expected another router than this one, found "
		 "10.1.0.1\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
one_mistake_is_reported_once(void **state)
{
	static const struct bad rows[] = {
		/* Numbers, names and keys that are refused set off no errors elsewhere. */
		{CONF("{\"id\":-1,\"device\":\"br0\"}", PEER("b", KEY_B, "")),
		 "f:2:14: vns[0].id: expected a whole number from 0 to 16777215, found -1\n"},
		{CONF("{\"id\":7,\"device\":\"br0\",\"mobile\":[{\"prefix\":\"10.1.0.0/24\","
		      "\"hosts\":[\"b\"]}]}",
		      PEER("b!", KEY_B, "")),
		 "f:3:18: peers[0].name: expected " NAME_WORDS ", found \"b!\"\n"},
		{CONF(VN, PEER("b", "x", "") ",\n" PEER("c", "y", "")),
		 "f:3:35: peers[0].public_key: expected the base64 text of a 32-byte public key, "
		 "found \"x\"\n"
		 "f:4:26: peers[1].public_key: expected the base64 text of a 32-byte public key, "
		 "found \"y\"\n"},
		{WITH("\"sync\":{\"hello_ms\":9000000}"),
		 "f:1:80: sync.hello_ms: expected a whole number from 10 to 60000, found "
		 "9000000\n"},
		{WITH("\"underlay\":{\"renew\":[\"x\",\"\",7,\"a\\u0007\"]}"),
		 "f:1:86: underlay.renew[1]: expected " WORD_WORDS ", found \"\"\n"
		 "f:1:89: underlay.renew[2]: expected " WORD_WORDS ", found 7\n"
		 "f:1:91: underlay.renew[3]: expected " WORD_WORDS ", found \"a?\"\n"},
		{WITH("\"underlay\":{\"renew\":[]}"),
		 "f:1:81: underlay.renew: expected an array of 1 to 32 texts, found 0\n"},
		{WITH("\"underlay\":{\"device\":\"a/b\"},\"management_port\":\"x\""),
		 "f:1:82: underlay.device: expected the name of a network device, found "
		 "\"a/b\"\n"
		 "f:1:107: management_port: expected an absolute path of at most 4095 bytes, found "
		 "\"x\"\n"},
		{CONF(VN, "[]"), "f:3:10: peers[0]: expected an object, found an array\n"},
	};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

static void
ten_errors_are_ten_lines(void **state)
{
	static const struct bad rows[] = {{
		"{ // ten mistakes\n"
		"  \"nmae\": \"a\",\n"
		"  \"name\": \"a b\",\n"
		"  \"key_file\": \"/etc/vrd/a.key\", \"key_file\": \"/etc/vrd/b.key\",\n"
		"  \"listen\": \"nowhere\", /* two\n"
		"  lines */ \"sync\": { \"hello_ms\": 1000, \"dead_ms\": 1500 },\n"
		"  \"hwdt\": { \"max\": 10.5 },\n"
		"  \"vns\": [\n"
		"    { \"id\": 7, \"device\": \"br0\", \"local\": [\"10.1.0.0/24\"] },\n"
		"    { \"id\": 7, \"name\": \"red\", \"device\": \"br1\" } ],\n"
		"  \"peers\": [\n"
		"    { \"name\": \"b\", \"public_key\": \"" KEY_B "\",\n"
		"      \"vns\": [ { \"id\": 7, \"prefixes\": [\"10.1.0.0/24\"] }, { \"id\": 9 } ] "
		"},\n"
		"    7 ]\n"
		"}\n",
		"f:2:3: nmae: expected a known key (did you mean \"name\"?), found \"nmae\"\n"
		"f:3:11: name: expected " NAME_WORDS ", found \"a b\"\n"
		"f:4:33: key_file: expected each key once, found the key again\n"
		"f:5:13: listen: expected an address and port such as \"192.0.2.1:51341\", found "
		"\"nowhere\"\n"
		"f:6:51: sync.dead_ms: expected at least twice \"hello_ms\" (1000), found 1500\n"
		"f:7:20: hwdt.max: expected a whole number from 16 to 16777216, found 10.5\n"
		"f:10:13: vns[1].id: expected a number of its own for each network, found 7, which "
		"vns[0].id is too\n"
		"f:13:40: peers[0].vns[0].prefixes[0]: expected each prefix at one router, found "
		"10.1.0.0/24, which vns[0].local[0] is too\n"
		"f:13:66: peers[0].vns[1].id: expected the number of a network in \"vns\", found "
		"9\n"
		"f:14:5: peers[1]: expected an object, found 7\n",
	}};

	(void)state;
	expect_lines(rows, ARRAY_COUNT(rows));
}

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
	assert_int_equal(c->hello_interval, US_S);
	assert_int_equal(c->dead_time, 4 * US_S);
	assert_int_equal(c->hwdt_max, 65536);
	assert_int_equal(c->hwdt_expiry, 1200 * US_S);
	assert_true(c->features.udp_segment && c->features.udp_gro && c->features.ipsec_mb &&
		    c->features.vnet_hdr && c->features.udp_super_frames &&
		    c->features.ignore_outgoing && c->features.nftables && c->features.nft_owner);
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
		"1099511627776,\"mtu_max\":9000},\"sync\":{\"hello_ms\":10,\"dead_ms\":20},"
		"\"hwdt\":{\"max\":16777216,\"expiry_s\":604800},\"features\":{\"udp_segment\":"
		"false,"
		"\"udp_gro\":false,\"ipsec_mb\":false,\"vnet_hdr\":false,\"udp_super_frames\":"
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
	assert_int_equal(c->hello_interval, 10 * US_MS);
	assert_int_equal(c->dead_time, 20 * US_MS);
	assert_int_equal(c->hwdt_max, 16777216);
	assert_int_equal(c->hwdt_expiry, 604800 * US_S);
	assert_false(c->features.udp_segment || c->features.udp_gro || c->features.ipsec_mb ||
		     c->features.vnet_hdr || c->features.udp_super_frames ||
		     c->features.ignore_outgoing || c->features.nft_owner);
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
every_truncation_is_refused(void **state)
{
	static const char text[] = WITH("\"log\":{\"level\":\"info\"}/* x */");
	size_t size;

	(void)state;
	/* Without the last line end it is still whole. */
	for (size = 0; size < sizeof(text) - 2; size++) {
		struct outcome o = parse_bytes(text, size);

		assert_int_equal(o.rc, -EINVAL);
		assert_int_equal(o.errors.count, 1);
		outcome_fini(&o);
	}
}

static void
long_values_are_cut_in_the_message_only(void **state)
{
	char *text = malloc(20000);
	struct outcome o;

	(void)state;
	memset(text, 'x', 20000);
	memcpy(text, "{\"", 2);
	memcpy(text + 9000, "\":\"", 3);
	memcpy(text + 19997, "\"}\n", 3);
	o = parse_bytes(text, 20000);
	assert_int_equal(o.rc, -EINVAL);
	assert_true(o.errors.count >= 1);
	outcome_fini(&o);
	free(text);
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

static char *
read_text(const char *file)
{
	FILE *in = fopen(file, "r");
	char *text = calloc(1, 1 << 20);

	assert_non_null(in);
	assert_true(fread(text, 1, (1 << 20) - 1, in) > 0);
	fclose(in);
	return text;
}

/* What the manual page must say of a key; free it. */
static char *
man_entry(const struct key *key)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	const char *c;

	fprintf(out, ".TP\n.B %s\n%s", key->path,
		key_is_array(key) ? key_expected_array(key).s : key_expected(key).s);
	if (key->unit != NULL)
		fprintf(out, ", in %s", key->unit);
	fprintf(out, "%s", key->required ? "; required" : "");
	if (key->fallback != NULL)
		fprintf(out, "; default %s", key->fallback);
	fprintf(out, "%s.\n", key->fixed ? "; not reloaded" : "");
	/* A leading dot or quote would be a request. */
	for (c = key->help; *c != '\0'; c++) {
		if (c == key->help && (*c == '.' || *c == '\''))
			fputs("\\&", out);
		fputc(*c, out);
		if (*c == '.' && c[1] == ' ' && c[2] == ' ') {
			fputc('\n', out);
			c += 2;
		}
	}
	fputc('\n', out);
	fclose(out);
	return text;
}

static void
the_manual_page_has_every_key(void **state)
{
	char *page = read_text("packaging/man/vrd.conf.5");
	const struct key *key;
	bool complete = true;
	size_t i;

	(void)state;
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		char *entry = man_entry(key);

		if (strstr(page, entry) == NULL) {
			complete = false;
			print_error("%s", entry);
		}
		free(entry);
	}
	free(page);
	assert_true(complete);
}

static void
the_help_has_every_key(void **state)
{
	char *text;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	const struct key *key;

	(void)state;
	conf_help(out);
	fclose(out);
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		char line[96];

		snprintf(line, sizeof(line), "%s\n    ", key->path);
		assert_non_null(strstr(text, line));
	}
	free(text);
}

static void
every_row_of_the_table_is_sound(void **state)
{
	const struct key *key;
	size_t i;

	(void)state;
	for (i = 0; (key = key_at(i)) != NULL; i++) {
		assert_ptr_equal(key_find(key->path), key);
		assert_true(strlen(key->help) > 10);
		assert_true(key->type != KEY_NUMBER || (key->scale > 0 && key->max > key->min));
		assert_true(key->type != KEY_CHOICE || key->choices != NULL);
		assert_true(key->type != KEY_PATH || key->max > 0);
		assert_false(key->required && key->fallback != NULL);
	}
	assert_null(key_find("vns[]"));
}

static void
keys_survive_their_file(void **state)
{
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t key[CONF_KEY_SIZE], again[CONF_KEY_SIZE];
	struct stat st;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/key", directory);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 1);
	assert_int_equal(conf_key_read(file, again), -ENOENT);
	assert_int_equal(conf_key_write(file, key), 0);
	assert_int_equal(conf_key_write(file, key), -EEXIST);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 45);
	assert_int_equal(conf_key_read(file, again), 0);
	assert_memory_equal(key, again, sizeof(key));
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(conf_key_read(file, again), -EPERM);
	assert_int_equal(chmod(file, 0400), 0);
	assert_int_equal(conf_key_read(file, again), 0);
	unlink(file);
	rmdir(directory);
}

static void
files_that_are_no_keys_are_refused(void **state)
{
	static const char *const texts[] = {
		"", "\n", "AAAA\n", KEY_B "x\n", KEY_B "\n\n", KEY_B " ", "*" KEY_B,
	};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t key[CONF_KEY_SIZE];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/key", directory);
	assert_int_equal(conf_key_read(directory, key), -EINVAL);
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		FILE *out = fopen(file, "w");

		fputs(texts[i], out);
		fclose(out);
		assert_int_equal(chmod(file, 0600), 0);
		assert_int_equal(conf_key_read(file, key), -EINVAL);
	}
	unlink(file);
	rmdir(directory);
}

/* A key file that stands where the name says so. */
static int
public_key(const char *key_file, uint8_t key[CONF_KEY_SIZE])
{
	memset(key, 0, CONF_KEY_SIZE);
	if (strcmp(key_file, "/b") == 0)
		return base64_to_bytes(KEY_B, key, CONF_KEY_SIZE);
	return strcmp(key_file, "/wide") == 0     ? -EPERM
	       : strcmp(key_file, "/broken") == 0 ? -EINVAL
						  : -ENOENT;
}

static void
the_key_file_is_checked_where_its_reader_is_given(void **state)
{
#define KEY_FILE(name)                                                                             \
	"{\"name\":\"a\",\"key_file\":\"" name "\",\n\"vns\":[" VN                                 \
	"],\n\"peers\":[" PEER("c", KEY_C, "") ",\n" PEER("b", KEY_B, "") "]}\n"
#define WANTED                                                                                     \
	"1:24: key_file: expected a private key as \"vrctl keygen\" makes it, in a file of mode "  \
	"0600, found "
	static const struct bad rows[] = {
		{KEY_FILE("/none"), WANTED "No such file or directory\n"},
		{KEY_FILE("/wide"), WANTED "a file that others may use\n"},
		{KEY_FILE("/broken"), WANTED "a file without a key\n"},
		{KEY_FILE("/b"), "4:26: peers[1].public_key: expected the key of another router, "
				 "found the key of this one\n"},
	};
	char file[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct outcome o = {.rc = 0};
		size_t size;
		FILE *out = open_memstream(&o.lines, &size);
		char wanted[512];

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, rows[i].text, strlen(rows[i].text), 0),
				 strlen(rows[i].text));
		assert_int_equal(conf_read(file, &o.conf, &o.errors), 0);
		conf_fini(&o.conf);
		conf_errors_fini(&o.errors);
		assert_int_equal(conf_read_with_key(file, public_key, &o.conf, &o.errors), -EINVAL);
		conf_errors_print(&o.errors, file, out);
		fclose(out);
		snprintf(wanted, sizeof(wanted), "%s:%s", file, rows[i].lines);
		assert_string_equal(o.lines, wanted);
		outcome_fini(&o);
	}
	close(fd);
	unlink(file);
#undef KEY_FILE
#undef WANTED
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
		cmocka_unit_test(what_is_not_json_is_placed),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(columns_count_characters_and_comments_keep_places),
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(unknown_keys_come_with_a_suggestion),
		cmocka_unit_test(a_key_may_stand_once),
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
		cmocka_unit_test(one_mistake_is_reported_once),
		cmocka_unit_test(ten_errors_are_ten_lines),
		cmocka_unit_test(what_is_left_out_has_its_default),
		cmocka_unit_test(every_key_is_taken_over),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(long_values_are_cut_in_the_message_only),
		cmocka_unit_test(a_file_that_cannot_be_read_is_an_error_without_a_line),
		cmocka_unit_test(the_examples_are_accepted),
		cmocka_unit_test(the_manual_page_has_every_key),
		cmocka_unit_test(the_help_has_every_key),
		cmocka_unit_test(every_row_of_the_table_is_sound),
		cmocka_unit_test(prefixes_that_machines_are_in_too_fit),
		cmocka_unit_test(keys_survive_their_file),
		cmocka_unit_test(files_that_are_no_keys_are_refused),
		cmocka_unit_test(the_key_file_is_checked_where_its_reader_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
