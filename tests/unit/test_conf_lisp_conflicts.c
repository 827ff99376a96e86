/* What does not go together in the configuration of the LISP roles, and what does. */
#include "tests/unit/conf_lisp_texts.h"

static const struct bad contradictions[] = {
	{LISP("\"keys\":[" KEY ",{\"name\":\"k\",\"secret_file\":\"/t\"}]"),
	 "f:2:57: lisp.keys[1].name: expected a name of its own for each key, found k, "
	 "which lisp.keys[0].name is too\n"},
	{LISP(RLOC ",\"keys\":[" KEY "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":\"K\"},{"
		   "\"address\":\"10.0.0.9\",\"key\":\"other\"}]"),
	 "f:2:126: lisp.map_servers[0].key: expected the name of a key in \"lisp.keys\" "
	 "(did you mean \"k\"?), found \"K\"\n"
	 "f:2:159: lisp.map_servers[1].key: expected the name of a key in \"lisp.keys\", "
	 "found \"other\"\n"},
	{LISP(RLOC ",\"keys\":[" KEY "],\"map_servers\":[{\"address\":\"10.0.0.8\",\"key\":"
		   "\"k\"},{\"address\":\"10.0.0.8\",\"key\":\"k\"}]"),
	 "f:2:142: lisp.map_servers[1].address: expected each map-server once, found "
	 "10.0.0.8, which lisp.map_servers[0].address is too\n"},
	{LISP(RLOC ",\"keys\":[" KEY "],\"status_bits\":true,\"map_servers\":[{\"address\":"
		   "\"10.0.0.8\",\"key\":\"k\",\"ids\":false,\"merge\":true}]"),
	 "f:2:169: lisp.map_servers[0].merge: expected false where \"ids\" is false, found true\n"
	 "f:2:169: lisp.map_servers[0].merge: expected false where \"lisp.status_bits\" is true, "
	 "found true\n"},
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
	{MAP_SERVER(SITES(PREFIX("10.0.0.0/8", "") "," PREFIX("10.0.0.0/8",
							      "") "," PREFIX("10.0.0.0/8", ""))),
	 "f:3:109: lisp.map_server.sites[0].prefixes[1].prefix: expected each prefix of a "
	 "site once, found 10.0.0.0/8, which lisp.map_server.sites[0].prefixes[0].prefix "
	 "is too\n"
	 "f:3:140: lisp.map_server.sites[0].prefixes[2].prefix: expected each prefix of a "
	 "site once, found 10.0.0.0/8, which lisp.map_server.sites[0].prefixes[0].prefix "
	 "is too\n"},
	{MAP_SERVER(TWO_SITES(PREFIX("10.0.0.0/8", ""), PREFIX("10.0.0.0/8", ""))),
	 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
	 "other site may register, found 10.0.0.0/8, which 10.0.0.0/8 of "
	 "lisp.map_server.sites[0].prefixes[0] is too\n"},
	{MAP_SERVER(TWO_SITES(PREFIX("10.1.0.0/16", ""), PREFIX("10.0.0.0/8", MORE))),
	 "f:3:78: lisp.map_server.sites[0].prefixes[0].prefix: expected a prefix that no "
	 "other site may register, found 10.1.0.0/16, which 10.0.0.0/8 of "
	 "lisp.map_server.sites[1].prefixes[0] contains\n"},
	{MAP_SERVER(TWO_SITES(PREFIX("2001:db8::/32", MORE) "," PREFIX("2001:db8:1::/48", ""),
			      PREFIX("2001:db8:1:1::/64", ""))),
	 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
	 "other site may register, found 2001:db8:1:1::/64, which 2001:db8::/32 of "
	 "lisp.map_server.sites[0].prefixes[0] contains\n"},
	{MAP_SERVER(TWO_SITES(PREFIX("10.1.0.0/24", ""), PREFIX("10.1.0.0/24", ""))
			    MOVES("\"s\",\"t\"")),
	 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
	 "other site may register, found 10.1.0.0/24, which 10.1.0.0/24 of "
	 "lisp.map_server.sites[0].prefixes[0] is too\n"},
	{MAP_SERVER(TWO_SITES(PREFIX("10.1.0.0/28", ""), PREFIX("10.1.0.0/28", "")) MOVES("\"s\"")),
	 "f:4:55: lisp.map_server.sites[1].prefixes[0].prefix: expected a prefix that no "
	 "other site may register, found 10.1.0.0/28, which 10.1.0.0/28 of "
	 "lisp.map_server.sites[0].prefixes[0] is too\n"},
};

static void
values_that_contradict_each_other_are_refused(void **state)
{
	(void)state;
	expect_lines(contradictions, ARRAY_COUNT(contradictions));
}

/* Texts that come close to an error and are none. */
static void
what_is_no_contradiction_is_accepted(void **state)
{
	static const char *const texts[] = {
		/* Longer than the mobile prefix that names both, whoever has more specifics. */
		MAP_SERVER(TWO_SITES(PREFIX("10.1.0.0/28", ""), PREFIX("10.1.0.0/28", ""))
				   MOVES("\"t\",\"s\"")),
		MAP_SERVER(TWO_SITES(PREFIX("10.0.0.0/8", MORE), PREFIX("10.1.0.7/32", ""))
				   MOVES("\"t\",\"s\"")),
		/* Neither site may register what is the other's. */
		MAP_SERVER(TWO_SITES(PREFIX("10.0.0.0/8", ""), PREFIX("10.1.0.0/16", MORE))),
		/* Another network, another family. */
		MAP_SERVER(TWO_SITES(PREFIX("0.0.0.0/0", MORE),
				     PREFIX("::/0", MORE) ",{\"vn\":8,\"prefix\":\"0.0.0.0/0\"}")),
		/* Behind a wide prefix and one within it comes one beside that. */
		MAP_SERVER(TWO_SITES(PREFIX("10.0.0.0/8", "") "," PREFIX("10.1.0.0/16", MORE),
				     PREFIX("10.2.0.0/16", ""))),
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_that_contradict_each_other_are_refused),
		cmocka_unit_test(what_is_no_contradiction_is_accepted),
		cmocka_unit_test(a_conflict_among_many_prefixes_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
