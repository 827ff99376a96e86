/* The invariants can fail: what each of them forbids is done on purpose, and must be found. */
#include <string.h>

#include "tests/sim/stories/story.h"
#include "wire/eth.h"

/* ---- tables ---- */

static struct binding
known(const struct cast *c, size_t router, const struct sim_machine *m)
{
	return hwdt_find(sim_vr(c->sim, router)->hwdt, SIM_VN, sim_machine_ip(m))->b;
}

/* Past the rules of the table. */
static void
put(const struct cast *c, size_t router, const struct binding *b)
{
	struct vr *vr = sim_vr(c->sim, router);

	hwdt_remove(vr->hwdt, b->vn, b->ip);
	assert_int_equal(hwdt_put(vr->hwdt, b, sim_clock(c->sim, router), NULL), HWDT_ADDED);
}

static void
put_route(const struct cast *c, size_t router, struct addr ip, size_t owner)
{
	struct vr *vr = sim_vr(c->sim, router);
	struct gndt_route route = {
		.prefix = prefix_host(ip), .vr = sim_id(c->sim, owner), .origin = GNDT_HOST};

	assert_true(vr_slot(vr, route.vr, &route.slot));
	assert_int_equal(gndt_put(vr->gndt, SIM_VN, &route), 0);
}

/* B takes the machine of A for its own; A and C do not. */
static void
own_it_twice(const struct cast *c)
{
	struct binding b = known(c, B, c->vm);

	b.vr = sim_id(c->sim, B);
	b.mobility++;
	put(c, B, &b);
	put_route(c, B, b.ip, B);
}

static void
own_it_nowhere(const struct cast *c)
{
	for (size_t i = A; i <= C; i++)
		hwdt_remove(sim_vr(c->sim, i)->hwdt, SIM_VN, sim_machine_ip(c->vm));
}

/* All say that A has it: it stands in B by now, where nobody heard it. */
static void
own_it_elsewhere(const struct cast *c)
{
	sim_migrate_now(c->sim, c->vm, B, false, false);
}

static void
count_another_move(const struct cast *c)
{
	struct binding b = known(c, C, c->native_a);

	b.mobility++;
	put(c, C, &b);
}

static void
take_another_mac(const struct cast *c)
{
	struct binding b = known(c, C, c->native_a);

	b.mac.b[5]++;
	put(c, C, &b);
}

static void
route_elsewhere(const struct cast *c)
{
	put_route(c, C, sim_machine_ip(c->native_a), B);
}

/* Everywhere alike, so that all agree. */
static void
know_a_ghost(const struct cast *c)
{
	struct binding b = known(c, A, c->native_a);

	b.ip = sim_ip(A, 99);
	for (size_t i = A; i <= C; i++)
		put(c, i, &b);
}

static void
route_to_a_ghost(const struct cast *c)
{
	put_route(c, C, sim_ip(A, 99), B);
}

/* HWDT has the gateway of A at A. */
static void
route_past_the_owner(const struct cast *c)
{
	put_route(c, C, sim_ip(A, SIM_GATEWAY), B);
}

static void
lose_the_prefix(const struct cast *c)
{
	struct vr *vr = sim_vr(c->sim, C);
	struct gndt_route route = {.prefix = prefix_make(sim_ip(A, 0), 24),
				   .vr = sim_id(c->sim, B),
				   .origin = GNDT_FIXED};

	assert_true(vr_slot(vr, route.vr, &route.slot));
	assert_int_equal(gndt_put(vr->gndt, SIM_VN, &route), 0);
	/* Only what stands for nothing may be found, not what does not lead to the machines. */
	put_route(c, C, sim_machine_ip(c->native_a), A);
	put_route(c, C, sim_machine_ip(c->vm), A);
}

struct breach {
	void (*commit)(const struct cast *c);
	const char *fault; /* what is said then */
};

/* Nothing but this is wrong, and it is found. */
static void
expect_found(const struct breach *breaches, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct cast c = story_cast(SIM_SUBNETS);

		if (!sim_all_agree(c.sim))
			fail_msg("%s", sim_fault(c.sim));
		breaches[i].commit(&c);
		assert_false(sim_all_agree(c.sim));
		if (strstr(sim_fault(c.sim), breaches[i].fault) == NULL)
			fail_msg("'%s' is not '%s'", sim_fault(c.sim), breaches[i].fault);
		sim_destroy(c.sim);
	}
}

