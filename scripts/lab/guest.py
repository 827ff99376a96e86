"""The guest: a kernel from Debian's packages, unpacked but not installed, and an initramfs of busybox and
guestd. Both are cached; a change of any part makes a new one. A disk with more can be added: read-only, and the same for
both hypervisors of a move.

Several runs, also of different versions of the lab, share the cache: what is in it has its contents in its name, appears
whole by a rename and is never replaced. Only what nobody has used for a month is removed.
"""
import contextlib
import glob
import hashlib
import itertools
import lzma
import os
import re
import shutil
import tempfile
import time
from dataclasses import dataclass, replace

from . import tools
from .netns import LabError, run

# Kernel flavour and modules, in the order of loading, by network card.
CARDS = {
    "virtio-net-pci": ("cloud-amd64", ["failover", "net_failover", "virtio_ring", "virtio",
                                       "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
                                       "virtio_pci", "virtio_net"]),
    "e1000": ("amd64", ["e1000"]),
}
# What a guest with a disk loads beside them; these kernels have ext4 built in.
DISK_MODULES = ["virtio_blk"]
BUSYBOX = "/bin/busybox"
UNUSED_S = 30 * 86400  # what was not used for so long leaves the cache
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
for module in MODULES; do insmod /modules/$module.ko || echo "insmod $module failed"; done
for word in $(cat /proc/cmdline); do
	case $word in
	lab.address=*) address=${word#*=} ;;
	lab.gateway=*) gateway=${word#*=} ;;
	esac
done
until [ -e /sys/class/net/eth0 ]; do usleep 10000; done
# The guest says who it is when its link comes up, as machines with DHCP do.
echo 1 >/proc/sys/net/ipv4/conf/all/arp_notify
ip link set lo up
[ -n "$address" ] && ip address add $address dev eth0
ip link set eth0 up
[ -n "$gateway" ] && ip route add default via $gateway
# The disk says itself what it wants started.
[ -e /sys/block/vda ] && mount -t devtmpfs devtmpfs /dev && mount -t ext4 -o ro /dev/vda /disk && sh /disk/start
[ -e /start ] && . /start
exec /bin/guestd
"""


# Modules of a machine that is its own router, and can be told things by its hypervisor.
ROUTER_MODULES = ["tun", "virtio_console"]


@dataclass
class Image:
    """What QEMU boots."""
    kernel: str
    initrd: str
    card: str
    disk: str = None  # path of a disk image
    memory_kib: int = None  # None: the least it boots with
    options: tuple = ()  # further ones of QEMU


def _package_of(flavour):
    """The newest kernel package of a flavour that the package lists know."""
    for attempt in range(2):
        text = run("apt-cache", "show", "--no-all-versions", f"linux-image-{flavour}", check=False)
        match = re.search(rf"^Depends:.*?(linux-image-\S+-{flavour})", text, re.M)
        if match:
            return match[1]
        if attempt == 0:
            run("apt-get", "update", "-q", timeout=300, check=False)
    raise LabError(f"apt knows no linux-image-{flavour}")


def _use(path):
    """Is it in the cache? Notes that it was used now."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _prune():
    """Removes what nobody has used for a long time; another run may do the same."""
    mine = [os.path.join(tools.cache(), name) for name in ("kernel-*", "initrd-*", "servers-*", "tmp*")]
    for path in itertools.chain(*map(glob.glob, mine)):
        try:
            old = time.time() - os.stat(path).st_mtime > UNUSED_S
        except FileNotFoundError:
            continue
        if old and os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif old:
            with contextlib.suppress(FileNotFoundError):
                os.remove(path)


def _kernel(flavour, modules, say):
    """(kernel image, folder with its modules); downloads and unpacks when the cache has none."""
    digest = hashlib.sha256(" ".join(modules).encode()).hexdigest()[:8]
    home = os.path.join(tools.cache(), f"kernel-{flavour}-{digest}")
    if not _use(home):
        package = _package_of(flavour)
        say(f"guest: downloading {package}")
        with tempfile.TemporaryDirectory(dir=tools.cache()) as work:
            run("apt-get", "download", "-q", package, cwd=work, timeout=600)
            debs = glob.glob(f"{work}/*.deb")
            if not debs:
                raise LabError(f"{package} could not be downloaded")
            run("dpkg-deb", "-x", debs[0], f"{work}/root", timeout=300)
            _pick(f"{work}/root", f"{work}/kernel", modules)
            try:
                os.rename(f"{work}/kernel", home)
            except OSError:
                # Another run was faster.
                if not _use(home):
                    raise
    return f"{home}/vmlinuz", home


def _pick(root, home, modules):
    """Takes from an unpacked kernel package what the guest needs; the rest is large."""
    os.mkdir(home)
    shutil.copy(glob.glob(f"{root}/boot/vmlinuz-*")[0], f"{home}/vmlinuz")
    for name in modules:
        found = glob.glob(f"{root}/lib/modules/*/kernel/**/{name}.ko*", recursive=True)
        if not found:
            raise LabError(f"the kernel package has no module {name}")
        data = _read(found[0])
        if found[0].endswith(".xz"):
            data = lzma.decompress(data)
        with open(f"{home}/{name}.ko", "wb") as file:
            file.write(data)


def _read(path):
    with open(path, "rb") as file:
        return file.read()


class _Cpio:
    """A cpio archive of the kind that Linux unpacks at boot."""

    def __init__(self):
        self.data = bytearray()
        self.count = 0

    def add(self, name, content=b"", mode=0o100755, device=(0, 0)):
        self.count += 1
        name_bytes = name.encode() + b"\0"
        fields = [self.count, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name_bytes), 0]
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields) + name_bytes
        self._pad()
        self.data += content
        self._pad()

    def _pad(self):
        self.data += bytes(-len(self.data) % 4)

    def finish(self):
        self.add("TRAILER!!!", mode=0)
        return bytes(self.data)


