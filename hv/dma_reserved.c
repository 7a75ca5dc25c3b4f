/* SPDX-License-Identifier: MIT
 *
 * See dma_reserved.h. VT-d specification, 8.4 "Reserved Memory Region Reporting
 * Structure".
 */
#include "hv/dma_reserved.h"

struct dma_reserved dma_reserved_make(uint64_t first_byte, uint64_t last_byte,
                                      const struct memory_range *memory, unsigned count,
                                      uint64_t address_end)
{
    struct dma_reserved reserved = { .owner = DMA_RESERVED_NOBODY };
    if (last_byte >= address_end)
        return reserved;
    uint64_t first = align_down(first_byte, PAGE_SIZE_4K);
    uint64_t end = align_up(last_byte + 1, PAGE_SIZE_4K);
    reserved.honoured = !memory_ranges_hold_ram(memory, count, first, end - 1);
    reserved.range = (struct ept_range){ GPA(first), HPA(first), end - first };
    return reserved;
}

const char *dma_reserved_problem(const struct dma_reserved *reserved, unsigned vm)
{
    if (!reserved->honoured)
        return "a region that the firmware reserves for it (RMRR) reaches into RAM or is out of reach";
    if (reserved->owner != DMA_RESERVED_NOBODY && reserved->owner != vm)
        return "a region that the firmware reserves for it (RMRR) is a device's of another guest, too";
    return NULL;
}
