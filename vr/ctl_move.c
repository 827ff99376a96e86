/* "move": see ctl_move.h; docs/control-protocol.md has the fields. */
#include "vr/ctl_move.h"

#include <errno.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "conf/value.h"
#include "vr/action.h"
#include "vr/ctl.h"
#include "vr/ctl_json.h"
#include "vr/daemon.h"

static int
bad(struct ctl_error *error, const char *text)
{
	ctl_error_set(error, "bad-request", "%s", text);
	return -EINVAL;
}

/* ---- the request ---- */

/* The only network needs no number. */
static int
read_vn(const struct daemon *d, const cJSON *request, vn_id_t *vn, struct ctl_error *error)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(request, "vn");

	if (item == NULL && d->conf->vn_count == 1) {
		*vn = d->conf->vns[0].id;
		return 0;
	}
	for (size_t i = 0; cJSON_IsNumber(item) && i < d->conf->vn_count; i++)
		if ((double)d->conf->vns[i].id == item->valuedouble) {
			*vn = d->conf->vns[i].id;
			return 0;
		}
	return bad(error, "expected \"vn\" to be the number of a network of this router");
}

static int
read_eid(const cJSON *request, struct addr *eid, struct ctl_error *error)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(request, "eid");

	if (!cJSON_IsString(item) || addr_from_text(item->valuestring, eid) != 0 ||
	    !value_is_unicast(*eid))
		return bad(error, "expected \"eid\" to be the address of a machine");
	return 0;
}

/* Without "eid" it is the machine that this router is. */
static int
read_own_eid(struct daemon *d, const cJSON *request, struct action_order *o,
	     struct ctl_error *error)
{
	const struct site *site = vr_site(d->vr, o->vn);
	int err = 0;

	if (cJSON_GetObjectItemCaseSensitive(request, "eid") != NULL)
		err = read_eid(request, &o->eid, error);
	else if (site->conf->own_count > 0)
		o->eid = site->conf->own[0].addr;
	else if (site->conf->address_count > 0)
		o->eid = site->conf->addresses[0].addr;
	if (err == 0 && !action_is_own(site, o->eid)) {
		ctl_error_set(error, "refused", "this router is not the machine of that address");
		err = -ENXIO;
	}
	return err;
}

static bool
is_true(const cJSON *request, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(request, key));
}

static int
read_act(const cJSON *request, struct action_order *o, struct ctl_error *error)
{
	const cJSON *address = cJSON_GetObjectItemCaseSensitive(request, "address");
	const cJSON *gateway = cJSON_GetObjectItemCaseSensitive(request, "gateway");
	bool check = is_true(request, "check"), renew = is_true(request, "renew");

	if ((address != NULL) + check + renew > 1)
		return bad(error, "expected one of \"address\", \"renew\" and \"check\"");
	o->act = address != NULL ? SYNC_ACT_SET : check ? SYNC_ACT_CHECK : SYNC_ACT_RENEW;
	if (address != NULL &&
	    (!cJSON_IsString(address) ||
	     addr_len_from_text(address->valuestring, &o->address, &o->len) != 0 ||
	     !value_is_unicast(o->address) || o->len == 0))
		return bad(error, "expected \"address\" to be one such as \"192.0.2.7/24\"");
	if (gateway == NULL)
		return 0;
	if (address == NULL || !cJSON_IsString(gateway) ||
	    addr_from_text(gateway->valuestring, &o->gateway) != 0 ||
	    !value_is_unicast(o->gateway) || o->gateway.family != o->address.family)
		return bad(error, "expected \"gateway\" to be an address of the same family");
	return 0;
}

/* ---- the reply ---- */

