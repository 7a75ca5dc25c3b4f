/* SPDX-License-Identifier: MIT
 *
 * See images.h.
 */
#include "tests/fake/images.h"

#include <string.h>

static void set(uint8_t *image, unsigned offset, uint64_t value, unsigned bytes)
{
    memcpy(image + offset, &value, bytes);
}

void fake_bzimage(uint8_t image[static FAKE_BZIMAGE_BYTES], uint64_t load_address,
                  uint32_t init_bytes)
{
    memset(image, 0, FAKE_BZIMAGE_BYTES);
    set(image, 0x1F1, 1, 1);                            /* setup sectors */
    set(image, 0x1F4, FAKE_BZIMAGE_CODE_BYTES / 16, 4); /* code */
    set(image, 0x1FE, 0xAA55, 2);
    set(image, 0x200, 0x6AEB, 2);                       /* the header ends at 26C */
    set(image, 0x202, 0x53726448, 4);                   /* HdrS */
    set(image, 0x206, 0x020F, 2);
    set(image, 0x211, 1, 1);                            /* loaded high */
    set(image, 0x22C, 0x7FFFFFFF, 4);                   /* highest of an initrd */
    set(image, 0x230, 4096, 4);                         /* alignment */
    set(image, 0x234, 1, 1);                            /* relocatable */
    set(image, 0x236, 1, 2);                            /* 64-bit entry */
    set(image, 0x238, 2047, 4);                         /* command line */
    set(image, 0x258, load_address, 8);
    set(image, 0x260, init_bytes, 4);
    for (unsigned i = 0; i < FAKE_BZIMAGE_CODE_BYTES; i++)
        image[FAKE_BZIMAGE_SETUP_BYTES + i] = fake_code(i);
}

/* ---- ELF ---- */

/* Offsets of fields that have the class' width, and of the others. */
struct elf_numbers {
    unsigned machine, header_bytes, width;
    unsigned phoff, shoff, sizes; /* sizes: e_ehsize and the five behind it */
    unsigned phentsize, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
    unsigned shentsize, sh_addr, sh_offset, sh_size, sh_align;
};

static const struct elf_numbers numbers_32 = {
    3, 52, 4, 28, 32, 40, 32, 4, 8, 12, 16, 20, 28, 40, 12, 16, 20, 32,
};
static const struct elf_numbers numbers_64 = {
    62, 64, 8, 32, 40, 52, 56, 8, 16, 24, 32, 40, 48, 64, 16, 24, 32, 48,
};

static void put_elf_header(uint8_t *file, const struct fake_elf *elf, const struct elf_numbers *n)
{
    const unsigned sizes[6] = {
        n->header_bytes, n->phentsize, elf->segment_count, n->shentsize,
        elf->has_sections ? FAKE_ELF_SECTIONS : 0, 3,
    };

    set(file, 0, 0x464C457F, 4);
    set(file, 4, elf->is_64 ? 2 : 1, 1);
    set(file, 5, 1, 1);
    set(file, 6, 1, 1);
    set(file, 16, 2, 2);
    set(file, 18, n->machine, 2);
    set(file, 20, 1, 4);
    set(file, 24, elf->entry, n->width);
    set(file, n->phoff, n->header_bytes, n->width);
    set(file, n->shoff, elf->has_sections ? FAKE_ELF_SECTIONS_AT : 0, n->width);
    for (unsigned i = 0; i < 6; i++)
        set(file, n->sizes + 2 * i, sizes[i], 2);
}

static void put_elf_segment(uint8_t *file, const struct fake_elf *elf, unsigned index,
                            const struct elf_numbers *n)
{
    const struct fake_segment *segment = &elf->segments[index];
    unsigned at = n->header_bytes + index * n->phentsize;

    set(file, at, segment->type, 4);
    set(file, at + n->p_offset, fake_elf_segment_at(index), n->width);
    set(file, at + n->p_vaddr, segment->virtual, n->width);
    set(file, at + n->p_paddr, segment->physical, n->width);
    set(file, at + n->p_filesz, segment->file_bytes, n->width);
    set(file, at + n->p_memsz, segment->memory_bytes, n->width);
    set(file, at + n->p_align, 4, n->width);
    for (unsigned i = 0; i < segment->file_bytes && i < 0x800; i++)
        file[fake_elf_segment_at(index) + i] = fake_code(i);
}

