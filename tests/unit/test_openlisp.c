/* Configurations of OpenLISP: what is taken over, and every error with its line. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/fmt.h"
#include "conf/openlisp.h"
#include "tests/unit/conf_outcome.h"

#define ENTRY   "1 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n"
#define RLOC    "9.0.0.1 1 100 0\n"
#define KEY_32  "0123456789abcdef0123456789ABCDEF"
#define KEY_129 KEY_32 KEY_32 KEY_32 KEY_32 "!"

/* What comes of a text, read from a heap copy of exactly its size. */
struct import {
	int rc;
	char *conf; /* what is printed */
	char *errors;
};

static struct import
import_bytes(const char *text, size_t size)
{
	struct import i;
	char *copy = malloc(size + (size == 0));
	size_t conf_size, errors_size;
	FILE *out = open_memstream(&i.conf, &conf_size);
	FILE *err = open_memstream(&i.errors, &errors_size);
	struct openlisp o;

	memcpy(copy, text, size);
	i.rc = openlisp_parse(copy, size, "f", &o, err);
	if (i.rc == 0)
		openlisp_print(&o, out);
	openlisp_fini(&o);
	free(copy);
	fclose(out);
	fclose(err);
	return i;
}

static struct import
import(const char *text)
{
	return import_bytes(text, strlen(text));
}

static void
import_fini(struct import *i)
{
	free(i->conf);
	free(i->errors);
}

/* The configuration that comes of a text without an error. */
static struct outcome
import_and_parse(const char *text)
{
	struct import i = import(text);
	struct outcome o;

	assert_string_equal(i.errors, "");
	assert_int_equal(i.rc, 0);
	o = parse(i.conf);
	assert_string_equal(o.lines, "");
	assert_int_equal(o.rc, 0);
	import_fini(&i);
	return o;
}

/* Figure 7.2 of the thesis. */
#define EXAMPLE                                                                                    \
	"IPV4\n\n1 lisp 132.227.62.242 24 2 193.162.145.50 195.50.116.18 60 0\n\n"                 \
	"132.227.62.243 1 100 0\n\nIPV6\n\n"                                                       \
	"1 lisp 2610:D0:2121:0:0:0:0:0 48 2 193.162.145.50 195.50.116.18 60 0\n\n"                 \
	"132.227.62.243 1 100 0\n"

static void
the_example_of_the_thesis_is_taken_over(void **state)
{
	struct outcome o = import_and_parse(EXAMPLE);
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_int_equal(o.conf.vn_count, 1);
	assert_int_equal(o.conf.vns[0].id, 0);
	assert_int_equal(o.conf.vns[0].local_count, 2);
	assert_string_equal(fmt_prefix(o.conf.vns[0].local[0]).s, "132.227.62.0/24");
	assert_string_equal(fmt_prefix(o.conf.vns[0].local[1]).s, "2610:d0:2121::/48");
	assert_true(o.conf.vns[0].lisp);
	assert_int_equal(o.conf.vns[0].encapsulation, CONF_ENCAP_PLAIN);
	assert_int_equal(l->key_count, 1);
	assert_int_equal(l->keys[0].id, 1);
	assert_int_equal(l->keys[0].algorithm, CONF_LISP_SHA1);
	assert_true(l->keys[0].full_length);
	assert_string_equal(l->keys[0].secret_file, "/etc/vrd/openlisp.secret");
	assert_int_equal(l->rloc_count, 1);
	assert_string_equal(fmt_addr(l->rlocs[0].addr).s, "132.227.62.243");
	assert_int_equal(l->rlocs[0].priority, 1);
	assert_int_equal(l->rlocs[0].weight, 100);
	assert_int_equal(l->map_server_count, 2);
	assert_string_equal(fmt_addr(l->map_servers[0].addr).s, "193.162.145.50");
	assert_string_equal(fmt_addr(l->map_servers[1].addr).s, "195.50.116.18");
	assert_false(l->map_servers[0].proxy_reply || l->map_servers[0].ids);
	assert_false(l->map_servers[0].merge);
	assert_int_equal(l->map_resolver_count, 2);
	assert_string_equal(fmt_addr(l->map_resolvers[1]).s, "195.50.116.18");
	assert_int_equal(l->ttl_min, 60);
	assert_false(l->map_server);
	outcome_fini(&o);
}

