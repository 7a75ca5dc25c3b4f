/* SPDX-License-Identifier: MIT
 *
 * Loads a file as it is, at the address and in the mode that the configuration
 * says: boot sectors, firmware, bare programs. It is told nothing.
 */
#pragma once

#include "hv/image.h"

bool flat_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                  struct image_plan *plan, struct refusal *refusal);

/* In real mode DL is 80h, as a BIOS leaves it for a boot sector. */
struct entry_state flat_load(const struct guest_memory *memory, const struct guest_boot *boot,
                             const struct image_plan *plan);
