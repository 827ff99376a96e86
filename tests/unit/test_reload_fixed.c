/* What a reload does not change, key by key: it is said, and so it is in the manual. */
#include "tests/unit/reload_rig.h"

#include "conf/keys.h"

static void
change_conf(const struct fixture *f, const char *from, const char *to)
{
	char text[8192] = "";
	FILE *file = fopen(f->file, "r");
	char *at;

	assert_non_null(file);
	assert_true(fread(text, 1, sizeof(text) - 1, file) > 0);
	fclose(file);
	at = strstr(text, from);
	assert_non_null(at);
	file = fopen(f->file, "w");
	assert_non_null(file);
	fprintf(file, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
	fclose(file);
}

/* What is not reloaded, and a change of it.  The manual says so of these keys and of no others. */
static const struct {
	const char *key, *from, *to;
} fixed_keys[] = {
	{"name", "\"name\": \"a\"", "\"name\": \"z\""},
	{"key_file", "a.key", "b.key"},
	{"state_dir", "{", "{\"state_dir\": \"/nowhere\", "},
	{"control_socket", "{", "{\"control_socket\": \"/nowhere\", "},
	{"listen", "{", "{\"listen\": \"192.0.2.1:1\", "},
	{"tcp_listen", "{", "{\"tcp_listen\": \"192.0.2.1:1\", "},
	{"http_proxy", "\"192.0.2.1:2\"", "\"192.0.2.1:3\""},
	{"http_proxy_secret_file", "{", "{\"http_proxy_secret_file\": \"/nowhere\", "},
	{"log.file", "{", "{\"log\": {\"file\": \"/nowhere\"}, "},
	{"session.cipher", "{", "{\"session\": {\"cipher\": \"ChaChaPoly\"}, "},
	{"session.rekey_s", "{", "{\"session\": {\"rekey_s\": 9}, "},
	{"session.rekey_records", "{", "{\"session\": {\"rekey_records\": 99}, "},
	{"session.keepalive_s", "{", "{\"session\": {\"keepalive_s\": 9}, "},
	{"session.mtu_max", "{", "{\"session\": {\"mtu_max\": 999}, "},
	{"underlay.device", "{", "{\"underlay\": {\"device\": \"eth9\"}, "},
	{"underlay.renew", "{", "{\"underlay\": {\"renew\": [\"x\", \"y\"]}, "},
	{"management_port", "{", "{\"management_port\": \"/nowhere\", "},
	{"workers", "{", "{\"workers\": \"2\", "},
	{"busy_poll_us", "{", "{\"busy_poll_us\": 50, "},
	{"hwdt.max", "{", "{\"hwdt\": {\"max\": 99}, "},
	{"features.udp_segment", "{", "{\"features\": {\"udp_segment\": false}, "},
	{"features.udp_gro", "{", "{\"features\": {\"udp_gro\": false}, "},
	{"features.control_socket", "{", "{\"features\": {\"control_socket\": false}, "},
	{"features.ipsec_mb", "{", "{\"features\": {\"ipsec_mb\": false}, "},
	{"features.vnet_hdr", "{", "{\"features\": {\"vnet_hdr\": false}, "},
	{"features.udp_super_frames", "{", "{\"features\": {\"udp_super_frames\": false}, "},
	{"vns[].id", "{\"id\": 10,", "{\"id\": 11,"},
	{"vns[].model", "\"br8\"", "\"br8\", \"model\": \"interface\""},
	{"vns[].device", "\"br8\"", "\"br88\""},
	{"vns[].mac", "\"br8\"", "\"br8\", \"mac\": \"nic\""},
	{"vns[].super_frames", "\"br8\"", "\"br8\", \"super_frames\": false"},
	{"vns[].lisp.use", "\"br8\"", "\"br8\", \"lisp\": {\"use\": true}"},
	{"vns[].proxy", "\"br8\", \"local\": [\"10.1.0.0/24\"]",
	 "\"br8\", \"proxy\": {\"prefixes\": [\"10.9.0.0/16\"]}"},
	{"lisp", LISP, "\"sync\": {}"},
	{"lisp.rlocs", "[{\"address\": \"192.0.2.1\"}",
	 "[{\"address\": \"192.0.2.1\"}, {\"address\": \"2001:db8::1\"}"},
	{"lisp.rlocs[].address", "\"192.0.2.1\"", "\"192.0.2.2\""},
	{"lisp.rlocs[].priority", "\"192.0.2.1\"", "\"192.0.2.1\", \"priority\": 2"},
	{"lisp.rlocs[].weight", "\"192.0.2.1\"", "\"192.0.2.1\", \"weight\": 2"},
	{"lisp.xtr_id", "{\"keys\": [{\"name\"",
	 "{\"xtr_id\": \"0123456789abcdef0123456789abcdef\", \"keys\": [{\"name\""},
	{"lisp.site_id", "\"rlocs\"", "\"site_id\": 5, \"rlocs\""},
	{"lisp.map_servers", "\"map_servers\": [",
	 "\"map_servers\": [{\"address\": \"192.0.2.8\", \"key\": \"k1\"}, "},
	{"lisp.map_servers[].address", "{\"address\": \"192.0.2.9\"",
	 "{\"address\": \"192.0.2.8\""},
	{"lisp.map_servers[].key", "\"192.0.2.9\", \"key\": \"k1\"",
	 "\"192.0.2.9\", \"key\": \"k2\""},
	{"lisp.map_servers[].proxy_reply", "\"192.0.2.9\", ",
	 "\"192.0.2.9\", \"proxy_reply\": false, "},
	{"lisp.map_servers[].ids", "\"192.0.2.9\", ", "\"192.0.2.9\", \"ids\": false, "},
	{"lisp.map_servers[].merge", "\"192.0.2.9\", ", "\"192.0.2.9\", \"merge\": true, "},
	{"lisp.map_servers[].acknowledge", "\"192.0.2.9\", ",
	 "\"192.0.2.9\", \"acknowledge\": \"all\", "},
	{"lisp.status_bits", "\"rlocs\"", "\"status_bits\": true, \"rlocs\""},
	{"lisp.map_resolvers", "[\"192.0.2.9\"]", "[\"192.0.2.8\"]"},
	{"lisp.subscribe", "\"rlocs\"", "\"subscribe\": true, \"rlocs\""},
	{"lisp.ttl_min", "\"rlocs\"", "\"ttl_min\": 5, \"rlocs\""},
	{"lisp.register_s", "\"rlocs\"", "\"register_s\": 5, \"rlocs\""},
	{"lisp.probe_s", "\"rlocs\"", "\"probe_s\": 5, \"rlocs\""},
	{"lisp.cache_max", "\"rlocs\"", "\"cache_max\": 55, \"rlocs\""},
	{"lisp.reply_rate", "\"rlocs\"", "\"reply_rate\": 5, \"rlocs\""},
	{"lisp.push.key", "\"push\": {\"key\": \"k1\"", "\"push\": {\"key\": \"k2\""},
	{"lisp.push.sub_type", "\"push\": {", "\"push\": {\"sub_type\": 5, "},
	{"lisp.push.type5", "\"push\": {", "\"push\": {\"type5\": true, "},
	{"lisp.data_port", "\"rlocs\"", "\"data_port\": 5, \"rlocs\""},
	{"lisp.control_port", "\"rlocs\"", "\"control_port\": 5, \"rlocs\""},
	{"lisp.nat", "\"rlocs\"", "\"nat\": true, \"rlocs\""},
	{"lisp.nat_keepalive_s", "\"rlocs\"", "\"nat_keepalive_s\": 5, \"rlocs\""},
	{"lisp.rtr",
	 "\"rtr\": {\"map_servers\": [{\"address\": \"192.0.2.7\",  \"key\": \"k2\"}]}, ", ""},
	{"lisp.rtr.map_servers", "\"rtr\": {\"map_servers\": [",
	 "\"rtr\": {\"map_servers\": [{\"address\": \"192.0.2.6\", \"key\": \"k1\"}, "},
	{"lisp.rtr.map_servers[].address", "192.0.2.7", "192.0.2.6"},
	{"lisp.rtr.map_servers[].key", "\"192.0.2.7\",  \"key\": \"k2\"",
	 "\"192.0.2.7\",  \"key\": \"k1\""},
	{"lisp.rtr.max_eids", "\"rtr\": {", "\"rtr\": {\"max_eids\": 5, "},
	{"lisp.rtr.old_drafts", "\"rtr\": {", "\"rtr\": {\"old_drafts\": true, "},
	{"lisp.map_server", MAP_SERVER, "}"},
	{"lisp.map_server.max_eids", "{\"sites\"", "{\"max_eids\": 5, \"sites\""},
	{"lisp.map_server.bare_requests", "{\"sites\"", "{\"bare_requests\": false, \"sites\""},
};

static void
what_is_not_reloaded_is_said(void **state)
{
	struct fixture *f = *state;
	size_t fixed = 0, size;

	for (size_t i = 0; key_at(i) != NULL; i++)
		fixed += key_at(i)->fixed;
	assert_int_equal(fixed, ARRAY_COUNT(fixed_keys));
	for (size_t i = 0; i < ARRAY_COUNT(fixed_keys); i++) {
		struct daemon_reload r;

		assert_true(key_find(fixed_keys[i].key)->fixed);
		write_conf(f, "", before);
		assert_true(reload_ends_well(f));
		change_conf(f, fixed_keys[i].from, fixed_keys[i].to);
		daemon_reload(&f->d, &r, START);
		/* Of an array it is said as a whole. */
		size = strcspn(fixed_keys[i].key, "[");
		if (strncmp(r.text, fixed_keys[i].key, size) != 0 ||
		    strchr("[:", r.text[size]) == NULL || strstr(r.text, "a restart\n") == NULL)
			fail_msg("%s: %s", fixed_keys[i].key, r.text);
		/* Nothing else is said. */
		assert_ptr_equal(strstr(r.text, "a restart\n"), strchr(r.text, '\n') - 9);
		daemon_reload_fini(&r);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_reloaded_is_said, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
