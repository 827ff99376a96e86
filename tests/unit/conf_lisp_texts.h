/* Texts of configurations with LISP roles, for the tests of what is accepted and refused. */
#ifndef TESTS_UNIT_CONF_LISP_TEXTS_H
#define TESTS_UNIT_CONF_LISP_TEXTS_H

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

/* A site "s" with these prefixes; and on the next line a site "t". */
#define SITE_OF(name, prefixes) SITE(name, ",\"prefixes\":[" prefixes "]")
#define SITES(s)                "\"sites\":[" SITE_OF("s", s) "]"
#define TWO_SITES(s, t)         "\"sites\":[" SITE_OF("s", s) ",\n" SITE_OF("t", t) "]"
/* The sites between which the machines of 10.1.0.0/24 may move. */
#define MOVES(sites) ",\"mobile\":[" MOBILE "[" sites "]}]"
#define MORE         ",\"more_specifics\":true"

#endif
