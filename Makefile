# vrd: the build.  `make help` lists the targets.
#
# One list of sources, compiled in four flavours, each with its own library of everything but the
# main programs:
#   $(BUILD)/obj       -> $(BUILD)/libvrd.a       what is installed
#   $(BUILD)/san/obj   -> $(BUILD)/san/libvrd.a   address and undefined-behaviour sanitizers, -Werror
#   $(BUILD)/tsan/obj  -> $(BUILD)/tsan/libvrd.a  the thread sanitizer, -Werror
#   $(BUILD)/fuzz/obj  -> $(BUILD)/fuzz/libvrd.a  the same by clang, with libFuzzer's coverage
# Sources are found by wildcard: a file that appears is built, an empty folder is no error.
VERSION := $(shell sed -n 's/.*VRD_VERSION "\(.*\)"/\1/p' vr/version.h 2>/dev/null)
ifeq ($(origin CC),default)
CC := gcc
endif
CLANG ?= clang
PYTHON ?= /usr/bin/python3
BUILD ?= build
PREFIX ?= /usr/local
# Configurations are in its folder vrd/.
SYSCONFDIR ?= /etc
CFLAGS ?= -O2 -g
WERROR ?=
# V=1 shows whole commands, -s none.
V ?=
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(firstword -$(MAKEFLAGS))),,@echo "  $(1) $@")

PKGS := libpcap openssl libcjson libmnl libnftables
WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 \
	-Wundef -Wswitch-enum -Wimplicit-fallthrough
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fcf-protection
HARDEN_LD := -pie -Wl,-z,relro,-z,now
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# For x86-64 only; without it OpenSSL does the same.
IPSEC_MB := $(shell $(CC) -include intel-ipsec-mb.h -E -x c /dev/null >/dev/null 2>&1 && echo yes)
BASE_CFLAGS := $(IPSEC_MB:yes=-DHAVE_IPSEC_MB) -std=c11 -D_GNU_SOURCE -I. $(WARN) $(PKG_CFLAGS)
ALL_CFLAGS = $(BASE_CFLAGS) $(WERROR) $(HARDEN) $(CFLAGS)
SAN_CFLAGS = $(BASE_CFLAGS) -Werror -O1 -g -fPIE $(SANITIZE)
TSAN := -fsanitize=thread -fno-omit-frame-pointer
TSAN_CFLAGS = $(BASE_CFLAGS) -Werror -O1 -g -fPIE $(TSAN)
FUZZ_CFLAGS = $(BASE_CFLAGS) -O2 -g -fPIE $(SANITIZE)
LIBS := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lnet -lev -lpthread $(IPSEC_MB:yes=-lIPSec_MB)

