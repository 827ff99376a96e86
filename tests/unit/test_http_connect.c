/* A tunnel through an HTTP proxy: what is asked, and which answers open it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/fmt.h"
#include "tests/unit/span.h"
#include "vr/http_connect.h"

#define OK "HTTP/1.1 200 OK\r\n"

static struct endpoint
endpoint(const char *text)
{
	struct endpoint ep;

	assert_int_equal(endpoint_from_text(text, &ep), 0);
	return ep;
}

static void
a_request_names_its_endpoint(void **state)
{
	static const struct {
		const char *to, *credentials, *request;
	} rows[] = {
		{"192.0.2.1:443", "",
		 "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n\r\n"},
		{"[2001:db8::1]:8443", "",
		 "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n"},
		{"192.0.2.1:443", "Aladdin:open sesame",
		 "CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: 192.0.2.1:443\r\n"
		 "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		char out[HTTP_CONNECT_REQUEST_MAX];
		struct endpoint to = endpoint(rows[k].to);
		size_t size = http_connect_request(&to, (const uint8_t *)rows[k].credentials,
						   strlen(rows[k].credentials), out);

		assert_int_equal(size, strlen(rows[k].request));
		assert_memory_equal(out, rows[k].request, size);
	}
}

static void
the_longest_request_has_room(void **state)
{
	struct endpoint to = endpoint("[2001:db8:1111:2222:3333:4444:5555:6666]:65535");
	uint8_t credentials[HTTP_CONNECT_CREDENTIALS_MAX];
	char out[HTTP_CONNECT_REQUEST_MAX];

	(void)state;
	memset(credentials, 'x', sizeof(credentials));
	assert_true(http_connect_request(&to, credentials, sizeof(credentials), out) <
		    HTTP_CONNECT_REQUEST_MAX);
}

/* Whole, and byte by byte. */
static void
expect(const char *answer, enum http_connect_verdict verdict, unsigned status, size_t used)
{
	size_t size = strlen(answer), found, all = 0;
	uint8_t *copy = span_copy((const uint8_t *)answer, size);
	struct http_connect whole = {.seen = 0}, parts = {.seen = 0};

	if (http_connect_heard(&whole, copy, size, &found) != verdict)
		print_error("answer: %s\n", answer);
	assert_int_equal(whole.verdict, verdict);
	assert_int_equal(found, used);
	assert_int_equal(whole.status, status);
	for (size_t i = 0; i < size; i++) {
		(void)http_connect_heard(&parts, copy + i, 1, &found);
		all += found;
	}
	assert_int_equal(parts.verdict, verdict);
	assert_int_equal(all, used);
	free(copy);
}

static void
answers_are_judged(void **state)
{
	static const struct {
		const char *answer;
		enum http_connect_verdict verdict;
		unsigned status;
		size_t behind; /* bytes that are not the proxy's */
	} rows[] = {
		{OK "\r\n", HTTP_CONNECT_OPEN, 200, 0},
		{"HTTP/1.0 200 Connection established\r\n\r\n", HTTP_CONNECT_OPEN, 200, 0},
		{"HTTP/1.1 204\r\n\r\n", HTTP_CONNECT_OPEN, 204, 0},
		{"HTTP/1.1 200 \r\n\r\n", HTTP_CONNECT_OPEN, 200, 0},
		{OK "Via: 1.1 x\r\nX-Empty:\r\nContent-Length: 3\r\n\r\nvrd", HTTP_CONNECT_OPEN,
		 200, 3},
		{"HTTP/1.1 100 Continue\r\n\r\n" OK "\r\n", HTTP_CONNECT_OPEN, 200, 0},
		{"HTTP/1.1 100\r\nA: b\r\n\r\nHTTP/1.1 407 Auth\r\n\r\n<", HTTP_CONNECT_REFUSED,
		 407, 1},
		{"HTTP/1.1 403 Forbidden\r\nA: b\r\n\r\n", HTTP_CONNECT_REFUSED, 403, 0},
		{"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", HTTP_CONNECT_REFUSED, 302, 0},
		{OK, HTTP_CONNECT_MORE, 200, 0},
		{OK "A: b\r\n\r", HTTP_CONNECT_MORE, 200, 0},
		{"", HTTP_CONNECT_MORE, 0, 0},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++)
		expect(rows[k].answer, rows[k].verdict, rows[k].status,
		       strlen(rows[k].answer) - rows[k].behind);
}

