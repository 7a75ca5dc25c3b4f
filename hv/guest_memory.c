/* SPDX-License-Identifier: MIT
 *
 * See guest_memory.h. guest_memory_ranges() is that picture; EPT and E820 are
 * made from it, and the tests hold translation against it, so that what a guest
 * is told, what it can reach and what is reached for it cannot differ.
 *
 * Ranges never touch each other in the guest's address space. So whatever is
 * wholly RAM lies in one of them and is contiguous on the host.
 */
#include "hv/guest_memory.h"

#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"

static bool layout_is_valid(const struct guest_memory *memory)
{
    const struct guest_memory compact = GUEST_MEMORY_COMPACT(memory->base.value, memory->bytes);
    const struct guest_memory identical =
        GUEST_MEMORY_IDENTICAL(memory->base.value, memory->bytes);

    if (!guest_memory_is_identical(memory))
        return memory->low_bytes == compact.low_bytes && memory->high == compact.high;
    return memory->low_bytes == identical.low_bytes && memory->high == identical.high &&
           memory->base.value >= GUEST_MEMORY_MIN &&
           memory->base.value + memory->bytes <= GUEST_MEMORY_BELOW_4G_MAX;
}

bool guest_memory_is_valid(const struct guest_memory *memory)
{
    uint64_t base = memory->base.value;

    return layout_is_valid(memory) && base % GUEST_MEMORY_ALIGN == 0 && base < GUEST_MEMORY_HOST_END &&
           memory->bytes % GUEST_MEMORY_ALIGN == 0 && memory->bytes >= GUEST_MEMORY_MIN &&
           memory->bytes <= GUEST_MEMORY_MAX && memory->bytes <= GUEST_MEMORY_HOST_END - base;
}

unsigned guest_memory_ranges(const struct guest_memory *memory,
                             struct ept_range ranges[static GUEST_MEMORY_RANGES_MAX])
{
    uint64_t base = memory->base.value;
    uint64_t low_end = memory->low_bytes;

    CHECK(guest_memory_is_valid(memory));
    ranges[0] = (struct ept_range){ GPA(0), HPA(base), GUEST_LOW_MEMORY_END };
    ranges[1] = (struct ept_range){ GPA(GUEST_BIOS_AREA), HPA(base + GUEST_BIOS_AREA),
                                    low_end - GUEST_BIOS_AREA };
    if (memory->bytes == low_end)
        return 2;
    ranges[2] = (struct ept_range){ GPA(memory->high), HPA(base + low_end),
                                    memory->bytes - low_end };
    return 3;
}

bool guest_memory_translate(const struct guest_memory *memory, gpa_t gpa, uint64_t bytes,
                            hpa_t *hpa)
{
    uint64_t offset, end;

    if (!guest_memory_find(memory, gpa, &offset, &end) || bytes > end - gpa.value)
        return false;
    *hpa = HPA(memory->base.value + offset);
    return true;
}

bool guest_memory_read(const struct guest_memory *memory, void *to, gpa_t from, size_t bytes)
{
    hpa_t hpa;

    if (!guest_memory_translate(memory, from, bytes, &hpa))
        return false;
    machine_memory_read(to, hpa, bytes);
    return true;
}

bool guest_memory_write(const struct guest_memory *memory, gpa_t to, const void *from,
                        size_t bytes)
{
    hpa_t hpa;

    if (!guest_memory_translate(memory, to, bytes, &hpa))
        return false;
    machine_memory_write(hpa, from, bytes);
    return true;
}

bool guest_memory_zero(const struct guest_memory *memory, gpa_t at, uint64_t bytes)
{
    hpa_t hpa;

    if (!guest_memory_translate(memory, at, bytes, &hpa))
        return false;
    machine_memory_zero(hpa, bytes);
    return true;
}

unsigned guest_memory_ept_frames(const struct guest_memory *memory, struct ept_shape shape)
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];

    return ept_frames_needed(ranges, guest_memory_ranges(memory, ranges), shape);
}

void guest_memory_map(const struct guest_memory *memory, struct ept *ept)
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];
    unsigned count = guest_memory_ranges(memory, ranges);

    for (unsigned i = 0; i < count; i++)
        ept_map(ept, &ranges[i], EPT_READ | EPT_WRITE | EPT_EXECUTE, EPT_WRITE_BACK);
}

void guest_memory_map_empty_roms(struct ept *ept, hpa_t ones)
{
    for (uint64_t at = GUEST_ROM_AREA; at < GUEST_BIOS_AREA; at += PAGE_SIZE_4K) {
        struct ept_range page = { GPA(at), ones, PAGE_SIZE_4K };
        ept_map(ept, &page, EPT_READ, EPT_WRITE_BACK);
    }
}

unsigned guest_memory_e820(const struct guest_memory *memory,
                           struct e820_entry entries[static GUEST_MEMORY_E820_MAX])
{
    struct ept_range ranges[GUEST_MEMORY_RANGES_MAX];
    unsigned range_count = guest_memory_ranges(memory, ranges);
    uint64_t bios_bytes = GUEST_BIOS_AREA_END - GUEST_BIOS_AREA;
    unsigned count = 0;

    entries[count++] = (struct e820_entry){ 0, GUEST_LOW_MEMORY_END, E820_USABLE };
    entries[count++] = (struct e820_entry){ GUEST_BIOS_AREA, bios_bytes, E820_RESERVED };
    if (range_count == 3 && guest_memory_is_identical(memory))
        entries[count++] = (struct e820_entry){ memory->high, ranges[2].bytes, E820_USABLE };
    else
        entries[count++] = (struct e820_entry){ GUEST_BIOS_AREA_END, ranges[1].bytes - bios_bytes,
                                                E820_USABLE };
    /* Not memory; the tables say what it is, and this keeps others away from it. */
    entries[count++] = (struct e820_entry){ GUEST_ECAM_BASE, GUEST_ECAM_BYTES, E820_RESERVED };
    if (range_count == 3 && !guest_memory_is_identical(memory))
        entries[count++] = (struct e820_entry){ GUEST_MEMORY_HIGH, ranges[2].bytes, E820_USABLE };
    return count;
}
