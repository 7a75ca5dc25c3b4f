/* SPDX-License-Identifier: MIT
 *
 * boot/multiboot2.c on structures made here tag by tag. Every structure is
 * handed over in a heap block of exactly its size, so that the sanitizer sees
 * the first byte read outside it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "boot/multiboot2.h"

#define INFO_BYTES_MAX 16384

static uint8_t info[INFO_BYTES_MAX];
static size_t info_bytes;
static struct boot_info result;

static void put(const void *bytes, size_t count)
{
    assert_true(info_bytes + count <= sizeof info);
    memcpy(info + info_bytes, bytes, count);
    info_bytes += count;
}

static void put_32(uint32_t value)
{
    put(&value, sizeof value);
}

static void put_64(uint64_t value)
{
    put(&value, sizeof value);
}

static void begin(void)
{
    memset(info, 0, sizeof info);
    info_bytes = 8;
}

static size_t tag_begin(uint32_t type)
{
    info_bytes = (info_bytes + 7) / 8 * 8;
    size_t at = info_bytes;
    put_32(type);
    put_32(0);
    return at;
}

static void tag_end(size_t at)
{
    uint32_t size = (uint32_t)(info_bytes - at);
    memcpy(info + at + 4, &size, sizeof size);
}

static void set_32(size_t at, uint32_t value)
{
    memcpy(info + at, &value, sizeof value);
}

static void end(void)
{
    tag_end(tag_begin(MULTIBOOT2_TAG_END));
    set_32(0, (uint32_t)info_bytes);
}

static void add_text(uint32_t type, const char *text)
{
    size_t tag = tag_begin(type);
    put(text, strlen(text) + 1);
    tag_end(tag);
}

static void add_module(uint32_t start, uint32_t stop, const char *text)
{
    size_t tag = tag_begin(MULTIBOOT2_TAG_MODULE);
    put_32(start);
    put_32(stop);
    put(text, strlen(text) + 1);
    tag_end(tag);
}

static size_t map_begin(uint32_t entry_bytes)
{
    size_t tag = tag_begin(MULTIBOOT2_TAG_MEMORY_MAP);
    put_32(entry_bytes);
    put_32(0);
    return tag;
}

static void add_entry(uint64_t base, uint64_t bytes, uint32_t type)
{
    put_64(base);
    put_64(bytes);
    put_32(type);
    put_32(0);
}

static void add_framebuffer(void)
{
    size_t tag = tag_begin(MULTIBOOT2_TAG_FRAMEBUFFER);
    put_64(0xFD000000);
    put_32(1024 * 4);
    put_32(1024);
    put_32(768);
    put("\x20\x01\0\0", 4);
    put("\x10\x08\x08\x07\x00\x06", 6);
    tag_end(tag);
}

static void add_rsdp(uint32_t type, const char *signature, size_t bytes)
{
    uint8_t rsdp[64] = { 0 };
    memcpy(rsdp, signature, 8);
    size_t tag = tag_begin(type);
    put(rsdp, bytes);
    tag_end(tag);
}

/* One of each kind. */
static void build_all(void)
{
    begin();
    add_text(MULTIBOOT2_TAG_LOADER_NAME, "GRUB 2.06");
    add_text(MULTIBOOT2_TAG_COMMAND_LINE, "log=debug");
    add_module(0x1000000, 0x1000123, "bulkhead.toml");
    add_module(0x2000000, 0x2800000, "linux root=/dev/ram");
    add_module(0x3000000, 0x3000000, "");
    size_t map = map_begin(24);
    add_entry(0, 0x9FC00, MEMORY_USABLE);
    add_entry(0x9FC00, 0x400, MEMORY_RESERVED);
    add_entry(0x100000, 0x7EE0000, MEMORY_USABLE);
    add_entry(0x7FE0000, 0x20000, 3);
    add_entry(0xFFFC0000, 0x40000, 0x1234);
    tag_end(map);
    add_framebuffer();
    size_t efi = tag_begin(MULTIBOOT2_TAG_EFI64_SYSTEM_TABLE);
    put_64(0x7654321000);
    tag_end(efi);
    add_rsdp(MULTIBOOT2_TAG_ACPI_OLD, "RSD OLD ", 20);
    add_rsdp(MULTIBOOT2_TAG_ACPI_NEW, "RSD NEW ", 36);
    tag_end(tag_begin(MULTIBOOT2_TAG_EFI_BOOT_SERVICES));
    size_t unknown = tag_begin(4711);
    put("\xFF\xFF\xFF", 3);
    tag_end(unknown);
    end();
}

