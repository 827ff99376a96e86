/* Writes one file per LISP message with every option that we build, for other programs to judge:
 *
 *     lisp_samples DIR
 *
 * control-*: payloads of UDP port 4342; data-*: of port 4341, a header with an IP packet behind. */
#include <stdio.h>

#include "base/err.h"
#include "base/fmt.h"
#include "wire/ip.h"
#include "wire/lisp.h"
#include "wire/lisp_ecm.h"
#include "wire/lispdata.h"

#define CP_SUB_TYPE 0x7d5
#define NONCE       0x0123456789abcdefu

struct out {
	const char *dir;
	unsigned count;
};

static struct addr
ip(const char *text)
{
	struct addr a;

	BUG_IF(addr_from_text(text, &a) != 0);
	return a;
}

static struct lisp_eid
eid(vn_id_t vn, const char *text)
{
	struct prefix prefix;

	BUG_IF(prefix_from_text(text, &prefix) != 0);
	return lisp_eid_make(vn, prefix, true);
}

static struct lisp_rloc
rloc(const char *text)
{
	return lisp_rloc_make(ip(text));
}

static void
save(struct out *o, const char *name, const uint8_t *data, int size)
{
	char path[512];
	FILE *file;

	if (size < 0)
		fprintf(stderr, "%s: %d\n", name, size);
	BUG_IF(size < 0);
	snprintf(path, sizeof(path), "%s/%s", o->dir, name);
	file = fopen(path, "wb");
	BUG_IF(file == NULL || fwrite(data, 1, (size_t)size, file) != (size_t)size);
	fclose(file);
	o->count++;
}

static struct lisp_rloc
nat(unsigned rtrs)
{
	struct lisp_rloc r = {.kind = LISP_RLOC_NAT,
			      .addr = ip("192.0.2.1"),
			      .nat = {.ms_port = LISP_CONTROL_PORT,
				      .etr_port = 61000,
				      .global = ip("192.0.2.1"),
				      .ms = ip("198.51.100.1"),
				      .local = ip("10.0.0.2"),
				      .rtr_count = (uint8_t)rtrs}};

	for (unsigned i = 0; i < rtrs; i++)
		r.nat.rtrs[i] = ip(i % 2 == 0 ? "203.0.113.9" : "2001:db8::9");
	return r;
}

static struct lisp_rloc
path(void)
{
	return (struct lisp_rloc){.kind = LISP_RLOC_PATH,
				  .addr = ip("192.0.2.1"),
				  .hops = {{.addr = ip("192.0.2.1"), .lookup = true},
					   {.addr = ip("2001:db8::1"), .probe = true},
					   {.addr = ip("192.0.2.3"), .strict = true}},
				  .hop_count = 3};
}

static void
put_locators(struct lisp_builder *b)
{
	struct lisp_rloc rlocs[] = {rloc("192.0.2.1"),
				    rloc("2001:db8::1"),
				    path(),
				    nat(0),
				    nat(2),
				    {.kind = LISP_RLOC_LIST, .addr = ip("192.0.2.7")}};

	for (size_t i = 0; i < ARRAY_COUNT(rlocs); i++) {
		struct lisp_locator l = {.priority = (uint8_t)(i + 1),
					 .weight = 50,
					 .m_priority = 255,
					 .m_weight = 0,
					 .local = i % 2 == 0,
					 .probed = i == 1,
					 .reachable = i != 3,
					 .rloc = rlocs[i]};

		lisp_put_locator(b, &l);
	}
}

/* EIDs of every kind, each in a record with locators of every kind, and negative records with each
 * action behind them. */
static void
put_records(struct lisp_builder *b)
{
	struct lisp_eid eids[] = {
		eid(0, "10.1.0.0/16"),
		eid(7, "10.1.0.5/32"),
		eid(0, "2001:db8:1::/48"),
		eid(VN_ID_MAX, "2001:db8:1::5/128"),
		{.kind = LISP_EID_MAC, .mac = {{0x52, 0x54, 0, 0, 0, 1}}},
		{.kind = LISP_EID_MAC, .has_vn = true, .vn = 7, .mac = {{0x52, 0x54, 0, 0, 0, 1}}},
		{.kind = LISP_EID_PAIR,
		 .source = eid(0, "10.9.0.0/16").prefix,
		 .prefix = eid(0, "10.1.0.0/16").prefix},
	};

	for (size_t i = 0; i < ARRAY_COUNT(eids); i++) {
		struct lisp_record r = {.ttl = 1440,
					.eid = eids[i],
					.authoritative = i % 2 == 0,
					.map_version = (uint16_t)i};

		lisp_put_record(b, &r);
		if (i < 4)
			put_locators(b);
	}
	for (uint8_t action = LISP_NO_ACTION; action <= LISP_DROP_AUTH; action++) {
		struct lisp_record r = {.ttl = 15, .eid = eid(7, "10.2.0.0/15"), .action = action};

		lisp_put_record(b, &r);
	}
}

