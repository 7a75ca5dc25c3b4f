/* SPDX-License-Identifier: MIT
 *
 * See multiboot2.h. Multiboot2 Specification 2.0, "3.3 I386 machine state", "3.6
 * Boot information format".
 */
#include "hv/multiboot2.h"

#include "arch/spec/acpi_tables.h"
#include "arch/spec/multiboot2.h"
#include "hv/bytes.h"
#include "hv/check.h"
#include "hv/image_sections.h"
#include "hv/multiboot2_header.h"
#include "hv/text.h"
#include "hv/version.h"

/* ---- From the header to a plan ---- */

static bool from_addresses(struct span kernel, const struct multiboot2_header *header,
                           struct image_plan *plan, struct refusal *refusal)
{
    const uint8_t *tag = kernel.bytes + header->address_tag;
    struct image_addresses addresses = {
        .header_offset = header->offset,
        .header = little_32(tag + MULTIBOOT2_ADDRESS_HEADER),
        .load = little_32(tag + MULTIBOOT2_ADDRESS_LOAD),
        .load_end = little_32(tag + MULTIBOOT2_ADDRESS_LOAD_END),
        .bss_end = little_32(tag + MULTIBOOT2_ADDRESS_BSS_END),
    };

    if (header->entry_tag == 0)
        return refuse(refusal, "the Multiboot2 header has an address tag at offset %llxh, and no "
                      "tag for the entry point", (unsigned long long)header->address_tag);
    if (addresses.load == MULTIBOOT2_LOAD_FROM_START)
        addresses.load = addresses.header - (uint32_t)header->offset;
    addresses.entry = little_32(kernel.bytes + header->entry_tag + MULTIBOOT2_ENTRY_ADDRESS);
    return image_from_addresses(kernel, &addresses, plan, refusal);
}

static bool from_elf(struct span kernel, const struct multiboot2_header *header,
                     struct image_plan *plan, struct refusal *refusal)
{
    if (!image_from_elf(kernel, plan, refusal))
        return false;
    if (header->entry_tag == 0)
        return true;
    plan->entry = little_32(kernel.bytes + header->entry_tag + MULTIBOOT2_ENTRY_ADDRESS);
    return (plan->entry >= plan->begin && plan->entry < plan->end) ||
           refuse(refusal, "the entry point %llxh (Multiboot2 header tag at offset %llxh) lies "
                  "outside of the kernel", (unsigned long long)plan->entry,
                  (unsigned long long)header->entry_tag);
}

static bool lies_in(const struct image_plan *plan, const struct image_range *range,
                    const struct guest_memory *memory)
{
    return plan->begin >= range->begin && plan->end - 1 <= range->last &&
           plan->begin % range->alignment == 0 && plan->begin >= guest_memory_low_begin(memory) && plan->end <= guest_memory_low_end(memory);
}

/* Without a preference it stays where it was linked, if that is allowed. */
static bool relocate(const struct guest_memory *memory, struct span kernel, uint64_t offset,
                     struct image_plan *plan, struct refusal *refusal)
{
    const uint8_t *tag = kernel.bytes + offset;
    uint32_t preference = little_32(tag + MULTIBOOT2_RELOCATABLE_PREFERENCE);
    uint32_t alignment = little_32(tag + MULTIBOOT2_RELOCATABLE_ALIGN);
    const struct image_range range = {
        .begin = little_32(tag + MULTIBOOT2_RELOCATABLE_MIN),
        .last = little_32(tag + MULTIBOOT2_RELOCATABLE_MAX),
        .alignment = alignment != 0 ? alignment : 1,
        .highest = preference == MULTIBOOT2_PREFER_HIGHEST,
    };

    if ((alignment & (alignment - 1)) != 0)
        return refuse(refusal, "the tag at offset %llxh of the Multiboot2 header is damaged: an "
                      "alignment of %xh", (unsigned long long)offset, alignment);
    if (preference == 0 && lies_in(plan, &range, memory))
        return true;
    return image_move(memory, &range, plan, refusal);
}

static bool from_header(const struct guest_memory *memory, struct span kernel,
                        struct image_plan *plan, struct refusal *refusal)
{
    struct multiboot2_header header;

    if (!multiboot2_read_header(kernel, &header, refusal))
        return false;
    bool good = header.address_tag != 0 ? from_addresses(kernel, &header, plan, refusal)
                                        : from_elf(kernel, &header, plan, refusal);
    if (!good)
        return false;
    plan->tell_base = header.relocatable_tag != 0;
    return !plan->tell_base ||
           relocate(memory, kernel, header.relocatable_tag, plan, refusal);
}

/* ---- The information structure ---- */

/* "3.6.1 Boot information format": each tag begins at a multiple of 8. */
static void begin_tag(struct guest_writer *writer, enum multiboot2_tag type, uint64_t content)
{
    writer_align(writer, MULTIBOOT2_ALIGNMENT);
    writer_32(writer, type);
    writer_32(writer, (uint32_t)(MULTIBOOT2_TAG_HEADER_BYTES + content));
}

