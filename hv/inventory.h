/* SPDX-License-Identifier: MIT
 *
 * What a machine has to give to guests: CPUs, free memory, boot modules.
 *
 * Filled at boot from the firmware's and the boot loader's tables, and on the
 * build host from command-line options; a configuration is checked against it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "hv/memory_map.h"

#define INVENTORY_MODULES_MAX 64

/* A file that the boot loader put into memory. */
struct inventory_module {
    const char *name; /* first word of its command line */
    const uint8_t *bytes;
    size_t size;
};

struct inventory {
    uint32_t cpu_count; /* CPUs 0 to cpu_count - 1 exist */
    uint32_t region_count;
    /* Free RAM: page-aligned, disjoint, nothing of ours and no module in it. */
    struct memory_region regions[MEMORY_REGIONS_MAX];
    uint32_t module_count;
    struct inventory_module modules[INVENTORY_MODULES_MAX];
};
