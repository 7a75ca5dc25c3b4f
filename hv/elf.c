/* SPDX-License-Identifier: MIT
 *
 * See elf.h. The two classes differ in offsets and in the size of an address,
 * which are rows of data.
 */
#include "hv/elf.h"

#include "arch/spec/elf.h"
#include "hv/bytes.h"
#include "hv/guest_put.h"
#include "hv/text.h"

struct elf_layout {
    uint8_t address_bytes;
    uint8_t machine;
    uint8_t header_bytes;
    uint8_t phoff, phentsize, phnum, shoff, shentsize, shnum, shstrndx;
    uint8_t program_header_bytes;
    uint8_t p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
    uint8_t section_header_bytes;
    uint8_t sh_addr, sh_offset, sh_size, sh_addralign, sh_link, sh_entsize;
};

static const struct elf_layout layout_32 = {
    4, ELF_MACHINE_386, ELF32_HEADER_BYTES,
    ELF32_PHOFF, ELF32_PHENTSIZE, ELF32_PHNUM, ELF32_SHOFF, ELF32_SHENTSIZE, ELF32_SHNUM,
    ELF32_SHSTRNDX, ELF32_PROGRAM_HEADER_BYTES,
    ELF32_P_OFFSET, ELF32_P_VADDR, ELF32_P_PADDR, ELF32_P_FILESZ, ELF32_P_MEMSZ, ELF32_P_ALIGN,
    ELF32_SECTION_HEADER_BYTES, ELF32_SH_ADDR, ELF32_SH_OFFSET, ELF32_SH_SIZE, ELF32_SH_ADDRALIGN,
    ELF32_SH_LINK, ELF32_SH_ENTSIZE,
};

static const struct elf_layout layout_64 = {
    8, ELF_MACHINE_X86_64, ELF64_HEADER_BYTES,
    ELF64_PHOFF, ELF64_PHENTSIZE, ELF64_PHNUM, ELF64_SHOFF, ELF64_SHENTSIZE, ELF64_SHNUM,
    ELF64_SHSTRNDX, ELF64_PROGRAM_HEADER_BYTES,
    ELF64_P_OFFSET, ELF64_P_VADDR, ELF64_P_PADDR, ELF64_P_FILESZ, ELF64_P_MEMSZ, ELF64_P_ALIGN,
    ELF64_SECTION_HEADER_BYTES, ELF64_SH_ADDR, ELF64_SH_OFFSET, ELF64_SH_SIZE, ELF64_SH_ADDRALIGN,
    ELF64_SH_LINK, ELF64_SH_ENTSIZE,
};

/* ---- The file's header ---- */

/* Offsets, sizes and addresses have the class' width. */
static uint64_t word(const struct elf_layout *layout, const uint8_t *at)
{
    return layout->address_bytes == 8 ? little_64(at) : little_32(at);
}

bool elf_is(struct span file)
{
    return span_has(file, ELF_MAGIC, 4) && little_32(file.bytes + ELF_MAGIC) == ELF_MAGIC_VALUE;
}

/* Sets the layout; after it, the header is there and of a kind that we know. */
static bool check_header(struct elf *elf, struct refusal *refusal)
{
    const uint8_t *bytes = elf->file.bytes;

    if (!elf_is(elf->file))
        return refuse(refusal, "the file is no ELF file: it does not begin with 7F \"ELF\"");
    if (!span_has(elf->file, 0, ELF64_HEADER_BYTES))
        return refuse_truncated(refusal, elf->file.size, ", in its ELF header");
    elf->layout = bytes[ELF_CLASS] == ELF_CLASS_64 ? &layout_64 : &layout_32;
    if (bytes[ELF_CLASS] != ELF_CLASS_32 && bytes[ELF_CLASS] != ELF_CLASS_64)
        return refuse(refusal, "the ELF file is of neither 32 nor 64 bits (class %u at offset 4)",
                      bytes[ELF_CLASS]);
    if (bytes[ELF_DATA] != ELF_DATA_LITTLE ||
        little_16(bytes + ELF_MACHINE) != elf->layout->machine)
        return refuse(refusal, "the ELF file is for another processor (machine %u at offset 12h)",
                      little_16(bytes + ELF_MACHINE));
    if (little_16(bytes + ELF_TYPE) != ELF_TYPE_EXEC && little_16(bytes + ELF_TYPE) != ELF_TYPE_DYN)
        return refuse(refusal, "the ELF file is not linked (type %u at offset 10h)",
                      little_16(bytes + ELF_TYPE));
    return true;
}