static void write_text(struct guest_writer *writer, enum multiboot2_tag type, const char *text)
{
    begin_tag(writer, type, strlen(text) + 1);
    writer_string(writer, text);
}

static void write_modules(struct guest_writer *writer, const struct guest_boot *boot,
                          const struct image_plan *plan)
{
    for (unsigned i = 0; i < boot->module_count; i++) {
        const struct guest_module *module = &boot->modules[i];
        uint64_t begin = plan->modules[i].value;

        begin_tag(writer, MULTIBOOT2_TAG_MODULE, 8 + strlen(module->string) + 1);
        writer_32(writer, (uint32_t)begin);
        writer_32(writer, (uint32_t)(begin + module->file.size));
        writer_string(writer, module->string);
    }
}

static void write_memory(struct guest_writer *writer, const struct guest_memory *memory)
{
    struct e820_entry entries[GUEST_MEMORY_E820_MAX];
    unsigned count = guest_memory_e820(memory, entries);

    begin_tag(writer, MULTIBOOT2_TAG_BASIC_MEMORY, 8);
    writer_32(writer, IMAGE_LOWER_KIB);
    writer_32(writer, image_upper_kib(memory));

    begin_tag(writer, MULTIBOOT2_TAG_MEMORY_MAP, 8 + count * MULTIBOOT2_ENTRY_BYTES_MIN);
    writer_32(writer, MULTIBOOT2_ENTRY_BYTES_MIN);
    writer_32(writer, 0); /* version */
    for (unsigned i = 0; i < count; i++) {
        writer_bytes(writer, &entries[i], sizeof entries[i]);
        writer_32(writer, 0);
    }
}

static void write_sections(struct guest_writer *writer, const struct image_plan *plan)
{
    const struct elf *elf = &plan->elf;

    if (elf->section_count == 0)
        return;
    begin_tag(writer, MULTIBOOT2_TAG_ELF_SECTIONS,
              12 + (uint64_t)elf->section_count * elf->section_size);
    writer_32(writer, elf->section_count);
    writer_32(writer, elf->section_size);
    writer_32(writer, elf->section_names);
    image_sections_write(writer, plan);
}

/* Copies; the original is in the BIOS area, too. */
static void write_rsdp(struct guest_writer *writer, gpa_t at)
{
    uint8_t rsdp[sizeof(struct acpi_rsdp)] = { 0 };

    if (at.value == 0)
        return;
    if (writer->memory != NULL)
        CHECK(guest_memory_read(writer->memory, rsdp, at, sizeof rsdp));
    begin_tag(writer, MULTIBOOT2_TAG_ACPI_OLD, ACPI_RSDP_BYTES_1_0);
    writer_bytes(writer, rsdp, ACPI_RSDP_BYTES_1_0);
    begin_tag(writer, MULTIBOOT2_TAG_ACPI_NEW, sizeof rsdp);
    writer_bytes(writer, rsdp, sizeof rsdp);
}

static void write_base(struct guest_writer *writer, const struct image_plan *plan)
{
    if (!plan->tell_base)
        return;
    begin_tag(writer, MULTIBOOT2_TAG_LOAD_BASE, 4);
    writer_32(writer, (uint32_t)plan->begin);
}

static void write_info(struct guest_writer *writer, const struct guest_memory *memory,
                       const struct guest_boot *boot, const struct image_plan *plan)
{
    uint64_t begin = writer_skip(writer, MULTIBOOT2_INFO_HEADER_BYTES);

    write_text(writer, MULTIBOOT2_TAG_COMMAND_LINE, boot->cmdline);
    write_text(writer, MULTIBOOT2_TAG_LOADER_NAME, "Bulkhead " BULKHEAD_VERSION);
    write_modules(writer, boot, plan);
    write_memory(writer, memory);
    write_sections(writer, plan);
    write_rsdp(writer, boot->rsdp);
    write_base(writer, plan);
    begin_tag(writer, MULTIBOOT2_TAG_END, 0);

    const uint32_t header[2] = { (uint32_t)(writer->at - begin) };
    writer_put(writer, begin, header, sizeof header);
}

/* ---- Prepare and load ---- */

bool multiboot2_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct image_plan *plan, struct refusal *refusal)
{
    struct guest_writer counter = { .memory = NULL };

    if (!from_header(memory, boot->kernel, plan, refusal))
        return false;
    write_info(&counter, memory, boot, plan);
    return image_place(memory, boot, counter.at, plan, refusal);
}

struct entry_state multiboot2_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct image_plan *plan)
{
    struct guest_writer writer = { .memory = memory, .at = plan->info.value };
    struct entry_state entry = image_load(memory, boot, plan);

    write_info(&writer, memory, boot, plan);
    CHECK(writer.at == plan->info.value + plan->info_bytes);
    entry.rax = MULTIBOOT2_LOADER_MAGIC;
    entry.rbx = plan->info.value;
    return entry;
}
