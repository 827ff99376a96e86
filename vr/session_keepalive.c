/* How often a session says something that has nothing to say, so that the NATs on its way keep it in mind. */
#include "vr/session_priv.h"

/* While machines talk, NATs that forget are found out sooner. */
#define BUSY_PERIOD   (4 * US_S)
#define BUSY_TIME     (60 * US_S)
#define KEEPALIVE_MIN (5 * US_S)
/* A keepalive that was shortened is made longer again, by a quarter after such a time; twice as much time after each shortening. */
#define KEEPALIVE_HOLD     (600 * US_S)
#define KEEPALIVE_HOLD_MAX (8 * 3600 * US_S)

static us_t
shorter(us_t a, us_t b)
{
	return a < b ? a : b;
}

bool
session_had_traffic(const struct session *s, us_t time, us_t now)
{
	return s->traffic_at != 0 && now - s->traffic_at < time;
}

bool
session_is_busy(const struct session *s, us_t now)
{
	return session_had_traffic(s, BUSY_TIME, now);
}

us_t
session_keepalive(const struct session *s, us_t now)
{
	return session_is_busy(s, now) ? shorter(s->keepalive, BUSY_PERIOD) : s->keepalive;
}

void
session_keepalive_reset(struct session *s)
{
	s->keepalive = s->conf->keepalive;
	s->keepalive_trial = s->keepalive_hold = 0;
	/* Another place is no sign that the pause before was too long. */
	s->seen.addr.family = ADDR_NONE;
}

static void
shorten(struct session *s, us_t pause, us_t now)
{
	us_t keepalive = pause / 2 > KEEPALIVE_MIN ? pause / 2 : KEEPALIVE_MIN;

	s->keepalive = shorter(keepalive, s->conf->keepalive);
	s->keepalive_hold = s->keepalive_hold == 0
				    ? KEEPALIVE_HOLD
				    : shorter(2 * s->keepalive_hold, KEEPALIVE_HOLD_MAX);
	s->keepalive_trial = now + s->keepalive_hold;
}

/* The NAT may be another one by now, or may have forgotten for another reason. */
static void
lengthen(struct session *s, us_t now)
{
	if (s->keepalive_trial == 0 || now < s->keepalive_trial)
		return;
	s->keepalive = shorter(s->keepalive + s->keepalive / 4, s->conf->keepalive);
	s->keepalive_trial = s->keepalive < s->conf->keepalive ? now + s->keepalive_hold : 0;
}

void
session_keepalive_seen(struct session *s, us_t pause, bool is_same, us_t now)
{
	if (!is_same && pause >= KEEPALIVE_MIN && pause / 2 < s->keepalive)
		shorten(s, pause, now);
	else
		lengthen(s, now);
}
