/* SPDX-License-Identifier: MIT
 *
 * Where memory is write-back by a processor's MTRRs. EPT gives guests' RAM that
 * type whatever the MTRRs say, so RAM for which firmware chose another one is
 * none to give away: it may be shared with a device that does not look into
 * caches, or be used by firmware itself.
 *
 * Ranges of fixed size lie below 1 MiB, where nothing is given away.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/memory_map.h"

#define MTRR_RANGES_MAX 32 /* processors have 8 to 10 */

struct mtrr_range {
    uint64_t first, end; /* end: the first byte behind it */
    uint8_t type;        /* enum mtrr_type */
};

struct mtrrs {
    bool on; /* else the registers mean nothing, and all memory is uncached */
    uint8_t default_type;
    unsigned count;
    struct mtrr_range ranges[MTRR_RANGES_MAX];
    unsigned ignored; /* of a shape that is no single range, or more than fit */
};

/* No ranges yet; the value is that of IA32_MTRR_DEF_TYPE. */
void mtrrs_init(struct mtrrs *mtrrs, uint64_t def_type);

/* The values of an IA32_MTRR_PHYSBASEn and its IA32_MTRR_PHYSMASKn, on a CPU with
 * physical addresses of so many bits. */
void mtrrs_add(struct mtrrs *mtrrs, uint64_t base, uint64_t mask, unsigned address_bits);

/* Takes the first free range that is not write-back out of the map. False: there is
 * none, or MTRRs are off. */
bool mtrrs_trim(const struct mtrrs *mtrrs, struct memory_map *map, struct memory_region *out);

/* The same types for all memory. */
bool mtrrs_same(const struct mtrrs *a, const struct mtrrs *b);
