/* A reload of a whole router without devices: what changes, what stays, and that it is all or nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fmt.h"
#include "tests/unit/table_memory.h"
#include "tests/unit/table_arena.h"
#include "vr/tunnel.h"

/* What a reload allocates comes from here. */
#include "tables/gndt.c"
#include "tables/lndt.c"
#include "tables/lpm.c"
#include "tables/retire.c"
#include "tables/tb.c"
#include "tables/tb_find.c"
#include "tables/tb_top.c"
#include "tables/tb_walk.c"
#include "tables/peer.c"
#include "vr/roster.c"
#include "vr/session.c"
#include "vr/setup.c"

static us_t last_silence;

static void
note_silence(struct tunnel *t, us_t silence)
{
	last_silence = silence;
	tunnel_set_silence(t, silence);
}

#define tunnel_set_silence note_silence
#include "vr/reload.c"

#include "tests/unit/reload_rig.h"

/* Everything that a reload could change, as text; free it. */
static char *
picture(struct fixture *f)
{
	const struct prefix *after = NULL;
	struct gndt_route route;
	const struct hwdt_entry *e;
	struct tunnel_peer_stats stats;
	struct vr *vr = f->d.vr;
	uint32_t position = 0;
	size_t row_position = 0, size;
	const struct peer *p;
	struct lndt_row row;
	vn_id_t vn = 0;
	char *text;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	while ((p = peers_next(vr->peers, &position)) != NULL) {
		fprintf(out, "peer %u %s %s %u:", p->slot, p->name, fmt_vr_id(p->id).s, p->state);
		for (size_t i = 0; i < p->vn_count; i++)
			fprintf(out, " %u", p->vns[i].vn);
		fprintf(out, "\n");
	}
	for (uint32_t slot = 0; slot < 16; slot++)
		if (tunnel_peer_stats(f->d.tunnel, slot, START, &stats))
			fprintf(out, "tunnel %u %s\n", slot, fmt_endpoint(stats.endpoint).s);
	for (size_t i = 0; i < f->d.peer_count; i++)
		fprintf(out, "daemon %u %s\n", f->d.peers[i].slot, fmt_vr_id(f->d.peers[i].id).s);
	for (size_t i = 0; lndt_row(vr->lndt, i, &row); i++)
		fprintf(out, "lndt %u %s %s\n", row.vn, fmt_prefix(row.prefix).s,
			fmt_vr_id(row.vr).s);
	for (; gndt_next(vr->gndt, &vn, after, &route); after = &route.prefix)
		fprintf(out, "gndt %u %s %s %u %u\n", vn, fmt_prefix(route.prefix).s,
			fmt_vr_id(route.vr).s, route.slot, route.origin);
	while ((e = hwdt_next(vr->hwdt, &row_position)) != NULL)
		fprintf(out, "hwdt %u %s %s\n", e->b.vn, fmt_addr(e->b.ip).s, fmt_vr_id(e->b.vr).s);
	fprintf(out, "conf %p silence %lld\n", (const void *)f->d.conf, (long long)last_silence);
	fclose(out);
	return text;
}

/* b has another name and other networks, c is gone, d and e are new; one prefix is as long as a machine's route. */
static const char after[] =
	"{\"name\": \"d\", @d, \"endpoints\": [\"192.0.2.4:1\"], \"vns\": ["
	"  {\"id\": 7, \"prefixes\": [\"10.3.0.0/24\", \"10.1.0.5/32\", \"10.4.0.0/24\"]}]},"
	"{\"name\": \"bb\", @b, \"endpoints\": [\"192.0.2.22:1\"], \"vns\": ["
	"  {\"id\": 10}, {\"id\": 9}, {\"id\": 7, \"prefixes\": [\"10.2.0.0/25\"]}]},"
	"{\"name\": \"e\", @e, \"vns\": [{\"id\": 8, \"prefixes\": [\"10.5.0.0/24\"]}]}";

static bool
is_known(const struct fixture *f, vn_id_t vn, const char *eid)
{
	struct addr ip;

	assert_int_equal(addr_from_text(eid, &ip), 0);
	return hwdt_find(f->d.vr->hwdt, vn, ip) != NULL;
}

/* With so many allocations. */
static bool
reload_ends_well_with(struct fixture *f, size_t memory)
{
	bool done;

	memory_allow(memory);
	done = reload_ends_well(f);
	memory_allow(MEMORY_ALL);
	return done;
}

static int
setup_here(void **state)
{
	int rc = setup(state);

	last_silence = daemon_silence(((struct fixture *)*state)->d.conf);
	return rc;
}

