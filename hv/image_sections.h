/* SPDX-License-Identifier: MIT
 *
 * The sections of a kernel's ELF file. Those that are not loaded with a segment,
 * such as its symbols, are put into memory behind each other, so that the kernel
 * can find its functions' names; all others are where its segments are.
 */
#pragma once

#include "hv/image.h"

/* `bytes`: of all that are put somewhere. True, and 0, for a kernel that is no
 * ELF file. */
bool image_sections_check(const struct image_plan *plan, uint64_t *bytes,
                          struct refusal *refusal);

void image_sections_load(const struct guest_memory *memory, const struct image_plan *plan);

/* The section headers, with the address of each that was put somewhere. Returns
 * where they begin. */
uint64_t image_sections_write(struct guest_writer *writer, const struct image_plan *plan);