/* Figure 7.1, filled in: N RLOCs, two map-servers, a TTL and nothing behind it. */
static void
the_format_of_the_thesis_is_taken_over(void **state)
{
	struct outcome o = import_and_parse("IPV4\n"
					    "3 key 10.1.0.0 16 2 9.0.0.8 9.0.0.9 1440\n"
					    "9.0.0.1 1 50 0\n"
					    "9.0.0.2 1 50 1\n"
					    "2001:db8::2 2 100 1\n"
					    "IPV6\n"
					    "3 key 2001:db8:1:: 48 2 9.0.0.9 9.0.0.8 1440\n"
					    "9.0.0.2 1 50 1\n"
					    "2001:db8::2 2 100 1\n"
					    "9.0.0.1 1 50 0\n");
	const struct conf_lisp *l = &o.conf.lisp;

	(void)state;
	assert_int_equal(o.conf.vns[0].local_count, 2);
	assert_string_equal(fmt_prefix(o.conf.vns[0].local[0]).s, "10.1.0.0/16");
	assert_string_equal(fmt_prefix(o.conf.vns[0].local[1]).s, "2001:db8:1::/48");
	/* Of another router of the site is the one without a mark. */
	assert_int_equal(l->rloc_count, 2);
	assert_string_equal(fmt_addr(l->rlocs[0].addr).s, "9.0.0.2");
	assert_int_equal(l->rlocs[0].weight, 50);
	assert_string_equal(fmt_addr(l->rlocs[1].addr).s, "2001:db8::2");
	assert_int_equal(l->rlocs[1].priority, 2);
	assert_int_equal(l->ttl_min, 1440);
	/* Which the map-servers are asked to put together. */
	assert_true(l->map_servers[0].merge && l->map_servers[0].ids);
	outcome_fini(&o);
}

static void
what_is_to_be_done_is_said_beside_it(void **state)
{
	static const char *const words[] = {
		"\"name\": \"openlisp\", // FILL IN",
		"\"key_file\": \"/etc/vrd/openlisp.key\", // FILL IN",
		"\"device\": \"lan0\", // FILL IN",
		"\"132.227.62.0/24\", // 132.227.62.242 in line 3\n",
		"\"2610:d0:2121::/48\"\n",
		"// FILL IN: make this file, of mode 0600, with the second word of line 3.\n",
		"// LOOK: the next one is within the prefix of line 3.\n",
	};
	struct import i = import(EXAMPLE);
	size_t j;

	(void)state;
	for (j = 0; j < ARRAY_COUNT(words); j++)
		assert_non_null(strstr(i.conf, words[j]));
	import_fini(&i);
	i = import("IPV4\n2 key 10.1.0.0 16 1 9.0.0.9 60\n9.0.0.1 1 50 0\n9.0.0.2 1 50 1\n");
	assert_non_null(strstr(i.conf, "// 9.0.0.1 in line 3 is of another router of the site.\n"));
	assert_null(strstr(i.conf, "LOOK: the next one"));
	import_fini(&i);
}

static void
forms_that_differ_in_nothing_that_counts_are_accepted(void **state)
{
	static const char *const texts[] = {
		"IPV4\n" ENTRY RLOC,
		"\n\n  ipv4\t\r\n\t1  s3cr3t\t10.1.0.77 24 1 9.0.0.9 60 0\r\n \n9.0.0.1 1 100 0",
		"Ipv6\nIPV4\nIPV6\nIPV4\n" ENTRY "\n" RLOC "IPV6\n",
		"IPV4\n001 s3cr3t 10.1.0.0 024 01 9.0.0.9 0060\n9.0.0.1 01 0100 00\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		struct outcome o = import_and_parse(texts[i]);

		assert_int_equal(o.conf.vns[0].local_count, 1);
		assert_string_equal(fmt_prefix(o.conf.vns[0].local[0]).s, "10.1.0.0/24");
		assert_string_equal(fmt_addr(o.conf.lisp.rlocs[0].addr).s, "9.0.0.1");
		assert_int_equal(o.conf.lisp.map_server_count, 1);
		outcome_fini(&o);
	}
}

