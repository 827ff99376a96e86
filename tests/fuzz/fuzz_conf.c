/* The configuration: any text is either taken or refused with errors that have places. */
#include <errno.h>
#include <stdlib.h>

#include "base/err.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What the checks promise to those who build the LISP roles from it. */
static void
check_lisp(const struct conf *conf)
{
	const struct conf_lisp *lisp = &conf->lisp;
	size_t i;

	BUG_IF(lisp->map_server && !lisp->enabled);
	BUG_IF(lisp->rloc_count > 2 || lisp->map_server_count > 8 || lisp->map_resolver_count > 8);
	BUG_IF(lisp->rloc_count == 0 && lisp->map_server_count + lisp->map_resolver_count > 0);
	for (i = 0; i < lisp->key_count; i++)
		BUG_IF(lisp->keys[i].name == NULL || lisp->keys[i].secret_file == NULL ||
		       lisp->keys[i].algorithm < CONF_LISP_SHA1 ||
		       lisp->keys[i].algorithm > CONF_LISP_SHA256_HKDF);
	for (i = 0; i < lisp->map_server_count; i++)
		BUG_IF(addr_is_none(lisp->map_servers[i].addr) || lisp->map_servers[i].key == NULL);
	for (i = 0; i < lisp->site_count; i++)
		BUG_IF(lisp->sites[i].name == NULL || lisp->sites[i].key_count == 0);
	for (i = 0; i < lisp->mobile_count; i++)
		BUG_IF(lisp->mobiles[i].vn > VN_ID_MAX || lisp->mobiles[i].site_count == 0);
	for (i = 0; i < conf->vn_count; i++)
		BUG_IF(conf->vns[i].lisp && lisp->rloc_count == 0);
}

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
		check_lisp(&conf);
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
