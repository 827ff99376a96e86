/* Writing what was read from a configuration of OpenLISP as one of this router. */
#include "base/fmt.h"
#include "conf/openlisp.h"

static void
print_prefixes(const struct openlisp *o, FILE *out)
{
	size_t i;

	fputs("\t\t\t\"local\": [\n", out);
	for (i = 0; i < o->count; i++) {
		const struct openlisp_entry *e = &o->entries[i];

		fprintf(out, "\t\t\t\t\"%s\"%s", fmt_prefix(e->prefix).s,
			i + 1 < o->count ? "," : "");
		if (!addr_equal(e->eid, e->prefix.addr))
			fprintf(out, " // %s in line %u", fmt_addr(e->eid).s, e->line);
		fputc('\n', out);
	}
	fputs("\t\t\t],\n", out);
}

static void
print_network(const struct openlisp *o, FILE *out)
{
	fputs("\t\"vns\": [\n"
	      "\t\t{\n"
	      "\t\t\t\"id\": 0, // OpenLISP knows no Instance-IDs\n"
	      "\t\t\t\"device\": \"lan0\", // FILL IN: the LAN with the machines of these "
	      "prefixes\n",
	      out);
	print_prefixes(o, out);
	fputs("\t\t\t// FILL IN, if this router is the gateway of that LAN:\n"
	      "\t\t\t// \"addresses\": [\"ADDRESS/LENGTH\"],\n"
	      "\t\t\t\"lisp\": { \"use\": true, \"encapsulation\": \"plain\" }\n"
	      "\t\t}\n"
	      "\t],\n",
	      out);
}

static void
print_key(const struct openlisp_entry *e, FILE *out)
{
	fprintf(out,
		"\t\t\"keys\": [\n"
		"\t\t\t{\n"
		"\t\t\t\t\"name\": \"openlisp\",\n"
		"\t\t\t\t\"id\": 1,\n"
		"\t\t\t\t// What OpenLISP's map-servers take; \"sha256\" is better where they "
		"can.\n"
		"\t\t\t\t\"algorithm\": \"sha1\",\n"
		"\t\t\t\t\"full_length\": true,\n"
		"\t\t\t\t// FILL IN: make this file, of mode 0600, with the second word of line "
		"%u.\n"
		"\t\t\t\t\"secret_file\": \"/etc/vrd/openlisp.secret\"\n"
		"\t\t\t}\n"
		"\t\t],\n",
		e->line);
}

/* A locator within a prefix that is found through it cannot be found. */
static void
print_warnings(const struct openlisp *o, const struct openlisp_rloc *rloc, FILE *out)
{
	size_t i;

	for (i = 0; i < o->count; i++)
		if (prefix_contains(o->entries[i].prefix, rloc->addr))
			fprintf(out,
				"\t\t\t// LOOK: the next one is within the prefix of line %u.\n",
				o->entries[i].line);
}

static void
print_rlocs(const struct openlisp *o, FILE *out)
{
	const struct openlisp_entry *e = o->entries;
	size_t last = 0;
	size_t i;

	for (i = 0; i < e->rloc_count; i++)
		if (openlisp_is_own(e, &e->rlocs[i]))
			last = i;
	fputs("\t\t\"rlocs\": [\n", out);
	for (i = 0; i < e->rloc_count; i++) {
		const struct openlisp_rloc *rloc = &e->rlocs[i];

		if (!openlisp_is_own(e, rloc)) {
			fprintf(out, "\t\t\t// %s in line %u is of another router of the site.\n",
				fmt_addr(rloc->addr).s, rloc->line);
			continue;
		}
		print_warnings(o, rloc, out);
		fprintf(out, "\t\t\t{ \"address\": \"%s\", \"priority\": %u, \"weight\": %u }%s\n",
			fmt_addr(rloc->addr).s, rloc->priority, rloc->weight, i < last ? "," : "");
	}
	fputs("\t\t],\n", out);
}

/* Does the site have other routers? */
static bool
is_shared(const struct openlisp_entry *e)
{
	for (size_t i = 0; i < e->rloc_count; i++)
		if (!openlisp_is_own(e, &e->rlocs[i]))
			return true;
	return false;
}

static void
print_servers(const struct openlisp_entry *e, FILE *out)
{
	const char *more = is_shared(e) ? "\"merge\": true" : "\"ids\": false";
	size_t i;

	fputs("\t\t// OpenLISP answers Map-Requests itself.\n", out);
	if (is_shared(e))
		fputs("\t\t// LOOK: each router of the site registers its own locators, and all "
		      "ask "
		      "for \"merge\".\n",
		      out);
	fputs("\t\t\"map_servers\": [\n", out);
	for (i = 0; i < e->server_count; i++)
		fprintf(out,
			"\t\t\t{ \"address\": \"%s\", \"key\": \"openlisp\", \"proxy_reply\": "
			"false, %s }%s\n",
			fmt_addr(e->servers[i]).s, more, i + 1 < e->server_count ? "," : "");
	fputs("\t\t],\n"
	      "\t\t// LOOK: OpenLISP's file names none; most map-servers are map-resolvers, too.\n"
	      "\t\t\"map_resolvers\": [",
	      out);
	for (i = 0; i < e->server_count; i++)
		fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", fmt_addr(e->servers[i]).s);
	fputs("],\n", out);
}

void
openlisp_print(const struct openlisp *o, FILE *out)
{
	const struct openlisp_entry *e = o->entries;

	fputs("// Imported from OpenLISP.  FILL IN and LOOK mark what only you can know.\n"
	      "{\n"
	      "\t\"name\": \"openlisp\", // FILL IN: the name of this router\n"
	      "\t\"key_file\": \"/etc/vrd/openlisp.key\", // FILL IN: \"vrctl keygen FILE\" makes "
	      "it\n",
	      out);
	print_network(o, out);
	fputs("\t\"lisp\": {\n", out);
	print_key(e, out);
	print_rlocs(o, out);
	print_servers(e, out);
	fprintf(out,
		"\t\t\"ttl_min\": %u\n"
		"\t}\n"
		"}\n",
		e->ttl_min);
}
