/* SPDX-License-Identifier: MIT
 *
 * Two primitives keep the list: add() unites, cut() takes out. Everything else
 * is a question about it or a rounding. While memory_map_build() runs, regions
 * have byte granularity, so that two entries that meet inside a page still make
 * it whole; afterwards only whole pages exist.
 */
#include "hv/memory_map.h"

#include "hv/check.h"

/* No x86 CPU addresses more. SDM Vol. 3A, "4.1.4 Enumeration of Paging Features
 * by CPUID": MAXPHYADDR is at most 52. Sums of two such addresses do not wrap. */
#define ADDRESS_LIMIT (1ull << 52)

#define LOW_MEMORY_END MIB(1)
#define REAL_MODE_RAM_END KIB(640)

/* Firmware is known to scribble on the first 64 KiB; page 0 holds its data. */
#define LOW_PAGE_PREFERRED KIB(64)
#define LOW_PAGE_FIRST PAGE_SIZE_4K

static uint64_t region_end(const struct memory_region *region)
{
    return region->base.value + region->bytes;
}

static uint64_t min_64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static bool is_power_of_two(uint64_t value)
{
    return value != 0 && (value & (value - 1)) == 0;
}

bool memory_ranges_hold_ram(const struct memory_range *ranges, size_t count, uint64_t first_byte,
                            uint64_t last_byte)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t base = ranges[i].base.value;
        if (ranges[i].type == MEMORY_USABLE && ranges[i].bytes > 0 && base <= last_byte
            && (base >= first_byte || first_byte - base < ranges[i].bytes))
            return true;
    }
    return false;
}

bool memory_map_is_valid(const struct memory_map *map)
{
    if (map->count > MEMORY_REGIONS_MAX)
        return false;
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_region *region = &map->regions[i];
        if (region->bytes == 0 || (region->base.value | region->bytes) % PAGE_SIZE_4K != 0)
            return false;
        if (region->base.value >= ADDRESS_LIMIT ||
            region->bytes > ADDRESS_LIMIT - region->base.value)
            return false;
        if (i > 0 && region_end(region - 1) >= region->base.value)
            return false;
    }
    return true;
}

static void remove_empty(struct memory_map *map)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < map->count; i++)
        if (map->regions[i].bytes > 0)
            map->regions[kept++] = map->regions[i];
    map->count = kept;
}

/* Makes room for a region by losing the smallest there is. False: the new one
 * is no bigger, so it is the one to lose. */
static bool make_room(struct memory_map *map, uint64_t bytes)
{
    if (map->count < MEMORY_REGIONS_MAX)
        return true;

    unsigned smallest = 0;
    for (unsigned i = 1; i < map->count; i++)
        if (map->regions[i].bytes < map->regions[smallest].bytes)
            smallest = i;
    if (map->regions[smallest].bytes >= bytes) {
        map->bytes_lost += bytes;
        return false;
    }
    map->bytes_lost += map->regions[smallest].bytes;
    map->regions[smallest].bytes = 0;
    remove_empty(map);
    return true;
}

/* The range touches no region. */
static void insert(struct memory_map *map, uint64_t base, uint64_t end)
{
    if (!make_room(map, end - base))
        return;
    unsigned at = map->count;
    for (; at > 0 && map->regions[at - 1].base.value > base; at--)
        map->regions[at] = map->regions[at - 1];
    map->regions[at] = (struct memory_region){ HPA(base), end - base };
    map->count++;
}

static void add(struct memory_map *map, uint64_t base, uint64_t end)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < map->count; i++) {
        struct memory_region region = map->regions[i];
        if (region_end(&region) < base || region.base.value > end) {
            map->regions[kept++] = region;
            continue;
        }
        base = min_64(base, region.base.value);
        end = max_64(end, region_end(&region));
    }
    map->count = kept;
    insert(map, base, end);
}

static void cut(struct memory_map *map, uint64_t base, uint64_t end)
{
    for (unsigned i = 0; i < map->count; i++) {
        struct memory_region *region = &map->regions[i];
        uint64_t old_base = region->base.value, old_end = region_end(region);
        if (old_end <= base || old_base >= end)
            continue;

        if (old_base < base && end < old_end) {
            region->bytes = base - old_base;
            insert(map, end, old_end); /* moves regions; no other one is concerned */
            return;
        }
        if (old_base < base)
            region->bytes = base - old_base;
        else if (end < old_end)
            *region = (struct memory_region){ HPA(end), old_end - end };
        else
            region->bytes = 0;
    }
    remove_empty(map);
}

/* Where a range ends that may claim to go round the end of the address space. */
static uint64_t range_end(uint64_t base, uint64_t bytes)
{
    if (base >= ADDRESS_LIMIT || bytes > ADDRESS_LIMIT - base)
        return ADDRESS_LIMIT;
    return base + bytes;
}

