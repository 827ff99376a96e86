/* An RTR between sites behind a NAT and their map-server: what it keeps, relays and does not believe. */
#include "tests/unit/lisp_behind.h"

#define LOCAL "10.0.0.99" /* of the xTR */

static struct endpoint
stranger(unsigned i)
{
	struct endpoint ep = endpoint_of("198.18.0.0", 4341);

	ep.addr.b[1] = (uint8_t)(18 + (i >> 16));
	ep.addr.b[2] = (uint8_t)(i >> 8);
	ep.addr.b[3] = (uint8_t)i;
	return ep;
}

/* A Map-Register as an xTR sends it through the RTR, not authentic unless 'site' is one. */
static size_t
record_through_rtr(struct lab *lab, int site, struct rec rec, uint64_t nonce,
		   const struct lisp_xtr_id *id, uint8_t *data, size_t room)
{
	struct lisp_key wrong = key_make(1, LISP_AUTH_SHA256_128_HKDF, false, "wrong");
	struct reg reg = {.key = site < 0 ? &wrong : &lab->site_keys[site],
			  .nonce = nonce,
			  .xtr = id,
			  .notify = true,
			  .recs = &rec,
			  .count = 1};
	struct lisp_ecm ecm = {.to_etr = true,
			       .src = endpoint_of(LOCAL, 50000),
			       .dst = endpoint_of(MS_RLOC, LISP_CONTROL_PORT)};
	size_t head = lisp_ecm_size(ADDR_V4);
	int size;

	ecm.size = build_register(&reg, data + head, room - head);
	size = lisp_ecm_build(&ecm, data, room);
	assert_true(size > 0);
	return (size_t)size;
}

static size_t
through_rtr(struct lab *lab, int site, const char *prefix, const char *rloc, uint64_t nonce,
	    const struct lisp_xtr_id *id, uint8_t *data, size_t room)
{
	struct rec rec = {.vn = VN, .eid = prefix, .rlocs = {rloc}, .in_lcaf = true};

	return record_through_rtr(lab, site, rec, nonce, id, data, room);
}

static void
a_flood_of_strangers_does_not_keep_out_who_is_known(void **state)
{
	struct lab *lab = lab_make();
	struct lisp_xtr_id id = xtr_of(1, 1);
	uint8_t data[512];
	size_t size;

	(void)state;
	lab_start(lab);
	lab_run(lab, US_S);
	for (unsigned i = 0; i < 100000; i++) {
		struct endpoint from = stranger(i);

		memcpy(id.xtr, &i, sizeof(i));
		size = through_rtr(lab, -1, OWN, RTR_RLOC, i, &id, data, sizeof(data));
		assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
		lab->queued = 0;
		lab->now += 200;
		if (i % 1000 == 999)
			lab_run(lab, 0);
	}
	/* 20 s of 5000 a second, of which 2000 are relayed; the refresh was in between. */
	assert_in_range(lab_rtr_count(lab, RELAYED), 38000, 42000);
	assert_in_range(lab_rtr_count(lab, LIMITED), 58000, 62000);
	assert_in_range(rtr_waiting(lab->rtr, lab->now), 1000, RTR_WAITING_MAX);
	lab_run(lab, KEEPALIVE);
	assert_int_equal(lab_rtr_count(lab, REBOUND), 0);
	assert_string_equal(lab_reaches(lab, "10.1.0.5").s, OUTSIDE ":20001");
	assert_true(rtr_find(lab->rtr, VN, addr_of("10.1.0.5"))->renewed >
		    lab->now - KEEPALIVE - US_S);
	lab_free(lab);
}

