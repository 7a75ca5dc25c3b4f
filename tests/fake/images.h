/* SPDX-License-Identifier: MIT
 *
 * Kernel images for tests, made field by field from the numbers of their
 * formats' specifications: small, and such that no loader has a complaint.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define FAKE_BZIMAGE_SETUP_BYTES 1024u
#define FAKE_BZIMAGE_CODE_BYTES 4096u
#define FAKE_BZIMAGE_BYTES (FAKE_BZIMAGE_SETUP_BYTES + FAKE_BZIMAGE_CODE_BYTES)

/* Protocol 2.15, with a 64-bit entry, relocatable by 4 KiB, with an initrd below
 * 2 GiB and a command line of 2047 characters. */
void fake_bzimage(uint8_t image[static FAKE_BZIMAGE_BYTES], uint64_t load_address,
                  uint32_t init_bytes);

/* The byte at `offset` of a fake image's code. */
static inline uint8_t fake_code(unsigned offset)
{
    return (uint8_t)(offset * 7 + 1);
}

/* ---- ELF ---- */

#define FAKE_ELF_BYTES 0x4000u
#define FAKE_ELF_SEGMENTS_MAX 4
#define FAKE_ELF_SECTIONS 4 /* none, code with an address, symbols, names */
#define FAKE_ELF_SYMBOLS_BYTES 0x60u

struct fake_segment {
    uint32_t type; /* 1: PT_LOAD, 4: PT_NOTE */
    uint64_t virtual, physical;
    uint32_t file_bytes, memory_bytes; /* the bytes are fake_code() from 0 on */
};

struct fake_elf {
    bool is_64;
    bool has_sections;
    uint64_t entry;
    unsigned segment_count;
    struct fake_segment segments[FAKE_ELF_SEGMENTS_MAX];
};

/* Where the bytes of a segment are in the file, at most 2 KiB of them. */
static inline unsigned fake_elf_segment_at(unsigned index)
{
    return 0x1000 + index * 0x800;
}

#define FAKE_ELF_SYMBOLS_AT 0x3000u
#define FAKE_ELF_NAMES_AT 0x3100u
#define FAKE_ELF_SECTIONS_AT 0x3F00u /* their headers, to the file's end */

void fake_elf(uint8_t file[static FAKE_ELF_BYTES], const struct fake_elf *elf);

/* A symbol table in place of what fake_elf() puts there; with one entry, as each has. */
struct fake_symbols {
    uint8_t *file;
    unsigned count, names_bytes;
};
void fake_symbols_begin(struct fake_symbols *symbols, uint8_t file[static FAKE_ELF_BYTES]);

/* `type` and `section` as in the file's format: 2 is a function, 1 the code. */
void fake_symbols_add(struct fake_symbols *symbols, const char *name, uint64_t value,
                      uint64_t bytes, unsigned type, unsigned section);

/* Where a field of a section's header is, by its offset in both classes. */
unsigned fake_elf_section_field(const uint8_t *file, unsigned index, unsigned at_32,
                                unsigned at_64);

/* ---- Multiboot ---- */

/* A header with its checksum, of 12 bytes. */
void fake_multiboot1_header(uint8_t *at, uint32_t flags);

/* A Multiboot2 header with these tags, to which it adds the end. The tags are
 * `bytes` long, a multiple of 8. */
void fake_multiboot2_header(uint8_t *at, const void *tags, uint32_t bytes);