static enum multiboot2_status parse_bytes(size_t size)
{
    uint8_t *exact = malloc(size > 0 ? size : 1);
    memcpy(exact, info, size);
    memset(&result, 0xA5, sizeof result);
    enum multiboot2_status status = multiboot2_parse(exact, size, &result);
    free(exact);
    return status;
}

static enum multiboot2_status parse(void)
{
    return parse_bytes(info_bytes);
}

static void every_kind_of_tag_is_understood(void **state)
{
    (void)state;
    build_all();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.total_bytes, info_bytes);
    assert_int_equal(result.error_offset, 0);
    assert_string_equal(result.loader_name, "GRUB 2.06");
    assert_string_equal(result.command_line, "log=debug");

    assert_int_equal(result.module_count, 3);
    assert_string_equal(result.modules[0].name, "bulkhead.toml");
    assert_int_equal(result.modules[0].start.value, 0x1000000);
    assert_int_equal(result.modules[0].end.value, 0x1000123);
    assert_string_equal(result.modules[1].name, "linux");
    assert_string_equal(result.modules[2].name, "");

    assert_int_equal(result.memory_count, 5);
    assert_int_equal(result.memory[2].base.value, 0x100000);
    assert_int_equal(result.memory[2].bytes, 0x7EE0000);
    assert_int_equal(result.memory[2].type, MEMORY_USABLE);
    assert_int_equal(result.memory[4].type, 0x1234);

    assert_true(result.efi);
    assert_true(result.efi_boot_services);
    assert_int_equal(result.efi_system_table.value, 0x7654321000);
}

static void a_framebuffer_keeps_its_geometry_and_colors(void **state)
{
    (void)state;
    build_all();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    const struct boot_framebuffer *framebuffer = &result.framebuffer;
    assert_true(framebuffer->present);
    assert_int_equal(framebuffer->address.value, 0xFD000000);
    assert_int_equal(framebuffer->pitch_bytes, 4096);
    assert_int_equal(framebuffer->width, 1024);
    assert_int_equal(framebuffer->height, 768);
    assert_int_equal(framebuffer->bits_per_pixel, 32);
    assert_int_equal(framebuffer->type, MULTIBOOT2_FRAMEBUFFER_RGB);
    assert_int_equal(framebuffer->red.position, 16);
    assert_int_equal(framebuffer->green.bits, 7);
    assert_int_equal(framebuffer->green.position, 8);
    assert_int_equal(framebuffer->blue.position, 0);
    assert_int_equal(framebuffer->blue.bits, 6);
}

static void the_new_rsdp_wins_in_either_order(void **state)
{
    (void)state;
    for (unsigned new_first = 0; new_first < 2; new_first++) {
        begin();
        if (new_first)
            add_rsdp(MULTIBOOT2_TAG_ACPI_NEW, "RSD NEW ", 36);
        add_rsdp(MULTIBOOT2_TAG_ACPI_OLD, "RSD OLD ", 20);
        if (!new_first)
            add_rsdp(MULTIBOOT2_TAG_ACPI_NEW, "RSD NEW ", 36);
        end();
        assert_int_equal(parse(), MULTIBOOT2_OK);
        assert_int_equal(result.rsdp.version, 2);
        assert_int_equal(result.rsdp.size, 36);
        assert_memory_equal(result.rsdp.bytes, "RSD NEW ", 8);
    }
}

static void an_old_rsdp_alone_is_twenty_bytes(void **state)
{
    (void)state;
    begin();
    add_rsdp(MULTIBOOT2_TAG_ACPI_OLD, "RSD OLD ", 24);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.rsdp.version, 1);
    assert_int_equal(result.rsdp.size, 20);
}

