"""Where things are: the repository, what it builds, the cache."""
import os

from .netns import LabError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BUILD", os.path.join(ROOT, "build"))


def built(name):
    """A program under build/; LabError when it was not built."""
    path = os.path.join(BUILD, name)
    if not os.path.exists(path):
        raise LabError(f"{path} is missing: run `make all lab`")
    return path


def tool(name):
    """One of the lab's own programs."""
    return built(os.path.join("lab", name))


def cache():
    """A folder that outlives `make clean`: $VRD_LAB_CACHE, otherwise root's cache, otherwise under build/."""
    chosen = os.environ.get("VRD_LAB_CACHE")
    for path in [chosen] if chosen else ["/var/cache/vrd-lab", os.path.join(BUILD, "cache")]:
        try:
            os.makedirs(path, exist_ok=True)
        except OSError:
            continue
        if os.access(path, os.W_OK):
            return path
    raise LabError("no folder to keep the guest's kernel in")
