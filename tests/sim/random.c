/* Random schedules: see random.h. */
#include "tests/sim/random.h"

#include <stdio.h>

#include "base/fmt.h"
#include "tests/sim/jobs.h"
#include "tests/sim/sim.h"

#define ROUTERS_MIN 50
#define ROUTERS_MAX 60
#define WILD_TIME   (10 * US_S)
/* Tables that still differ are asked for again after ten seconds: twice that and a bit. */
#define QUIET_TIME (24 * US_S)
#define LAST_TIME  (4 * US_S)
#define VMS        20
#define VM_FIRST   50 /* host number */
#define ALIASES    4
#define HOSTS      8 /* that may have the machines of the first site, where that is restricted */
#define HOT_MOVES  14
#define LAST_PAIRS 60

struct schedule {
	struct sim *sim;
	size_t routers;
	unsigned loss, repeat, reorder;
	bool restricted; /* machines of the first site may live at the first few only */
	bool trace;
	bool has_died[ROUTERS_MAX];
	uint64_t packets[LAST_PAIRS];
};

static us_t
some_time(struct sim *sim, us_t low, us_t high)
{
	return low + (us_t)sim_random(sim, (uint64_t)(high - low + 1));
}

/* A site of this VN. */
static size_t
some_site(struct sim *sim, vn_id_t vn)
{
	size_t site;

	do
		site = sim_random(sim, sim_routers(sim));
	while (!sim_in_vn(sim, site, vn));
	return site;
}

static struct sim_machine *
some_machine(struct sim *sim, vn_id_t vn)
{
	struct sim_machine *m;

	do
		m = sim_machine_at(sim, sim_random(sim, sim_machine_count(sim)));
	while (sim_machine_vn(m) != vn || !sim_machine_runs(m));
	return m;
}

static struct sim_machine *
another_machine(struct sim *sim, const struct sim_machine *than)
{
	struct sim_machine *m;

	do
		m = some_machine(sim, sim_machine_vn(than));
	while (mac_equal(sim_machine_mac(m), sim_machine_mac(than)));
	return m;
}

/* A site where the machine may live. */
static size_t
some_site_for(const struct schedule *s, const struct sim_machine *m)
{
	size_t site;

	do
		site = some_site(s->sim, sim_machine_vn(m));
	while (s->restricted && sim_machine_home(m) == 0 && site >= HOSTS);
	return site;
}

static bool
is_native(const struct sim_machine *m)
{
	return sim_machine_ip(m).b[3] < VM_FIRST;
}

/* ---- what happens ---- */

static struct sim_machine *
some_vm(struct sim *sim)
{
	struct sim_machine *m;

	do
		m = sim_machine_at(sim, sim_random(sim, sim_machine_count(sim)));
	while (is_native(m) || sim_machine_is_extra(m));
	return m;
}

static void
come_back(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	if (sim_machine_runs(m))
		sim_migrate(sim, m, number, &sim_by_rarp);
}

static void
late_frame(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	sim_late_frame(sim, m, number, sim_machine_ip(some_machine(sim, sim_machine_vn(m))));
}

static void
move(struct sim *sim, struct schedule *s)
{
	struct sim_machine *m = some_vm(sim);
	size_t to = some_site_for(s, m);
	size_t from = sim_machine_site(m);
	struct sim_announce how = {.rarp = !sim_chance(sim, 200),
				   .garp = sim_chance(sim, 500),
				   .pause = some_time(sim, 1 * US_MS, 30 * US_MS)};

	if (!sim_machine_runs(m) || to == from)
		return;
	if (s->trace)
		printf("%10.6f %s in VN %u moves %zu > %zu\n", (double)sim_now(sim) / 1e6,
		       fmt_addr(sim_machine_ip(m)).s, sim_machine_vn(m), from, to);
	sim_migrate(sim, m, to, &how);
	if (sim_chance(sim, 200))
		sim_after(sim, how.pause + some_time(sim, 0, 25 * US_MS), late_frame, m, from);
	if (sim_chance(sim, 150))
		sim_after(sim, how.pause + some_time(sim, 10 * US_MS, US_S), come_back, m, from);
}

/* A hypervisor announces a machine that goes on elsewhere. */
static void
fail_move(struct sim *sim, struct schedule *s)
{
	struct sim_machine *m = some_vm(sim);
	size_t site = some_site_for(s, m);

	if (s->trace)
		printf("%10.6f %s in VN %u does not come to %zu\n", (double)sim_now(sim) / 1e6,
		       fmt_addr(sim_machine_ip(m)).s, sim_machine_vn(m), site);
	sim_rarp_series(sim, m, site);
}

