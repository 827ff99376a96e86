/* vrctl lig: one question to a map-resolver, and what it answers (RFC 6835). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "lisp/lig.h"
#include "vr/crypto.h"
#include "vr/loop.h"
#include "vr/udp.h"
#include "vr/vrctl_lisp.h"
#include "vr/vrctl_print.h"

#define RESOLVERS_MAX 16
#define TRIES         3
/* The first try waits so long, each further one twice as long as the one before, up to the last. */
#define WAIT_FIRST US_S
#define WAIT_MOST  (4 * US_S)
/* A larger message is no answer. */
#define REPLY_SIZE 9000

struct asking {
	struct lig lig;
	struct endpoint resolvers[RESOLVERS_MAX];
	size_t resolver_count;
	uint32_t tries;
	struct udp *udp;
	/* The answer. */
	struct endpoint from;
	size_t which; /* try */
	us_t rtt;
	cJSON *records;
};

/* ---- whom to ask ---- */

static enum vrctl_status
take_resolvers(struct asking *a, const cJSON *reply)
{
	const cJSON *data = cJSON_GetObjectItemCaseSensitive(reply, "data");
	const cJSON *lisp = cJSON_GetObjectItemCaseSensitive(data, "lisp");
	const cJSON *port = cJSON_GetObjectItemCaseSensitive(lisp, "control_port");
	const cJSON *text;

	cJSON_ArrayForEach(text, cJSON_GetObjectItemCaseSensitive(lisp, "map_resolvers"))
	{
		struct endpoint *to = &a->resolvers[a->resolver_count];

		if (a->resolver_count == RESOLVERS_MAX || !cJSON_IsString(text) ||
		    addr_from_text(text->valuestring, &to->addr) != 0)
			continue;
		to->port = cJSON_IsNumber(port) ? (uint16_t)port->valueint : LISP_CONTROL_PORT;
		a->resolver_count++;
	}
	if (a->resolver_count > 0)
		return VRCTL_DONE;
	fprintf(stderr, "vrctl: the router has no map-resolver: name one with --mr\n");
	return VRCTL_REFUSED;
}

/* Those of the router's configuration. */
static enum vrctl_status
ask_router(struct asking *a, const char *path)
{
	struct vrctl_link link;
	char *line;
	cJSON *reply;
	enum vrctl_status status = vrctl_link_open(&link, path);

	if (status == VRCTL_DONE)
		status = vrctl_link_say(&link, vrctl_request("show", "vr"));
	if (status == VRCTL_DONE)
		status = vrctl_link_hear(&link, &line);
	if (status == VRCTL_DONE) {
		reply = cJSON_Parse(line);
		status = take_resolvers(a, reply);
		cJSON_Delete(reply);
	}
	vrctl_link_close(&link);
	return status;
}

static enum vrctl_status
find_resolvers(struct asking *a, const struct vrctl_options *options)
{
	if (options->values[VRCTL_MR] == NULL)
		return ask_router(a, options->socket);
	a->resolver_count = 1;
	return vrctl_option_endpoint(options, VRCTL_MR, LISP_CONTROL_PORT, &a->resolvers[0]);
}

/* ---- asking ---- */

static int
open_socket(struct asking *a)
{
	struct udp_conf conf = {.listen = {.addr = {.family = ADDR_V6}},
				.datagram_max = REPLY_SIZE,
				.mtu = UDP_MTU_KERNEL};
	int rc = udp_create(&conf, NULL, &a->udp);

	/* Without IPv6 in the system. */
	conf.listen.addr.family = ADDR_V4;
	return rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL ? udp_create(&conf, NULL, &a->udp) : rc;
}

static int
send_question(struct asking *a, const struct endpoint *to)
{
	struct endpoint self;
	uint8_t data[LIG_SIZE_MAX];
	unsigned sent;
	uint64_t nonce;
	int rc = udp_source(to, &self.addr);

	if (rc == 0)
		rc = udp_port(a->udp, &self.port);
	if (rc == 0)
		rc = crypto_random(&nonce, sizeof(nonce));
	if (rc == 0)
		rc = lig_ask(&a->lig, nonce, &self, to, loop_now(), data, sizeof(data));
	return rc > 0 ? udp_send(a->udp, to, data, (size_t)rc, (size_t)rc, &sent) : rc;
}

static bool
take_answer(struct asking *a, const struct udp_train *train, us_t now)
{
	struct lisp_msg msg;
	int which = train->truncated ? -ENOMSG : lig_heard(&a->lig, train->data, train->size, &msg);

	if (which < 0)
		return false;
	a->which = (size_t)which;
	a->from = train->from;
	a->rtt = now - a->lig.tries[which].at;
	a->records = vrctl_lig_records(&msg);
	return true;
}

/* True when the answer came before 'until'. */
static bool
hear_answer(struct asking *a, us_t until)
{
	struct udp_train trains[UDP_TRAINS];
	us_t now;

	while ((now = loop_now()) < until) {
		struct pollfd ready = {.fd = udp_fd(a->udp), .events = POLLIN};
		bool more = poll(&ready, 1, (int)((until - now) / US_MS) + 1) > 0;

		while (more) {
			size_t count = udp_receive(a->udp, trains, &more);

			for (size_t i = 0; i < count; i++)
				if (take_answer(a, &trains[i], loop_now()))
					return true;
		}
	}
	return false;
}

