/* Checks: which of the ways to a peer answer, how fast, and how much they lose. */
#include "vr/session_priv.h"

#include <errno.h>

/* A way that has not answered is checked again after this, doubled each time; both NATs have to be open at once. */
#define TRY_FIRST  (50 * US_MS)
#define TRY_DOUBLE 9
/* A check without an answer is lost after three round trips and this. */
#define LOST_MARGIN     (50 * US_MS)
#define LOST_MIN        (150 * US_MS)
#define LOST_MAX        (2 * US_S)
#define STREAM_LOST_MIN (500 * US_MS)
/* Where there is a choice and machines have talked within the last seconds, the way in use is checked so often, and so often
 * when it loses or is in doubt. */
#define CHECK_PERIOD (1 * US_S)
#define CHECK_DOUBT  (250 * US_MS)
#define TALK_TIME    (10 * US_S)
/* Without traffic, a way that does not answer is tried once in so many keepalives. */
#define IDLE_TRIES 4
/* Nothing came back by the way in use for a round trip and a quarter, and this: it is in doubt, and all that work are checked.
 * Where another answers, ... */
#define SILENCE (20 * US_MS)
/* ... each check of this one is given up after so much more than that: it is the way that is silent, not a peer that is busy. */
#define DOUBT_MARGIN (10 * US_MS)
/* Where machines send and get no answers, doubt begins again and again: a check that was answered is good for so long. */
#define DOUBT_PACE (40 * US_MS)
/* So many other ways are asked. */
#define DOUBT_OTHERS 4
/* Without a check that came back the round trip is taken for this. */
#define RTT_UNKNOWN (100 * US_MS)
/* So many of the last 16 checks lost is bad; so much slower than another, too. */
#define BAD_LOST   4
#define BAD_COUNT  8
#define BAD_SLOWER (50 * US_MS)
/* So many more checks lost than it takes when a way dies. */
#define DYING_MORE 2
/* So many, and a stream is opened to have another way. */
#define SUSPECT_LOST 3
/* A way that the peer came by once is given up sooner than one that was named. */
#define HEARD_TRIES 8

/* Addresses that a peer names are checked so often at once, and then once in such a time.  A list of candidates costs less than a
 * hundred within ten seconds; who tells many lists gets no more. */
#define TRY_BURST    256
#define TRY_INTERVAL (50 * US_MS)

static us_t
earlier(us_t a, us_t b)
{
	return a < b ? a : b;
}

static us_t
within(us_t value, us_t low, us_t high)
{
	return value < low ? low : value > high ? high : value;
}

/* What the peer has to send back: it must not know it without having got it. */
static uint64_t
token_make(const struct session *s, const struct path_row *row, us_t now)
{
	uint64_t token = (uint64_t)row->number << 56 | (uint64_t)(uint32_t)now << 24;

	return token | (hash_bytes(&s->token_key, &token, sizeof(token)) & 0xffffff);
}

/* The row and the time that the token is from, or NULL. */
static struct path_row *
token_row(struct session *s, uint64_t token, uint32_t *sent)
{
	uint64_t head = token & ~UINT64_C(0xffffff);

	if ((hash_bytes(&s->token_key, &head, sizeof(head)) & 0xffffff) != (token & 0xffffff))
		return NULL;
	*sent = (uint32_t)(token >> 24);
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE && s->rows[i].number == token >> 56)
			return &s->rows[i];
	return NULL;
}

static bool
has_choice(const struct session *s)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE && !session_path_is_used(s, &s->rows[i]))
			return true;
	return false;
}

static us_t
round_trip(const struct path_row *row)
{
	us_t rtt = row != NULL && row->rtt != 0 ? row->rtt : RTT_UNKNOWN;

	return rtt + rtt / 4;
}

/* Nothing came back for so long that the way in use may be dead. */
static bool
is_doubtful(struct session *s, us_t now)
{
	return s->doubt_since != 0 &&
	       now - s->doubt_since >= SILENCE + round_trip(session_path_find(s, s->path));
}

/* Not known to be bad, but not trusted. */
static bool
is_watched(const struct path_row *row)
{
	return row->bad_reason == PATH_PEER || row->bad_reason == PATH_SILENT;
}

/* Left for what it loses, or for being slow. */
static bool
is_bad(const struct path_row *row, us_t now)
{
	return now < row->bad_until && !is_watched(row);
}

