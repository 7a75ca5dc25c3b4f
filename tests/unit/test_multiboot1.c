/* SPDX-License-Identifier: MIT
 *
 * hv/multiboot1.c and what it shares with the other kinds of kernel that lie
 * where they want to (hv/image*.c): files made here, and what a kernel then
 * finds in its memory, by the numbers of the specification.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/multiboot1.h"
#include "tests/fake/kernel.h"

#define HEADER_AT (fake_elf_segment_at(0) + 0x40)

static void make(bool is_64, uint64_t physical)
{
    const struct fake_elf elf = {
        .is_64 = is_64, .has_sections = true, .entry = 0xC0000100, .segment_count = 1,
        .segments = { { 1, 0xC0000000, physical, 0x400, 0x3000 } },
    };
    fake_elf(file, &elf);
    fake_multiboot1_header(file + HEADER_AT, 3);
}

static int set_up(void **state)
{
    static uint8_t first[5000], second[3];
    (void)state;
    memset(first, 0x11, sizeof first);
    memset(second, 0x22, sizeof second);
    make(false, MIB(1));
    file_bytes = FAKE_ELF_BYTES;
    boot = (struct guest_boot){
        .kind = GUEST_KIND_MULTIBOOT, .cmdline = "root=/dev/ram quiet", .module_count = 2,
        .modules = { { { first, sizeof first }, "first of two" },
                     { { second, sizeof second }, "" } },
    };
    return 0;
}

/* ---- The header ---- */

static void a_header_lies_anywhere_in_the_first_8_kib(void **state)
{
    (void)state;
    static const struct { unsigned at; bool found; } places[] = {
        { 0xF00, true }, { 8192 - 12, true }, { 8192 - 8, false }, { 8192, false },
        { 0xF02, false },
    };
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        make(false, MIB(1));
        memset(file + HEADER_AT, 0, 12);
        fake_multiboot1_header(file + places[i].at, 3);
        const char *text = prepare(MEMORY_BYTES);
        if (places[i].found)
            assert_null(text);
        else
            assert_says(text, "no Multiboot header in its first 8192 bytes");
        assert_int_equal(multiboot1_is(boot.kernel), places[i].found);
    }
}

static void a_header_has_a_right_checksum(void **state)
{
    (void)state;
    set(HEADER_AT + 8, 0, 4);
    assert_says(prepare(MEMORY_BYTES), "no Multiboot header");
}

static void unknown_requirements_are_refused_and_a_video_mode_is_ignored(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        fake_multiboot1_header(file + HEADER_AT, 1u << bit);
        const char *text = prepare(MEMORY_BYTES);
        if (bit >= 3 && bit < 16)
            assert_says(text, "header at offset 1040h requires what Bulkhead does not know");
        else if (bit != 16)
            assert_null(text);
    }
}

/* ---- The header's addresses ---- */

static void set_addresses(uint32_t header, uint32_t load_at, uint32_t load_end, uint32_t bss_end,
                          uint32_t entry)
{
    const uint32_t addresses[] = { header, load_at, load_end, bss_end, entry };
    fake_multiboot1_header(file + HEADER_AT, 1 << 16);
    memcpy(file + HEADER_AT + 12, addresses, sizeof addresses);
}

static void addresses_in_the_header_win_over_the_elf_file(void **state)
{
    (void)state;
    set_addresses(MIB(2) + 0x40, MIB(2), MIB(2) + 0x300, MIB(2) + 0x1005, MIB(2) + 0x80);
    struct entry_state entry = load();
    assert_int_equal(entry.rip.value, MIB(2) + 0x80);
    assert_memory_equal(fake.memory + MIB(2), file + HEADER_AT - 0x40, 0x300);
    for (unsigned i = 0x300; i < 0x1005; i++)
        assert_int_equal(fake.memory[MIB(2) + i], 0);
    assert_int_equal(fake.memory[MIB(2) + 0x1005], UNTOUCHED);
    assert_int_equal(fake.memory[MIB(1)], UNTOUCHED);
    assert_int_equal(guest_32(entry.rbx) & 1 << 5, 0); /* no sections */
}

static void without_an_end_all_of_the_file_is_loaded(void **state)
{
    (void)state;
    set_addresses(MIB(2) + 0x40, MIB(2), 0, 0, MIB(2));
    load();
    assert_int_equal(plan.image.end - plan.image.begin, FAKE_ELF_BYTES - fake_elf_segment_at(0));
    assert_memory_equal(fake.memory + MIB(2), file + fake_elf_segment_at(0),
                        FAKE_ELF_BYTES - fake_elf_segment_at(0));
}

