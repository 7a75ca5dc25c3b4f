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
#include "hv/pci_function.h"

#define INVENTORY_MODULES_MAX 64

/* A file that the boot loader put into memory. */
struct inventory_module {
    const char *name; /* first word of its command line */
    const uint8_t *bytes;
    size_t size;
};

/* Ports or addresses that are no guest's to own, from first to last, and what is
 * there: "the interrupt controllers". */
struct inventory_own {
    uint64_t first;
    uint64_t last;
    const char *what;
};

#define INVENTORY_ISA_IRQS 16
#define INVENTORY_NO_GSI UINT32_MAX
#define INVENTORY_OWN_PORTS_MAX 16
#define INVENTORY_OWN_MEMORY_MAX 192

struct inventory {
    uint32_t cpu_count; /* CPUs 0 to cpu_count - 1 exist */
    uint32_t region_count;
    /* Free RAM: page-aligned, disjoint, nothing of ours and no module in it. */
    struct memory_region regions[MEMORY_REGIONS_MAX];
    uint32_t module_count;
    struct inventory_module modules[INVENTORY_MODULES_MAX];

    const struct pci_inventory *pci; /* NULL: not known, what is asked for is there */
    bool dma_remapping;              /* devices can be kept to their guest's memory */
    uint32_t address_bits;           /* of an address of the machine; 0: not known */
    bool gsis_known;                 /* else each interrupt has its own */
    uint32_t isa_gsi[INVENTORY_ISA_IRQS]; /* the IOAPICs' input of each, or NO_GSI */
    /* Of this machine; what all PCs have is in hv/own_parts.h. */
    uint32_t own_port_count;
    struct inventory_own own_ports[INVENTORY_OWN_PORTS_MAX];
    uint32_t own_memory_count;
    struct inventory_own own_memory[INVENTORY_OWN_MEMORY_MAX];
};