static void
start_again(struct sim *sim, void *arg, uint64_t number)
{
	struct schedule *s = arg;

	if (sim_vr(sim, number >> 1) != NULL)
		return;
	if (s->trace)
		printf("%10.6f %llu starts%s\n", (double)sim_now(sim) / 1e6,
		       (unsigned long long)number >> 1, number & 1 ? " with its state" : "");
	sim_start(sim, number >> 1, number & 1);
}

static void
crash(struct sim *sim, struct schedule *s)
{
	size_t router = sim_random(sim, s->routers);

	if (sim_vr(sim, router) == NULL)
		return;
	if (s->trace)
		printf("%10.6f %zu dies\n", (double)sim_now(sim) / 1e6, router);
	s->has_died[router] = true;
	sim_crash(sim, router);
	sim_after(sim, some_time(sim, 10 * US_MS, 6 * US_S), start_again, s,
		  router << 1 | sim_chance(sim, 500));
}

static void
heal(struct sim *sim, void *arg, uint64_t number)
{
	const struct schedule *s = arg;

	(void)number;
	if (s->trace)
		printf("%10.6f healed\n", (double)sim_now(sim) / 1e6);
	sim_heal(sim);
}

static void
partition(struct sim *sim, struct schedule *s)
{
	uint8_t group[ROUTERS_MAX];
	uint64_t groups = 2 + sim_random(sim, 2);

	for (size_t i = 0; i < s->routers; i++)
		group[i] = (uint8_t)sim_random(sim, groups);
	if (s->trace)
		printf("%10.6f cut into %llu\n", (double)sim_now(sim) / 1e6,
		       (unsigned long long)groups);
	sim_partition(sim, group);
	sim_after(sim, some_time(sim, 100 * US_MS, 7 * US_S), heal, s, 0);
}

static void
cut_links(struct sim *sim, struct schedule *s)
{
	for (size_t i = 0; i < s->routers; i++)
		sim_cut(sim, sim_random(sim, s->routers), sim_random(sim, s->routers), true);
	sim_after(sim, some_time(sim, 100 * US_MS, 7 * US_S), heal, s, 0);
}

static void
cut_one_way(struct sim *sim, struct schedule *s)
{
	size_t router = sim_random(sim, s->routers);
	bool deaf = sim_chance(sim, 500);

	for (size_t i = 0; i < s->routers; i++)
		if (sim_chance(sim, 500))
			sim_cut_one_way(sim, deaf ? i : router, deaf ? router : i, true);
	sim_after(sim, some_time(sim, 100 * US_MS, 7 * US_S), heal, s, 0);
}

static void
rekey(struct sim *sim, struct schedule *s)
{
	size_t a = sim_random(sim, s->routers);
	size_t b = sim_random(sim, s->routers);

	if (a != b)
		sim_new_keys(sim, a, b);
}

static void
hot_move(struct sim *sim, void *arg, uint64_t number)
{
	struct sim_machine *m = arg;

	if (sim_machine_runs(m) && sim_machine_site(m) != number)
		sim_migrate(sim, m, number, &sim_by_rarp);
}

/* To and fro until everybody has had enough. */
static void
flap(struct sim *sim, struct schedule *s)
{
	struct sim_machine *m = some_vm(sim);
	size_t sites[2] = {sim_machine_site(m), some_site_for(s, m)};
	us_t pace = some_time(sim, 50 * US_MS, 400 * US_MS);

	if (s->trace)
		printf("%10.6f %s in VN %u flaps\n", (double)sim_now(sim) / 1e6,
		       fmt_addr(sim_machine_ip(m)).s, sim_machine_vn(m));
	for (int i = 1; i <= HOT_MOVES; i++)
		sim_after(sim, i * pace, hot_move, m, sites[i % 2]);
}

static void
happen(struct sim *sim, void *arg, uint64_t number)
{
	static void (*const what[])(struct sim *, struct schedule *) = {
		move, fail_move, crash, partition, cut_links, cut_one_way, rekey, flap};

	what[number](sim, arg);
}

/* ---- the world ---- */

