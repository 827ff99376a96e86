"""AES-256-GCM by intel-ipsec-mb beside OpenSSL, on one core: records sealed and opened in a second."""

import subprocess

from lab.tools import built

LIBRARIES = ("openssl", "ipsec_mb")
SIZES = (64, 1400)
SECONDS = 0.5
NO_CODE_FOR_THIS_PROCESSOR = 2


def measure(repeats):
    """{figure.name of the library: [value, ...]}, one library after the other."""
    values = {}
    for turn in range(repeats):
        for size in SIZES:
            for library in LIBRARIES:
                done = subprocess.run([built("bench/aead"), library, str(size), str(SECONDS)],
                                      stdout=subprocess.PIPE, text=True, check=False)
                if done.returncode == NO_CODE_FOR_THIS_PROCESSOR:
                    continue
                done.check_returncode()
                name = f"aead{size}_per_s.{library}"
                values.setdefault(name, []).append(float(done.stdout))
                print(f"  {turn + 1}/{repeats} {name} {float(done.stdout):.0f}", flush=True)
    return values
