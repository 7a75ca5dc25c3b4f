/* SPDX-License-Identifier: MIT
 *
 * hv/guest_kind.c and hv/flat.c: what a file is taken for, and images that are
 * nothing but bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_kind.h"
#include "tests/fake/kernel.h"

static int set_up(void **state)
{
    (void)state;
    memset(file, 0, sizeof file);
    for (unsigned i = 0; i < 512; i++)
        file[i] = fake_code(i);
    file_bytes = 512;
    boot = (struct guest_boot){
        .kind = GUEST_KIND_FLAT, .cmdline = "",
        .flat = { .load_address = 0x7C00, .entry = 0x7C00, .mode = ENTRY_REAL },
    };
    return 0;
}

/* ---- What a file is ---- */

/* All kinds at once, of which the parts are taken away one by one. */
static void a_file_of_several_kinds_is_taken_in_a_fixed_order(void **state)
{
    const uint32_t note[] = { 4, 4, 18, 0x6E6558, MIB(1) };
    const struct fake_elf elf = {
        .is_64 = true, .entry = MIB(1), .segment_count = 2,
        .segments = { { 1, MIB(1), MIB(1), 0x400, 0x400 }, { 4, 0, 0, 20, 20 } },
    };
    static uint8_t bzimage[FAKE_BZIMAGE_BYTES];
    (void)state;
    boot.kind = GUEST_KIND_ANY;
    file_bytes = FAKE_ELF_BYTES;
    fake_elf(file, &elf);
    memcpy(file + fake_elf_segment_at(1), note, sizeof note);
    assert_good();
    assert_int_equal(plan.kind, GUEST_KIND_PVH);
    fake_multiboot1_header(file + 0x1100, 0);
    assert_good();
    assert_int_equal(plan.kind, GUEST_KIND_MULTIBOOT);
    fake_multiboot2_header(file + 0x1200, note, 0);
    assert_good();
    assert_int_equal(plan.kind, GUEST_KIND_MULTIBOOT2);
    fake_bzimage(bzimage, MIB(1), MIB(1));
    memcpy(file + 0x1F1, bzimage + 0x1F1, 0x80);
    assert_good();
    assert_int_equal(plan.kind, GUEST_KIND_LINUX);

    static const enum guest_kind kinds[] = {
        GUEST_KIND_LINUX, GUEST_KIND_MULTIBOOT2, GUEST_KIND_MULTIBOOT, GUEST_KIND_PVH,
    };
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        boot.kind = kinds[i];
        assert_good();
        assert_int_equal(plan.kind, kinds[i]);
    }
}

static void a_file_of_no_kind_is_refused(void **state)
{
    (void)state;
    static const struct { enum guest_kind kind; const char *is; } all[] = {
        { GUEST_KIND_ANY, "no kernel that Bulkhead knows" },
        { GUEST_KIND_LINUX, "no Linux boot header" },
        { GUEST_KIND_MULTIBOOT2, "no Multiboot2 header" },
        { GUEST_KIND_MULTIBOOT, "no Multiboot header" },
        { GUEST_KIND_PVH, "no ELF file" },
    };
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        boot.kind = all[i].kind;
        assert_says(prepare(MEMORY_BYTES), all[i].is);
        file_bytes = 0;
        assert_says(prepare(MEMORY_BYTES), all[i].is);
        file_bytes = 512;
    }
}

/* An ELF file's own fault is said, not that it is of no kind. */
static void a_damaged_elf_file_is_refused_for_its_damage(void **state)
{
    (void)state;
    boot.kind = GUEST_KIND_ANY;
    set(0, 0x464C457F, 4);
    set(4, 9, 1);
    assert_says(prepare(MEMORY_BYTES), "class 9 at offset 4");
}

/* ---- Flat images ---- */

static void a_boot_sector_begins_in_real_mode(void **state)
{
    (void)state;
    struct entry_state entry = load();
    assert_int_equal(entry.mode, ENTRY_REAL);
    assert_int_equal(entry.cs, 0);
    assert_int_equal(entry.rip.value, 0x7C00);
    assert_int_equal(entry.rdx, 0x80);
    assert_memory_equal(fake.memory + 0x7C00, file, 512);
    assert_int_equal(fake.memory[0x7BFF], 0x5A);
    assert_int_equal(fake.memory[0x7E00], 0x5A);
    uint64_t stack_end = (uint64_t)entry.ss * 16 + entry.rsp.value;
    assert_true(stack_end <= 0xA0000 && stack_end >= 0x8000 + 0x1000);
}

