"""What a router leaves behind: when it ends, is ended at any moment, or cannot start."""
import contextlib
import json
import os
import signal
import subprocess

import pytest
from cli import two_networks
from lab import tools
from lab.netns import LabError, wait_for
from sites import Sites


@pytest.fixture
def pair():
    with two_networks() as sites:
        yield sites


def test_a_second_router_of_one_name_does_not_start_and_touches_nothing(pair):
    """Another socket, another port, the same name and LAN: it would be the first one's twin."""
    router, space = pair.routers["a"], pair.spaces["a"]
    pair.wait_ping(pair.ha, pair.hb)
    before, twin = state_of(space), f"{router.folder}/twin.conf"
    with open(twin, "w", encoding="utf-8") as file:
        json.dump({**router.conf, "listen": f"{pair.address('a')}:4444", "log": {},
                   "control_socket": f"{router.folder}/twin.sock"}, file)
    done = subprocess.run(["ip", "netns", "exec", space.full, tools.built("vrd"), "-c", twin], capture_output=True,
                          text=True, timeout=10, check=False)
    assert done.returncode == 1 and "a.state: in use by another router" in done.stderr
    assert differences(before, state_of(space)) == {}
    assert pair.ping(pair.ha, pair.hb) and pair.peer("b", "a")["handshakes"] == 1


def state_of(space):
    """What a router could leave behind: links, rules, routes, settings, forwarding entries."""
    def js(*command):
        return json.loads(space.run(*command) or "[]")
    links = {row["ifname"]: {key: row.get(key) for key in
                             ("flags", "mtu", "address", "promiscuity", "allmulti", "master", "qdisc", "group",
                              "linkinfo")} for row in js("ip", "-j", "-d", "link")}
    for link in links.values():
        # Timers of a bridge run.
        for key in [key for key in ((link["linkinfo"] or {}).get("info_data") or {}) if "timer" in key]:
            del link["linkinfo"]["info_data"][key]
    entries = {(row["mac"], row["ifname"]) for row in js("bridge", "-j", "fdb")
               if "permanent" in (row.get("state"), *row.get("flags", []))}
    features = {name: space.run("ethtool", "-k", name) for name in links}
    settings = [row for row in space.run("sysctl", "-a", check=False).splitlines()
                if row.startswith("net.") and "nf_conntrack_count" not in row]
    return {"links": links, "fdb": entries, "features": features, "settings": settings,
            "devices": {row["ifname"] for row in js("bridge", "-j", "fdb")},
            "rules": space.run("nft", "list", "ruleset"), "routes": space.ip("route show table all"),
            "addresses": space.ip("-o address"), "policy": space.ip("rule show"),
            "tc": space.run("tc", "filter", "show", "dev", next(iter(links)), "ingress", check=False)}


def differences(before, after):
    """What is not the same, by its path, down to the last dictionary."""
    found = {}
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            found.update({f"{key}.{inner}": pair for inner, pair in differences(one, other).items()})
        elif one != other:
            found[key] = (one, other)
    return found


def use(net, ha, hb):
    """Everything that could leave a trace: traffic, a move, a return."""
    net.wait_ping(ha, hb)
    ha.move("b")
    ha.rarp()
    net.wait_owner(ha.ip, "b")
    net.wait_ping(ha, hb)
    ha.move("a")
    ha.rarp()
    net.wait_owner(ha.ip, "a")
    net.wait_ping(ha, hb)


def settle(net):
    wait_for(lambda: all(host.is_forwarding() for host in net.hosts.values()), 3, "the switches")


@pytest.fixture
def pair_of_nics():
    """Routers with the NIC's own MAC, and what was there before them."""
    def configure(_, conf):
        conf["vns"][0]["mac"] = "nic"
    with Sites(lan="bridge", configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.underlay.start()
        settle(net)
        net.before = state_of(net.spaces["a"])
        net.start()
        net.before["features"]["wan0"] = state_of(net.spaces["a"])["features"]["wan0"]
        use(net, ha, hb)
        yield net


@pytest.mark.parametrize("lan,mac", [("bridge", "virtual"), ("nic", "virtual"), ("nic", "nic"), ("bridge", "nic")])
@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "kill and a new start"])
def test_the_end_leaves_lan_and_kernel_as_they_were(lan, mac, how):
    def configure(_, conf):
        conf["vns"][0]["mac"] = mac
    with Sites(lan=lan, configure=configure) as net:
        ha, hb = net.host("a", 10), net.host("b", 10)
        net.underlay.start()
        settle(net)
        before = state_of(net.spaces["a"])
        net.start()
        before["features"]["wan0"] = state_of(net.spaces["a"])["features"]["wan0"]
        assert differences(before, state_of(net.spaces["a"]))
        use(net, ha, hb)
        router = net.routers["a"]
        if how == "kill and a new start":
            router.kill()
            router.start()
            net.wait_peers()
            net.wait_ping(ha, hb)
            assert router.stop() == 0
        else:
            router.process.send_signal(getattr(signal, how))
            assert router.process.wait(5) == 0
        settle(net)
        assert differences(before, state_of(net.spaces["a"])) == {}
        assert not os.path.exists(router.conf["control_socket"])


def test_an_impatient_end_leaves_as_little(pair_of_nics):
    """Somebody who does not wait sends it again and again, of all kinds."""
    net = pair_of_nics
    router, before = net.routers["a"], net.before

    def ends():
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            router.process.send_signal(number)
        return router.process.poll() is not None
    wait_for(ends, 5, "the end", interval=0.0005)
    assert router.process.returncode == 0
    assert differences(before, state_of(net.spaces["a"])) == {}
    assert not os.path.exists(router.conf["control_socket"])


def test_an_end_at_any_moment_of_the_start_leaves_as_little():
    with Sites(lan="bridge") as net:
        host = net.host("a", 10)
        net.underlay.start()
        settle(net)
        space, router = net.spaces["a"], net.routers["a"]
        router.write_conf()
        before, ended = state_of(space), []
        for step in range(30):
            process = net.lab.popen("ip", "netns", "exec", space.full, tools.built("vrd"), "-c", router.conf_file,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Not a wait for something: moments of a start that takes some 20 ms.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.001 * step)
            process.send_signal(signal.SIGTERM)
            ended.append(process.wait(5))
            net.lab.end(process)
            assert space.ports("br0") == [host.cable], f"{step} ms after the start"
        # It was killed before it was a router, or ended in order.
        assert set(ended) <= {-signal.SIGTERM, 0} and 0 in ended
        assert differences(before, state_of(space)) == {}


def test_a_device_that_was_down_is_down_again():
    with Sites(lan="nic") as net:
        space = net.spaces["a"]
        space.ip("link set lan0 down")
        before = state_of(space)["links"]["lan0"]["flags"]
        net.underlay.start()
        net.routers["a"].start()
        assert "UP" in state_of(space)["links"]["lan0"]["flags"]
        net.routers["a"].stop()
        assert state_of(space)["links"]["lan0"]["flags"] == before


def test_a_device_that_is_not_there_is_said_and_nothing_is_left():
    with Sites() as net:
        net.routers["a"].conf["vns"][0]["device"] = "br77"
        before = state_of(net.spaces["a"])
        with pytest.raises(LabError, match="br77"):
            net.routers["a"].start()
        assert differences(before, state_of(net.spaces["a"])) == {}
