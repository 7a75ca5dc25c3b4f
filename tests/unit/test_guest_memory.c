/* SPDX-License-Identifier: MIT
 *
 * hv/guest_memory.c: what a guest can name is its own block and nothing else,
 * and what it is told, what it can reach and what is reached for it agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_memory.h"
#include "tests/fake/machine.h"

#define BASE GIB(5)

static const uint64_t sizes[] = {
    MIB(2), MIB(4), MIB(64), GIB(1), GIB(3) - MIB(2), GIB(3), GIB(3) + MIB(2), GIB(4), GIB(9),
};
#define SIZES (sizeof sizes / sizeof sizes[0])

static struct guest_memory of_size(uint64_t bytes)
{
    return (struct guest_memory)GUEST_MEMORY_COMPACT(BASE, bytes);
}

/* The picture in guest_memory.h once more, in other words; UINT64_MAX: none. */
static uint64_t where(const struct guest_memory *memory, uint64_t gpa)
{
    if (gpa >= 0xA0000 && gpa < 0xE0000)
        return UINT64_MAX;
    if (gpa < 0xC0000000)
        return gpa < memory->bytes ? memory->base.value + gpa : UINT64_MAX;
    if (gpa < 0x100000000)
        return UINT64_MAX;
    uint64_t offset = gpa - 0x40000000;
    return offset < memory->bytes ? memory->base.value + offset : UINT64_MAX;
}

/* Addresses where something changes, and their neighbours. */
static unsigned interesting(const struct guest_memory *memory, uint64_t list[static 128])
{
    const uint64_t edges[] = {
        0, 0x1000, 0xA0000, 0xC0000, 0xE0000, 0x100000, MIB(2), MIB(16), memory->bytes / 2,
        memory->bytes, GIB(1), GIB(3), 0xFEC00000, 0xFEE00000, GIB(4), GIB(4) + MIB(2),
        memory->bytes + GIB(1), GIB(512), 1ull << 47, 1ull << 48, 1ull << 52, 1ull << 63,
    };
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof edges / sizeof edges[0]; i++)
        for (int delta = -1; delta <= 1; delta++)
            list[count++] = edges[i] + (uint64_t)delta;
    list[count++] = UINT64_MAX - 1;
    return count;
}

static void every_address_leads_to_its_place_or_nowhere(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct guest_memory memory = of_size(sizes[size]);
        uint64_t list[128];
        unsigned count = interesting(&memory, list);
        for (unsigned i = 0; i < count; i++) {
            hpa_t hpa = HPA(UINT64_MAX);
            bool found = guest_memory_translate(&memory, GPA(list[i]), 1, &hpa);
            assert_int_equal(found, where(&memory, list[i]) != UINT64_MAX);
            assert_int_equal(hpa.value, where(&memory, list[i]));
        }
    }
}

/* A range is RAM if both its ends are and no hole lies between. */
static bool is_ram(const struct guest_memory *memory, uint64_t gpa, uint64_t bytes)
{
    uint64_t last = gpa + bytes - 1;
    if (last < gpa || where(memory, gpa) == UINT64_MAX || where(memory, last) == UINT64_MAX)
        return false;
    return where(memory, last) - where(memory, gpa) == bytes - 1 &&
           !(gpa < 0xA0000 && last >= 0xE0000);
}

static void a_range_is_translated_only_if_all_of_it_is_contiguous_ram(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct guest_memory memory = of_size(sizes[size]);
        uint64_t list[128];
        unsigned count = interesting(&memory, list);
        for (unsigned i = 0; i < count; i++)
            for (unsigned j = 0; j < count; j++) {
                hpa_t hpa;
                uint64_t bytes = list[j] - list[i]; /* wraps round as well */
                if (bytes == 0)
                    continue;
                bool found = guest_memory_translate(&memory, GPA(list[i]), bytes, &hpa);
                assert_int_equal(found, is_ram(&memory, list[i], bytes));
                if (found)
                    assert_true(hpa.value >= BASE && bytes <= memory.bytes &&
                                hpa.value - BASE <= memory.bytes - bytes);
            }
    }
}