/* From an answered check to the next. */
static us_t
period(struct session *s, const struct path_row *row, us_t now)
{
	if (!session_path_is_proven(s, row) && !session_path_is_used(s, row))
		return 0;
	if (!session_path_is_used(s, row) && now >= row->bad_until)
		return is_doubtful(s, now) ? CHECK_DOUBT : s->keepalive;
	if (now < row->bad_until && is_watched(row))
		return CHECK_DOUBT;
	/* Nobody is in a hurry to know how good a way is that nothing goes by. */
	if (!session_had_traffic(s, TALK_TIME, now) && !is_doubtful(s, now))
		return session_keepalive(s, now);
	if (now < row->bad_until)
		return CHECK_PERIOD;
	if (!s->has_choice)
		return session_keepalive(s, now);
	return row->history != 0 ? CHECK_DOUBT : CHECK_PERIOD;
}

/* From a check of a way that does not answer to the next. */
static us_t
try_period(const struct session *s, const struct path_row *row, us_t now)
{
	us_t idle = IDLE_TRIES * s->keepalive;
	us_t busy = TRY_FIRST << (row->lost < TRY_DOUBLE ? row->lost : TRY_DOUBLE);

	return row->lost > TRY_DOUBLE && !session_is_busy(s, now) && idle > busy ? idle : busy;
}

static unsigned
lost_of(const struct path_row *row)
{
	return (unsigned)__builtin_popcount(row->history);
}

/* Datagrams get through, but so few that it is time to look for another way? */
static bool
is_suspect(const struct path_row *used, us_t now)
{
	return used != NULL && (used->lossy > 0 || session_path_is_lossy(used, now) ||
				lost_of(used) >= SUSPECT_LOST);
}

/* Streams are for where nothing else works: not opened as long as datagrams get through. */
static bool
is_wanted(struct session *s, const struct path_row *row, us_t now)
{
	if (row->path.kind != PATH_TCP || row->path.via != 0 || session_path_is_used(s, row) ||
	    is_suspect(session_path_find(s, s->path), now))
		return true;
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE && session_path_rank(s, &s->rows[i], now) < 2)
			return false;
	return true;
}

/* The way in use is in doubt, and the peer has answered by another what was asked no earlier than the check under way, or since
 * the doubt began; or there is none to be preferred by mistake. */
static bool
is_way_silent(struct session *s, const struct path_row *used, us_t now)
{
	if (!is_doubtful(s, now))
		return false;
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		const struct path_row *row = &s->rows[i];

		if (row->path.kind != PATH_NONE && row != used && row->valid &&
		    session_path_is_usable(s, &row->path) && is_wanted(s, row, now))
			return s->other_answered >= earlier(used->sent, session_doubt_at(s));
	}
	return !session_knows_stream(s, used, now);
}

static us_t
patience(struct session *s, const struct path_row *row, us_t now)
{
	/* A stream that has much to carry is slow, not dead. */
	if (row->path.kind == PATH_TCP)
		return within(3 * row->rtt + LOST_MARGIN, STREAM_LOST_MIN, LOST_MAX);
	if (session_path_is_used(s, row) && is_way_silent(s, row, now))
		return round_trip(row) + DOUBT_MARGIN;
	return within(3 * row->rtt + LOST_MARGIN, LOST_MIN, LOST_MAX);
}

/* May a check go there now?  Who has only been named may be anybody. */
static bool
may_check(struct session *s, struct path_row *row, us_t now)
{
	if (row->path.kind != PATH_UDP || row->origin == PATH_CONFIGURED || row->valid ||
	    session_path_is_used(s, row) || bucket_take(&s->tries, TRY_INTERVAL, TRY_BURST, now))
		return true;
	s->ops->limited(s->ctx);
	return false;
}

