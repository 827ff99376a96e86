/* One JSON value -> one member of struct conf. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "base/err.h"
#include "conf/keys.h"

struct cJSON;

/* Stores the value as the key says: key->size bytes at 'to' (KEY_MAC: also the member for the address).  Strings are copies
 * that belong to the struct.  0; -EINVAL when type, range or form do not fit, with '*to' untouched;
 * -ENOMEM. */
MUST_USE int value_from_json(const struct key *key, const struct cJSON *item, void *to);

/* What a machine or router can have: not the unspecified, a multicast or a loopback address. */
bool value_is_unicast(struct addr a);
/* Has no machine an address in it: 0/8, 127/8 (RFC 6890), multicast, :: and ::1?  A shorter one, as the default route, has
 * others as well. */
bool value_is_reserved(struct prefix p);

#endif
