/* SPDX-License-Identifier: MIT
 *
 * Loads a kernel by the Multiboot2 protocol, entered in 32-bit protected mode as
 * on a machine with a BIOS: entry points for EFI are ignored, as the
 * specification says. So is the wish for a framebuffer, which is one; a kernel
 * that requires a console on a screen is refused, for a guest has none.
 */
#pragma once

#include "hv/image.h"

bool multiboot2_prepare(const struct guest_memory *memory, const struct guest_boot *boot,
                        struct image_plan *plan, struct refusal *refusal);
struct entry_state multiboot2_load(const struct guest_memory *memory,
                                   const struct guest_boot *boot, const struct image_plan *plan);
