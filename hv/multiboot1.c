/* SPDX-License-Identifier: MIT
 *
 * See multiboot1.h. The information structure begins with the fields of fixed
 * place; behind them lies all that they point to.
 */
#include "hv/multiboot1.h"

#include "arch/spec/multiboot1.h"
#include "hv/bytes.h"
#include "hv/check.h"
#include "hv/image_sections.h"
#include "hv/version.h"

/* ---- The header ---- */

/* Its offset; false: there is none. */
static bool find_header(struct span kernel, uint64_t *offset)
{
    for (uint64_t at = 0; at + MULTIBOOT1_HEADER_BYTES_MIN <= MULTIBOOT1_SEARCH_BYTES &&
                          span_has(kernel, at, MULTIBOOT1_HEADER_BYTES_MIN);
         at += MULTIBOOT1_HEADER_ALIGN) {
        const uint8_t *header = kernel.bytes + at;
        uint32_t magic = little_32(header + MULTIBOOT1_MAGIC);

        *offset = at;
        if (magic == MULTIBOOT1_HEADER_MAGIC &&
            magic + little_32(header + MULTIBOOT1_FLAGS) +
                little_32(header + MULTIBOOT1_CHECKSUM) == 0)
            return true;
    }
    return false;
}

bool multiboot1_is(struct span kernel)
{
    uint64_t offset;

    return find_header(kernel, &offset);
}

/* "3.1.3 The address fields of Multiboot header": one piece, whatever else the
 * file is. */
static bool from_addresses(struct span kernel, uint64_t offset, struct image_plan *plan,
                           struct refusal *refusal)
{
    const uint8_t *header = kernel.bytes + offset;

    if (!span_has(kernel, offset, MULTIBOOT1_ADDRESSES_END))
        return refuse_truncated(refusal, kernel.size, ", in the Multiboot header that begins at "
                                "%llxh", (unsigned long long)offset);
    const struct image_addresses addresses = {
        .header_offset = offset,
        .header = little_32(header + MULTIBOOT1_HEADER_ADDR),
        .load = little_32(header + MULTIBOOT1_LOAD_ADDR),
        .load_end = little_32(header + MULTIBOOT1_LOAD_END_ADDR),
        .bss_end = little_32(header + MULTIBOOT1_BSS_END_ADDR),
        .entry = little_32(header + MULTIBOOT1_ENTRY_ADDR),
    };
    return image_from_addresses(kernel, &addresses, plan, refusal);
}

static bool from_header(struct span kernel, struct image_plan *plan, struct refusal *refusal)
{
    uint64_t offset;

    if (!find_header(kernel, &offset))
        return refuse(refusal, "the file has no Multiboot header in its first %u bytes",
                      MULTIBOOT1_SEARCH_BYTES);
    uint32_t flags = little_32(kernel.bytes + offset + MULTIBOOT1_FLAGS);
    if (flags & MULTIBOOT1_UNKNOWN_REQUIREMENTS)
        return refuse(refusal, "the Multiboot header at offset %llxh requires what Bulkhead does "
                      "not know: flags %xh", (unsigned long long)offset,
                      flags & MULTIBOOT1_UNKNOWN_REQUIREMENTS);
    if (flags & MULTIBOOT1_ADDRESSES)
        return from_addresses(kernel, offset, plan, refusal);
    return image_from_elf(kernel, plan, refusal);
}

/* ---- The information structure ---- */

static void write_modules(struct guest_writer *writer, const struct guest_boot *boot,
                          const struct image_plan *plan, uint32_t info[])
{
    uint64_t strings[GUEST_MODULES_MAX];

    if (boot->module_count == 0)
        return;
    for (unsigned i = 0; i < boot->module_count; i++)
        strings[i] = writer_string(writer, boot->modules[i].string);
    writer_align(writer, 4);
    info[MULTIBOOT1_INFO_FLAGS] |= MULTIBOOT1_HAS_MODS;
    info[MULTIBOOT1_INFO_MODS_COUNT] = boot->module_count;
    info[MULTIBOOT1_INFO_MODS_ADDR] = (uint32_t)writer->at;
    for (unsigned i = 0; i < boot->module_count; i++) {
        uint64_t begin = plan->modules[i].value;
        writer_32(writer, (uint32_t)begin);
        writer_32(writer, (uint32_t)(begin + boot->modules[i].file.size));
        writer_32(writer, (uint32_t)strings[i]);
        writer_32(writer, 0);
    }
}