void
a_second_owner_is_found(void **state)
{
	static const struct breach breaches[] = {
		{own_it_twice, "router 1 says 10.1.0.50 in VN 7 is at 1"},
		{own_it_nowhere, "router 0 knows nobody with 10.1.0.50"},
		{own_it_elsewhere, "router 0 says 10.1.0.50 in VN 7 is at 0"},
	};

	(void)state;
	expect_found(breaches, ARRAY_COUNT(breaches));
}

void
tables_that_differ_are_found(void **state)
{
	static const struct breach breaches[] = {
		{count_another_move, "router 2 has another table of 0"},
		{take_another_mac, "router 2 says 10.1.0.10 in VN 7 has MAC"},
		{route_elsewhere, "router 2: GNDT does not lead to 10.1.0.10"},
	};

	(void)state;
	expect_found(breaches, ARRAY_COUNT(breaches));
}

void
ghosts_are_found(void **state)
{
	static const struct breach breaches[] = {
		{know_a_ghost, "knows 10.1.0.99 in VN 7, which stands nowhere"},
		{route_to_a_ghost, "router 2: the route to 10.1.0.99/32 in VN 7 stands for"},
		{route_past_the_owner, "router 2: the route to 10.1.0.1/32 in VN 7 stands for"},
		{lose_the_prefix, "router 2: the route to 10.1.0.0/24 in VN 7 stands for"},
	};

	(void)state;
	expect_found(breaches, ARRAY_COUNT(breaches));
}

/* ---- from VN to VN ---- */

/* Stands between a router and its devices. */
struct confused {
	struct vr_io io;
	const struct vr_io *real;
	void *ctx; /* of 'real' */
};

static vn_id_t
other(vn_id_t vn)
{
	return vn == SIM_VN ? SIM_VN + 1 : SIM_VN;
}

static int
inject_elsewhere(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	const struct confused *c = ctx;

	return c->real->lan_inject(c->ctx, other(vn), frame, size);
}

static int
send_elsewhere(void *ctx, vn_id_t vn, struct frame *f)
{
	const struct confused *c = ctx;

	return c->real->lan_send(c->ctx, other(vn), f);
}

/* The headers are as they must be: only the packet is another VN's. */
static int
send_unnoticed(void *ctx, vn_id_t vn, struct frame *f)
{
	const struct confused *c = ctx;
	struct eth eth;

	assert_int_equal(eth_parse(f->data, f->size, &eth), 0);
	eth.src = sim_router_mac(other(vn));
	eth_build(&eth, f->data);
	return c->real->lan_send(c->ctx, other(vn), f);
}

static int
send_twice(void *ctx, vn_id_t vn, struct frame *f)
{
	const struct confused *c = ctx;

	return c->real->lan_send(c->ctx, vn, f) != 0 || c->real->lan_send(c->ctx, vn, f) != 0;
}

static int
link_elsewhere(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	const struct confused *c = ctx;
	struct seal_inner wrong = *inner;

	wrong.vn = other(inner->vn);
	return c->real->link_send(c->ctx, slot, &wrong, f, now);
}

/* What nobody confuses goes on as ever. */
static int
inject(void *ctx, vn_id_t vn, const uint8_t *frame, size_t size)
{
	const struct confused *c = ctx;

	return c->real->lan_inject(c->ctx, vn, frame, size);
}

static int
send(void *ctx, vn_id_t vn, struct frame *f)
{
	const struct confused *c = ctx;

	return c->real->lan_send(c->ctx, vn, f);
}

static int
link(void *ctx, uint32_t slot, const struct seal_inner *inner, struct frame *f, us_t now)
{
	const struct confused *c = ctx;

	return c->real->link_send(c->ctx, slot, inner, f, now);
}

static int
sync(void *ctx, uint32_t slot, const uint8_t *msg, size_t size, us_t now)
{
	const struct confused *c = ctx;

	return c->real->link_sync(c->ctx, slot, msg, size, now);
}

static void
flush(void *ctx, vn_id_t vn)
{
	(void)ctx;
	(void)vn;
}

static us_t
clock_of(void *ctx)
{
	const struct confused *c = ctx;

	return c->real->clock(c->ctx);
}

static int64_t
wall_ms(void *ctx)
{
	const struct confused *c = ctx;

	return c->real->wall_ms(c->ctx);
}

struct leak {
	struct vr_io io;   /* NULL: as ever */
	const char *fault; /* NULL: none */
};

