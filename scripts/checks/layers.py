"""Includes point down only, and each library's header has one home.

    layers.py [ROOT]

Says one line per offence, 'file:line: what', and ends with status 1 when there is one."""

import fnmatch
import os
import re
import sys

# Which folders a folder may include: the table of the architecture.
MAY_SEE = {
    "base": {"base"},
    "wire": {"base", "wire"},
    "tables": {"base", "tables"},
    "migration": {"base", "wire", "tables", "migration"},
    "lisp": {"base", "wire", "tables", "lisp"},
    "conf": {"base", "conf"},
    "vr": {"base", "wire", "tables", "migration", "lisp", "conf", "vr"},
    "scripts": {"base", "wire", "tables"},
    "tests": {"base", "wire", "tables", "migration", "lisp", "conf", "vr", "tests"},
}

# Header -> the files that may include it.  Tests may include any.
HOMES = [
    ("ev.h", ["vr/loop.c"]),
    ("ev++.h", []),
    ("pcap.h", ["vr/port_pcap.c"]),
    ("pcap/*", ["vr/port_pcap.c"]),
    ("libnet.h", ["vr/port_libnet.c"]),
    ("libnet/*", ["vr/port_libnet.c"]),
    ("linux/if_packet.h", ["vr/port_packet.c"]),
    ("netpacket/packet.h", ["vr/port_packet.c"]),
    ("openssl/*", ["vr/crypto_openssl.c"]),
    ("intel-ipsec-mb.h", ["vr/crypto_mb.c"]),
    ("libmnl/*", ["vr/netlink*"]),
    # vrctl is the other end of the control socket.
    ("cjson/*", ["conf/*", "vr/ctl*.c", "vr/vrctl*.c"]),
    ("cJSON.h", []),
]

# Libraries used by one file of vr/, whichever that is.
ONE_HOME = ["nftables/*"]

# Headers of descriptors and interfaces: these belong to vr/.
DESCRIPTORS = ["sys/socket.h", "sys/epoll.h", "sys/ioctl.h", "sys/un.h", "sys/timerfd.h", "poll.h",
               "net/*", "netinet/*", "arpa/*", "linux/*", "netdb.h", "pthread.h"]
# libc's text forms of addresses, needed where ours are made.
EXCEPT = [("base/fmt.c", "arpa/inet.h")]

# Reading the clock: the loop for everybody, the log for its time stamps.
CLOCK = re.compile(r"\b(clock_gettime|gettimeofday|ev_now|ev_time|time)\s*\((?!\))")
CLOCK_HOMES = ["vr/loop.c", "base/log.c"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


def matches(name, patterns):
    return any(fnmatch.fnmatch(name, p) for p in patterns)


def without_comments(text):
    """The text with comments blanked out and lines kept."""
    return COMMENT.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def check_ours(folder, name, root):
    """An include written in quotes."""
    target = name.split("/", 1)[0]
    if folder in ("scripts", "tests") and target not in MAY_SEE:
        return None  # what stands beside it
    if "/" not in name or target not in MAY_SEE:
        return f'"{name}" is not written from the root of the sources'
    if target not in MAY_SEE[folder]:
        return f"{folder}/ may not see {target}/"
    if not os.path.exists(os.path.join(root, name)):
        return f'"{name}" does not exist'
    return None


def check_library(path, folder, name, users):
    """An include written in angle brackets."""
    if folder in ("tests", "scripts"):
        return None
    for pattern, homes in HOMES:
        if fnmatch.fnmatch(name, pattern) and not matches(path, homes):
            return f"<{name}> belongs in {' '.join(homes) or 'no file'}"
    for pattern in ONE_HOME:
        if fnmatch.fnmatch(name, pattern):
            first = users.setdefault(pattern, path)
            if first != path or folder != "vr":
                return f"<{name}> belongs in one file of vr/, and {first} has it"
    if folder != "vr" and matches(name, DESCRIPTORS) and (path, name) not in EXCEPT:
        return f"<{name}> belongs in vr/"
    return None


def check_file(path, root, users):
    """Yield (line, offence) of one file."""
    folder = path.split("/", 1)[0]
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as source:
        text = without_comments(source.read())
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found and found.group(1) == '"':
            offence = check_ours(folder, found.group(2), root)
        elif found:
            offence = check_library(path, folder, found.group(2), users)
        elif (folder not in ("tests", "scripts") and path not in CLOCK_HOMES
              and CLOCK.search(line)):
            offence = "only vr/loop.c reads the clock; pass 'now' in"
        else:
            offence = None
        if offence:
            yield number, offence


def sources(root):
    for folder in sorted(MAY_SEE):
        for where, folders, names in os.walk(os.path.join(root, folder)):
            folders.sort()
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(where, name), root)


def main(args):
    root = args[0] if args else "."
    users = {}
    bad = seen = 0
    for path in sources(root):
        seen += 1
        for number, offence in check_file(path, root, users):
            print(f"{path}:{number}: {offence}")
            bad += 1
    print(f"layers: {seen} files, {bad} offences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
