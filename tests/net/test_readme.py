"""The README's set-up, word by word: at two sites, each a machine of its own as far as files and interfaces go."""
import os
import re
import subprocess

import echo
import pytest
from lab import tools
from lab.netns import Lab, wait_for

END = "=== done"
# What 'systemctl enable --now' does here: the commands of the unit that was installed.
SYSTEMCTL = """#!/bin/bash
set -e
[ "$1 $2" = "enable --now" ]
unit=$(sed "s/%i/${3#vrd@}/g" "/usr/local/lib/systemd/system/vrd@.service")
$(sed -n 's/^ExecStartPre=//p' <<<"$unit")
$(sed -n 's/^ExecStart=//p' <<<"$unit") >/run/vrd.log 2>&1 &
echo $! >/run/vrd.pid
timeout 5 bash -c 'until [ -S /run/vrd/vrd.sock ]; do :; done' && exit
cat /run/vrd.log >&2
exit 1
"""
# Files of its own in every place where something is installed, configured or kept.
MACHINE = """
set -e
mount --make-rprivate /
mount -t tmpfs none {folder}
mkdir -p {folder}/etc {folder}/lib/dpkg {folder}/run {folder}/bin
cp -a /etc/. {folder}/etc
rm -rf {folder}/etc/vrd
mount --bind /var/lib/dpkg {folder}/lib/dpkg
cat >{folder}/bin/systemctl
chmod +x {folder}/bin/systemctl
mount -t tmpfs none /usr/local
mount --rbind {folder}/lib /var/lib
mount --bind {folder}/etc /etc
mount --bind {folder}/run /run
cd {root}
export PATH={folder}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset MAKEFLAGS MAKELEVEL
exec bash
"""


def blocks():
    """The README's commands and its configuration, as they stand there."""
    with open(os.path.join(tools.ROOT, "README.md"), encoding="utf-8") as file:
        text = file.read()
    part = text[text.index("\n## Set it up"):text.index("\n## How it works")]
    found = re.findall(r"```(\w+)\n(.*?)```", part, re.S)
    assert [kind for kind, _ in found] == ["sh", "jsonc", "sh"]
    return [text for _, text in found]


def at_b(text):
    """"The same with the roles exchanged"."""
    other = {"10.1.0": "10.2.0", "10.2.0": "10.1.0", '"a"': '"b"', '"b"': '"a"', "/a.": "/b.", "vrd@a": "vrd@b",
             "198.51.100.2": "198.51.100.1"}
    return re.sub("|".join(map(re.escape, other)), lambda found: other[found[0]], text)


class Machine:
    """A shell on a machine with a bridge for the LAN and an address on the underlay."""

    def __init__(self, lab, name, number):
        self.lab, self.name = lab, name
        self.space, self.host = lab.ns(name), lab.ns(f"h{name}")
        self.space.bridge("br0")
        lab.link(self.space, "cable", self.host, "eth0")
        self.space.ip("link set cable master br0")
        self.host.ip(f"address add 10.{number}.0.10/24 dev eth0")
        self.host.ip(f"route add default via 10.{number}.0.1")
        folder = lab.path(f"machine-{name}")
        os.mkdir(folder)
        self.shell = self.space.popen(
            "unshare", "-m", "bash", "-c", MACHINE.format(folder=folder, root=tools.ROOT).replace(
                f"cat >{folder}/bin/systemctl", f"printf %s \"$SYSTEMCTL\" >{folder}/bin/systemctl"),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "SYSTEMCTL": SYSTEMCTL})

    def run(self, commands):
        """What they say; each must end well."""
        self.shell.stdin.write(f"bash -e <<'{END}'\n{commands}\n{END}\necho \"{END} $?\"\n")
        self.shell.stdin.flush()
        said = []
        for line in self.shell.stdout:
            if line.startswith(END):
                assert line == f"{END} 0\n", f"at {self.name}:\n{commands}\nsaid:\n{''.join(said)}"
                return "".join(said)
            said.append(line)
        raise AssertionError(f"the shell at {self.name} ended: {''.join(said)}")

    def close(self):
        if self.shell.poll() is None:
            self.shell.stdin.write("[ ! -e /run/vrd.pid ] || kill $(cat /run/vrd.pid)\n")
            self.shell.stdin.close()
            self.shell.wait(10)


@pytest.fixture
def machines():
    lab = Lab("test")
    made = {}
    try:
        for number, name in enumerate("ab", 1):
            made[name] = Machine(lab, name, number)
        lab.link(made["a"].space, "wan0", made["b"].space, "wan0")
        for number, machine in enumerate(made.values(), 1):
            machine.space.ip(f"address add 198.51.100.{number}/24 dev wan0")
        yield made
    finally:
        for machine in made.values():
            machine.close()
        lab.close()


def test_the_readmes_commands_set_two_sites_up(machines):
    install, conf, start = blocks()
    translate = {"a": lambda text: text, "b": at_b}
    keys = {}
    for name, machine in machines.items():
        said = machine.run(translate[name](install))
        keys[name] = re.search(r"^\S{43}=$", said, re.M)[0]
    for name, machine in machines.items():
        text = translate[name](conf).replace("PUBLIC KEY OF B", keys["b" if name == "a" else "a"])
        machine.run(f"cat >/etc/vrd/{name}.conf <<'EOF'\n{text}EOF")
    for name, machine in machines.items():
        said = machine.run(translate[name](start))
        assert "no errors" in said
    for machine in machines.values():
        wait_for(lambda which=machine: re.search(r"\bup\b", which.run("vrctl show peers")), 10, "the peer")
    wait_for(lambda: echo.ping(machines["a"].host, "10.2.0.10", 1, wait=0.5), 8, "an answer from the other site")
    assert "/etc/vrd" in machines["a"].run("make -s uninstall; ls -d /etc/vrd; [ ! -e /usr/local/sbin/vrd ]")
