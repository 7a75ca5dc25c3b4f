/* SPDX-License-Identifier: MIT
 *
 * hv/elf.c with files made here, of both classes.
 *
 * Files are copied into blocks of their exact size, so that AddressSanitizer
 * sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/elf.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(2)
#define MEMORY_BYTES MIB(8)
#define VIRTUAL 0xC0100000u

static uint8_t file[FAKE_ELF_BYTES];
static uint8_t *copy;
static struct elf elf;
static struct refusal refusal;

static struct fake_elf good(bool is_64)
{
    return (struct fake_elf){
        .is_64 = is_64, .has_sections = true, .entry = VIRTUAL + 0x10, .segment_count = 3,
        .segments = {
            { 1, VIRTUAL, 0x100000, 0x123, 0x2005 },
            { 4, 0, 0, 0x40, 0x40 },
            { 1, VIRTUAL + 0x8000, 0x108000, 0x40, 0x40 },
        },
    };
}

static int with_class_32(void **state)
{
    struct fake_elf made = good(false);
    (void)state;
    fake_elf(file, &made);
    return 0;
}

static int with_class_64(void **state)
{
    struct fake_elf made = good(true);
    (void)state;
    fake_elf(file, &made);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

static const char *open_bytes(size_t size)
{
    uint64_t begin, end, entry;

    free(copy);
    copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, file, size);
    const struct span span = { size == 0 ? NULL : copy, size };
    bool opened = elf_open(span, &elf, &refusal) &&
                  elf_check_segments(&elf, &begin, &end, &refusal) &&
                  elf_entry(&elf, &entry, &refusal);
    return opened ? NULL : refusal.text;
}

static void assert_says(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text == NULL ? "(no complaint)" : text);
}

static void set(unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(file + offset, &value, bytes);
}

static void physical_addresses_are_what_counts(void **state)
{
    (void)state;
    uint64_t begin, end, entry;
    assert_null(open_bytes(sizeof file));
    assert_true(elf_check_segments(&elf, &begin, &end, &refusal));
    assert_int_equal(begin, 0x100000);
    assert_int_equal(end, 0x108040);
    assert_true(elf_entry(&elf, &entry, &refusal));
    assert_int_equal(entry, 0x100010);
}

static void an_entry_point_may_be_a_physical_address(void **state)
{
    struct fake_elf made = good(true);
    uint64_t entry;
    (void)state;
    made.entry = 0x108020;
    fake_elf(file, &made);
    assert_null(open_bytes(sizeof file));
    assert_true(elf_entry(&elf, &entry, &refusal));
    assert_int_equal(entry, 0x108020);
    made.entry = 0x108040;
    fake_elf(file, &made);
    assert_says(open_bytes(sizeof file), "entry point 108040h (offset 18h) lies in no segment");
}

static void segments_go_where_they_belong_and_the_rest_is_zero(void **state)
{
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MEMORY_BYTES);
    (void)state;
    assert_null(open_bytes(sizeof file));
    for (unsigned moved = 0; moved <= 0x300000; moved += 0x300000) {
        const uint8_t *at = NULL;
        fake_reset(BASE, MEMORY_BYTES);
        memset(fake.memory, 0x5A, MEMORY_BYTES);
        elf_load(&elf, &memory, moved);
        at = fake.memory + 0x100000 + moved;
        for (unsigned i = 0; i < 0x8080; i++) {
            unsigned expected = i < 0x123 || (i >= 0x8000 && i < 0x8040)
                                    ? fake_code(i < 0x8000 ? i : i - 0x8000)
                                : i < 0x2005 ? 0 : 0x5A;
            assert_int_equal(at[i], expected);
        }
        assert_int_equal(at[-1], 0x5A);
    }
}

static void no_truncated_file_is_accepted_or_read_beyond_its_end(void **state)
{
    (void)state;
    size_t end = FAKE_ELF_SECTIONS_AT + FAKE_ELF_SECTIONS * (file[4] == 1 ? 40 : 64);
    for (size_t size = 0; size < end; size++) {
        const char *text = open_bytes(size);
        char offset[32];
        snprintf(offset, sizeof offset, "ends at offset %zxh", size);
        assert_says(text, size < 4 ? "no ELF file" : offset);
    }
    assert_null(open_bytes(end));
}

static void a_file_for_another_processor_is_refused(void **state)
{
    (void)state;
    set(18, 0xB7, 2);
    assert_says(open_bytes(sizeof file), "another processor (machine 183 at offset 12h)");
    set(18, file[4] == 1 ? 62 : 3, 2);
    assert_says(open_bytes(sizeof file), "another processor");
    set(18, file[4] == 1 ? 3 : 62, 2);
    assert_null(open_bytes(sizeof file));
    set(5, 2, 1);
    assert_says(open_bytes(sizeof file), "another processor");
    set(5, 1, 1);
    set(4, 3, 1);
    assert_says(open_bytes(sizeof file), "class 3 at offset 4");
}

static void each_fault_is_said_with_its_offset(void **state)
{
    static const struct { unsigned offset; uint64_t value; unsigned bytes; const char *is; }
    faults[] = {
        { 0, 0, 4, "does not begin with 7F \"ELF\"" },
        { 16, 1, 2, "not linked (type 1 at offset 10h)" },
        { 44, 65, 2, "65 program headers; 64 are possible" },
        { 44, 0, 2, "nothing to load: no PT_LOAD among its 0 program headers" },
        { 42, 31, 2, "a program header has 31 bytes, not 32" },
        { 46, 39, 2, "a section header has 39 bytes, not 40" },
        { 28, 0x3FF0, 4, "its 3 program headers begin at 3ff0h" },
        { 28, UINT32_MAX, 4, "begin at ffffffffh" },
        { 32, 0x3FF0, 4, "its 4 section headers begin at 3ff0h" },
        { 52 + 16, 0x2006, 4, "header at offset 34h is damaged: 2006h bytes in the file, 2005h" },
        { 52 + 4, 0x3F00, 4, "program header at 34h wants 123h bytes from 3f00h on" },
        { 52 + 4, UINT32_MAX, 4, "wants 123h bytes from ffffffffh on" },
        { 52 + 20, UINT32_MAX, 4, "physical address 100000h and ffffffffh bytes" },
        { 52 + 12, UINT32_MAX, 4, "offset 34h has physical address ffffffffh" },
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        with_class_32(state);
        set(faults[i].offset, faults[i].value, faults[i].bytes);
        assert_says(open_bytes(sizeof file), faults[i].is);
    }
}

static void a_64_bit_file_is_held_to_4_gib(void **state)
{
    (void)state;
    set(64 + 24, 0xFFFFFFFF80100000, 8);
    assert_says(open_bytes(sizeof file), "physical address ffffffff80100000h");
    set(64 + 24, GIB(4) - 0x2004, 8);
    assert_says(open_bytes(sizeof file), "and 2005h bytes; a kernel is loaded below 4 GiB");
    set(64 + 24, GIB(4) - 0x2005, 8);
    assert_null(open_bytes(sizeof file));
    set(64 + 40, UINT64_MAX, 8);
    assert_says(open_bytes(sizeof file), "ffffffffffffffffh bytes");
}

static void sections_are_read(void **state)
{
    (void)state;
    assert_null(open_bytes(sizeof file));
    assert_int_equal(elf.section_count, 4);
    assert_int_equal(elf.section_names, 3);
    struct elf_section code = elf_section(&elf, 1), symbols = elf_section(&elf, 2);
    assert_int_equal(code.address, 0x100000);
    assert_int_equal(symbols.address, 0);
    assert_int_equal(symbols.type, 2);
    assert_int_equal(symbols.offset, 0x3000);
    assert_int_equal(symbols.bytes, 0x60);
    assert_int_equal(symbols.alignment, 16);
}

static void a_file_without_sections_has_none(void **state)
{
    (void)state;
    set(32, 0, 4); /* where the headers of sections are */
    assert_null(open_bytes(sizeof file));
    assert_int_equal(elf.section_count, 0);
}

