"""The lab: clouds in network namespaces, real virtual machines, captures and what they say.

netns     namespaces, links, bridges, processes; everything is gone afterwards
underlay  the network between the sites: a switch, or a WAN emulator
guest     kernel and initramfs of the guest, made from Debian packages
qemu      one virtual machine, and its live migration
router    one vrd: keys, configuration, control socket
layout    the two layouts of clouds A, B and C as data
topology  clouds A, B and C, or one plain switch, ready to use
nat       NATs and firewalls, named by their mapping and filtering
natnet    two sites behind NATs, and a rendezvous that both reach
matrix    every pair of kinds of NAT: path, time to connect, throughput
lisp      cloud D, a plain LISP site, and the map-server
probes    clients that account for every byte and frame
load      the load on the machine while it moves
frames    frames by hand
capture   frames as the kernel saw them
flows     numbered requests: what was sent, what came, in which order and where to
sealed    one sealed record for each request
measure   from captures to the figures of one move
records   the routers' own records of moves, beside the captures
report    what the demonstration prints
verdict   the figures that must be reached
demo      the demonstration
"""
