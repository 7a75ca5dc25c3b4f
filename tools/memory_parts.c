/* SPDX-License-Identifier: MIT
 *
 * From the lowest address upwards: at each step the part that begins there is a
 * guest's block, or free until the next block or the end of the region.
 */
#include "tools/memory_parts.h"

#include "hv/check.h"

static void add(struct memory_parts *parts, uint64_t start, uint64_t end, int owner)
{
    CHECK(parts->count < MEMORY_PARTS_MAX && start < end);
    parts->list[parts->count++] = (struct memory_part){ start, end, owner };
}

/* The guest with the lowest block from `start` on, or -1. */
static int next_guest(const struct config *config, uint64_t start)
{
    int next = -1;

    for (uint32_t i = 0; i < config->vm_count; i++) {
        uint64_t base = config->vms[i].memory_base.value;

        if (base >= start && (next < 0 || base < config->vms[next].memory_base.value))
            next = (int)i;
    }
    return next;
}

/* One region: between two blocks, and at both ends, what is free. */
static void add_region(struct memory_parts *parts, const struct config *config, uint64_t start,
                       uint64_t end)
{
    if (start < end && parts->count > 0 && parts->list[parts->count - 1].end < start)
        add(parts, parts->list[parts->count - 1].end, start, MEMORY_PART_GAP);
    for (uint32_t i = 0; i <= config->vm_count && start < end; i++) {
        int guest = next_guest(config, start);
        uint64_t base = guest < 0 ? end : config->vms[guest].memory_base.value;

        if (base > start)
            add(parts, start, base < end ? base : end, MEMORY_PART_FREE);
        if (base >= end)
            return;
        start = base + config->vms[guest].memory_bytes;
        add(parts, base, start, guest);
    }
}

/* The lowest region from `start` on, or NULL: an inventory may have them in any order. */
static const struct memory_region *next_region(const struct inventory *inventory, uint64_t start)
{
    const struct memory_region *next = NULL;

    for (uint32_t i = 0; i < inventory->region_count; i++) {
        const struct memory_region *region = &inventory->regions[i];

        if (region->base.value >= start &&
            (next == NULL || region->base.value < next->base.value))
            next = region;
    }
    return next;
}

void memory_parts_list(struct memory_parts *parts, const struct config *config,
                       const struct inventory *inventory)
{
    const struct memory_region *region = next_region(inventory, 0);

    parts->count = 0;
    while (region != NULL) {
        uint64_t end = region->base.value + region->bytes;

        add_region(parts, config, align_up(region->base.value, CONFIG_MEMORY_STEP),
                   align_down(end, CONFIG_MEMORY_STEP));
        region = next_region(inventory, region->base.value + 1);
    }
}

void memory_parts_stack(struct memory_parts *parts, const struct config *config)
{
    uint64_t start = 0;

    parts->count = 0;
    for (uint32_t i = 0; i < config->vm_count; i++) {
        add(parts, start, start + config->vms[i].memory_bytes, (int)i);
        start += config->vms[i].memory_bytes;
    }
}