static void write_memory(struct guest_writer *writer, const struct guest_memory *memory,
                         uint32_t info[])
{
    struct e820_entry entries[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(memory, entries);

    writer_align(writer, 4);
    info[MULTIBOOT1_INFO_FLAGS] |= MULTIBOOT1_HAS_MEMORY | MULTIBOOT1_HAS_MMAP;
    info[MULTIBOOT1_INFO_MEM_LOWER] = IMAGE_LOWER_KIB;
    info[MULTIBOOT1_INFO_MEM_UPPER] = image_upper_kib(memory);
    info[MULTIBOOT1_INFO_MMAP_ADDR] = (uint32_t)writer->at;
    for (unsigned i = 0; i < count; i++) {
        writer_32(writer, MULTIBOOT1_MMAP_ENTRY_SIZE);
        writer_bytes(writer, &entries[i], MULTIBOOT1_MMAP_ENTRY_SIZE);
    }
    info[MULTIBOOT1_INFO_MMAP_LENGTH] = (uint32_t)writer->at - info[MULTIBOOT1_INFO_MMAP_ADDR];
}

static void write_sections(struct guest_writer *writer, const struct image_plan *plan,
                           uint32_t info[])
{
    if (plan->elf.section_count == 0)
        return;
    writer_align(writer, 8);
    info[MULTIBOOT1_INFO_FLAGS] |= MULTIBOOT1_HAS_SECTIONS;
    info[MULTIBOOT1_INFO_SECTIONS_NUM] = plan->elf.section_count;
    info[MULTIBOOT1_INFO_SECTIONS_SIZE] = plan->elf.section_size;
    info[MULTIBOOT1_INFO_SECTIONS_NAMES] = plan->elf.section_names;
    info[MULTIBOOT1_INFO_SECTIONS_ADDR] = (uint32_t)image_sections_write(writer, plan);
}

static void write_info(struct guest_writer *writer, const struct guest_memory *memory,
                       const struct guest_boot *boot, const struct image_plan *plan)
{
    uint32_t info[MULTIBOOT1_INFO_WORDS] = {
        [MULTIBOOT1_INFO_FLAGS] = MULTIBOOT1_HAS_CMDLINE | MULTIBOOT1_HAS_LOADER_NAME,
    };
    uint64_t at = writer_skip(writer, sizeof info);

    info[MULTIBOOT1_INFO_CMDLINE] = (uint32_t)writer_string(writer, boot->cmdline);
    info[MULTIBOOT1_INFO_LOADER_NAME] =
        (uint32_t)writer_string(writer, "Bulkhead " BULKHEAD_VERSION);
    write_modules(writer, boot, plan, info);
    write_memory(writer, memory, info);
    write_sections(writer, plan, info);
    writer_put(writer, at, info, sizeof info);
}

/* ---- Prepare and load ---- */

bool multiboot1_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct image_plan *plan, struct refusal *refusal)
{
    struct guest_writer counter = { .memory = NULL };

    if (!from_header(boot->kernel, plan, refusal))
        return false;
    write_info(&counter, memory, boot, plan);
    return image_place(memory, boot, counter.at, plan, refusal);
}

struct entry_state multiboot1_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct image_plan *plan)
{
    struct guest_writer writer = { .memory = memory, .at = plan->info.value };
    struct entry_state entry = image_load(memory, boot, plan);

    write_info(&writer, memory, boot, plan);
    CHECK(writer.at == plan->info.value + plan->info_bytes);
    entry.rax = MULTIBOOT1_LOADER_MAGIC;
    entry.rbx = plan->info.value;
    return entry;
}