static void
one_address_may_send_few(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint from = stranger(1);
	struct lisp_xtr_id id = xtr_of(1, 1);
	uint8_t data[512];

	(void)state;
	lab_start(lab);
	for (unsigned i = 0; i < 200; i++) {
		size_t size = through_rtr(lab, -1, OWN, RTR_RLOC, i, &id, data, sizeof(data));

		assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
		lab->queued = 0;
	}
	assert_in_range(lab_rtr_count(lab, RELAYED), 39, 41);
	assert_int_equal(lab_rtr_count(lab, LIMITED), 200 - lab_rtr_count(lab, RELAYED));
	lab_free(lab);
}

static void
of_one_map_register_from_two_places_neither_is_believed(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint thief = stranger(1), owner = stranger(2);
	struct lisp_xtr_id id = xtr_of(2, 2);
	struct mail_item relayed;
	uint8_t data[512];
	size_t size;

	(void)state;
	lab_start(lab);
	size = through_rtr(lab, 1, "10.2.0.0/24", RTR_RLOC, 10, &id, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &thief, data, size, lab->now));
	assert_int_equal(lab->queued, 1);
	relayed = lab->queue[0];
	assert_true(rtr_heard(lab->rtr, &owner, data, size, lab->now));
	assert_int_equal(lab_rtr_count(lab, AMBIGUOUS), 1);
	lab->queued = 0;
	lab_deliver(lab, &relayed);
	lab_settle(lab);
	assert_addr(lab_registered(lab, "10.2.0.0/24"), RTR_RLOC);
	assert_string_equal(lab_reaches(lab, "10.2.0.5").s, "none");
	/* Its owner comes again. */
	size = through_rtr(lab, 1, "10.2.0.0/24", RTR_RLOC, 11, &id, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &owner, data, size, lab->now));
	lab_settle(lab);
	assert_string_equal(lab_reaches(lab, "10.2.0.5").s, fmt_endpoint(owner).s);
	lab_free(lab);
}

