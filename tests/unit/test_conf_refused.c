/* What a configuration may not say: every error with its place. */
#include "base/fmt.h"
#include "tests/unit/conf_texts.h"

#define WORD_WORDS   "a text of 1 to 255 bytes without control characters"
#define NAME_WORDS   "a name of 1 to 63 letters, digits, '.', '_' and '-'"
#define PREFIX_WORDS "a prefix such as \"10.1.0.0/24\" without host bits"

static const struct bad unfit[] = {
	{"{}", "f:1:1: key_file: expected an absolute path of at most 4095 bytes, found nothing\n"
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
	{VN_WITH("\"name\":\"\""), "f:2:38: vns[0].name: expected " NAME_WORDS ", found \"\"\n"},
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

static const struct bad contradictions[] = {
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

static void
values_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	expect_lines(contradictions, ARRAY_COUNT(contradictions));
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

/* Each may be a way to each peer, and there is room for so many. */
static void
relays_are_limited(void **state)
{
	(void)state;
	for (unsigned count = CONF_RELAYS_MAX; count <= CONF_RELAYS_MAX + 2; count++) {
		char text[8192] = CONF(VN, "@"), expected[512] = "";
		char *peers = strchr(text, '@');
		struct outcome o;
		size_t at = 0, used = 0;

		for (unsigned i = 0; i < count; i++) {
			uint8_t raw[CONF_KEY_SIZE] = {1, (uint8_t)i};
			char key[64];

			base64_from_bytes(raw, sizeof(raw), key);
			at += (size_t)sprintf(peers + at,
					      "%s\n{\"name\":\"p%u\",\"public_key\":\"%s\","
					      "\"vns\":[{\"id\":7}],\"relay\":true}",
					      i == 0 ? "" : ",", i, key);
			if (i >= CONF_RELAYS_MAX)
				used += (size_t)sprintf(
					expected + used,
					"f:%u:%u: peers[%u].relay: expected at "
					"most 8 peers that relay, found number %u\n",
					4 + i, 99, i, i + 1);
		}
		strcpy(peers + at, "]}\n");
		o = parse(text);
		assert_string_equal(o.lines, expected);
		assert_int_equal(o.rc, count > CONF_RELAYS_MAX ? -EINVAL : 0);
		outcome_fini(&o);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_do_not_fit_are_refused),
		cmocka_unit_test(unknown_keys_come_with_a_suggestion),
		cmocka_unit_test(a_key_may_stand_once),
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
		cmocka_unit_test(one_mistake_is_reported_once),
		cmocka_unit_test(relays_are_limited),
		cmocka_unit_test(ten_errors_are_ten_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
