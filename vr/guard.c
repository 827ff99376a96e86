/* The guard's rules as text for libnftables, run in one transaction. */
#include "vr/guard.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <nftables/libnftables.h>

#include "base/fmt.h"

struct guard {
	struct nft_ctx *nft; /* its socket owns the table */
	struct log *log;
	char table[64];
	char *device;
	bool everything;
	bool owned; /* the table in force dies with us */
};

/* Commands as they grow; 'failed' when memory was short. */
struct text {
	char *s;
	size_t size, used;
	bool failed;
};

__attribute__((format(printf, 2, 3))) static void
text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->s + t->used, t->size - t->used, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->size - t->used)
		t->failed = true;
	else
		t->used += (size_t)n;
}

/* nftables names know letters, digits and '_'; anything else in a device's name is spelled out. */
static void
table_name(struct guard *g, const char *device)
{
	size_t used = (size_t)snprintf(g->table, sizeof(g->table), "vrd_");

	for (; *device != '\0' && used + 4 < sizeof(g->table); device++)
		used += (size_t)snprintf(g->table + used, sizeof(g->table) - used,
					 isalnum((unsigned char)*device) ? "%c" : "_%02x",
					 (unsigned char)*device);
}

static void
add_set(struct text *t, const struct prefix *prefixes, size_t count, uint8_t family)
{
	const char *separator = "";

	text_add(t, "set v%u { type %s; flags interval; auto-merge; elements = { ", family,
		 family == ADDR_V4 ? "ipv4_addr" : "ipv6_addr");
	for (size_t i = 0; i < count; i++) {
		if (prefixes[i].addr.family != family)
			continue;
		text_add(t, "%s%s", separator, fmt_prefix(prefixes[i]).s);
		separator = ", ";
	}
	text_add(t, " } }\n");
}

static bool
has_family(const struct prefix *prefixes, size_t count, uint8_t family)
{
	for (size_t i = 0; i < count; i++)
		if (prefixes[i].addr.family == family)
			return true;
	return false;
}

/* What comes from a machine of the VN is the router's as well, wherever it goes. */
static void
add_rules(struct text *t, const char *ip, uint8_t family)
{
	static const char *const ends[] = {"daddr", "saddr"};

	for (size_t i = 0; i < ARRAY_COUNT(ends); i++)
		text_add(t, "meta pkttype host %s %s @v%u fib daddr type != local drop\n", ip,
			 ends[i], family);
}

static void
add_table(struct text *t, const struct guard *g, const struct prefix *prefixes, size_t count,
	  bool owned)
{
	bool v4 = !g->everything && has_family(prefixes, count, ADDR_V4);
	bool v6 = !g->everything && has_family(prefixes, count, ADDR_V6);

	text_add(t, "table netdev %s {\n%s", g->table, owned ? "flags owner;\n" : "");
	if (v4)
		add_set(t, prefixes, count, ADDR_V4);
	if (v6)
		add_set(t, prefixes, count, ADDR_V6);
	text_add(t, "chain ingress {\ntype filter hook ingress device \"%s\" priority -300;\n",
		 g->device);
	if (v4)
		add_rules(t, "ip", ADDR_V4);
	if (v6)
		add_rules(t, "ip6", ADDR_V6);
	text_add(t, "%s}\n}\n", g->everything ? "drop\n" : "");
}

/* 'is_ours': the table is there and ours.  Otherwise one may have been left behind or not: adding before deleting makes
 * the deletion succeed either way. */
static int
guard_apply(struct guard *g, const struct prefix *prefixes, size_t count, bool owned, bool is_ours)
{
	struct text t = {.size = 2048 + count * 64};
	int rc;

	t.s = malloc(t.size);
	if (t.s == NULL)
		return -ENOMEM;
	if (!is_ours)
		text_add(&t, "add table netdev %s\n", g->table);
	text_add(&t, "delete table netdev %s\n", g->table);
	add_table(&t, g, prefixes, count, owned);
	errno = 0;
	if (t.failed)
		rc = -ENOBUFS;
	else if (nft_run_cmd_from_buffer(g->nft, t.s) == 0)
		rc = 0;
	else
		rc = errno == EPERM ? -EPERM : -EOPNOTSUPP;
	free(t.s);
	if (rc == 0)
		g->owned = owned;
	return rc;
}

static void
guard_free(struct guard *g)
{
	if (g->nft != NULL)
		nft_ctx_free(g->nft);
	free(g->device);
	free(g);
}

static void
say_why(const struct guard *g, enum log_level level)
{
	log_line(g->log, level, "guard", "%s: nftables: %s", g->device,
		 nft_ctx_get_error_buffer(g->nft));
}

int
guard_create(const struct guard_conf *conf, struct log *log, enum log_level level,
	     struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));
	int rc;

	if (g == NULL)
		return -ENOMEM;
	g->log = log;
	g->everything = conf->everything;
	table_name(g, conf->device);
	g->device = strdup(conf->device);
	g->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (g->device == NULL || g->nft == NULL) {
		guard_free(g);
		return -EOPNOTSUPP;
	}
	nft_ctx_buffer_output(g->nft);
	nft_ctx_buffer_error(g->nft);
	rc = guard_apply(g, conf->prefixes, conf->count, conf->owned, false);
	if (rc == -EOPNOTSUPP && conf->owned)
		rc = guard_apply(g, conf->prefixes, conf->count, false, false);
	if (rc < 0) {
		say_why(g, level);
		guard_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

int
guard_set(struct guard *g, const struct prefix *prefixes, size_t count)
{
	int rc;

	if (g->everything)
		return 0;
	/* A table that anybody may flush may be gone. */
	rc = guard_apply(g, prefixes, count, g->owned, g->owned);
	if (rc < 0)
		say_why(g, LOG_ERROR);
	return rc;
}

void
guard_destroy(struct guard *g)
{
	char command[96];

	if (g == NULL)
		return;
	snprintf(command, sizeof(command), "delete table netdev %s\n", g->table);
	/* The device may be gone already, and its chain with it: nothing to do about a failure. */
	(void)nft_run_cmd_from_buffer(g->nft, command);
	guard_free(g);
}
