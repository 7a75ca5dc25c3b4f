/* SPDX-License-Identifier: MIT
 *
 * hv/elf_symbols.c with symbol tables made here, of both classes.
 *
 * Files are copied into blocks of their exact size, so that AddressSanitizer
 * sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/elf_symbols.h"
#include "tests/fake/images.h"

#define KERNEL 0xC0000000u
#define FUNCTION 2
#define OBJECT 1
#define NO_TYPE 0
#define CODE 1 /* the section of it */

static uint8_t file[FAKE_ELF_BYTES];
static uint8_t *copy;
static struct elf elf;
static struct elf_symbols symbols;
static struct fake_symbols made_symbols;

static bool is_64(void)
{
    return file[4] == 2;
}

static void set(unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(file + offset, &value, bytes);
}

static unsigned header(unsigned index, unsigned at_32, unsigned at_64)
{
    return fake_elf_section_field(file, index, at_32, at_64);
}

static void set_type(unsigned index, uint32_t type)
{
    set(header(index, 4, 4), type, 4);
}

static void set_bytes(unsigned index, uint64_t bytes)
{
    set(header(index, 20, 32), bytes, is_64() ? 8 : 4);
}

static void set_link(unsigned index, uint32_t link)
{
    set(header(index, 24, 40), link, 4);
}

static void set_entry_bytes(unsigned index, uint64_t bytes)
{
    set(header(index, 36, 56), bytes, is_64() ? 8 : 4);
}

static void symbol(const char *name, uint64_t value, uint64_t bytes, unsigned type,
                   unsigned section)
{
    fake_symbols_add(&made_symbols, name, value, bytes, type, section);
}

static void begin(bool in_64)
{
    const struct fake_elf made = {
        .is_64 = in_64, .has_sections = true, .entry = KERNEL, .segment_count = 1,
        .segments = { { 1, KERNEL, 0x100000, 0x100, 0x10000 } },
    };
    fake_elf(file, &made);
    fake_symbols_begin(&made_symbols, file);
}

static int with_class_32(void **state)
{
    (void)state;
    begin(false);
    return 0;
}

static int with_class_64(void **state)
{
    (void)state;
    begin(true);
    return 0;
}

static int clean_up(void **state)
{
    (void)state;
    free(copy);
    copy = NULL;
    return 0;
}

static bool open_file(void)
{
    struct refusal refusal;

    free(copy);
    copy = malloc(sizeof file);
    memcpy(copy, file, sizeof file);
    assert_true(elf_open((struct span){ copy, sizeof file }, &elf, &refusal));
    return elf_symbols_open(&elf, &symbols);
}

/* "" if there is none. */
static const char *name_of(uint64_t address, uint64_t *offset)
{
    static char name[ELF_SYMBOL_NAME_SIZE];
    struct elf_symbol found;

    elf_symbols_find(&symbols, &address, 1, &found);
    elf_symbol_name(&symbols, &found, name);
    *offset = address - found.value;
    return found.name == 0 ? "" : name;
}

static void assert_name(uint64_t address, const char *name, uint64_t offset)
{
    uint64_t is;
    assert_string_equal(name_of(address, &is), name);
    if (name[0] != '\0')
        assert_int_equal(is, offset);
}

static void an_address_has_the_name_of_the_function_around_it(void **state)
{
    (void)state;
    symbol("second", KERNEL + 0x200, 0x80, FUNCTION, CODE); /* in no order */
    symbol("first", KERNEL + 0x100, 0x100, FUNCTION, CODE);
    symbol("third", KERNEL + 0x300, 0x10, FUNCTION, CODE);
    assert_true(open_file());
    assert_name(KERNEL + 0xFF, "", 0);
    assert_name(KERNEL + 0x100, "first", 0);
    assert_name(KERNEL + 0x1FF, "first", 0xFF);
    assert_name(KERNEL + 0x200, "second", 0);
    assert_name(KERNEL + 0x27F, "second", 0x7F);
    assert_name(KERNEL + 0x280, "", 0);
    assert_name(KERNEL + 0x30F, "third", 0xF);
    assert_name(KERNEL + 0x310, "", 0);
    assert_name(0, "", 0);
    assert_name(UINT64_MAX, "", 0);
}

static void all_addresses_are_found_in_one_pass(void **state)
{
    static const uint64_t addresses[] = { KERNEL + 0x210, KERNEL, KERNEL + 0x101 };
    struct elf_symbol found[3];
    (void)state;
    symbol("first", KERNEL + 0x100, 0x100, FUNCTION, CODE);
    symbol("second", KERNEL + 0x200, 0x80, FUNCTION, CODE);
    assert_true(open_file());
    elf_symbols_find(&symbols, addresses, 3, found);
    assert_int_equal(found[0].value, KERNEL + 0x200);
    assert_int_equal(found[1].name, 0);
    assert_int_equal(found[2].value, KERNEL + 0x100);
}

static void a_label_names_what_no_function_is_around(void **state)
{
    (void)state;
    symbol("entry", KERNEL + 0x100, 0, NO_TYPE, CODE);
    symbol("function", KERNEL + 0x200, 0x80, FUNCTION, CODE);
    symbol("inside", KERNEL + 0x210, 0, NO_TYPE, CODE);
    symbol("also_entry", KERNEL + 0x100, 0, NO_TYPE, CODE);
    assert_true(open_file());
    assert_name(KERNEL + 0x180, "entry", 0x80);
    assert_name(KERNEL + 0x211, "function", 0x11);
    assert_name(KERNEL + 0x290, "inside", 0x80);
}

