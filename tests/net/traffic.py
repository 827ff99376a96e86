"""Traffic that accounts for every byte and every packet."""
import hashlib
import os
import socket
import struct
import threading
import time

import inside
from lab.netns import wait_for

SOL_UDP, UDP_SEGMENT = 17, 103
IP_MTU_DISCOVER, IP_PMTUDISC_OMIT = 10, 5
CHUNK = os.urandom(1 << 20)


def _digest_of(source, size):
    hashed, left = hashlib.sha1(), size
    while left:
        data = source.recv(min(left, 1 << 18))
        assert data, f"the connection ended with {left} bytes to come"
        hashed.update(data)
        left -= len(data)
    return hashed.digest()


def _send(target, size):
    hashed, left = hashlib.sha1(), size
    while left:
        piece = CHUNK[:min(left, len(CHUNK))]
        target.sendall(piece)
        hashed.update(piece)
        left -= len(piece)
    return hashed.digest()


class Connection:
    """An open TCP connection between two hosts."""

    def __init__(self, client, server, port=0):
        with inside.listener(server.space, server.ip, port) as waiting:
            self.client = inside.connect(client.space, server.ip, waiting.getsockname()[1])
            waiting.settimeout(15)
            self.server, _ = waiting.accept()
        self.server.settimeout(15)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.close()
        self.server.close()

    def _one_way(self, source, target, size):
        result = []

        def receive():
            try:
                result.append(_digest_of(target, size))
            except (OSError, AssertionError) as problem:
                result.append(problem)
        thread = threading.Thread(target=receive)
        thread.start()
        try:
            sent = _send(source, size)
        finally:
            thread.join(20)
        assert result and result[0] == sent, f"what was received is not what was sent: {result}"

    def exchange(self, size=1 << 20):
        """Sends so much each way and compares checksums."""
        self._one_way(self.client, self.server, size)
        self._one_way(self.server, self.client, size)

    def mss(self):
        """What each end sends at most in one segment."""
        return [end.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                for end in (self.client, self.server)]


def transfer(client, server, size=4 << 20):
    """Opens a connection and sends so much each way, checksummed."""
    with Connection(client, server) as connection:
        connection.exchange(size)


class Stream:
    """Numbered UDP packets from one host to another at a steady rate, until finish()."""

    def __init__(self, source, target, hertz=1000, size=200):
        self.receiver = inside.udp(target.space, target.ip, timeout=0.2)
        self.receiver.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.sender = inside.udp(source.space, source.ip)
        self.to = self.receiver.getsockname()
        self.period, self.padding = 1 / hertz, bytes(size - 8)
        self.sent, self.refused, self.numbers = 0, 0, []
        self.stopping = self.ended = False
        self.threads = [threading.Thread(target=self._receive), threading.Thread(target=self._send)]
        for thread in self.threads:
            thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.ended:
            self.finish()

    def _send(self):
        due = time.monotonic()
        while not self.stopping:
            try:
                self.sender.sendto(struct.pack(">Q", self.sent) + self.padding, self.to)
            except OSError:
                self.refused += 1
            self.sent += 1
            due += self.period
            time.sleep(max(0, due - time.monotonic()))

    def _receive(self):
        quiet = 0
        while quiet < 2:
            try:
                data = self.receiver.recv(65536)
            except TimeoutError:
                quiet = quiet + 1 if self.ended else 0
                continue
            self.numbers.append(struct.unpack_from(">Q", data)[0])

    def wait_received(self, count, timeout=10):
        """Waits until so many more were received."""
        goal = len(self.numbers) + count
        wait_for(lambda: len(self.numbers) >= goal, timeout, f"{count} datagrams", interval=0.005)

    def finish(self):
        self.stopping = True
        self.threads[1].join()
        self.ended = True
        self.threads[0].join()
        self.sender.close()
        self.receiver.close()
        return self

    def lost(self):
        return self.sent - len(set(self.numbers))

    def duplicated(self):
        return len(self.numbers) - len(set(self.numbers))

    def reordered(self):
        return sum(one > other for one, other in zip(self.numbers, self.numbers[1:]))


def super_frame(source, target, count, size, breakable=False):
    """Sends one UDP super-frame of 'count' numbered datagrams; returns what arrived, in its order. 'breakable': they
    may be fragmented, and what the sender knows of the path does not matter."""
    with inside.udp(target.space, target.ip, timeout=2) as receiver, \
            inside.udp(source.space, source.ip) as sender:
        if breakable:
            sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT)
        sender.setsockopt(SOL_UDP, UDP_SEGMENT, size)
        payload = b"".join(struct.pack(">I", i) + CHUNK[i:i + size - 4] for i in range(count))
        sender.sendto(payload, receiver.getsockname())
        return payload, b"".join(receiver.recv(65536) for _ in range(count))