static void damaged_addresses_are_refused(void **state)
{
    (void)state;
    static const struct { uint32_t header, load_at, load_end, bss_end, entry; const char *is; }
    bad[] = {
        { 0x200000, 0x200040, 0, 0, 0x200040, "offset 1040h are damaged: header 200000h" },
        { 0x202000, 0x200000, 0, 0, 0x200000, "are damaged" }, /* before the file */
        { 0x200040, 0x200000, 0x1FFFFF, 0, 0x200000, "load 200000h to 1fffffh" },
        { 0x200040, 0x200000, 0x200300, 0x2002FF, 0x200000, "bss to 2002ffh" },
        { 0x200040, 0x200000, 0x204000, 0, 0x200000, "it ends at offset 4000h, and the kernel has "
                                                     "4000h bytes from 1000h on" },
        { 0x200040, 0x200000, 0x200000, 0, 0x200000, "empty" },
        { 0x200040, 0x200000, 0x200300, 0, 0x200300, "entry point 200300h lies outside" },
        { 0x200040, 0x200000, 0x200300, 0, 0x1FFFFF, "entry point 1fffffh lies outside" },
        { 0xFFFFF040, 0xFFFFF000, 0, 0, 0xFFFFF000, "loaded below 4 GiB" },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        make(false, MIB(1));
        set_addresses(bad[i].header, bad[i].load_at, bad[i].load_end, bad[i].bss_end,
                      bad[i].entry);
        assert_says(prepare(MEMORY_BYTES), bad[i].is);
    }
    make(false, MIB(1));
    set_addresses(0x200040, 0x200000, 0, 0, 0x200000);
    for (file_bytes = HEADER_AT + 12; file_bytes < HEADER_AT + 32; file_bytes++)
        assert_says(prepare(MEMORY_BYTES), "in the Multiboot header that begins at 1040h");
}

/* ---- What the kernel finds ---- */

static void the_kernel_begins_as_the_protocol_says(void **state)
{
    (void)state;
    for (unsigned is_64 = 0; is_64 < 2; is_64++) {
        make(is_64, MIB(1));
        struct entry_state entry = load();
        assert_int_equal(entry.mode, ENTRY_PROTECTED);
        assert_int_equal(entry.rip.value, MIB(1) + 0x100);
        assert_int_equal(entry.rax, 0x2BADB002);
        assert_int_equal(entry.rbx, plan.image.info.value);
        assert_true(entry.rsp.value >= 0x11000 && entry.rsp.value <= 0xA0000);
        assert_int_equal(guest_32(entry.gdt_base.value + 0x14) & 0xF0FF00, 0xC09B00);
        assert_memory_equal(fake.memory + MIB(1), file + fake_elf_segment_at(0), 0x400);
        for (unsigned i = 0x400; i < 0x3000; i++)
            assert_int_equal(fake.memory[MIB(1) + i], 0);
    }
}

static void the_information_has_what_its_flags_say(void **state)
{
    (void)state;
    uint64_t info = load().rbx;
    assert_int_equal(guest_32(info), 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6 | 1 << 9);
    assert_int_equal(guest_32(info + 4), 640);
    assert_int_equal(guest_32(info + 8), 15 * 1024);
    assert_string_equal(guest_text(guest_32(info + 16)), "root=/dev/ram quiet");
    assert_int_equal(memcmp(guest_text(guest_32(info + 64)), "Bulkhead ", 9), 0);
    for (unsigned at = 68; at < 120; at += 4)
        assert_int_equal(guest_32(info + at), 0);
    assert_int_equal(guest_32(info + 12), 0); /* boot device */
    assert_int_equal(guest_32(info + 52) | guest_32(info + 56) | guest_32(info + 60), 0);
}

