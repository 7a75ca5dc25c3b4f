/* SPDX-License-Identifier: MIT
 *
 * The few ports of a PC's board by which a guest turns itself off or resets
 * itself, and what kernels expect beside them: PM1a event and control blocks
 * (ACPI 6.4, 4.8.3 "Fixed Hardware Registers"), the reset control register
 * CF9h, the keyboard controller's reset, port 92h.
 *
 * A write that ends the guest returns how; the caller ends it. There is no
 * keyboard: its controller is always ready, and has nothing to say.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct platform_ports {
    uint16_t pm1_enable;
    uint16_t pm1_control;
    uint8_t reset_control;    /* CF9h */
    uint8_t system_control_a; /* 92h */
    uint8_t keyboard_command; /* 64h: one that waits for its data in 60h, or 0 */
};

enum platform_event {
    PLATFORM_NOTHING,
    PLATFORM_POWER_OFF,      /* S5 in PM1a control */
    PLATFORM_RESET_CF9,
    PLATFORM_RESET_KEYBOARD, /* 64h, or the output port behind it */
    PLATFORM_RESET_FAST,     /* 92h */
};

void platform_init(struct platform_ports *platform);

/* `bytes` is 1, 2 or 4, inside one of the blocks. */
uint32_t platform_read(struct platform_ports *platform, uint16_t port, size_t bytes);
enum platform_event platform_write(struct platform_ports *platform, uint16_t port, size_t bytes,
                                   uint32_t value);

/* How the guest ended, for a report: "reset by port CF9h". */
const char *platform_event_text(enum platform_event event);