static void
only_what_leads_here_and_is_served_becomes_state(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint from = stranger(2);
	struct lisp_xtr_id id = xtr_of(2, 2);
	uint8_t data[512];
	size_t size;

	(void)state;
	lab_start(lab);
	/* Another locator: it is relayed, and that is all. */
	size = through_rtr(lab, 1, "10.2.0.0/24", "192.0.2.88", 10, &id, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
	lab_settle(lab);
	assert_int_equal(lab_rtr_count(lab, ACCEPTED), 1);
	assert_string_equal(lab_reaches(lab, "10.2.0.5").s, "none");
	lab->serves_nothing = true;
	size = through_rtr(lab, 1, "10.2.0.0/24", RTR_RLOC, 11, &id, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
	lab_settle(lab);
	assert_int_equal(lab_rtr_count(lab, NOT_SERVED), 1);
	assert_string_equal(lab_reaches(lab, "10.2.0.5").s, "none");
	/* What led here and leads elsewhere is forgotten. */
	lab->serves_nothing = false;
	for (unsigned i = 0; i < 2; i++) {
		size = through_rtr(lab, 1, "10.2.0.0/24", i == 0 ? RTR_RLOC : "192.0.2.88", 12 + i,
				   &id, data, sizeof(data));
		assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
		lab_settle(lab);
		assert_string_equal(lab_reaches(lab, "10.2.0.5").s,
				    i == 0 ? fmt_endpoint(from).s : "none");
	}
	lab_free(lab);
}

static void
the_room_for_eids_has_an_end(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint from = stranger(2);
	struct lisp_xtr_id id = xtr_of(2, 2);
	uint8_t data[512];
	char text[32];

	(void)state;
	lab->prefixes[1] = (struct ms_prefix){
		.vn = VN, .prefix = prefix_of("10.2.0.0/16"), .more_specifics = true};
	lab->rtr_conf.eids_max = 2 * RTR_EIDS_PER_XTR;
	lab_start(lab);
	for (unsigned i = 0; i < 2 * RTR_EIDS_PER_XTR + 10; i++) {
		size_t size;

		/* Of another xTR there is room where one has filled its own. */
		if (i == RTR_EIDS_PER_XTR + 5)
			id = xtr_of(3, 3);
		snprintf(text, sizeof(text), "10.2.%u.%u/32", i >> 8, i & 255);
		size = through_rtr(lab, 1, text, RTR_RLOC, 100 + i, &id, data, sizeof(data));
		lab->now += US_S / 20;
		from.addr.b[3] = (uint8_t)i;
		assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
		lab_settle(lab);
	}
	assert_int_equal(lab_rtr_count(lab, EIDS_FULL), 5 + 5);
	assert_string_equal(lab_reaches(lab, "10.2.4.1").s, "none");
	lab_free(lab);
}

/* A Map-Notify to the RTR, as a map-server sends it. */
static void
notify_rtr(struct lab *lab, const char *from, const struct lisp_key *relay, uint64_t nonce,
	   const struct lisp_xtr_id *id)
{
	struct endpoint ep = endpoint_of(from, LISP_CONTROL_PORT);
	struct rec rec = {.vn = VN, .eid = OWN, .rlocs = {RTR_RLOC}, .in_lcaf = true};
	struct lisp_msg msg = {.type = LISP_MAP_NOTIFY, .nonce = nonce};
	struct lisp_ecm ecm = {.to_etr = true,
			       .src = endpoint_of(MS_RLOC, LISP_CONTROL_PORT),
			       .dst = endpoint_of(INSIDE, LISP_CONTROL_PORT)};
	struct lisp_builder b;
	uint8_t data[512];
	size_t head;
	int size;

	if (relay != NULL) {
		ecm.security = true;
		ecm.rtr_auth = lisp_auth_header(relay);
	}
	head = lisp_ecm_head_size(&ecm);
	msg.auth = lisp_auth_header(&lab->site_keys[0]);
	if (id != NULL) {
		msg.has_xtr_id = true;
		msg.xtr_id = *id;
	}
	lisp_begin(&b, data + head, sizeof(data) - head, &msg);
	put_rec(&b, &rec);
	size = lisp_end(&b);
	assert_true(size > 0);
	ecm.size = (size_t)size;
	size = lisp_ecm_build(&ecm, data, sizeof(data));
	assert_true(size > 0);
	if (relay != NULL)
		assert_int_equal(lisp_auth_relay_sign(&world_io, NULL, relay, nonce, data + head,
						      ecm.size, data + LISP_ECM_AUTH_AT),
				 0);
	assert_true(rtr_heard(lab->rtr, &ep, data, (size_t)size, lab->now));
}

static void
a_map_notify_must_be_the_map_servers(void **state)
{
	struct lab *lab = lab_make();
	struct lisp_key wrong = key_make(5, LISP_AUTH_SHA256_128, false, "wrong");
	struct lisp_key other_id = lab->relay_key;
	struct lisp_xtr_id id = lab->xtr_conf.ids, other = xtr_of(8, 8);

	(void)state;
	other_id.key_id++;
	lab_start(lab);
	lab_run(lab, US_S);
	notify_rtr(lab, MS_RLOC, NULL, 77, &id);
	notify_rtr(lab, MS_RLOC, &wrong, 77, &id);
	notify_rtr(lab, MS_RLOC, &other_id, 77, &id);
	assert_int_equal(lab_rtr_count(lab, AUTH_FAILED), 3);
	notify_rtr(lab, NO_RTR_RLOC, &lab->relay_key, 77, &id);
	assert_int_equal(lab_rtr_count(lab, SERVER_UNKNOWN), 1);
	notify_rtr(lab, MS_RLOC, &lab->relay_key, 77, NULL);
	assert_int_equal(lab_rtr_count(lab, NO_XTR_ID), 1);
	/* For somebody who is not known here; and for one who is: it is sent on, and changes nothing. */
	notify_rtr(lab, MS_RLOC, &lab->relay_key, 77, &other);
	assert_int_equal(lab_rtr_count(lab, UNASKED), 1);
	assert_int_equal(lab->queued, 0);
	notify_rtr(lab, MS_RLOC, &lab->relay_key, 77, &id);
	assert_int_equal(lab->queued, 1);
	assert_string_equal(fmt_endpoint(lab->queue[0].to).s, OUTSIDE ":20001");
	assert_int_equal(lab_rtr_count(lab, ACCEPTED), 1);
	lab_free(lab);
}

static void
what_it_does_not_relay_is_counted(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint from = stranger(2);
	struct lisp_xtr_id id = xtr_of(2, 2), none = {.site = 1};
	struct lisp_ecm ecm;
	uint8_t data[512], copy[512];
	size_t size = through_rtr(lab, 1, OWN, RTR_RLOC, 1, &id, data, sizeof(data));

	(void)state;
	lab_start(lab);
	/* Without the R bit, and what is no registration, it is not for an RTR. */
	memcpy(copy, data, size);
	copy[0] = LISP_ECM << 4;
	assert_false(rtr_heard(lab->rtr, &from, copy, size, lab->now));
	assert_false(rtr_heard(lab->rtr, &from, data, 3, lab->now));
	assert_false(rtr_heard(lab->rtr, &from, data, 0, lab->now));
	/* To somebody else; another port there. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lisp_ecm_parse(data, size, &ecm), 0);
		memcpy(copy + lisp_ecm_size(ADDR_V4), ecm.message, ecm.size);
		ecm.dst = endpoint_of(i == 0 ? "192.0.2.6" : MS_RLOC, i == 0 ? 4342 : 53);
		assert_int_equal(lisp_ecm_build(&ecm, copy, sizeof(copy)), size);
		assert_true(rtr_heard(lab->rtr, &from, copy, size, lab->now));
	}
	assert_int_equal(lab_rtr_count(lab, SERVER_UNKNOWN), 2);
	size = through_rtr(lab, 1, OWN, RTR_RLOC, 1, NULL, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
	size = through_rtr(lab, 1, OWN, RTR_RLOC, 1, &none, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
	assert_int_equal(lab_rtr_count(lab, NO_XTR_ID), 2);
	assert_int_equal(lab_rtr_count(lab, RELAYED), 0);
	assert_int_equal(lab->queued, 0);
	lab_free(lab);
}

/* What an xTR of an early draft sends: no R bit in the ECM, a reserved one set; its own address beside the RTR's. */
static size_t
of_an_early_draft(struct lab *lab, uint64_t nonce, uint8_t *data, size_t room)
{
	struct lisp_xtr_id id = xtr_of(2, 2);
	struct rec rec = {.vn = VN,
			  .eid = "10.2.0.0/24",
			  .rlocs = {RTR_RLOC, LOCAL},
			  .last_unreachable = true,
			  .in_lcaf = true};
	size_t size = record_through_rtr(lab, 1, rec, nonce, &id, data, room);

	data[0] = LISP_ECM << 4;
	data[1] = 0x40;
	return size;
}

static void
xtrs_of_early_drafts_are_served_where_that_is_configured(void **state)
{
	struct lab *lab = lab_make();
	struct endpoint from = stranger(2);
	uint8_t data[512];
	size_t size;

	(void)state;
	lab->rtr_conf.old_drafts = true;
	lab_start(lab);
	size = of_an_early_draft(lab, 1, data, sizeof(data));
	assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
	/* The Map-Notify, which comes back by R and S, is no other than that of today's. */
	lab_settle(lab);
	assert_int_equal(lab_rtr_count(lab, ACCEPTED), 1);
	assert_int_equal(lab_rtr_count(lab, NOTIFIED), 1);
	assert_string_equal(lab_reaches(lab, "10.2.0.5").s, fmt_endpoint(from).s);
	assert_addr(lab_registered(lab, "10.2.0.0/24"), RTR_RLOC);
	/* With the N bit it is for a map-server; a Map-Notify is believed by R alone. */
	data[0] |= 1;
	assert_false(rtr_heard(lab->rtr, &from, data, size, lab->now));
	data[0] = LISP_ECM << 4;
	data[lisp_ecm_size(ADDR_V4) - 2] = data[lisp_ecm_size(ADDR_V4) - 1] = 0;
	data[lisp_ecm_size(ADDR_V4)] = LISP_MAP_NOTIFY << 4;
	assert_false(rtr_heard(lab->rtr, &from, data, size, lab->now));
	lab_free(lab);
}

static void
the_own_address_of_who_is_behind_a_nat_is_told_to_nobody(void **state)
{
	struct lab *lab = lab_make();
	struct lisp_xtr_id id = xtr_of(2, 2);
	struct rec rec = {.vn = VN, .eid = "10.2.0.0/24", .in_lcaf = true};
	struct endpoint from = stranger(2);
	uint8_t data[512];

	/* The own address comes before the RTR's in the set; here it leads somewhere, or another one does not. */
	static const struct {
		const char *rlocs[2];
		const char *first;
		bool last_unreachable;
	} cases[] = {{{RTR_RLOC, LOCAL}, RTR_RLOC, true},
		     {{RTR_RLOC, LOCAL}, LOCAL, false},
		     {{RTR_RLOC, "10.0.0.98"}, "10.0.0.98", true}};

	(void)state;
	lab_start(lab);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		size_t size;

		rec.rlocs[0] = cases[i].rlocs[0];
		rec.rlocs[1] = cases[i].rlocs[1];
		rec.last_unreachable = cases[i].last_unreachable;
		size = record_through_rtr(lab, 1, rec, i + 1, &id, data, sizeof(data));
		assert_true(rtr_heard(lab->rtr, &from, data, size, lab->now));
		lab_settle(lab);
		assert_addr(lab_registered(lab, "10.2.0.0/24"), cases[i].first);
	}
	lab_free(lab);
}

static void
names_are_stable_and_unique(void **state)
{
	(void)state;
	assert_string_equal(rtr_count_name(RTR_RELAYED), "relayed");
	assert_string_equal(rtr_count_name(RTR_COUNT_END), "unknown");
	assert_string_equal(rtr_count_text(RTR_COUNT_END), "unknown");
	for (unsigned i = 0; i < RTR_COUNT_END; i++)
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(rtr_count_name(i), rtr_count_name(j));
}

static void
an_rtr_without_a_map_server_is_not_made(void **state)
{
	struct lab *lab = lab_make();
	struct hash_key key = {1, 2};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct rtr_conf conf = lab->rtr_conf;

		conf.server_count = i == 0 ? 0 : i == 1 ? RTR_SERVERS_MAX + 1 : 1;
		conf.eids_max = i == 2 ? 0 : 1;
		assert_int_equal(rtr_create(&conf, &lab_io, &lab->rtr_party, &lab_rtr_ops,
					    &lab->rtr_party, &key, &lab->rtr),
				 -EINVAL);
	}
	free(lab);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flood_of_strangers_does_not_keep_out_who_is_known),
		cmocka_unit_test(one_address_may_send_few),
		cmocka_unit_test(of_one_map_register_from_two_places_neither_is_believed),
		cmocka_unit_test(only_what_leads_here_and_is_served_becomes_state),
		cmocka_unit_test(the_room_for_eids_has_an_end),
		cmocka_unit_test(a_map_notify_must_be_the_map_servers),
		cmocka_unit_test(what_it_does_not_relay_is_counted),
		cmocka_unit_test(xtrs_of_early_drafts_are_served_where_that_is_configured),
		cmocka_unit_test(the_own_address_of_who_is_behind_a_nat_is_told_to_nobody),
		cmocka_unit_test(names_are_stable_and_unique),
		cmocka_unit_test(an_rtr_without_a_map_server_is_not_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