static void modules_lie_on_pages_behind_the_kernel_in_their_order(void **state)
{
    (void)state;
    uint64_t info = load().rbx;
    uint32_t list = guest_32(info + 24);
    assert_int_equal(guest_32(info + 20), 2);
    assert_int_equal(guest_32(list), MIB(1) + 0x3000);
    assert_int_equal(guest_32(list + 4), MIB(1) + 0x3000 + 5000);
    assert_string_equal(guest_text(guest_32(list + 8)), "first of two");
    assert_int_equal(guest_32(list + 12), 0);
    assert_int_equal(guest_32(list + 16), MIB(1) + 0x5000);
    assert_int_equal(guest_32(list + 20), MIB(1) + 0x5003);
    assert_string_equal(guest_text(guest_32(list + 24)), "");
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(fake.memory[MIB(1) + 0x3000 + i], 0x11);
    assert_int_equal(fake.memory[MIB(1) + 0x3000 + 5000], UNTOUCHED);
    assert_int_equal(fake.memory[MIB(1) + 0x5002], 0x22);
    boot.module_count = 0;
    info = load().rbx;
    assert_int_equal(guest_32(info) & 1 << 3, 0);
}

static void the_memory_map_is_that_of_the_guest(void **state)
{
    (void)state;
    struct e820_entry expected[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(&memory, expected);
    uint64_t info = load().rbx;
    uint32_t at = guest_32(info + 48);
    assert_int_equal(guest_32(info + 44), count * 24);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(guest_32(at + i * 24), 20);
        assert_memory_equal(fake.memory + at + i * 24 + 4, &expected[i], 20);
    }
}

static void sections_are_told_and_those_without_address_get_one(void **state)
{
    (void)state;
    for (unsigned is_64 = 0; is_64 < 2; is_64++) {
        unsigned size = is_64 ? 64 : 40, address = is_64 ? 16 : 12;
        make(is_64, MIB(1));
        uint64_t info = load().rbx;
        uint32_t headers = guest_32(info + 36);
        assert_int_equal(guest_32(info + 28), 4);
        assert_int_equal(guest_32(info + 32), size);
        assert_int_equal(guest_32(info + 40), 3);
        assert_int_equal(guest_32(headers + address), 0);
        assert_int_equal(guest_32(headers + size + address), 0x100000);
        uint32_t symbols = guest_32(headers + 2 * size + address);
        uint32_t names = guest_32(headers + 3 * size + address);
        assert_int_equal(symbols % 16 | names % 16, 0);
        assert_true(symbols >= MIB(1) + 0x5003 && names >= symbols + FAKE_ELF_SYMBOLS_BYTES);
        assert_memory_equal(fake.memory + symbols, file + FAKE_ELF_SYMBOLS_AT,
                            FAKE_ELF_SYMBOLS_BYTES);
        assert_memory_equal(fake.memory + names, file + FAKE_ELF_NAMES_AT, 0x21);
        /* All else of the headers is the file's. */
        memcpy(file + FAKE_ELF_SECTIONS_AT + 2 * size + address, &symbols, 4);
        memcpy(file + FAKE_ELF_SECTIONS_AT + 3 * size + address, &names, 4);
        assert_memory_equal(fake.memory + headers, file + FAKE_ELF_SECTIONS_AT, 4 * size);
    }
}

static bool is_in(uint64_t gpa, uint64_t begin, uint64_t bytes)
{
    return gpa >= begin && gpa - begin < bytes;
}

static void nothing_else_is_written(void **state)
{
    (void)state;
    load();
    for (uint64_t gpa = 0; gpa < MEMORY_BYTES; gpa++)
        if (fake.memory[gpa] != UNTOUCHED && !is_in(gpa, MIB(1), 0x3000) &&
            !is_in(gpa, plan.image.modules[0].value, 5000) && !is_in(gpa, plan.image.modules[1].value, 3) &&
            !is_in(gpa, plan.image.sections.value, 0x100) &&
            !is_in(gpa, plan.image.info.value, plan.image.info_bytes) && !is_in(gpa, plan.image.tables.value, 0x2000))
            fail_msg("byte at %llx was written", (unsigned long long)gpa);
}

/* ---- Places ---- */

static bool apart(uint64_t a, uint64_t a_bytes, uint64_t b, uint64_t b_bytes)
{
    return a + a_bytes <= b || b + b_bytes <= a;
}