static void read_header(struct elf *elf)
{
    const struct elf_layout *layout = elf->layout;
    const uint8_t *bytes = elf->file.bytes;

    elf->entry = word(layout, bytes + ELF_ENTRY);
    elf->segments_at = word(layout, bytes + layout->phoff);
    elf->segment_count = little_16(bytes + layout->phnum);
    elf->segment_size = little_16(bytes + layout->phentsize);
    elf->sections_at = word(layout, bytes + layout->shoff);
    elf->section_count = elf->sections_at == 0 ? 0 : little_16(bytes + layout->shnum);
    elf->section_size = little_16(bytes + layout->shentsize);
    elf->section_names = little_16(bytes + layout->shstrndx);
}

/* `entries` of `size` bytes, which should be at least `size_min`. */
static bool check_table(const struct elf *elf, const char *name, uint64_t at, uint32_t entries,
                        uint32_t size, uint32_t size_min, struct refusal *refusal)
{
    if (entries > 0 && size < size_min)
        return refuse(refusal, "the ELF header is damaged: a %s header has %u bytes, not %u", name,
                      size, size_min);
    if (!span_has(elf->file, at, (uint64_t)entries * size))
        return refuse_truncated(refusal, elf->file.size, ", and its %u %s headers begin at %llxh",
                                entries, name, (unsigned long long)at);
    return true;
}

bool elf_open(struct span file, struct elf *elf, struct refusal *refusal)
{
    *elf = (struct elf){ .file = file };
    if (!check_header(elf, refusal))
        return false;
    read_header(elf);
    if (elf->segment_count > ELF_SEGMENTS_MAX)
        return refuse(refusal, "the ELF file has %u program headers; %u are possible",
                      elf->segment_count, ELF_SEGMENTS_MAX);
    return check_table(elf, "program", elf->segments_at, elf->segment_count, elf->segment_size,
                       elf->layout->program_header_bytes, refusal) &&
           check_table(elf, "section", elf->sections_at, elf->section_count, elf->section_size,
                       elf->layout->section_header_bytes, refusal);
}

/* ---- Segments ---- */

static uint64_t segment_at(const struct elf *elf, uint32_t index)
{
    return elf->segments_at + (uint64_t)index * elf->segment_size;
}

struct elf_segment elf_segment(const struct elf *elf, uint32_t index)
{
    const struct elf_layout *layout = elf->layout;
    const uint8_t *at = elf->file.bytes + segment_at(elf, index);

    return (struct elf_segment){
        .type = little_32(at + ELF_P_TYPE),
        .offset = word(layout, at + layout->p_offset),
        .file_bytes = word(layout, at + layout->p_filesz),
        .virtual = word(layout, at + layout->p_vaddr),
        .physical = word(layout, at + layout->p_paddr),
        .memory_bytes = word(layout, at + layout->p_memsz),
        .alignment = word(layout, at + layout->p_align),
    };
}

bool elf_is_loaded(const struct elf_segment *segment)
{
    return segment->type == ELF_PT_LOAD && segment->memory_bytes > 0;
}

static bool check_segment(const struct elf *elf, uint32_t index, const struct elf_segment *segment,
                          struct refusal *refusal)
{
    unsigned long long at = segment_at(elf, index), begin = segment->physical;

    if (segment->file_bytes > segment->memory_bytes)
        return refuse(refusal, "the program header at offset %llxh is damaged: %llxh bytes in the "
                      "file, %llxh in memory", at, (unsigned long long)segment->file_bytes,
                      (unsigned long long)segment->memory_bytes);
    if (!span_has(elf->file, segment->offset, segment->file_bytes))
        return refuse_truncated(refusal, elf->file.size, "; the program header at %llxh wants "
                                "%llxh bytes from %llxh on", at,
                                (unsigned long long)segment->file_bytes,
                                (unsigned long long)segment->offset);
    if (begin >= GIB(4) || segment->memory_bytes > GIB(4) - begin)
        return refuse(refusal, "the program header at offset %llxh has physical address %llxh and "
                      "%llxh bytes; a kernel is loaded below 4 GiB", at, begin,
                      (unsigned long long)segment->memory_bytes);
    return true;
}

bool elf_check_segments(const struct elf *elf, uint64_t *begin, uint64_t *end,
                        struct refusal *refusal)
{
    *begin = UINT64_MAX;
    *end = 0;
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);

        if (!elf_is_loaded(&segment))
            continue;
        if (!check_segment(elf, i, &segment, refusal))
            return false;
        if (segment.physical < *begin)
            *begin = segment.physical;
        if (segment.physical + segment.memory_bytes > *end)
            *end = segment.physical + segment.memory_bytes;
    }
    if (*end == 0)
        return refuse(refusal, "the ELF file has nothing to load: no PT_LOAD among its %u program "
                      "headers", elf->segment_count);
    return true;
}