static void
what_is_not_http_is_told_at_its_first_byte(void **state)
{
	static const struct {
		const char *right, *wrong;
		unsigned status;
	} rows[] = {
		{"", "SSH-2.0-x", 0},
		{"", "http/1.1 200\r\n\r\n", 0},
		{"HTTP/", "2 200\r\n\r\n", 0},
		{"HTTP/1.", "x 200\r\n\r\n", 0},
		{"HTTP/1.1", "\t200\r\n\r\n", 0},
		{"HTTP/1.1 ", "099 x", 0},
		{"HTTP/1.1 ", "600 x", 0},
		{"HTTP/1.1 20", "x", 20},
		{"HTTP/1.1 200", "0 OK", 200},
		{"HTTP/1.1 200", "\n\n", 200},
		{"HTTP/1.1 200 OK", "\n", 200},
		{"HTTP/1.1 200 O", "\1K", 200},
		{"HTTP/1.1 200 OK\r", "\r\n", 200},
		{OK, "\n", 200},
		{OK, " folded: x", 200},
		{OK, ": x", 200},
		{OK "Name", " : x", 200},
		{OK "Name", "\r\n", 200},
		{OK "A: b", "\n\r\n", 200},
		{OK "A: b\r", "A", 200},
		{OK "A: b\r\n\r", "x", 200},
		{"HTTP/1.1 101 Switching\r\n\r", "\n", 101},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		char text[128];

		snprintf(text, sizeof(text), "%s%s", rows[k].right, rows[k].wrong);
		struct http_connect h = {.seen = 0};
		size_t used;

		assert_int_equal(http_connect_heard(&h, (const uint8_t *)rows[k].right,
						    strlen(rows[k].right), &used),
				 HTTP_CONNECT_MORE);
		h = (struct http_connect){.seen = 0};
		if (http_connect_heard(&h, (const uint8_t *)text, strlen(text), &used) !=
		    HTTP_CONNECT_MALFORMED)
			print_error("answer: %s\n", text);
		assert_int_equal(h.verdict, HTTP_CONNECT_MALFORMED);
		assert_int_equal(used, strlen(rows[k].right) + 1);
	}
}

static void
an_answer_has_a_limit(void **state)
{
	size_t size = HTTP_CONNECT_ANSWER_MAX, used;
	uint8_t *answer = malloc(size + 1);
	struct http_connect h = {.seen = 0};

	(void)state;
	memset(answer, 'a', size + 1);
	memcpy(answer, OK "A:", strlen(OK "A:"));
	assert_int_equal(http_connect_heard(&h, answer, size - 1, &used), HTTP_CONNECT_MORE);
	assert_int_equal(http_connect_heard(&h, answer + size - 1, 2, &used),
			 HTTP_CONNECT_TOO_LARGE);
	assert_int_equal(used, 1);
	/* The last byte that is allowed may be the last one. */
	h = (struct http_connect){.seen = 0};
	memcpy(answer + size - 4, "\r\n\r\n", 4);
	assert_int_equal(http_connect_heard(&h, answer, size, &used), HTTP_CONNECT_OPEN);
	/* Interim answers share it. */
	h = (struct http_connect){.seen = 0};
	for (size_t i = 0; h.verdict == HTTP_CONNECT_MORE; i++) {
		static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";

		assert_true(i <= size);
		(void)http_connect_heard(&h, (const uint8_t *)interim, strlen(interim), &used);
	}
	assert_int_equal(h.verdict, HTTP_CONNECT_TOO_LARGE);
	assert_int_equal(h.seen, size);
	free(answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_names_its_endpoint),
		cmocka_unit_test(the_longest_request_has_room),
		cmocka_unit_test(answers_are_judged),
		cmocka_unit_test(what_is_not_http_is_told_at_its_first_byte),
		cmocka_unit_test(an_answer_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
