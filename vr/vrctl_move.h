/* vrctl move: tells a router that its machine has another place on the underlay. */
#ifndef VR_VRCTL_MOVE_H
#define VR_VRCTL_MOVE_H

#include "vr/vrctl_options.h"

enum vrctl_status vrctl_move(const struct vrctl_options *options, int count, char **words);

#endif