static void put_elf_section(uint8_t *file, unsigned index, unsigned type, uint64_t address,
                            unsigned offset, unsigned bytes, const struct elf_numbers *n)
{
    unsigned at = FAKE_ELF_SECTIONS_AT + index * n->shentsize;

    set(file, at + 4, type, 4);
    set(file, at + n->sh_addr, address, n->width);
    set(file, at + n->sh_offset, offset, n->width);
    set(file, at + n->sh_size, bytes, n->width);
    set(file, at + n->sh_align, 16, n->width);
    for (unsigned i = 0; address == 0 && i < bytes; i++)
        file[offset + i] = fake_code(i + index);
}

void fake_elf(uint8_t file[static FAKE_ELF_BYTES], const struct fake_elf *elf)
{
    const struct elf_numbers *n = elf->is_64 ? &numbers_64 : &numbers_32;

    memset(file, 0, FAKE_ELF_BYTES);
    put_elf_header(file, elf, n);
    for (unsigned i = 0; i < elf->segment_count; i++)
        put_elf_segment(file, elf, i, n);
    if (!elf->has_sections)
        return;
    put_elf_section(file, 1, 1, 0x100000, fake_elf_segment_at(0), 0x100, n);
    put_elf_section(file, 2, 2, 0, FAKE_ELF_SYMBOLS_AT, FAKE_ELF_SYMBOLS_BYTES, n);
    put_elf_section(file, 3, 3, 0, FAKE_ELF_NAMES_AT, 0x21, n);
}

static bool is_64(const uint8_t *file)
{
    return file[4] == 2;
}

unsigned fake_elf_section_field(const uint8_t *file, unsigned index, unsigned at_32,
                                unsigned at_64)
{
    return FAKE_ELF_SECTIONS_AT + (is_64(file) ? index * 64 + at_64 : index * 40 + at_32);
}

static void set_section_bytes(uint8_t *file, unsigned index, unsigned bytes)
{
    set(file, fake_elf_section_field(file, index, 20, 32), bytes, is_64(file) ? 8 : 4);
}

void fake_symbols_begin(struct fake_symbols *symbols, uint8_t file[static FAKE_ELF_BYTES])
{
    memset(file + FAKE_ELF_SYMBOLS_AT, 0, FAKE_ELF_SECTIONS_AT - FAKE_ELF_SYMBOLS_AT);
    set(file, fake_elf_section_field(file, 2, 24, 40), 3, 4);
    set(file, fake_elf_section_field(file, 2, 36, 56), is_64(file) ? 24 : 16, 4);
    *symbols = (struct fake_symbols){ .file = file };
    fake_symbols_add(symbols, "", 0, 0, 0, 0);
}

void fake_symbols_add(struct fake_symbols *symbols, const char *name, uint64_t value,
                      uint64_t bytes, unsigned type, unsigned section)
{
    uint8_t *file = symbols->file;
    unsigned entry = is_64(file) ? 24 : 16, width = is_64(file) ? 8 : 4;
    unsigned at = FAKE_ELF_SYMBOLS_AT + symbols->count++ * entry;

    set(file, at, symbols->names_bytes, 4);
    set(file, at + (is_64(file) ? 8 : 4), value, width);
    set(file, at + (is_64(file) ? 16 : 8), bytes, width);
    set(file, at + (is_64(file) ? 4 : 12), type | 0x10, 1);
    set(file, at + (is_64(file) ? 6 : 14), section, 2);
    strcpy((char *)file + FAKE_ELF_NAMES_AT + symbols->names_bytes, name);
    symbols->names_bytes += (unsigned)strlen(name) + 1;
    set_section_bytes(file, 2, symbols->count * entry);
    set_section_bytes(file, 3, symbols->names_bytes);
}

/* ---- Multiboot ---- */

void fake_multiboot1_header(uint8_t *at, uint32_t flags)
{
    set(at, 0, 0x1BADB002, 4);
    set(at, 4, flags, 4);
    set(at, 8, (uint32_t)-(0x1BADB002 + flags), 4);
}

void fake_multiboot2_header(uint8_t *at, const void *tags, uint32_t bytes)
{
    uint32_t length = 16 + bytes + 8;

    set(at, 0, 0xE85250D6, 4);
    set(at, 4, 0, 4);
    set(at, 8, length, 4);
    set(at, 12, (uint32_t)-(0xE85250D6 + length), 4);
    memcpy(at + 16, tags, bytes);
    set(at, 16 + bytes, 0, 4);
    set(at, 16 + bytes + 4, 8, 4);
}
