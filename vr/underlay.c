/* What happens to the host's addresses and routes: see underlay.h. */
#include "vr/underlay.h"

#include <errno.h>
#include <stdlib.h>

#include "base/fmt.h"

#define PICTURE_TRIES 100
#define MODULE        "underlay"
/* What belongs together comes within this time. */
#define GATHER_TIME (3 * US_MS)
#define PACE_TIME   (20 * US_MS)
/* So many routes at once are looked at one by one, more of them together after this time. */
#define ROUTES_MAX  32
#define ROUTES_TIME (1 * US_S)

struct row {
	int index;
	struct addr addr;
};

/* What the kernel lists. */
struct picture {
	struct row rows[UNDERLAY_ADDRS_MAX];
	size_t count;
};

struct underlay {
	const struct underlay_ops *ops;
	void *ctx;
	struct log *log;
	struct netlink_ears *ears;
	char (*ignored)[NETLINK_NAME_SIZE];
	size_t ignored_count;
	struct picture now, before;
	int *links; /* that are up, and are neither LANs nor loopback */
	size_t link_count;
	us_t due;         /* when the change is told; US_NEVER: there is none */
	us_t told;        /* the last one was */
	us_t routes_till; /* up to then routes are counted: */
	unsigned routes;
	bool has_changed; /* whatever the addresses are */
	bool has_moved;
	us_t at; /* of the call in progress */
};

/* ---- which addresses ---- */

/* Only what others may reach. */
static bool
is_worth_telling(struct addr a)
{
	static const uint8_t loopback[16] = {[15] = 1};

	if (addr_is_unspecified(a) || addr_is_multicast(a))
		return false;
	if (a.family == ADDR_V4)
		return a.b[0] != 0 && a.b[0] != 127 && !(a.b[0] == 169 && a.b[1] == 254);
	return memcmp(a.b, loopback, sizeof(loopback)) != 0 &&
	       !(a.b[0] == 0xfe && (a.b[1] & 0xc0) == 0x80);
}

static bool
is_ignored(const struct underlay *u, const struct netlink_link *link)
{
	/* The kernel calls a TAP by this name, too: both are somebody's network inside of this one. */
	if (strcmp(link->kind, "tun") == 0)
		return true;
	for (size_t i = 0; i < u->ignored_count; i++)
		if (strcmp(u->ignored[i], link->name) == 0)
			return true;
	return false;
}

struct listing {
	const struct underlay *u;
	int *links; /* that are up and count */
	size_t link_count, link_room;
	struct picture picture;
	int rc;
};

static void
list_link(struct listing *l, const struct netlink_fact *f)
{
	int *links = l->links;

	if (f->is_loopback || !f->link.is_up || !f->link.has_carrier || is_ignored(l->u, &f->link))
		return;
	if (l->link_count == l->link_room) {
		l->link_room = 2 * l->link_room + 16;
		links = realloc(l->links, l->link_room * sizeof(*links));
		if (links == NULL) {
			l->rc = -ENOMEM;
			return;
		}
		l->links = links;
	}
	links[l->link_count++] = f->index;
}

static void
list_addr(struct listing *l, const struct netlink_fact *f)
{
	struct picture *p = &l->picture;

	if (!f->is_usable || !is_worth_telling(f->addr) || p->count == UNDERLAY_ADDRS_MAX)
		return;
	for (size_t i = 0; i < l->link_count; i++)
		if (l->links[i] == f->index) {
			p->rows[p->count++] = (struct row){.index = f->index, .addr = f->addr};
			return;
		}
}

static void
on_listed(void *ctx, const struct netlink_fact *f)
{
	struct listing *l = ctx;

	if (l->rc == 0 && f->kind == NETLINK_FACT_LINK)
		list_link(l, f);
	else if (l->rc == 0 && f->kind == NETLINK_FACT_ADDR)
		list_addr(l, f);
}

static int
list_all(struct underlay *u, struct listing *l)
{
	int rc;

	*l = (struct listing){.u = u};
	rc = netlink_facts_list(on_listed, l);
	if (rc == 0)
		rc = l->rc;
	if (rc != 0)
		free(l->links);
	return rc;
}

/* Where the kernel does not answer what was known stays. */
static int
take_picture(struct underlay *u)
{
	struct listing l;
	int rc = -EINTR;

	/* While devices come and go. */
	for (unsigned i = 0; i < PICTURE_TRIES && rc == -EINTR; i++)
		rc = list_all(u, &l);
	if (rc != 0)
		return rc;
	free(u->links);
	u->links = l.links;
	u->link_count = l.link_count;
	u->before = u->now;
	u->now = l.picture;
	return 0;
}

static bool
picture_has(const struct picture *p, struct addr addr)
{
	for (size_t i = 0; i < p->count; i++)
		if (addr_equal(p->rows[i].addr, addr))
			return true;
	return false;
}

static bool
picture_differs(const struct picture *a, const struct picture *b)
{
	bool differs = a->count != b->count;

	for (size_t i = 0; i < a->count && !differs; i++)
		differs = a->rows[i].index != b->rows[i].index ||
			  !addr_equal(a->rows[i].addr, b->rows[i].addr);
	return differs;
}

size_t
underlay_addrs(const struct underlay *u, struct addr *out)
{
	for (size_t i = 0; i < u->now.count; i++)
		out[i] = u->now.rows[i].addr;
	return u->now.count;
}

bool
underlay_is_new(const struct underlay *u, struct addr addr)
{
	return picture_has(&u->now, addr) && !picture_has(&u->before, addr);
}

/* ---- what matters ---- */