def _archive(names, folder):
    archive = _Cpio()
    for name in ("bin", "dev", "proc", "sys", "modules", "disk"):
        archive.add(name, mode=0o40755)
    archive.add("dev/console", mode=0o20600, device=(5, 1))
    archive.add("bin/busybox", _read(BUSYBOX))
    archive.add("bin/guestd", _read(tools.tool("guestd")))
    archive.add("init", INIT.replace("MODULES", " ".join(names)).encode())
    for name in names:
        archive.add(f"modules/{name}.ko", _read(f"{folder}/{name}.ko"))
    return archive.finish()


def make(card="virtio-net-pci", say=print, disk=None, memory_kib=None, modules=()):
    """The image for a guest with this network card. 'disk': path of an ext4 image, whose script /start the guest runs when
    it has an address. 'modules': further ones of the kernel."""
    if not os.path.exists(BUSYBOX):
        raise LabError(f"{BUSYBOX} is missing: install busybox-static")
    flavour, needed = CARDS[card]
    modules = needed + (DISK_MODULES if disk else []) + list(modules)
    kernel, folder = _kernel(flavour, modules, say)
    archive = _archive(modules, folder)
    digest = hashlib.sha256(archive).hexdigest()[:16]
    initrd = os.path.join(tools.cache(), f"initrd-{card}-{digest}.cpio")
    if not _use(initrd):
        with tempfile.NamedTemporaryFile(dir=tools.cache(), delete=False) as file:
            file.write(archive)
        os.rename(file.name, initrd)
        _prune()
    return Image(kernel, initrd, card, disk, memory_kib)


def extend(image, path, files):
    """An image with more in it, for one run: written to this path, and not cached. 'files': name -> (content, mode). What
    is called start is run before the guest's service."""
    archive = _Cpio()
    folders = {"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)}
    for name in sorted(folders):
        archive.add(name, mode=0o40755)
    for name, (content, mode) in files.items():
        archive.add(name, content, 0o100000 | mode)
    with open(path, "wb") as file:
        # The kernel unpacks one archive after the other.
        file.write(_read(image.initrd) + archive.finish())
    return replace(image, initrd=path)


def program(path):
    """A program and the libraries that it is linked with, for extend()."""
    libraries = re.findall(r"(/\S+) \(0x", run("ldd", path))
    return {os.path.join("bin", os.path.basename(path)): (_read(path), 0o755),
            **{name.lstrip("/"): (_read(name), 0o755) for name in libraries}}
