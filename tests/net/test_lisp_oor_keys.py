"""What OpenOverlayRouter 1.3.0 has of HMAC-SHA-256: nothing. Routers of ours that are told to use it are not harmed by that, nor is it."""
import os

import pytest
from lab.netns import wait_for
from oor import PROGRAM, SERVER, OorServer, OorSites

pytestmark = pytest.mark.skipif(not os.path.exists(PROGRAM), reason="openoverlayrouter is not installed")

# Key type 2 of RFC 6830: HMAC-SHA-256-128; as Key ID 0 and Algorithm ID 2 in RFC 9301.
SHA256 = 2
FULL = {"algorithm": "sha256", "full_length": True}


def test_as_xtr_it_refuses_to_start_with_sha256():
    with OorSites(names="m", oors="o", oor={"key_type": SHA256}) as sites:
        sites.wait_here = lambda name: None
        sites.start()
        oor = sites.oors["o"]
        oor.wait_said(r"Only SHA-1 \(1\) authentication is supported")
        wait_for(lambda: oor.process.poll() is not None, 5, "it to end")
        assert sites.here("o") is None and sites.counts("m", "map_server")["registers"] == 0


@pytest.mark.parametrize("full", [True, False], ids=["32-bytes", "16-bytes"])
def test_as_map_server_it_answers_no_sha256(full):
    """Not even for a site that it was told to take it from."""
    with OorServer(names="ad", key={**FULL, "full_length": full}, key_type=SHA256) as sites:
        sites.wait_registered = lambda: None
        sites.start()
        wait_for(lambda: sites.counts("a")["registers"] > 2, 20, "A to try again")
        assert sites.counts("a")["registered"] == 0 and not sites.is_registered("a")
        assert sites.oor.process.poll() is None
        assert not sites.oor.said(rf"Map-Notify.*IP: {sites.address(SERVER)} ->")


def test_as_map_server_it_takes_sha1_whatever_it_was_told():
    """The key type of a site is not looked at."""
    with OorServer(names="ad", key_type=SHA256) as sites:
        sites.start()
        assert sites.is_registered("a") and sites.is_registered("d")