static void
one_section_may_have_many_entries(void **state)
{
	char *text;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);
	struct outcome o;

	(void)state;
	fputs("IPV4\n", out);
	for (i = 0; i < 1000; i++)
		fprintf(out, "1 s3cr3t 10.%zu.%zu.0 24 1 9.0.0.9 60\n" RLOC, i / 250, i % 250);
	fclose(out);
	o = import_and_parse(text);
	assert_int_equal(o.conf.vns[0].local_count, 1000);
	assert_string_equal(fmt_prefix(o.conf.vns[0].local[999]).s, "10.3.249.0/24");
	outcome_fini(&o);
	free(text);
}

static const struct bad malformed[] = {
	{"", "f:1: expected an entry, found the end of the file\n"},
	{"\n \n", "f:2: expected an entry, found the end of the file\n"},
	{"IPV4\n", "f:1: expected an entry, found the end of the file\n"},
	{"IPV4\nIPV6\n", "f:2: expected an entry, found the end of the file\n"},
	{ENTRY RLOC, "f:1: expected IPV4 or IPV6 in front of the first entry\n"},
	{"IPV5\n" ENTRY RLOC, "f:1: expected IPV4 or IPV6 in front of the first entry\n"},
	{"ipv4 \n1\n" RLOC, "f:2: expected an entry (RLOC count, key, EID prefix, prefix "
			    "length, map-server count, map-servers, TTL), found 1 word\n"},
	{"IPV4\n" RLOC, "f:2: expected an entry (RLOC count, key, EID prefix, prefix "
			"length, map-server count, map-servers, TTL), found 4 words\n"},
	{"IPV4\ns3cr3t\n", "f:2: expected an entry (RLOC count, key, EID prefix, prefix "
			   "length, map-server count, map-servers, TTL), found 1 word\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1\n" RLOC,
	 "f:2: expected an entry (RLOC count, key, EID prefix, prefix length, map-server "
	 "count, map-servers, TTL), found 5 words\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 8 9.0.0.1 9.0.0.2 9.0.0.3 9.0.0.4 9.0.0.5 9.0.0.6 "
	 "9.0.0.7 9.0.0.8 60 0 0\n" RLOC,
	 "f:2: expected an entry (RLOC count, key, EID prefix, prefix length, map-server "
	 "count, map-servers, TTL), found 16 words\n"},
	{"IPV4\ns3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC RLOC,
	 "f:2: expected as word 1, the number of RLOCs, a whole number from 1 to 16\n"
	 "f:2: expected as word 3, the EID prefix, an IPv4 address\n"
	 "f:2: expected as word 5, the number of map-servers, a whole number from 1 to "
	 "8\n"},
	{"IPV4\n0 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 1, the number of RLOCs, a whole number from 1 to 16\n"},
	{"IPV4\n17 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 1, the number of RLOCs, a whole number from 1 to 16\n"},
	{"IPV4\n+" ENTRY RLOC,
	 "f:2: expected as word 1, the number of RLOCs, a whole number from 1 to 16\n"},
	{"IPV4\n1 " KEY_129 " 10.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 2, the key, at most 128 bytes\n"},
	{"IPV4\n1 10.1.0.0 s3cr3t 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 3, the EID prefix, an IPv4 address\n"},
	{"IPV4\n1 s3cr3t 10.1.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 3, the EID prefix, an IPv4 address\n"},
	{"IPV4\n1 s3cr3t 2001:db8:: 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 3, the EID prefix, an IPv4 address\n"},
	{"IPV6\n" ENTRY RLOC, "f:2: expected as word 3, the EID prefix, an IPv6 address\n"},
	{"IPV4\n1 s3cr3t 224.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 3, the EID prefix, no multicast address\n"},
	{"IPV4\n1 s3cr3t 250.1.0.0 3 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as words 3 and 4, an EID prefix of machines, found 224.0.0.0/3\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 33 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 4, the prefix length, a whole number from 0 to 32\n"},
	{"IPV6\n1 s3cr3t 2001:db8:: 129 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 4, the prefix length, a whole number from 0 to 128\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 -1 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 4, the prefix length, a whole number from 0 to 32\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 99999999999999999999999 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 4, the prefix length, a whole number from 0 to 32\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 0 60\n" RLOC,
	 "f:2: expected as word 5, the number of map-servers, a whole number from 1 to "
	 "8\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 9 9.0.0.9 60\n" RLOC,
	 "f:2: expected as word 5, the number of map-servers, a whole number from 1 to "
	 "8\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 2 9.0.0.9 60\n" RLOC,
	 "f:2: expected 8 or 9 words with 2 map-servers, found 7\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 9.0.0.9 9.0.0.8 9.0.0.7 60\n" RLOC,
	 "f:2: expected 7 or 8 words with 1 map-servers, found 9\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 ms.example 60\n" RLOC,
	 "f:2: expected as word 6, a map-server, an IPv4 or IPv6 address\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 127.0.0.1 60\n" RLOC,
	 "f:2: expected as word 6, a map-server, the address of a router\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 2 9.0.0.9 9.0.0.9 60\n" RLOC,
	 "f:2: expected each map-server once, found word 6 again\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 9.0.0.9 0\n" RLOC,
	 "f:2: expected as word 7, the TTL in minutes, a whole number from 1 to 525600\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 9.0.0.9 525601\n" RLOC,
	 "f:2: expected as word 7, the TTL in minutes, a whole number from 1 to 525600\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 9.0.0.9 60 1\n" RLOC,
	 "f:2: expected as word 8, behind the TTL, 0 or nothing\n"},
	{"IPV4\n1 s3cr3t 10.1.0.0 24 1 9.0.0.9 1h\n" RLOC,
	 "f:2: expected as word 7, the TTL in minutes, a whole number from 1 to 525600\n"},
	{"IPV4\n" ENTRY, "f:2: expected 1 more RLOCs of line 2, found the end of the file\n"},
	{"IPV4\n2 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:3: expected 1 more RLOCs of line 2, found the end of the file\n"},
	{"IPV4\n3 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC
	 "IPV6\n1 s3cr3t 2001:db8:: 24 1 9.0.0.9 60\n" RLOC,
	 "f:4: expected 2 more RLOCs of line 2, found a section\n"},
	{"IPV4\n" ENTRY "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:3: expected 1 more RLOCs of line 2, found an entry\n"},
	{"IPV4\n" ENTRY RLOC "9.0.0.2 1 100 0\n",
	 "f:4: expected an entry, IPV4 or IPV6: line 2 has no more RLOCs\n"},
	{"IPV4\n" ENTRY RLOC "what is this\n",
	 "f:4: expected an entry (RLOC count, key, EID prefix, prefix length, map-server "
	 "count, map-servers, TTL), found 3 words\n"},
	{"IPV4\n" ENTRY "9.0.0.1 1 100\n",
	 "f:3: expected RLOC, priority, weight and Local/Self, found 3 words\n"},
	{"IPV4\n" ENTRY "9.0.0.1 1 100 0 0\n",
	 "f:3: expected RLOC, priority, weight and Local/Self, found 5 words\n"},
	{"IPV4\n" ENTRY "rloc 1 100 0\n",
	 "f:3: expected as word 1, the RLOC, an IPv4 or IPv6 address\n"},
	{"IPV4\n" ENTRY "0.0.0.0 1 100 0\n",
	 "f:3: expected as word 1, the RLOC, the address of a router\n"},
	{"IPV4\n" ENTRY "9.0.0.1 256 100 0\n",
	 "f:3: expected as word 2, the priority, a whole number from 0 to 255\n"},
	{"IPV4\n" ENTRY "9.0.0.1 1 256 0\n",
	 "f:3: expected as word 3, the weight, a whole number from 0 to 255\n"},
	{"IPV4\n" ENTRY "9.0.0.1 1 100 2\n",
	 "f:3: expected as word 4, Local/Self, a whole number from 0 to 1\n"},
	{"IPV4\n" ENTRY "9.0.0.1 one x local\n",
	 "f:3: expected as word 2, the priority, a whole number from 0 to 255\n"
	 "f:3: expected as word 3, the weight, a whole number from 0 to 255\n"
	 "f:3: expected as word 4, Local/Self, a whole number from 0 to 1\n"},
	{"IPV4\n2 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC RLOC,
	 "f:4: expected each RLOC once, found that of line 3 again\n"},
	{"IPV4\n2 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC "9.0.0.2 1 100 0\n",
	 "f:4: expected one RLOC of each family, or of each family at most one that is "
	 "marked with Local/Self 1, found that of line 3\n"},
	{"IPV4\n2 s3cr3t 10.1.0.0 24 1 9.0.0.9 60\n9.0.0.1 1 100 1\n9.0.0.2 1 100 1\n",
	 "f:4: expected one RLOC of each family, or of each family at most one that is "
	 "marked with Local/Self 1, found that of line 3\n"},
	{"IPV4\n" ENTRY RLOC ENTRY RLOC,
	 "f:4: expected each EID prefix once, found that of line 2\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.1.0.5 24 1 9.0.0.9 60\n" RLOC,
	 "f:4: expected each EID prefix once, found that of line 2\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3T 10.2.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:4: expected the key of line 2: a map-server has one for all\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.8 60\n" RLOC,
	 "f:4: expected the map-servers of line 2: all prefixes are registered at the "
	 "same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 2 9.0.0.9 9.0.0.8 60\n" RLOC,
	 "f:4: expected the map-servers of line 2: all prefixes are registered at the "
	 "same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 61\n" RLOC,
	 "f:4: expected the TTL of line 2: all prefixes have the same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n9.0.0.2 1 100 0\n",
	 "f:4: expected the RLOCs of line 2: all prefixes have the same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n9.0.0.1 2 100 0\n",
	 "f:4: expected the RLOCs of line 2: all prefixes have the same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n9.0.0.1 1 99 0\n",
	 "f:4: expected the RLOCs of line 2: all prefixes have the same\n"},
	{"IPV4\n" ENTRY RLOC "1 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n9.0.0.1 1 100 1\n",
	 "f:4: expected the RLOCs of line 2: all prefixes have the same\n"},
	{"IPV4\n" ENTRY RLOC "2 s3cr3t 10.2.0.0 24 1 9.0.0.9 60\n" RLOC "2001:db8::1 1 100 0\n",
	 "f:4: expected the RLOCs of line 2: all prefixes have the same\n"},
	{"IPV4\n1 s3\001"
	 "cr3t 10.1.0.0 24 1 9.0.0.9 60\n" RLOC,
	 "f:2: expected text without control characters\n"},
	{"IPV4\nx s3cr3t y z 1 9.0.0.9 60\nw 1 100 0\n9.0.0.1 x 100 0\nIPV6\nx y\n",
	 "f:2: expected as word 1, the number of RLOCs, a whole number from 1 to 16\n"
	 "f:2: expected as word 3, the EID prefix, an IPv4 address\n"
	 "f:2: expected as word 4, the prefix length, a whole number from 0 to 32\n"
	 "f:3: expected as word 1, the RLOC, an IPv4 or IPv6 address\n"
	 "f:4: expected as word 2, the priority, a whole number from 0 to 255\n"
	 "f:6: expected an entry (RLOC count, key, EID prefix, prefix length, map-server "
	 "count, map-servers, TTL), found 2 words\n"},
};