static int
teardown_here(void **state)
{
	memory_allow(MEMORY_ALL);
	return teardown(state);
}

static void
a_peer_keeps_its_place_under_another_name_and_in_other_networks(void **state)
{
	struct fixture *f = *state;
	uint32_t slot = f->d.peers[0].slot;
	const struct peer *b = peers_at(f->d.vr->peers, slot);

	assert_true(is_known(f, 7, "10.2.0.9") && is_known(f, 8, "10.2.0.8"));
	write_conf(f, "\"sync\": {\"hello_ms\": 200},", after);
	assert_true(reload_ends_well(f));
	assert_ptr_equal(peers_at(f->d.vr->peers, slot), b);
	assert_int_equal(f->d.peers[1].slot, slot);
	assert_string_equal(b->name, "bb");
	assert_int_equal(b->state, PEER_UP);
	assert_non_null(peer_vn(b, 7));
	assert_null(peer_vn(b, 8));
	assert_non_null(peer_vn(b, 9));
	assert_non_null(peer_vn(b, 10));
	/* Its machines are known on, but for those of a network that it is not in any more. */
	assert_true(is_known(f, 7, "10.2.0.9"));
	assert_true(is_known(f, 7, "10.1.0.5"));
	assert_false(is_known(f, 8, "10.2.0.8"));
	/* The one that is gone is so with all that it had. */
	assert_null(peers_find(f->d.vr->peers, f->ids[1]));
	assert_false(is_known(f, 7, "10.3.0.9"));
	assert_int_equal(last_silence, 600 * US_MS);
	assert_true(f->d.vr->hello_due <= START && f->d.vr->wake);
}

static void
what_became_of_peers_is_said(void **state)
{
	static const char *const lines[] = {"peer d: added\n", "peer e: added\n",
					    "peer b: now called bb\n", "peer bb: other networks\n",
					    "peer c: removed\n"};
	struct fixture *f = *state;
	struct daemon_reload r;

	write_conf(f, "", after);
	daemon_reload(&f->d, &r, START);
	for (size_t i = 0; i < ARRAY_COUNT(lines); i++)
		assert_non_null(strstr(r.text, lines[i]));
	daemon_reload_fini(&r);
}

/* As --check says it. */
static void
a_file_that_is_gone_has_no_line(void **state)
{
	struct fixture *f = *state;
	struct daemon_reload r;
	char text[256];

	unlink(f->file);
	daemon_reload(&f->d, &r, START);
	snprintf(text, sizeof(text),
		 "%s: expected a file that can be read, found No such file or directory\n"
		 "nothing was changed\n",
		 f->file);
	assert_true(r.refused);
	assert_string_equal(r.text, text);
	daemon_reload_fini(&r);
}

/* With ever more allocations allowed, each failure must leave everything as it was. */
static void
short_memory_changes_nothing(void **state)
{
	struct fixture *f = *state;
	char *was = picture(f);
	size_t allowed = 0;

	write_conf(f, "\"sync\": {\"hello_ms\": 200},", after);
	for (; !reload_ends_well_with(f, allowed); allowed++) {
		char *is = picture(f);

		assert_string_equal(is, was);
		free(is);
	}
	/* Four routes, two peers, their sessions, the LNDT ... */
	assert_true(allowed > 30);
	free(was);
}

static void
every_error_is_said_however_many(void **state)
{
	struct fixture *f = *state;
	struct daemon_reload r;
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fprintf(out, "{\n");
	for (unsigned i = 0; i < 500; i++)
		fprintf(out, "\"no_such_key_%u\": 1,\n", i);
	fprintf(out, "\"name\": \"a\"}\n");
	fclose(out);
	daemon_reload(&f->d, &r, START);
	assert_true(r.refused);
	assert_non_null(strstr(r.text, "no_such_key_0:"));
	assert_non_null(strstr(r.text, "no_such_key_499:"));
	assert_non_null(strstr(r.text, "\nnothing was changed\n"));
	daemon_reload_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_peer_keeps_its_place_under_another_name_and_in_other_networks, setup_here,
			teardown_here),
		cmocka_unit_test_setup_teardown(what_became_of_peers_is_said, setup_here,
						teardown_here),
		cmocka_unit_test_setup_teardown(a_file_that_is_gone_has_no_line, setup_here,
						teardown_here),
		cmocka_unit_test_setup_teardown(short_memory_changes_nothing, setup_here,
						teardown_here),
		cmocka_unit_test_setup_teardown(every_error_is_said_however_many, setup_here,
						teardown_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
