"""The guest's disk: vsftpd, nginx and ffmpeg from Debian's packages, unpacked but not installed, and what they serve.

The image is cached under a name that has everything in it that made it; it is read-only, and both hypervisors of a move
have the same, as the thesis's had.
"""
import glob
import hashlib
import os
import re
import shutil
import struct
import subprocess
import tempfile

from lab import tools
from lab.netns import LabError, run

PACKAGES = ("vsftpd", "nginx", "ffmpeg")
GUEST_KIB = 256 * 1024 + 8
# What the thesis's HTTP client downloads.
FILE_NAME, FILE_MB = "file", 500
BLOCK = 4096
VIDEO_PORT = 7000
# Bytes per second of FTP and HTTP. SLOW is what TCP carries with 60 ms and 1 % loss on the way; FAST is more, so that mostly
# its window decides when the server may send.
SLOW, FAST = 200_000, 2_000_000
# Both send in pieces, at their rate in the mean: they are small, so that what is sent is spread over time.
FTP_PORTS, HTTP_PORTS = {SLOW: 21, FAST: 2121}, {SLOW: 80, FAST: 8080}
PIECE = {SLOW: 4096, FAST: 8192}
# Never needed by what is started, and large.
UNNEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/icons", "usr/share/fonts",
            "usr/share/X11", "usr/share/mime", "usr/lib/x86_64-linux-gnu/libLLVM*", "usr/lib/llvm*",
            "usr/lib/x86_64-linux-gnu/dri", "usr/lib/x86_64-linux-gnu/libz3*", "usr/lib/x86_64-linux-gnu/gconv")
LIBRARIES = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu/blas",
             "/usr/lib/x86_64-linux-gnu/lapack", "/usr/lib/x86_64-linux-gnu/pulseaudio")


def _vsftpd(rate):
    return (f"chroot /disk /usr/sbin/vsftpd -olisten_port={FTP_PORTS[rate]} -oanon_max_rate={rate} "
            f"-otrans_chunk_size={PIECE[rate]} /etc/vsftpd.conf &")


def _nginx(rate):
    return (f"    server {{ listen {HTTP_PORTS[rate]}; limit_rate {rate}; sendfile_max_chunk {PIECE[rate]}; }}\n")


