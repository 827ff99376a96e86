/* Which site may register what: the configured prefixes in a trie, with the rules of each in a list. */
#include <errno.h>

#include "lisp/ms_priv.h"

static struct eid_key
key_of(vn_id_t vn, const struct prefix *prefix, bool macs)
{
	struct lisp_eid eid = lisp_eid_make(vn, *prefix, true);
	struct eid_key key = {.vn = vn, .family = EID_MAC};

	if (!macs && !eid_key_from(&eid, &key))
		key.vn = VN_ID_MAX + 1;
	return key;
}

static int
add_rule(struct ms_rules *r, const struct eid_key *key, struct ms_rule rule)
{
	uint32_t number = r->count + 1; /* also its value in the trie */
	uint32_t node;
	int err;

	if (key->vn > VN_ID_MAX)
		return -EINVAL;
	err = trie_add(&r->trie, key, number, &node);
	if (err == -EEXIST) {
		struct ms_rule *first = &r->rules[trie_value(&r->trie, node) - 1];

		rule.next = first->next;
		first->next = number;
		err = 0;
	}
	if (err == 0)
		r->rules[r->count++] = rule;
	return err;
}

static size_t
count_rules(const struct ms_conf *conf)
{
	size_t count = 0;

	for (size_t i = 0; i < conf->site_count; i++)
		count += conf->sites[i].prefix_count;
	for (size_t i = 0; i < conf->mobile_count; i++)
		count += conf->mobiles[i].site_count;
	return count;
}

static int
add_site(struct ms_rules *r, const struct ms_site *site, uint32_t slot)
{
	for (size_t i = 0; i < site->prefix_count; i++) {
		const struct ms_prefix *p = &site->prefixes[i];
		struct eid_key key = key_of(p->vn, &p->prefix, p->macs);
		int err =
			add_rule(r, &key,
				 (struct ms_rule){.site = (uint16_t)slot,
						  .more_specifics = p->more_specifics || p->macs});

		if (err != 0)
			return err;
	}
	return 0;
}

static int
add_mobile(struct ms_rules *r, const struct ms_conf *conf, const struct ms_mobile *mobile,
	   const uint32_t *slots)
{
	struct eid_key key = key_of(mobile->vn, &mobile->prefix, false);

	for (size_t i = 0; i < mobile->site_count; i++) {
		int err = -EINVAL;

		if (mobile->sites[i] < conf->site_count)
			err = add_rule(r, &key,
				       (struct ms_rule){.site = (uint16_t)slots[mobile->sites[i]],
							.mobile = true,
							.by_host = mobile->by_host});
		if (err != 0)
			return err;
	}
	return 0;
}

int
ms_rules_init(struct ms_rules *r, const struct ms_conf *conf, const uint32_t *slots)
{
	size_t count = count_rules(conf);
	int err = 0;

	*r = (struct ms_rules){0};
	if (count >= TRIE_VALUE_MAX)
		return -EINVAL;
	r->rules = calloc(count + 1, sizeof(*r->rules));
	if (r->rules == NULL || trie_init(&r->trie, (uint32_t)count + 1) != 0) {
		ms_rules_fini(r);
		return -ENOMEM;
	}
	for (size_t i = 0; i < conf->site_count && err == 0; i++)
		err = add_site(r, &conf->sites[i], slots[i]);
	for (size_t i = 0; i < conf->mobile_count && err == 0; i++)
		err = add_mobile(r, conf, &conf->mobiles[i], slots);
	if (err != 0)
		ms_rules_fini(r);
	return err;
}

void
ms_rules_fini(struct ms_rules *r)
{
	free(r->rules);
	trie_fini(&r->trie);
	*r = (struct ms_rules){0};
}

/* Walks the rules of one prefix of the trie; NULL starts. */
static const struct ms_rule *
next_rule(const struct ms_rules *r, uint32_t node, const struct ms_rule *rule)
{
	uint32_t number = rule == NULL ? trie_value(&r->trie, node) : rule->next;

	return number == 0 ? NULL : &r->rules[number - 1];
}

bool
ms_may_register(const struct ms *ms, uint32_t site, const struct eid_key *key)
{
	const struct ms_rules *r = &ms->rules;

	for (uint32_t node = trie_covering(&r->trie, key); node != 0;
	     node = trie_outer(&r->trie, node)) {
		bool inside = r->trie.nodes[node].len < key->len;

		for (const struct ms_rule *rule = next_rule(r, node, NULL); rule != NULL;
		     rule = next_rule(r, node, rule))
			if (rule->site == site &&
			    (inside ? rule->more_specifics || rule->mobile : !rule->mobile))
				return true;
	}
	return false;
}

bool
ms_is_mobile(const struct ms *ms, const struct eid_key *key)
{
	const struct ms_rules *r = &ms->rules;

	for (uint32_t node = trie_covering(&r->trie, key); node != 0;
	     node = trie_outer(&r->trie, node))
		for (const struct ms_rule *rule = next_rule(r, node, NULL); rule != NULL;
		     rule = next_rule(r, node, rule))
			if (rule->mobile && r->trie.nodes[node].len < key->len)
				return true;
	return false;
}

bool
ms_is_by_host(const struct ms *ms, const struct eid_key *key)
{
	const struct ms_rules *r = &ms->rules;

	if (key->len < eid_key_width(key->family))
		return false;
	for (uint32_t node = trie_covering(&r->trie, key); node != 0;
	     node = trie_outer(&r->trie, node))
		for (const struct ms_rule *rule = next_rule(r, node, NULL); rule != NULL;
		     rule = next_rule(r, node, rule))
			if (rule->by_host)
				return true;
	return false;
}

static bool
is_owned(const struct ms_rules *r, uint32_t node)
{
	for (const struct ms_rule *rule = next_rule(r, node, NULL); rule != NULL;
	     rule = next_rule(r, node, rule))
		if (!rule->mobile)
			return true;
	return false;
}

int
ms_owned_len(const struct ms *ms, const struct eid_key *key, bool *any)
{
	const struct ms_rules *r = &ms->rules;
	uint32_t node = trie_covering(&r->trie, key);

	*any = node != 0;
	while (node != 0 && !is_owned(r, node))
		node = trie_outer(&r->trie, node);
	return node == 0 ? -1 : (int)r->trie.nodes[node].len;
}

bool
ms_owned_inside(const struct ms *ms, const struct eid_key *key)
{
	const struct ms_rules *r = &ms->rules;
	uint32_t node = 0;

	while (trie_inside(&r->trie, key, &node))
		if (r->trie.nodes[node].len > key->len && is_owned(r, node))
			return true;
	return false;
}

const struct lisp_key *
ms_key_of(const struct ms *ms, uint32_t site, uint8_t key_id)
{
	const struct ms_site *conf = ms->slots[site].conf;

	for (size_t i = 0; conf != NULL && i < conf->key_count; i++)
		if (conf->keys[i].key_id == key_id)
			return &conf->keys[i];
	return NULL;
}