/* name, and what is said of whom it was for */
static const struct {
	const char *name, *text;
} outcomes[] = {
	[SYNC_OUT_DONE] = {"done", ""},
	[SYNC_OUT_STARTED] = {"unanswered", "has begun, but not said what came of it"},
	[SYNC_OUT_REFUSED] = {"refused", "takes no management actions from here"},
	[SYNC_OUT_NOT_HERE] = {"not-here", "is not the machine of that address"},
	[SYNC_OUT_UNSUPPORTED] = {"unsupported", "is not configured for that"},
	[SYNC_OUT_FAILED] = {"failed", "could not do it"},
	[SYNC_OUT_BUSY] = {"busy", "has too much to do"},
	[SYNC_OUT_TIMEOUT] = {"timeout", "has given it up, because it took too long"},
};

static const char *
outcome_name(const struct action_state *s)
{
	return s->is_known || s->outcome == SYNC_OUT_STARTED ? outcomes[s->outcome].name
							     : "unreachable";
}

static cJSON *
make_data(const struct daemon *d, const struct action_state *s)
{
	static const char *const acts[] = {
		[SYNC_ACT_CHECK] = "check", [SYNC_ACT_SET] = "set", [SYNC_ACT_RENEW] = "renew"};
	cJSON *o = cJSON_CreateObject();

	ctl_add_number(o, "vn", s->order.vn);
	ctl_add_text(o, "eid", fmt_addr(s->order.eid).s);
	ctl_add_vr(o, "vr", d->vr, s->whom);
	ctl_add_text(o, "action", acts[s->order.act]);
	ctl_add_text(o, "outcome", outcome_name(s));
	ctl_add_number(o, "detail", s->detail);
	ctl_add_number(o, "took_us", (uint64_t)s->took);
	return o;
}

static int
reply(struct daemon *d, const struct action_state *s, cJSON **data, struct ctl_error *error)
{
	const char *name = vr_name(d->vr, s->whom);

	*data = make_data(d, s);
	if (s->is_known && s->outcome == SYNC_OUT_DONE)
		return 0;
	ctl_error_set(error, "refused", "%s %s", name != NULL ? name : fmt_vr_id(s->whom).s,
		      s->is_known || s->outcome == SYNC_OUT_STARTED ? outcomes[s->outcome].text
								    : "does not answer");
	return -EINVAL;
}

static int
start(struct daemon *d, const struct action_order *order, uint64_t *cursor, struct ctl_error *error)
{
	uint32_t number = 0;
	int err = action_start(d->vr, order, &number, loop_now());

	if (err == -ESRCH)
		ctl_error_set(error, "refused", "no router is known to have this address");
	else if (err == -ENXIO)
		ctl_error_set(error, "refused", "the machine is on a LAN of this router");
	else if (err == -EBUSY)
		ctl_error_set(error, "refused", "too many actions are under way");
	cursor[0] = number;
	return err;
}

static int
follow(struct daemon *d, const uint64_t *cursor, cJSON **data, struct ctl_error *error)
{
	struct action_state state;

	if (!action_find(d->vr, (uint32_t)cursor[0], &state))
		return -ENOENT;
	return state.is_settled ? reply(d, &state, data, error) : -EINPROGRESS;
}

int
ctl_move(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **data, struct ctl_error *error)
{
	struct action_order order = {.vn = 0};
	struct daemon *d = ctx;
	int err = 0;

	if (cursor[0] == 0) {
		err = read_vn(d, request, &order.vn, error);
		if (err == 0)
			err = read_eid(request, &order.eid, error);
		if (err == 0)
			err = read_act(request, &order, error);
		if (err == 0)
			err = start(d, &order, cursor, error);
	}
	return err != 0 ? err : follow(d, cursor, data, error);
}

int
ctl_move_here(void *ctx, const cJSON *request, uint64_t *cursor, cJSON **data,
	      struct ctl_error *error)
{
	struct action_order order = {.vn = 0};
	struct daemon *d = ctx;
	int err = 0;

	if (cursor[0] == 0) {
		err = read_vn(d, request, &order.vn, error);
		if (err == 0)
			err = read_own_eid(d, request, &order, error);
		if (err == 0)
			err = read_act(request, &order, error);
		if (err == 0)
			err = start(d, &order, cursor, error);
	}
	return err != 0 ? err : follow(d, cursor, data, error);
}
