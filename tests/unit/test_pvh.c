/* SPDX-License-Identifier: MIT
 *
 * hv/pvh.c: the entry note, and the start info that a kernel then finds, by the
 * offsets of Xen's start_info.h. Also with a real kernel where one is at hand:
 * BULKHEAD_TEST_VMLINUX.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/pvh.h"
#include "tests/fake/kernel.h"

#define NOTE_AT fake_elf_segment_at(1)

static void put_note(uint32_t type, uint32_t bytes, uint64_t entry)
{
    set(NOTE_AT, 4, 4);
    set(NOTE_AT + 4, bytes, 4);
    set(NOTE_AT + 8, type, 4);
    memcpy(file + NOTE_AT + 12, "Xen", 4);
    set(NOTE_AT + 16, entry, 8);
}

static void make(bool is_64)
{
    const struct fake_elf elf = {
        .is_64 = is_64, .has_sections = true, .entry = 0x12345678, .segment_count = 2,
        .segments = { { 1, 0xC1000000, MIB(2), 0x400, 0x3000 }, { 4, 0, 0, 0x18, 0x18 } },
    };
    fake_elf(file, &elf);
    put_note(18, 4, MIB(2) + 0x20);
}

static int set_up(void **state)
{
    static uint8_t first[5000], second[3];
    (void)state;
    memset(first, 0x11, sizeof first);
    make(true);
    file_bytes = FAKE_ELF_BYTES;
    boot = (struct guest_boot){
        .kind = GUEST_KIND_PVH, .cmdline = "console=ttyS0", .module_count = 2,
        .modules = { { { first, sizeof first }, "first of two" },
                     { { second, sizeof second }, "" } },
        .rsdp = GPA(0xE0000),
    };
    return 0;
}

static void the_entry_point_is_that_of_the_note(void **state)
{
    (void)state;
    for (unsigned is_64 = 0; is_64 < 2; is_64++) {
        make(is_64);
        struct entry_state entry = load();
        assert_int_equal(entry.mode, ENTRY_PROTECTED);
        assert_int_equal(entry.rip.value, MIB(2) + 0x20);
        assert_int_equal(entry.rbx, plan.image.info.value);
        assert_int_equal(entry.rax, 0);
        assert_memory_equal(fake.memory + MIB(2), file + fake_elf_segment_at(0), 0x400);
        for (unsigned i = 0x400; i < 0x3000; i++)
            assert_int_equal(fake.memory[MIB(2) + i], 0);
    }
    put_note(18, 8, MIB(2) + 0x30);
    assert_int_equal(load().rip.value, MIB(2) + 0x30);
}

static void a_file_without_that_note_is_refused(void **state)
{
    (void)state;
    put_note(17, 4, MIB(2));
    assert_says(prepare(MEMORY_BYTES), "no Multiboot or Multiboot2 header and no PVH entry note");
    put_note(18, 3, MIB(2));
    assert_says(prepare(MEMORY_BYTES), "PVH entry note is damaged: it has 3 bytes");
    put_note(18, 4, MIB(2) - 1);
    assert_says(prepare(MEMORY_BYTES), "entry point 1fffffh of the PVH note lies outside of the "
                                       "kernel, which lies from 200000h to 203000h");
    put_note(18, 8, GIB(4) + MIB(2));
    assert_says(prepare(MEMORY_BYTES), "entry point 100200000h");
}

static void the_start_info_is_of_version_1(void **state)
{
    (void)state;
    uint64_t info = load().rbx;
    assert_int_not_equal(info, 0);
    assert_int_equal(guest_32(info), 0x336EC578);
    assert_int_equal(guest_32(info + 4), 1);
    assert_int_equal(guest_32(info + 8), 0);
    assert_string_equal(guest_text(guest_64(info + 24)), "console=ttyS0");
    assert_int_equal(guest_64(info + 32), 0xE0000);
    assert_int_equal(guest_32(info + 52), 0);
}

static void modules_are_listed(void **state)
{
    (void)state;
    uint64_t info = load().rbx, list = guest_64(info + 16);
    assert_int_equal(guest_32(info + 12), 2);
    assert_int_equal(list % 8, 0);
    assert_int_equal(guest_64(list), MIB(2) + 0x3000);
    assert_int_equal(guest_64(list + 8), 5000);
    assert_string_equal(guest_text(guest_64(list + 16)), "first of two");
    assert_int_equal(guest_64(list + 24), 0);
    assert_int_equal(guest_64(list + 32), MIB(2) + 0x5000);
    assert_int_equal(guest_64(list + 40), 3);
    assert_string_equal(guest_text(guest_64(list + 48)), "");
    for (unsigned i = 0; i < 5000; i++)
        assert_int_equal(fake.memory[MIB(2) + 0x3000 + i], 0x11);
    boot.module_count = 0;
    info = load().rbx;
    assert_int_equal(guest_32(info + 12), 0);
    assert_int_equal(guest_64(info + 16), 0);
}

static void the_memory_map_is_that_of_the_guest(void **state)
{
    (void)state;
    struct e820_entry expected[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(&memory, expected);
    uint64_t info = load().rbx, map = guest_64(info + 40);
    assert_int_equal(guest_32(info + 48), count);
    assert_int_equal(map % 8, 0);
    for (unsigned i = 0; i < count; i++, map += 24) {
        assert_memory_equal(fake.memory + map, &expected[i], 20);
        assert_int_equal(guest_32(map + 20), 0);
    }
}

static void sections_are_not_looked_at(void **state)
{
    (void)state;
    set(FAKE_ELF_SECTIONS_AT + 2 * 64 + 32, MIB(100), 8);
    assert_good();
}

static void no_truncated_file_is_accepted_or_read_beyond_its_end(void **state)
{
    (void)state;
    for (file_bytes = 0; file_bytes < FAKE_ELF_SECTIONS_AT + 4 * 64; file_bytes++)
        assert_non_null(prepare(MEMORY_BYTES));
    assert_null(prepare(MEMORY_BYTES));
}

static void a_restart_finds_the_same_memory_as_the_first_start(void **state)
{
    (void)state;
    assert_restarts();
}

static void a_kernel_of_debian_can_be_started(void **state)
{
    const char *name = getenv("BULKHEAD_TEST_VMLINUX");
    FILE *stream = name != NULL ? fopen(name, "rb") : NULL;
    const struct guest_memory large = GUEST_MEMORY_COMPACT(BASE, MIB(256));
    (void)state;
    if (stream == NULL) {
        print_message("no kernel: set BULKHEAD_TEST_VMLINUX\n");
        skip();
    }
    fseek(stream, 0, SEEK_END);
    boot.kernel.size = (size_t)ftell(stream);
    rewind(stream);
    copy = malloc(boot.kernel.size);
    assert_int_equal(fread(copy, 1, boot.kernel.size, stream), boot.kernel.size);
    fclose(stream);
    boot.kernel.bytes = copy;
    boot.kind = GUEST_KIND_ANY;
    if (!guest_kind_prepare(&large, &boot, &plan, &refusal))
        fail_msg("refused: %s", refusal.text);
    assert_int_equal(plan.kind, GUEST_KIND_PVH);
    print_message("entry at %llx, kernel from %llx to %llx\n", (unsigned long long)plan.image.entry,
                  (unsigned long long)plan.image.begin, (unsigned long long)plan.image.end);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_entry_point_is_that_of_the_note),
        TEST(a_file_without_that_note_is_refused),
        TEST(the_start_info_is_of_version_1),
        TEST(modules_are_listed),
        TEST(the_memory_map_is_that_of_the_guest),
        TEST(sections_are_not_looked_at),
        TEST(no_truncated_file_is_accepted_or_read_beyond_its_end),
        TEST(a_restart_finds_the_same_memory_as_the_first_start),
        TEST(a_kernel_of_debian_can_be_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