/* ---- Notes ---- */

static unsigned put_note(unsigned at, const char *owner, uint32_t type, uint32_t value,
                         unsigned pad)
{
    unsigned name = (unsigned)strlen(owner) + 1;
    set(at, name, 4);
    set(at + 4, 4, 4);
    set(at + 8, type, 4);
    strcpy((char *)file + at + 12, owner);
    unsigned descriptor = at + (12 + name + pad - 1) / pad * pad;
    set(descriptor, value, 4);
    return descriptor + pad;
}

static void the_first_note_of_its_owner_and_type_is_found(void **state)
{
    struct span found;
    unsigned at = fake_elf_segment_at(1);
    (void)state;
    memset(file + at, 0, 0x40);
    at = put_note(at, "GNU", 18, 1, 4);
    at = put_note(at, "Xen", 3, 2, 4);
    put_note(at, "Xen", 18, 0x12345678, 4);
    assert_null(open_bytes(sizeof file));
    assert_true(elf_note(&elf, "Xen", 18, &found));
    assert_int_equal(found.size, 4);
    assert_memory_equal(found.bytes, "\x78\x56\x34\x12", 4);
    assert_false(elf_note(&elf, "Xe", 18, &found));
    assert_false(elf_note(&elf, "Xen", 19, &found));
}

static void notes_may_be_padded_to_8_bytes(void **state)
{
    struct span found;
    unsigned at = fake_elf_segment_at(1);
    (void)state;
    memset(file + at, 0, 0x40);
    put_note(put_note(at, "Linux", 1, 1, 8), "Xen", 18, 7, 8);
    set(64 + 56 + 48, 8, 8); /* p_align */
    assert_null(open_bytes(sizeof file));
    assert_true(elf_note(&elf, "Xen", 18, &found));
    assert_int_equal(found.bytes[0], 7);
}

static void damaged_notes_are_not_found(void **state)
{
    static const unsigned sizes[] = { 0x100, 0x7FFFFFFF, UINT32_MAX, UINT32_MAX - 11 };
    struct span found;
    unsigned at = fake_elf_segment_at(1);
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        memset(file + at, 0, 0x40);
        put_note(at, "Xen", 18, 7, 4);
        set(at + i % 2 * 4, sizes[i / 2], 4);
        assert_null(open_bytes(sizeof file));
        assert_false(elf_note(&elf, "Xen", 18, &found));
    }
}

#define TEST_32(test) cmocka_unit_test_setup_teardown(test, with_class_32, clean_up)
#define TEST_64(test) cmocka_unit_test_setup_teardown(test, with_class_64, clean_up)
#define TEST_BOTH(test) TEST_32(test), TEST_64(test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_BOTH(physical_addresses_are_what_counts),
        TEST_64(an_entry_point_may_be_a_physical_address),
        TEST_BOTH(segments_go_where_they_belong_and_the_rest_is_zero),
        TEST_BOTH(no_truncated_file_is_accepted_or_read_beyond_its_end),
        TEST_BOTH(a_file_for_another_processor_is_refused),
        TEST_32(each_fault_is_said_with_its_offset),
        TEST_64(a_64_bit_file_is_held_to_4_gib),
        TEST_BOTH(sections_are_read),
        TEST_32(a_file_without_sections_has_none),
        TEST_BOTH(the_first_note_of_its_owner_and_type_is_found),
        TEST_64(notes_may_be_padded_to_8_bytes),
        TEST_32(damaged_notes_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
