"""OpenVPN as packaged: AES-256-GCM over UDP, certificates made for this run.

The data channel of the program itself is measured, not a kernel module.  Socket buffers and the
tun queue are large, as its manual advises for fast lines; compression is off; tun-mtu 1500 with
the default mssfix, so that no outer packet is a fragment."""

import re

from lab.netns import run

from .routing import give_gateway_addresses

ABOUT = "AES-256-GCM, UDP, tun-mtu 1500, mssfix default, 1 MiB socket buffers, no compression"
PORT = "1194"
OPTIONS = """
dev tun0
dev-type tun
proto udp
topology p2p
tun-mtu 1500
sndbuf 1048576
rcvbuf 1048576
txqueuelen 1000
data-ciphers AES-256-GCM
data-ciphers-fallback AES-256-GCM
dh none
fast-io
persist-tun
persist-key
keepalive 10 60
allow-compression no
verb 2
"""


def certificate(path, side):
    """Make a key and a self-signed certificate; returns its fingerprint, by which the other end
    knows it."""
    key, cert = path.path(f"{side.number}.key"), path.path(f"{side.number}.crt")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
        "-nodes", "-days", "2", "-subj", f"/CN=gateway{side.number}", "-keyout", key, "-out", cert)
    text = run("openssl", "x509", "-in", cert, "-noout", "-fingerprint", "-sha256")
    return re.search(r"=([0-9A-F:]+)", text).group(1)


def supports(option):
    """Whether this version of the program knows an option."""
    return f"--{option}" in run("openvpn", "--help", check=False)


def setup(path):
    one, two = path.sides
    give_gateway_addresses(path)
    fingerprints = {side: certificate(path, side) for side in path.sides}
    extra = "disable-dco\n" if supports("disable-dco") else ""
    for side, other, role in ((one, two, "tls-server"), (two, one, "tls-client")):
        config = path.path(f"{side.number}.ovpn")
        network, mask = other.subnet.split("/")[0], "255.255.255.0"
        with open(config, "w", encoding="ascii") as file:
            file.write(OPTIONS + extra + f"{role}\n"
                       f"local {side.wan_address}\nremote {other.wan_address}\n"
                       f"port {PORT}\n"
                       f"cert {side.number}.crt\nkey {side.number}.key\n"
                       f"peer-fingerprint {fingerprints[other]}\n"
                       f"ifconfig 10.9.0.{side.number} 10.9.0.{other.number}\n"
                       f"route {network} {mask}\n")
        path.start(side.gateway, "openvpn", "--cd", path.dir, "--config", config)

