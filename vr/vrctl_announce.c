/* vrctl cp-announce: a hypervisor tells the site that a machine has come to it (seed 003).  There is no answer to it. */
#include <errno.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/fmt.h"
#include "conf/conf.h"
#include "lisp/arrival.h"
#include "vr/crypto.h"
#include "vr/lisp_crypto.h"
#include "vr/loop.h"
#include "vr/udp.h"
#include "vr/vrctl_lisp.h"

static const char *const algorithms[] = {[LISP_AUTH_SHA1_96] = "sha1",
					 [LISP_AUTH_SHA256_128] = "sha256",
					 [LISP_AUTH_SHA256_128_HKDF] = "sha256-hkdf"};

static enum vrctl_status
read_algorithm(const struct vrctl_options *options, struct lisp_key *key)
{
	const char *name = options->values[VRCTL_ALGORITHM];

	key->algorithm = LISP_AUTH_SHA256_128;
	if (name == NULL)
		return VRCTL_DONE;
	for (uint8_t i = LISP_AUTH_SHA1_96; i < ARRAY_COUNT(algorithms); i++) {
		if (strcmp(algorithms[i], name) == 0) {
			key->algorithm = i;
			return VRCTL_DONE;
		}
	}
	return vrctl_usage_error("no such algorithm", name);
}

static enum vrctl_status
read_key(const struct vrctl_options *options, struct lisp_key *key)
{
	const char *file = options->values[VRCTL_KEY_FILE];
	enum vrctl_status status = read_algorithm(options, key);
	uint32_t id = 1;
	ssize_t size;

	if (status == VRCTL_DONE)
		status = vrctl_option_number(options, VRCTL_KEY_ID, UINT8_MAX, &id);
	if (status != VRCTL_DONE)
		return status;
	key->key_id = (uint8_t)id;
	key->is_full = options->values[VRCTL_FULL_LENGTH] != NULL;
	size = conf_secret_read(file, key->secret, sizeof(key->secret));
	if (size > 0) {
		key->secret_size = (size_t)size;
		return VRCTL_DONE;
	}
	fprintf(stderr, "vrctl: %s: %s\n", file,
		size == -EPERM    ? "others may read it; mode 0600 is needed"
		: size == -EINVAL ? "there is no secret in it"
		: size == -EFBIG  ? "a secret has at most 128 bytes"
				  : strerror((int)-size));
	return VRCTL_REFUSED;
}

static enum vrctl_status
read_arrival(const struct vrctl_options *options, struct lisp_arrival *a, struct endpoint *to)
{
	static const enum vrctl_option needed[] = {VRCTL_VN, VRCTL_TO, VRCTL_KEY_FILE};
	enum vrctl_status status = VRCTL_DONE;
	uint32_t sub_type = 0;

	for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
		if (options->values[needed[i]] == NULL)
			return vrctl_usage_error("cp-announce needs the option",
						 vrctl_option_name(needed[i]));
	a->is_historic = options->values[VRCTL_TYPE5] != NULL;
	if (a->is_historic && options->values[VRCTL_SUB_TYPE] != NULL)
		return vrctl_usage_error("a message of type 5 has no sub-type", "");
	status = vrctl_option_number(options, VRCTL_VN, VN_ID_MAX, &a->vn);
	if (status == VRCTL_DONE)
		status = vrctl_option_number(options, VRCTL_SUB_TYPE, 0xfff, &sub_type);
	if (status == VRCTL_DONE)
		status = vrctl_option_endpoint(options, VRCTL_TO, LISP_CONTROL_PORT, to);
	a->sub_type = (uint16_t)sub_type;
	return status;
}

static int
send_message(const struct endpoint *to, const uint8_t *data, size_t size)
{
	struct udp_conf conf = {.listen = {.addr = {.family = to->addr.family}},
				.mtu = UDP_MTU_KERNEL};
	struct udp *udp = NULL;
	unsigned sent;
	int rc = udp_create(&conf, NULL, &udp);

	if (rc == 0)
		rc = udp_send(udp, to, data, size, size, &sent);
	udp_destroy(udp);
	return rc;
}

static enum vrctl_status
print_sent(const struct lisp_arrival *a, const struct endpoint *to, bool json)
{
	cJSON *o = cJSON_CreateObject();
	char nonce[24], *text;

	/* A number of JSON would lose digits. */
	snprintf(nonce, sizeof(nonce), "%llu", (unsigned long long)a->nonce);
	cJSON_AddNumberToObject(o, "vn", a->vn);
	cJSON_AddStringToObject(o, "eid", fmt_addr(a->eid).s);
	cJSON_AddStringToObject(o, "to", fmt_endpoint(*to).s);
	cJSON_AddNumberToObject(o, "type", a->is_historic ? LISP_MAP_NOTIFY_ACK : LISP_SHARED);
	cJSON_AddStringToObject(o, "nonce", nonce);
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	if (text == NULL)
		return vrctl_lost("out of memory");
	if (json)
		puts(text);
	else
		printf("%s in network %u: told %s that it is there\n", fmt_addr(a->eid).s, a->vn,
		       fmt_endpoint(*to).s);
	cJSON_free(text);
	return VRCTL_DONE;
}

static enum vrctl_status
announce(struct lisp_arrival *a, const struct endpoint *to, bool json)
{
	static const struct lisp_io io = {.hmac = lisp_crypto_hmac};
	uint8_t data[LISP_SIZE_MAX];
	int size;

	a->to = to->addr;
	a->nonce = loop_wall_ns() / 1000;
	size = lisp_arrival_build(a, &io, NULL, data, sizeof(data));
	if (size > 0)
		size = send_message(to, data, (size_t)size);
	if (size == 0)
		return print_sent(a, to, json);
	fprintf(stderr, "vrctl: %s: %s\n", fmt_endpoint(*to).s, strerror(-size));
	return VRCTL_REFUSED;
}

enum vrctl_status
vrctl_cp_announce(const struct vrctl_options *options, int count, char **words)
{
	struct lisp_key key = {0};
	struct lisp_arrival a = {.key = &key};
	struct endpoint to;
	enum vrctl_status status;

	if (count != 1)
		return vrctl_usage_error("cp-announce takes one EID", "");
	if (addr_from_text(words[0], &a.eid) != 0)
		return vrctl_usage_error("not an address", words[0]);
	status = read_arrival(options, &a, &to);
	if (status == VRCTL_DONE)
		status = read_key(options, &key);
	if (status == VRCTL_DONE)
		status = announce(&a, &to, options->json);
	crypto_wipe(&key, sizeof(key));
	return status;
}
