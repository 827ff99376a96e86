"""Show each check failing: every row makes a small tree with one offence and expects it to be found.

    selftest.py [NAME...]
"""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LAYERS = [sys.executable, os.path.join(HERE, "layers.py")]
GLOBALS = [os.path.join(HERE, "globals"), "obj"]
HARDENING = [os.path.join(HERE, "hardening"), "program"]
FORMAT = [os.path.join(HERE, "format")]
WORDS = [os.path.join(HERE, "words")]
DROPS = [sys.executable, os.path.join(HERE, "drops.py")]
REASONS = {"vr/drop.h": '#define VR_DROPS(X) X(NO_ROUTE, "no-route", "nobody")\n',
           "vr/roster.h": '#define ROSTER_DROPS(X) X(FORGED, "forged", "not authentic")\n',
           "vr/stream.h": '#define STREAM_DROPS(X) X(CROWD, "crowd", "too many")\n'}
TALLY = [sys.executable, os.path.join(HERE, "tally.py"), "--results", "results"]
SAY = TALLY + ["x", "--command", "sh", "-c"]
HARD = ["-O2", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong", "-fPIE", "-pie",
        "-Wl,-z,relro,-z,now"]
PROGRAM = ('#include <stdio.h>\n#include <string.h>\nint main(int n, char **a)\n{\n\tchar b[64];\n'
           '\tstrcpy(b, a[n - 1]);\n\tputs(b);\n\treturn 0;\n}\n')

# Tests that fail when they run for the first time, and tests that always fail.
ONCE = """import os
import pytest

@pytest.mark.parametrize("name", {0} + {1})
def test_x(name):
    seen = os.path.exists(name)
    open(name, "w").close()
    assert seen and name in {0}
"""
NET = f"mkdir -p scripts/checks && cp {os.path.join(HERE, 'net.py')} scripts/checks"
RUN_NET = [sys.executable, "scripts/checks/net.py"]

