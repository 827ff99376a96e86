"""Two LANs and the line between them: host - gateway - gateway - host, each a namespace.

    h1 10.1.0.10 --- 10.1.0.1 g1 192.0.2.1 --- 192.0.2.2 g2 10.2.0.1 --- 10.2.0.10 h2

MTU 1500 everywhere.  The gateways' LAN addresses are given by the tool, because one that is a
router by itself must not share them with the kernel."""

from lab.netns import Lab, LabError, wait_for

JOIN_SECONDS = 20


class Side:
    """One end: its namespaces and what its addresses are."""

    def __init__(self, lab, number):
        self.number = number
        self.host = lab.ns(f"h{number}")
        self.gateway = lab.ns(f"g{number}")
        self.subnet = f"10.{number}.0.0/24"
        self.host_address = f"10.{number}.0.10"
        self.gateway_address = f"10.{number}.0.1"
        self.wan_address = f"192.0.2.{number}"


class Path(Lab):
    """The four namespaces of one tool; leaving the context ends its programs and removes them."""

    def __init__(self, name):
        super().__init__(f"bench-{name}")
        self.name = name
        self.programs = []
        try:
            self._make()
        except BaseException:
            self.close()
            raise

    def _make(self):
        self.sides = one, two = Side(self, 1), Side(self, 2)
        for side in self.sides:
            self.link(side.host, "eth0", side.gateway, "lan")
            side.host.ip(f"addr add {side.host_address}/24 dev eth0")
            side.host.ip(f"route add default via {side.gateway_address}")
        self._connect(one, two)

    def _connect(self, one, two):
        """The line between the gateways."""
        self.link(one.gateway, "wan", two.gateway, "wan")
        for side in self.sides:
            side.gateway.ip(f"addr add {side.wan_address}/24 dev wan")

    def start(self, space, *command):
        """Start a program in a namespace and return it; it is ended with the path.  What it says
        goes to a file that is shown when the LANs are not joined."""
        name = self.path(f"{len(self.programs)}.log")
        with open(name, "w", encoding="utf-8") as log:
            program = space.popen(*command, stdout=log, stderr=log)
        self.programs.append((program, name))
        return program

    def stop(self):
        """End what start() started."""
        for program, _log in self.programs:
            self.end(program)

    def wait_until_joined(self):
        """Ping from host to host until the first answer."""
        one, two = self.sides

        def answered():
            if any(program.poll() is not None for program, _log in self.programs):
                raise LabError(f"{self.name}: a program ended\n{self.logs()}")
            said = one.host.run("ping", "-q", "-c1", "-W1", two.host_address, check=False)
            return " 0% packet loss" in said

        try:
            wait_for(answered, JOIN_SECONDS, f"{self.name} to join the LANs")
        except LabError as error:
            raise LabError(f"{error}\n{self.logs()}") from None

    def logs(self):
        """What the started programs said."""
        texts = []
        for program, name in self.programs:
            with open(name, encoding="utf-8", errors="replace") as log:
                texts.append(f"--- {' '.join(program.args)}\n{log.read()}")
        return "".join(texts)


class RelayedPath(Path):
    """Each gateway reaches a third one and nobody else; its kernel does not forward.

        g1 192.0.2.1 --- 192.0.2.101 relay 192.0.2.102 --- 192.0.2.2 g2"""

    def _connect(self, one, two):
        self.relay = self.ns("relay")
        for side in (one, two):
            side.relay_address = f"192.0.2.{100 + side.number}"
            device = f"wan{side.number}"
            self.link(side.gateway, "wan", self.relay, device)
            side.gateway.ip(f"addr add {side.wan_address} peer {side.relay_address} dev wan")
            self.relay.ip(f"addr add {side.relay_address} peer {side.wan_address} dev {device}")
