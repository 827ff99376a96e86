/* Sites behind a NAT: Info-Requests, registration through an RTR, and what is not believed. */
#include "tests/unit/lisp_behind.h"

/* ---- the xTR ---- */

static void
without_a_nat_a_site_registers_directly(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab->has_nat = false;
	lab_start(lab);
	lab_run(lab, US_S);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_NONE);
	assert_addr(lab_registered(lab, OWN), INSIDE);
	assert_int_equal(lab_rtr_count(lab, RELAYED), 0);
	assert_int_equal(lab->way_outs, 0);
	/* It is asked again now and then: the site may have moved. */
	lab_run(lab, 600 * US_S);
	assert_in_range(lab_ms_count(lab, INFOS), 3, 4);
	lab_free(lab);
}

static void
behind_a_nat_it_registers_through_the_rtr(void **state)
{
	struct lab *lab = lab_make();
	const struct rtr_eid *e;

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_BEHIND);
	assert_string_equal(fmt_endpoint(xtr_nat_at(lab->x, 0).seen).s, OUTSIDE ":20000");
	assert_addr(lab_registered(lab, OWN), RTR_RLOC);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, OUTSIDE ":20001");
	e = rtr_find(lab->rtr, VN, addr_of("10.1.0.5"));
	assert_addr(e->local, INSIDE);
	assert_memory_equal(e->xtr.xtr, lab->xtr_conf.ids.xtr, 16);
	assert_addr(lab->way_out, RTR_RLOC);
	assert_int_equal(lab->in_force, 1);
	assert_int_equal(lab_ms_count(lab, RELAYED), 1);
	assert_int_equal(lab_rtr_count(lab, NOTIFIED), 1);
	assert_int_equal(rtr_waiting(lab->rtr, lab->now), 0);
	lab_free(lab);
}

static void
the_keepalive_recovers_from_a_rebinding(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	lab->ports = 30000;
	lab_run(lab, KEEPALIVE + US_S);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, OUTSIDE ":30001");
	assert_int_equal(lab_rtr_count(lab, REBOUND), 1);
	/* One Map-Register in each interval. */
	lab_run(lab, 10 * KEEPALIVE);
	assert_in_range(lab_rtr_count(lab, RELAYED), 11, 14);
	assert_int_equal(lab->way_outs, 1);
	lab_free(lab);
}

static void
a_map_server_that_knows_no_info_request_is_registered_at_directly(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab->ms_is_deaf = true;
	lab_start(lab);
	lab_run(lab, US_S);
	/* Nothing is registered before that is known. */
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_ASKING);
	assert_int_equal(lab_xtr_count(lab, REGISTERS), 0);
	lab_run(lab, 4 * US_S);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_NONE);
	assert_addr(lab_registered(lab, OWN), INSIDE);
	/* When it answers after all, that counts. */
	lab->ms_is_deaf = false;
	lab_run(lab, 31 * US_S);
	assert_addr(lab_registered(lab, OWN), RTR_RLOC);
	lab_free(lab);
}

static void
an_rtr_that_brings_no_answer_is_given_up_for_the_next(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab->rtrs[0].addr = addr_of(NO_RTR_RLOC);
	lab->rtrs[1].addr = addr_of(RTR_RLOC);
	lab->ms_conf.rtr_count = 2;
	lab_start(lab);
	lab_run(lab, US_S);
	assert_addr(xtr_nat_at(lab->x, 0).rtr, NO_RTR_RLOC);
	/* Four Map-Registers: at once, after one second, two more, and four more. */
	lab_run(lab, 7 * US_S);
	assert_int_equal(lab_xtr_count(lab, RTR_CHANGES), 1);
	assert_addr(lab->way_out, RTR_RLOC);
	assert_addr(lab_registered(lab, OWN), RTR_RLOC);
	/* The list comes again, and the one in use stays. */
	lab_run(lab, 400 * US_S);
	assert_addr(lab->way_out, RTR_RLOC);
	assert_int_equal(lab->way_outs, 1);
	assert_int_equal(lab_xtr_count(lab, RTR_CHANGES), 1);
	lab_free(lab);
}

static void
the_only_rtr_is_kept_while_it_is_silent(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	lab->rtr_is_deaf = true;
	lab_run(lab, 600 * US_S);
	assert_addr(lab->way_out, RTR_RLOC);
	assert_int_equal(lab->way_outs, 1);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, "none");
	assert_int_equal(lab_rtr_count(lab, EXPIRED), 1);
	lab->rtr_is_deaf = false;
	lab_run(lab, KEEPALIVE + US_S);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, OUTSIDE ":20001");
	lab_free(lab);
}

