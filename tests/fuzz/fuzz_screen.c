/* SPDX-License-Identifier: MIT
 *
 * Any bytes as a guest's output, on a screen of any size, with lines of the
 * hypervisor between. The screen stays valid, each of these lines stands whole
 * above the cursor when it has ended, no guest's byte makes a cell of the
 * hypervisor's, and those that are left stand in their columns, unchanged.
 * Layouts of framebuffers that pass are drawable, whatever the loader said.
 */
#include <stdlib.h>
#include <string.h>

#include "arch/insn.h"
#include "drivers/framebuffer.h"
#include "drivers/mmio.h"
#include "hv/screen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char line[] = "[bulkhead k2p9] ok"; /* fits into the narrowest screen */
#define LINE_LENGTH (sizeof line - 1)

#define BASE (1ull << 32) /* of a framebuffer, which is only pointed at */

static struct screen screen;
static uint64_t bytes_end;

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void store(const volatile void *at, unsigned bytes)
{
    require((uintptr_t)at >= BASE && (uintptr_t)at - BASE + bytes <= bytes_end);
}

void mmio_write8(volatile uint8_t *at, uint8_t value) { (void)value; store(at, 1); }
void mmio_write16(volatile uint16_t *at, uint16_t value) { (void)value; store(at, 2); }
void mmio_write32(volatile uint32_t *at, uint32_t value) { (void)value; store(at, 4); }

/* Only preparing a text screen wants ports. */
uint8_t in8(uint16_t port) { (void)port; abort(); }
void out8(uint16_t port, uint8_t value) { (void)port; (void)value; abort(); }

static bool is_own(screen_cell_t cell)
{
    return (screen_cell_colours(cell) & SCREEN_BACKGROUND_OWN) != 0;
}

/* How many cells are the hypervisor's; each must be what it was written as. */
static unsigned check_own(void)
{
    unsigned count = 0;

    for (unsigned i = 0; i < screen.rows * screen.columns; i++) {
        unsigned column = i % screen.columns;
        if (!is_own(screen.cells[i]))
            continue;
        count++;
        require(screen_cell_glyph(screen.cells[i])
                == (column < LINE_LENGTH ? (uint8_t)line[column] : ' '));
    }
    return count;
}

static void own_line(void)
{
    screen_own_text(&screen, (const uint8_t *)line, LINE_LENGTH);
    screen_own_text(&screen, (const uint8_t *)"\r\n", 2);
    require(screen_is_valid(&screen) && screen.cursor.column == 0 && screen.cursor.row > 0);
    for (unsigned i = 0; i < screen.columns; i++)
        require(is_own(screen.cells[(screen.cursor.row - 1) * screen.columns + i]));
    (void)check_own();
}

static void draw(void)
{
    struct screen_change change;
    unsigned count = 0;

    while (screen_next_change(&screen, &change))
        require(change.place.row < screen.rows && change.count > 0
                && change.place.column + change.count <= screen.columns
                && (count += change.count) <= screen.rows * screen.columns);
    require(!screen_next_change(&screen, &change));
}

static void write_all(const uint8_t *data, size_t size)
{
    size_t chunk = 1 + data[0] % 64;

    for (size_t at = 1; at < size; at += chunk) {
        unsigned before = check_own();
        screen_guest_text(&screen, data + at, size - at < chunk ? size - at : chunk);
        require(screen_is_valid(&screen));
        require(check_own() <= before);
        draw();
        own_line();
    }
}

static void draw_corners(const uint8_t *data)
{
    struct framebuffer_layout layout;
    struct framebuffer framebuffer;

    memcpy(&layout, data, sizeof layout);
    layout.kind = data[0] & 1 ? FRAMEBUFFER_TEXT : FRAMEBUFFER_PIXELS;
    if (framebuffer_problem(&layout) != NULL)
        return;
    bytes_end = framebuffer_bytes(&layout);
    framebuffer_init(&framebuffer, &layout, (volatile uint8_t *)BASE, SCREEN_COLUMNS_MAX, SCREEN_ROWS_MAX);
    require(framebuffer.columns <= SCREEN_COLUMNS_MAX && framebuffer.rows <= SCREEN_ROWS_MAX);
    if (framebuffer.columns != 0 && framebuffer.rows != 0)
        framebuffer_draw(&framebuffer, framebuffer.rows - 1, framebuffer.columns - 1,
                         &(uint16_t){ 0x1741 }, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < sizeof(struct framebuffer_layout))
        return 0;
    draw_corners(data);
    screen_init(&screen, SCREEN_COLUMNS_MIN + data[0] % 70, SCREEN_ROWS_MIN + data[1] % 22);
    write_all(data, size);
    return 0;
}
