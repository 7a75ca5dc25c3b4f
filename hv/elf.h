/* SPDX-License-Identifier: MIT
 *
 * Kernels as ELF files for x86, of 32 or 64 bits. Physical addresses of program
 * headers are what counts: nothing is mapped yet when a kernel begins.
 *
 * elf_open and elf_check_segments prove that all that is read afterwards lies
 * in the file.
 */
#pragma once

#include "hv/addr.h"
#include "hv/guest_memory.h"
#include "hv/refusal.h"
#include "hv/span.h"

#define ELF_SEGMENTS_MAX 64

struct elf_layout; /* offsets of a class: elf.c */

struct elf {
    struct span file;
    const struct elf_layout *layout;
    uint64_t entry; /* as in the header */
    uint64_t segments_at; /* file offset of the program headers */
    uint32_t segment_count;
    uint32_t segment_size;
    uint64_t sections_at; /* likewise of the section headers */
    uint32_t section_count;
    uint32_t section_size;
    uint32_t section_names; /* index of the section with their names */
};

/* A program header. */
struct elf_segment {
    uint32_t type;
    uint64_t offset; /* in the file */
    uint64_t file_bytes;
    uint64_t virtual;
    uint64_t physical;
    uint64_t memory_bytes;
    uint64_t alignment;
};

/* A section header. */
struct elf_section {
    uint32_t type;
    uint64_t address;
    uint64_t offset;
    uint64_t bytes;
    uint64_t alignment;
    uint32_t link; /* index of the section that goes with it */
    uint64_t entry_bytes;
};

bool elf_is(struct span file);
bool elf_open(struct span file, struct elf *elf, struct refusal *refusal);

struct elf_segment elf_segment(const struct elf *elf, uint32_t index);
bool elf_is_loaded(const struct elf_segment *segment);
struct elf_section elf_section(const struct elf *elf, uint32_t index);

/* All that is to be loaded: whether its bytes are there, and that there is any.
 * `begin` and `end` are the lowest and highest physical address, end exclusive;
 * no segment wraps around. */
bool elf_check_segments(const struct elf *elf, uint64_t *begin, uint64_t *end,
                        struct refusal *refusal);

/* The entry point's physical address: where the segment lies that has it as a
 * virtual address, or else as a physical one. */
bool elf_entry(const struct elf *elf, uint64_t *physical, struct refusal *refusal);

/* Where an address was linked that the kernel uses while it runs: as its segments were
 * loaded, `moved` bytes (modulo 2^64) away, or as they are linked. False: it lies in no
 * segment. */
bool elf_linked_address(const struct elf *elf, uint64_t moved, uint64_t address,
                        uint64_t *linked);

/* The descriptor of the first note of that owner and type; false: none. */
bool elf_note(const struct elf *elf, const char *owner, uint32_t type, struct span *descriptor);

/* Where in a section header its address is, 4 or 8 bytes. */
uint32_t elf_section_address_offset(const struct elf *elf);
uint32_t elf_address_bytes(const struct elf *elf);

/* Puts all segments where they belong, `moved` bytes (modulo 2^64) away; what
 * the file does not fill is zero. The caller has proved that this is RAM. */
void elf_load(const struct elf *elf, const struct guest_memory *memory, uint64_t moved);
