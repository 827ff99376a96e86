/* Messages between routers, and their bytes. */
#ifndef TESTS_UNIT_SYNC_SAMPLES_H
#define TESTS_UNIT_SYNC_SAMPLES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "tests/unit/span.h"
#include "wire/sync.h"

#define MAC_1                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 0, 0, 1                                                     \
		}                                                                                  \
	}
#define MAC_2                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 0, 0, 2                                                     \
		}                                                                                  \
	}
#define V4_5                                                                                       \
	{                                                                                          \
		.family = ADDR_V4, .b = { 10, 1, 0, 5 }                                            \
	}
#define V4_6                                                                                       \
	{                                                                                          \
		.family = ADDR_V4, .b = { 10, 1, 0, 6 }                                            \
	}
#define V6_1                                                                                       \
	{                                                                                          \
		.family = ADDR_V6,                                                                 \
		.b = { 0x20,                                                                       \
		       1,                                                                          \
		       0x0d,                                                                       \
		       0xb8,                                                                       \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       0,                                                                          \
		       1 }                                                                         \
	}

#define HEAD(type)  1, (type), 0, 0, 0, 9
#define VN          0xab, 0xcd, 0xef
#define BYTES_MAC_1 0x52, 0x54, 0, 0, 0, 1
#define BYTES_MAC_2 0x52, 0x54, 0, 0, 0, 2
#define BYTES_V6_1  0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1
/* Two bindings: IPv4, mobility 0.3; IPv6, a withdrawn gateway, mobility 1.2. */
#define BYTES_BINDINGS                                                                             \
	2, 0x04, BYTES_MAC_1, 0, 0, 0, 0, 0, 0, 0, 3, 10, 1, 0, 5, 0x96, BYTES_MAC_2, 0, 0, 0, 1,  \
		0, 0, 0, 2, BYTES_V6_1
#define BINDINGS                                                                                   \
	.count = 2, .bindings = {{.ip = V4_5, .mac = MAC_1, .mobility = 3},                        \
				 {.ip = V6_1,                                                      \
				  .mac = MAC_2,                                                    \
				  .mobility = (uint64_t)1 << 32 | 2,                               \
				  .kind = 1,                                                       \
				  .withdrawn = true}}