static void
check_send(struct session *s, struct path_row *row, us_t now)
{
	size_t overhead = (size_t)session_path_overhead(s, &row->path) + SEAL_OVERHEAD;
	uint8_t *record = s->conf->scratch, *body = record + SEAL_OUTER_SIZE + SEAL_INNER_SIZE;
	bool is_full =
		row->valid && !session_path_is_used(s, row) && !session_path_is_proven(s, row);
	size_t size = PATHS_CHECK_SIZE;
	int rc = 0;

	if (is_full && s->pmtu.size > overhead + size) {
		size = s->pmtu.size - overhead;
		row->pads++;
	}
	memset(body, 0, size);
	paths_check_build(
		&(struct paths_check){.token = token_make(s, row, now),
				      .in_use = session_path_is_used(s, row),
				      .lossy = row->lossy >= SESSION_LOSSY_SPANS ||
					       (is_bad(row, now) && row->bad_reason == PATH_LOSS)},
		body);
	row->idle = now - s->sent_at;
	if (may_check(s, row, now) && session_credit_take(row, SEAL_OVERHEAD + size))
		rc = session_control_send(s, &row->path, SEAL_CHECK, record, size, now);
	if (rc == -EMSGSIZE)
		row->pads = SESSION_PAD_TRIES;
	row->waiting = true;
	row->sent = now;
	/* A full-size check that is lost says nothing but that. */
	if (row->valid)
		row->due = now + patience(s, row, now);
	else
		row->due = now + try_period(s, row, now);
}

static void
remember(struct path_row *row, bool lost)
{
	row->history = (uint16_t)(row->history << 1 | lost);
	if (row->count < 16)
		row->count++;
}

/* What was taken for silence, or was the peer's choice, had this reason: it is shown instead. */
static void
know_better(struct session *s, struct path_row *row, enum path_reason reason, us_t now)
{
	if (row->bad_until != 0 && is_watched(row) && s->path_reason == row->bad_reason &&
	    path_equal(row->path, s->path_left))
		s->path_reason = (uint8_t)reason;
	session_path_bad(row, reason, now);
}

static bool
is_much_slower(const struct path_row *row, const struct path_row *than)
{
	return than->rtt != 0 && row->rtt > 3 * than->rtt + BAD_SLOWER;
}

/* Is another way clearly better than the one in use, although that answers? */
static void
judge(struct session *s, struct path_row *used, us_t now)
{
	bool has_left = false;

	/* Known to be bad, and all that there was: no other time. */
	if (is_bad(used, now))
		return;
	if (session_path_is_throttled(s, used, now)) {
		session_path_bad(used, PATH_LOSS, now);
		return;
	}
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];
		bool is_slower = is_much_slower(used, row);

		if (row->path.kind == PATH_NONE || row == used)
			continue;
		has_left |= row->valid && now < row->bad_until && row->bad_reason == PATH_LOSS;
		if (session_path_rank(s, row, now) >= SESSION_RANK_BAD)
			continue;
		if (used->count >= BAD_COUNT && lost_of(used) >= BAD_LOST &&
		    lost_of(row) < BAD_LOST / 2) {
			session_path_bad(used, PATH_LOSS, now);
			return;
		}
		/* What it was some time ago, without our own traffic, says nothing. */
		if (is_slower && now - row->sent > 2 * CHECK_PERIOD) {
			if (is_wanted(s, row, now))
				row->due = now;
		} else if (is_slower && !row->waiting) {
			session_path_bad(used, PATH_LATENCY, now);
			return;
		}
	}
	/* As much is lost as before: it is not for being datagrams. */
	if (has_left && session_path_is_lossy(used, now) && session_path_is_by_stream(s, used, now))
		session_path_bad(used, PATH_LOSS, now);
}

/* It was no sudden end: much was lost before, or it has just come back and loses as much; or, where a stream may be better, records
 * were lost or still come. */
static bool
is_half_dead(const struct session *s, const struct path_row *row, unsigned enough, us_t now)
{
	bool is_back = now < row->bad_until && row->bad_reason == PATH_SILENT;

	if (lost_of(row) >= enough + (is_back ? 0 : DYING_MORE) || session_path_is_lossy(row, now))
		return true;
	return session_knows_stream(s, row, now) &&
	       (row->lossy > 0 ||
		(session_path_is_used(s, row) && now - s->path_heard < CHECK_DOUBT));
}

