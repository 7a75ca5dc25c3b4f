/* SPDX-License-Identifier: MIT
 *
 * See host_screen.h.
 */
#include "arch/host_screen.h"

#include "arch/insn.h"
#include "hv/screen.h"

static struct screen screen;
static struct framebuffer framebuffer; /* columns: 0 without a screen */

bool host_screen_init(const struct framebuffer_layout *layout)
{
    framebuffer_init(&framebuffer, layout, NULL, SCREEN_COLUMNS_MAX, SCREEN_ROWS_MAX);
    if (framebuffer.columns < SCREEN_COLUMNS_MIN || framebuffer.rows < SCREEN_ROWS_MIN) {
        framebuffer.columns = 0;
        return false;
    }
    screen_init(&screen, framebuffer.columns, framebuffer.rows);
    return true;
}

bool host_screen_is_there(void)
{
    return framebuffer.columns != 0;
}

void host_screen_mapped(volatile uint8_t *base)
{
    framebuffer.base = base;
    framebuffer_clear_rest(&framebuffer);
    screen_redraw(&screen);
    while (host_screen_show())
        continue;
}

void host_screen_write(enum machine_author author, const uint8_t *bytes, size_t count)
{
    if (!host_screen_is_there())
        return;
    if (author == MACHINE_HYPERVISOR)
        screen_own_text(&screen, bytes, count);
    else
        screen_guest_text(&screen, bytes, count);
}

bool host_screen_show(void)
{
    struct screen_change change;
    unsigned cells = 0;

    if (framebuffer.base == NULL)
        return false;
    while (cells < SCREEN_CELLS_AT_ONCE && screen_next_change(&screen, &change)) {
        framebuffer_draw(&framebuffer, change.place.row, change.place.column, change.cells,
                         change.count);
        cells += change.count;
    }
    store_fence();
    return cells >= SCREEN_CELLS_AT_ONCE;
}

void host_screen_new_guest(void)
{
    if (host_screen_is_there())
        screen_guest_new(&screen);
}
