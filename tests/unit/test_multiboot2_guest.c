/* SPDX-License-Identifier: MIT
 *
 * hv/multiboot2*.c, the side of a guest: headers made here tag by tag, and what
 * a kernel then finds in its memory, also as boot/multiboot2.c reads it when
 * Bulkhead is the kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/multiboot2.h"
#include "hv/multiboot2.h"
#include "hv/multiboot2_header.h"
#include "tests/fake/kernel.h"

#define HEADER_AT (fake_elf_segment_at(0) + 0x40)

static uint32_t tags[256];
static unsigned tag_words;

/* Puts a header with the tags so far into the file. */
static void put_header(unsigned at)
{
    fake_multiboot2_header(file + at, tags, tag_words * 4);
}

static void add_tag(uint16_t type, uint16_t flags, unsigned count, const uint32_t *content)
{
    tags[tag_words] = type | (uint32_t)flags << 16;
    tags[tag_words + 1] = 8 + count * 4;
    memcpy(tags + tag_words + 2, content, count * 4);
    tag_words += (2 + count + 1) / 2 * 2;
    put_header(HEADER_AT);
}

#define ADD_TAG(type, flags, ...)                                                       \
    add_tag(type, flags, sizeof((uint32_t[]){ __VA_ARGS__ }) / 4, (uint32_t[]){ __VA_ARGS__ })

static void make(bool is_64, uint64_t physical)
{
    const struct fake_elf elf = {
        .is_64 = is_64, .has_sections = true, .entry = 0xC0000100, .segment_count = 1,
        .segments = { { 1, 0xC0000000, physical, 0x400, 0x3000 } },
    };
    memset(tags, 0, sizeof tags);
    tag_words = 0;
    fake_elf(file, &elf);
    put_header(HEADER_AT);
}

static int set_up(void **state)
{
    static uint8_t first[5000], second[3];
    (void)state;
    make(true, MIB(1));
    file_bytes = FAKE_ELF_BYTES;
    boot = (struct guest_boot){
        .kind = GUEST_KIND_MULTIBOOT2, .cmdline = "root=/dev/ram quiet", .module_count = 2,
        .modules = { { { first, sizeof first }, "first of two" },
                     { { second, sizeof second }, "" } },
    };
    return 0;
}

/* ---- The header ---- */

static void a_header_lies_anywhere_in_the_first_32_kib(void **state)
{
    (void)state;
    static const struct { unsigned at; bool found; } places[] = {
        { 0x5000, true }, { 0x5004, false }, { 32768 - 16, true }, { 32768 - 8, false },
        { 32768, false },
    };
    file_bytes = 0x9000;
    for (unsigned i = 0; i < sizeof places / sizeof places[0]; i++) {
        memset(file + 0x4000, 0, 0x5000);
        memset(file + HEADER_AT, 0, 24);
        put_header(places[i].at);
        const char *text = prepare(MEMORY_BYTES);
        if (places[i].found)
            assert_null(text);
        else
            assert_says(text, "no Multiboot2 header in its first 32768 bytes");
        assert_int_equal(multiboot2_is(boot.kernel), places[i].found);
    }
}

static void a_header_is_for_this_processor_and_has_a_right_checksum(void **state)
{
    (void)state;
    set(HEADER_AT + 12, 0, 4);
    assert_says(prepare(MEMORY_BYTES), "no Multiboot2 header");
    put_header(HEADER_AT);
    set(HEADER_AT + 4, 4, 4); /* MIPS */
    set(HEADER_AT + 12, (uint32_t)-(0xE85250D6 + 4 + 24), 4);
    assert_says(prepare(MEMORY_BYTES), "no Multiboot2 header");
}

static void a_header_without_end_is_refused(void **state)
{
    (void)state;
    memset(file + HEADER_AT, 0, 24);
    file_bytes = 0x8100;
    put_header(32768 - 16);
    set(32768, 0x10001, 4);
    set(32768 + 4, 0, 4);
    assert_says(prepare(MEMORY_BYTES), "tag at offset 8000h is damaged: its bytes number 0");
    set(32768 + 4, 8, 4);
    assert_says(prepare(MEMORY_BYTES), "no end: at offset 8008h");
    set(32768 + 4, 0x101, 4);
    assert_says(prepare(MEMORY_BYTES), "its bytes number 257");
    file_bytes = 32768;
    assert_says(prepare(MEMORY_BYTES), "no end: at offset 8000h");
}

