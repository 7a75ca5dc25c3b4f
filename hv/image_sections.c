/* SPDX-License-Identifier: MIT
 *
 * See image_sections.h.
 */
#include "hv/image_sections.h"

#include "arch/spec/elf.h"
#include "hv/guest_put.h"

/* Where a section is put, counted from plan->sections. */
struct placed {
    struct elf_section section;
    uint64_t offset;
    uint64_t end; /* and where the next one may begin */
};

static uint64_t alignment(const struct elf_section *section)
{
    uint64_t wanted = section->alignment;
    bool good = wanted != 0 && (wanted & (wanted - 1)) == 0 && wanted <= PAGE_SIZE_4K;

    return good ? wanted : 1;
}

/* False: it has its address, or nothing is in it. */
static bool place(const struct elf *elf, uint32_t index, uint64_t begin, struct placed *placed)
{
    struct elf_section section = elf_section(elf, index);

    placed->section = section;
    placed->offset = align_up(begin, alignment(&section));
    placed->end = placed->offset + section.bytes;
    return section.address == 0 && section.bytes != 0 && section.type != ELF_SHT_NULL &&
           section.type != ELF_SHT_NOBITS;
}

bool image_sections_check(const struct image_plan *plan, uint64_t *bytes,
                          struct refusal *refusal)
{
    const struct elf *elf = &plan->elf;
    struct placed placed;

    *bytes = 0;
    for (uint32_t i = 0; plan->is_elf && i < elf->section_count; i++) {
        if (!place(elf, i, *bytes, &placed))
            continue;
        if (!span_has(elf->file, placed.section.offset, placed.section.bytes))
            return refuse_truncated(refusal, elf->file.size, "; section %u wants %llxh bytes from "
                                    "%llxh on", i, (unsigned long long)placed.section.bytes,
                                    (unsigned long long)placed.section.offset);
        *bytes = placed.end;
    }
    return true;
}

void image_sections_load(const struct guest_memory *memory, const struct image_plan *plan)
{
    const struct elf *elf = &plan->elf;
    struct placed placed = { .end = 0 };
    uint64_t end = 0;

    for (uint32_t i = 0; i < elf->section_count; i++) {
        if (!place(elf, i, end, &placed))
            continue;
        guest_put(memory, plan->sections.value + placed.offset,
                  elf->file.bytes + placed.section.offset, placed.section.bytes);
        end = placed.end;
    }
}

uint64_t image_sections_write(struct guest_writer *writer, const struct image_plan *plan)
{
    const struct elf *elf = &plan->elf;
    uint64_t headers = writer_bytes(writer, elf->file.bytes + elf->sections_at,
                                    (size_t)elf->section_count * elf->section_size);
    uint32_t address_at = elf_section_address_offset(elf);
    struct placed placed;
    uint64_t end = 0;

    for (uint32_t i = 0; i < elf->section_count; i++) {
        if (!place(elf, i, end, &placed))
            continue;
        uint64_t address = plan->sections.value + placed.offset;
        writer_put(writer, headers + (uint64_t)i * elf->section_size + address_at, &address,
                   elf_address_bytes(elf));
        end = placed.end;
    }
    return headers;
}