static void
malformed_lines_are_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_COUNT(malformed); i++) {
		struct import result = import(malformed[i].text);

		if (strcmp(result.errors, malformed[i].lines) != 0)
			print_error("text: %s\n", malformed[i].text);
		assert_string_equal(result.errors, malformed[i].lines);
		assert_int_equal(result.rc, -EINVAL);
		assert_string_equal(result.conf, "");
		import_fini(&result);
	}
}

static void
every_truncation_is_refused(void **state)
{
	static const char text[] = "IPV4\n2 s3cr3t 10.1.0.0 24 2 9.0.0.8 9.0.0.9 60\n"
				   "9.0.0.1 1 100 0\n2001:db8::1 1 100 0";
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(text) - 1; size++) {
		struct import i = import_bytes(text, size);

		assert_int_equal(i.rc, -EINVAL);
		assert_true(i.errors[0] != '\0');
		import_fini(&i);
	}
}

/* Wherever a file is out of step, the key may stand where another word is expected. */
static void
the_key_is_never_written(void **state)
{
	static const char *const words[] = {"2",       "s3cr3t",  "10.1.0.0", "24", "2",
					    "9.0.0.8", "9.0.0.9", "60",       "0"};
	struct import result;
	size_t at, i;

	(void)state;
	for (at = 0; at <= ARRAY_COUNT(words); at++) {
		char text[256] = "IPV4\n";

		for (i = 0; i < ARRAY_COUNT(words); i++) {
			if (i == at)
				strcat(text, KEY_32 " ");
			strcat(text, i == 1 && at != 1 ? KEY_32 : words[i]);
			strcat(text, " ");
		}
		strcat(text, "\n9.0.0.1 1 " KEY_32 " 0\n" KEY_32 " 1 100 0\n" KEY_32 "\n");
		result = import(text);
		assert_int_equal(result.rc, -EINVAL);
		assert_null(strstr(result.errors, KEY_32));
		import_fini(&result);
	}
	result = import("IPV4\n1 " KEY_32 " 10.1.0.0 24 1 9.0.0.9 60\n" RLOC);
	assert_int_equal(result.rc, 0);
	assert_null(strstr(result.conf, KEY_32));
	import_fini(&result);
}

