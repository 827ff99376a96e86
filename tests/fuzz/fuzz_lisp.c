/* LISP control messages: what is accepted is built again from what was understood, into no more bytes
 * than it had, and reads the same then.  What is skipped (unknown addresses, signatures) is
 * left out. */
#include <stdlib.h>

#include "tests/unit/lisp_rebuild.h"
#include "wire/lisp_ecm.h"
#include "wire/lispdata.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_message(const uint8_t *data, size_t size, const struct lisp_dialect *dialect)
{
	struct lisp_msg msg, back;
	uint8_t *once, *twice;
	int built;

	if (lisp_parse(data, size, dialect, &msg) != 0)
		return;
	once = malloc(size);
	twice = malloc(size);
	BUG_IF(once == NULL || twice == NULL);
	built = lisp_rebuild(&msg, once, size);
	BUG_IF(built <= 0);
	BUG_IF(lisp_parse(once, (size_t)built, dialect, &back) != 0);
	BUG_IF(back.type != msg.type || back.nonce != msg.nonce ||
	       back.record_count != msg.record_count || back.has_xtr_id != msg.has_xtr_id ||
	       back.auth.size != msg.auth.size);
	BUG_IF(lisp_rebuild(&back, twice, size) != built);
	BUG_IF(memcmp(once, twice, (size_t)built) != 0);
	free(once);
	free(twice);
}

static void
check_ecm(const uint8_t *data, size_t size)
{
	struct lisp_ecm ecm, back;
	uint8_t *out;
	size_t head;
	int built;

	if (lisp_ecm_parse(data, size, &ecm) != 0)
		return;
	head = lisp_ecm_head_size(&ecm);
	out = malloc(head + ecm.size);
	BUG_IF(out == NULL);
	memcpy(out + head, ecm.message, ecm.size);
	built = lisp_ecm_build(&ecm, out, head + ecm.size);
	BUG_IF(built < 0 || (size_t)built != head + ecm.size);
	BUG_IF(lisp_ecm_parse(out, (size_t)built, &back) != 0);
	BUG_IF(back.security != ecm.security || back.rtr_auth.size != ecm.rtr_auth.size ||
	       back.rtr_auth.key_id != ecm.rtr_auth.key_id ||
	       back.rtr_auth.algorithm != ecm.rtr_auth.algorithm);
	BUG_IF(back.ddt != ecm.ddt || back.to_etr != ecm.to_etr || back.to_ms != ecm.to_ms ||
	       back.size != ecm.size || !endpoint_equal(back.src, ecm.src) ||
	       !endpoint_equal(back.dst, ecm.dst));
	BUG_IF(memcmp(back.message, ecm.message, ecm.size) != 0);
	free(out);
}

/* The same of what comes in a data packet, behind the LISP header. */
static void
check_inside(const uint8_t *data, size_t size)
{
	struct lisp_ecm inside, back;
	uint8_t *out;
	size_t head;
	int built;

	if (lisp_inside_parse(data, size, &inside) != 0)
		return;
	head = lisp_inside_size(inside.src.addr.family);
	out = malloc(head + inside.size);
	BUG_IF(out == NULL);
	memcpy(out + head, inside.message, inside.size);
	built = lisp_inside_build(&inside, out, head + inside.size);
	BUG_IF(built < 0 || (size_t)built != head + inside.size);
	BUG_IF(lisp_inside_parse(out + LISPDATA_SIZE, (size_t)built - LISPDATA_SIZE, &back) != 0);
	BUG_IF(back.size != inside.size || !endpoint_equal(back.src, inside.src) ||
	       !endpoint_equal(back.dst, inside.dst));
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lisp_dialect plain = {.cp_sub_type = 0x7d5};
	static const struct lisp_dialect historic = {.cp_sub_type = 0x7d5, .cp_type5 = true};

	check_message(data, size, &plain);
	check_message(data, size, &historic);
	check_ecm(data, size);
	check_inside(data, size);
	return 0;
}
