/* Streams through an HTTP proxy, which the test is. */
#include "tests/unit/stream_rig.h"

struct proxied {
	struct rig r;
	struct endpoint to;
	uint32_t number;
	int fd; /* the proxy's end */
};

#define REQUEST "CONNECT 192.0.2.9:443 HTTP/1.1\r\nHost: 192.0.2.9:443\r\n"

/* The proxy has been asked. */
static void
asked(struct proxied *p, const char *credentials, const char *request)
{
	struct endpoint proxy;
	int listener = raw_listen(&proxy, 1);
	unsigned sent;

	rig_init(&p->r,
		 (struct streams_conf){.proxy = proxy,
				       .proxy_credentials = (const uint8_t *)credentials,
				       .proxy_credentials_size =
					       credentials == NULL ? 0 : strlen(credentials)});
	p->to = rig_endpoint("192.0.2.9:443");
	assert_int_equal(streams_open(p->r.s, &p->to, p->r.now, &p->number), 0);
	/* Waits for the way. */
	assert_int_equal(streams_send(p->r.s, p->number, STREAMS_CONTROL, (const uint8_t *)"hello",
				      5, 5, p->r.now, &sent),
			 0);
	p->fd = raw_accept(listener);
	close(listener);
	rig_turn(&p->r, NULL);
	raw_expect(p->fd, request, strlen(request));
	assert_int_equal(p->r.opened, 0);
}

static void
fini(struct proxied *p)
{
	close(p->fd);
	rig_fini(&p->r);
}

static void
a_way_that_opens_is_used(void **state)
{
	static const char answer[] = "HTTP/1.1 200 Connection established\r\nVia: 1.1 x\r\n\r\n";
	struct proxied p;

	(void)state;
	/* As a whole, and a byte at a time. */
	for (size_t step = 1; step < sizeof(answer); step += sizeof(answer) - 2) {
		asked(&p, NULL, REQUEST "\r\n");
		for (size_t at = 0; at < sizeof(answer) - 1; at += step) {
			size_t left = sizeof(answer) - 1 - at;

			assert_int_equal(p.r.opened, 0);
			raw_send(p.fd, answer + at, left < step ? left : step);
			rig_turn(&p.r, NULL);
		}
		RIG_UNTIL(&p.r, NULL, p.r.opened == 1);
		/* The other end is not the proxy. */
		assert_true(endpoint_equal(p.r.from, p.to));
		raw_expect(p.fd, "vrd\1\0\5hello", 11);
		raw_send(p.fd, "vrd\1\0\2ok", 8);
		RIG_UNTIL(&p.r, NULL, p.r.heard == 1);
		assert_memory_equal(p.r.bytes, "ok", 2);
		fini(&p);
	}
}

static void
what_comes_behind_the_answer_is_the_streams(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n\r\nvrd\1\0\2ok\0\3one\0\5unf";
	struct proxied p;

	(void)state;
	asked(&p, NULL, REQUEST "\r\n");
	raw_send(p.fd, answer, sizeof(answer) - 1);
	RIG_UNTIL(&p.r, NULL, p.r.heard == 2);
	raw_send(p.fd, "in", 2);
	RIG_UNTIL(&p.r, NULL, p.r.heard == 3);
	assert_int_equal(p.r.size, 10);
	assert_memory_equal(p.r.bytes, "okoneunfin", 10);
	fini(&p);
}

