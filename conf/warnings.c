/* What is no error and yet may not do what was meant. */
#include "conf/conf.h"

#include <stdio.h>

/* Can it be called, as far as this file tells? */
static bool
is_called(const struct conf_peer *p)
{
	return p->endpoint_count + p->tcp_count > 0;
}

static bool
share_vn(const struct conf_peer *a, const struct conf_peer *b)
{
	for (size_t i = 0; i < a->vn_count; i++)
		for (size_t j = 0; j < b->vn_count; j++)
			if (a->vns[i].id == b->vns[j].id)
				return true;
	return false;
}

/* Does this router stand in public itself, or is it told how it is reached? */
static bool
is_public(const struct conf *conf)
{
	return conf->relay.enabled || conf->candidate_count > 0 ||
	       !addr_is_none(conf->tcp_listen.addr);
}

/* Peers that only call, seen from a router that calls others: it may be behind a NAT as well. */
static void
own_pairs(const struct conf *conf, const char *file, FILE *out)
{
	for (size_t i = 0; i < conf->peer_count; i++)
		if (!is_called(&conf->peers[i]))
			fprintf(out,
				"%s: warning: peers[%zu] (%s) has no endpoints, and no peer has "
				"\"relay\": "
				"it is not reached if both are behind NATs\n",
				file, i, conf->peers[i].name);
}

/* Pairs of peers that all call this router, which could relay between them and does not. */
static void
pairs_of_others(const struct conf *conf, const char *file, FILE *out)
{
	const struct conf_peer *a = NULL, *b = NULL;
	size_t count = 0;

	for (size_t i = 0; i < conf->peer_count; i++)
		for (size_t j = i + 1; j < conf->peer_count; j++) {
			if (!share_vn(&conf->peers[i], &conf->peers[j]))
				continue;
			if (count++ > 0)
				continue;
			a = &conf->peers[i];
			b = &conf->peers[j];
		}
	if (count > 0)
		fprintf(out,
			"%s: warning: no peer has endpoints, and this router does not relay: %s "
			"and %s "
			"do not reach each other if both are behind NATs without another relay "
			"(%zu such pair%s)\n",
			file, a->name, b->name, count, count == 1 ? "" : "s");
}

void
conf_warnings_print(const struct conf *conf, const char *file, FILE *out)
{
	bool calls = false, has_relay = false;

	for (size_t i = 0; i < conf->peer_count; i++) {
		calls |= is_called(&conf->peers[i]);
		has_relay |= conf->peers[i].relay;
	}
	if (has_relay || conf->relay.enabled)
		return;
	if (!calls)
		pairs_of_others(conf, file, out);
	else if (!is_public(conf))
		own_pairs(conf, file, out);
}