static void
files_are_read_and_their_errors_name_them(void **state)
{
	char directory[] = "/tmp/test_openlisp.XXXXXX";
	char file[64], line[160];
	char *conf, *errors;
	size_t conf_size, errors_size;
	FILE *out = open_memstream(&conf, &conf_size);
	FILE *err = open_memstream(&errors, &errors_size);
	FILE *text;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/conf", directory);
	assert_int_equal(openlisp_import(file, out, err), -ENOENT);
	assert_int_equal(fflush(err), 0);
	snprintf(line, sizeof(line),
		 "%s: expected a file that can be read, found No such file or directory\n", file);
	assert_string_equal(errors, line);

	text = fopen(file, "w");
	fputs("IPV4\n" ENTRY, text);
	fclose(text);
	rewind(err);
	assert_int_equal(openlisp_import(file, out, err), -EINVAL);
	fputc('\0', err);
	assert_int_equal(fflush(err), 0);
	snprintf(line, sizeof(line),
		 "%s:2: expected 1 more RLOCs of line 2, found the end of the file\n", file);
	assert_string_equal(errors, line);
	assert_int_equal(fflush(out), 0);
	assert_string_equal(conf, "");

	text = fopen(file, "a");
	fputs(RLOC, text);
	fclose(text);
	assert_int_equal(openlisp_import(file, out, err), 0);
	fclose(out);
	fclose(err);
	assert_non_null(strstr(conf, "10.1.0.0/24"));
	free(conf);
	free(errors);
	unlink(file);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_of_the_thesis_is_taken_over),
		cmocka_unit_test(the_format_of_the_thesis_is_taken_over),
		cmocka_unit_test(what_is_to_be_done_is_said_beside_it),
		cmocka_unit_test(forms_that_differ_in_nothing_that_counts_are_accepted),
		cmocka_unit_test(one_section_may_have_many_entries),
		cmocka_unit_test(malformed_lines_are_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(the_key_is_never_written),
		cmocka_unit_test(files_are_read_and_their_errors_name_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
