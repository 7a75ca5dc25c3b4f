/* SPDX-License-Identifier: MIT
 *
 * In place of hv/lapic_ipi.c's delivery: counts, and remembers the last one.
 */
#pragma once

#include "hv/lapic_ipi.h"

struct fake_interrupts {
    unsigned count;
    uint32_t destination;
    bool logical;
    enum apic_delivery_mode mode;
    uint8_t vector;
    bool level;
    bool nobody; /* set by a test: no APIC takes a level-triggered one */
};

extern struct fake_interrupts fake_interrupts;

void fake_interrupts_reset(void);
