# What the lab's programs need beyond the common rule (one program per scripts/lab/*.c).
$(BUILD)/lab/probe: $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard scripts/lab/probe/*.c))
# It runs in the guest, where there is no C library.
$(BUILD)/lab/guestd: HARDEN_LD := -static
-include $(wildcard $(BUILD)/obj/scripts/lab/probe/*.d)
