"""HTTP proxies as companies have them, in a namespace of their own: tinyproxy and squid, which pass CONNECT only to one port.

    with WebProxy(space, "192.0.2.8", "squid", "user:secret") as proxy: ...
"""
import os
import pwd

from .netns import LabError, run, wait_for

PORT, PASSED = 3128, 443
NCSA = "/usr/lib/squid/basic_ncsa_auth"


def _tinyproxy(proxy):
    user, _, password = (proxy.credentials or ":").partition(":")
    return [f"Port {PORT}", f"Listen {proxy.address}", "User nobody", "Group nogroup", f'PidFile "{proxy.file("pid")}"',
            f"ConnectPort {proxy.passed}", "Timeout 600", "MaxClients 20",
            *([f"BasicAuth {user} {password}"] if proxy.credentials else [])]


def _squid(proxy):
    allowed = "known" if proxy.credentials else "all"
    lines = [f"http_port {proxy.address}:{PORT}", f"pid_filename {proxy.file('pid')}", "cache deny all",
             "access_log none", f"cache_log {proxy.file('log')}", "shutdown_lifetime 0 seconds", "cache_mem 8 MB",
             "max_filedescriptors 1024", "netdb_filename none", "visible_hostname proxy", "workers 1",
             f"coredump_dir {proxy.folder}", f"acl passed port {proxy.passed}", "http_access deny !passed"]
    if proxy.credentials:
        user, _, password = proxy.credentials.partition(":")
        with open(proxy.file("users"), "w", encoding="ascii") as file:
            file.write(f"{user}:{run('openssl', 'passwd', '-apr1', password).strip()}\n")
        lines += [f"auth_param basic program {NCSA} {proxy.file('users')}", "auth_param basic children 1 startup=1",
                  "acl known proxy_auth REQUIRED"]
    return [*lines, f"http_access allow {allowed}"]


# What each is started with, and who it becomes.
KINDS = {"tinyproxy": (_tinyproxy, ("tinyproxy", "-d", "-c"), "nobody"),
         "squid": (_squid, ("squid", "-N", "-f"), "proxy")}


class WebProxy:
    """One of KINDS on an address of the namespace. 'credentials' are those it wants; 'passed' the port that it lets
    CONNECT go to."""

    def __init__(self, space, address, kind, credentials=None, passed=PASSED):
        self.space, self.address, self.kind = space, address, kind
        self.credentials, self.passed = credentials, passed
        self.endpoint = f"{address}:{PORT}"
        self.folder = space.lab.path(f"{kind}-{space.name}")
        os.makedirs(self.folder, exist_ok=True)
        self.process = None

    def file(self, name):
        return os.path.join(self.folder, name)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        lines, command, user = KINDS[self.kind]
        with open(self.file("conf"), "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines(self))
        self._hand_over(user)
        with open(self.file("output"), "ab") as output:
            self.process = self.space.popen(*command, self.file("conf"), stdout=output, stderr=output)
        wait_for(self._listens, 15, f"{self.kind} to listen")

    def kill(self):
        """Ends it at once, and with it its connections."""
        if self.process:
            self.process.kill()
            self.process.wait(5)
            self.space.lab.end(self.process)
            self.process = None

    def _hand_over(self, user):
        # It gives up root and still has to reach its files, below a folder that only root may enter.
        number = pwd.getpwnam(user)
        os.chmod(self.space.lab.dir, 0o711)
        for name in ("", *os.listdir(self.folder)):
            os.chown(self.file(name), number.pw_uid, number.pw_gid)

    def _listens(self):
        if self.process.poll() is not None:
            with open(self.file("output"), encoding="utf-8", errors="replace") as file:
                raise LabError(f"{self.kind} has ended: {file.read()[-500:]}")
        return f"{self.endpoint} " in self.space.run("ss", "-Hltn")