static void
a_site_that_has_left_the_nat_registers_directly(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	lab->has_nat = false;
	lab_run(lab, 301 * US_S);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_NONE);
	assert_addr(lab_registered(lab, OWN), INSIDE);
	assert_true(addr_is_none(lab->way_out));
	assert_int_equal(lab->way_outs, 2);
	lab_run(lab, 181 * US_S);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, "none");
	lab_free(lab);
}

static void
without_an_rtr_nothing_is_registered(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab->ms_conf.rtr_count = 0;
	lab_start(lab);
	lab_run(lab, 10 * US_S);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_BEHIND);
	assert_int_equal(lab_xtr_count(lab, NO_RTR), 1);
	assert_int_equal(lab_xtr_count(lab, REGISTERS), 0);
	assert_true(addr_is_none(lab_registered(lab, OWN)));
	lab_free(lab);
}

/* An Info-Reply that names another RTR. */
static void
forge_info(struct lab *lab, const char *from, uint64_t nonce, const struct lisp_key *key)
{
	struct endpoint ep = endpoint_of(from, LISP_CONTROL_PORT);
	struct lisp_msg msg = {.type = LISP_INFO,
			       .nonce = nonce,
			       .auth = lisp_auth_header(key),
			       .info = {.is_reply = true,
					.ttl = 10,
					.eid = lisp_eid_make(VN, prefix_of(OWN), false),
					.nat = {.kind = LISP_RLOC_NAT,
						.addr = addr_of(OUTSIDE),
						.nat = {.etr_port = 1,
							.global = addr_of(OUTSIDE),
							.rtrs = {addr_of("198.51.100.66")},
							.rtr_count = 1}}}};
	struct lisp_builder b;
	uint8_t data[256];
	int size;

	lisp_begin(&b, data, sizeof(data), &msg);
	size = lisp_end(&b);
	assert_true(size > 0);
	assert_int_equal(lisp_auth_sign(&world_io, NULL, key, &msg, data, (size_t)size), 0);
	assert_true(xtr_heard(lab->x, &ep, data, (size_t)size, lab->now));
	lab_run(lab, KEEPALIVE + US_S);
}

static void
an_info_reply_must_be_asked_for_and_authentic(void **state)
{
	struct lisp_key wrong = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, "wrong");
	struct lab *lab = lab_make();
	struct lisp_dialect dialect = {0};
	struct lisp_msg asked;

	(void)state;
	lab->ms_is_deaf = true;
	lab_start(lab);
	(void)xtr_run(lab->x, lab->now);
	assert_int_equal(lab->queued, 1);
	assert_int_equal(lisp_parse(lab->queue[0].data, lab->queue[0].size, &dialect, &asked), 0);
	lab->queued = 0;
	forge_info(lab, MS_RLOC, asked.nonce, &wrong);
	assert_int_equal(lab_xtr_count(lab, AUTH_FAILED), 1);
	forge_info(lab, MS_RLOC, asked.nonce + 2, &lab->site_keys[0]);
	forge_info(lab, MS_RLOC, 0, &lab->site_keys[0]);
	forge_info(lab, RTR_RLOC, asked.nonce, &lab->site_keys[0]);
	assert_int_equal(lab_xtr_count(lab, INFO_UNKNOWN), 3);
	assert_int_equal(xtr_nat_at(lab->x, 0).state, XTR_NAT_NONE);
	assert_int_equal(lab_xtr_count(lab, INFOS_ANSWERED), 0);
	lab_free(lab);
}

static void
what_comes_in_a_data_packet_must_be_a_map_notify_for_us(void **state)
{
	struct lab *lab = lab_make();
	struct lisp_ecm inside = {.src = endpoint_of(MS_RLOC, LISP_CONTROL_PORT),
				  .dst = endpoint_of(INSIDE, LISP_CONTROL_PORT)};
	struct lisp_msg msg = {.type = LISP_MAP_NOTIFY, .nonce = 5, .has_xtr_id = true};
	size_t head = lisp_inside_size(ADDR_V4);
	uint8_t data[512];
	struct lisp_builder b;
	int size;

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	for (unsigned i = 0; i < 3; i++) {
		/* Of another xTR; of none; a Map-Notify-Ack. */
		msg.type = i == 2 ? LISP_MAP_NOTIFY_ACK : LISP_MAP_NOTIFY;
		msg.xtr_id = i == 2 ? lab->xtr_conf.ids : xtr_of(8, 3);
		msg.has_xtr_id = i != 1;
		msg.auth = lisp_auth_header(&lab->site_keys[0]);
		lisp_begin(&b, data + head, sizeof(data) - head, &msg);
		size = lisp_end(&b);
		assert_true(size > 0);
		assert_int_equal(lisp_auth_sign(&world_io, NULL, &lab->site_keys[0], &msg,
						data + head, (size_t)size),
				 0);
		inside.size = (size_t)size;
		size = lisp_inside_build(&inside, data, sizeof(data));
		assert_true(size > LISPDATA_SIZE);
		xtr_heard_inside(lab->x, data + LISPDATA_SIZE, (size_t)size - LISPDATA_SIZE,
				 lab->now);
		assert_int_equal(lab_xtr_count(lab, NOTIFY_INSIDE), i + 1);
	}
	xtr_heard_inside(lab->x, data, 20, lab->now);
	assert_int_equal(lab_xtr_count(lab, NOTIFY_INSIDE), 4);
	lab_free(lab);
}