static void keep_whole_pages(struct memory_map *map)
{
    for (unsigned i = 0; i < map->count; i++) {
        struct memory_region *region = &map->regions[i];
        uint64_t base = align_up(region->base.value, PAGE_SIZE_4K);
        uint64_t end = align_down(region_end(region), PAGE_SIZE_4K);
        *region = (struct memory_region){ HPA(base), end > base ? end - base : 0 };
    }
    remove_empty(map);
}

void memory_map_build(struct memory_map *map, const struct memory_range *ranges, size_t count)
{
    map->count = 0;
    map->bytes_lost = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t base = ranges[i].base.value, end = range_end(base, ranges[i].bytes);
        if (ranges[i].type == MEMORY_USABLE && base < end)
            add(map, base, end);
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t base = ranges[i].base.value, end = range_end(base, ranges[i].bytes);
        if (ranges[i].type != MEMORY_USABLE && base < end)
            cut(map, base, end);
    }
    keep_whole_pages(map);
    CHECK(memory_map_is_valid(map));
}

void memory_map_reserve(struct memory_map *map, hpa_t base, uint64_t bytes)
{
    uint64_t end = range_end(base.value, bytes);
    if (base.value < end)
        cut(map, align_down(base.value, PAGE_SIZE_4K), align_up(end, PAGE_SIZE_4K));
    CHECK(memory_map_is_valid(map));
}

/* The lowest free page at or above `from`; REAL_MODE_RAM_END if there is none. */
static uint64_t low_page(const struct memory_map *map, uint64_t from)
{
    for (unsigned i = 0; i < map->count; i++) {
        uint64_t page = max_64(map->regions[i].base.value, from);
        if (page < region_end(&map->regions[i]))
            return min_64(page, REAL_MODE_RAM_END);
    }
    return REAL_MODE_RAM_END;
}

bool memory_map_drop_low(struct memory_map *map, hpa_t *trampoline)
{
    uint64_t page = low_page(map, LOW_PAGE_PREFERRED);
    if (page == REAL_MODE_RAM_END)
        page = low_page(map, LOW_PAGE_FIRST);

    memory_map_reserve(map, HPA(0), LOW_MEMORY_END);
    *trampoline = HPA(page);
    return page < REAL_MODE_RAM_END;
}

/* Best fit, at the upper end of the smallest region that holds it: large
 * regions stay whole for guests that want 1 GiB pages, and low addresses stay
 * free for who needs them (identity-mapped guests, devices of 32 bits). */
bool memory_map_take(struct memory_map *map, uint64_t bytes, uint64_t align, uint64_t below_limit,
                     hpa_t *out)
{
    CHECK(is_power_of_two(align));
    if (bytes == 0 || bytes > ADDRESS_LIMIT || align > ADDRESS_LIMIT)
        return false;
    align = max_64(align, PAGE_SIZE_4K);
    bytes = align_up(bytes, PAGE_SIZE_4K);

    uint64_t best_region_bytes = UINT64_MAX, best = 0;
    for (unsigned i = 0; i < map->count; i++) {
        const struct memory_region *region = &map->regions[i];
        uint64_t end = min_64(region_end(region), below_limit);
        if (end < bytes || region->bytes > best_region_bytes)
            continue;
        uint64_t base = align_down(end - bytes, align);
        if (base < region->base.value)
            continue;
        best_region_bytes = region->bytes;
        best = base;
    }
    if (best_region_bytes == UINT64_MAX)
        return false;

    memory_map_reserve(map, HPA(best), bytes);
    *out = HPA(best);
    return true;
}

bool memory_map_holds(const struct memory_map *map, hpa_t base, uint64_t bytes)
{
    for (unsigned i = 0; i < map->count; i++) {
        uint64_t first = map->regions[i].base.value, end = region_end(&map->regions[i]);
        if (base.value >= first && base.value < end)
            return bytes <= end - base.value;
    }
    return false;
}

uint64_t memory_map_total(const struct memory_map *map)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < map->count; i++)
        total += map->regions[i].bytes;
    return total;
}

uint64_t memory_map_largest(const struct memory_map *map, uint64_t align, uint64_t below_limit)
{
    CHECK(is_power_of_two(align) && align <= ADDRESS_LIMIT);
    uint64_t largest = 0;
    for (unsigned i = 0; i < map->count; i++) {
        uint64_t base = align_up(map->regions[i].base.value, align);
        uint64_t end = align_down(min_64(region_end(&map->regions[i]), below_limit), align);
        if (end > base)
            largest = max_64(largest, end - base);
    }
    return largest;
}
