/* SPDX-License-Identifier: MIT
 *
 * Regions of memory that the firmware says its devices go on using (RMRR): which of
 * them can be honoured, and for whom.
 *
 * One is honoured only if none of it is usable RAM, as everything that is the
 * hypervisor's or a guest's lies in that. A region is one guest's, for two whose
 * devices reach it could talk through it.
 */
#pragma once

#include "hv/ept.h"
#include "hv/memory_map.h"

#define DMA_RESERVED_NOBODY UINT8_MAX

struct dma_reserved {
    bool honoured;
    struct ept_range range; /* whole pages, one to one; if it is honoured */
    uint8_t owner;          /* VM index, or DMA_RESERVED_NOBODY */
};

/* `last_byte` is not below `first_byte`. `memory` is the firmware's map; device
 * addresses end at `address_end`. */
struct dma_reserved dma_reserved_make(uint64_t first_byte, uint64_t last_byte,
                                      const struct memory_range *memory, unsigned count,
                                      uint64_t address_end);

/* Why a function of this region cannot be that guest's, or NULL. */
const char *dma_reserved_problem(const struct dma_reserved *reserved, unsigned vm);
