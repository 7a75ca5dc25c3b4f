/* SPDX-License-Identifier: MIT
 *
 * The machine's memory as a list: guests' blocks, what is free between them, and the
 * gaps where no guest can be; by address, without holes and overlaps.
 *
 * As in hv/config_memory.c only whole 2 MiB count as free. What lies below the first
 * and above the last free memory is not in the list.
 */
#pragma once

#include <stdint.h>

#include "hv/config.h"
#include "hv/inventory.h"

/* Each region and each guest brings one free part at most, and a gap or a block. */
#define MEMORY_PARTS_MAX (2 * MEMORY_REGIONS_MAX + 2 * CONFIG_VMS_MAX)

#define MEMORY_PART_FREE (-1)
#define MEMORY_PART_GAP (-2)

struct memory_part {
    uint64_t start;
    uint64_t end;
    int owner; /* number of a guest, or one of the two above */
};

struct memory_parts {
    uint32_t count;
    struct memory_part list[MEMORY_PARTS_MAX];
};

/* Of a checked configuration. */
void memory_parts_list(struct memory_parts *parts, const struct config *config,
                       const struct inventory *inventory);

/* The guests' blocks alone, one behind the other from address 0 on, in the file's
 * order: for a machine of which nothing is known. */
void memory_parts_stack(struct memory_parts *parts, const struct config *config);