static void a_structure_with_only_an_end_tag_is_empty(void **state)
{
    (void)state;
    begin();
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.module_count, 0);
    assert_int_equal(result.memory_count, 0);
    assert_int_equal(result.rsdp.size, 0);
    assert_false(result.framebuffer.present);
    assert_false(result.efi);
    assert_string_equal(result.command_line, "");
}

static void a_span_cut_at_any_length_is_an_error(void **state)
{
    (void)state;
    build_all();
    for (size_t size = 0; size < info_bytes; size++)
        assert_int_equal(parse_bytes(size), MULTIBOOT2_TOTAL_SIZE);
}

static void a_structure_that_ends_anywhere_early_is_an_error(void **state)
{
    (void)state;
    build_all();
    size_t whole = info_bytes;
    for (size_t size = 8; size < whole; size++) {
        set_32(0, (uint32_t)size);
        enum multiboot2_status status = parse_bytes(size);
        assert_true(status == MULTIBOOT2_NO_END || status == MULTIBOOT2_TAG_SIZE);
        assert_in_range(result.error_offset, 8, size + 7);
    }
}

static void a_total_size_below_its_own_header_is_an_error(void **state)
{
    (void)state;
    build_all();
    for (uint32_t size = 0; size < 8; size++) {
        set_32(0, size);
        assert_int_equal(parse(), MULTIBOOT2_TOTAL_SIZE);
    }
}

static void every_size_that_any_tag_could_claim_stays_inside(void **state)
{
    (void)state;
    build_all();
    size_t tag = 8;
    uint32_t size;
    do {
        memcpy(&size, info + tag + 4, sizeof size);
        for (uint32_t claimed = 0; claimed < info_bytes + 64; claimed++) {
            set_32(tag + 4, claimed);
            enum multiboot2_status status = parse();
            assert_true(claimed >= 8 || status != MULTIBOOT2_OK);
        }
        set_32(tag + 4, UINT32_MAX);
        assert_int_equal(parse(), MULTIBOOT2_TAG_SIZE);
        assert_int_equal(result.error_offset, tag);
        set_32(tag + 4, size);
        tag += (size + 7) / 8 * 8;
    } while (tag < info_bytes);
}