static void information_with_a_meaning_may_be_required(void **state)
{
    (void)state;
    ADD_TAG(1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21);
    assert_good();
    ADD_TAG(1, 1, 22, 1000); /* optional */
    assert_good();
    ADD_TAG(1, 0, 6, 22);
    assert_says(prepare(MEMORY_BYTES), "requires what Bulkhead does not know: information of type "
                                       "22");
}

static void unknown_tags_are_refused_unless_optional(void **state)
{
    (void)state;
    ADD_TAG(11, 1, 7);
    ADD_TAG(999, 1, 7);
    assert_good();
    ADD_TAG(11, 0, 7);
    assert_says(prepare(MEMORY_BYTES), "is required, and Bulkhead does not know its type: 11");
}

static void a_screen_may_be_wished_for_but_not_required(void **state)
{
    (void)state;
    ADD_TAG(5, 0, 1024, 768, 32);
    ADD_TAG(4, 0, 2);
    ADD_TAG(4, 1, 3);
    assert_good();
    ADD_TAG(4, 0, 1);
    assert_says(prepare(MEMORY_BYTES), "requires a screen, and a guest has a serial port only: "
                                       "console flags 1");
}

static void entry_points_for_efi_are_ignored(void **state)
{
    (void)state;
    ADD_TAG(7, 0);
    ADD_TAG(8, 0, 0x12345678);
    ADD_TAG(9, 0, 0x12345678);
    ADD_TAG(6, 0); /* modules on pages, which they are */
    assert_int_equal(load().rip.value, MIB(1) + 0x100);
}

static void tags_that_are_too_small_are_refused(void **state)
{
    (void)state;
    static const struct { uint16_t type; unsigned words; } small[] = {
        { 2, 3 }, { 3, 0 }, { 4, 0 }, { 10, 3 },
    };
    const uint32_t nothing[4] = { 0 };
    for (unsigned i = 0; i < sizeof small / sizeof small[0]; i++) {
        make(true, MIB(1));
        add_tag(small[i].type, 0, small[i].words, nothing);
        assert_says(prepare(MEMORY_BYTES), "is damaged: its bytes number");
    }
}

/* ---- Addresses ---- */

static void addresses_and_entry_of_the_header_win_over_the_elf_file(void **state)
{
    (void)state;
    ADD_TAG(2, 0, MIB(2) + 0x40, MIB(2), MIB(2) + 0x300, MIB(2) + 0x1005);
    assert_says(prepare(MEMORY_BYTES), "has an address tag at offset 1050h, and no tag for the entry "
                                       "point");
    ADD_TAG(3, 0, MIB(2) + 0x80);
    struct entry_state entry = load();
    assert_int_equal(entry.rip.value, MIB(2) + 0x80);
    assert_memory_equal(fake.memory + MIB(2), file + HEADER_AT - 0x40, 0x300);
    for (unsigned i = 0x300; i < 0x1005; i++)
        assert_int_equal(fake.memory[MIB(2) + i], 0);
}

static void a_load_address_of_ones_is_the_start_of_the_file(void **state)
{
    (void)state;
    ADD_TAG(2, 0, MIB(2) + HEADER_AT, UINT32_MAX, 0, 0);
    ADD_TAG(3, 0, MIB(2));
    load();
    assert_int_equal(plan.image.begin, MIB(2));
    assert_memory_equal(fake.memory + MIB(2), file, FAKE_ELF_BYTES);
}

static void an_entry_tag_holds_for_an_elf_file_too(void **state)
{
    (void)state;
    ADD_TAG(3, 0, MIB(1) + 0x2FFF);
    assert_int_equal(load().rip.value, MIB(1) + 0x2FFF);
    ADD_TAG(3, 0, MIB(1) + 0x3000); /* the last one counts */
    assert_says(prepare(MEMORY_BYTES), "entry point 103000h (Multiboot2 header tag at offset 1060h) "
                                       "lies outside");
}

/* ---- Relocation ---- */

/* Where the kernel is then, by the load-base tag as well; 0: refused. */
static uint64_t moved_to(uint32_t min, uint32_t max, uint32_t align, uint32_t preference)
{
    struct boot_info info;
    make(true, MIB(1));
    ADD_TAG(10, 0, min, max, align, preference);
    if (prepare(MEMORY_BYTES) != NULL)
        return 0;
    struct entry_state entry = load();
    uint64_t at = entry.rip.value - 0x100;
    assert_memory_equal(fake.memory + at, file + fake_elf_segment_at(0), 0x400);
    assert_int_equal(multiboot2_parse(fake.memory + entry.rbx, guest_32(entry.rbx), &info),
                     MULTIBOOT2_OK);
    uint64_t last_tag = entry.rbx + guest_32(entry.rbx) - 8 - 16;
    assert_int_equal(guest_32(last_tag), 21);
    assert_int_equal(guest_32(last_tag + 4), 12);
    assert_int_equal(guest_32(last_tag + 8), at);
    return at;
}