/* Wherever the kernel lies, nothing else does, nor in the BIOS' area. */
static void nothing_overlaps_wherever_the_kernel_lies(void **state)
{
    (void)state;
    static const uint64_t places[] = {
        0, 0x7C00, 0xF000, 0x10000, 0x50000, 0x9D000, MIB(1), MIB(1) + 1, MIB(8), MIB(16) - 0x3000,
    };
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        make(false, places[i]);
        assert_good();
        const struct { uint64_t at, bytes; } all[] = {
            { places[i], 0x3000 }, { plan.image.modules[0].value, 5000 }, { plan.image.modules[1].value, 3 },
            { plan.image.sections.value, 0x81 }, { plan.image.info.value, plan.image.info_bytes },
            { plan.image.tables.value, 0x2000 }, { 0xA0000, 0x60000 },
        };
        for (unsigned a = 0; a < 7; a++)
            for (unsigned b = 0; b < a; b++)
                assert_true(apart(all[a].at, all[a].bytes, all[b].at, all[b].bytes));
        for (unsigned a = 0; a < 6; a++)
            assert_true(all[a].at + all[a].bytes <= MEMORY_BYTES);
        assert_int_equal(plan.image.modules[0].value % 4096, 0);
    }
}

static void a_kernel_without_its_memory_is_refused(void **state)
{
    (void)state;
    make(false, MIB(16) - 0x2FFF);
    assert_says(prepare(MEMORY_BYTES), "the kernel needs 17 MiB of memory below 4 GiB to start; the "
                                       "guest has 16 MiB");
    make(false, 0x9D001);
    assert_says(prepare(MEMORY_BYTES), "lie from 9d001h to a0001h, but from a0000h to 100000h a PC "
                                       "has its BIOS");
    make(false, 0xFFFFF);
    assert_says(prepare(MEMORY_BYTES), "a PC has its BIOS");
}

/* The file's size counts, but no byte of it is read. */
static void modules_without_room_are_refused(void **state)
{
    (void)state;
    boot.modules[1].file.size = MIB(13);
    assert_null(prepare(MEMORY_BYTES));
    boot.modules[1].file.size = MIB(15);
    assert_says(prepare(MEMORY_BYTES), "module 2 has 15728640 bytes and does not fit beside the "
                                       "kernel; give the guest more memory");
    assert_int_equal(refusal.about, ABOUT_MODULES);
    boot.modules[1].file.size = SIZE_MAX;
    assert_says(prepare(MEMORY_BYTES), "does not fit");
    make(false, MIB(12)); /* more room before the kernel than behind it */
    boot.modules[1].file.size = MIB(10);
    assert_null(prepare(MEMORY_BYTES));
    assert_int_equal(plan.image.modules[1].value, MIB(1));
}

static void sections_without_room_or_beyond_the_file_are_refused(void **state)
{
    (void)state;
    set(FAKE_ELF_SECTIONS_AT + 2 * 40 + 20, 0x1001, 4);
    assert_says(prepare(MEMORY_BYTES), "section 2 wants 1001h bytes from 3000h on");
    make(false, MIB(1));
    boot.modules[1].file.size = MIB(15) - 0x5000;
    assert_says(prepare(MEMORY_BYTES), "no room beside the kernel");
}

static void no_truncated_file_is_accepted_or_read_beyond_its_end(void **state)
{
    (void)state;
    for (file_bytes = 0; file_bytes < FAKE_ELF_SECTIONS_AT + 160; file_bytes++)
        assert_non_null(prepare(MEMORY_BYTES));
    assert_null(prepare(MEMORY_BYTES));
}

static void a_restart_finds_the_same_memory_as_the_first_start(void **state)
{
    (void)state;
    assert_restarts();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_header_lies_anywhere_in_the_first_8_kib),
        TEST(a_header_has_a_right_checksum),
        TEST(unknown_requirements_are_refused_and_a_video_mode_is_ignored),
        TEST(addresses_in_the_header_win_over_the_elf_file),
        TEST(without_an_end_all_of_the_file_is_loaded),
        TEST(damaged_addresses_are_refused),
        TEST(the_kernel_begins_as_the_protocol_says),
        TEST(the_information_has_what_its_flags_say),
        TEST(modules_lie_on_pages_behind_the_kernel_in_their_order),
        TEST(the_memory_map_is_that_of_the_guest),
        TEST(sections_are_told_and_those_without_address_get_one),
        TEST(nothing_else_is_written),
        TEST(nothing_overlaps_wherever_the_kernel_lies),
        TEST(a_kernel_without_its_memory_is_refused),
        TEST(modules_without_room_are_refused),
        TEST(sections_without_room_or_beyond_the_file_are_refused),
        TEST(no_truncated_file_is_accepted_or_read_beyond_its_end),
        TEST(a_restart_finds_the_same_memory_as_the_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
