/* A tunnel through an HTTP proxy: the request (RFC 9110 section 9.3.6) and its answer.  Bytes in, verdict out; no socket,
 * no clock, no memory of its own.
 *
 * The answer is read strictly: lines end in CR LF, header lines have a name and a colon and are not
 * folded, and nothing else is looked at.  Interim answers (1xx but 101) are passed over; all of
 * them share one size limit. */
#ifndef VR_HTTP_CONNECT_H
#define VR_HTTP_CONNECT_H

#include "base/err.h"
#include "base/types.h"

/* Room for a request with the longest endpoint and credentials. */
#define HTTP_CONNECT_REQUEST_MAX 512
/* Of "user:password". */
#define HTTP_CONNECT_CREDENTIALS_MAX 128
/* Largest answer, up to its empty line. */
#define HTTP_CONNECT_ANSWER_MAX 8192

enum http_connect_verdict {
	HTTP_CONNECT_MORE = 0,  /* the answer is not complete */
	HTTP_CONNECT_OPEN,      /* what follows comes from the other end */
	HTTP_CONNECT_REFUSED,   /* see 'status' */
	HTTP_CONNECT_MALFORMED, /* not an answer of HTTP/1 */
	HTTP_CONNECT_TOO_LARGE,
};

/* Zero-initialise. */
struct http_connect {
	enum http_connect_verdict verdict;
	unsigned status; /* of the last status line; 0: none yet */
	size_t seen;     /* bytes of answers */
	unsigned part;   /* where in the answer: private */
	unsigned at;     /* position in that part: private */
};

/* Writes the request for a tunnel to 'to'.  'credentials' of at most HTTP_CONNECT_CREDENTIALS_MAX bytes go with it
 * (RFC 7617); size 0: none.  Its size. */
MUST_USE size_t http_connect_request(const struct endpoint *to, const uint8_t *credentials,
				     size_t credentials_size, char out[HTTP_CONNECT_REQUEST_MAX]);
/* Takes in a piece of the answer.  '*used': how many of its bytes belong to the answer; when the verdict is OPEN, those behind
 * come from the other end.  A verdict but MORE is final. */
enum http_connect_verdict http_connect_heard(struct http_connect *h, const uint8_t *data,
					     size_t size, size_t *used);

#endif
