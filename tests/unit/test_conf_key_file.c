/* The file with the router's private key, by itself and in a configuration. */
#include <sys/stat.h>
#include <unistd.h>

#include "base/fmt.h"
#include "tests/unit/conf_texts.h"

static void
keys_survive_their_file(void **state)
{
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t key[CONF_KEY_SIZE], again[CONF_KEY_SIZE];
	struct stat st;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/key", directory);
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 1);
	assert_int_equal(conf_key_read(file, again), -ENOENT);
	assert_int_equal(conf_key_write(file, key), 0);
	assert_int_equal(conf_key_write(file, key), -EEXIST);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 45);
	assert_int_equal(conf_key_read(file, again), 0);
	assert_memory_equal(key, again, sizeof(key));
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(conf_key_read(file, again), -EPERM);
	assert_int_equal(chmod(file, 0400), 0);
	assert_int_equal(conf_key_read(file, again), 0);
	unlink(file);
	rmdir(directory);
}

static void
files_that_are_no_keys_are_refused(void **state)
{
	static const char *const texts[] = {
		"", "\n", "AAAA\n", (KEY_B "x\n"), (KEY_B "\n\n"), (KEY_B " "), ("*" KEY_B),
	};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t key[CONF_KEY_SIZE];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/key", directory);
	assert_int_equal(conf_key_read(directory, key), -EINVAL);
	for (i = 0; i < ARRAY_COUNT(texts); i++) {
		FILE *out = fopen(file, "w");

		fputs(texts[i], out);
		fclose(out);
		assert_int_equal(chmod(file, 0600), 0);
		assert_int_equal(conf_key_read(file, key), -EINVAL);
	}
	unlink(file);
	rmdir(directory);
}

/* A key file that stands where the name says so. */
static int
public_key(const char *key_file, uint8_t key[CONF_KEY_SIZE])
{
	memset(key, 0, CONF_KEY_SIZE);
	if (strcmp(key_file, "/b") == 0)
		return base64_to_bytes(KEY_B, key, CONF_KEY_SIZE);
	return strcmp(key_file, "/wide") == 0     ? -EPERM
	       : strcmp(key_file, "/broken") == 0 ? -EINVAL
						  : -ENOENT;
}

static void
the_key_file_is_checked_where_its_reader_is_given(void **state)
{
#define KEY_FILE(name)                                                                             \
	"{\"name\":\"a\",\"key_file\":\"" name "\",\n\"vns\":[" VN                                 \
	"],\n\"peers\":[" PEER("c", KEY_C, "") ",\n" PEER("b", KEY_B, "") "]}\n"
#define WANTED                                                                                     \
	"1:24: key_file: expected a private key as \"vrctl keygen\" makes it, in a file of mode "  \
	"0600, found "
	static const struct bad rows[] = {
		{KEY_FILE("/none"), WANTED "No such file or directory\n"},
		{KEY_FILE("/wide"), WANTED "a file that others may use\n"},
		{KEY_FILE("/broken"), WANTED "a file without a key\n"},
		{KEY_FILE("/b"), "4:26: peers[1].public_key: expected the key of another router, "
				 "found the key of this one\n"},
	};
	char file[] = "/tmp/test_conf.XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		struct outcome o = {.rc = 0};
		size_t size;
		FILE *out = open_memstream(&o.lines, &size);
		char wanted[512];

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, rows[i].text, strlen(rows[i].text), 0),
				 strlen(rows[i].text));
		assert_int_equal(conf_read(file, &o.conf, &o.errors), 0);
		conf_fini(&o.conf);
		conf_errors_fini(&o.errors);
		assert_int_equal(conf_read_with_key(file, public_key, &o.conf, &o.errors), -EINVAL);
		conf_errors_print(&o.errors, file, out);
		fclose(out);
		snprintf(wanted, sizeof(wanted), "%s:%s", file, rows[i].lines);
		assert_string_equal(o.lines, wanted);
		outcome_fini(&o);
	}
	close(fd);
	unlink(file);
#undef KEY_FILE
#undef WANTED
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_survive_their_file),
		cmocka_unit_test(files_that_are_no_keys_are_refused),
		cmocka_unit_test(the_key_file_is_checked_where_its_reader_is_given),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
