/* SPDX-License-Identifier: MIT
 *
 * A guest's extended page tables: the one description of what memory it can
 * reach. What is not mapped here does not exist for the guest.
 *
 * Invariant: a table is only ever reached inside the VM's own frame pool; an
 * entry that maps RAM never changes again, it is written once where there was a
 * hole. So no translation of RAM that a CPU may have cached turns stale.
 *
 * What is movable, registers of the guest's own devices, can be unmapped. Tables that
 * are empty then are used again, but each for tables of its own level only: whatever a CPU has cached of the former tables leads through tables of the
 * right level to movable pages of the same guest, and nowhere else.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/ept.h"
#include "hv/addr.h"
#include "hv/frames.h"

/* Levels of tables below the root: of 4 KiB, 2 MiB and 1 GiB pages. */
#define EPT_TABLE_LEVELS 3

/* How many tables are on the way to a page, and how large that may be. The tables
 * of DMA remapping are of the same make (hv/dma_tables.h), but not of this shape. */
struct ept_shape {
    uint8_t levels;        /* 3 or 4 */
    uint8_t largest;       /* page: 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB */
    uint64_t table_rights; /* in an entry that names a table */
};

struct ept {
    struct frames frames;
    hpa_t root; /* the table of the highest level, in `frames` */
    struct ept_shape shape;
    bool has_movable; /* what is mapped from now on is movable */
    hpa_t movable_begin; /* frames from here on; free ones by the level of their tables */
    hpa_t movable_free[EPT_TABLE_LEVELS];
};

/* Guest addresses [gpa, gpa + bytes) are host addresses [hpa, hpa + bytes).
 * All three are multiples of 4 KiB. */
struct ept_range {
    gpa_t gpa;
    hpa_t hpa;
    uint64_t bytes;
};

/* A CPU's, with pages up to this size: 4 KiB, 2 MiB or 1 GiB. */
struct ept_shape ept_shape(uint64_t largest_page);

/* No page is larger than 1 GiB or than what the root's entries cover, and a table is
 * never taken for a hole. */
bool ept_shape_is_valid(struct ept_shape shape);

/* Inside the 48 bits that four levels translate, whole pages, not empty. */
bool ept_range_is_valid(const struct ept_range *range);

/* Exactly how many frames the tables of these ranges take, root included. The
 * ranges are valid, ascending by gpa, do not overlap, and lie inside what the levels
 * translate. */
unsigned ept_frames_needed(const struct ept_range *ranges, unsigned count,
                           struct ept_shape shape);

/* Empty tables: nothing is mapped. Takes the root from the given pool. */
void ept_init(struct ept *ept, struct frames frames, struct ept_shape shape);

/*
 * Maps a range by the largest pages that its alignment allows. Cannot fail: the
 * range is valid, none of it was mapped before, and the pool holds as many
 * frames as ept_frames_needed said. `rights` are EPT_READ, EPT_WRITE and
 * EPT_EXECUTE; writing without reading is a misconfiguration and is refused.
 */
void ept_map(struct ept *ept, const struct ept_range *range, uint64_t rights,
             enum ept_memory_type type);

/* Adds how many frames of each level a movable range takes at most, wherever it is
 * put: it is a power of two, and lies at multiples of itself. Pages of 2 MiB are used. */
void ept_movable_frames(uint64_t bytes, struct ept_shape shape,
                        unsigned frames[static EPT_TABLE_LEVELS]);

/* What was mapped so far stays; the pool holds that many frames more. */
void ept_begin_movable(struct ept *ept, const unsigned frames[static EPT_TABLE_LEVELS]);

/* A movable range, as it was mapped. Other CPUs may have translations cached until they
 * are called. */
void ept_unmap(struct ept *ept, const struct ept_range *range);

/* Where a guest's address leads and with which rights. False: nowhere. */
bool ept_lookup(const struct ept *ept, gpa_t gpa, hpa_t *hpa, uint64_t *rights);

/* The value for the VMCS field VMCS_EPT_POINTER, of tables of four levels. */
uint64_t ept_pointer(const struct ept *ept);
