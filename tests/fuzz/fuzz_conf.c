/* The configuration: any text is either taken or refused with errors that have places. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf conf;
	struct conf_errors errors;
	char *lines = NULL;
	size_t lines_size, i;
	FILE *out = open_memstream(&lines, &lines_size);
	int rc = conf_parse((const char *)data, size, &conf, &errors);

	conf_errors_print(&errors, "f", out);
	fclose(out);
	if (rc == 0) {
		BUG_IF(errors.count != 0);
		BUG_IF(conf.name == NULL || conf.key_file == NULL || conf.vn_count == 0);
		for (i = 0; i < conf.vn_count; i++)
			BUG_IF(conf.vns[i].id > VN_ID_MAX || conf.vns[i].device == NULL);
	} else {
		BUG_IF(rc != -EINVAL || errors.count == 0);
		for (i = 0; i < errors.count; i++)
			BUG_IF(errors.rows[i].line == 0 || errors.rows[i].column == 0);
	}
	conf_fini(&conf);
	conf_errors_fini(&errors);
	free(lines);
	return 0;
}
