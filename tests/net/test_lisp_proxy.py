"""Machines of an Internet that knows nothing of LISP reach those of the clouds, and these them, through a proxy."""
import pytest
from lab.netns import Lab
from proxies import INET, MODES, ProxyClouds
from survive import Traffic


@pytest.fixture(scope="module", params=MODES)
def clouds(request):
    with Lab("proxy") as lab:
        world = ProxyClouds(lab, request.param)
        world.start()
        yield world


@pytest.fixture
def vm(clouds):
    yield clouds.machine("a")
    clouds.retire()
    clouds.check()


def test_it_is_reached(clouds, vm):
    with Traffic(clouds, vm, [INET]) as traffic:
        traffic.must_go_on()
        vm.move("b")
        clouds.wait_place(vm, "b")
        traffic.must_go_on()
