/* An EID that moves in the small LISP internet: 10.1.0.5 goes from A to C, B has asked for it. */
#ifndef TESTS_UNIT_LISP_MOVES_H
#define TESTS_UNIT_LISP_MOVES_H

#include "tests/unit/lisp_net.h"

#define A 0
#define B 1
#define C 2
#define D 3

static inline struct net *
net_standard(void)
{
	struct net *net = net_make();

	net_start(net);
	net_own(net, A, "10.1.0.0/24", 0);
	net_run(net, US_S);
	return net;
}

static inline void
before_a_move(struct net *net)
{
	net_own(net, A, "10.1.0.5/32", 1);
	net_run(net, US_S);
	net_resolve(net, B, "10.1.0.5");
	net_run(net, US_S);
	assert_leads(net, B, "10.1.0.5", "192.0.2.1");
}

/* C has it now.  The routers have told each other beforehand who asked, if 'shared'. */
static inline void
move(struct net *net, bool shared, bool pushes)
{
	struct addr eid = addr_of("10.1.0.5");

	if (pushes)
		net->nodes[C].takes_push = net->nodes[B].rloc;
	if (shared)
		xtr_asked(net->nodes[C].x, VN, eid, net->nodes[B].rloc,
			  (struct addr){.family = ADDR_NONE}, net->now);
	net_own(net, C, "10.1.0.5/32", 2);
	/* Registered first, so that whoever asks after hearing of it finds it. */
	xtr_run(net->nodes[C].x, net->now);
	xtr_tell_askers(net->nodes[C].x, VN, eid, net->now);
}

#endif
