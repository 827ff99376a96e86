# vrd: the build.  `make help` lists the targets.
CC ?= gcc
PKGS := libpcap openssl libcjson libmnl libnftables
WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 \
	-Wundef -Wswitch-enum -Wimplicit-fallthrough
HARDEN := -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE -fcf-protection
CFLAGS ?= -O2 -g
BUILD ?= build
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -I. $(WARN) $(HARDEN) $(shell pkg-config --cflags $(PKGS)) $(CFLAGS)
LIBS = $(shell pkg-config --libs $(PKGS)) -lnet -lev -lpthread

MAINS := vr/main.c vr/vrctl.c
SRCS := $(filter-out $(MAINS),$(wildcard base/*.c wire/*.c tables/*.c migration/*.c lisp/*.c conf/*.c vr/*.c))
OBJS := $(SRCS:%.c=$(BUILD)/obj/%.o)

all: $(BUILD)/vrd $(BUILD)/vrctl

$(BUILD)/libvrd.a: $(OBJS)
	rm -f $@ && ar rcs $@ $^
$(BUILD)/vrd: $(BUILD)/obj/vr/main.o $(BUILD)/libvrd.a
	$(CC) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/vrctl: $(BUILD)/obj/vr/vrctl.o $(BUILD)/libvrd.a
	$(CC) -pie -Wl,-z,relro,-z,now $(LDFLAGS) -o $@ $^ $(LIBS)
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
-include $(wildcard $(BUILD)/obj/*/*.d)

.PHONY: all