/* Each kind of message and its bytes. */
static const struct row {
	struct sync_msg msg;
	size_t size;
	uint8_t bytes[128];
} rows[] = {
	{{.type = SYNC_HELLO,
	  .id = 9,
	  .hello = {.boot = 0x0102030405060708,
		    .sent = 17,
		    .echo = 18,
		    .echo_age = 0x01020304,
		    .count = 2,
		    .digests = {{7, 2, 0xff00000000000001}, {0xffffff, 0, 0}}}},
	 65,
	 {HEAD(SYNC_HELLO),
	  1,
	  2,
	  3,
	  4,
	  5,
	  6,
	  7,
	  8,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  17,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  18,
	  1,
	  2,
	  3,
	  4,
	  2,
	  0,
	  0,
	  7,
	  0,
	  0,
	  0,
	  2,
	  0xff,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  1,
	  0xff,
	  0xff,
	  0xff,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef}, 10, {HEAD(SYNC_PULL), VN, 0}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef, .pull = {.after = V4_5}},
	 14,
	 {HEAD(SYNC_PULL), VN, 4, 10, 1, 0, 5}},
	{{.type = SYNC_PULL, .id = 9, .vn = 0xabcdef, .pull = {.after = V6_1}},
	 26,
	 {HEAD(SYNC_PULL), VN, 6, BYTES_V6_1}},
	{{.type = SYNC_TABLE, .id = 9, .vn = 0xabcdef, .table = {.is_last = true}},
	 12,
	 {HEAD(SYNC_TABLE), VN, 1, 0, 0}},
	{{.type = SYNC_TABLE, .id = 9, .vn = 0xabcdef, .table = {BINDINGS}},
	 62,
	 {HEAD(SYNC_TABLE), VN, 0, 0, BYTES_BINDINGS}},
	{{.type = SYNC_DELTA, .id = 9, .vn = 0xabcdef, .delta = {BINDINGS}},
	 61,
	 {HEAD(SYNC_DELTA), VN, 0, BYTES_BINDINGS}},
	{{.type = SYNC_DELTA,
	  .id = 9,
	  .vn = 0xabcdef,
	  .delta = {.is_move = true, .previous = 0x1112131415161718, BINDINGS}},
	 69,
	 {HEAD(SYNC_DELTA), VN, 1, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, BYTES_BINDINGS}},
	{{.type = SYNC_ACK,
	  .id = 9,
	  .vn = 0xabcdef,
	  .ack = {.count = 2, .rows = {{SYNC_ACCEPTED, 3, 1}, {SYNC_FROZEN, 4, 2}}}},
	 44,
	 {HEAD(SYNC_ACK),
	  VN,
	  2,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  3,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  1,
	  4,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  4,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  0,
	  2}},
	{{.type = SYNC_QUERY, .id = 9, .vn = 0xabcdef, .query = {.by_mac = true, .mac = MAC_1}},
	 16,
	 {HEAD(SYNC_QUERY), VN, 1, BYTES_MAC_1}},
	{{.type = SYNC_QUERY, .id = 9, .vn = 0xabcdef, .query = {.ip = V4_5}},
	 15,
	 {HEAD(SYNC_QUERY), VN, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ANSWER, .id = 9, .vn = 0xabcdef, .answer = {BINDINGS}},
	 60,
	 {HEAD(SYNC_ANSWER), VN, BYTES_BINDINGS}},
	{{.type = SYNC_PRESENCE, .id = 9, .vn = 0xabcdef, .presence = {.ip = V4_5}},
	 21,
	 {HEAD(SYNC_PRESENCE), VN, 0, 0, 0, 0, 0, 0, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_PRESENT,
	  .id = 9,
	  .vn = 0xabcdef,
	  .presence = {.ip = V6_1, .mac = MAC_1, .present = true}},
	 33,
	 {HEAD(SYNC_PRESENT), VN, 1, BYTES_MAC_1, 6, BYTES_V6_1}},
	{{.type = SYNC_NEWER,
	  .id = 9,
	  .vn = 0xabcdef,
	  .newer = {.count = 1, .rows = {{V4_5, 3, 2}}}},
	 31,
	 {HEAD(SYNC_NEWER), VN, 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ASKED,
	  .id = 9,
	  .vn = 0xabcdef,
	  .asked = {.count = 1, .rows = {{V4_5, V6_1}}}},
	 32,
	 {HEAD(SYNC_ASKED), VN, 1, 4, 10, 1, 0, 5, 6, BYTES_V6_1}},
	{{.type = SYNC_ACTION, .id = 9, .vn = 0xabcdef, .action = {.eid = V4_5}},
	 15,
	 {HEAD(SYNC_ACTION), VN, 0, 4, 10, 1, 0, 5}},
	{{.type = SYNC_ACTION,
	  .id = 9,
	  .vn = 0xabcdef,
	  .action =
		  {.act = SYNC_ACT_SET, .eid = V6_1, .address = V4_5, .len = 24, .gateway = V4_6}},
	 38,
	 {HEAD(SYNC_ACTION), VN, 1, 6, BYTES_V6_1, 4, 10, 1, 0, 5, 24, 4, 10, 1, 0, 6}},
	{{.type = SYNC_ACTION,
	  .id = 9,
	  .vn = 0xabcdef,
	  .action = {.act = SYNC_ACT_SET, .eid = V4_5, .address = V6_1, .len = 128}},
	 34,
	 {HEAD(SYNC_ACTION), VN, 1, 4, 10, 1, 0, 5, 6, BYTES_V6_1, 128, 0}},
	{{.type = SYNC_OUTCOME,
	  .id = 9,
	  .vn = 0xabcdef,
	  .outcome = {.outcome = SYNC_OUT_FAILED, .detail = 0x0102}},
	 12,
	 {HEAD(SYNC_OUTCOME), VN, 5, 1, 2}},
};

/* Bindings with EIDs 2001:db8::1, ::2 ... (or 10.1.0.1 ...) as many as fit. */
static inline struct sync_msg
full_message(uint8_t type, uint8_t family)
{
	struct sync_msg msg = {.type = type, .id = 9, .vn = VN_ID_MAX};

	for (uint8_t i = 0; i < SYNC_BINDINGS_MAX; i++) {
		struct sync_binding b = {.ip = V6_1, .mac = MAC_1, .mobility = UINT64_MAX};

		b.ip.b[15] = (uint8_t)(i + 1);
		if (family == ADDR_V4)
			b.ip = addr_make(ADDR_V4, (const uint8_t[]){10, 1, 0, (uint8_t)(i + 1)});
		if (type == SYNC_TABLE)
			msg.table.bindings[i] = b;
		else if (type == SYNC_DELTA)
			msg.delta.bindings[i] = b;
		else
			msg.answer.bindings[i] = b;
	}
	if (type == SYNC_TABLE)
		msg.table.count = SYNC_BINDINGS_MAX;
	else if (type == SYNC_DELTA)
		msg.delta.count = SYNC_BINDINGS_MAX;
	else
		msg.answer.count = SYNC_BINDINGS_MAX;
	if (type == SYNC_DELTA)
		msg.delta.is_move = true;
	return msg;
}

#endif
