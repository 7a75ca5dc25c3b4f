/* SPDX-License-Identifier: MIT
 *
 * What no guest can own on a machine, and where its interrupts arrive, out of the
 * lines of inventory_print_parts(). See saved_inventory.h.
 */
#pragma once

#include "tools/saved_inventory.h"

/* How many there are, as the first line says. */
struct saved_parts {
    unsigned ports, memory;
};

enum saved_parts_line { SAVED_PARTS_READ, SAVED_PARTS_BROKEN, SAVED_PARTS_OTHER };

enum saved_parts_line saved_parts_line(struct saved_parts *parts, struct saved_inventory *saved,
                                       struct inventory *inventory, const char *text);

/* Nothing of this was read, or all of it. */
bool saved_parts_are_whole(const struct saved_parts *parts, const struct saved_inventory *saved,
                           const struct inventory *inventory);
