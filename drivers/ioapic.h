/* SPDX-License-Identifier: MIT
 *
 * A host IOAPIC. Every entry is masked at start and routed one by one to the
 * few owners that the host has; the rest stays masked.
 *
 * Destinations are physical APIC ids below 255: an entry has eight bits for them,
 * unless interrupts are remapped. (hv/ioapic.h is the guests' emulated one.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/apic.h"
#include "drivers/acpi.h"

#define IOAPIC_DESTINATIONS 255 /* APIC ids from 0 on; FFh is all of them */

struct host_ioapic {
    volatile uint32_t *window; /* mapped uncached, at least 68 bytes */
    uint32_t gsi_base;
    unsigned entries; /* GSIs gsi_base to gsi_base + entries - 1 */
    uint8_t id;
    uint8_t version;
};

struct host_ioapic_route {
    enum apic_delivery_mode delivery; /* DELIVERY_FIXED or DELIVERY_NMI */
    uint8_t vector;                   /* of no meaning for an NMI */
    enum acpi_polarity polarity;
    enum acpi_trigger trigger; /* an NMI is edge-triggered whatever this says */
    uint32_t apic_id;
};

/* Finds out what is there and masks all of it. False: nothing answers. */
bool host_ioapic_init(struct host_ioapic *ioapic, volatile uint32_t *window, uint32_t gsi_base);

bool host_ioapic_owns(const struct host_ioapic *ioapic, uint32_t gsi);

/* False and unchanged: another IOAPIC's GSI, or a CPU out of reach. */
bool host_ioapic_route(const struct host_ioapic *ioapic, uint32_t gsi,
                       const struct host_ioapic_route *route) __attribute__((warn_unused_result));

/* An entry in the remappable format (hv/irte.h), which says by itself to whom. False
 * and unchanged: another IOAPIC's GSI. */
bool host_ioapic_route_remapped(const struct host_ioapic *ioapic, uint32_t gsi,
                                uint64_t redirection) __attribute__((warn_unused_result));

void host_ioapic_mask(const struct host_ioapic *ioapic, uint32_t gsi);