static void what_is_no_code_or_not_in_the_file_names_nothing(void **state)
{
    (void)state;
    symbol("data", KERNEL + 0x100, 0x100, OBJECT, CODE);
    symbol("elsewhere", KERNEL + 0x100, 0x100, FUNCTION, 0);
    symbol("absolute", KERNEL + 0x100, 0x100, FUNCTION, 0xFFF1);
    assert_true(open_file());
    assert_name(KERNEL + 0x110, "", 0);
    symbol("code", KERNEL, 0, NO_TYPE, CODE);
    symbol("", KERNEL + 0x100, 0x100, FUNCTION, CODE);
    set(FAKE_ELF_SYMBOLS_AT + 5 * (is_64() ? 24 : 16), 0, 4); /* no name */
    assert_true(open_file());
    assert_name(KERNEL + 0x110, "code", 0x110);
}

static void a_function_at_the_end_of_the_address_space_has_its_size(void **state)
{
    uint64_t end = is_64() ? UINT64_MAX : UINT32_MAX;
    (void)state;
    symbol("last", end - 0xF, 0x10, FUNCTION, CODE);
    symbol("longer", end - 0x1F, end, FUNCTION, CODE);
    assert_true(open_file());
    assert_name(end, "last", 0xF);
    assert_name(end - 0x10, "longer", 0xF);
}

static void names_end_with_their_table_and_are_cut(void **state)
{
    static char longer[200];
    char name[ELF_SYMBOL_NAME_SIZE];
    const struct elf_symbol beyond = { KERNEL, UINT32_MAX, true };
    (void)state;
    memset(longer, 'x', sizeof longer - 1);
    symbol("open", KERNEL, 0x10, FUNCTION, CODE);
    set_bytes(3, made_symbols.names_bytes - 1); /* without the terminator */
    assert_true(open_file());
    assert_name(KERNEL, "open", 0);
    symbol(longer, KERNEL + 0x100, 0x10, FUNCTION, CODE);
    assert_true(open_file());
    longer[ELF_SYMBOL_NAME_SIZE - 1] = '\0';
    assert_name(KERNEL + 0x100, longer, 0);
    elf_symbol_name(&symbols, &beyond, name);
    assert_string_equal(name, "");
}

static void a_damaged_table_is_none(void **state)
{
    unsigned entry = is_64() ? 24 : 16;
    (void)state;
    assert_true(open_file());
    set_entry_bytes(2, entry + 8);
    assert_false(open_file());
    set_entry_bytes(2, entry);
    set_link(2, 4);
    assert_false(open_file());
    set_link(2, 1); /* code */
    assert_false(open_file());
    set_link(2, 3);
    set_bytes(2, sizeof file - FAKE_ELF_SYMBOLS_AT + 1);
    assert_false(open_file());
    set_bytes(2, is_64() ? UINT64_MAX : UINT32_MAX);
    assert_false(open_file());
    set_bytes(2, entry);
    set_bytes(3, sizeof file);
    assert_false(open_file());
    set_bytes(3, 1);
    set_type(2, 11); /* symbols of a program that is linked when it runs */
    assert_false(open_file());
}

/* The last entry, cut, is none. */
static void a_table_may_reach_to_the_end_of_the_file(void **state)
{
    (void)state;
    set_bytes(2, sizeof file - FAKE_ELF_SYMBOLS_AT);
    assert_true(open_file());
    assert_name(KERNEL, "", 0);
}

/* ---- elf_linked_address() ---- */

static void assert_linked(uint64_t moved, uint64_t address, uint64_t linked)
{
    uint64_t is = 0;
    assert_int_equal(elf_linked_address(&elf, moved, address, &is), linked != 0);
    assert_int_equal(is, linked);
}

static void addresses_are_linked_or_loaded_ones(void **state)
{
    (void)state;
    assert_true(open_file());
    assert_linked(0, KERNEL + 0x123, KERNEL + 0x123);
    assert_linked(0, 0x100123, KERNEL + 0x123);
    assert_linked(0, 0x10FFFF, KERNEL + 0xFFFF);
    assert_linked(0, 0x110000, 0);
    assert_linked(0, 0xFFFFF, 0);
    assert_linked(0x300000, 0x400123, KERNEL + 0x123);
    assert_linked(0x300000, 0x100123, 0);
    assert_linked((uint64_t)-0x80000, 0x80123, KERNEL + 0x123);
}

/* Linked and loaded where it is moved over itself: it is where it was moved to. */
static void a_moved_kernel_is_where_it_was_moved_to(void **state)
{
    (void)state;
    const struct fake_elf made = {
        .is_64 = is_64(), .entry = 0x100000, .segment_count = 2,
        .segments = { { 1, 0x100000, 0x100000, 0x100, 0x10000 },
                      { 1, 0x110000, 0x110000, 0x100, 0x10000 } },
    };
    fake_elf(file, &made);
    assert_false(open_file());
    assert_linked(0x8000, 0x111000, 0x109000);
    assert_linked(0x8000, 0x119000, 0x111000);
    assert_linked((uint64_t)-0x8000, 0x109000, 0x111000);
}

#define BOTH(name)                                                          \
    { #name " (32)", name, with_class_32, clean_up, NULL },                 \
    { #name " (64)", name, with_class_64, clean_up, NULL }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(an_address_has_the_name_of_the_function_around_it),
        BOTH(all_addresses_are_found_in_one_pass),
        BOTH(a_label_names_what_no_function_is_around),
        BOTH(what_is_no_code_or_not_in_the_file_names_nothing),
        BOTH(a_function_at_the_end_of_the_address_space_has_its_size),
        BOTH(names_end_with_their_table_and_are_cut),
        BOTH(a_damaged_table_is_none),
        BOTH(a_table_may_reach_to_the_end_of_the_file),
        BOTH(addresses_are_linked_or_loaded_ones),
        BOTH(a_moved_kernel_is_where_it_was_moved_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
