"""Run tests, show what they say, and note how many passed and failed.

    tally.py --results DIR NAME PROGRAM...            each program without arguments
    tally.py --results DIR NAME --command COMMAND...  one command with its arguments

What a program says is understood in three forms: cmocka's "[  PASSED  ] 3 test(s).", a line that
says "3 passed, 1 failed" (pytest and our own programs), or nothing, which counts as one test that
passed when the exit status is 0.  A program that dies or does not end counts as one failure more.  The counts are
written to DIR/NAME as "passed failed" for `tally.py --results DIR --sum [NAME...]`.  Below them stand the
names of tests that passed at the second try only, which the sum says again.

A program without arguments has TEST_LIMIT_S seconds of the environment, or ten minutes.
"""

import os
import re
import subprocess
import sys

CMOCKA = re.compile(r"^\[  (PASSED|FAILED)  \] (\d+) test\(s\)", re.M)
UNSTEADY = re.compile(r"^\d+ unsteady: failed once, then passed: (.*)$", re.M)
LIMIT_S = float(os.environ.get("TEST_LIMIT_S", 600))  # programs whose tests take seconds
WORDS = re.compile(r"(\d+) (passed|failed|errors?)\b")


def count(text, status):
    """Passed and failed tests of one program that said 'text' and ended with 'status'."""
    passed = failed = 0
    for word, number in CMOCKA.findall(text):
        if word == "PASSED":
            passed += int(number)
        else:
            failed += int(number)
    if not passed and not failed:
        for line in reversed(text.splitlines()):
            found = WORDS.findall(line)
            if found:
                passed = sum(int(n) for n, word in found if word == "passed")
                failed = sum(int(n) for n, word in found if word != "passed")
                break
    if status != 0 and failed == 0:
        failed = 1
    if status == 0 and passed == 0 and failed == 0:
        passed = 1
    return passed, failed


def run(command):
    """Run and show one command; returns what it said and its exit status."""
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace") as process:
        for line in process.stdout:
            lines.append(line)
            sys.stdout.write(line)
            sys.stdout.flush()
    return "".join(lines), process.returncode


def run_quietly(program):
    """Run one program and show what it says only when it fails, or does not end in time."""
    with subprocess.Popen([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process:
        try:
            said, _ = process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
            said += f"\n{program}: has not ended after {LIMIT_S:g} s\n"
    if process.returncode != 0:
        sys.stdout.write(said)
    return said, process.returncode


def total(results, names):
    """Print and return the sum over the notes of these names, or over all of them."""
    passed = failed = 0
    for name in sorted(os.listdir(results)) if os.path.isdir(results) else []:
        if names and not any(name == n or name.startswith(n + "-") for n in names):
            continue
        with open(os.path.join(results, name), encoding="ascii") as note:
            counts, *unsteady = note.read().splitlines()
        good, bad = (int(word) for word in counts.split())
        passed += good
        failed += bad
        if bad:
            print(f"{name}: {good} passed, {bad} failed")
        if unsteady:
            print(f"{name}: {len(unsteady)} unsteady: {', '.join(unsteady)}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def main(args):
    if len(args) < 3 or args[0] != "--results":
        print(__doc__)
        return 2
    results, name, rest = args[1], args[2], args[3:]
    if name == "--sum":
        return total(results, rest)
    os.makedirs(results, exist_ok=True)
    passed = failed = 0
    unsteady = []
    worst = 0
    if rest[:1] == ["--command"]:
        text, status = run(rest[1:])
        passed, failed = count(text, status)
        unsteady = [name for names in UNSTEADY.findall(text) for name in names.split(", ")]
        worst = status
    else:
        for program in rest:
            text, status = run_quietly(program)
            good, bad = count(text, status)
            print(f"{name} {os.path.basename(program)}: {good} passed, {bad} failed", flush=True)
            passed, failed, worst = passed + good, failed + bad, worst or status
    with open(os.path.join(results, name), "w", encoding="ascii") as note:
        note.write("\n".join([f"{passed} {failed}", *unsteady]) + "\n")
    return 1 if worst or failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