static void
credentials_go_with_the_request(void **state)
{
	struct proxied p;

	(void)state;
	asked(&p, "Aladdin:open sesame",
	      REQUEST "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
	fini(&p);
}

static void
a_refusal_is_told_for_what_it_is(void **state)
{
	static const struct {
		const char *answer; /* NULL: closes */
		enum stream_drop reason;
		unsigned status;
	} rows[] = {
		{"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", STREAM_DROP_PROXY, 403},
		{"HTTP/1.1 502 Bad Gateway\r\n\r\n", STREAM_DROP_PROXY, 502},
		{"HTTP/1.1 407 Proxy Authentication Required\r\n"
		 "Proxy-Authenticate: Basic realm=\"x\"\r\n\r\n",
		 STREAM_DROP_PROXY_AUTH, 407},
		{"HTTP/1.0 401 Unauthorized\r\n\r\n", STREAM_DROP_PROXY_AUTH, 401},
		{"SSH-2.0-OpenSSH_9.2\r\n", STREAM_DROP_PROXY_ANSWER, 0},
		{"vrd\1\0\1x", STREAM_DROP_PROXY_ANSWER, 0},
		{"HTTP/1.1 200 OK\n\n", STREAM_DROP_PROXY_ANSWER, 0},
		{NULL, STREAM_DROP_PROXY, 0},
	};

	(void)state;
	for (size_t k = 0; k < ARRAY_COUNT(rows); k++) {
		struct streams_failure failure;
		struct proxied p;

		asked(&p, NULL, REQUEST "\r\n");
		assert_false(streams_failure(p.r.s, &p.to, &failure));
		if (rows[k].answer != NULL)
			raw_send(p.fd, rows[k].answer, strlen(rows[k].answer));
		else
			assert_int_equal(shutdown(p.fd, SHUT_WR), 0);
		RIG_UNTIL(&p.r, NULL, p.r.closed == 1);
		assert_int_equal(p.r.reason, rows[k].reason);
		assert_int_equal(rig_drops(&p.r, rows[k].reason), 1);
		assert_int_equal(p.r.opened + p.r.heard, 0);
		/* As any failure. */
		assert_int_equal(streams_retry(p.r.s, &p.to), p.r.now + US_S / 2);
		assert_true(streams_failure(p.r.s, &p.to, &failure));
		assert_int_equal(failure.reason, rows[k].reason);
		assert_int_equal(failure.status, rows[k].status);
		assert_int_equal(failure.retry, p.r.now + US_S / 2);
		fini(&p);
	}
}

static void
an_endless_answer_is_ended(void **state)
{
	struct proxied p;
	unsigned lines = 0;

	(void)state;
	asked(&p, NULL, REQUEST "\r\n");
	raw_send(p.fd, "HTTP/1.1 200 OK\r\n", 17);
	while (p.r.closed == 0) {
		assert_true(lines++ < 2000);
		(void)send(p.fd, "A: bcdefg\r\n", 11, MSG_NOSIGNAL);
		rig_turn(&p.r, NULL);
	}
	assert_int_equal(p.r.reason, STREAM_DROP_PROXY_ANSWER);
	assert_true(lines * 11 >= 8192 - 20);
	fini(&p);
}

static void
a_slow_answer_is_not_waited_for(void **state)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nA: b\r\n";
	struct proxied p;

	(void)state;
	asked(&p, NULL, REQUEST "\r\n");
	/* A byte now and then does not make it longer. */
	for (size_t i = 0; p.r.closed == 0; i++) {
		assert_true(i < 11);
		raw_send(p.fd, answer + i, 1);
		rig_turn(&p.r, NULL);
		p.r.now += 500 * US_MS;
		(void)streams_run(p.r.s, p.r.now);
	}
	assert_int_equal(p.r.reason, STREAM_DROP_SLOW);
	assert_int_equal(p.r.opened, 0);
	fini(&p);
}

static void
a_proxy_that_is_not_there_is_no_way(void **state)
{
	struct rig r;
	struct streams_conf conf = {.queue_max = 0};
	struct endpoint to = rig_endpoint("192.0.2.9:443");
	uint32_t number;

	(void)state;
	close(raw_listen(&conf.proxy, 1));
	rig_init(&r, conf);
	if (streams_open(r.s, &to, r.now, &number) == 0)
		RIG_UNTIL(&r, NULL, r.closed == 1);
	assert_int_equal(rig_drops(&r, STREAM_DROP_CONNECT), 1);
	assert_int_equal(streams_retry(r.s, &to), r.now + US_S / 2);
	rig_fini(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_way_that_opens_is_used),
		cmocka_unit_test(what_comes_behind_the_answer_is_the_streams),
		cmocka_unit_test(credentials_go_with_the_request),
		cmocka_unit_test(a_refusal_is_told_for_what_it_is),
		cmocka_unit_test(an_endless_answer_is_ended),
		cmocka_unit_test(a_slow_answer_is_not_waited_for),
		cmocka_unit_test(a_proxy_that_is_not_there_is_no_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
