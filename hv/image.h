/* SPDX-License-Identifier: MIT
 *
 * Kernels that lie at addresses of their own choice, as ELF file or in one
 * piece, with modules beside them and a structure that tells them what there
 * is: what Multiboot, Multiboot2, PVH and flat images have in common.
 *
 *     10000 .. A0000    the structure; stack, GDT and page tables
 *     at its addresses  the kernel
 *     behind it         modules, each on a page boundary, in their order; the
 *                       ELF file's sections without an address
 *
 * Where the kernel is in the way, things go behind or, if need be, before it.
 */
#pragma once

#include "hv/elf.h"
#include "hv/entry_state.h"
#include "hv/guest_boot.h"
#include "hv/guest_memory.h"
#include "hv/guest_writer.h"
#include "hv/refusal.h"

/* Bytes of the file that go to one place; zeros follow them there. */
struct image_piece {
    uint64_t file_offset;
    uint64_t file_bytes;
    uint64_t address;
    uint64_t memory_bytes; /* at least file_bytes */
};

struct image_plan {
    bool is_elf;
    struct elf elf;           /* if is_elf */
    struct image_piece piece; /* else */
    uint64_t begin, end;      /* of the kernel, all of it; end exclusive */
    uint64_t moved;           /* from where its file says, modulo 2^64 */
    uint64_t entry;
    enum entry_mode mode;
    bool tell_base;           /* the kernel wants to know where `begin` is */

    gpa_t modules[GUEST_MODULES_MAX];
    gpa_t sections; /* of the ELF file, those without an address */
    gpa_t info;     /* the structure */
    uint64_t info_bytes;
    gpa_t tables;   /* hv/entry_tables.h; in real mode a stack of IMAGE_STACK_BYTES */
};

#define IMAGE_STACK_BYTES PAGE_SIZE_4K

/* Begin a plan by one of these. The entry point of an ELF file is in the plan;
 * the caller may replace it. */
bool image_from_elf(struct span kernel, struct image_plan *plan, struct refusal *refusal);
bool image_from_piece(struct span kernel, const struct image_piece *piece, uint64_t entry,
                      struct image_plan *plan, struct refusal *refusal);

/* The address fields of a Multiboot header, of either version: one piece of the
 * file, whatever else it is. */
struct image_addresses {
    uint64_t header_offset; /* in the file */
    uint32_t header;        /* where the header is to lie */
    uint32_t load;          /* where the piece begins, which the header lies in */
    uint32_t load_end;      /* 0: with the file */
    uint32_t bss_end;       /* 0: with the piece */
    uint32_t entry;
};
bool image_from_addresses(struct span kernel, const struct image_addresses *addresses,
                          struct image_plan *plan, struct refusal *refusal);

/* Where the kernel may be moved to: all of it in [begin, last], aligned. */
struct image_range {
    uint64_t begin, last;
    uint64_t alignment; /* a power of two */
    bool highest;       /* else the lowest place */
};
bool image_move(const struct guest_memory *memory, const struct image_range *range,
                struct image_plan *plan, struct refusal *refusal);

/* The rest of the plan: whether the kernel's place is RAM, and where everything
 * else goes. */
bool image_place(const struct guest_memory *memory, const struct guest_boot *boot,
                 uint64_t info_bytes, struct image_plan *plan, struct refusal *refusal);

/* Writes all but the structure. */
struct entry_state image_load(const struct guest_memory *memory, const struct guest_boot *boot,
                              const struct image_plan *plan);

/* KiB of memory from 0, and from 1 MiB up to the first hole. */
#define IMAGE_LOWER_KIB (GUEST_LOW_MEMORY_END / KIB(1))
uint32_t image_upper_kib(const struct guest_memory *memory);
