/* SPDX-License-Identifier: MIT
 *
 * See entry_tables.h.
 */
#include "hv/entry_tables.h"

#include "hv/check.h"
#include "hv/guest_put.h"

#define STACK_BYTES PAGE_SIZE_4K
#define GDT_OFFSET STACK_BYTES
#define PML4_OFFSET (2 * PAGE_SIZE_4K)
#define PDPT_OFFSET (3 * PAGE_SIZE_4K)
#define DIRECTORIES_OFFSET (4 * PAGE_SIZE_4K)
#define DIRECTORY_COUNT 4 /* of 1 GiB each */
#define DIRECTORY_ENTRIES 512

_Static_assert(DIRECTORIES_OFFSET + DIRECTORY_COUNT * PAGE_SIZE_4K == ENTRY_TABLES_BYTES_LONG,
               "the list in entry_tables.h");

/* SDM Vol. 3A, 3.4.5 "Segment Descriptors": 4 GiB, present, DPL 0, accessed. */
#define DESCRIPTOR_CODE_32 0x00CF9B000000FFFFull
#define DESCRIPTOR_CODE_64 0x00AF9B000000FFFFull
#define DESCRIPTOR_DATA 0x00CF93000000FFFFull
#define GDT_BYTES (ENTRY_DATA_SELECTOR + 8)

/* SDM Vol. 3A, 4.5.4 "Linear-Address Translation with 4-Level Paging and 5-Level
 * Paging". */
enum { PAGE_PRESENT = 1u << 0, PAGE_WRITE = 1u << 1, PAGE_LARGE = 1u << 7 };

uint64_t entry_tables_bytes(enum entry_mode mode)
{
    CHECK(mode != ENTRY_REAL);
    return mode == ENTRY_LONG ? ENTRY_TABLES_BYTES_LONG : ENTRY_TABLES_BYTES_PROTECTED;
}

/* One directory maps 1 GiB; written some entries at a time. */
static void put_directory(const struct guest_memory *memory, uint64_t at, uint64_t page)
{
    uint64_t entries[64];
    const unsigned chunk = sizeof entries / sizeof entries[0];

    for (unsigned done = 0; done < DIRECTORY_ENTRIES; done += chunk) {
        for (unsigned i = 0; i < chunk; i++, page += PAGE_SIZE_2M)
            entries[i] = page | PAGE_PRESENT | PAGE_WRITE | PAGE_LARGE;
        guest_put(memory, at + done * sizeof entries[0], entries, sizeof entries);
    }
}

static void put_page_tables(const struct guest_memory *memory, uint64_t at)
{
    guest_put_zeros(memory, at + PML4_OFFSET, 2 * PAGE_SIZE_4K);
    guest_put_64(memory, at + PML4_OFFSET, (at + PDPT_OFFSET) | PAGE_PRESENT | PAGE_WRITE);
    for (unsigned gib = 0; gib < DIRECTORY_COUNT; gib++) {
        uint64_t directory = at + DIRECTORIES_OFFSET + gib * PAGE_SIZE_4K;
        guest_put_64(memory, at + PDPT_OFFSET + gib * sizeof(uint64_t),
                     directory | PAGE_PRESENT | PAGE_WRITE);
        put_directory(memory, directory, GIB(gib));
    }
}

struct entry_state entry_tables_load(const struct guest_memory *memory, gpa_t at,
                                     enum entry_mode mode, gpa_t rip)
{
    const uint64_t gdt[GDT_BYTES / 8] = {
        [ENTRY_CODE_SELECTOR / 8] = mode == ENTRY_LONG ? DESCRIPTOR_CODE_64 : DESCRIPTOR_CODE_32,
        [ENTRY_DATA_SELECTOR / 8] = DESCRIPTOR_DATA,
    };
    struct entry_state entry = {
        .mode = mode,
        .rip = rip,
        .rsp = GPA(at.value + STACK_BYTES),
        .gdt_base = GPA(at.value + GDT_OFFSET),
        .gdt_limit = GDT_BYTES - 1,
    };

    CHECK(mode != ENTRY_REAL && at.value % PAGE_SIZE_4K == 0);
    guest_put(memory, entry.gdt_base.value, gdt, sizeof gdt);
    if (mode == ENTRY_LONG) {
        put_page_tables(memory, at.value);
        entry.cr3 = GPA(at.value + PML4_OFFSET);
    }
    return entry;
}