static void
tune(struct conf *conf, size_t router)
{
	(void)router;
	for (size_t i = 0; i < conf->vn_count; i++)
		conf->vns[i].freeze_time = 5 * US_S;
}

static void
tune_restricted(struct conf *conf, size_t router)
{
	static const char *const names[HOSTS] = {"a", "b", "c", "d", "e", "f", "g", "h"};

	tune(conf, router);
	sim_set_hosts(conf, names, HOSTS);
}

static struct sim *
make_world(struct schedule *s, uint64_t seed)
{
	/* The first numbers of a seed are drawn before the world is there. */
	uint64_t r = (seed + 1) * UINT64_C(0xd1342543de82ef95);
	struct sim_params params = {.seed = seed,
				    .routers = ROUTERS_MIN +
					       (r >> 40) % (ROUTERS_MAX - ROUTERS_MIN + 1),
				    .vns = 1 + (r >> 33) % 3,
				    .layout = (r >> 50) % 2 == 0 ? SIM_SUBNETS : SIM_STRETCHED,
				    .sparse = (r >> 51) % 2 == 0,
				    .vn_in_macs = (r >> 55) % 2 == 0,
				    .hello = (r >> 52) % 4 == 0 ? US_S : 2 * US_S,
				    .delay_min = 100,
				    .delay_max = 1000 + (us_t)((r >> 30) % (60 * US_MS)),
				    .tune = tune};

	s->routers = params.routers;
	s->restricted = (r >> 54) % 2 == 0;
	if (s->restricted)
		params.tune = tune_restricted;
	return sim_create(&params);
}

static void
speak(struct sim *sim, void *arg, uint64_t number)
{
	(void)number;
	sim_speak(sim, arg);
}

/* A native in every VN of every site, and machines that move.  Some of either say nothing unasked. */
static void
populate(struct schedule *s)
{
	struct sim *sim = s->sim;

	for (vn_id_t vn = SIM_VN; vn < SIM_VN + sim_vns(sim); vn++) {
		for (size_t i = 0; i < s->routers; i++)
			if (sim_in_vn(sim, i, vn))
				(void)sim_add(sim, vn, i, 10);
		for (unsigned i = 0; i < VMS; i++)
			(void)sim_add(sim, vn,
				      sim_in_vn(sim, 0, vn) && sim_chance(sim, 200)
					      ? 0
					      : some_site(sim, vn),
				      VM_FIRST + i);
		for (unsigned i = 0; i < ALIASES; i++) {
			struct sim_machine *m = some_vm(sim);

			if (sim_machine_vn(m) == vn && !sim_machine_has_alias(m))
				(void)sim_add_alias(sim, m, VM_FIRST + VMS + i);
		}
	}
	for (size_t i = 0; i < sim_machine_count(sim); i++) {
		struct sim_machine *m = sim_machine_at(sim, i);

		if (!sim_chance(sim, 100))
			sim_after(sim, some_time(sim, 0, 2 * US_S), speak, m, 0);
		if (sim_chance(sim, 500))
			sim_talk(sim, m, another_machine(sim, m),
				 some_time(sim, 200 * US_MS, 2 * US_S));
	}
}

static void
plan(struct schedule *s)
{
	struct sim *sim = s->sim;
	const uint64_t numbers[] = {20 + sim_random(sim, 60), sim_random(sim, 10),
				    sim_random(sim, 10),      sim_random(sim, 3),
				    sim_random(sim, 2),       sim_random(sim, 2),
				    sim_random(sim, 20),      sim_random(sim, 2)};

	for (size_t what = 0; what < ARRAY_COUNT(numbers); what++)
		for (uint64_t i = 0; i < numbers[what]; i++)
			sim_after(sim, some_time(sim, 0, WILD_TIME), happen, s, what);
}

/* What neighbours say to each other does not reach a router that has died and knows nobody. */
static struct sim_machine *
somebody_elsewhere(struct sim *sim, const struct sim_machine *than)
{
	struct sim_machine *m;

	do
		m = some_machine(sim, sim_machine_vn(than));
	while (sim_machine_site(m) == sim_machine_site(than));
	return m;
}

/* A machine that came and left again while the site's router was dead has told its neighbours of itself, and no router has
 * anything to take back.  Hosts find out by themselves that nobody is there any more (RFC 1122,
 * section 2.3.2.1), ours after
 * half a minute: that is not waited for. */
