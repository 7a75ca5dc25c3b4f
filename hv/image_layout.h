/* SPDX-License-Identifier: MIT
 *
 * Finding places in a guest's RAM for what goes with a kernel: around it, first
 * come, first served, below 4 GiB and outside of the BIOS area.
 */
#pragma once

#include "hv/guest_memory.h"

/* Free memory; empty if it ends before it begins. */
struct image_gap {
    uint64_t begin, end;
};

struct image_layout {
    struct image_gap low[2];  /* below 640 KiB: behind the kernel, and before it */
    struct image_gap high[2]; /* above 1 MiB, likewise */
};

/* All RAM but [begin, end), which the kernel takes. */
struct image_layout image_layout(const struct guest_memory *memory, uint64_t begin, uint64_t end);

/* False: there is no room. `alignment` is a power of two. */
bool image_layout_low(struct image_layout *layout, uint64_t bytes, uint64_t alignment, gpa_t *at);
bool image_layout_high(struct image_layout *layout, uint64_t bytes, uint64_t alignment,
                       gpa_t *at);

/* Low if there is room, else high. */
bool image_layout_any(struct image_layout *layout, uint64_t bytes, uint64_t alignment, gpa_t *at);