/* In turn; one that there is no way to costs its turn, and no time. */
static enum vrctl_status
ask_resolvers(struct asking *a)
{
	const struct endpoint *to = &a->resolvers[0];
	us_t wait = WAIT_FIRST;
	int rc = open_socket(a);

	for (uint32_t i = 0; a->udp != NULL && i < a->tries; i++) {
		to = &a->resolvers[i % a->resolver_count];
		rc = send_question(a, to);
		if (rc == 0 && hear_answer(a, loop_now() + wait))
			return VRCTL_DONE;
		wait = wait * 2 < WAIT_MOST ? wait * 2 : WAIT_MOST;
	}
	if (rc != 0)
		fprintf(stderr, "vrctl: %s: %s\n", fmt_endpoint(*to).s, strerror(-rc));
	else
		fprintf(stderr, "vrctl: no map-resolver answers\n");
	return VRCTL_REFUSED;
}

/* ---- the answer ---- */

static void
add_locator(cJSON *list, const struct lisp_locator *l)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "rloc",
				addr_is_none(l->rloc.addr) ? "other" : fmt_addr(l->rloc.addr).s);
	cJSON_AddNumberToObject(o, "priority", l->priority);
	cJSON_AddNumberToObject(o, "weight", l->weight);
	cJSON_AddNumberToObject(o, "multicast_priority", l->m_priority);
	cJSON_AddNumberToObject(o, "multicast_weight", l->m_weight);
	cJSON_AddStringToObject(o, "state", l->reachable ? "up" : "unreachable");
	cJSON_AddBoolToObject(o, "local", l->local);
	cJSON_AddItemToArray(list, o);
}

static cJSON *
record_json(const struct lisp_record *r)
{
	cJSON *o = cJSON_CreateObject(), *list;
	struct rd locators = r->locators;
	struct lisp_locator l;

	cJSON_AddNumberToObject(o, "vn", r->eid.vn);
	cJSON_AddStringToObject(o, "prefix", lisp_eid_fmt(&r->eid).s);
	if (r->locator_count > 0)
		cJSON_AddNullToObject(o, "action");
	else
		cJSON_AddStringToObject(o, "action", lisp_action_name(r->action));
	if (r->ttl == UINT32_MAX)
		cJSON_AddNullToObject(o, "ttl_s");
	else
		cJSON_AddNumberToObject(o, "ttl_s", (double)r->ttl * 60);
	cJSON_AddBoolToObject(o, "authoritative", r->authoritative);
	if (r->map_version == 0)
		cJSON_AddNullToObject(o, "version");
	else
		cJSON_AddNumberToObject(o, "version", r->map_version);
	list = cJSON_AddArrayToObject(o, "locators");
	while (lisp_locator_next(&locators, &l))
		add_locator(list, &l);
	return o;
}

cJSON *
vrctl_lig_records(const struct lisp_msg *reply)
{
	cJSON *list = cJSON_CreateArray();
	struct rd records = reply->records;
	struct lisp_record record;

	while (lisp_record_next(&records, &record))
		cJSON_AddItemToArray(list, record_json(&record));
	return list;
}

static struct fmt
eid_text(const struct lig *lig)
{
	bool host = prefix_equal(lig->eid, prefix_host(lig->eid.addr));

	return host ? fmt_addr(lig->eid.addr) : fmt_prefix(lig->eid);
}

static enum vrctl_status
print_json(struct asking *a)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddNumberToObject(o, "vn", a->lig.vn);
	cJSON_AddStringToObject(o, "eid", eid_text(&a->lig).s);
	cJSON_AddStringToObject(o, "map_resolver", fmt_endpoint(a->lig.tries[a->which].resolver).s);
	cJSON_AddStringToObject(o, "from", fmt_endpoint(a->from).s);
	cJSON_AddNumberToObject(o, "tries", (double)a->lig.count);
	cJSON_AddNumberToObject(o, "rtt_us", (double)a->rtt);
	cJSON_AddItemToObject(o, "records", a->records);
	a->records = NULL;
	text = cJSON_PrintUnformatted(o);
	if (text != NULL)
		puts(text);
	cJSON_free(text);
	cJSON_Delete(o);
	return text != NULL ? VRCTL_DONE : vrctl_lost("out of memory");
}

static enum vrctl_status
print_answer(struct asking *a, bool json)
{
	if (a->records == NULL)
		return vrctl_lost("out of memory");
	if (json)
		return print_json(a);
	printf("%s in network %u: an answer of %s after %s\n", eid_text(&a->lig).s, a->lig.vn,
	       fmt_endpoint(a->from).s, fmt_us(a->rtt).s);
	return vrctl_print(a->records, vrctl_view_find("lig"), stdout) == 0
		       ? VRCTL_DONE
		       : vrctl_lost("out of memory");
}

enum vrctl_status
vrctl_lig(const struct vrctl_options *options, int count, char **words)
{
	struct asking a = {.tries = TRIES};
	enum vrctl_status status;

	if (count != 1)
		return vrctl_usage_error("lig takes one EID", "");
	if (prefix_from_text(words[0], &a.lig.eid) != 0)
		return vrctl_usage_error("not an address or prefix", words[0]);
	status = vrctl_option_number(options, VRCTL_VN, VN_ID_MAX, &a.lig.vn);
	if (status == VRCTL_DONE)
		status = vrctl_option_number(options, VRCTL_TRIES, LIG_TRIES_MAX, &a.tries);
	if (status == VRCTL_DONE && a.tries == 0)
		status = vrctl_usage_error("--tries is at least 1", "");
	if (status == VRCTL_DONE)
		status = find_resolvers(&a, options);
	if (status == VRCTL_DONE)
		status = ask_resolvers(&a);
	if (status == VRCTL_DONE)
		status = print_answer(&a, options->json);
	cJSON_Delete(a.records);
	udp_destroy(a.udp);
	return status;
}