static void
save_with_records(struct out *o, const char *name, struct lisp_msg *msg)
{
	uint8_t data[2 * LISP_SIZE_MAX];
	struct lisp_builder b;

	msg->nonce = NONCE;
	lisp_begin(&b, data, sizeof(data), msg);
	put_records(&b);
	save(o, name, data, lisp_end(&b));
}

static int
build_request(struct lisp_msg *msg, unsigned itrs, unsigned asked, bool notify, uint8_t *data,
	      size_t room)
{
	struct lisp_record record = {.ttl = 60, .eid = eid(7, "10.9.0.0/24")};
	struct lisp_asked question = {.eid = eid(7, "10.1.0.5/32"), .notify = notify};
	struct lisp_builder b;

	msg->type = LISP_MAP_REQUEST;
	msg->nonce = NONCE;
	lisp_begin(&b, data, room, msg);
	for (unsigned i = 0; i < itrs; i++)
		lisp_put_itr(&b,
			     &(struct lisp_rloc[]){rloc("192.0.2.1"), rloc("2001:db8::1")}[i % 2]);
	for (unsigned i = 0; i < asked; i++) {
		lisp_put_asked(&b, &question);
		question = (struct lisp_asked){.eid = eid(0, "2001:db8:1::/64")};
	}
	if (msg->request.map_data) {
		lisp_put_record(&b, &record);
		lisp_put_locator(&b, &(struct lisp_locator){.priority = 1,
							    .weight = 100,
							    .reachable = true,
							    .rloc = rloc("192.0.2.1")});
	}
	return lisp_end(&b);
}

static void
save_requests(struct out *o)
{
	static const struct lisp_xtr_id id = {.xtr = {1, 2, 3, 16}, .site = 77};
	struct {
		const char *name;
		struct lisp_msg msg;
		unsigned itrs, asked;
		bool notify;
	} rows[] = {
		{"control-request", {.request = {.source = eid(7, "10.9.0.5/32")}}, 1, 1, false},
		{"control-request-6",
		 {.request = {.source = eid(0, "2001:db8::5/128")}},
		 2,
		 1,
		 false},
		{"control-request-probe", {.request = {.probe = true}}, 1, 1, false},
		{"control-request-smr",
		 {.request = {.smr = true, .no_reply = true, .source = eid(7, "10.9.0.5/32")}},
		 1,
		 1,
		 false},
		{"control-request-invoked", {.request = {.smr_invoked = true}}, 1, 1, false},
		{"control-request-flags",
		 {.request = {.authoritative = true, .pitr = true, .local_xtr = true}},
		 32,
		 3,
		 false},
		{"control-request-data",
		 {.request = {.map_data = true, .source = eid(7, "10.9.0.5/32")}},
		 2,
		 1,
		 false},
		{"control-request-subscribe",
		 {.has_xtr_id = true, .xtr_id = id, .request = {.source = eid(7, "10.9.0.5/32")}},
		 1,
		 1,
		 true},
		{"control-request-subscribe-data",
		 {.has_xtr_id = true, .xtr_id = id, .request = {.map_data = true}},
		 2,
		 2,
		 true},
	};
	uint8_t data[LISP_SIZE_MAX];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
		save(o, rows[i].name, data,
		     build_request(&rows[i].msg, rows[i].itrs, rows[i].asked, rows[i].notify, data,
				   sizeof(data)));
}