static void
check_lost(struct session *s, struct path_row *row, us_t now)
{
	bool is_used = session_path_is_used(s, row);
	bool was_full = row->valid && !is_used && row->pads > 0 && !session_path_is_proven(s, row);
	unsigned enough = SESSION_LOST_COUNT;

	row->waiting = false;
	if (was_full)
		return;
	if (row->lost < UINT8_MAX)
		row->lost++;
	session_trial_lost(s, row);
	remember(row, true);
	/* Without traffic nothing else tells that the peer is gone. */
	if (row->valid && is_used && !session_is_busy(s, now))
		session_answer_expected(s, now);
	/* That nothing came back before, and that another way answers, is as much as one more. */
	if (is_used && is_way_silent(s, row, now))
		enough--;
	if (row->valid && row->lost >= enough) {
		row->valid = false;
		row->has_died = true;
		session_path_uncalled(s, row);
		if (!is_bad(row, now) && is_half_dead(s, row, enough, now))
			know_better(s, row, PATH_LOSS, now);
		/* Only another stream can be better than one that is stuck. */
		if (row->path.kind == PATH_TCP)
			s->ops->stuck(s->ctx, &row->path);
		row->lost = 0;
		row->pads = 0;
		row->proven = 0;
	}
	if (!row->valid && !is_used && row->origin == PATH_HEARD && row->lost >= HEARD_TRIES)
		session_path_remove(row);
}

/* Some time after it was left, or has come back: is it as slow? */
static bool
is_still_slow(struct session *s, const struct path_row *row, us_t now)
{
	const struct path_row *used = session_path_find(s, s->path);

	return used != NULL && used != row && used->valid && !path_equal(row->path, s->peer_path) &&
	       now - used->sent <= 2 * CHECK_PERIOD && is_much_slower(row, used);
}

/* Known to be bad, and still not good: for longer. */
static void
row_review(struct session *s, struct path_row *row, us_t now)
{
	unsigned lost = lost_of(row);
	us_t next = now + period(s, row, now) + LOST_MAX;

	/* One that is dead has its time when it is back. */
	if (row->bad_until == 0 || !row->valid)
		return;
	/* Without traffic it is checked too seldom to tell. */
	if (is_bad(row, now) && row->path.kind != PATH_TCP && row->count < BAD_COUNT) {
		if (row->bad_until < next)
			row->bad_until = next;
		return;
	}
	if (now < row->bad_until)
		return;
	if (lost >= (is_watched(row) ? BAD_LOST : BAD_LOST / 2)) {
		know_better(s, row, PATH_LOSS, now);
	} else if (is_watched(row) && is_still_slow(s, row, now)) {
		know_better(s, row, PATH_LATENCY, now);
	} else if (lost >= BAD_LOST / 2) {
		/* Neither good nor bad. */
		row->bad_until = 0;
		session_path_watch(row, (enum path_reason)row->bad_reason, now);
	} else {
		row->bad_until = 0;
		row->good_since = now;
	}
}

/* One of the first other ways that work: that the peer lives one answer says as well as all. */
static bool
is_asked_in_doubt(struct session *s, const struct path_row *row)
{
	unsigned before = 0;

	for (const struct path_row *one = s->rows; one < row; one++)
		before +=
			one->path.kind != PATH_NONE && one->valid && !session_path_is_used(s, one);
	return row->valid && before < DOUBT_OTHERS;
}

/* Its check should have been answered by now. */
static us_t
silent_at(const struct path_row *used)
{
	return used->sent + round_trip(used) + DOUBT_MARGIN;
}

/* When another way is asked whether the peer lives: at once where the way in use leaves its check unanswered, too, which does not
 * happen time and again where machines send and get no answers. */
static us_t
ask_due(struct session *s, const struct path_row *row)
{
	const struct path_row *used = session_path_find(s, s->path);
	us_t due = row->sent + CHECK_DOUBT;

	if (used != NULL && used->waiting && row->sent < used->sent)
		due = earlier(due, silent_at(used));
	return due;
}

/* The way in use is in doubt. */
static void
hurry(struct session *s, struct path_row *row, us_t now)
{
	if (session_path_is_used(s, row))
		row->due = row->waiting ? earlier(row->due, row->sent + patience(s, row, now))
					: earlier(row->due, row->sent + DOUBT_PACE);
	else if (!row->waiting && row->sent < session_doubt_at(s) && is_asked_in_doubt(s, row) &&
		 session_had_traffic(s, TALK_TIME, now))
		row->due = earlier(row->due, ask_due(s, row));
}

static void
row_run(struct session *s, struct path_row *row, us_t now)
{
	if (s->has_choice && is_doubtful(s, now))
		hurry(s, row, now);
	/* Before anybody takes it, not only with its next check. */
	row_review(s, row, now);
	if (now < row->due)
		return;
	if (row->waiting)
		check_lost(s, row, now);
	if (row->path.kind == PATH_NONE)
		return;
	if (!session_path_is_usable(s, &row->path) || !is_wanted(s, row, now)) {
		row->due = now + SESSION_STREAM_LOOK;
		return;
	}
	check_send(s, row, now);
}