# name, files, command that prepares, check, what it must say (None: it must pass)
CASES = [
    ("down_is_allowed", {"base/a.h": "", "wire/a.c": '#include "base/a.h"\n'}, None, LAYERS, None),
    ("up_is_refused", {"wire/a.h": "", "base/a.c": '#include "wire/a.h"\n'}, None, LAYERS,
     "base/a.c:1: base/ may not see wire/"),
    ("wire_and_tables_do_not_meet", {"tables/a.h": "", "wire/a.c": '#include "tables/a.h"\n'},
     None, LAYERS, "wire/ may not see tables/"),
    ("conf_sees_base_only", {"wire/a.h": "", "conf/a.c": '#include "wire/a.h"\n'}, None, LAYERS,
     "conf/ may not see wire/"),
    ("nothing_sees_vr", {"vr/a.h": "", "migration/a.c": '#include "vr/a.h"\n'}, None, LAYERS,
     "migration/ may not see vr/"),
    ("migration_and_lisp_do_not_meet", {"lisp/a.h": "", "migration/a.c": '#include "lisp/a.h"\n'},
     None, LAYERS, "migration/ may not see lisp/"),
    ("includes_start_at_the_root", {"base/a.h": "", "base/a.c": '#include "a.h"\n'}, None, LAYERS,
     "not written from the root"),
    ("openssl_has_one_home", {"vr/session.c": "#include <openssl/evp.h>\n"}, None, LAYERS,
     "belongs in vr/crypto_openssl.c"),
    ("openssl_at_home_is_allowed", {"vr/crypto_openssl.c": "#include <openssl/evp.h>\n"}, None,
     LAYERS, None),
    ("pcap_has_one_home", {"vr/fwd.c": "#include <pcap/pcap.h>\n"}, None, LAYERS,
     "belongs in vr/port_pcap.c"),
    ("nftables_has_one_home", {"vr/a.c": "#include <nftables/libnftables.h>\n",
                               "vr/b.c": "#include <nftables/libnftables.h>\n"}, None, LAYERS,
     "vr/b.c:1: <nftables/libnftables.h> belongs in one file"),
    ("netlink_has_its_home", {"vr/b.c": "#include <libmnl/libmnl.h>\n"}, None, LAYERS,
     "vr/b.c:1: <libmnl/libmnl.h> belongs in vr/netlink*"),
    ("descriptors_belong_to_vr", {"tables/a.c": "#include <sys/socket.h>\n"}, None, LAYERS,
     "belongs in vr/"),
    ("a_comment_is_no_include", {"base/a.c": '/*\n#include "vr/a.h"\n*/\n'}, None, LAYERS, None),
    ("the_clock_is_read_in_one_place",
     {"vr/fwd.c": "void\nf(void)\n{\n\tclock_gettime(1, 0);\n}\n"}, None, LAYERS,
     "only vr/loop.c reads the clock"),
    ("constants_are_no_globals",
     {"a.c": 'static const char *const n[] = {"a"};\nconst char *\nf(int i)\n{\n\treturn n[i];\n}\n'},
     "mkdir obj && gcc -fPIE -c -o obj/a.o a.c", GLOBALS, None),
    ("data_is_a_global", {"a.c": "int count = 1;\n"}, "mkdir obj && gcc -c -o obj/a.o a.c", GLOBALS,
     "count is writable (.data)"),
    ("bss_is_a_global", {"a.c": "static int count;\nint *\nf(void)\n{\n\treturn &count;\n}\n"},
     "mkdir obj && gcc -c -o obj/a.o a.c", GLOBALS, "count is writable (.bss)"),
    ("a_static_in_a_function_is_a_global",
     {"a.c": "int\nf(void)\n{\n\tstatic int n;\n\treturn ++n;\n}\n"},
     "mkdir obj && gcc -c -o obj/a.o a.c", GLOBALS, "is writable (.bss)"),
    ("common_is_a_global", {"a.c": "int count;\n"}, "mkdir obj && gcc -fcommon -c -o obj/a.o a.c",
     GLOBALS, "count is writable (*COM*)"),
    ("thread_local_is_a_global", {"a.c": "_Thread_local int count;\n"},
     "mkdir obj && gcc -c -o obj/a.o a.c", GLOBALS, "count is writable (.tbss)"),
    ("a_writable_pointer_is_a_global", {"a.c": 'const char *name = "a";\n'},
     "mkdir obj && gcc -fPIE -c -o obj/a.o a.c", GLOBALS, "name is writable (.data.rel.local)"),
    ("no_objects_prove_nothing", {}, "mkdir obj", GLOBALS, "no object"),
    ("a_hard_program_passes", {"a.c": PROGRAM}, "gcc " + " ".join(HARD) + " -o program a.c",
     HARDENING, None),
    ("lazy_binding_is_refused", {"a.c": PROGRAM},
     "gcc " + " ".join(HARD[:-1]) + " -Wl,-z,lazy -o program a.c", HARDENING, "bound lazily"),
    ("a_fixed_address_is_refused", {"a.c": PROGRAM},
     "gcc -O2 -no-pie -fno-pie -o program a.c", HARDENING, "not position independent"),
    ("an_open_stack_is_refused", {"a.c": PROGRAM},
     "gcc " + " ".join(HARD) + " -z execstack -o program a.c", HARDENING, "executable stack"),
    ("no_stack_protection_is_refused", {"a.c": PROGRAM},
     "gcc -O2 -fno-stack-protector -U_FORTIFY_SOURCE -o program a.c", HARDENING,
     "no stack protection"),
    ("formatted_passes", {"a.c": "int\nf(void)\n{\n\treturn 0;\n}\n"}, None, FORMAT, None),
    ("four_spaces_are_refused", {"a.c": "int\nf(void)\n{\n    return 0;\n}\n"}, None, FORMAT,
     "a.c:3"),
    ("plain_words_pass", {"a.c": "/* A sentence. */\n"}, None, WORDS, None),
    ("unfinished_is_refused", {"a.c": "/* " + "TO" + "DO: later */\n"}, None, WORDS, "unfinished"),
    ("a_machine_path_is_refused", {"a.md": "see /ho" + "me/someone/x\n"}, None, WORDS,
     "path of a machine"),
    ("a_fixed_sleep_is_refused", {"tests/a.py": "time.sle" + "ep(3)\n"}, None, WORDS,
     "fixed sleep"),
    ("a_long_function_is_refused", {"a.c": "int\nf(void)\n{\n" + "\tg();\n" * 101 + "}\n"}, None,
     WORDS, "function over 100 lines"),
    ("reasons_that_tests_name_pass",
     {**REASONS, "tests/unit/test_a.c": "DROP_NO_ROUTE STREAM_DROP_CROWD\n",
      "tests/net/test_a.py": 'drops("forged")\n'}, None, DROPS, None),
    ("a_reason_without_a_test_is_refused", {**REASONS, "tests/unit/test_a.c": "ROSTER_DROP_FORGED\n"},
     None, DROPS, "vr/drop.h: no-route: no test names it"),
    ("the_constant_of_another_table_is_no_proof", {**REASONS, "tests/a.c": "DROP_NO_ROUTE DROP_FORGED\n"},
     None, DROPS, "vr/roster.h: forged: no test names it"),
    ("a_table_without_reasons_is_refused", {**REASONS, "vr/drop.h": "", "tests/a.c": '"forged"\n'}, None, DROPS,
     "vr/drop.h: no reasons found"),
    ("passed_tests_pass", {}, None, SAY + ["echo '[  PASSED  ] 3 test(s).'"], None),
    ("a_failed_test_fails", {}, None, SAY + ["echo '1 failed, 3 passed in 2 s'"], "1 failed"),
    ("a_program_that_dies_fails", {}, None, SAY + ["echo '3 passed'; kill -SEGV $$"], "3 passed"),
    ("a_status_fails", {}, None, SAY + ["echo '3 passed, 0 failed'; exit 5"], "3 passed"),
    ("a_program_that_hangs_fails", {"hang": "#!/bin/sh\necho '3 passed'\nexec tail -f /dev/null\n"},
     "chmod +x hang", ["env", "TEST_LIMIT_S=0.5", *TALLY, "x", "./hang"], "hang: 3 passed, 1 failed"),
    ("nothing_run_fails", {}, None, TALLY + ["--sum"], "0 passed, 0 failed"),
    ("the_sum_fails_with_one_part", {"results/a": "3 0\n", "results/b": "2 1\n"}, None,
     TALLY + ["--sum"], "5 passed, 1 failed"),
    ("the_sum_names_the_unsteady", {"results/a": "3 1\ntests/x::y\n"}, None,
     TALLY + ["--sum"], "a: 1 unsteady: tests/x::y\n3 passed, 1 failed"),
    ("the_unsteady_are_noted", {}, None,
     ["sh", "-c", f"{' '.join(SAY)} 'echo 1 unsteady: failed once, then passed: t; echo 5 passed, 0 failed' && "
                  "cat results/x && false"], "5 0\nt\n"),
    ("a_test_that_passes_later_is_unsteady", {"tests/net/test_x.py": ONCE.format(["a b"], ["c"])}, NET, RUN_NET,
     "1 unsteady: failed once, then passed: tests/net/test_x.py::test_x[a b]\n1 passed, 1 failed"),
    ("many_failures_get_no_second_try", {"tests/net/test_x.py": ONCE.format(["a", "b", "c", "d"], [])}, NET, RUN_NET,
     "0 passed, 4 failed"),
    ("the_sum_is_of_the_named", {"results/a": "3 0\n", "results/b": "2 1\n"}, None,
     TALLY + ["--sum", "a"], None),
]


def make_tree(folder, files):
    for path, text in files.items():
        path = os.path.join(folder, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def check(files, prepare, command, expected):
    """None when the check does as expected, else what it said."""
    with tempfile.TemporaryDirectory() as folder:
        make_tree(folder, files)
        with open(os.path.join(ROOT, ".clang-format"), encoding="utf-8") as style:
            make_tree(folder, {".clang-format": style.read()})
        subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
        if prepare:
            subprocess.run(prepare, shell=True, cwd=folder, check=True)
        done = subprocess.run(command, cwd=folder, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if expected is None:
        return None if done.returncode == 0 else done.stdout
    if done.returncode != 0 and expected in done.stdout:
        return None
    return f"expected '{expected}', status {done.returncode}:\n{done.stdout}"


def main(names):
    passed = failed = 0
    for name, *case in CASES:
        if names and name not in names:
            continue
        wrong = check(*case)
        if wrong is None:
            passed += 1
        else:
            failed += 1
            print(f"{name}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
