/* SPDX-License-Identifier: MIT
 *
 * See mtrr.h.
 */
#include "hv/mtrr.h"

#include "arch/spec/mtrr.h"

void mtrrs_init(struct mtrrs *mtrrs, uint64_t def_type)
{
    *mtrrs = (struct mtrrs){ .on = def_type & MTRR_ENABLE,
                             .default_type = (uint8_t)(def_type & MTRR_TYPE) };
}

/* A mask whose upper bits are all 1, down to the lowest, makes one range. */
void mtrrs_add(struct mtrrs *mtrrs, uint64_t base, uint64_t mask, unsigned address_bits)
{
    uint64_t space = 1ull << address_bits;
    uint64_t first = base & mask & MTRR_ADDRESS_MASK & (space - 1);
    uint64_t bytes = space - (mask & MTRR_ADDRESS_MASK & (space - 1));
    bool one_range = (bytes & (bytes - 1)) == 0;

    if (!(mask & MTRR_PHYSMASK_VALID))
        return;
    if (!one_range || mtrrs->count == MTRR_RANGES_MAX)
        mtrrs->ignored++;
    else
        mtrrs->ranges[mtrrs->count++] =
            (struct mtrr_range){ first, first + bytes, (uint8_t)(base & MTRR_TYPE) };
}

/* All up to *end alike. Where ranges overlap, memory is write-back only if all of
 * them say so: SDM Vol. 3A, 12.11.4.1 "MTRR Precedences". */
static bool is_write_back(const struct mtrrs *mtrrs, uint64_t address, uint64_t *end)
{
    bool in_range = false, write_back = true;

    for (unsigned i = 0; i < mtrrs->count; i++) {
        const struct mtrr_range *range = &mtrrs->ranges[i];
        bool inside = address >= range->first && address < range->end;
        uint64_t change = inside ? range->end : range->first;
        if (address < change && change < *end)
            *end = change;
        in_range |= inside;
        write_back &= !inside || range->type == MTRR_WRITE_BACK;
    }
    return in_range ? write_back : mtrrs->default_type == MTRR_WRITE_BACK;
}

/* Of one region, which is not empty. */
static bool find_other(const struct mtrrs *mtrrs, const struct memory_region *region,
                       struct memory_region *out)
{
    uint64_t at = region->base.value, region_end = at + region->bytes;

    while (at < region_end) {
        uint64_t end = region_end;
        if (!is_write_back(mtrrs, at, &end)) {
            *out = (struct memory_region){ HPA(at), end - at };
            return true;
        }
        at = end;
    }
    return false;
}

bool mtrrs_trim(const struct mtrrs *mtrrs, struct memory_map *map, struct memory_region *out)
{
    for (unsigned i = 0; mtrrs->on && i < map->count; i++)
        if (find_other(mtrrs, &map->regions[i], out)) {
            memory_map_reserve(map, out->base, out->bytes);
            return true;
        }
    return false;
}

bool mtrrs_same(const struct mtrrs *a, const struct mtrrs *b)
{
    if (a->on != b->on || a->default_type != b->default_type || a->count != b->count
        || a->ignored != b->ignored)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (a->ranges[i].first != b->ranges[i].first || a->ranges[i].end != b->ranges[i].end
            || a->ranges[i].type != b->ranges[i].type)
            return false;
    return true;
}