/* ---- the map-server ---- */

static void
a_question_is_answered_again_only_to_who_asked_it(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint other = endpoint_of("198.51.100.66", 4342);
	struct mail_item info;

	(void)state;
	lab_start(lab);
	(void)xtr_run(lab->x, lab->now);
	info = lab->queue[0];
	assert_int_equal(info.data[0] >> 4, LISP_INFO);
	lab_settle(lab);
	assert_int_equal(lab_ms_count(lab, INFOS), 1);
	assert_true(mapserver_heard(lab->ms, &info.from, info.data, info.size, lab->now));
	assert_int_equal(lab_ms_count(lab, INFOS), 2);
	assert_true(mapserver_heard(lab->ms, &other, info.data, info.size, lab->now));
	assert_int_equal(lab_ms_count(lab, INFO_REPEATED), 1);
	/* Many at once are too many. */
	for (unsigned i = 0; i < 30; i++)
		assert_true(mapserver_heard(lab->ms, &info.from, info.data, info.size, lab->now));
	assert_in_range(lab_ms_count(lab, INFOS), 19, 21);
	assert_true(lab_ms_count(lab, INFO_LIMITED) > 10);
	lab->queued = 0;
	/* Forged ones get nothing. */
	info.data[20] ^= 1;
	assert_true(mapserver_heard(lab->ms, &other, info.data, info.size, lab->now));
	assert_int_equal(lab_ms_count(lab, AUTH_FAILED), 1);
	assert_int_equal(lab->queued, 0);
	lab_free(lab);
}

static void
register_at(struct lab *lab, unsigned site, const char *prefix, uint64_t nonce)
{
	struct endpoint from = endpoint_of("192.0.2.77", LISP_CONTROL_PORT);
	struct rec rec = {.vn = VN, .eid = prefix, .rlocs = {"192.0.2.77"}, .version = 2};
	struct lisp_xtr_id id = xtr_of(7, 7);
	struct reg reg = {
		.key = &lab->site_keys[site], .nonce = nonce, .xtr = &id, .recs = &rec, .count = 1};
	uint8_t data[512];
	size_t size = build_register(&reg, data, sizeof(data));

	assert_true(mapserver_heard(lab->ms, &from, data, size, lab->now));
}

/* The map-server tells a site behind the NAT through the RTR that another one has its machine now. */
static void
news_of_a_machine_that_has_left_come_through_the_rtr(void **state)
{
	struct lab *lab = lab_make();

	(void)state;
	lab_start(lab);
	assert_int_equal(xtr_own_put(lab->x, VN, prefix_of("10.1.5.1/32"), 1, lab->now), 0);
	lab_run(lab, US_S);
	assert_string_equal(lab_reaches(lab, "10.1.5.1").s, OUTSIDE ":20001");
	register_at(lab, 1, "10.1.5.1/32", 5);
	assert_addr(lab_registered(lab, "10.1.5.1/32"), "192.0.2.77");
	lab_run(lab, KEEPALIVE + US_S);
	assert_int_equal(lab->departed, 1);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, OUTSIDE ":20001");
	lab_free(lab);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_nat_a_site_registers_directly),
		cmocka_unit_test(behind_a_nat_it_registers_through_the_rtr),
		cmocka_unit_test(the_keepalive_recovers_from_a_rebinding),
		cmocka_unit_test(a_map_server_that_knows_no_info_request_is_registered_at_directly),
		cmocka_unit_test(an_rtr_that_brings_no_answer_is_given_up_for_the_next),
		cmocka_unit_test(the_only_rtr_is_kept_while_it_is_silent),
		cmocka_unit_test(a_site_that_has_left_the_nat_registers_directly),
		cmocka_unit_test(without_an_rtr_nothing_is_registered),
		cmocka_unit_test(an_info_reply_must_be_asked_for_and_authentic),
		cmocka_unit_test(what_comes_in_a_data_packet_must_be_a_map_notify_for_us),
		cmocka_unit_test(a_question_is_answered_again_only_to_who_asked_it),
		cmocka_unit_test(news_of_a_machine_that_has_left_come_through_the_rtr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
