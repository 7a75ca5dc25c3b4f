/* SPDX-License-Identifier: MIT
 *
 * For the files of hv/assigned.h: where BARs lead.
 */
#pragma once

#include "hv/assigned.h"

/* Command or a BAR changed: all BARs that are on, and lie where nothing else is, are
 * mapped, and no others. Of two that overlap that one stays which was there first. */
void assigned_map(struct assigned *assigned);

/* The machine's expansion ROM answers, or does not. */
void assigned_rom_turn(const struct pci_function *function, bool on);

uint64_t assigned_bar_bytes(const struct pci_bar *bar);

/* Whether a memory BAR at this address touches nothing else of the guest, but
 * perhaps other BARs. */
bool assigned_place_is_free(const struct vm *vm, uint64_t first, uint64_t bytes);

void assigned_find_capabilities(struct assigned_function *assigned);