static void
save_registers(struct out *o)
{
	static const struct lisp_xtr_id id = {.xtr = {9, 8, 7}, .site = 0x1122334455667788};
	static const struct {
		const char *suffix;
		struct lisp_auth auth;
	} auths[] = {
		{"none", {0}},
		{"sha1", {.key_id = 1, .algorithm = LISP_AUTH_SHA1_96, .size = 20}},
		{"sha256", {.algorithm = LISP_AUTH_SHA256_128, .size = 32}},
		{"hkdf", {.key_id = 9, .algorithm = LISP_AUTH_SHA256_128_HKDF, .size = 16}},
	};
	static const char *const kinds[] = {"register", "notify", "ack"};
	char name[64];

	for (unsigned i = 0; i < 2 * ARRAY_COUNT(auths) * ARRAY_COUNT(kinds); i++) {
		unsigned kind = i / 2 % ARRAY_COUNT(kinds);
		unsigned auth = i / 2 / ARRAY_COUNT(kinds);
		struct lisp_msg msg = {.type = (uint8_t)(LISP_MAP_REGISTER + kind),
				       .auth = auths[auth].auth,
				       .has_xtr_id = i % 2 != 0,
				       .xtr_id = id};

		if (kind == 0 && i % 2 == 0)
			msg.reg.want_notify = msg.reg.use_ttl = msg.reg.proxy_reply = true;
		else if (kind == 0)
			msg.reg.security = msg.reg.eid_notify = msg.reg.merge = true;
		else
			msg.notify.id_bit = msg.has_xtr_id;
		snprintf(name, sizeof(name), "control-%s-%s%s", kinds[kind], auths[auth].suffix,
			 i % 2 != 0 ? "-id" : "");
		save_with_records(o, name, &msg);
	}
}

static void
save_replies(struct out *o)
{
	struct lisp_msg reply = {.type = LISP_MAP_REPLY};
	struct lisp_msg probed = {.type = LISP_MAP_REPLY,
				  .reply = {.probe = true, .echo_nonce = true}};
	struct lisp_msg referral = {.type = LISP_MAP_REFERRAL};

	save_with_records(o, "control-reply", &reply);
	save_with_records(o, "control-reply-probe", &probed);
	save_with_records(o, "control-referral", &referral);
}

static void
save_infos(struct out *o)
{
	uint8_t data[LISP_SIZE_MAX];
	char name[64];

	for (unsigned i = 0; i < 8; i++) {
		struct lisp_builder b;
		struct lisp_msg msg = {.type = LISP_INFO,
				       .nonce = NONCE,
				       .info = {.is_reply = (i & 1) != 0,
						.ttl = 1440,
						.eid = eid((i & 2) != 0 ? 7 : 0, "10.1.0.0/16"),
						.nat = nat((i & 4) != 0 ? 3 : 0)}};

		if ((i & 2) != 0)
			msg.auth = (struct lisp_auth){
				.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .size = 32};
		snprintf(name, sizeof(name), "control-info-%u", i);
		lisp_begin(&b, data, sizeof(data), &msg);
		save(o, name, data, lisp_end(&b));
	}
}

static void
save_ecms(struct out *o)
{
	static const char *const ends[][2] = {{"192.0.2.1", "10.1.0.5"},
					      {"2001:db8::1", "2001:db8:1::5"}};
	uint8_t data[LISP_SIZE_MAX + LISP_ECM_SIZE_MAX];

	for (unsigned i = 0; i < 2; i++) {
		struct lisp_msg msg = {.request = {.source = eid(7, "10.9.0.5/32")}};
		struct lisp_ecm ecm = {.ddt = i != 0,
				       .to_etr = i != 0,
				       .to_ms = i != 0,
				       .src = {ip(ends[i][0]), 40000},
				       .dst = {ip(ends[i][1]), LISP_CONTROL_PORT}};
		size_t head = lisp_ecm_size(ecm.src.addr.family);

		ecm.size =
			(size_t)build_request(&msg, 1, 1, false, data + head, sizeof(data) - head);
		save(o, i == 0 ? "control-ecm-4" : "control-ecm-6", data,
		     lisp_ecm_build(&ecm, data, sizeof(data)));
	}
}

/* A Map-Register that an xTR behind a NAT sends, the same relayed, and the Map-Notify on its way back. */
static int
relayed(struct lisp_ecm *ecm, uint8_t *data, size_t room, uint8_t type, bool in_data)
{
	static const struct lisp_xtr_id id = {.xtr = {9, 8, 7}, .site = 5};
	struct lisp_msg msg = {.type = type,
			       .nonce = NONCE,
			       .auth = {.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .size = 16},
			       .has_xtr_id = true,
			       .xtr_id = id};
	struct lisp_record record = {.ttl = 60, .eid = eid(7, "10.1.0.0/16")};
	struct lisp_locator l = {.priority = 1,
				 .weight = 100,
				 .reachable = true,
				 .rloc = lisp_rloc_make(ip("192.0.2.3"))};
	size_t head = in_data ? lisp_inside_size(ecm->src.addr.family) : lisp_ecm_head_size(ecm);
	struct lisp_builder b;

	if (type == LISP_MAP_REGISTER)
		msg.reg.proxy_reply = msg.reg.want_notify = true;
	else
		msg.notify.id_bit = true;
	lisp_begin(&b, data + head, room - head, &msg);
	lisp_put_record(&b, &record);
	lisp_put_locator(&b, &l);
	ecm->size = (size_t)lisp_end(&b);
	return in_data ? lisp_inside_build(ecm, data, room) : lisp_ecm_build(ecm, data, room);
}

