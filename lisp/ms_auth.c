/* Whose key made a message's authentication data: the site's that may register the EID in it. */
#include <errno.h>

#include "lisp/auth.h"
#include "lisp/ms_priv.h"

/* So many keys are tried for a message; more only within an allowance per second of all messages,
 * so that forged ones cost little where many sites share a mobile prefix. */
#define KEYS_TRIED 16
#define MORE_TRIES 20000

/* Whose keys are tried for one message. */
struct trial {
	struct ms *ms;
	const struct lisp_msg *msg;
	const uint8_t *data;
	size_t size;
	us_t now;
	unsigned tries;
	uint32_t sites[KEYS_TRIED]; /* done with, the first ones */
	unsigned site_count;
	uint32_t site; /* found */
	const struct lisp_key *key;
};

static bool
may_try(struct trial *t)
{
	us_t *quiet = &t->ms->tries_quiet;

	if (t->tries++ < KEYS_TRIED)
		return true;
	if (*quiet < t->now)
		*quiet = t->now;
	if (*quiet > t->now + US_S)
		return false;
	*quiet += US_S / MORE_TRIES;
	return true;
}

static bool
is_done(const struct trial *t, uint32_t site)
{
	for (unsigned i = 0; i < t->site_count; i++)
		if (t->sites[i] == site)
			return true;
	return false;
}

/* Tries the site's keys; 0, -EACCES (no key of that kind) or -EBADMSG. */
static int
try_site(struct trial *t, uint32_t site)
{
	const struct ms *ms = t->ms;
	const struct ms_site *conf = ms->slots[site].conf;
	int fate = -EACCES;

	if (is_done(t, site))
		return fate;
	if (t->site_count < KEYS_TRIED)
		t->sites[t->site_count++] = site;
	for (size_t i = 0; conf != NULL && i < conf->key_count; i++) {
		const struct lisp_key *key = &conf->keys[i];

		if (!lisp_auth_fits(key, t->msg))
			continue;
		fate = -EBADMSG;
		if (!may_try(t))
			return fate;
		if (lisp_auth_verify(ms->io, ms->ctx, key, t->msg, t->data, t->size) == 0) {
			t->site = site;
			t->key = key;
			return 0;
		}
	}
	return fate;
}

/* The site whose key made the authentication data, and that key: first the one that this xTR-ID
 * spoke for last, then all that may register the first EID.  -EPERM: there is none. */
static int
find_site(struct trial *t, const struct eid_key *eid)
{
	const struct ms_rules *r = &t->ms->rules;
	int fate = -EPERM;
	uint32_t site;
	uint8_t key_id;

	if (t->msg->has_xtr_id && nonces_site_of(t->ms->nonces, &t->msg->xtr_id, &site, &key_id) &&
	    ms_may_register(t->ms, site, eid) && (fate = try_site(t, site)) == 0)
		return 0;
	for (uint32_t node = trie_covering(&r->trie, eid); node != 0;
	     node = trie_outer(&r->trie, node)) {
		uint32_t number = trie_value(&r->trie, node);

		for (; number != 0; number = r->rules[number - 1].next) {
			int err = try_site(t, r->rules[number - 1].site);

			if (err == 0)
				return 0;
			fate = fate == -EBADMSG ? fate : err;
		}
	}
	return fate;
}

int
ms_authenticate(struct ms *ms, const struct lisp_msg *msg, const uint8_t *data, size_t size,
		const struct eid_key *eid, us_t now, uint32_t *site, const struct lisp_key **key)
{
	struct trial trial = {.ms = ms, .msg = msg, .data = data, .size = size, .now = now};
	int err = find_site(&trial, eid);

	*site = trial.site;
	*key = trial.key;
	return err;
}

enum ms_count
ms_refusal_of(int err)
{
	switch (err) {
	case -EPERM:
		return MS_PREFIX_REFUSED;
	case -EACCES:
		return MS_KEY_UNKNOWN;
	case -EBADMSG:
		return MS_AUTH_FAILED;
	case -ESTALE:
		return MS_REPLAYED;
	default:
		return MS_ETRS_FULL;
	}
}