static void a_kernel_can_be_moved_as_its_header_allows(void **state)
{
    (void)state;
    assert_int_equal(moved_to(0, UINT32_MAX, 0, 0), MIB(1));
    assert_int_equal(moved_to(MIB(2), UINT32_MAX, MIB(2), 0), MIB(2));
    assert_int_equal(moved_to(MIB(2) + 1, UINT32_MAX, MIB(2), 1), MIB(4));
    assert_int_equal(moved_to(0, UINT32_MAX, 4096, 1), 4096);
    assert_int_equal(moved_to(0x9D001, UINT32_MAX, 4096, 1), MIB(1));
    assert_int_equal(moved_to(0, UINT32_MAX, 4096, 2), MIB(16) - 0x3000);
    assert_int_equal(moved_to(0, MIB(8) + 0x2FFF, 4096, 2), MIB(8));
    assert_int_equal(moved_to(0, MIB(8) + 0x2FFE, 4096, 2), MIB(8) - 4096);
    assert_int_equal(moved_to(0, MIB(1) - 1, 4096, 2), 0x9D000);
    assert_int_equal(moved_to(0x1000, 0x3FFF, 1, 0), 0x1000);
}

static void a_kernel_without_an_allowed_place_is_refused(void **state)
{
    (void)state;
    assert_int_equal(moved_to(MIB(2), MIB(2) + 0x2FFE, 4096, 0), 0);
    assert_says(refusal.text, "takes 3000h bytes and wants them between 200000h and 202ffeh, aligned "
                              "to 1000h; the guest has no such memory");
    assert_int_equal(moved_to(MIB(2), MIB(1), 4096, 0), 0);
    assert_int_equal(moved_to(MIB(17), UINT32_MAX, 4096, 1), 0);
    assert_int_equal(moved_to(0, UINT32_MAX, 0x80000000, 1), 0);
    assert_int_equal(moved_to(0, UINT32_MAX, 3, 1), 0);
    assert_says(refusal.text, "an alignment of 3h");
}

static void a_piece_of_a_file_can_be_moved_too(void **state)
{
    (void)state;
    ADD_TAG(2, 0, MIB(2) + 0x40, MIB(2), MIB(2) + 0x300, 0);
    ADD_TAG(3, 0, MIB(2) + 0x80);
    ADD_TAG(10, 0, MIB(3), UINT32_MAX, 4096, 1);
    struct entry_state entry = load();
    assert_int_equal(entry.rip.value, MIB(3) + 0x80);
    assert_memory_equal(fake.memory + MIB(3), file + HEADER_AT - 0x40, 0x300);
}

/* ---- What the kernel finds ---- */

static uint64_t find_tag(uint64_t info, uint32_t type, unsigned index)
{
    uint64_t end = info + guest_32(info);
    uint64_t at = info + 8;
    for (;; at += (guest_32(at + 4) + 7) / 8 * 8) {
        assert_true(at % 8 == 0 && at + 8 <= end && guest_32(at + 4) >= 8);
        if (guest_32(at) == type && index-- == 0)
            return at;
        if (guest_32(at) == 0)
            break;
    }
    assert_int_equal(at + 8, end);
    return 0;
}

static void the_kernel_begins_as_the_protocol_says(void **state)
{
    (void)state;
    for (unsigned is_64 = 0; is_64 < 2; is_64++) {
        make(is_64, MIB(1));
        struct entry_state entry = load();
        assert_int_equal(entry.mode, ENTRY_PROTECTED);
        assert_int_equal(entry.rip.value, MIB(1) + 0x100);
        assert_int_equal(entry.rax, 0x36D76289);
        assert_int_equal(entry.rbx, plan.image.info.value);
        assert_int_equal(guest_32(entry.rbx), plan.image.info_bytes);
        assert_int_equal(guest_32(entry.rbx + 4), 0);
        assert_int_equal(find_tag(entry.rbx, 21, 0), 0);
    }
}

