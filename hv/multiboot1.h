/* SPDX-License-Identifier: MIT
 *
 * Loads a kernel by the Multiboot protocol, version 1: ELF files of 32 and 64
 * bits, and images whose header says where they go.
 *
 * As GRUB, it ignores the wish for a video mode: a guest has no screen, and the
 * kernel is told of none. Other unknown requirements are refused.
 */
#pragma once

#include "hv/image.h"

/* Whether a file has a header. */
bool multiboot1_is(struct span kernel);

bool multiboot1_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct image_plan *plan, struct refusal *refusal);
struct entry_state multiboot1_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct image_plan *plan);
