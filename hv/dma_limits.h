/* SPDX-License-Identifier: MIT
 *
 * What all of the machine's remapping units can do, out of their capability
 * registers: one set of tables serves all of them, so the weakest unit decides.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/ept.h"

struct dma_limits {
    bool width_39, width_48; /* tables of 3 levels, of 4 */
    bool pages_1g;
    bool extended_interrupts; /* APIC ids of 32 bits */
    uint8_t address_bits;
};

/* Before the first unit. */
struct dma_limits dma_limits_none(void);

/* Takes a unit's capabilities (VTD_CAP, VTD_ECAP) in. Returns NULL, or what the unit
 * lacks that cannot be done without. */
const char *dma_limits_add(struct dma_limits *limits, uint64_t cap, uint64_t ecap)
    __attribute__((warn_unused_result));

/* For limits that have at least one width: as many levels as reach all addresses. */
struct ept_shape dma_shape(const struct dma_limits *limits);

/* Device addresses end here. */
uint64_t dma_address_end(const struct dma_limits *limits);