static void an_empty_range_is_ram_where_a_byte_would_be(void **state)
{
    (void)state;
    struct guest_memory memory = of_size(MIB(2));
    hpa_t hpa;
    assert_true(guest_memory_translate(&memory, GPA(MIB(2) - 1), 0, &hpa));
    assert_false(guest_memory_translate(&memory, GPA(MIB(2)), 0, &hpa));
    assert_false(guest_memory_translate(&memory, GPA(UINT64_MAX), 0, &hpa));
}

static void what_was_written_is_read_and_lies_in_the_block(void **state)
{
    (void)state;
    const char text[] = "written";
    char back[sizeof text];
    struct guest_memory memory = of_size(MIB(4));
    fake_reset(BASE, MIB(4));
    assert_true(guest_memory_write(&memory, GPA(0x9FFF8), text, sizeof text));
    assert_true(guest_memory_write(&memory, GPA(MIB(4) - 8), text, sizeof text));
    assert_true(guest_memory_read(&memory, back, GPA(0x9FFF8), sizeof back));
    assert_string_equal(back, text);
    assert_memory_equal(fake.memory + 0x9FFF8, text, sizeof text);
    assert_memory_equal(fake.memory + MIB(4) - 8, text, sizeof text);
    assert_true(guest_memory_zero(&memory, GPA(0x9FFF8), sizeof text));
    assert_int_equal(fake.memory[0x9FFF8], 0);
}

static void an_access_that_reaches_beyond_ram_does_nothing_at_all(void **state)
{
    (void)state;
    static const uint8_t ones[16] = { [0 ... 15] = 0xFF };
    const uint64_t bad[] = { 0xA0000 - 8, 0xE0000 - 8, MIB(4) - 8, MIB(4), UINT64_MAX - 7,
                             GIB(4) - 8, 0xA0000, 0xFEE00000 };
    struct guest_memory memory = of_size(MIB(4));
    uint8_t back[16] = { 0 };
    fake_reset(BASE, MIB(4));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(guest_memory_write(&memory, GPA(bad[i]), ones, sizeof ones));
        assert_false(guest_memory_read(&memory, back, GPA(bad[i]), sizeof back));
        assert_false(guest_memory_zero(&memory, GPA(bad[i]), 16));
    }
    for (uint64_t i = 0; i < MIB(4); i++)
        if (fake.memory[i] != 0)
            fail();
    for (size_t i = 0; i < sizeof back; i++)
        assert_int_equal(back[i], 0);
}

#define FRAMES_MAX 64
static _Alignas(4096) uint64_t tables[FRAMES_MAX * FRAME_ENTRIES];

static void set_up_ept(struct ept *ept, const struct guest_memory *memory, uint64_t largest_page)
{
    struct frames frames;
    unsigned needed = guest_memory_ept_frames(memory, ept_shape(largest_page));
    assert_true(needed <= FRAMES_MAX);
    frames_init(&frames, tables, HPA(MIB(1)), needed);
    ept_init(ept, frames, ept_shape(largest_page));
    guest_memory_map(memory, ept);
    assert_int_equal(ept->frames.used, needed);
}

static void the_tables_reach_exactly_what_translation_does(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * SIZES; i++) {
        struct guest_memory memory = of_size(sizes[i / 2]);
        struct ept ept;
        uint64_t list[128];
        unsigned count = interesting(&memory, list);
        set_up_ept(&ept, &memory, i % 2 ? PAGE_SIZE_2M : PAGE_SIZE_1G);
        for (unsigned j = 0; j < count; j++) {
            hpa_t hpa = HPA(UINT64_MAX);
            uint64_t rights = 0;
            bool found = ept_lookup(&ept, GPA(list[j]), &hpa, &rights);
            assert_int_equal(hpa.value, where(&memory, list[j]));
            assert_int_equal(rights, found ? EPT_RIGHTS : 0);
        }
    }
}

