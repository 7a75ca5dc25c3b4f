/* SPDX-License-Identifier: MIT
 *
 * Placing the guests' memory.
 *
 * First with guests of 1 GiB and more on 1 GiB boundaries, so that EPT can use
 * its largest pages; if then one has no place, again without that wish. Blocks
 * are compared, not lists of gaps kept: there are few of them.
 */
#include "hv/config_memory.h"

#include "hv/check.h"
#include "hv/guest_memory.h"
#include "hv/text.h"

struct block {
    uint64_t start;
    uint64_t end;
};

struct placing {
    const struct inventory *inventory;
    uint64_t alignment_max;
    uint32_t block_count;
    struct block blocks[CONFIG_VMS_MAX]; /* given to guests */
};

/* A region's part from its first to its last 2 MiB boundary; may be empty. */
static struct block usable(const struct memory_region *region)
{
    uint64_t start = align_up(region->base.value, CONFIG_MEMORY_STEP);
    uint64_t end = align_down(region->base.value + region->bytes, CONFIG_MEMORY_STEP);

    return (struct block){ start, start < end ? end : start };
}

static struct block below(struct block region, uint64_t limit)
{
    uint64_t end = region.end < limit ? region.end : limit;

    return (struct block){ region.start, region.start < end ? end : region.start };
}

/* Memory of the identical layout keeps clear of where guests have their devices. */
static uint64_t limit_of(const struct vm_config *vm)
{
    return vm->parts.dma_unprotected ? GUEST_MEMORY_BELOW_4G_MAX : UINT64_MAX;
}

/* The end of what is free from `start` on, inside `region`: `start` if nothing. */
static uint64_t free_until(const struct placing *placing, struct block region, uint64_t start)
{
    uint64_t end = region.end;

    if (start < region.start || start > region.end)
        return start;
    for (uint32_t i = 0; i < placing->block_count; i++) {
        const struct block *block = &placing->blocks[i];

        if (start >= block->start && start < block->end)
            return start;
        if (block->start >= start && block->start < end)
            end = block->start;
    }
    return end;
}

/*
 * The lowest place in `region`, at its start or behind a guest's block. False:
 * there is none.
 */
static bool find_in_region(const struct placing *placing, struct block region, uint64_t bytes,
                           uint64_t alignment, uint64_t *base)
{
    bool found = false;

    for (uint32_t i = 0; i <= placing->block_count; i++) {
        bool first = i == placing->block_count;
        uint64_t start = align_up(first ? region.start : placing->blocks[i].end, alignment);

        if (free_until(placing, region, start) - start < bytes || (found && start >= *base))
            continue;
        found = true;
        *base = start;
    }
    return found;
}

/* In the smallest region that has a place for it. */
static bool find_place(const struct placing *placing, uint64_t bytes, uint64_t limit,
                       uint64_t *base)
{
    const struct inventory *inventory = placing->inventory;
    uint64_t alignment = bytes >= PAGE_SIZE_1G ? placing->alignment_max : CONFIG_MEMORY_STEP;
    uint64_t smallest = UINT64_MAX;

    for (uint32_t i = 0; i < inventory->region_count; i++) {
        struct block region = below(usable(&inventory->regions[i]), limit);
        uint64_t candidate = 0;

        if (region.end - region.start < smallest &&
            find_in_region(placing, region, bytes, alignment, &candidate)) {
            smallest = region.end - region.start;
            *base = candidate;
        }
    }
    return smallest != UINT64_MAX;
}

/* Guests that have a size, by size, the largest first; equal ones in the file's order. */
static uint32_t sort_by_size(const struct config *config, uint32_t order[static CONFIG_VMS_MAX])
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < config->vm_count; i++) {
        uint32_t position = count;

        if (config->vms[i].memory_bytes == 0)
            continue;
        while (position > 0 &&
               config->vms[order[position - 1]].memory_bytes < config->vms[i].memory_bytes) {
            order[position] = order[position - 1];
            position--;
        }
        order[position] = i;
        count++;
    }
    return count;
}

/* The result is the set of guests without a place, a bit for each. */
static uint32_t place_all(struct placing *placing, struct config *config)
{
    uint32_t order[CONFIG_VMS_MAX];
    uint32_t count = sort_by_size(config, order);
    uint32_t homeless = 0;

    placing->block_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct vm_config *vm = &config->vms[order[i]];
        uint64_t base = 0;

        if (!find_place(placing, vm->memory_bytes, limit_of(vm), &base)) {
            homeless |= 1u << order[i];
            continue;
        }
        vm->memory_base = HPA(base);
        placing->blocks[placing->block_count++] = (struct block){ base, base + vm->memory_bytes };
    }
    return homeless;
}

static uint64_t largest_free(const struct placing *placing, uint64_t limit)
{
    uint64_t largest = 0;

    for (uint32_t i = 0; i < placing->inventory->region_count; i++) {
        struct block region = below(usable(&placing->inventory->regions[i]), limit);

        for (uint32_t j = 0; j <= placing->block_count; j++) {
            uint64_t start = j == placing->block_count ? region.start : placing->blocks[j].end;
            uint64_t bytes = free_until(placing, region, start) - start;
            largest = bytes > largest ? bytes : largest;
        }
    }
    return largest;
}

static void report(const struct placing *placing, const struct config *config,
                   const struct vm_config *vm, struct findings *findings)
{
    uint64_t total = 0;
    uint64_t asked = 0;
    uint64_t left = largest_free(placing, limit_of(vm));
    char sizes[4][24];

    for (uint32_t i = 0; i < placing->inventory->region_count; i++) {
        struct block region = usable(&placing->inventory->regions[i]);
        total += region.end - region.start;
    }
    for (uint32_t i = 0; i < config->vm_count; i++)
        asked += config->vms[i].memory_bytes;
    text_bytes(sizes[0], sizeof(sizes[0]), vm->memory_bytes);
    text_bytes(sizes[1], sizeof(sizes[1]), asked);
    text_bytes(sizes[2], sizeof(sizes[2]), total);
    if (left == 0)
        text_copy(sizes[3], sizeof(sizes[3]), "nothing");
    else
        text_bytes(sizes[3], sizeof(sizes[3]), left);
    findings_add(findings, SEVERITY_ERROR, vm->at[VM_MEMORY], vm->name,
                 "%s does not fit; the guests ask for %s together and %s is free, of which %s in "
                 "one block is left for this one%s", sizes[0], sizes[1], sizes[2], sizes[3],
                 vm->parts.dma_unprotected ? ", below 3 GiB because of its DMA" : "");
}

void config_place_memory(struct config *config, const struct inventory *inventory,
                         struct findings *findings)
{
    struct placing placing = { .inventory = inventory, .alignment_max = PAGE_SIZE_1G };
    uint32_t homeless = place_all(&placing, config);

    if (homeless != 0) {
        placing.alignment_max = CONFIG_MEMORY_STEP;
        homeless = place_all(&placing, config);
    }
    for (uint32_t i = 0; i < config->vm_count; i++)
        if ((homeless & 1u << i) != 0)
            report(&placing, config, &config->vms[i], findings);
}