/* Router C takes one VN for the other; a machine moves, and all talk. */
static void
leak(const struct leak *leak, bool vn_in_macs)
{
	struct sim_params params = story_params(3, SIM_SUBNETS);
	struct confused confused;
	struct cast c;
	struct vr *vr;

	params.vns = 2;
	params.vn_in_macs = vn_in_macs;
	c = story_cast_with(&params);
	for (size_t i = A; i <= C; i++)
		sim_speak(c.sim, sim_add(c.sim, SIM_VN + 1, i, 10));
	sim_speak(c.sim, sim_add(c.sim, SIM_VN + 1, A, 50));
	sim_run(c.sim, US_S);
	vr = sim_vr(c.sim, C);
	confused = (struct confused){
		.real = vr->io,
		.ctx = vr->ctx,
		.io = {.lan_send = leak->io.lan_send != NULL ? leak->io.lan_send : send,
		       .lan_inject = leak->io.lan_inject != NULL ? leak->io.lan_inject : inject,
		       .lan_flush = flush,
		       .link_send = leak->io.link_send != NULL ? leak->io.link_send : link,
		       .link_sync = sync,
		       .clock = clock_of,
		       .wall_ms = wall_ms}};
	vr->io = &confused.io;
	vr->ctx = &confused;
	assert_string_equal(sim_fault(c.sim), "");
	story_talk(&c, 100 * US_MS);
	sim_migrate(c.sim, c.vm, C, &sim_by_rarp);
	sim_run(c.sim, US_S);
	if (leak->fault == NULL)
		assert_string_equal(sim_fault(c.sim), "");
	else if (strstr(sim_fault(c.sim), leak->fault) == NULL)
		fail_msg("'%s' is not '%s'", sim_fault(c.sim), leak->fault);
	vr->io = confused.real;
	vr->ctx = confused.ctx;
	sim_destroy(c.sim);
}

void
a_frame_from_vn_to_vn_is_found(void **state)
{
	static const struct leak leaks[] = {
		{{.lan_inject = inject_elsewhere},
		 "router 2: Ethernet source 02:56:52:00:00:07 on a "
		 "LAN of VN 8 is of another VN"},
		{{.lan_send = send_elsewhere},
		 "router 2: source 02:56:52:00:00:07 on a LAN of VN 8 is of another VN"},
		{{.link_send = link_elsewhere}, "router 2 sends a packet of VN 7 as one of VN 8"},
		{{.lan_send = send_twice}, "twice onto the LAN of 2"},
		{{.lan_inject = NULL}, NULL},
	};
	static const struct leak unnoticed[] = {
		{{.lan_send = send_unnoticed}, "packet of VN 7 on a LAN of VN 8"},
		{{.lan_send = send_unnoticed},
		 "router 2: destination 52:54:00:07:02:0a on a LAN of VN 8 is of another VN"},
	};

	(void)state;
	for (int vn_in_macs = 0; vn_in_macs <= 1; vn_in_macs++) {
		for (size_t i = 0; i < ARRAY_COUNT(leaks); i++)
			leak(&leaks[i], vn_in_macs);
		leak(&unnoticed[vn_in_macs], vn_in_macs);
	}
}

/* ---- ARP, field by field ---- */

/* Right but for one field, which is of VN 8. */
struct arp_leak {
	struct arp arp;
	const char *fault; /* NULL: nothing is wrong */
};

#define ROUTER7                                                                                    \
	{                                                                                          \
		{                                                                                  \
			2, 0x56, 0x52, 0, 0, 7                                                     \
		}                                                                                  \
	}
#define ROUTER8                                                                                    \
	{                                                                                          \
		{                                                                                  \
			2, 0x56, 0x52, 0, 0, 8                                                     \
		}                                                                                  \
	}
#define BROADCAST                                                                                  \
	{                                                                                          \
		{                                                                                  \
			0xff, 0xff, 0xff, 0xff, 0xff, 0xff                                         \
		}                                                                                  \
	}
#define HOST7                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 7, A, 10                                                    \
		}                                                                                  \
	}
#define OTHER7                                                                                     \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 7, B, 10                                                    \
		}                                                                                  \
	}
#define HOST8                                                                                      \
	{                                                                                          \
		{                                                                                  \
			0x52, 0x54, 0, 8, A, 10                                                    \
		}                                                                                  \
	}
#define AT(s, h)                                                                                   \
	{                                                                                          \
		.family = ADDR_V4, .b = { 10, 1, s, h }                                            \
	}
#define NO_ADDRESS                                                                                 \
	{                                                                                          \
		.family = ADDR_V4                                                                  \
	}

