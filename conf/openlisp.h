/* The configuration file of OpenLISP's control plane -> one of this router that does the same.
 *
 *   IPV4                                              or IPV6: of the EID prefixes behind it
 *   COUNT KEY EID LENGTH SERVERS SERVER... TTL [0]    an entry: a prefix, where it is registered
 *   RLOC PRIORITY WEIGHT LOCAL                        COUNT such lines: its locators
 *
 * Words stand between blanks; lines without any do not count.  An entry may be followed by the next
 * one, or by IPV4 or IPV6.  KEY is the secret shared with the map-servers; TTL is in minutes; the
 * last word of an entry, which the format's description does not name, may be left out.
 *
 * What this router has once for all prefixes (the key, map-servers, locators and TTL) must be the
 * same in all entries.  Where lines have LOCAL 1 these are the locators of this router, and the
 * rest those
 * of other routers of its site; otherwise all are this router's.
 *
 * The key is never written, and errors quote nothing: in a file that is out of step any word could
 * be it. */
#ifndef CONF_OPENLISP_H
#define CONF_OPENLISP_H

#include <stdio.h>

#include "base/err.h"
#include "base/types.h"

#define OPENLISP_SERVERS_MAX 8
#define OPENLISP_RLOCS_MAX   16

struct openlisp_rloc {
	struct addr addr;
	uint8_t priority, weight;
	bool is_marked; /* LOCAL */
	unsigned line;
};

struct openlisp_entry {
	unsigned line;
	const char *key; /* in the text */
	size_t key_size;
	struct addr eid;
	struct prefix prefix; /* what contains 'eid' */
	struct addr servers[OPENLISP_SERVERS_MAX];
	size_t server_count;
	uint32_t ttl_min;
	struct openlisp_rloc rlocs[OPENLISP_RLOCS_MAX];
	size_t rloc_count;
};

/* Initialised by openlisp_parse(); openlisp_fini() frees it. */
struct openlisp {
	struct openlisp_entry *entries; /* at least one after success */
	size_t count, room;
};

/* The text is borrowed for as long as the entries are.  0; -EINVAL, with a line "file:line: what is wrong" in
 * 'err' for each error; -ENOMEM. */
MUST_USE int openlisp_parse(const char *text, size_t size, const char *file, struct openlisp *o,
			    FILE *err);
void openlisp_fini(struct openlisp *o);
/* True for the locators of this router, rather than others of its site. */
bool openlisp_is_own(const struct openlisp_entry *entry, const struct openlisp_rloc *rloc);
/* The configuration, with comments about what is to be filled in.  It is accepted by conf_parse() as it is. */
void openlisp_print(const struct openlisp *o, FILE *out);

/* All of it for a file.  0, or -errno with nothing in 'out', and in 'err' what is wrong unless it is memory. */
MUST_USE int openlisp_import(const char *file, FILE *out, FILE *err);

#endif
