/* SPDX-License-Identifier: MIT
 *
 * hv/linux*.c with an image made here, field by field, and with a real kernel
 * where one is at hand (BULKHEAD_TEST_KERNEL, or build/demo/vmlinuz).
 *
 * Images are copied into blocks of their exact size, so that AddressSanitizer
 * sees any read beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/linux_boot.h"
#include "hv/linux.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(2)
#define SETUP_BYTES FAKE_BZIMAGE_SETUP_BYTES
#define CODE_BYTES FAKE_BZIMAGE_CODE_BYTES
#define IMAGE_BYTES FAKE_BZIMAGE_BYTES
#define LOAD MIB(16)
#define INIT_BYTES MIB(2)

static uint8_t image[IMAGE_BYTES];

static void set(unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(image + offset, &value, bytes);
}

static int good_image(void **state)
{
    (void)state;
    fake_bzimage(image, LOAD, INIT_BYTES);
    set(0x230, MIB(2), 4);
    return 0;
}

/* What is said against it; NULL: nothing. */
static const char *complaint(const uint8_t *bytes, size_t size)
{
    static struct refusal refusal;
    struct linux_image facts;
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    memcpy(copy, bytes, size);
    bool good = linux_image_check((struct span){ size == 0 ? NULL : copy, size }, &facts,
                                  &refusal);
    free(copy);
    if (!good)
        assert_int_equal(refusal.about, ABOUT_KERNEL);
    return good ? NULL : refusal.text;
}

static void assert_says(const char *text, const char *part)
{
    if (text == NULL || strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text == NULL ? "(no complaint)" : text);
}

static void assert_good(void)
{
    const char *text = complaint(image, sizeof image);
    if (text != NULL)
        fail_msg("refused: %s", text);
}

/* ---- The image alone ---- */

static void a_good_image_is_good_and_its_facts_are_read(void **state)
{
    (void)state;
    struct linux_image facts;
    const struct span span = { image, sizeof image };
    struct refusal refusal;
    assert_true(linux_image_check(span, &facts, &refusal));
    assert_int_equal(facts.setup_bytes, SETUP_BYTES);
    assert_int_equal(facts.kernel_bytes, CODE_BYTES);
    assert_int_equal(facts.header_end, 0x26C);
    assert_int_equal(facts.protocol, 0x20F);
    assert_int_equal(facts.load_address, LOAD);
    assert_int_equal(facts.runtime_bytes, INIT_BYTES);
    assert_int_equal(facts.initrd_max, 0x7FFFFFFF);
    assert_int_equal(facts.cmdline_max, 2047);
}

static void no_truncated_image_is_accepted_or_read_beyond_its_end(void **state)
{
    (void)state;
    char offset[32];
    for (size_t size = 0; size <= sizeof image - 16; size++) {
        const char *text = complaint(image, size);
        snprintf(offset, sizeof offset, "ends at offset %zxh", size);
        assert_says(text, size < 0x206 ? "no Linux boot header" : offset);
        if (size >= 0x290)
            assert_says(text, "its kernel at 1400h");
    }
    assert_good();
}

/* The header counts in units of 16 bytes, and files are not always filled up. */
static void a_file_may_end_in_the_last_paragraph_of_the_code(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 16; missing++) {
        struct linux_image facts;
        struct refusal refusal;
        const struct span span = { image, sizeof image - missing };
        assert_null(complaint(image, sizeof image - missing));
        assert_true(linux_image_check(span, &facts, &refusal));
        assert_int_equal(facts.kernel_bytes, CODE_BYTES - missing);
    }
}

static void a_file_that_continues_behind_the_kernel_is_accepted(void **state)
{
    (void)state;
    uint8_t longer[IMAGE_BYTES + 100] = { 0 };
    memcpy(longer, image, sizeof image);
    assert_null(complaint(longer, sizeof longer));
}

static void each_fault_of_a_header_is_said_with_its_offset(void **state)
{
    static const struct { unsigned offset; uint64_t value; unsigned bytes; const char *is; }
    faults[] = {
        { 0x1FE, 0xAA54, 2, "no Linux boot header at offset 202h" },
        { 0x202, 0x53726449, 4, "no Linux boot header at offset 202h" },
        { 0x202, 0, 4, "no Linux boot header" },
        { 0x206, 0x0203, 2, "protocol 2.03 (offset 206h)" },
        { 0x206, 0, 2, "protocol 0.00" },
        { 0x211, 0xFE, 1, "zImage, loaded below 1 MiB (offset 211h)" },
        { 0x200, 0x6AEA, 2, "by offset 200h" },
        { 0x200, 0x65EB, 2, "it ends at 267h, possible is 268h to 290h" },
        { 0x200, 0x8FEB, 2, "it ends at 291h" },
        { 0x200, 0xFFEB, 2, "it ends at 301h" },
        { 0x1F4, 0, 4, "0 bytes of code, and its entry point at 512" },
        { 0x1F4, 0x20, 4, "(offset 1F4h) the kernel has 512 bytes" },
        { 0x1F4, CODE_BYTES / 16 + 1, 4, "truncated: it ends at offset 1400h, and its kernel at "
                                         "1410h" },
        { 0x1F4, UINT32_MAX, 4, "truncated" },
        { 0x1F4, (1u << 28) + CODE_BYTES / 16, 4, "truncated" }, /* 4 GiB and more */
        { 0x1F1, 0, 1, "truncated" }, /* 0 stands for 4 */
        { 0x1F1, 255, 1, "truncated" },
        { 0x258, MIB(1) - 1, 8, "wants to run at fffffh, below 1 MiB" },
        { 0x258, 0, 8, "below 1 MiB" },
        { 0x258, LOAD + KIB(4), 8, "run at 1001000h, aligned to 200000h (offset 230h)" },
        { 0x230, 0, 4, "aligned to 0h" },
        { 0x230, MIB(2) + 1, 4, "aligned to 200001h" },
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        good_image(state);
        set(faults[i].offset, faults[i].value, faults[i].bytes);
        assert_says(complaint(image, sizeof image), faults[i].is);
    }
}

static void an_unusual_header_is_accepted(void **state)
{
    static const struct { unsigned offset; uint64_t value; unsigned bytes; } unusual[] = {
        { 0x206, 0x020C, 2 }, { 0x206, 0x0300, 2 }, { 0x200, 0x66EB, 2 }, { 0x200, 0x7FEB, 2 },
        { 0x1F4, 0x21, 4 }, { 0x260, 0, 4 }, { 0x260, UINT32_MAX, 4 }, { 0x258, MIB(2), 8 },
        { 0x258, UINT64_MAX & ~(MIB(2) - 1), 8 }, { 0x236, UINT16_MAX, 2 },
    };
    for (size_t i = 0; i < sizeof unusual / sizeof unusual[0]; i++) {
        good_image(state);
        set(unusual[i].offset, unusual[i].value, unusual[i].bytes);
        assert_good();
    }
}

static void an_alignment_is_a_power_of_two(void **state)
{
    (void)state;
    set(0x258, MIB(18), 8);
    set(0x230, MIB(6), 4);
    assert_says(complaint(image, sizeof image), "aligned to 600000h");
}

static void a_kernel_takes_at_least_its_own_size(void **state)
{
    (void)state;
    struct linux_image facts;
    struct refusal refusal;
    set(0x260, CODE_BYTES - 1, 4);
    const struct span span = { image, sizeof image };
    assert_true(linux_image_check(span, &facts, &refusal));
    assert_int_equal(facts.runtime_bytes, CODE_BYTES);
}

static void a_kernel_that_cannot_move_may_run_at_any_address(void **state)
{
    (void)state;
    set(0x234, 0, 1);
    set(0x230, 0, 4);
    set(0x258, MIB(1), 8);
    assert_good();
}

static struct linux_image facts_of_the_image(void)
{
    struct linux_image facts;
    struct refusal refusal;
    const struct span span = { image, sizeof image };
    assert_true(linux_image_check(span, &facts, &refusal));
    return facts;
}

static void the_64_bit_entry_is_there_if_the_header_says_so(void **state)
{
    (void)state;
    assert_true(facts_of_the_image().entry_64);
    set(0x236, 0xFFFE, 2);
    assert_false(facts_of_the_image().entry_64);
    set(0x236, 1, 2);
    set(0x206, 0x020B, 2); /* that field does not exist yet */
    assert_false(facts_of_the_image().entry_64);
    set(0x1F4, 1, 4); /* the 32-bit entry is the first byte of the code */
    assert_good();
    set(0x1F4, 0, 4);
    assert_says(complaint(image, sizeof image), "0 bytes of code, and its entry point at 0");
}

static void fields_that_an_old_header_has_not_have_their_default(void **state)
{
    (void)state;
    set(0x214, MIB(1), 4); /* code32_start */
    set(0x206, 0x0209, 2);
    assert_int_equal(facts_of_the_image().load_address, MIB(1));
    assert_int_equal(facts_of_the_image().runtime_bytes, CODE_BYTES);
    assert_int_equal(facts_of_the_image().cmdline_max, 2047);
    set(0x206, 0x0205, 2);
    assert_int_equal(facts_of_the_image().cmdline_max, 255);
    set(0x206, 0x0204, 2);
    set(0x200, 0x2EEB, 2); /* ends at 230h */
    assert_good();
    set(0x200, 0x2DEB, 2);
    assert_says(complaint(image, sizeof image), "ends at 22fh, possible is 230h");
}

/* As the header of iPXE: its 32-bit part is no entry point. */
static void a_kernel_for_real_mode_only_is_refused(void **state)
{
    (void)state;
    set(0x206, 0x0207, 2);
    set(0x214, 0, 4);
    assert_says(complaint(image, sizeof image), "real mode only, with a BIOS");
}

/* ---- The image in a guest ---- */

static struct guest_boot boot_with(const uint8_t *initrd, size_t initrd_bytes,
                                   const char *cmdline)
{
    return (struct guest_boot){
        .kernel = { image, sizeof image }, .initrd = { initrd, initrd_bytes },
        .cmdline = cmdline, .rsdp = GPA(0xE0000),
    };
}

/* What is said against it, and about what; NULL: nothing. */
static const char *prepare_boot(uint64_t memory_bytes, const struct guest_boot *boot,
                                struct linux_plan *plan, enum refusal_about about)
{
    static struct refusal refusal;
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, memory_bytes);
    if (linux_prepare(&memory, boot, plan, &refusal))
        return NULL;
    assert_int_equal(refusal.about, about);
    return refusal.text;
}

static const char *prepare(uint64_t memory_bytes, uint64_t initrd_bytes, struct linux_plan *plan)
{
    struct guest_boot boot = boot_with(NULL, initrd_bytes, "");
    return prepare_boot(memory_bytes, &boot, plan, initrd_bytes ? ABOUT_INITRD : ABOUT_KERNEL);
}

static void a_kernel_fits_if_its_last_byte_does(void **state)
{
    (void)state;
    struct linux_plan plan;
    assert_null(prepare(LOAD + INIT_BYTES, 0, &plan));
    assert_string_equal(prepare(LOAD + INIT_BYTES - MIB(2), 0, &plan),
                        "the kernel needs 18 MiB of memory below 4 GiB to start; the guest has "
                        "16 MiB");
    set(0x260, INIT_BYTES + 1, 4);
    assert_says(prepare(LOAD + INIT_BYTES, 0, &plan), "needs 19 MiB");
}

static void a_kernel_must_run_where_the_page_tables_reach(void **state)
{
    (void)state;
    static const uint64_t addresses[] = { GIB(3) - MIB(2), GIB(3), GIB(4), GIB(6), 1ull << 52,
                                          UINT64_MAX & ~(MIB(2) - 1) };
    struct linux_plan plan;
    for (unsigned i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        set(0x258, addresses[i], 8);
        const char *text = prepare(GIB(8), 0, &plan);
        if (i == 0)
            assert_null(text);
        else
            assert_says(text, "the guest has 3 GiB");
    }
}

static void an_initrd_lies_as_high_as_it_may(void **state)
{
    (void)state;
    struct linux_plan plan;
    assert_null(prepare(MIB(64), 5000, &plan));
    assert_int_equal(plan.initrd.value, MIB(64) - 8192);
    assert_null(prepare(GIB(8), 1, &plan));
    assert_int_equal(plan.initrd.value, GIB(2) - 4096); /* initrd_addr_max */
    set(0x22C, UINT32_MAX, 4);
    assert_null(prepare(GIB(8), 4096, &plan));
    assert_int_equal(plan.initrd.value, GIB(3) - 4096);
    set(0x22C, 0x37FFFFFF, 4);
    assert_null(prepare(GIB(8), 0x20000, &plan));
    assert_int_equal(plan.initrd.value, 0x37FE0000); /* the example of boot.rst */
    assert_null(prepare(GIB(8), 0, &plan));
    assert_int_equal(plan.initrd.value, 0);
}

static void an_initrd_goes_before_the_kernel_if_there_is_no_room_behind(void **state)
{
    (void)state;
    struct linux_plan plan;
    assert_null(prepare(MIB(20), MIB(2), &plan));
    assert_int_equal(plan.initrd.value, MIB(18));
    assert_null(prepare(MIB(20), MIB(2) + 1, &plan));
    assert_int_equal(plan.initrd.value, MIB(14) - KIB(4));
    assert_null(prepare(MIB(20), MIB(15), &plan));
    assert_int_equal(plan.initrd.value, MIB(1));
    set(0x22C, MIB(12) - 1, 4);
    assert_null(prepare(MIB(20), MIB(2), &plan));
    assert_int_equal(plan.initrd.value, MIB(10));
}

static void an_initrd_without_room_is_refused_with_the_room_there_is(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { MIB(15) + 1, MIB(16), GIB(4), GIB(4) + 1, 1ull << 63,
                                      UINT64_MAX };
    struct linux_plan plan;
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_says(prepare(MIB(20), sizes[i], &plan), "there is room for 15 MiB");
    assert_says(prepare(MIB(20), MIB(16), &plan), "the initrd takes 16 MiB;");
    set(0x22C, 0, 4);
    assert_says(prepare(MIB(20), 1, &plan), "there is room for 0 bytes");
}

static void a_command_line_may_have_as_many_characters_as_the_kernel_says(void **state)
{
    (void)state;
    struct guest_boot boot = boot_with(NULL, 0, "12345");
    struct linux_plan plan;
    set(0x238, 5, 4);
    assert_null(prepare_boot(MIB(64), &boot, &plan, ABOUT_CMDLINE));
    set(0x238, 4, 4);
    assert_string_equal(prepare_boot(MIB(64), &boot, &plan, ABOUT_CMDLINE),
                        "the command line has 5 characters; the kernel takes 4");
}

static void no_command_line_outgrows_its_place(void **state)
{
    (void)state;
    static char longest[0x10000 + 1];
    struct guest_boot boot = boot_with(NULL, 0, longest);
    struct linux_plan plan;
    set(0x238, UINT32_MAX, 4);
    memset(longest, 'x', 0xFFFF);
    assert_null(prepare_boot(MIB(64), &boot, &plan, ABOUT_CMDLINE));
    longest[0xFFFF] = 'x';
    assert_says(prepare_boot(MIB(64), &boot, &plan, ABOUT_CMDLINE), "the kernel takes 65535");
}

/* ---- Loading ---- */

#define MEMORY_BYTES MIB(32)

static uint64_t guest_64(uint64_t gpa)
{
    uint64_t value;
    memcpy(&value, fake.memory + gpa, sizeof value);
    return value;
}

static uint32_t guest_32(uint64_t gpa)
{
    return (uint32_t)guest_64(gpa);
}

/* Nothing below may depend on what was in memory before. */
static void reset_memory(void)
{
    fake_reset(BASE, MEMORY_BYTES);
    memset(fake.memory, 0x5A, MEMORY_BYTES);
}

static struct entry_state load(const struct guest_boot *boot)
{
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MEMORY_BYTES);
    struct linux_plan plan;
    assert_null(prepare_boot(MEMORY_BYTES, boot, &plan, ABOUT_KERNEL));
    return linux_load(&memory, boot, &plan);
}

static void everything_is_where_the_boot_parameters_say(void **state)
{
    (void)state;
    static const uint8_t initrd[5000] = { 1, 2, 3, [4999] = 9 };
    struct guest_boot boot = boot_with(initrd, sizeof initrd, "console=ttyS0");
    reset_memory();
    struct entry_state entry = load(&boot);
    uint64_t zero_page = entry.rsi.value;

    assert_int_equal(entry.rip.value, LOAD + 0x200);
    assert_memory_equal(fake.memory + LOAD, image + SETUP_BYTES, CODE_BYTES);
    assert_int_equal(fake.memory[LOAD + CODE_BYTES], 0x5A);
    assert_int_equal(guest_32(zero_page + 0x21C), sizeof initrd);
    assert_memory_equal(fake.memory + guest_32(zero_page + 0x218), initrd, sizeof initrd);
    assert_string_equal((char *)fake.memory + guest_32(zero_page + 0x228), "console=ttyS0");
    assert_int_equal(guest_64(zero_page + 0x70), 0xE0000);
    assert_int_equal(guest_32(zero_page + 0x214), LOAD);
    assert_int_equal(fake.memory[zero_page + 0x210], 0xFF);
    assert_int_equal(fake.memory[zero_page + 0x211], 1);
    assert_int_equal(guest_32(zero_page + 0x1FA) & 0xFFFF, 0xFFFF);
}

static void a_kernel_without_the_64_bit_entry_begins_in_32_bit_mode(void **state)
{
    (void)state;
    struct guest_boot boot = boot_with(NULL, 0, "");
    reset_memory();
    struct entry_state entry = load(&boot);
    assert_int_equal(entry.mode, ENTRY_LONG);
    set(0x236, 0, 2);
    entry = load(&boot);
    assert_int_equal(entry.mode, ENTRY_PROTECTED);
    assert_int_equal(entry.rip.value, LOAD);
    assert_int_equal(guest_32(entry.rsi.value + 0x202), 0x53726448);
    assert_int_equal(guest_64(entry.gdt_base.value + 0x10) >> 52 & 0xF, 0xC); /* 32-bit code */
    assert_int_equal(entry.rax | entry.rbx | entry.rdx, 0);
}

static void the_setup_header_is_copied_up_to_its_end_and_no_further(void **state)
{
    (void)state;
    memset(image + 0x26C, 0xEE, 64);
    struct guest_boot boot = boot_with(NULL, 0, "");
    reset_memory();
    uint64_t zero_page = load(&boot).rsi.value;
    assert_int_equal(guest_64(zero_page + 0x258), LOAD);
    assert_int_equal(guest_32(zero_page + 0x202), 0x53726448);
    for (uint64_t at = 0x26C; at < 0x2D0; at++)
        assert_int_equal(fake.memory[zero_page + at], 0);
    assert_int_equal(fake.memory[zero_page + 0x1EF], 0); /* sentinel */
    assert_int_equal(guest_32(zero_page + 0x218), 0);    /* no initrd */
    assert_int_equal(guest_32(zero_page + 0x21C), 0);
}

static void the_memory_map_is_that_of_the_guest(void **state)
{
    (void)state;
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MEMORY_BYTES);
    struct e820_entry expected[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(&memory, expected);
    struct guest_boot boot = boot_with(NULL, 0, "");
    reset_memory();
    uint64_t zero_page = load(&boot).rsi.value;
    assert_int_equal(fake.memory[zero_page + 0x1E8], count);
    assert_memory_equal(fake.memory + zero_page + 0x2D0, expected, count * 20);
}

static void the_page_tables_map_4_gib_to_themselves_and_nothing_else(void **state)
{
    (void)state;
    struct guest_boot boot = boot_with(NULL, 0, "");
    reset_memory();
    uint64_t pml4 = load(&boot).cr3.value;
    assert_int_equal(guest_64(pml4) & 0xFFF, 3);
    uint64_t pdpt = guest_64(pml4) & ~0xFFFull;
    for (unsigned i = 1; i < 512; i++)
        assert_int_equal(guest_64(pml4 + 8 * i), 0);
    for (unsigned i = 4; i < 512; i++)
        assert_int_equal(guest_64(pdpt + 8 * i), 0);
    for (uint64_t gpa = 0; gpa < GIB(4); gpa += MIB(2)) {
        uint64_t directory = guest_64(pdpt + gpa / GIB(1) * 8);
        assert_int_equal(directory & 0xFFF, 3);
        assert_int_equal(guest_64((directory & ~0xFFFull) + gpa / MIB(2) % 512 * 8), gpa | 0x83);
    }
}

static void the_descriptors_are_those_of_the_protocol(void **state)
{
    (void)state;
    struct guest_boot boot = boot_with(NULL, 0, "");
    reset_memory();
    struct entry_state entry = load(&boot);
    assert_int_equal(entry.gdt_limit, 0x1F);
    uint64_t code = guest_64(entry.gdt_base.value + 0x10);
    uint64_t data = guest_64(entry.gdt_base.value + 0x18);
    assert_int_equal(guest_64(entry.gdt_base.value), 0);
    assert_int_equal(code >> 40 & 0xFF, 0x9B); /* present, code, readable, accessed */
    assert_int_equal(code >> 52 & 0xF, 0xA);   /* 4 KiB units, 64-bit */
    assert_int_equal(data >> 40 & 0xFF, 0x93); /* present, data, writable, accessed */
    assert_int_equal(data >> 52 & 0xF, 0xC);   /* 4 KiB units, 32-bit */
    assert_int_equal(code & 0xFFFF, 0xFFFF);
    assert_int_equal(data & 0xFFFF, 0xFFFF);
}

/* The list in linux.c: whatever changed lies in one of its places. */
static bool is_ours(uint64_t gpa, uint64_t initrd)
{
    return (gpa >= 0x7000 && gpa < 0x20000) || (gpa >= LOAD && gpa < LOAD + CODE_BYTES) ||
           gpa >= initrd;
}

static void nothing_else_is_written(void **state)
{
    (void)state;
    static const uint8_t initrd[100] = { 1 };
    struct guest_boot boot = boot_with(initrd, sizeof initrd, "x");
    reset_memory();
    struct entry_state entry = load(&boot);
    uint64_t at = guest_32(entry.rsi.value + 0x218);
    for (uint64_t gpa = 0; gpa < MEMORY_BYTES; gpa++)
        if (fake.memory[gpa] != 0x5A && !is_ours(gpa, at))
            fail_msg("byte at %llx was written", (unsigned long long)gpa);
}

static void a_refused_kernel_writes_nothing(void **state)
{
    (void)state;
    struct guest_boot boot = boot_with(image, MIB(30), "x");
    struct linux_plan plan;
    fake_reset(BASE, MEMORY_BYTES);
    assert_non_null(prepare_boot(MEMORY_BYTES, &boot, &plan, ABOUT_INITRD));
    for (uint64_t gpa = 0; gpa < MEMORY_BYTES; gpa++)
        if (fake.memory[gpa] != 0)
            fail();
}

static void a_restart_finds_the_same_memory_as_the_first_start(void **state)
{
    (void)state;
    static const uint8_t initrd[5000] = { 7 };
    struct guest_boot boot = boot_with(initrd, sizeof initrd, "console=ttyS0");
    uint8_t *first = malloc(MEMORY_BYTES);
    fake_reset(BASE, MEMORY_BYTES);
    struct entry_state entry = load(&boot);
    memcpy(first, fake.memory, MEMORY_BYTES);
    memset(fake.memory, 0, MEMORY_BYTES);
    struct entry_state again = load(&boot);
    assert_memory_equal(&entry, &again, offsetof(struct entry_state, gdt_limit));
    assert_int_equal(entry.gdt_limit, again.gdt_limit);
    assert_int_equal(memcmp(first, fake.memory, MEMORY_BYTES), 0);
    free(first);
}

/* ---- A real kernel ---- */

static uint8_t *read_file(size_t *size)
{
    const char *named = getenv("BULKHEAD_TEST_KERNEL");
    FILE *file = fopen(named != NULL ? named : "build/demo/vmlinuz", "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void a_kernel_of_debian_can_be_started(void **state)
{
    (void)state;
    struct guest_boot boot = { .cmdline = "console=ttyS0", .rsdp = GPA(0xE0000) };
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MIB(256));
    struct linux_plan plan;
    uint8_t *kernel = read_file(&boot.kernel.size);
    if (kernel == NULL) {
        print_message("no kernel: set BULKHEAD_TEST_KERNEL or make the demo first\n");
        skip();
    }
    boot.kernel.bytes = kernel;
    boot.initrd = boot.kernel;
    assert_null(prepare_boot(memory.bytes, &boot, &plan, ABOUT_KERNEL));
    print_message("%zu bytes, protocol %x, at %llx, takes %llx, initrd at %llx\n",
                  boot.kernel.size, plan.image.protocol,
                  (unsigned long long)plan.image.load_address,
                  (unsigned long long)plan.image.runtime_bytes,
                  (unsigned long long)plan.initrd.value);
    fake_reset(BASE, memory.bytes);
    struct entry_state entry = linux_load(&memory, &boot, &plan);
    assert_memory_equal(fake.memory + entry.rip.value,
                        kernel + plan.image.setup_bytes + 0x200, 4096);
    for (size_t size = 0; size < 0x4000; size++)
        assert_non_null(complaint(kernel, size));
    free(kernel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_good_image_is_good_and_its_facts_are_read, good_image),
        cmocka_unit_test_setup(no_truncated_image_is_accepted_or_read_beyond_its_end, good_image),
        cmocka_unit_test_setup(a_file_may_end_in_the_last_paragraph_of_the_code, good_image),
        cmocka_unit_test_setup(a_file_that_continues_behind_the_kernel_is_accepted, good_image),
        cmocka_unit_test_setup(each_fault_of_a_header_is_said_with_its_offset, good_image),
        cmocka_unit_test_setup(an_unusual_header_is_accepted, good_image),
        cmocka_unit_test_setup(an_alignment_is_a_power_of_two, good_image),
        cmocka_unit_test_setup(a_kernel_takes_at_least_its_own_size, good_image),
        cmocka_unit_test_setup(a_kernel_that_cannot_move_may_run_at_any_address, good_image),
        cmocka_unit_test_setup(the_64_bit_entry_is_there_if_the_header_says_so, good_image),
        cmocka_unit_test_setup(fields_that_an_old_header_has_not_have_their_default, good_image),
        cmocka_unit_test_setup(a_kernel_for_real_mode_only_is_refused, good_image),
        cmocka_unit_test_setup(a_kernel_fits_if_its_last_byte_does, good_image),
        cmocka_unit_test_setup(a_kernel_must_run_where_the_page_tables_reach, good_image),
        cmocka_unit_test_setup(an_initrd_lies_as_high_as_it_may, good_image),
        cmocka_unit_test_setup(an_initrd_goes_before_the_kernel_if_there_is_no_room_behind,
                               good_image),
        cmocka_unit_test_setup(an_initrd_without_room_is_refused_with_the_room_there_is,
                               good_image),
        cmocka_unit_test_setup(a_command_line_may_have_as_many_characters_as_the_kernel_says,
                               good_image),
        cmocka_unit_test_setup(no_command_line_outgrows_its_place, good_image),
        cmocka_unit_test_setup(everything_is_where_the_boot_parameters_say, good_image),
        cmocka_unit_test_setup(a_kernel_without_the_64_bit_entry_begins_in_32_bit_mode,
                               good_image),
        cmocka_unit_test_setup(the_setup_header_is_copied_up_to_its_end_and_no_further, good_image),
        cmocka_unit_test_setup(the_memory_map_is_that_of_the_guest, good_image),
        cmocka_unit_test_setup(the_page_tables_map_4_gib_to_themselves_and_nothing_else,
                               good_image),
        cmocka_unit_test_setup(the_descriptors_are_those_of_the_protocol, good_image),
        cmocka_unit_test_setup(nothing_else_is_written, good_image),
        cmocka_unit_test_setup(a_refused_kernel_writes_nothing, good_image),
        cmocka_unit_test_setup(a_restart_finds_the_same_memory_as_the_first_start, good_image),
        cmocka_unit_test_setup(a_kernel_of_debian_can_be_started, good_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
