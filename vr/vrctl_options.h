/* The command line of vrctl, read once for all commands. */
#ifndef VR_VRCTL_OPTIONS_H
#define VR_VRCTL_OPTIONS_H

#include "base/err.h"
#include "base/types.h"
#include "vr/vrctl_link.h"

/* Options that only some commands take.  id, name, word for its value (NULL: it has none) */
#define VRCTL_OPTIONS(X)                                                                           \
	X(VN, "vn", "N")                                                                           \
	X(MR, "mr", "ADDRESS")                                                                     \
	X(TRIES, "tries", "N")                                                                     \
	X(TO, "to", "ADDRESS")                                                                     \
	X(KEY_FILE, "key-file", "FILE")                                                            \
	X(KEY_ID, "key-id", "N")                                                                   \
	X(ALGORITHM, "algorithm", "NAME")                                                          \
	X(FULL_LENGTH, "full-length", NULL)                                                        \
	X(SUB_TYPE, "sub-type", "N")                                                               \
	X(TYPE5, "type5", NULL)                                                                    \
	X(ADDRESS, "address", "ADDRESS")                                                           \
	X(GATEWAY, "gateway", "ADDRESS")                                                           \
	X(CHECK, "check", NULL)

enum vrctl_option {
#define X(id, name, value) VRCTL_##id,
	VRCTL_OPTIONS(X)
#undef X
		VRCTL_OPTION_COUNT
};

struct vrctl_options {
	const char *socket;
	bool json, help, version;
	const char *values[VRCTL_OPTION_COUNT]; /* NULL: not given; "" for one without a value */
	int words;                              /* the first one of argv that is no option */
};

/* VRCTL_DONE; VRCTL_USAGE, said on the standard error by getopt.  Words are moved behind the options. */
enum vrctl_status vrctl_options_read(struct vrctl_options *o, int argc, char **argv);
/* "vn", for messages. */
const char *vrctl_option_name(enum vrctl_option option);
/* A decimal number up to 'max' into '*out', which stays as it is when the option was not given.
 * VRCTL_DONE, or VRCTL_USAGE with the fault said. */
enum vrctl_status vrctl_option_number(const struct vrctl_options *o, enum vrctl_option option,
				      uint32_t max, uint32_t *out);
/* ADDRESS or ADDRESS:PORT ([ADDRESS]:PORT for IPv6). */
enum vrctl_status vrctl_option_endpoint(const struct vrctl_options *o, enum vrctl_option option,
					uint16_t port, struct endpoint *out);

#endif
