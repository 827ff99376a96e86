/* Texts of configurations, for the tests of what is accepted and refused. */
#ifndef TESTS_UNIT_CONF_TEXTS_H
#define TESTS_UNIT_CONF_TEXTS_H

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

#endif
