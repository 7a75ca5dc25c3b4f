/* SPDX-License-Identifier: MIT
 *
 * See window.h.
 */
#include "arch/window.h"

#include "arch/layout.h"
#include "arch/paging.h"
#include "hv/check.h"

#define NOWHERE UINT64_MAX  /* no page begins there */
#define NO_ENTRY UINT64_MAX /* names no RAM */

void window_init(struct cpu *cpu)
{
    uint8_t *first = (uint8_t *)WINDOW_VIRTUAL + cpu->number * WINDOWS_PER_CPU * PAGE_SIZE_2M;
    for (unsigned i = 0; i < WINDOWS_PER_CPU; i++)
        cpu->windows[i] = (struct window){ .virtual = first + i * PAGE_SIZE_2M,
                                           .page = HPA(NOWHERE), .entry = NO_ENTRY };
}

uint8_t *window_at(struct window *window, hpa_t address)
{
    uint64_t page = align_down(address.value, PAGE_SIZE_2M);
    if (window->page.value != page) {
        paging_point_window(window->virtual, HPA(page));
        window->page = HPA(page);
    }
    return window->virtual + (address.value - page);
}

void window_begin(const struct guest_memory *memory)
{
    for (enum machine_page use = 0; use < MACHINE_PAGE_COUNT; use++)
        CHECK(machine_page(use, memory, 0));
}