void
arp_from_vn_to_vn_is_found(void **state)
{
	static const struct arp_leak leaks[] = {
		/* As they are said. */
		{{BROADCAST, ROUTER7, ARP_REQUEST, HOST7, {{0}}, AT(A, 10), AT(A, 10)}, NULL},
		{{BROADCAST, ROUTER7, ARP_REQUEST, ROUTER7, {{0}}, AT(A, 10), AT(A, 10)}, NULL},
		{{BROADCAST, ROUTER7, ARP_REQUEST, ROUTER7, {{0}}, NO_ADDRESS, AT(A, 10)}, NULL},
		{{HOST7, ROUTER7, ARP_REPLY, ROUTER7, HOST7, AT(A, 1), AT(A, 10)}, NULL},
		/* As they are not. */
		{{BROADCAST, ROUTER8, ARP_REQUEST, ROUTER7, {{0}}, AT(A, 10), AT(A, 10)},
		 "Ethernet source"},
		{{BROADCAST, HOST7, ARP_REQUEST, HOST7, {{0}}, AT(A, 10), AT(A, 10)},
		 "Ethernet source"},
		{{HOST8, ROUTER7, ARP_REPLY, ROUTER7, HOST7, AT(A, 1), AT(A, 10)},
		 "Ethernet destination"},
		{{HOST7, ROUTER7, ARP_REPLY, ROUTER7, HOST8, AT(A, 1), AT(A, 10)}, "ARP target"},
		{{BROADCAST, ROUTER7, ARP_REQUEST, ROUTER8, {{0}}, AT(A, 10), AT(A, 10)},
		 "ARP sender"},
		{{BROADCAST, ROUTER7, ARP_REQUEST, HOST8, {{0}}, AT(A, 10), AT(A, 10)},
		 "ARP sender"},
		{{BROADCAST, ROUTER7, ARP_REQUEST, OTHER7, {{0}}, AT(A, 10), AT(A, 10)},
		 "ARP sender"},
		{{BROADCAST, ROUTER7, ARP_REQUEST, ROUTER7, {{0}}, AT(A, 11), AT(A, 10)},
		 "speaks for 10.1.0.11, which nobody has in VN 7"},
	};
	struct sim_params params = story_params(3, SIM_SUBNETS);
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	params.vns = 2;
	params.vn_in_macs = true;
	for (size_t i = 0; i < ARRAY_COUNT(leaks); i++) {
		struct cast c = story_cast_with(&params);
		struct vr *vr = sim_vr(c.sim, A);

		(void)sim_add(c.sim, SIM_VN + 1, A, 10);
		(void)sim_add(c.sim, SIM_VN + 1, A, 11);
		arp_build(&leaks[i].arp, frame);
		assert_int_equal(vr->io->lan_inject(vr->ctx, SIM_VN, frame, sizeof(frame)), 0);
		if (leaks[i].fault == NULL)
			assert_string_equal(sim_fault(c.sim), "");
		else if (strstr(sim_fault(c.sim), leaks[i].fault) == NULL)
			fail_msg("%zu: '%s' is not '%s'", i, sim_fault(c.sim), leaks[i].fault);
		sim_destroy(c.sim);
	}
}

void
a_claim_from_vn_to_vn_is_found(void **state)
{
	static const struct {
		struct mac mac;
		size_t router;
		const char *fault;
	} claims[] = {
		{HOST7, A, NULL},
		{HOST8, A, "claimed MAC 52:54:00:08:00:0a on a LAN of VN 7 is of another VN"},
		{HOST7, B, "claims for another"},
	};
	struct sim_params params = story_params(3, SIM_SUBNETS);
	uint8_t frame[ETH_FRAME_MIN];

	(void)state;
	params.vns = 2;
	params.vn_in_macs = true;
	for (size_t i = 0; i < ARRAY_COUNT(claims); i++) {
		struct cast c = story_cast_with(&params);
		struct vr *vr = sim_vr(c.sim, A);

		(void)sim_add(c.sim, SIM_VN + 1, A, 10);
		claim_build(claims[i].mac, sim_id(c.sim, claims[i].router), frame);
		assert_int_equal(vr->io->lan_inject(vr->ctx, SIM_VN, frame, sizeof(frame)), 0);
		if (claims[i].fault == NULL)
			assert_string_equal(sim_fault(c.sim), "");
		else
			assert_non_null(strstr(sim_fault(c.sim), claims[i].fault));
		sim_destroy(c.sim);
	}
}
