/* SPDX-License-Identifier: MIT
 *
 * Whether a function's expansion ROM can be its guest's.
 *
 * Firmware seldom leaves ROMs decoding, and some leave addresses in them that are
 * something else's by now. So a ROM is shown only if its pages are nothing else that is
 * known, not even another BAR of the same function; else the function has none.
 */
#pragma once

#include <stdbool.h>

struct inventory;
struct pci_function;

#define ASSIGNED_ROM_REASON_SIZE 96

/* False, and the reason: "at its address fec00000 is an IOAPIC", empty if the function has no
 * ROM. */
bool assigned_rom_is_usable(const struct inventory *inventory,
                            const struct pci_function *function,
                            char reason[static ASSIGNED_ROM_REASON_SIZE]);
