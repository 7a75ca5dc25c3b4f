/* SPDX-License-Identifier: MIT
 *
 * Draws a checked configuration as an SVG: which guest owns which CPUs, which
 * devices and which memory, and what is free.
 *
 * The picture says nothing by colour alone: each guest has a letter and a pattern,
 * too. It is as wide as the longest names need, and as high as its rows need.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>

#include "hv/config.h"
#include "hv/inventory.h"

struct svg_subject {
    const char *name;            /* the title */
    const struct config *config; /* config_check found no error in it */
    const struct inventory *inventory;
    bool cpus_known;      /* the inventory's CPUs are the machine's */
    bool memory_known;    /* so is the amount of free memory */
    bool addresses_known; /* so is where it lies */
    const struct pci_inventory *pci; /* the machine's functions; NULL: not known */
};

/* False, with errno, if there was no memory for it or it could not be written. */
bool check_svg_write(FILE *to, const struct svg_subject *subject);
