/* SPDX-License-Identifier: MIT
 *
 * Entries of the interrupt remapping table, and the messages that name them.
 *
 * An entry is good for one source id and raises one vector at one CPU. Whoever else
 * names its index, or an entry that is clear, is blocked and leaves a fault.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/apic.h"

#define IRTE_COUNT_SHIFT 10
#define IRTE_COUNT (1u << IRTE_COUNT_SHIFT)
#define IRTE_BYTES 16
#define IRTE_FRAMES (IRTE_COUNT * IRTE_BYTES / 4096)

struct vtd_interrupt {
    uint32_t apic_id;                 /* physical destination */
    enum apic_delivery_mode delivery; /* DELIVERY_FIXED or DELIVERY_NMI */
    uint8_t vector;
    bool level;                       /* as the IOAPIC's input; MSIs are edges */
};

/* What to write into a function's MSI registers. */
struct vtd_message {
    uint32_t address;
    uint32_t data;
};

struct irte {
    uint64_t low, high;
};

/* Only what cannot harm: one CPU's legal vector or an NMI; an id that fits. */
bool irte_can_be(const struct vtd_interrupt *interrupt, bool extended);

/* For one that can be. `extended`: the table has APIC ids of 32 bits. */
struct irte irte_make(const struct vtd_interrupt *interrupt, uint16_t source, bool extended);

/* Puts an entry where a unit may be looking: whole at once, or absent in between if it is
 * another source's. */
void irte_store(uint64_t *at, struct irte entry);
void irte_clear(uint64_t *at);

/* `subhandle`: the function adds its message's number to the data. */
struct vtd_message irte_message(uint32_t index, bool subhandle);
uint64_t irte_redirection(uint32_t index, uint8_t vector, bool level, bool active_low);