static void
forget_visitors(struct schedule *s, struct sim_machine *m)
{
	struct sim *sim = s->sim;

	for (size_t i = 0; i < sim_machine_count(sim); i++) {
		struct sim_machine *other = sim_machine_at(sim, i);

		if (sim_machine_vn(other) == sim_machine_vn(m) &&
		    sim_machine_site(other) != sim_machine_site(m) &&
		    mac_equal(sim_arp_entry(m, sim_machine_ip(other)), sim_machine_mac(other)))
			sim_arp_forget(m, sim_machine_ip(other));
	}
}

/* Every machine says a word now and then, but for those that only answer: they are asked. */
static void
make_quiet(struct schedule *s)
{
	struct sim *sim = s->sim;

	sim_set_badness(sim, 0, 0, 0);
	sim_heal(sim);
	for (size_t i = 0; i < s->routers; i++)
		if (sim_vr(sim, i) == NULL)
			sim_start(sim, i, sim_chance(sim, 500));
	for (size_t i = 0; i < sim_machine_count(sim); i++) {
		struct sim_machine *m = sim_machine_at(sim, i);

		sim_hush(m);
		if (s->has_died[sim_machine_site(m)])
			forget_visitors(s, m);
	}
	for (size_t i = 0; i < sim_machine_count(sim); i++) {
		struct sim_machine *m = sim_machine_at(sim, i);
		struct sim_machine *other = somebody_elsewhere(sim, m);

		/* A machine that moved while nobody listened, and is silent, cannot be found. */
		if (is_native(m) && sim_chance(sim, 200))
			sim_talk(sim, other, m, some_time(sim, US_S, 3 * US_S));
		else
			sim_talk(sim, m, other, some_time(sim, US_S, 3 * US_S));
	}
}

/* Whoever asks anew reaches everybody. */
static bool
all_reachable(struct schedule *s)
{
	struct sim *sim = s->sim;
	struct sim_machine *from[LAST_PAIRS], *to[LAST_PAIRS];

	for (size_t i = 0; i < LAST_PAIRS; i++) {
		vn_id_t vn = SIM_VN + (vn_id_t)(i % sim_vns(sim));

		from[i] = some_machine(sim, vn);
		to[i] = another_machine(sim, from[i]);
		sim_arp_flush(from[i]);
		s->packets[i] = sim_send(sim, from[i], sim_machine_ip(to[i]));
	}
	sim_run(sim, LAST_TIME);
	for (size_t i = 0; i < LAST_PAIRS; i++)
		if (sim_received(sim, s->packets[i]) != 1) {
			sim_set_fault(sim, "%s at %zu does not reach %s at %zu in VN %u",
				      fmt_addr(sim_machine_ip(from[i])).s,
				      sim_machine_site(from[i]), fmt_addr(sim_machine_ip(to[i])).s,
				      sim_machine_site(to[i]), sim_machine_vn(from[i]));
			return false;
		}
	return true;
}

bool
random_schedule(uint64_t seed, bool trace, char *why, size_t size)
{
	struct schedule s = {.trace = trace};
	bool good;

	s.sim = make_world(&s, seed);
	sim_trace(s.sim, trace);
	populate(&s);
	sim_run(s.sim, 2 * US_S);
	s.loss = (unsigned)sim_random(s.sim, 201);
	sim_set_badness(s.sim, s.loss, (unsigned)sim_random(s.sim, 100),
			(unsigned)sim_random(s.sim, 200));
	plan(&s);
	/* Until the last router that has died is back. */
	sim_run(s.sim, WILD_TIME + 100 * US_MS);
	make_quiet(&s);
	if (trace)
		printf("%10.6f quiet\n", (double)sim_now(s.sim) / 1e6);
	sim_run(s.sim, QUIET_TIME);
	good = sim_all_agree(s.sim) && all_reachable(&s) && sim_fault(s.sim)[0] == '\0';
	snprintf(why, size, "%s", sim_fault(s.sim));
	sim_destroy(s.sim);
	return good;
}

/* ---- many of them ---- */

static bool
run(const void *arg, uint64_t seed, char *why, size_t size)
{
	const bool *trace = arg;

	return random_schedule(seed, *trace, why, size);
}

unsigned
random_run(uint64_t seed, unsigned count, unsigned processes, bool trace)
{
	const struct jobs jobs = {.seed = seed,
				  .count = count,
				  .processes = processes,
				  .run = run,
				  .arg = &trace,
				  .out = stdout};

	return jobs_run(&jobs);
}
