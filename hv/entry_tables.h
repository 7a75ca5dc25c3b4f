/* SPDX-License-Identifier: MIT
 *
 * What a processor needs in memory before a kernel has brought its own: a small
 * stack, a GDT with flat segments, and for 64-bit mode page tables.
 *
 *     at          stack, one page
 *     at + 1000   GDT
 *     at + 2000   PML4, PDPT, four directories: the first 4 GiB, mapped to
 *                 themselves by pages of 2 MiB (64-bit mode only)
 */
#pragma once

#include "hv/entry_state.h"
#include "hv/guest_memory.h"

#define ENTRY_TABLES_BYTES_PROTECTED (2 * PAGE_SIZE_4K)
#define ENTRY_TABLES_BYTES_LONG (8 * PAGE_SIZE_4K)

/* Not in real mode, which needs none of it. */
uint64_t entry_tables_bytes(enum entry_mode mode);

/* Writes them at a page boundary in RAM. The result is an entry state in that
 * mode, at the address `rip`, with zero in its general registers. */
struct entry_state entry_tables_load(const struct guest_memory *memory, gpa_t at,
                                     enum entry_mode mode, gpa_t rip);
