/* SPDX-License-Identifier: MIT
 *
 * Reads again what hv/inventory_print.c printed: the lines of a machine's
 * inventory, out of whatever was saved from its serial line.
 *
 * They may have the hypervisor's prefix or not, but all of them the same one. Of
 * several inventories in a file the last counts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/inventory.h"
#include "hv/pci_function.h"

enum saved_status {
    SAVED_GOOD,
    SAVED_NONE,     /* there is no inventory */
    SAVED_CUT_OFF,  /* fewer lines than its first one tells */
    SAVED_BROKEN,   /* a line of it does not say what it should */
};

#define SAVED_PART_SIZE 64

struct saved_inventory {
    uint64_t image_bytes; /* of the modules that were in memory when it was made */
    unsigned line;        /* from 1: the broken one, or the first of the inventory */
    /* Of functions what bulkhead-check asks for, nothing of capabilities. */
    struct pci_inventory pci;
    bool parts_known; /* what no guest can own is in it, too */
    char own_ports[INVENTORY_OWN_PORTS_MAX][SAVED_PART_SIZE]; /* what is there */
    char own_memory[INVENTORY_OWN_MEMORY_MAX][SAVED_PART_SIZE];
};

/* Fills `inventory`, which refers to `saved`, and leaves its modules alone. */
enum saved_status saved_inventory_read(const char *text, size_t length,
                                       struct saved_inventory *saved,
                                       struct inventory *inventory);

/* Images of these bytes are in memory instead of those that were: what they take
 * more is taken off the free memory, at the beginning of the first block that
 * holds it, since boot loaders fill memory from below. Returns how much. */
uint64_t saved_inventory_load(const struct saved_inventory *saved, struct inventory *inventory,
                              uint64_t image_bytes);