static bool has(uint64_t base, uint64_t bytes, uint64_t address)
{
    return address >= base && address - base < bytes;
}

bool elf_entry(const struct elf *elf, uint64_t *physical, struct refusal *refusal)
{
    bool found = false;

    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);

        if (!elf_is_loaded(&segment))
            continue;
        if (has(segment.virtual, segment.memory_bytes, elf->entry)) {
            *physical = elf->entry - segment.virtual + segment.physical;
            return true;
        }
        found = found || has(segment.physical, segment.memory_bytes, elf->entry);
    }
    *physical = elf->entry;
    return found || refuse(refusal, "the entry point %llxh (offset 18h) lies in no segment of the "
                           "ELF file", (unsigned long long)elf->entry);
}

bool elf_linked_address(const struct elf *elf, uint64_t moved, uint64_t address,
                        uint64_t *linked)
{
    bool found = false;

    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);

        if (!elf_is_loaded(&segment))
            continue;
        if (has(segment.physical + moved, segment.memory_bytes, address)) {
            *linked = address - moved - segment.physical + segment.virtual;
            return true;
        }
        if (has(segment.virtual, segment.memory_bytes, address)) {
            *linked = address;
            found = true;
        }
    }
    return found;
}

void elf_load(const struct elf *elf, const struct guest_memory *memory, uint64_t moved)
{
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);
        uint64_t to = segment.physical + moved;

        if (!elf_is_loaded(&segment))
            continue;
        guest_put(memory, to, elf->file.bytes + segment.offset, segment.file_bytes);
        guest_put_zeros(memory, to + segment.file_bytes,
                        segment.memory_bytes - segment.file_bytes);
    }
}

/* ---- Sections and notes ---- */

struct elf_section elf_section(const struct elf *elf, uint32_t index)
{
    const struct elf_layout *layout = elf->layout;
    const uint8_t *at =
        elf->file.bytes + elf->sections_at + (uint64_t)index * elf->section_size;

    return (struct elf_section){
        .type = little_32(at + ELF_SH_TYPE),
        .address = word(layout, at + layout->sh_addr),
        .offset = word(layout, at + layout->sh_offset),
        .bytes = word(layout, at + layout->sh_size),
        .alignment = word(layout, at + layout->sh_addralign),
        .link = little_32(at + layout->sh_link),
        .entry_bytes = word(layout, at + layout->sh_entsize),
    };
}

uint32_t elf_section_address_offset(const struct elf *elf)
{
    return elf->layout->sh_addr;
}

uint32_t elf_address_bytes(const struct elf *elf)
{
    return elf->layout->address_bytes;
}

/* Name and descriptor are padded to the alignment: 4, or 8 where the segment
 * says so. Each round consumes a note's header. */
static bool find_note(struct span notes, uint64_t alignment, const char *owner, uint32_t type,
                      struct span *descriptor)
{
    uint64_t pad = alignment == 8 ? 8 : 4;
    uint64_t at = 0;
    size_t owner_bytes = strlen(owner) + 1;

    while (span_has(notes, at, ELF_NOTE_NAME)) {
        const uint8_t *note = notes.bytes + at;
        uint64_t name_bytes = little_32(note + ELF_NOTE_NAME_BYTES);
        uint64_t bytes = little_32(note + ELF_NOTE_DESC_BYTES);
        uint64_t content = at + align_up(ELF_NOTE_NAME + name_bytes, pad);

        if (!span_has(notes, content, bytes))
            return false;
        if (little_32(note + ELF_NOTE_TYPE) == type && name_bytes == owner_bytes &&
            memcmp(note + ELF_NOTE_NAME, owner, owner_bytes) == 0) {
            *descriptor = (struct span){ notes.bytes + content, bytes };
            return true;
        }
        at = align_up(content + bytes, pad);
    }
    return false;
}

bool elf_note(const struct elf *elf, const char *owner, uint32_t type, struct span *descriptor)
{
    for (uint32_t i = 0; i < elf->segment_count; i++) {
        struct elf_segment segment = elf_segment(elf, i);

        if (segment.type != ELF_PT_NOTE ||
            !span_has(elf->file, segment.offset, segment.file_bytes))
            continue;
        struct span notes = { elf->file.bytes + segment.offset, segment.file_bytes };
        if (find_note(notes, segment.alignment, owner, type, descriptor))
            return true;
    }
    return false;
}
