/* SPDX-License-Identifier: MIT
 *
 * A guest's RAM: one contiguous block of the host's, and how the guest sees it.
 *
 *       guest-physical                                      host-physical
 *     0 .. A0000                  conventional memory       base + the same
 *     A0000 .. C0000              nothing: no VGA
 *     C0000 .. E0000              no ROMs: ones             a page that all share
 *     E0000 .. 100000             BIOS area: our tables     base + the same
 *     100000 .. min(bytes, 3 GiB) memory                    base + the same
 *     4 GiB ..                    what is left of it        base + 3 GiB ..
 *
 * That is the compact layout. A guest whose devices are not kept to its memory by
 * DMA remapping has the identical one, in which a device finds the memory where the
 * guest says that it is:
 *
 *     0 .. A0000, E0000 .. 100000 as above                  base + the same
 *     base + 1 MiB .. base + bytes memory                   the same
 *
 * guest_memory_translate and guest_memory_translate_in_page are the only ways
 * from a gpa_t to an hpa_t: what they return lies inside the block, whatever a
 * guest asked for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/spec/e820.h"
#include "hv/addr.h"
#include "hv/ept.h"

#define GUEST_LOW_MEMORY_END 0xA0000ull
#define GUEST_ROM_AREA 0xC0000ull
#define GUEST_BIOS_AREA 0xE0000ull /* ACPI tables from here on */
#define GUEST_MP_AREA 0xF0000ull   /* MP table */
#define GUEST_BIOS_AREA_END 0x100000ull
#define GUEST_MEMORY_BELOW_4G_MAX GIB(3)
#define GUEST_MEMORY_HIGH GIB(4)

#define GUEST_MEMORY_ALIGN PAGE_SIZE_2M
#define GUEST_MEMORY_MIN PAGE_SIZE_2M
_Static_assert(GUEST_MEMORY_MIN > GUEST_BIOS_AREA, "memory goes on behind the BIOS area");
#define GUEST_MEMORY_MAX GIB(64 * 1024)   /* well inside the 48 bits of EPT */
#define GUEST_MEMORY_HOST_END (1ull << 52) /* no processor has more */

#define GUEST_MEMORY_RANGES_MAX 3
#define GUEST_MEMORY_E820_MAX 5

/* The block's first `low_bytes` lie from address 0 on, but for the hole, and the
 * others from `high` on. Made by one of the two macros behind it. */
struct guest_memory {
    hpa_t base;         /* multiple of 2 MiB; of 1 GiB, large pages can be used */
    uint64_t bytes;     /* multiple of 2 MiB, from GUEST_MEMORY_MIN to GUEST_MEMORY_MAX */
    uint64_t low_bytes;
    uint64_t high;
};

#define GUEST_MEMORY_COMPACT(block, size) \
    { .base = HPA(block), .bytes = (size), .high = GUEST_MEMORY_HIGH, \
      .low_bytes = (size) < GUEST_MEMORY_BELOW_4G_MAX ? (size) : GUEST_MEMORY_BELOW_4G_MAX }

/* The block lies below GUEST_MEMORY_BELOW_4G_MAX. */
#define GUEST_MEMORY_IDENTICAL(block, size) \
    { .base = HPA(block), .bytes = (size), .high = (block) + GUEST_BIOS_AREA_END, \
      .low_bytes = GUEST_BIOS_AREA_END }

static inline bool guest_memory_is_identical(const struct guest_memory *memory)
{
    return memory->high < GUEST_MEMORY_HIGH;
}

bool guest_memory_is_valid(const struct guest_memory *memory);

/* The picture above as a table, ascending. Returns how many entries it has. */
unsigned guest_memory_ranges(const struct guest_memory *memory,
                             struct ept_range ranges[static GUEST_MEMORY_RANGES_MAX]);

/* The RAM between 1 MiB and 4 GiB, where kernels go. */
static inline uint64_t guest_memory_low_begin(const struct guest_memory *memory)
{
    return guest_memory_is_identical(memory) ? memory->high : GUEST_BIOS_AREA_END;
}

static inline uint64_t guest_memory_low_end(const struct guest_memory *memory)
{
    return guest_memory_is_identical(memory) ? memory->base.value + memory->bytes
                                             : memory->low_bytes;
}

/* The picture above as comparisons: the byte's place in the block, and where
 * its range ends. False: it is no RAM. */
static inline bool guest_memory_find(const struct guest_memory *memory, gpa_t gpa,
                                     uint64_t *offset, uint64_t *end)
{
    uint64_t low_end = memory->low_bytes;

    *offset = gpa.value;
    *end = low_end;
    if (gpa.value - GUEST_BIOS_AREA < low_end - GUEST_BIOS_AREA)
        return true;
    *end = GUEST_LOW_MEMORY_END;
    if (gpa.value < GUEST_LOW_MEMORY_END)
        return true;
    *end = memory->high + (memory->bytes - low_end);
    *offset = gpa.value - memory->high + low_end;
    return gpa.value >= memory->high && gpa.value < *end;
}

/* True if the byte is RAM; what follows it in its page of 4 KiB is so, too, as
 * all ranges are whole pages. Inline, because each step of a walk through a
 * guest's page tables asks it. */
static inline bool guest_memory_translate_in_page(const struct guest_memory *memory, gpa_t gpa,
                                                  hpa_t *hpa)
{
    uint64_t offset, end;

    if (!guest_memory_find(memory, gpa, &offset, &end))
        return false;
    *hpa = HPA(memory->base.value + offset);
    return true;
}

/* True if all of [gpa, gpa + bytes) is RAM and contiguous on the host, too. */
bool guest_memory_translate(const struct guest_memory *memory, gpa_t gpa, uint64_t bytes,
                            hpa_t *hpa);

/* False, and nothing was done, unless all of the range is RAM. */
bool guest_memory_read(const struct guest_memory *memory, void *to, gpa_t from, size_t bytes);
bool guest_memory_write(const struct guest_memory *memory, gpa_t to, const void *from,
                        size_t bytes);
bool guest_memory_zero(const struct guest_memory *memory, gpa_t at, uint64_t bytes);

/* The frames that guest_memory_map will take in tables of this shape, the root
 * included. */
unsigned guest_memory_ept_frames(const struct guest_memory *memory, struct ept_shape shape);

/* Maps all RAM: read, write, execute, write-back. */
void guest_memory_map(const struct guest_memory *memory, struct ept *ept);

/* Where adapters' ROMs would be, kernels look for signatures every few bytes.
 * Nothing is there: reads give ones, without an exit, from one page of ones
 * that all guests share and none can write; writes exit and vanish. Takes no
 * further frame. */
void guest_memory_map_empty_roms(struct ept *ept, hpa_t ones);

/* The map that the guest's kernel is told. Returns how many entries it has. */
unsigned guest_memory_e820(const struct guest_memory *memory,
                           struct e820_entry entries[static GUEST_MEMORY_E820_MAX]);
