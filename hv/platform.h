/* SPDX-License-Identifier: MIT
 *
 * The few ports of a PC's board by which a guest turns itself off or resets
 * itself: PM1a event and control blocks (ACPI 6.4, 4.8.3 "Fixed Hardware
 * Registers") and the reset control register CF9h. A write that ends the guest
 * returns how; the caller ends it. See also hv/i8042.h.
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
};

enum platform_event {
    PLATFORM_NOTHING,
    PLATFORM_POWER_OFF,      /* S5 in PM1a control */
    PLATFORM_RESET_CF9,
    PLATFORM_RESET_KEYBOARD, /* by hv/i8042.h: 64h, or the output port behind it */
    PLATFORM_RESET_FAST,     /* likewise: 92h */
};

void platform_init(struct platform_ports *platform);

/* `bytes` is 1, 2 or 4, inside one of the blocks. */
uint32_t platform_read(struct platform_ports *platform, uint16_t port, size_t bytes);
enum platform_event platform_write(struct platform_ports *platform, uint16_t port, size_t bytes,
                                   uint32_t value);

/* How the guest ended, for a report: "reset by port CF9h". */
const char *platform_event_text(enum platform_event event);
