/* What distinguishes the kinds of LISP control messages. */
#include "wire/lisp_kind.h"

#define FLAG(mask, member)                                                                         \
	{                                                                                          \
		mask, offsetof(struct lisp_msg, member)                                            \
	}
#define FLAGS(table) .flags = (table), .flag_count = ARRAY_COUNT(table)

#define REQUEST_I  0x00100000u
#define REGISTER_I 0x02000000u
#define SHARED_I   0x00002000u

static const struct lisp_flag request_flags[] = {
	FLAG(0x08000000u, request.authoritative), FLAG(0x04000000u, request.map_data),
	FLAG(0x02000000u, request.probe),         FLAG(0x01000000u, request.smr),
	FLAG(0x00800000u, request.pitr),          FLAG(0x00400000u, request.smr_invoked),
	FLAG(REQUEST_I, request.id_bit),          FLAG(0x00004000u, request.local_xtr),
	FLAG(0x00002000u, request.no_reply),
};

static const struct lisp_flag reply_flags[] = {
	FLAG(0x08000000u, reply.probe),
	FLAG(0x04000000u, reply.echo_nonce),
};

static const struct lisp_flag register_flags[] = {
	FLAG(0x08000000u, reg.proxy_reply), FLAG(0x04000000u, reg.security),
	FLAG(REGISTER_I, reg.id_bit),       FLAG(0x01000000u, reg.to_rtr),
	FLAG(0x00001000u, reg.eid_notify),  FLAG(0x00000800u, reg.use_ttl),
	FLAG(0x00000400u, reg.merge),       FLAG(0x00000200u, reg.mobile),
	FLAG(0x00000100u, reg.want_notify),
};

static const struct lisp_flag notify_flags[] = {
	FLAG(0x08000000u, notify.id_bit),
};

static const struct lisp_flag info_flags[] = {
	FLAG(0x08000000u, info.is_reply),
};

static const struct lisp_flag shared_flags[] = {
	FLAG(0x00008000u, shared.hypervisor),
	FLAG(0x00004000u, shared.update_cache),
	FLAG(SHARED_I, shared.id_bit),
};

static const struct lisp_flag historic_flags[] = {
	FLAG(0x08000000u, shared.hypervisor),
	FLAG(0x04000000u, shared.update_cache),
};

static const struct lisp_kind kinds[] = {
	{.type = LISP_MAP_REQUEST,
	 FLAGS(request_flags),
	 .id_mask = REQUEST_I,
	 .ids = LISP_IDS_BY_BIT,
	 .content = LISP_HAS_ASKED,
	 .least_records = 1},
	{.type = LISP_MAP_REPLY, FLAGS(reply_flags)},
	{.type = LISP_MAP_REGISTER,
	 FLAGS(register_flags),
	 .id_mask = REGISTER_I,
	 .ids = LISP_IDS_BY_BIT,
	 .has_auth = true},
	{.type = LISP_MAP_NOTIFY, FLAGS(notify_flags), .ids = LISP_IDS_BY_SIZE, .has_auth = true},
	{.type = LISP_MAP_NOTIFY_ACK,
	 FLAGS(notify_flags),
	 .ids = LISP_IDS_BY_SIZE,
	 .has_auth = true},
	{.type = LISP_MAP_REFERRAL, .content = LISP_HAS_REFERRALS},
	{.type = LISP_INFO, FLAGS(info_flags), .content = LISP_HAS_INFO, .has_auth = true},
	{.type = LISP_SHARED,
	 FLAGS(shared_flags),
	 .id_mask = SHARED_I,
	 .ids = LISP_IDS_BY_BIT,
	 .least_records = 1,
	 .has_auth = true},
};

static const struct lisp_kind historic = {
	.type = LISP_MAP_NOTIFY_ACK,
	FLAGS(historic_flags),
	.least_records = 1,
	.has_auth = true,
};

const struct lisp_kind *
lisp_kind_find(uint8_t type)
{
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (kinds[i].type == type)
			return &kinds[i];
	}
	return NULL;
}

const struct lisp_kind *
lisp_kind_historic(void)
{
	return &historic;
}

const char *
lisp_action_name(uint8_t action)
{
	static const char *const names[] = {"no-action", "native-forward", "send-map-request",
					    "drop",      "drop-policy",    "drop-auth"};

	return action < ARRAY_COUNT(names) ? names[action] : "unknown";
}
