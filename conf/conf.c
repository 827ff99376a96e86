/* Reading a configuration: scan, parse, fill, check; and its end. */
#include "conf/conf.h"

#include <errno.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "conf/check.h"
#include "conf/file.h"
#include "conf/fill.h"
#include "conf/interface.h"
#include "conf/where.h"

/* What depends on the number of the network. */
static int
finish_vn(struct conf_vn *vn)
{
	char name[16];

	if (vn->name == NULL) {
		snprintf(name, sizeof(name), "vn%u", vn->id & VN_ID_MAX);
		vn->name = strdup(name);
		if (vn->name == NULL)
			return -ENOMEM;
	}
	if (vn->mac_kind == CONF_MAC_VIRTUAL && mac_is_zero(vn->mac))
		vn->mac = (struct mac){{0x02, 0x56, 0x52, (uint8_t)(vn->id >> 16),
					(uint8_t)(vn->id >> 8), (uint8_t)vn->id}};
	return vn->model != CONF_MODEL_ROUTER ? interface_finish(vn) : 0;
}

static int
compare_locators(const void *a, const void *b)
{
	const struct conf_lisp_locator *s = a, *t = b;

	return memcmp(&s->addr, &t->addr, sizeof(s->addr));
}

/* In the order that records have (RFC 9301 section 5.5): IPv4 before IPv6, and there is one of each at most. */
static int
compare_rlocs(const void *a, const void *b)
{
	const struct conf_lisp_rloc *s = a, *t = b;

	return (s->addr.family == ADDR_V6) - (t->addr.family == ADDR_V6);
}

const struct conf_lisp_locator *
conf_lisp_locator(const struct conf_lisp *lisp, struct addr addr)
{
	const struct conf_lisp_locator wanted = {.addr = addr};

	if (lisp->locator_count == 0)
		return NULL;
	return bsearch(&wanted, lisp->locators, lisp->locator_count, sizeof(wanted),
		       compare_locators);
}

/* What stands in two members, and what is looked for often. */
static void
finish_lisp(struct conf_lisp *lisp)
{
	static const uint8_t zero[sizeof(lisp->xtr_id)];
	size_t i;

	lisp->has_xtr_id = memcmp(lisp->xtr_id, zero, sizeof(zero)) != 0;
	for (i = 0; i < lisp->site_count; i++)
		lisp->sites[i].has_site_id = lisp->sites[i].site_id != 0;
	if (lisp->locator_count > 0)
		qsort(lisp->locators, lisp->locator_count, sizeof(*lisp->locators),
		      compare_locators);
	if (lisp->rloc_count > 0)
		qsort(lisp->rlocs, lisp->rloc_count, sizeof(*lisp->rlocs), compare_rlocs);
}

static int
fill_and_check(struct report *r, struct conf *conf, conf_public_key_fn *public_key)
{
	int rc = fill_conf(r, conf);
	size_t i;

	if (rc == 0)
		rc = check_conf(r, conf, public_key);
	for (i = 0; rc == 0 && r->errors->count == 0 && i < conf->vn_count; i++)
		rc = finish_vn(&conf->vns[i]);
	finish_lisp(&conf->lisp);
	return rc;
}

/* The text is JSON by the scan; cJSON can still refuse it for want of memory only. */
static int
parse_tree(struct where *w, size_t size, struct report *r, struct conf *conf,
	   conf_public_key_fn *public_key)
{
	cJSON *root = cJSON_ParseWithLength(where_json(w), size);
	int rc = root == NULL ? -ENOMEM : where_bind(w, root);

	BUG_IF(rc == -EINVAL);
	if (rc == 0) {
		r->root = root;
		rc = fill_and_check(r, conf, public_key);
	}
	cJSON_Delete(root);
	r->root = NULL;
	return rc;
}

static void
report_fault(struct report *r, const struct where_fault *fault)
{
	size_t count = r->errors->count;

	report_item(r, NULL, false, (struct place){.depth = 0}, fault->expected, fault->found);
	if (r->errors->count > count)
		where_spot(r->where, fault->offset, &r->errors->rows[count].line,
			   &r->errors->rows[count].column);
}

static int
parse(const char *text, size_t size, conf_public_key_fn *public_key, struct conf *conf,
      struct conf_errors *errors)
{
	struct report r = {.errors = errors};
	struct where_fault fault;
	struct where *w;
	int rc;

	memset(conf, 0, sizeof(*conf));
	memset(errors, 0, sizeof(*errors));
	rc = where_create(text, size, &fault, &w);
	r.where = w;
	if (rc == 0)
		rc = parse_tree(w, size, &r, conf, public_key);
	else if (rc == -EINVAL)
		report_fault(&r, &fault);
	report_sort(&r);
	if (r.no_memory)
		rc = -ENOMEM;
	else if (rc == 0 && errors->count > 0)
		rc = -EINVAL;
	if (rc != 0)
		conf_fini(conf);
	where_destroy(w);
	return rc;
}

