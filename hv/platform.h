/* SPDX-License-Identifier: MIT
 *
 * The few ports of a PC's board by which a guest turns itself off or resets
 * itself: PM1a event and control blocks (ACPI 6.4, 4.8.3 "Fixed Hardware
 * Registers") and the reset control register CF9h; and the PM timer, of 32 bits.
 * A write that ends the guest returns how; the caller ends it. See also
 * hv/i8042.h.
 *
 * Times are ticks of PM_TIMER_HZ, and never go back. The one event that can happen
 * is the timer's, which interrupts (SCI) where it is enabled.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PM_TIMER_HZ 3579545u
#define PM_TIMER_NEVER UINT64_MAX

struct platform_ports {
    uint64_t carries;         /* of the timer's highest bit, as PM1 status has seen them */
    uint16_t pm1_status;
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

void platform_init(struct platform_ports *platform, uint64_t now);

/* `bytes` is 1, 2 or 4, inside one of the blocks. */
uint32_t platform_read(struct platform_ports *platform, uint16_t port, size_t bytes,
                       uint64_t now);
enum platform_event platform_write(struct platform_ports *platform, uint16_t port, size_t bytes,
                                   uint32_t value, uint64_t now);

/* The level of the SCI, and the next tick at which it can rise. */
bool platform_sci(struct platform_ports *platform, uint64_t now);
uint64_t platform_next_sci(const struct platform_ports *platform);

/* How the guest ended, for a report: "reset by port CF9h". */
const char *platform_event_text(enum platform_event event);