static void memory_takes_few_tables(void **state)
{
    (void)state;
    struct guest_memory small = of_size(MIB(256)), large = of_size(GIB(9));
    /* root, PDPT, directory, and a page table for the first 2 MiB */
    assert_int_equal(guest_memory_ept_frames(&small, ept_shape(PAGE_SIZE_1G)), 4);
    assert_int_equal(guest_memory_ept_frames(&small, ept_shape(PAGE_SIZE_2M)), 4);
    assert_int_equal(guest_memory_ept_frames(&small, ept_shape(PAGE_SIZE_4K)), 3 + 128);
    assert_int_equal(guest_memory_ept_frames(&large, ept_shape(PAGE_SIZE_1G)), 4);
    assert_int_equal(guest_memory_ept_frames(&large, ept_shape(PAGE_SIZE_2M)), 4 + 2 + 6);
}

static void empty_roms_read_as_one_page_of_ones_and_cannot_be_written(void **state)
{
    (void)state;
    struct guest_memory memory = of_size(MIB(64));
    struct ept ept;
    set_up_ept(&ept, &memory, PAGE_SIZE_1G);
    unsigned used = ept.frames.used;
    guest_memory_map_empty_roms(&ept, HPA(MIB(3)));
    assert_int_equal(ept.frames.used, used);
    for (uint64_t gpa = 0xA0000; gpa < 0xE0000; gpa += PAGE_SIZE_4K) {
        hpa_t hpa;
        uint64_t rights;
        bool rom = gpa >= 0xC0000;
        assert_int_equal(ept_lookup(&ept, GPA(gpa), &hpa, &rights), rom);
        assert_false(guest_memory_translate(&memory, GPA(gpa), 1, &hpa));
        if (!rom)
            continue;
        assert_true(ept_lookup(&ept, GPA(gpa), &hpa, &rights));
        assert_int_equal(hpa.value, MIB(3));
        assert_int_equal(rights, EPT_READ);
    }
}

static void the_map_for_the_guest_lists_all_ram_in_order(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct guest_memory memory = of_size(sizes[size]);
        struct e820_entry entries[GUEST_MEMORY_E820_MAX];
        unsigned count = guest_memory_e820(&memory, entries);
        uint64_t end = 0, usable = 0;
        for (unsigned i = 0; i < count; i++) {
            hpa_t hpa;
            assert_true(entries[i].base >= end && entries[i].bytes > 0);
            end = entries[i].base + entries[i].bytes;
            bool ram = guest_memory_translate(&memory, GPA(entries[i].base), entries[i].bytes,
                                              &hpa);
            assert_int_equal(ram, entries[i].base != 0xE0000000); /* PCI's */
            if (entries[i].type == E820_USABLE)
                usable += entries[i].bytes;
        }
        assert_int_equal(usable, memory.bytes - 0x60000); /* A0000 to FFFFF */
        assert_int_equal(entries[1].base, 0xE0000);
        assert_int_equal(entries[1].bytes, 0x20000);
        assert_int_equal(entries[1].type, E820_RESERVED);
    }
}

/* Where a device finds it: above 1 MiB it is what it is. */
static uint64_t where_identical(uint64_t base, uint64_t bytes, uint64_t gpa)
{
    if (gpa < 0xA0000 || (gpa >= 0xE0000 && gpa < 0x100000))
        return base + gpa;
    return gpa >= base + MIB(1) && gpa < base + bytes ? gpa : UINT64_MAX;
}

