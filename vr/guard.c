/* The guard's rules as text for libnftables, run in one transaction. */
#include "vr/guard.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include <nftables/libnftables.h>

#include "base/fmt.h"

struct guard {
	struct nft_ctx *nft; /* its socket owns the table */
	char table[64];
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
add_set(struct text *t, const struct guard_conf *conf, uint8_t family)
{
	const char *separator = "";

	text_add(t, "set v%u { type %s; flags interval; auto-merge; elements = { ", family,
		 family == ADDR_V4 ? "ipv4_addr" : "ipv6_addr");
	for (size_t i = 0; i < conf->count; i++) {
		if (conf->prefixes[i].addr.family != family)
			continue;
		text_add(t, "%s%s", separator, fmt_prefix(conf->prefixes[i]).s);
		separator = ", ";
	}
	text_add(t, " } }\n");
}

static bool
has_family(const struct guard_conf *conf, uint8_t family)
{
	for (size_t i = 0; i < conf->count; i++)
		if (conf->prefixes[i].addr.family == family)
			return true;
	return false;
}

static void
add_table(struct text *t, const struct guard *g, const struct guard_conf *conf, bool owned)
{
	bool v4 = !conf->everything && has_family(conf, ADDR_V4);
	bool v6 = !conf->everything && has_family(conf, ADDR_V6);

	/* Adding before deleting makes the deletion succeed whether or not one was left behind. */
	text_add(t, "add table netdev %s\ndelete table netdev %s\n", g->table, g->table);
	text_add(t, "table netdev %s {\n%s", g->table, owned ? "flags owner;\n" : "");
	if (v4)
		add_set(t, conf, ADDR_V4);
	if (v6)
		add_set(t, conf, ADDR_V6);
	text_add(t, "chain ingress {\ntype filter hook ingress device \"%s\" priority -300;\n",
		 conf->device);
	if (v4)
		text_add(t, "meta pkttype host ip daddr @v4 fib daddr type != local drop\n");
	if (v6)
		text_add(t, "meta pkttype host ip6 daddr @v6 fib daddr type != local drop\n");
	text_add(t, "%s}\n}\n", conf->everything ? "drop\n" : "");
}

static int
guard_apply(struct guard *g, const struct guard_conf *conf, bool owned)
{
	struct text t = {.size = 1024 + conf->count * 64};
	int rc;

	t.s = malloc(t.size);
	if (t.s == NULL)
		return -ENOMEM;
	add_table(&t, g, conf, owned);
	errno = 0;
	if (t.failed)
		rc = -ENOBUFS;
	else if (nft_run_cmd_from_buffer(g->nft, t.s) == 0)
		rc = 0;
	else
		rc = errno == EPERM ? -EPERM : -EOPNOTSUPP;
	free(t.s);
	return rc;
}

int
guard_create(const struct guard_conf *conf, struct log *log, enum log_level level,
	     struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));
	int rc;

	if (g == NULL)
		return -ENOMEM;
	table_name(g, conf->device);
	g->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	if (g->nft == NULL) {
		free(g);
		return -EOPNOTSUPP;
	}
	nft_ctx_buffer_output(g->nft);
	nft_ctx_buffer_error(g->nft);
	rc = guard_apply(g, conf, true);
	if (rc == -EOPNOTSUPP)
		rc = guard_apply(g, conf, false);
	if (rc < 0) {
		log_line(log, level, "guard", "%s: nftables: %s", conf->device,
			 nft_ctx_get_error_buffer(g->nft));
		nft_ctx_free(g->nft);
		free(g);
		return rc;
	}
	*out = g;
	return 0;
}

void
guard_destroy(struct guard *g)
{
	char command[96];

	if (g == NULL)
		return;
	snprintf(command, sizeof(command), "delete table netdev %s\n", g->table);
	/* The device may be gone already, and its chain with it: nothing to do about a failure. */
	if (nft_run_cmd_from_buffer(g->nft, command) != 0)
		nft_ctx_get_error_buffer(g->nft);
	nft_ctx_free(g->nft);
	free(g);
}