/* The next checks were for an idle session. */
static void
wake_up(struct session *s, us_t now)
{
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++) {
		struct path_row *row = &s->rows[i];
		us_t due = now + TRY_FIRST;

		if (row->path.kind == PATH_NONE)
			continue;
		if (row->valid)
			due = now + period(s, row, now);
		/* Both ends wake up, and so the NATs between them are opened at once. */
		if ((row->valid && row->waiting) || row->due <= due)
			continue;
		row->due = due;
		s->paths_due = earlier(s->paths_due, due);
		s->due = earlier(s->due, due);
	}
}

void
session_traffic(struct session *s, us_t now)
{
	bool was_talking = session_had_traffic(s, TALK_TIME, now),
	     was_busy = session_is_busy(s, now);

	s->traffic_at = now;
	if (s->path.kind == PATH_RELAY && (!was_talking || now - s->leg_told >= US_S)) {
		s->leg_told = now;
		s->ops->leg_traffic(s->ctx, s->path.via, now);
	}
	if (!was_busy || (!was_talking && s->has_choice))
		wake_up(s, now);
	/* The size of packets may have to be confirmed. */
	if (!was_busy)
		s->due = earlier(s->due, s->pmtu.due);
}

us_t
session_doubt_at(struct session *s)
{
	if (!s->has_choice || s->doubt_since == 0)
		return US_NEVER;
	return s->doubt_since + SILENCE + round_trip(session_path_find(s, s->path));
}

us_t
session_paths_run(struct session *s, us_t now)
{
	struct path_row *used;

	if (now < s->paths_due)
		return s->paths_due;
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE)
			row_run(s, &s->rows[i], now);
	used = session_path_find(s, s->path);
	if (used != NULL && used->valid)
		judge(s, used, now);
	session_path_choose(s, now);
	s->has_choice = has_choice(s);
	s->paths_due = US_NEVER;
	used = session_path_find(s, s->path);
	if (!is_doubtful(s, now))
		s->paths_due = session_doubt_at(s);
	else if (s->has_choice && used != NULL && used->waiting && silent_at(used) > now)
		s->paths_due = silent_at(used);
	for (size_t i = 0; i < SESSION_PATHS_MAX; i++)
		if (s->rows[i].path.kind != PATH_NONE)
			s->paths_due = earlier(s->paths_due, s->rows[i].due);
	return s->paths_due;
}

void
session_check_ack_heard(struct session *s, const struct session_content *c, us_t now)
{
	struct paths_ack ack;
	struct path_row *row;
	uint32_t sent;
	uint32_t packet;
	bool is_answer, is_late;
	us_t rtt;

	if (paths_ack_parse(c->body, c->size, &ack) != 0)
		return;
	row = token_row(s, ack.token, &sent);
	if (row == NULL)
		return;
	rtt = (uint32_t)now - sent;
	if (rtt > 10 * US_S)
		return;
	row->rtt = row->rtt == 0 ? rtt : row->rtt + (rtt - row->rtt) / 4;
	if (row->rtt == 0)
		row->rtt = 1;
	is_answer = row->waiting && (uint32_t)row->sent == sent;
	is_late = !is_answer && session_path_is_used(s, row);
	/* Of one that is known to be bad, all that it loses counts. */
	if (!row->valid && !is_bad(row, now))
		row->history = row->count = 0;
	if (!row->valid && row->has_died)
		session_path_watch(row, PATH_SILENT, now);
	if (is_late) {
		/* A busy machine is no loss. */
		row->history &= row->history - 1;
	} else {
		if (row->waiting)
			remember(row, false);
		row->waiting = false;
	}
	row->valid = row->answered = true;
	row->lost = 0;
	if (!session_path_is_used(s, row) && now - rtt > s->other_answered)
		s->other_answered = now - rtt;
	packet = ack.size + (uint32_t)session_path_overhead(s, &row->path);
	if (packet > row->proven && packet <= UINT16_MAX)
		row->proven = (uint16_t)packet;
	/* Once for each check: what is told of it goes on to others. */
	if (is_answer && row->path.kind == PATH_UDP)
		session_seen_at(s, row, ack.seen, now);
	if (!row->waiting)
		row->due = now + period(s, row, now);
	s->paths_due = s->due = now;
	session_trial_answered(s, row, rtt, now);
}