FILES = {
    "etc/passwd": "root:x:0:0:root:/:/bin/false\nftp:x:101:101::/srv:/bin/false\n"
                  "nobody:x:65534:65534::/:/bin/false\n",
    "etc/group": "root:x:0:\nftp:x:101:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "etc/vsftpd.conf": """listen=YES
background=NO
anonymous_enable=YES
local_enable=NO
no_anon_password=YES
anon_root=/srv
secure_chroot_dir=/run/empty
xferlog_enable=NO
seccomp_sandbox=NO
isolate_network=NO
""",
    "etc/nginx.conf": f"""daemon off;
master_process off;
pid /run/nginx.pid;
events {{ worker_connections 64; }}
http {{
    root /srv;
    sendfile on;
    access_log off;
    client_body_temp_path /run/body;
    proxy_temp_path /run/proxy;
    fastcgi_temp_path /run/fastcgi;
    uwsgi_temp_path /run/uwsgi;
    scgi_temp_path /run/scgi;
{_nginx(SLOW)}{_nginx(FAST)}}}
""",
    # The guest's busybox runs these.
    "start": f"""for name in run tmp var; do mount -t tmpfs tmpfs /disk/$name; done
mount -t proc proc /disk/proc
mount -t devtmpfs devtmpfs /disk/dev
mkdir -p /disk/run/empty
export LD_LIBRARY_PATH={":".join(LIBRARIES)}
{_vsftpd(SLOW)}
{_vsftpd(FAST)}
chroot /disk /usr/sbin/nginx -e /run/nginx.log -c /etc/nginx.conf &
nc -ll -p {VIDEO_PORT} -e sh /disk/video &
""",
    # Its client says where to, and ends it by closing the connection.
    "video": """read address port
chroot /disk /usr/bin/ffmpeg -nostdin -loglevel error -re -stream_loop -1 -i /srv/video.mp4 \\
	-c copy -f rtp rtp://$address:$port </dev/null >/dev/console 2>&1 &
read end
kill $!
""",
}
# A picture every 10 ms, so exactly is the restoration measured; each is whole. Without sound, which would come seldom and the
# pictures wait for it.
VIDEO_FRAMES_S = 100
VIDEO = ("-f", "lavfi", "-i", f"testsrc2=size=320x240:rate={VIDEO_FRAMES_S}", "-t", "10", "-c:v", "libx264",
         "-preset", "veryfast", "-b:v", "1500k", "-maxrate", "1500k", "-bufsize", "30k", "-bf", "0", "-g", "1",
         "-f", "mp4")


def block(number):
    """The content of one block of the file: its number, again and again."""
    return struct.pack(">Q", number) * (BLOCK // 8)


def _closure(empty, *options):
    """apt's answer to: install the packages on a machine that has nothing."""
    return run("apt-get", *options, "-q", "-y", "--no-install-recommends", "-o", f"Dir::State::status={empty}",
               "install", *PACKAGES, timeout=900)


def _archives(empty):
    """Names of the package files."""
    for attempt in range(2):
        try:
            text = _closure(empty, "--print-uris")
        except LabError:
            if attempt:
                raise
            run("apt-get", "update", "-q", timeout=300, check=False)
            continue
        return sorted(re.findall(r"^'\S+' (\S+\.deb) ", text, re.M))
    return []


def _unpack(work, empty):
    os.makedirs(f"{work}/archives/partial")
    os.makedirs(f"{work}/root")
    _closure(empty, "--download-only", "-o", f"Dir::Cache::archives={work}/archives",
             "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root")
    for archive in sorted(glob.glob(f"{work}/archives/*.deb")):
        run("dpkg-deb", "-x", archive, f"{work}/root", timeout=300)
    for pattern in UNNEEDED:
        for path in glob.glob(f"{work}/root/{pattern}"):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)


def _content(root):
    for name in ("proc", "dev", "run", "tmp", "var", "srv", "etc"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    for name, text in FILES.items():
        with open(f"{root}/{name}", "w", encoding="ascii") as file:
            file.write(text)
    with open(f"{root}/srv/{FILE_NAME}", "wb") as file:
        for number in range(FILE_MB * 1_000_000 // BLOCK):
            file.write(block(number))
    libraries = ":".join(root + path for path in LIBRARIES)
    run(f"{root}/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "--library-path", libraries, f"{root}/usr/bin/ffmpeg",
        "-nostdin", "-loglevel", "error", *VIDEO, f"{root}/srv/video.mp4", timeout=300)


def _image(root, path):
    size = int(run("du", "-sm", root).split()[0])
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-m", "0", "-d", root, path,
        f"{size + size // 10 + 64}M", timeout=600)


def disk(say=print):
    """The path of the image; made when the cache has none."""
    with tempfile.TemporaryDirectory(dir=tools.cache(), prefix="tmp") as work:
        empty = f"{work}/status"
        open(empty, "wb").close()
        archives = _archives(empty)
        if not archives:
            raise LabError("apt does not know " + ", ".join(PACKAGES))
        recipe = repr((archives, FILES, FILE_MB, VIDEO, UNNEEDED))
        digest = hashlib.sha256(recipe.encode()).hexdigest()[:16]
        path = os.path.join(tools.cache(), f"servers-{digest}.ext4")
        if os.path.exists(path):
            os.utime(path)
            return path
        say(f"guest: downloading {len(archives)} packages ({', '.join(PACKAGES)} and what they need)")
        try:
            _unpack(work, empty)
            _content(f"{work}/root")
            _image(f"{work}/root", f"{work}/image")
        except subprocess.SubprocessError as problem:
            raise LabError(f"the guest's disk: {problem}") from problem
        os.rename(f"{work}/image", path)
    return path
