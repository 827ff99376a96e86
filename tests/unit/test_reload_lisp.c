/* A reload and the LISP roles: prefixes, sites and secrets. */
#include "tests/unit/reload_rig.h"

#include <sys/stat.h>

#include "lisp/mapserver.h"
#include "vr/mapsys.h"

static void
write_secret(const char *file, const char *secret)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	fprintf(out, "%s", secret);
	fclose(out);
	assert_int_equal(chmod(file, 0600), 0);
}

/* A configuration with a map-server and an xTR, and two more texts in it. */
static void
write_roles(const struct fixture *f, const char *local, const char *site)
{
	FILE *out = fopen(f->file, "w");

	assert_non_null(out);
	fprintf(out,
		"{\"name\": \"a\", \"key_file\": \"/nowhere/a.key\","
		" \"vns\": [{\"id\": 7, \"device\": \"br7\", \"lisp\": {\"use\": true},"
		"  \"local\": [%s]}], \"lisp\": {"
		" \"keys\": [{\"name\": \"k\", \"secret_file\": \"%s.k\"},"
		"  {\"name\": \"l\", \"secret_file\": \"%s.l\"}],"
		" \"rlocs\": [{\"address\": \"192.0.2.1\"}], \"data_port\": 14341,"
		" \"control_port\": 14342,"
		" \"map_servers\": [{\"address\": \"192.0.2.9\", \"key\": \"k\"}],"
		" \"map_server\": {\"sites\": [{\"name\": \"s\", \"keys\": [\"k\"],"
		"  \"prefixes\": [{\"vn\": 7, \"prefix\": \"10.1.0.0/24\"}]}%s]}}}\n",
		local, f->file, f->file, site);
	fclose(out);
}

static size_t
registrations(const struct fixture *f, const char *prefix)
{
	struct xtr_registration r;
	size_t position = 0, count = 0;

	while (xtr_registration_next(mapsys_xtr(f->d.vr->mapsys), &position, &r))
		count += strcmp(fmt_prefix(r.prefix).s, prefix) == 0 && r.tries == 0;
	return count;
}

static void
the_lisp_roles_follow(void **state)
{
	static const char other[] = ", {\"name\": \"t\", \"keys\": [\"l\"], \"prefixes\": []}";
	struct fixture *f = *state;
	unsigned pid = (unsigned)getpid();
	const struct ms *ms;
	struct daemon_reload r;
	char secret[80], more[80];

	snprintf(secret, sizeof(secret), "%s.k", f->file);
	snprintf(more, sizeof(more), "%s.l", f->file);
	write_secret(secret, "one");
	write_secret(more, "one");
	/* Roles do not come by a reload: a router that has them. */
	teardown_router(f);
	write_roles(f, "\"10.1.0.0/24\"", "");
	start_router(f, 0);
	/* One that can be bound to, and by this test alone. */
	f->d.conf->lisp.rlocs[0].addr =
		(struct addr){ADDR_V4, {127, 9, pid >> 8 & 0xff, pid & 0xff}};
	assert_int_equal(daemon_lisp_open(&f->d), 0);
	assert_int_equal(daemon_lisp_start(&f->d), 0);
	ms = daemon_map_server(&f->d);
	assert_non_null(ms);
	assert_int_equal(registrations(f, "10.1.0.0/24"), 1);
	assert_null(mapserver_site_name(ms, 1));

	/* A map-server that does not take its sites goes on with those of before: no two may have one secret. */
	write_roles(f, "\"10.1.0.0/24\", \"10.9.0.0/24\"", other);
	daemon_reload(&f->d, &r, START);
	assert_non_null(strstr(r.text, "lisp: stays as it was: "));
	daemon_reload_fini(&r);
	assert_null(mapserver_site_name(ms, 1));
	write_secret(more, "another");
	assert_true(reload_ends_well(f));
	assert_int_equal(registrations(f, "10.1.0.0/24"), 1);
	assert_int_equal(registrations(f, "10.9.0.0/24"), 1);
	assert_string_equal(mapserver_site_name(ms, 1), "t");

	/* What is missing is found before anything is changed. */
	assert_int_equal(unlink(secret), 0);
	write_roles(f, "\"10.1.0.0/24\"", "");
	assert_false(reload_ends_well(f));
	assert_int_equal(registrations(f, "10.9.0.0/24"), 1);
	write_secret(secret, "two");
	assert_true(reload_ends_well(f));
	daemon_lisp_step(&f->d, START);
	assert_int_equal(registrations(f, "10.9.0.0/24"), 0);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(unlink(more), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_lisp_roles_follow, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
