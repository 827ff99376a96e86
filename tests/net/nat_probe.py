"""How a NAT maps and filters, as RFC 5780 finds it out: a socket behind it, two public addresses with two ports each."""
import itertools
import socket

import inside
from lab.natnet import PORT, PUBLIC

ADDRESSES = (PUBLIC["r"], "198.51.100.2")
PORTS = (3478, 3479)
# What was sent before something that has arrived is there as well, or this much later at the most.
STRAGGLER_S = 0.1
PATIENCE_S = 2
_tokens = itertools.count(1)


class Probe:
    """A socket at a site's router, in the place of the router's own, and the public ones at R. They are named by the
    positions of their address and port: (0, 0) is the primary one."""

    def __init__(self, net, site):
        self.net, self.site = net, site
        if ADDRESSES[1] not in net.r.ip("-o address show dev wan0"):
            net.r.ip(f"address add {ADDRESSES[1]}/24 dev wan0")
        self.inner = inside.udp(site.space, site.address, PORT, PATIENCE_S)
        self.public = {(i, j): inside.udp(net.r, ADDRESSES[i], PORTS[j], PATIENCE_S)
                       for i, j in itertools.product((0, 1), (0, 1))}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in [self.inner, *self.public.values()]:
            one.close()

    @staticmethod
    def _token():
        return f"token {next(_tokens)}".encode()

    @staticmethod
    def _until(receiver, token):
        """Everything up to this token; (data, source) of each. What never comes is told by the timeout."""
        seen = []
        while not seen or seen[-1][0] != token:
            seen.append(receiver.recvfrom(2048))
        return seen

    @staticmethod
    def stragglers(receiver):
        """What has arrived, and what does within a moment."""
        seen = []
        receiver.settimeout(STRAGGLER_S)
        try:
            while True:
                seen.append(receiver.recvfrom(2048))
        except TimeoutError:
            return seen
        finally:
            receiver.settimeout(PATIENCE_S)

    def mapped(self, at=(0, 0)):
        """Where this public socket sees the inner one. Opens the way for it."""
        token = self._token()
        self.inner.sendto(token, self.public[at].getsockname())
        return self._until(self.public[at], token)[-1][1]

    def hears(self, at, mapped, fence=(0, 0)):
        """Does the inner socket hear this public one? 'fence' is one that it does hear: known by now, not by a wait."""
        token, last = self._token(), self._token()
        self.public[at].sendto(token, mapped)
        self.public[fence].sendto(last, mapped)
        seen = self._until(self.inner, last) + self.stragglers(self.inner)
        return token in [data for data, _ in seen]

    def hears_nobody(self, mapped):
        """Is the mapping gone, for all of them?"""
        for one in self.public.values():
            one.sendto(self._token(), mapped)
        return not self.stragglers(self.inner)

    def filtering(self):
        """RFC 5780, 4.4. Nothing but this may have been sent before."""
        mapped = self.mapped()
        if self.hears((1, 1), mapped):
            return "eif"
        return "adf" if self.hears((0, 1), mapped) else "apdf"

    def mapping(self):
        """RFC 5780, 4.3."""
        first, second = self.mapped(), self.mapped((1, 0))
        if first == second:
            return "eim"
        return "adm" if self.mapped((1, 1)) == second else "apdm"


def reaches_tcp(net, site, port, timeout=PATIENCE_S):
    """Is a connection from the site to R accepted, and do bytes go both ways?"""
    with inside.listener(net.r, PUBLIC["r"], port, timeout) as waiting:
        try:
            with inside.connect(site.space, PUBLIC["r"], port, timeout) as one:
                other, _ = waiting.accept()
                with other:
                    return all(_says(*ends) for ends in ((one, other), (other, one)))
        except (TimeoutError, ConnectionError, socket.timeout):
            return False


def _says(one, other):
    other.settimeout(PATIENCE_S)
    one.sendall(b"hello")
    return other.recv(5) == b"hello"