int
conf_parse(const char *text, size_t size, struct conf *conf, struct conf_errors *errors)
{
	return parse(text, size, NULL, conf, errors);
}

int
conf_read_with_key(const char *file, conf_public_key_fn *public_key, struct conf *conf,
		   struct conf_errors *errors)
{
	struct report r = {.errors = errors};
	char *text;
	size_t size;
	int rc = file_read(file, &text, &size);

	if (rc == 0) {
		rc = parse(text, size, public_key, conf, errors);
	} else {
		memset(conf, 0, sizeof(*conf));
		memset(errors, 0, sizeof(*errors));
		if (rc != -ENOMEM) {
			report_item(&r, NULL, false, (struct place){.depth = 0},
				    "a file that can be read", strerror(-rc));
			rc = r.no_memory ? -ENOMEM : -EINVAL;
		}
	}
	free(text);
	return rc;
}

int
conf_read(const char *file, struct conf *conf, struct conf_errors *errors)
{
	return conf_read_with_key(file, NULL, conf, errors);
}

static void
free_strings(char **strings, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(strings[i]);
	free(strings);
}

static void
fini_vn(struct conf_vn *vn)
{
	size_t i;

	for (i = 0; i < vn->mobile_count; i++)
		free_strings(vn->mobile[i].hosts, vn->mobile[i].host_count);
	free(vn->mobile);
	free(vn->name);
	free(vn->device);
	free(vn->local);
	free(vn->addresses);
	free(vn->own);
	free(vn->subnets);
	free(vn->petrs);
	free(vn->proxy.prefixes);
}

static void
fini_peer(struct conf_peer *peer)
{
	size_t i;

	for (i = 0; i < peer->vn_count; i++)
		free(peer->vns[i].prefixes);
	free(peer->vns);
	free(peer->name);
	free(peer->endpoints);
	free(peer->tcp);
}

static void
fini_relays(struct conf_rtr *relays, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(relays[i].key);
	free(relays);
}

static void
fini_lisp(struct conf_lisp *lisp)
{
	size_t i;

	for (i = 0; i < lisp->key_count; i++) {
		free(lisp->keys[i].name);
		free(lisp->keys[i].secret_file);
	}
	for (i = 0; i < lisp->map_server_count; i++)
		free(lisp->map_servers[i].key);
	for (i = 0; i < lisp->site_count; i++) {
		free(lisp->sites[i].name);
		free_strings(lisp->sites[i].keys, lisp->sites[i].key_count);
		free(lisp->sites[i].prefixes);
	}
	for (i = 0; i < lisp->mobile_count; i++)
		free_strings(lisp->mobiles[i].sites, lisp->mobiles[i].site_count);
	fini_relays(lisp->rtr_servers, lisp->rtr_server_count);
	fini_relays(lisp->rtrs, lisp->rtr_count);
	free(lisp->keys);
	free(lisp->rlocs);
	free(lisp->map_servers);
	free(lisp->map_resolvers);
	free(lisp->push_key);
	free(lisp->locators);
	free(lisp->sites);
	free(lisp->mobiles);
}

void
conf_fini(struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->vn_count; i++)
		fini_vn(&conf->vns[i]);
	for (i = 0; i < conf->peer_count; i++)
		fini_peer(&conf->peers[i]);
	fini_lisp(&conf->lisp);
	free(conf->vns);
	free(conf->peers);
	free(conf->name);
	free(conf->key_file);
	free(conf->state_dir);
	free(conf->control_socket);
	free(conf->http_proxy_secret_file);
	free(conf->log_file);
	free(conf->underlay.device);
	free_strings(conf->underlay.renew, conf->underlay.renew_count);
	free(conf->management_port);
	memset(conf, 0, sizeof(*conf));
}

void
conf_errors_fini(struct conf_errors *errors)
{
	free(errors->rows);
	memset(errors, 0, sizeof(*errors));
}

void
conf_error_text(const struct conf_error *error, const char *file, char *text, size_t size)
{
	char at[32] = "";

	if (error->line > 0)
		snprintf(at, sizeof(at), "%u:%u:", error->line, error->column);
	snprintf(text, size, "%s:%s %s%s%s", file, at, error->path,
		 error->path[0] != '\0' ? ": " : "", error->text);
}

void
conf_errors_print(const struct conf_errors *errors, const char *file, FILE *out)
{
	char text[CONF_ERROR_SIZE];
	size_t i;

	for (i = 0; i < errors->count; i++) {
		conf_error_text(&errors->rows[i], file, text, sizeof(text));
		fprintf(out, "%s\n", text);
	}
}