static void our_own_parser_reads_what_we_write(void **state)
{
    (void)state;
    struct boot_info info;
    uint64_t at = load().rbx;
    assert_int_equal(multiboot2_parse(fake.memory + at, guest_32(at), &info), MULTIBOOT2_OK);
    assert_string_equal(info.command_line, "root=/dev/ram quiet");
    assert_int_equal(memcmp(info.loader_name, "Bulkhead ", 9), 0);
    assert_int_equal(info.module_count, 2);
    assert_int_equal(info.modules[0].start.value, MIB(1) + 0x3000);
    assert_int_equal(info.modules[0].end.value, MIB(1) + 0x3000 + 5000);
    assert_string_equal(info.modules[0].name, "first");
    assert_int_equal(info.modules[1].start.value, MIB(1) + 0x5000);
    assert_int_equal(info.modules[1].end.value, MIB(1) + 0x5003);
    assert_string_equal(guest_text(find_tag(at, 3, 0) + 16), "first of two");

    struct e820_entry expected[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(&memory, expected);
    assert_int_equal(info.memory_count, count);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(info.memory[i].base.value, expected[i].base);
        assert_int_equal(info.memory[i].bytes, expected[i].bytes);
        assert_int_equal(info.memory[i].type == MEMORY_USABLE, expected[i].type == E820_USABLE);
    }
}

static void memory_and_sections_are_told(void **state)
{
    (void)state;
    uint64_t info = load().rbx;
    uint64_t basic = find_tag(info, 4, 0), sections = find_tag(info, 9, 0);
    assert_int_equal(guest_32(basic + 4), 16);
    assert_int_equal(guest_32(basic + 8), 640);
    assert_int_equal(guest_32(basic + 12), 15 * 1024);
    assert_int_equal(guest_32(sections + 4), 20 + 4 * 64);
    assert_int_equal(guest_32(sections + 8), 4);
    assert_int_equal(guest_32(sections + 12), 64);
    assert_int_equal(guest_32(sections + 16), 3);
    uint64_t symbols = guest_64(sections + 20 + 2 * 64 + 16);
    assert_int_equal(symbols, plan.image.sections.value);
    assert_memory_equal(fake.memory + symbols, file + FAKE_ELF_SYMBOLS_AT, FAKE_ELF_SYMBOLS_BYTES);
}

static void both_copies_of_the_rsdp_are_those_of_the_bios_area(void **state)
{
    (void)state;
    assert_int_equal(find_tag(load().rbx, 14, 0), 0); /* none is none */
    boot.rsdp = GPA(0xE0000);
    load();
    for (unsigned i = 0; i < 36; i++)
        fake.memory[0xE0000 + i] = fake_code(i);
    uint64_t info = guest_kind_load(&memory, &boot, &plan).rbx;
    uint64_t old = find_tag(info, 14, 0), new = find_tag(info, 15, 0);
    assert_int_equal(guest_32(old + 4), 8 + 20);
    assert_int_equal(guest_32(new + 4), 8 + 36);
    assert_memory_equal(fake.memory + old + 8, fake.memory + 0xE0000, 20);
    assert_memory_equal(fake.memory + new + 8, fake.memory + 0xE0000, 36);
}

static void no_truncated_file_is_accepted_or_read_beyond_its_end(void **state)
{
    (void)state;
    ADD_TAG(1, 0, 4, 6);
    for (file_bytes = 0; file_bytes < FAKE_ELF_SECTIONS_AT + 4 * 64; file_bytes++)
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
        TEST(a_header_lies_anywhere_in_the_first_32_kib),
        TEST(a_header_is_for_this_processor_and_has_a_right_checksum),
        TEST(a_header_without_end_is_refused),
        TEST(information_with_a_meaning_may_be_required),
        TEST(unknown_tags_are_refused_unless_optional),
        TEST(a_screen_may_be_wished_for_but_not_required),
        TEST(entry_points_for_efi_are_ignored),
        TEST(tags_that_are_too_small_are_refused),
        TEST(addresses_and_entry_of_the_header_win_over_the_elf_file),
        TEST(a_load_address_of_ones_is_the_start_of_the_file),
        TEST(an_entry_tag_holds_for_an_elf_file_too),
        TEST(a_kernel_can_be_moved_as_its_header_allows),
        TEST(a_kernel_without_an_allowed_place_is_refused),
        TEST(a_piece_of_a_file_can_be_moved_too),
        TEST(the_kernel_begins_as_the_protocol_says),
        TEST(our_own_parser_reads_what_we_write),
        TEST(memory_and_sections_are_told),
        TEST(both_copies_of_the_rsdp_are_those_of_the_bios_area),
        TEST(no_truncated_file_is_accepted_or_read_beyond_its_end),
        TEST(a_restart_finds_the_same_memory_as_the_first_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
