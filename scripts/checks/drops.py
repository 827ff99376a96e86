"""Every reason for a drop is named in a test: by its constant, or by its name in quotes.

    drops.py            in the repository of the current folder

Says one line per reason that no test names, 'file: reason', and ends with status 1 when there is one."""

import glob
import re
import sys

# Table -> the prefix of its constants.
TABLES = {"vr/drop.h": "DROP_", "vr/roster.h": "ROSTER_DROP_", "vr/stream.h": "STREAM_DROP_"}
ROW = re.compile(r'\bX\(([A-Z0-9_]+), "([a-z0-9-]+)",')
# These read the tables as a whole.
NO_PROOF = {"tests/unit/test_drop.c"}


def tests():
    """The text of all tests."""
    text = []
    for path in glob.glob("tests/**/*.[ch]", recursive=True) + glob.glob("tests/**/*.py", recursive=True):
        if path not in NO_PROOF:
            with open(path, encoding="utf-8") as file:
                text.append(file.read())
    return "\n".join(text)


def main():
    text = tests()
    count = missing = 0
    for path, prefix in TABLES.items():
        with open(path, encoding="utf-8") as file:
            rows = ROW.findall(file.read())
        if not rows:
            print(f"{path}: no reasons found")
            missing += 1
        for constant, name in rows:
            count += 1
            if not re.search(rf'\b{prefix}{constant}\b|"{name}"', text):
                print(f"{path}: {name}: no test names it")
                missing += 1
    if not missing:
        print(f"drops: {count} reasons, each named in a test")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
