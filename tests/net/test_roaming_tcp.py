"""A router that is reached by TCP only, whose own address changes in mid-flow."""
from lab.natnet import PUBLIC, TCP_PORT, WAN, NatNet
from lab.netns import Lab
from nat_paths import TCP, wait_path
from traffic import Stream

# Two round trips open a stream, of no delay here; the rest is the promise of 50 ms and the lab's own time.
MOST_MS = 100
TRIES = 5


def test_a_stream_is_opened_anew_from_the_new_address():
    def configure(name, conf):
        if name == "y":
            conf["tcp_listen"] = f"{PUBLIC['y']}:{TCP_PORT}"
        else:
            conf["peers"][0]["tcp"] = [f"{PUBLIC['y']}:{TCP_PORT}"]
            conf["listen"] = "0.0.0.0:51341"
    with Lab("tcproam") as lab:
        net = NatNet(lab, "udp-blocked", "none", endpoints="y", rendezvous=False, configure=configure)
        wait_path(net.start().wait_ping(), TCP)
        seen = []
        for host in range(11, 11 + TRIES):
            with Stream(net.x.host, net.y.host) as stream:
                stream.wait_received(500)
                net.x.space.run("sh", "-c", f"ip address flush dev {WAN}; ip address add 192.168.1.{host}/24 dev {WAN}; "
                                f"ip route replace default via 192.168.1.1 dev {WAN}")
                stream.wait_received(500, timeout=20)
                stream.finish()
            # One number per millisecond.
            seen.append(max(two - one for one, two in zip(stream.numbers, stream.numbers[1:])))
        print(f"cut off for {seen} ms")
        assert sorted(seen)[TRIES // 2] <= MOST_MS
        wait_path(net, TCP)
