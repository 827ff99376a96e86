"""A client of one of the guest's servers: `python3 -m bench.migration.fetch KIND ADDRESS OWN RATE`, and Fetch, who runs it.

It looks at everything it gets. On standard input it takes "mark", answered by what came so far and the longest silence
since the last mark, and "finish", answered in the same way and followed by its end: the protocol of the lab's probes.

ftp    downloads the file from vsftpd, which sends RATE bytes a second
http   downloads it from nginx, at the same rate
video  has ffmpeg stream to it over RTP and UDP
"""
import ftplib
import http.client
import json
import os
import select
import socket
import subprocess
import sys
import time

from lab import tools
from lab.probes import Probe

from . import servers
from .figures import missing_numbers

RTP_PORT = 5004
TIMEOUT_S = 30


class Fetch(Probe):
    """One running client in a namespace; see the top."""

    def __init__(self, space, kind, address, own, rate, timeout=20):
        self.what = f"{kind} client in {space.name}"
        self.space, self.final, self.rest = space, None, b""
        environment = {**os.environ, "PYTHONPATH": os.path.join(tools.ROOT, "scripts")}
        self.process = space.popen(sys.executable, "-m", __name__, kind, address, own, str(rate), env=environment,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.read(timeout)

    def end(self):
        self.begin_finish()
        return self.finish()


class File:
    """What came of the file so far, and whether it is right."""

    def __init__(self):
        self.size, self.right = 0, True

    def take(self, data):
        at = 0
        while at < len(data):
            number, offset = divmod(self.size, servers.BLOCK)
            piece = data[at:at + servers.BLOCK - offset]
            self.right = self.right and piece == servers.block(number)[offset:offset + len(piece)]
            at += len(piece)
            self.size += len(piece)

    def state(self):
        return {"bytes": self.size, "content_ok": self.right and self.size > 0}


class Stream:
    """RTP packets so far."""

    def __init__(self):
        self.numbers, self.size = [], 0

    def take(self, data):
        if len(data) > 12 and data[0] >> 6 == 2:
            self.numbers.append(data[2] << 8 | data[3])
            self.size += len(data)

    def state(self):
        return {"bytes": self.size, "content_ok": bool(self.numbers), "packets": len(self.numbers),
                "missing": missing_numbers(self.numbers)}


def _ftp(address, _own, rate):
    ftp = ftplib.FTP(timeout=TIMEOUT_S)
    ftp.connect(address, servers.FTP_PORTS[rate])
    ftp.login()
    ftp.voidcmd("TYPE I")
    data = ftp.transfercmd(f"RETR {servers.FILE_NAME}")
    return data, File(), ftp


def _http(address, _own, rate):
    connection = http.client.HTTPConnection(address, servers.HTTP_PORTS[rate], timeout=TIMEOUT_S)
    connection.request("GET", f"/{servers.FILE_NAME}")
    # The head ends with an empty line; what follows is the file.
    data, head = connection.sock, b""
    while not head.endswith(b"\r\n\r\n"):
        head += data.recv(1)
        if not head:
            raise OSError("the HTTP server closed the connection")
    if b" 200 " not in head.split(b"\r\n")[0]:
        raise OSError(head.split(b"\r\n")[0].decode())
    return data, File(), connection


def _video(address, own, _rate):
    data = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    data.bind((own, RTP_PORT))
    control = socket.create_connection((address, servers.VIDEO_PORT), timeout=TIMEOUT_S)
    control.sendall(f"{own} {RTP_PORT}\n".encode())
    return data, Stream(), control


OPEN = {"ftp": _ftp, "http": _http, "video": _video}


class Client:
    """Reads until it is told to end."""

    def __init__(self, kind, address, own, rate):
        self.data, self.sink, self.keep = OPEN[kind](address, own, rate)
        self.data.setblocking(False)
        self.last, self.gap, self.error, self.ended = time.monotonic(), 0.0, "", False

    def state(self):
        gap = max(self.gap, time.monotonic() - self.last)
        self.gap = 0.0
        return {**self.sink.state(), "longest_gap_ms": round(gap * 1000, 1), "error": self.error}

    def take(self):
        try:
            data = self.data.recv(65536)
        except BlockingIOError:
            return
        except OSError as problem:
            self.error, self.ended = str(problem), True
            return
        now = time.monotonic()
        self.gap, self.last = max(self.gap, now - self.last), now
        if not data and isinstance(self.sink, File):
            self.error, self.ended = "the server closed the connection", True
        self.sink.take(data)

    def run(self):
        while True:
            ready, _, _ = select.select([sys.stdin] if self.ended else [sys.stdin, self.data], [], [])
            if self.data in ready:
                self.take()
            if sys.stdin in ready and not self.answer():
                return

    def answer(self):
        word = sys.stdin.readline().strip()
        if not word:
            return False
        print(json.dumps(self.state()), flush=True)
        return word != "finish"


def main(kind, address, own, rate):
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            client = Client(kind, address, own, int(rate))
            break
        except (OSError, ftplib.Error, EOFError) as problem:
            # The server may not be up yet.
            if time.monotonic() > deadline:
                print(problem, file=sys.stderr)
                return 1
            time.sleep(0.2)
    print(json.dumps({"connected": True}), flush=True)
    client.run()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