static void
save_relayed(struct out *o)
{
	struct lisp_ecm ecm = {.to_etr = true,
			       .src = {ip("10.0.0.66"), 50000},
			       .dst = {ip("192.0.2.5"), LISP_CONTROL_PORT}};
	uint8_t data[LISP_SIZE_MAX + LISP_ECM_SIZE_MAX + LISP_ECM_AUTH_SIZE_MAX];

	save(o, "control-ecm3-to-rtr", data,
	     relayed(&ecm, data, sizeof(data), LISP_MAP_REGISTER, false));
	ecm.to_etr = false;
	ecm.to_ms = true;
	save(o, "control-ecm3-relayed", data,
	     relayed(&ecm, data, sizeof(data), LISP_MAP_REGISTER, false));
	ecm = (struct lisp_ecm){
		.security = true,
		.to_etr = true,
		.rtr_auth = {.key_id = 1, .algorithm = LISP_AUTH_SHA256_128, .size = 16},
		.src = {ip("192.0.2.5"), LISP_CONTROL_PORT},
		.dst = {ip("10.0.0.66"), LISP_CONTROL_PORT}};
	save(o, "control-ecm4-notify", data,
	     relayed(&ecm, data, sizeof(data), LISP_MAP_NOTIFY, false));
	save(o, "data-notify", data, relayed(&ecm, data, sizeof(data), LISP_MAP_NOTIFY, true));
}

static void
save_priorities(struct out *o)
{
	static const struct lisp_xtr_id id = {.xtr = {9, 8, 7}, .site = 5};
	uint8_t data[LISP_SIZE_MAX];
	char name[64];

	for (unsigned i = 0; i < 6; i++) {
		struct lisp_record record = {.ttl = 60, .eid = eid(7, "10.1.0.5/32")};
		struct lisp_msg msg = {
			.type = LISP_SHARED,
			.nonce = NONCE,
			.auth = {.key_id = 3, .algorithm = LISP_AUTH_SHA256_128, .size = 16},
			.shared = {.historic = i >= 3,
				   .hypervisor = i % 3 == 0,
				   .update_cache = i % 3 == 2}};
		struct lisp_builder b;

		if (i < 3) {
			msg.shared.sub_type = CP_SUB_TYPE;
			msg.has_xtr_id = true;
			msg.xtr_id = id;
		}
		lisp_begin(&b, data, sizeof(data), &msg);
		lisp_put_record(&b, &record);
		if (!msg.shared.hypervisor)
			put_locators(&b);
		snprintf(name, sizeof(name), "control-priority-%u", i);
		save(o, name, data, lisp_end(&b));
	}
}

static void
save_data(struct out *o)
{
	static const struct lispdata rows[] = {
		{0},
		{.has_vn = true, .vn = 7},
		{.has_nonce = true, .nonce = 0xabcdef, .has_lsb = true, .lsb = 0x80000001},
		{.has_nonce = true, .echo = true, .nonce = 1, .has_vn = true, .vn = VN_ID_MAX},
		{.has_versions = true, .source_version = 0xabc, .dest_version = 1},
		{.has_lsb = true, .lsb = 3, .has_vn = true, .vn = 7},
	};
	uint8_t data[LISP_ECM_SIZE_MAX + 64] = {0};
	char name[64];

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		/* An Encapsulated Control Message is a head of 4 bytes and an IP packet. */
		struct lisp_ecm inner = {.src = {ip("10.9.0.5"), 7000}, .dst = {ip("10.1.0.5"), 7}};
		int size;

		inner.size = 16;
		size = lisp_ecm_build(&inner, data + LISPDATA_SIZE - 4,
				      sizeof(data) - LISPDATA_SIZE + 4);
		lispdata_build(&rows[i], data);
		snprintf(name, sizeof(name), "data-%zu", i);
		save(o, name, data, size + LISPDATA_SIZE - 4);
	}
}

int
main(int argc, char **argv)
{
	struct out o = {.dir = argc == 2 ? argv[1] : NULL};

	if (o.dir == NULL) {
		fprintf(stderr, "usage: lisp_samples DIR\n");
		return 2;
	}
	save_requests(&o);
	save_replies(&o);
	save_registers(&o);
	save_infos(&o);
	save_ecms(&o);
	save_relayed(&o);
	save_priorities(&o);
	save_data(&o);
	printf("%u\n", o.count);
	return 0;
}