DIRS := $(wildcard base wire tables migration lisp conf vr)
MAINS := $(wildcard vr/main.c vr/vrctl.c)
SRCS := $(filter-out $(MAINS),$(foreach d,$(DIRS),$(wildcard $(d)/*.c)))
PROGRAMS := $(patsubst vr/main.c,vrd,$(patsubst vr/vrctl.c,vrctl,$(MAINS)))

all: $(PROGRAMS:%=$(BUILD)/%)

# --- the three flavours -------------------------------------------------------------------------
# $(1) folder under BUILD with its slash, $(2) compiler, $(3) name of the variable with the flags,
# $(4) flags of the linker.  The folders are prerequisites of the library because a file that is
# taken away must leave it.
define flavour
$(BUILD)/$(1)obj/%.o: %.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC)
	$$(Q)$(2) $$($(3)) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)libvrd.a: $(SRCS:%.c=$(BUILD)/$(1)obj/%.o) $(DIRS)
	@mkdir -p $$(@D)
	$$(call say,AR)
	$$(Q)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)
$(BUILD)/$(1)vrd: $(BUILD)/$(1)obj/vr/main.o $(BUILD)/$(1)libvrd.a
	$$(call say,LD)
	$$(Q)$(2) $(4) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
$(BUILD)/$(1)vrctl: $(BUILD)/$(1)obj/vr/vrctl.o $(BUILD)/$(1)libvrd.a
	$$(call say,LD)
	$$(Q)$(2) $(4) $$(LDFLAGS) -o $$@ $$^ $$(LIBS)
-include $$(wildcard $(foreach d,*/*.d */*/*.d */*/*/*.d,$(BUILD)/$(1)obj/$(d)))
endef
$(eval $(call flavour,,$$(CC),ALL_CFLAGS,$$(HARDEN_LD)))
$(eval $(call flavour,san/,$$(CC),SAN_CFLAGS,-pie $$(SANITIZE)))
$(eval $(call flavour,tsan/,$$(CC),TSAN_CFLAGS,-pie $$(TSAN)))
$(eval $(call flavour,fuzz/,$$(CLANG),FUZZ_CFLAGS,-pie $$(SANITIZE)))
$(BUILD)/fuzz/obj/%.o: FUZZ_CFLAGS += -fsanitize=fuzzer-no-link

# --- tests --------------------------------------------------------------------------------------
# tests/unit/test_X.c becomes one program; other files there are shared by all of them.
UNIT := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c))
SIM := $(wildcard tests/sim/*.c tests/sim/stories/*.c)
SIM_SCHEDULES ?= 1000
SIM_ARGS ?= --schedules $(SIM_SCHEDULES)
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SHARED := $(filter-out tests/fuzz/fuzz_%.c,$(wildcard tests/fuzz/*.c))
NET := $(patsubst tests/net/%.c,$(BUILD)/net/%,$(wildcard tests/net/*.c))
# tests/bench/X.c measures a part by itself, without the network.
BENCH := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(wildcard tests/bench/*.c))
LAB := $(patsubst scripts/lab/%.c,$(BUILD)/lab/%,$(wildcard scripts/lab/*.c))
# Runs a command, shows what it says and notes how many tests passed and failed in build/results.
TALLY := $(PYTHON) scripts/checks/tally.py --results $(BUILD)/results

$(UNIT:%=$(BUILD)/san/unit/%): $(BUILD)/san/unit/%: $(BUILD)/san/obj/tests/unit/%.o \
		$(UNIT_SHARED:%.c=$(BUILD)/san/obj/%.o) $(BUILD)/san/libvrd.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -pie $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
# Tests in which several threads share something.
TSAN_UNIT := test_ring test_flow_cache test_lpm_readers test_sealer test_openers test_tunnel test_tunnel_threads
$(TSAN_UNIT:%=$(BUILD)/tsan/unit/%): $(BUILD)/tsan/unit/%: $(BUILD)/tsan/obj/tests/unit/%.o \
		$(BUILD)/tsan/libvrd.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) -pie $(TSAN) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(BUILD)/san/sim: $(SIM:%.c=$(BUILD)/san/obj/%.o) $(BUILD)/san/libvrd.a
	$(call say,LD)
	$(Q)$(CC) -pie $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(BUILD)/sim: $(SIM:%.c=$(BUILD)/obj/%.o) $(BUILD)/libvrd.a
	$(call say,LD)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)
$(FUZZ:%=$(BUILD)/fuzz/fuzz_%): $(BUILD)/fuzz/fuzz_%: $(BUILD)/fuzz/obj/tests/fuzz/fuzz_%.o \
		$(FUZZ_SHARED:%.c=$(BUILD)/fuzz/obj/%.o) $(BUILD)/fuzz/libvrd.a
	$(call say,LD)
	$(Q)$(CLANG) -pie $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBS)
$(NET): $(BUILD)/net/%: $(BUILD)/obj/tests/net/%.o $(BUILD)/libvrd.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(BENCH): $(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libvrd.a
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ $(LIBS)
$(LAB): $(BUILD)/lab/%: $(BUILD)/obj/scripts/lab/%.o
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(CC) $(HARDEN_LD) $(LDFLAGS) -o $@ $^ -lpthread
-include scripts/lab/tools.mk

unit: $(UNIT:%=$(BUILD)/san/unit/%)
lab: $(LAB)
net: $(NET)
benches: $(BENCH)
fuzzers: $(FUZZ:%=$(BUILD)/fuzz/fuzz_%)
san: $(PROGRAMS:%=$(BUILD)/san/%)

test: check test-net
test-tsan: $(TSAN_UNIT:%=$(BUILD)/tsan/unit/%)
	@$(TALLY) tsan $(TSAN_UNIT:%=$(BUILD)/tsan/unit/%)
test-unit: unit
	@$(TALLY) unit $(UNIT:%=$(BUILD)/san/unit/%)
ifeq ($(SIM),)
test-sim:
	@echo "no simulation in tests/sim"
else
test-sim: $(BUILD)/san/sim $(BUILD)/sim
	@$(TALLY) sim --command $(BUILD)/sim $(SIM_ARGS)
	@$(TALLY) sim-san --command $(BUILD)/san/sim --schedules $(or $(SIM_SAN_SCHEDULES),100)
endif
test-net check-net: all net lab benches
	@PYTHONPATH=scripts $(TALLY) net --command $(PYTHON) scripts/checks/net.py $(PYTEST_ARGS)

# --- fuzzing ------------------------------------------------------------------------------------
# New inputs are kept under $(BUILD)/fuzz/corpus; what is worth keeping is copied by hand.
RUNS ?= 20000
FUZZ_JOBS ?= 2
fuzz-smoke: $(FUZZ:%=fuzz-run-%)
fuzz: fuzzers
	+$(MAKE) --no-print-directory -j$(FUZZ_JOBS) $(FUZZ:%=fuzz-run-%)
$(FUZZ:%=fuzz-run-%): fuzz-run-%: $(BUILD)/fuzz/fuzz_%
	@mkdir -p $(BUILD)/fuzz/corpus/$* $(BUILD)/results tests/fuzz/corpus/$*
	@if $< -runs=$(RUNS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/finding-$*- $(BUILD)/fuzz/corpus/$* tests/fuzz/corpus/$* \
		>$(BUILD)/fuzz/$*.log 2>&1; \
	then echo "1 0" >$(BUILD)/results/fuzz-$*; \
		echo "fuzz $*: $$(sed -n 's/^stat::number_of_executed_units: //p' $(BUILD)/fuzz/$*.log) runs, no finding"; \
	else echo "0 1" >$(BUILD)/results/fuzz-$*; tail -n 40 $(BUILD)/fuzz/$*.log; \
		echo "fuzz $*: FINDING, see $(BUILD)/fuzz/finding-$*-*"; exit 1; fi

# --- checks -------------------------------------------------------------------------------------
C_FILES = $(shell git ls-files -co --exclude-standard '*.c' '*.h' 2>/dev/null)
check: all san test-unit test-tsan test-sim check-house
check-house: check-selftest check-layers check-globals check-hardening check-format check-words \
	check-drops
check-layers:
	@$(TALLY) layers --command $(PYTHON) scripts/checks/layers.py
check-globals: $(BUILD)/libvrd.a $(PROGRAMS:%=$(BUILD)/%)
	@$(TALLY) globals --command scripts/checks/globals $(BUILD)/obj
check-hardening: all
	@$(TALLY) hardening --command scripts/checks/hardening $(PROGRAMS:%=$(BUILD)/%)
check-format:
	@$(TALLY) format --command scripts/checks/format
check-words:
	@$(TALLY) words --command scripts/checks/words
check-drops:
	@$(TALLY) drops --command $(PYTHON) scripts/checks/drops.py
check-selftest:
	@$(TALLY) checks --command $(PYTHON) scripts/checks/selftest.py
format:
	clang-format -i $(C_FILES)
lint:
	clang-tidy --quiet $(SRCS) $(MAINS) -- $(BASE_CFLAGS)
	$(if $(MANS),mandoc -Tlint -W warning $(MANS))

# Both install what is missing, compilers too, and then build.
demo:
	scripts/demo $(DEMO_ARGS)
bench:
	scripts/bench/run --output $(BUILD)/bench.json $(BENCH_ARGS)
# An option of BENCH_ARGS chooses a part: --quick, --only seed003,locator.
bench-migration:
	scripts/bench/migration/run $(BENCH_ARGS)

# --- installation -------------------------------------------------------------------------------
MANS := $(wildcard packaging/man/*.[158] docs/*.[158] docs/man/*.[158])
DOCS := $(wildcard README.md CHANGELOG.md docs/*.md)
PICTURES := $(wildcard docs/*.svg)
EXAMPLES := $(wildcard conf/examples/*.conf)
SBIN := $(PREFIX)/sbin
UNITS := $(PREFIX)/lib/systemd/system
SHARE_DOC := $(PREFIX)/share/doc/vrd
man_section = $(PREFIX)/share/man/man$(patsubst .%,%,$(suffix $(1)))

install: all
	install -d $(DESTDIR)$(SBIN) $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(UNITS) \
		$(DESTDIR)$(SHARE_DOC)/examples $(DESTDIR)$(SYSCONFDIR)/vrd
	install -m 755 $(BUILD)/vrd $(DESTDIR)$(SBIN)/vrd
	install -m 755 $(BUILD)/vrctl $(DESTDIR)$(PREFIX)/bin/vrctl
	sed 's|@SBIN@|$(SBIN)|g; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' packaging/systemd/vrd@.service \
		>$(DESTDIR)$(UNITS)/vrd@.service
	chmod 644 $(DESTDIR)$(UNITS)/vrd@.service
	install -m 644 $(DOCS) $(DESTDIR)$(SHARE_DOC)/
	$(foreach p,$(PICTURES),install -D -m 644 $(p) $(DESTDIR)$(SHARE_DOC)/$(p) &&) true
	$(foreach e,$(EXAMPLES),install -m 644 $(e) $(DESTDIR)$(SHARE_DOC)/examples/ &&) true
	$(foreach m,$(MANS),install -D -m 644 $(m) $(DESTDIR)$(call man_section,$(m))/$(notdir $(m)) &&) true
uninstall:
	rm -f $(DESTDIR)$(SBIN)/vrd $(DESTDIR)$(PREFIX)/bin/vrctl $(DESTDIR)$(UNITS)/vrd@.service
	rm -f $(foreach m,$(MANS),$(DESTDIR)$(call man_section,$(m))/$(notdir $(m)))
	rm -rf $(DESTDIR)$(SHARE_DOC)
	@# Keys and configurations are the operator's.
	[ ! -d $(DESTDIR)$(SYSCONFDIR)/vrd ] || \
		rmdir --ignore-fail-on-non-empty $(DESTDIR)$(SYSCONFDIR)/vrd
# The package is built from what is committed; the result is in $(BUILD)/deb.
deb:
	rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/vrd-$(VERSION)
	git archive HEAD | tar -x -C $(BUILD)/deb/vrd-$(VERSION)
	cp -r packaging/debian $(BUILD)/deb/vrd-$(VERSION)/debian
	cd $(BUILD)/deb/vrd-$(VERSION) && dpkg-buildpackage -us -uc -b
clean:
	rm -rf $(BUILD)

help:
	@echo "all          build $(BUILD)/vrd and $(BUILD)/vrctl"
	@echo "check        build, unit tests, simulation, layers, globals, format: no root, no network"
	@echo "test         check, then test-net"
	@echo "test-unit    unit tests under address and undefined-behaviour sanitizers"
	@echo "test-tsan    tests of what threads share, under the thread sanitizer"
	@echo "test-sim     many routers in one process, SIM_SCHEDULES=$(SIM_SCHEDULES)"
	@echo "test-net     tests over network namespaces, as root, PYTEST_ARGS="
	@echo "fuzz-smoke   every fuzz target, RUNS=$(RUNS)"
	@echo "fuzz         the same, $(FUZZ_JOBS) at a time: make fuzz RUNS=5000000"
	@echo "lint         clang-tidy, mandoc"
	@echo "demo         a real VM moves between clouds, as root, DEMO_ARGS="
	@echo "bench        measure and write $(BUILD)/bench.json, as root, BENCH_ARGS="
	@echo "bench-migration  published migration experiments, as root, BENCH_ARGS="
	@echo "format       clang-format on every C file"
	@echo "install      with DESTDIR, PREFIX=$(PREFIX), SYSCONFDIR=$(SYSCONFDIR); uninstall takes it back"
	@echo "deb          Debian package in $(BUILD)/deb"
	@echo "clean        remove $(BUILD)"

.PHONY: all unit lab net benches fuzzers san test test-unit test-tsan test-sim test-net check-net fuzz fuzz-smoke check \
	check-house check-layers check-globals check-hardening check-format check-words check-drops \
	check-selftest format lint demo bench bench-migration install uninstall deb clean help $(FUZZ:%=fuzz-run-%)
.SECONDARY:
.DELETE_ON_ERROR:
