/* SPDX-License-Identifier: MIT
 *
 * libFuzzer target: any bytes as a kernel of any kind. Input: a byte of choices,
 * the kind, the sizes of two modules in 16 KiB, then either a file, or what is
 * to differ from a good ELF file: pairs of an offset of two bytes and a byte.
 * Whatever is not refused is loaded, and the fake machine stops at any access
 * outside the guest's memory.
 */
#include <stdlib.h>
#include <string.h>

#include "hv/check.h"
#include "hv/entry_tables.h"
#include "hv/guest_kind.h"
#include "tests/fake/images.h"
#include "tests/fake/machine.h"

#define BASE GIB(1)
#define MEMORY_MAX MIB(8)
#define CHOOSE_MEMORY 0x03
#define CHOOSE_64 0x04
#define CHOOSE_SECTIONS 0x08
#define CHOOSE_MOVED_HEADER 0x10
#define CHOOSE_GOOD 0x80
#define PREFIX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const enum guest_kind kinds[] = {
    GUEST_KIND_ANY, GUEST_KIND_LINUX, GUEST_KIND_MULTIBOOT2, GUEST_KIND_MULTIBOOT,
    GUEST_KIND_PVH, GUEST_KIND_FLAT,
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static uint8_t module_bytes[256 * 16384];

/* Information, a console, a place; the second and third are optional. */
static const uint32_t multiboot2_tags[] = {
    1, 16, 4, 6, 0x10004, 12, 0, 0, 0x1000A, 24, 0, UINT32_MAX, 4096, 0,
};

/* The PVH entry point: owner of 4 bytes, value of 4 bytes, type 18. */
static const uint32_t note[] = { 4, 4, 18, 0x6E6558, 0x100100 };

static void put_good(uint8_t *file, uint8_t choices, const uint8_t *differs, size_t size)
{
    const struct fake_elf elf = {
        .is_64 = choices & CHOOSE_64, .has_sections = choices & CHOOSE_SECTIONS,
        .entry = 0xC0000100, .segment_count = 2,
        .segments = { { 1, 0xC0000000, MIB(1), 0x400, 0x3000 },
                      { 4, 0, 0, 0x40, 0x40 } },
    };
    fake_elf(file, &elf);
    fake_multiboot1_header(file + (choices & CHOOSE_MOVED_HEADER ? 0x200 : 0x1040), 3);
    fake_multiboot2_header(file + 0x300, multiboot2_tags, sizeof multiboot2_tags);
    memcpy(file + fake_elf_segment_at(1), note, sizeof note);
    for (size_t i = 0; i + 3 <= size; i += 3)
        file[(differs[i] | differs[i + 1] << 8) % FAKE_ELF_BYTES] ^= differs[i + 2];
}

/* ---- What every plan keeps to ---- */

static void check_apart(const struct guest_memory *memory, uint64_t a, uint64_t a_bytes, uint64_t b,
                        uint64_t b_bytes)
{
    hpa_t hpa;

    CHECK(guest_memory_translate(memory, GPA(a), a_bytes, &hpa) || a_bytes == 0);
    CHECK(a >= GUEST_BIOS_AREA_END || a + a_bytes <= GUEST_BIOS_AREA);
    CHECK(a + a_bytes <= b || b + b_bytes <= a);
}

/* The kernel apart from all the rest; the rest apart from one another. */
static void check_image_plan(const struct guest_memory *memory, const struct guest_boot *boot,
                             const struct image_plan *plan)
{
    uint64_t tables = plan->mode == ENTRY_REAL ? IMAGE_STACK_BYTES
                                               : entry_tables_bytes(plan->mode);
    const struct { uint64_t at, bytes; } parts[] = {
        { plan->modules[0].value, boot->modules[0].file.size },
        { plan->modules[1].value, boot->modules[1].file.size },
        { plan->info.value, plan->info_bytes },
        { plan->tables.value, tables },
    };

    CHECK(plan->begin < plan->end && plan->end <= guest_memory_low_end(memory));
    CHECK(plan->entry >= plan->begin && plan->entry < plan->end);
    for (unsigned i = boot->module_count ? 0 : 2; i < 4; i++) {
        check_apart(memory, parts[i].at, parts[i].bytes, plan->begin, plan->end - plan->begin);
        for (unsigned j = boot->module_count ? 0 : 2; j < i; j++)
            check_apart(memory, parts[i].at, parts[i].bytes, parts[j].at, parts[j].bytes);
    }
}

static void start(const struct guest_memory *memory, const struct guest_boot *boot)
{
    struct guest_plan plan;
    struct refusal refusal = { .text = "" };

    if (!guest_kind_prepare(memory, boot, &plan, &refusal)) {
        CHECK(refusal.text[0] != '\0' && strlen(refusal.text) < sizeof refusal.text - 1);
        return;
    }
    if (plan.kind != GUEST_KIND_LINUX)
        check_image_plan(memory, boot, &plan.image);
    fake.memory_bytes = memory->bytes;
    guest_kind_load(memory, boot, &plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < PREFIX)
        return 0;
    if (fake.memory == NULL)
        fake_reset(BASE, MEMORY_MAX);
    const struct guest_memory memory = GUEST_MEMORY_COMPACT(BASE, MIB(2) * (1 + (data[0] & CHOOSE_MEMORY)));
    bool good = data[0] & CHOOSE_GOOD;
    size_t file_bytes = good ? FAKE_ELF_BYTES : size - PREFIX;
    uint8_t *file = malloc(file_bytes + 1);
    if (good)
        put_good(file, data[0], data + PREFIX, size - PREFIX);
    else
        memcpy(file, data + PREFIX, file_bytes);
    file = realloc(file, file_bytes ? file_bytes : 1); /* its exact size */
    const struct guest_boot boot = {
        .kind = kinds[data[1] % KINDS],
        .flat = { data[2] * 4096u, data[2] * 4096u + data[3], data[3] % 3 },
        .kernel = { file, file_bytes },
        .cmdline = data[1] & 0x40 ? "console=ttyS0" : "",
        .module_count = data[1] & 0x80 ? 2 : 0,
        .modules = { { { module_bytes, data[2] * 16384u }, "one of two" },
                     { { module_bytes, data[3] * 16384u }, "" } },
        .rsdp = GPA(GUEST_BIOS_AREA),
    };
    start(&memory, &boot);
    free(file);
    return 0;
}