static void a_tag_too_short_for_its_kind_is_an_error(void **state)
{
    (void)state;
    static const struct { uint32_t type, least; } kinds[] = {
        { MULTIBOOT2_TAG_MODULE, 17 },            { MULTIBOOT2_TAG_MEMORY_MAP, 16 },
        { MULTIBOOT2_TAG_FRAMEBUFFER, 30 },       { MULTIBOOT2_TAG_EFI32_SYSTEM_TABLE, 12 },
        { MULTIBOOT2_TAG_EFI64_SYSTEM_TABLE, 16 }, { MULTIBOOT2_TAG_ACPI_OLD, 28 },
        { MULTIBOOT2_TAG_ACPI_NEW, 44 },          { MULTIBOOT2_TAG_COMMAND_LINE, 9 },
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (uint32_t size = 8; size < 64; size++) {
            begin();
            size_t tag = tag_begin(kinds[i].type);
            info_bytes += size - 8;
            tag_end(tag);
            end();
            enum multiboot2_status status = parse();
            assert_int_equal(status == MULTIBOOT2_TAG_SIZE || status == MULTIBOOT2_UNTERMINATED,
                             size < kinds[i].least);
        }
}

static void an_rgb_framebuffer_needs_its_colors(void **state)
{
    (void)state;
    for (uint32_t size = 30; size < 39; size++) {
        begin();
        size_t tag = tag_begin(MULTIBOOT2_TAG_FRAMEBUFFER);
        info[tag + MULTIBOOT2_FRAMEBUFFER_TYPE] = MULTIBOOT2_FRAMEBUFFER_RGB;
        info_bytes = tag + size;
        tag_end(tag);
        end();
        assert_int_equal(parse(), size < 38 ? MULTIBOOT2_TAG_SIZE : MULTIBOOT2_OK);
        assert_int_equal(result.framebuffer.present, size >= 38);
    }
}

static void what_precedes_an_error_is_kept(void **state)
{
    (void)state;
    begin();
    add_framebuffer();
    size_t broken = tag_begin(MULTIBOOT2_TAG_ACPI_OLD);
    put_32(0);
    tag_end(broken);
    end();
    assert_int_equal(parse(), MULTIBOOT2_TAG_SIZE);
    assert_int_equal(result.error_offset, broken);
    assert_true(result.framebuffer.present);
}

static void a_string_without_end_is_an_error(void **state)
{
    (void)state;
    const uint32_t types[] = { MULTIBOOT2_TAG_COMMAND_LINE, MULTIBOOT2_TAG_LOADER_NAME,
                               MULTIBOOT2_TAG_MODULE };
    for (unsigned i = 0; i < 3; i++) {
        begin();
        size_t tag = tag_begin(types[i]);
        put("\0\0\0\0\x01\0\0\0abcdefg", 15);
        if (types[i] != MULTIBOOT2_TAG_MODULE)
            memset(info + tag + 8, 'x', 15);
        tag_end(tag);
        end();
        assert_int_equal(parse(), MULTIBOOT2_UNTERMINATED);
        assert_int_equal(result.error_offset, tag);
    }
}

static void a_long_command_line_is_cut_and_says_so(void **state)
{
    (void)state;
    char text[BOOT_TEXT_MAX + 1];
    memset(text, 'x', sizeof text);
    text[BOOT_TEXT_MAX] = '\0';
    begin();
    add_text(MULTIBOOT2_TAG_COMMAND_LINE, text);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_true(result.command_line_cut);
    assert_int_equal(strlen(result.command_line), BOOT_TEXT_MAX - 1);

    begin();
    add_text(MULTIBOOT2_TAG_COMMAND_LINE, text + 1);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_false(result.command_line_cut);
}

static void a_module_name_that_just_fits_is_whole(void **state)
{
    (void)state;
    char text[BOOT_MODULE_NAME_MAX + 8];
    memset(text, 'n', sizeof text);
    strcpy(text + BOOT_MODULE_NAME_MAX - 1, " rest");
    begin();
    add_module(0, 1, text);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(strlen(result.modules[0].name), BOOT_MODULE_NAME_MAX - 1);
    assert_false(result.modules[0].name_cut);

    text[BOOT_MODULE_NAME_MAX - 1] = 'n';
    begin();
    add_module(0, 1, text);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(strlen(result.modules[0].name), BOOT_MODULE_NAME_MAX - 1);
    assert_true(result.modules[0].name_cut);
}

static void a_module_that_ends_before_it_starts_is_an_error(void **state)
{
    (void)state;
    begin();
    add_module(2, 1, "backwards");
    end();
    assert_int_equal(parse(), MULTIBOOT2_MODULE_RANGE);
    assert_int_equal(result.module_count, 0);
}

static void modules_beyond_the_limit_are_counted(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < BOOT_MODULES_MAX + 3; i++)
        add_module(i, i + 1, "m");
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.module_count, BOOT_MODULES_MAX);
    assert_int_equal(result.modules_ignored, 3);
    assert_int_equal(result.modules[BOOT_MODULES_MAX - 1].start.value, BOOT_MODULES_MAX - 1);
}

static void entries_larger_than_known_are_stepped_over(void **state)
{
    (void)state;
    begin();
    size_t map = map_begin(32);
    add_entry(0x100000, 0x1000, MEMORY_USABLE);
    put_64(UINT64_MAX);
    add_entry(0x200000, 0x2000, MEMORY_RESERVED);
    put_64(UINT64_MAX);
    tag_end(map);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.memory_count, 2);
    assert_int_equal(result.memory[1].base.value, 0x200000);
    assert_int_equal(result.memory[1].bytes, 0x2000);
}

