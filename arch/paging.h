/* SPDX-License-Identifier: MIT
 *
 * The hypervisor's own page tables: one map, shared by all CPUs, laid out as
 * arch/layout.h draws it.
 */
#pragma once

#include "hv/addr.h"

enum page_rights {
    PAGE_READ,
    PAGE_READ_WRITE,
    PAGE_READ_EXECUTE,
    PAGE_DEVICE,
    PAGE_WRITE_COMBINING, /* written only, in any order until store_fence() */
};

/* Builds the map of the image; it is not in use before paging_activate(). */
void paging_init(hpa_t image_base);

/* Adds a mapping, in 2 MiB pages where both sides allow it. The range must be
 * unmapped: mapping is done at boot, once, and never taken back. */
void paging_map(uint64_t virtual, hpa_t physical, uint64_t bytes, enum page_rights rights);

/* The one page that is mapped where it lies, for the AP trampoline; and its end. */
void paging_map_trampoline(hpa_t page);
void paging_unmap_trampoline(void);

/* Switches the calling CPU to the map, with WP, NX, SMEP and SMAP. */
void paging_activate(void);

/* What CR3 holds once the map is active. */
uint64_t paging_root(void);

hpa_t image_hpa(const void *address);

/* Points one of the windows (arch/layout.h) at a 2 MiB page, for the calling
 * CPU: no other may ever use that window. The last one of a CPU is uncached. */
void paging_point_window(void *window, hpa_t page);
