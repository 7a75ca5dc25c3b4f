/* SPDX-License-Identifier: MIT
 *
 * See dma_limits.h.
 */
#include "hv/dma_limits.h"

#include "arch/spec/vtd.h"

#define LEVELS_39 3
#define LEVELS_48 4
#define LARGEST_2M 1
#define LARGEST_1G 2

struct dma_limits dma_limits_none(void)
{
    return (struct dma_limits){ .width_39 = true, .width_48 = true, .pages_1g = true,
                                .extended_interrupts = true, .address_bits = 64 };
}

static const char *lacks(uint64_t cap, uint64_t ecap)
{
    if (cap == UINT64_MAX || ecap == UINT64_MAX || cap == 0)
        return "does not answer at its address";
    if (!(ecap & VTD_ECAP_QUEUED_INVALIDATION))
        return "has no queued invalidation";
    if (!(ecap & VTD_ECAP_INTERRUPT_REMAPPING))
        return "has no interrupt remapping";
    if (!(cap & VTD_CAP_PAGES_2M))
        return "has no pages of 2 MiB";
    return NULL;
}

const char *dma_limits_add(struct dma_limits *limits, uint64_t cap, uint64_t ecap)
{
    const char *missing = lacks(cap, ecap);
    uint8_t address_bits = (uint8_t)((cap >> VTD_CAP_ADDRESS_SHIFT & VTD_CAP_ADDRESS) + 1);
    if (missing != NULL)
        return missing;
    limits->width_39 = limits->width_39 && cap & VTD_CAP_WIDTH_39;
    limits->width_48 = limits->width_48 && cap & VTD_CAP_WIDTH_48;
    limits->pages_1g = limits->pages_1g && cap & VTD_CAP_PAGES_1G;
    limits->extended_interrupts =
        limits->extended_interrupts && ecap & VTD_ECAP_EXTENDED_INTERRUPTS;
    if (address_bits < limits->address_bits)
        limits->address_bits = address_bits;
    if (!limits->width_39 && !limits->width_48)
        return "has no table width that this version and the other units know";
    return NULL;
}

struct ept_shape dma_shape(const struct dma_limits *limits)
{
    return (struct ept_shape){
        .levels = limits->width_48 ? LEVELS_48 : LEVELS_39,
        .largest = limits->pages_1g ? LARGEST_1G : LARGEST_2M,
        .table_rights = EPT_READ | EPT_WRITE,
    };
}

uint64_t dma_address_end(const struct dma_limits *limits)
{
    unsigned width = limits->width_48 ? 48 : 39;
    return 1ull << (limits->address_bits < width ? limits->address_bits : width);
}
