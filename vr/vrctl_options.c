/* The command line of vrctl. */
#include "vr/vrctl_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fmt.h"

#define FIRST 256 /* above every letter */

static const struct option long_options[] = {{"socket", required_argument, NULL, 's'},
					     {"json", no_argument, NULL, 'j'},
					     {"help", no_argument, NULL, 'h'},
					     {"version", no_argument, NULL, 'V'},
#define X(id, name, value)                                                                         \
	{name, (value) != NULL ? required_argument : no_argument, NULL, FIRST + VRCTL_##id},
					     VRCTL_OPTIONS(X)
#undef X
						     {NULL, 0, NULL, 0}};

enum vrctl_status
vrctl_options_read(struct vrctl_options *o, int argc, char **argv)
{
	int option;

	while ((option = getopt_long(argc, argv, "s:jhV", long_options, NULL)) != -1) {
		if (option >= FIRST)
			o->values[option - FIRST] = optarg != NULL ? optarg : "";
		else if (option == 's')
			o->socket = optarg;
		else if (option == 'j')
			o->json = true;
		else if (option == 'h')
			o->help = true;
		else if (option == 'V')
			o->version = true;
		else
			return VRCTL_USAGE;
	}
	o->words = optind;
	return VRCTL_DONE;
}

const char *
vrctl_option_name(enum vrctl_option option)
{
	static const char *const names[] = {
#define X(id, name, value) name,
		VRCTL_OPTIONS(X)
#undef X
	};

	return names[option];
}

static enum vrctl_status
bad_value(enum vrctl_option option, const char *text)
{
	char what[64];

	snprintf(what, sizeof(what), "not a value of --%s", vrctl_option_name(option));
	return vrctl_usage_error(what, text);
}

enum vrctl_status
vrctl_option_number(const struct vrctl_options *o, enum vrctl_option option, uint32_t max,
		    uint32_t *out)
{
	const char *text = o->values[option];
	unsigned long number;

	if (text == NULL)
		return VRCTL_DONE;
	/* Digits only, few enough for the type. */
	if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) > 10)
		return bad_value(option, text);
	number = strtoul(text, NULL, 10);
	if (number > max)
		return bad_value(option, text);
	*out = (uint32_t)number;
	return VRCTL_DONE;
}

enum vrctl_status
vrctl_option_endpoint(const struct vrctl_options *o, enum vrctl_option option, uint16_t port,
		      struct endpoint *out)
{
	const char *text = o->values[option];
	struct addr addr;

	if (addr_from_text(text, &addr) == 0)
		*out = (struct endpoint){.addr = addr, .port = port};
	else if (endpoint_from_text(text, out) != 0 || out->port == 0)
		return bad_value(option, text);
	return VRCTL_DONE;
}