static void an_identical_guest_has_its_memory_where_the_machine_has_it(void **state)
{
    static const struct { uint64_t base, bytes; } blocks[] = {
        { MIB(2), MIB(2) }, { MIB(64), MIB(16) }, { GIB(1), GIB(2) }, { GIB(3) - MIB(2), MIB(2) } };
    (void)state;
    for (unsigned i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        uint64_t base = blocks[i].base, bytes = blocks[i].bytes, list[128];
        const struct guest_memory memory = GUEST_MEMORY_IDENTICAL(base, bytes);
        const uint64_t edges[] = { 0, 0xA0000, 0xE0000, MIB(1), base, base + MIB(1),
                                   base + bytes / 2, base + bytes, GIB(3), GIB(4), GIB(64) };
        unsigned count = 0;
        struct e820_entry entries[GUEST_MEMORY_E820_MAX];
        unsigned entry_count = guest_memory_e820(&memory, entries);

        assert_true(guest_memory_is_valid(&memory));
        for (unsigned j = 0; j < sizeof edges / sizeof edges[0]; j++)
            for (int delta = -1; delta <= 1; delta++)
                list[count++] = edges[j] + (uint64_t)delta;
        for (unsigned j = 0; j < count; j++) {
            uint64_t place = where_identical(base, bytes, list[j]);
            hpa_t hpa = HPA(UINT64_MAX);
            bool usable = false;
            assert_int_equal(guest_memory_translate(&memory, GPA(list[j]), 1, &hpa),
                             place != UINT64_MAX);
            assert_int_equal(hpa.value, place);
            for (unsigned k = 0; k < entry_count; k++)
                usable = usable || (entries[k].type == E820_USABLE &&
                                    list[j] - entries[k].base < entries[k].bytes);
            assert_int_equal(usable, place != UINT64_MAX && (list[j] < 0xE0000 || list[j] >= MIB(1)));
        }
        for (unsigned k = 1; k < entry_count; k++)
            assert_true(entries[k - 1].base + entries[k - 1].bytes <= entries[k].base);
    }
}

static void impossible_blocks_are_told_from_possible_ones(void **state)
{
    (void)state;
    const struct guest_memory bad[] = {
        GUEST_MEMORY_COMPACT(BASE, 0), GUEST_MEMORY_COMPACT(BASE, MIB(1)),
        GUEST_MEMORY_COMPACT(BASE + MIB(1), MIB(4)), GUEST_MEMORY_COMPACT(BASE, MIB(4) + KIB(4)),
        GUEST_MEMORY_COMPACT((1ull << 52) - MIB(2), MIB(4)), GUEST_MEMORY_COMPACT(1ull << 52, MIB(2)),
        GUEST_MEMORY_COMPACT(0, 1ull << 52), GUEST_MEMORY_COMPACT(UINT64_MAX - MIB(2) + 1, MIB(4)),
        GUEST_MEMORY_COMPACT(MIB(2), UINT64_MAX - MIB(2) + 1),
        GUEST_MEMORY_IDENTICAL(0, MIB(4)), GUEST_MEMORY_IDENTICAL(MIB(64), GIB(3)),
        GUEST_MEMORY_IDENTICAL(MIB(65), MIB(2)), { HPA(BASE), MIB(4), MIB(2), GUEST_MEMORY_HIGH },
        { HPA(MIB(64)), MIB(4), MIB(1), MIB(64) },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(guest_memory_is_valid(&bad[i]));
    for (unsigned i = 0; i < SIZES; i++) {
        struct guest_memory good = of_size(sizes[i]);
        assert_true(guest_memory_is_valid(&good));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_address_leads_to_its_place_or_nowhere),
        cmocka_unit_test(a_range_is_translated_only_if_all_of_it_is_contiguous_ram),
        cmocka_unit_test(an_empty_range_is_ram_where_a_byte_would_be),
        cmocka_unit_test(what_was_written_is_read_and_lies_in_the_block),
        cmocka_unit_test(an_access_that_reaches_beyond_ram_does_nothing_at_all),
        cmocka_unit_test(the_tables_reach_exactly_what_translation_does),
        cmocka_unit_test(memory_takes_few_tables),
        cmocka_unit_test(empty_roms_read_as_one_page_of_ones_and_cannot_be_written),
        cmocka_unit_test(the_map_for_the_guest_lists_all_ram_in_order),
        cmocka_unit_test(an_identical_guest_has_its_memory_where_the_machine_has_it),
        cmocka_unit_test(impossible_blocks_are_told_from_possible_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