/* Segments begin at multiples of 64 KiB, so that the offset is that of the address. */
static void real_mode_is_entered_at_any_address_below_640_kib(void **state)
{
    static const struct { uint64_t address; uint16_t cs, ip; } places[] = {
        { 0, 0, 0 }, { 0xFFFF, 0, 0xFFFF }, { 0x10000, 0x1000, 0 }, { 0x12345, 0x1000, 0x2345 },
        { 0x9FE00, 0x9000, 0xFE00 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        boot.flat.load_address = boot.flat.entry = places[i].address;
        struct entry_state entry = load();
        assert_int_equal(entry.cs, places[i].cs);
        assert_int_equal(entry.rip.value, places[i].ip);
        assert_memory_equal(fake.memory + places[i].address, file, 512);
    }
    boot.flat.load_address = boot.flat.entry = 0x9FE01;
    assert_says(prepare(MEMORY_BYTES), "lies from 9fe01h to a0001h; for real mode it must lie below "
                                       "a0000h");
    boot.flat.load_address = boot.flat.entry = MIB(1);
    assert_says(prepare(MEMORY_BYTES), "for real mode it must lie below a0000h");
}

static void a_32_bit_image_begins_without_paging(void **state)
{
    (void)state;
    boot.flat = (struct guest_flat){ MIB(1), MIB(1) + 4, ENTRY_PROTECTED };
    struct entry_state entry = load();
    assert_int_equal(entry.mode, ENTRY_PROTECTED);
    assert_int_equal(entry.rip.value, MIB(1) + 4);
    assert_int_equal(entry.cr3.value, 0);
    assert_int_equal(entry.rax | entry.rbx | entry.rdx | entry.rsi.value, 0);
    assert_int_equal(guest_32(entry.gdt_base.value + 0x14) >> 20 & 0xF, 0xC); /* 32-bit code */
}

static void a_64_bit_image_begins_with_4_gib_mapped_to_themselves(void **state)
{
    (void)state;
    boot.flat = (struct guest_flat){ MIB(1), MIB(1), ENTRY_LONG };
    struct entry_state entry = load();
    assert_int_equal(entry.mode, ENTRY_LONG);
    assert_int_equal(guest_32(entry.gdt_base.value + 0x14) >> 20 & 0xF, 0xA); /* 64-bit code */
    uint64_t pdpt = guest_64(entry.cr3.value) & ~0xFFFull;
    for (uint64_t gpa = 0; gpa < GIB(4); gpa += MIB(2)) {
        uint64_t directory = guest_64(pdpt + gpa / GIB(1) * 8) & ~0xFFFull;
        assert_int_equal(guest_64(directory + gpa / MIB(2) % 512 * 8), gpa | 0x83);
    }
    assert_int_equal(guest_64(pdpt + 32), 0);
}

/* Stack, GDT and page tables make way. */
static void nothing_lies_in_the_image(void **state)
{
    static const uint64_t places[] = { 0, 0x8000, 0x10000, 0x90000, MIB(1), MIB(16) - 0x10000 };
    (void)state;
    file_bytes = 0x10000;
    for (unsigned mode = ENTRY_REAL; mode <= ENTRY_LONG; mode++)
        for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
            if (mode == ENTRY_REAL && places[i] >= MIB(1))
                continue;
            boot.flat = (struct guest_flat){ places[i], places[i], (enum entry_mode)mode };
            load();
            assert_memory_equal(fake.memory + places[i], file, file_bytes);
        }
}

static void an_image_that_leaves_no_room_is_refused(void **state)
{
    (void)state;
    file_bytes = sizeof file;
    boot.flat = (struct guest_flat){ 0xFFFF, 0xFFFF, ENTRY_REAL };
    assert_null(prepare(MEMORY_BYTES)); /* behind it */
    boot.flat = (struct guest_flat){ MIB(16) - sizeof file, MIB(16) - 1, ENTRY_LONG };
    assert_null(prepare(MEMORY_BYTES));
    boot.flat.load_address++;
    assert_says(prepare(MEMORY_BYTES), "needs 17 MiB");
}

static void an_image_without_sense_is_refused(void **state)
{
    static const struct { struct guest_flat flat; const char *is; } bad[] = {
        { { 0x7C00, 0x7E00, ENTRY_REAL }, "entry point 7e00h lies outside of the image, which lies "
                                          "from 7c00h to 7e00h" },
        { { 0x7C00, 0x7BFF, ENTRY_LONG }, "entry point 7bffh" },
        { { 0xFFFFFE01, 0xFFFFFE01, ENTRY_LONG }, "loaded below 4 GiB" },
        { { 0xFFE00, 0xFFFF0, ENTRY_PROTECTED }, "a PC has its BIOS" },
        { { 0xE0000000, 0xE0000000, ENTRY_LONG }, "of memory below 4 GiB" },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        boot.flat = bad[i].flat;
        assert_says(prepare(MEMORY_BYTES), bad[i].is);
    }
    file_bytes = 0;
    assert_says(prepare(MEMORY_BYTES), "the image is empty");
}

static void a_flat_image_is_told_nothing(void **state)
{
    (void)state;
    boot.cmdline = "quiet";
    assert_says(prepare(MEMORY_BYTES), "no command line");
    assert_int_equal(refusal.about, ABOUT_CMDLINE);
    boot.cmdline = "";
    boot.module_count = 1;
    boot.modules[0] = (struct guest_module){ { file, 1 }, "" };
    assert_says(prepare(MEMORY_BYTES), "no modules");
    assert_int_equal(refusal.about, ABOUT_MODULES);
    boot.module_count = 0;
    boot.initrd = (struct span){ file, 1 };
    assert_says(prepare(MEMORY_BYTES), "a flat image has no initrd, for it is told nothing");
    assert_int_equal(refusal.about, ABOUT_INITRD);
}

static void a_restart_finds_the_same_memory_as_the_first_start(void **state)
{
    (void)state;
    assert_restarts();
    boot.flat.mode = ENTRY_LONG;
    assert_restarts();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_of_several_kinds_is_taken_in_a_fixed_order),
        TEST(a_file_of_no_kind_is_refused),
        TEST(a_damaged_elf_file_is_refused_for_its_damage),
        TEST(a_boot_sector_begins_in_real_mode),
        TEST(real_mode_is_entered_at_any_address_below_640_kib),
        TEST(a_32_bit_image_begins_without_paging),
        TEST(a_64_bit_image_begins_with_4_gib_mapped_to_themselves),
        TEST(nothing_lies_in_the_image),
        TEST(an_image_that_leaves_no_room_is_refused),
        TEST(an_image_without_sense_is_refused),
        TEST(a_flat_image_is_told_nothing),
        TEST(a_restart_finds_the_same_memory_as_the_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
