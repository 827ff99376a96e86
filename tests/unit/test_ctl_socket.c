/* The control socket's file: who may use it, and what is replaced. */
#include <sys/stat.h>

#include "tests/unit/ctl_rig.h"

static void
the_socket_is_for_its_owner_and_group_only(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0660);
}

static void
only_a_dead_socket_is_replaced(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[108];
	struct ctl *other;
	FILE *file;
	int fd;

	assert_int_equal(ctl_create(f->path, commands, 1, f, NULL, &other), -EADDRINUSE);
	assert_null(other);
	assert_int_equal(access(f->path, F_OK), 0);

	snprintf(path, sizeof(path), "%s/run/dead", f->directory);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(ctl_create(path, commands, 1, f, NULL, &other), 0);
	ctl_destroy(other);

	file = fopen(path, "w");
	fclose(file);
	assert_int_equal(ctl_create(path, commands, 1, f, NULL, &other), -EADDRINUSE);
	assert_int_equal(unlink(path), 0);
}

static void
a_path_that_is_too_long_is_refused(void **state)
{
	char path[200];
	struct ctl *other;

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ctl_create(path, commands, 1, NULL, NULL, &other), -ENAMETOOLONG);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_socket_is_for_its_owner_and_group_only),
		TEST(only_a_dead_socket_is_replaced),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
