/* SPDX-License-Identifier: MIT
 *
 * Loads a kernel by the PVH protocol: an ELF file whose note of Xen names a
 * 32-bit entry point. Linux, the BSDs and unikernels have it. There is no
 * hypervisor interface of Xen behind it.
 */
#pragma once

#include "hv/image.h"

bool pvh_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                 struct image_plan *plan, struct refusal *refusal);
struct entry_state pvh_load(const struct guest_memory *memory, const struct guest_boot *boot,
                            const struct image_plan *plan);
