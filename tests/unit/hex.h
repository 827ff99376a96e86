/* Bytes of a message as text, in the groups that the drawing of its format has. */
#ifndef TESTS_UNIT_HEX_H
#define TESTS_UNIT_HEX_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two digits each, blanks anywhere between.  Returns their number; aborts for anything else and for
 * more than 'room' of them. */
static inline size_t
hex_bytes(const char *text, uint8_t *out, size_t room)
{
	size_t count = 0;
	unsigned v;

	for (;; text += 2) {
		text += strspn(text, " ");
		if (*text == '\0')
			return count;
		if (count == room || strspn(text, "0123456789abcdef") < 2 ||
		    sscanf(text, "%2x", &v) != 1)
			abort();
		out[count++] = (uint8_t)v;
	}
}

#endif
