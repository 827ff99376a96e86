/* A row of slots in front of one socket. */
#include "vr/mail.h"

#include <errno.h>
#include <stdlib.h>

struct mail {
	struct udp *udp;
	size_t count;
	struct udp_letter letters[MAIL_COUNT];
	uint8_t bytes[MAIL_COUNT][MAIL_SIZE_MAX];
};

struct mail *
mail_create(struct udp *udp)
{
	struct mail *m = calloc(1, sizeof(*m));

	if (m != NULL)
		m->udp = udp;
	return m;
}

void
mail_destroy(struct mail *m)
{
	free(m);
}

int
mail_put(struct mail *m, const struct endpoint *to, const uint8_t *msg, size_t size)
{
	unsigned sent;

	if (m->count == MAIL_COUNT || size > MAIL_SIZE_MAX)
		mail_flush(m);
	if (size > MAIL_SIZE_MAX)
		return udp_send(m->udp, to, msg, size, size, &sent);
	if (!udp_reaches(m->udp, to))
		return -EAFNOSUPPORT;
	memcpy(m->bytes[m->count], msg, size);
	m->letters[m->count] =
		(struct udp_letter){.to = *to, .data = m->bytes[m->count], .size = size};
	m->count++;
	return 0;
}

void
mail_flush(struct mail *m)
{
	if (m->count > 0)
		udp_send_letters(m->udp, m->letters, m->count);
	m->count = 0;
}