static void memory_entries_of_impossible_size_are_an_error(void **state)
{
    (void)state;
    const uint32_t sizes[] = { 0, 1, 23, 25, 47, 49, UINT32_MAX };
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        begin();
        size_t map = map_begin(sizes[i]);
        add_entry(0, 1, MEMORY_USABLE);
        add_entry(1, 1, MEMORY_RESERVED);
        tag_end(map);
        end();
        assert_int_equal(parse(), MULTIBOOT2_ENTRY_SIZE);
    }
}

static void neighbours_of_one_type_become_one_entry(void **state)
{
    (void)state;
    begin();
    size_t map = map_begin(24);
    add_entry(0x1000, 0x1000, MEMORY_USABLE);
    add_entry(0x2000, 0x1000, MEMORY_USABLE);
    add_entry(0x9000, 0, MEMORY_RESERVED);
    add_entry(0x3000, 0x1000, MEMORY_USABLE);
    add_entry(0x4000, 0x1000, MEMORY_RESERVED);
    add_entry(0x5000, UINT64_MAX, MEMORY_RESERVED);
    tag_end(map);
    end();
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.memory_count, 3);
    assert_int_equal(result.memory[0].bytes, 0x3000);
    assert_int_equal(result.memory[1].bytes, 0x1000);
    assert_int_equal(result.memory[2].bytes, UINT64_MAX);
}

static void build_full_map(uint32_t type_of_the_last)
{
    begin();
    size_t map = map_begin(24);
    for (unsigned i = 0; i < BOOT_MEMORY_RANGES_MAX; i++)
        add_entry(0x10000 * (uint64_t)i, 0x1000, MEMORY_USABLE);
    add_entry(0x10000000, 0x1000, type_of_the_last);
    tag_end(map);
    end();
}

static void a_usable_range_too_many_is_lost_but_an_unusable_one_is_an_error(void **state)
{
    (void)state;
    build_full_map(MEMORY_USABLE);
    assert_int_equal(parse(), MULTIBOOT2_OK);
    assert_int_equal(result.memory_count, BOOT_MEMORY_RANGES_MAX);
    assert_int_equal(result.memory_ignored, 1);

    build_full_map(MEMORY_RESERVED);
    assert_int_equal(parse(), MULTIBOOT2_MEMORY_RANGES);
}

static void every_status_has_a_text(void **state)
{
    (void)state;
    for (int status = MULTIBOOT2_OK; status <= MULTIBOOT2_MEMORY_RANGES; status++)
        assert_string_not_equal(multiboot2_status_text((enum multiboot2_status)status),
                                "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_tag_is_understood),
        cmocka_unit_test(a_framebuffer_keeps_its_geometry_and_colors),
        cmocka_unit_test(the_new_rsdp_wins_in_either_order),
        cmocka_unit_test(an_old_rsdp_alone_is_twenty_bytes),
        cmocka_unit_test(a_structure_with_only_an_end_tag_is_empty),
        cmocka_unit_test(a_span_cut_at_any_length_is_an_error),
        cmocka_unit_test(a_structure_that_ends_anywhere_early_is_an_error),
        cmocka_unit_test(a_total_size_below_its_own_header_is_an_error),
        cmocka_unit_test(every_size_that_any_tag_could_claim_stays_inside),
        cmocka_unit_test(a_tag_too_short_for_its_kind_is_an_error),
        cmocka_unit_test(an_rgb_framebuffer_needs_its_colors),
        cmocka_unit_test(what_precedes_an_error_is_kept),
        cmocka_unit_test(a_string_without_end_is_an_error),
        cmocka_unit_test(a_long_command_line_is_cut_and_says_so),
        cmocka_unit_test(a_module_name_that_just_fits_is_whole),
        cmocka_unit_test(a_module_that_ends_before_it_starts_is_an_error),
        cmocka_unit_test(modules_beyond_the_limit_are_counted),
        cmocka_unit_test(entries_larger_than_known_are_stepped_over),
        cmocka_unit_test(memory_entries_of_impossible_size_are_an_error),
        cmocka_unit_test(neighbours_of_one_type_become_one_entry),
        cmocka_unit_test(a_usable_range_too_many_is_lost_but_an_unusable_one_is_an_error),
        cmocka_unit_test(every_status_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
