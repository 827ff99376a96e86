/* Files with secrets: read without their line end, and not when others may read them. */
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/conf_outcome.h"

struct secret {
	const char *text;
	size_t size;
	ssize_t result;
};

static void
write_file(const char *file, const char *text, size_t size)
{
	FILE *out = fopen(file, "w");

	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	fclose(out);
	assert_int_equal(chmod(file, 0600), 0);
}

static void
secrets_are_read_without_their_line_end(void **state)
{
	static const struct secret rows[] = {
		{"s", 1, 1},
		{"a secret\n", 9, 8},
		{"a secret\n\n", 10, 9},
		{"a secret\r\n", 10, 9},
		{"\0\n", 2, 1},
		{"", 0, -EINVAL},
		{"\n", 1, -EINVAL},
		{"12345678901", 11, -EFBIG},
		{"12345678901\n", 12, -EFBIG},
		{"1234567890\n", 11, 10},
		{"1234567890\n\n", 12, -EFBIG},
	};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	for (i = 0; i < ARRAY_COUNT(rows); i++) {
		uint8_t *secret = malloc(10);
		ssize_t size;

		write_file(file, rows[i].text, rows[i].size);
		size = conf_secret_read(file, secret, 10);
		assert_int_equal(size, rows[i].result);
		if (size > 0)
			assert_memory_equal(secret, rows[i].text, (size_t)size);
		free(secret);
	}
	unlink(file);
	rmdir(directory);
}

static void
the_longest_secret_is_read_whole(void **state)
{
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64], text[CONF_SECRET_SIZE_MAX + 3];
	uint8_t secret[CONF_SECRET_SIZE_MAX * 2];

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	memset(text, 'x', sizeof(text));
	text[CONF_SECRET_SIZE_MAX] = '\n';
	write_file(file, text, CONF_SECRET_SIZE_MAX);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), CONF_SECRET_SIZE_MAX);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 1);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), CONF_SECRET_SIZE_MAX);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 2);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EFBIG);
	write_file(file, text, CONF_SECRET_SIZE_MAX + 3);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EFBIG);
	unlink(file);
	rmdir(directory);
}

static void
secrets_that_others_may_read_are_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0700, 0620, 0601};
	char directory[] = "/tmp/test_conf.XXXXXX";
	char file[64];
	uint8_t secret[8] = {0};
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/secret", directory);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -ENOENT);
	assert_int_equal(conf_secret_read(directory, secret, sizeof(secret)), -EINVAL);
	write_file(file, "s", 1);
	for (i = 0; i < ARRAY_COUNT(modes); i++) {
		assert_int_equal(chmod(file, modes[i]), 0);
		assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), -EPERM);
	}
	assert_int_equal(secret[0], 0);
	assert_int_equal(chmod(file, 0400), 0);
	assert_int_equal(conf_secret_read(file, secret, sizeof(secret)), 1);
	unlink(file);
	rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_read_without_their_line_end),
		cmocka_unit_test(the_longest_secret_is_read_whole),
		cmocka_unit_test(secrets_that_others_may_read_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