static bool
link_has_address(const struct underlay *u, int index)
{
	for (size_t i = 0; i < u->now.count; i++)
		if (u->now.rows[i].index == index)
			return true;
	return false;
}

static bool
link_was_up(const struct underlay *u, int index)
{
	for (size_t i = 0; i < u->link_count; i++)
		if (u->links[i] == index)
			return true;
	return false;
}

/* A link says much that is of no interest here: promiscuity, counters.  One that comes up may have had its address before. */
static bool
link_matters(struct underlay *u, const struct netlink_fact *f)
{
	bool is_up = !f->is_gone && f->link.is_up && f->link.has_carrier;
	bool has_address = link_has_address(u, f->index);

	if (f->is_loopback || is_ignored(u, &f->link))
		return false;
	if (f->is_announced && has_address)
		u->has_moved = u->has_changed = true;
	if (is_up != link_was_up(u, f->index))
		u->has_changed = u->has_changed || has_address;
	else if (!f->is_announced)
		return false;
	return true;
}

static bool
addr_matters(struct underlay *u, const struct netlink_fact *f)
{
	if (!f->is_gone)
		return f->is_usable && is_worth_telling(f->addr);
	if (!picture_has(&u->now, f->addr))
		return false;
	u->has_changed = true;
	return true;
}

static bool
route_matters(struct underlay *u, const struct netlink_fact *f)
{
	if (u->at >= u->routes_till) {
		u->routes_till = u->at + ROUTES_TIME;
		u->routes = 0;
	}
	u->routes++;
	if (f->len != 0 && u->routes <= ROUTES_MAX &&
	    !u->ops->concerns(u->ctx, prefix_make(f->addr, f->len)))
		return false;
	u->has_changed = true;
	return true;
}

static bool
matters(struct underlay *u, const struct netlink_fact *f)
{
	switch (f->kind) {
	case NETLINK_FACT_LINK:
		return link_matters(u, f);
	case NETLINK_FACT_ADDR:
		return addr_matters(u, f);
	case NETLINK_FACT_ROUTE:
		return route_matters(u, f);
	}
	return false;
}

void
underlay_look(struct underlay *u, us_t now)
{
	us_t due = now + GATHER_TIME;
	us_t pace = u->routes > ROUTES_MAX ? ROUTES_TIME : PACE_TIME;

	if (u->told != 0 && due < u->told + pace)
		due = u->told + pace;
	if (due < u->due)
		u->due = due;
}

bool
underlay_heard(struct underlay *u, const struct netlink_fact *f, us_t now)
{
	u->at = now;
	if (!matters(u, f))
		return false;
	underlay_look(u, now);
	return true;
}

static void
on_heard(void *ctx, const struct netlink_fact *f)
{
	struct underlay *u = ctx;

	(void)underlay_heard(u, f, u->at);
}

void
underlay_readable(struct underlay *u, us_t now)
{
	u->at = now;
	if (netlink_ears_read(u->ears, on_heard, u) < 0) {
		/* What was lost may have been anything. */
		u->has_changed = true;
		underlay_look(u, now);
	}
}

static void
log_picture(const struct underlay *u)
{
	char text[UNDERLAY_ADDRS_MAX * 48] = "none";
	size_t used = 0;

	for (size_t i = 0; i < u->now.count; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 i > 0 ? ", " : "", fmt_addr(u->now.rows[i].addr).s);
	log_line(u->log, LOG_INFO, MODULE, "addresses: %s", text);
}

us_t
underlay_run(struct underlay *u, us_t now)
{
	bool has_changed = u->has_changed, has_moved = u->has_moved;
	struct picture last = u->now;

	if (now < u->due)
		return u->due;
	u->due = US_NEVER;
	u->told = now;
	u->has_changed = u->has_moved = false;
	if (take_picture(u) == 0 && picture_differs(&last, &u->now)) {
		has_changed = true;
		log_picture(u);
	}
	if (has_changed)
		u->ops->changed(u->ctx, now);
	if (has_moved)
		u->ops->moved(u->ctx, now);
	return u->due;
}

/* ---- life ---- */

static int
copy_ignored(struct underlay *u, const struct underlay_conf *conf)
{
	u->ignored = calloc(conf->ignored_count + 1, sizeof(*u->ignored));
	if (u->ignored == NULL)
		return -ENOMEM;
	u->ignored_count = conf->ignored_count;
	for (size_t i = 0; i < conf->ignored_count; i++)
		snprintf(u->ignored[i], sizeof(u->ignored[i]), "%s", conf->ignored[i]);
	return 0;
}

int
underlay_create(const struct underlay_conf *conf, const struct underlay_ops *ops, void *ctx,
		struct log *log, struct underlay **out)
{
	struct underlay *u = calloc(1, sizeof(*u));
	int rc;

	if (u == NULL)
		return -ENOMEM;
	*u = (struct underlay){.ops = ops, .ctx = ctx, .log = log, .due = US_NEVER};
	rc = copy_ignored(u, conf);
	/* First of all: what changes while we look is heard afterwards. */
	if (rc == 0)
		rc = netlink_ears_open(&u->ears);
	if (rc == 0)
		rc = take_picture(u);
	if (rc != 0) {
		underlay_destroy(u);
		return rc;
	}
	u->before = u->now;
	*out = u;
	return 0;
}

void
underlay_destroy(struct underlay *u)
{
	if (u == NULL)
		return;
	netlink_ears_close(u->ears);
	free(u->links);
	free(u->ignored);
	free(u);
}

int
underlay_fd(const struct underlay *u)
{
	return netlink_ears_fd(u->ears);
}
