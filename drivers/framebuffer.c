/* SPDX-License-Identifier: MIT
 *
 * See framebuffer.h. A store is of one pixel, of whole pairs of bytes where a
 * pixel has them. For text screens: IBM's Enhanced Graphics Adapter reference,
 * "Attribute Controller" and "CRT Controller", as every VGA has them.
 */
#include "drivers/framebuffer.h"

#include "arch/insn.h"
#include "drivers/font.h"
#include "drivers/mmio.h"

#define BYTES_MAX (256u << 20) /* of all rows: 8192 by 8192 pixels of 32 bits */
#define SIDE_MAX 16384u
#define ADDRESS_BITS 52
#define CELL_BYTES 2

enum {
    CRTC_INDEX = 0x3D4,
    CRTC_DATA = 0x3D5,
    CRTC_CURSOR_START = 0x0A,
    CRTC_CURSOR_OFF = 0x20,
    ATTRIBUTE_INDEX = 0x3C0, /* also its data, the second time after INPUT_STATUS is read */
    ATTRIBUTE_READ = 0x3C1,
    ATTRIBUTE_MODE = 0x10,
    ATTRIBUTE_PALETTE_ON = 0x20,
    ATTRIBUTE_MODE_BLINK = 0x08,
    INPUT_STATUS = 0x3DA,
};

static unsigned unit_bytes(const struct framebuffer_layout *layout)
{
    return layout->kind == FRAMEBUFFER_TEXT ? CELL_BYTES : (layout->bits_per_pixel + 7u) / 8;
}

static const char *colour_problem(const struct framebuffer_layout *layout)
{
    const struct framebuffer_colour *colours[] = { &layout->red, &layout->green, &layout->blue };

    for (unsigned i = 0; i < 3; i++)
        if (colours[i]->bits == 0 || colours[i]->bits > 16
            || colours[i]->position + colours[i]->bits > layout->bits_per_pixel)
            return "a colour lies outside its pixel";
    return NULL;
}

const char *framebuffer_problem(const struct framebuffer_layout *layout)
{
    uint32_t unit = unit_bytes(layout);
    uint64_t bytes = (uint64_t)layout->pitch_bytes * layout->height;

    if (layout->kind == FRAMEBUFFER_PIXELS
        && (layout->bits_per_pixel < 15 || layout->bits_per_pixel > 32))
        return "its pixels do not have 15 to 32 bits";
    if (layout->width == 0 || layout->height == 0 || layout->width > SIDE_MAX
        || layout->height > SIDE_MAX)
        return "its size is impossible";
    if (layout->pitch_bytes / unit < layout->width || bytes > BYTES_MAX)
        return "its rows are of impossible length";
    if (layout->address == 0 || layout->address >> ADDRESS_BITS != 0
        || (layout->address | layout->pitch_bytes) % (unit == 3 ? 1 : unit) != 0)
        return "its address is impossible";
    if (layout->kind == FRAMEBUFFER_PIXELS)
        return colour_problem(layout);
    return NULL;
}

uint64_t framebuffer_bytes(const struct framebuffer_layout *layout)
{
    return (uint64_t)layout->pitch_bytes * layout->height;
}

/* Of a channel from 0 to 255, its highest bits. */
static uint32_t channel(struct framebuffer_colour colour, uint32_t value)
{
    uint32_t wide = value << 8 | value;
    return wide >> (16 - colour.bits) << colour.position;
}

/* The colours of EGA: a bit each for blue, green, red and brightness, and brown
 * in place of dark yellow. The eighth is the hypervisor's background, and so
 * darker than its usual grey. */
static void make_palette(struct framebuffer *framebuffer)
{
    const struct framebuffer_layout *layout = &framebuffer->layout;

    for (unsigned i = 0; i < 16; i++) {
        uint32_t on = i >= 8 ? 0xFF : 0xAA, off = i > 8 ? 0x55 : 0;
        uint32_t red = i & 4 ? on : off, green = i & 2 ? on : off, blue = i & 1 ? on : off;
        if (i == 6)
            green = 0x55;
        if (i == 8)
            red = green = blue = 0x40;
        framebuffer->palette[i] = channel(layout->red, red) | channel(layout->green, green)
            | channel(layout->blue, blue);
    }
}

void framebuffer_init(struct framebuffer *framebuffer, const struct framebuffer_layout *layout,
                      volatile uint8_t *base, unsigned columns_max, unsigned rows_max)
{
    unsigned across = layout->width, down = layout->height, scale = 1;

    *framebuffer = (struct framebuffer){ .layout = *layout, .base = base };
    if (layout->kind == FRAMEBUFFER_PIXELS) {
        across /= FONT_COLUMNS;
        down /= FONT_ROWS;
        while (across / scale > columns_max || down / scale > rows_max)
            scale++;
        make_palette(framebuffer);
    }
    across /= scale;
    down /= scale;
    framebuffer->columns = across < columns_max ? across : columns_max;
    framebuffer->rows = down < rows_max ? down : rows_max;
    framebuffer->scale = scale;
}

static void store_pixel(volatile uint8_t *at, unsigned bytes, uint32_t value)
{
    if (bytes == 4) {
        mmio_write32((volatile uint32_t *)at, value);
    } else if (bytes == 2) {
        mmio_write16((volatile uint16_t *)at, (uint16_t)value);
    } else {
        mmio_write8(at, (uint8_t)value);
        mmio_write8(at + 1, (uint8_t)(value >> 8));
        mmio_write8(at + 2, (uint8_t)(value >> 16));
    }
}

/* As most screens are: a whole one of them takes a million stores. */
static void draw_row_32(volatile uint32_t *at, uint8_t bits, const uint32_t colours[2])
{
    for (unsigned i = 0; i < FONT_COLUMNS; i++)
        mmio_write32(at + i, colours[bits >> (FONT_COLUMNS - 1 - i) & 1]);
}

/* A row of a glyph, as a row of pixels. */
static void draw_row(volatile uint8_t *at, unsigned bytes, unsigned scale, uint8_t bits,
                     const uint32_t colours[2])
{
    if (bytes == 4 && scale == 1) {
        draw_row_32((volatile uint32_t *)at, bits, colours);
        return;
    }
    for (unsigned i = 0; i < FONT_COLUMNS; i++) {
        uint32_t colour = colours[bits >> (FONT_COLUMNS - 1 - i) & 1];
        for (unsigned j = 0; j < scale; j++, at += bytes)
            store_pixel(at, bytes, colour);
    }
}

static void draw_pixels(const struct framebuffer *framebuffer, unsigned row, unsigned column,
                        uint16_t cell)
{
    const struct framebuffer_layout *layout = &framebuffer->layout;
    unsigned bytes = unit_bytes(layout), scale = framebuffer->scale;
    const uint32_t colours[2] = { framebuffer->palette[cell >> 12],
                                  framebuffer->palette[cell >> 8 & 0xF] };
    volatile uint8_t *at = framebuffer->base
        + (uint64_t)row * FONT_ROWS * scale * layout->pitch_bytes
        + (uint64_t)column * FONT_COLUMNS * scale * bytes;

    for (unsigned i = 0; i < FONT_ROWS * scale; i++, at += layout->pitch_bytes)
        draw_row(at, bytes, scale, font_row((uint8_t)cell, i / scale), colours);
}

static void draw_text(const struct framebuffer *framebuffer, unsigned row, unsigned column,
                      const uint16_t *cells, unsigned count)
{
    volatile uint8_t *at = framebuffer->base + (uint64_t)row * framebuffer->layout.pitch_bytes
        + (uint64_t)column * CELL_BYTES;

    for (unsigned i = 0; i < count; i++)
        mmio_write16((volatile uint16_t *)(at + i * CELL_BYTES), cells[i]);
}

void framebuffer_draw(const struct framebuffer *framebuffer, unsigned row, unsigned column,
                      const uint16_t *cells, unsigned count)
{
    if (framebuffer->layout.kind == FRAMEBUFFER_TEXT) {
        draw_text(framebuffer, row, column, cells, count);
        return;
    }
    for (unsigned i = 0; i < count; i++)
        draw_pixels(framebuffer, row, column + i, cells[i]);
}

static void prepare_text(void)
{
    out8(CRTC_INDEX, CRTC_CURSOR_START);
    out8(CRTC_DATA, CRTC_CURSOR_OFF);
    (void)in8(INPUT_STATUS);
    out8(ATTRIBUTE_INDEX, ATTRIBUTE_MODE | ATTRIBUTE_PALETTE_ON);
    uint8_t mode = in8(ATTRIBUTE_READ);
    out8(ATTRIBUTE_INDEX, mode & (uint8_t)~ATTRIBUTE_MODE_BLINK);
}

static void blacken(const struct framebuffer *framebuffer, uint32_t y, uint32_t first_x)
{
    unsigned bytes = unit_bytes(&framebuffer->layout);
    volatile uint8_t *line = framebuffer->base + (uint64_t)y * framebuffer->layout.pitch_bytes;

    for (uint32_t x = first_x; x < framebuffer->layout.width; x++)
        store_pixel(line + (uint64_t)x * bytes, bytes, 0);
}

void framebuffer_clear_rest(const struct framebuffer *framebuffer)
{
    if (framebuffer->layout.kind == FRAMEBUFFER_TEXT) {
        prepare_text();
        return;
    }
    uint32_t covered = framebuffer->columns * FONT_COLUMNS * framebuffer->scale;
    uint32_t covered_down = framebuffer->rows * FONT_ROWS * framebuffer->scale;
    for (uint32_t y = 0; y < framebuffer->layout.height; y++)
        blacken(framebuffer, y, y < covered_down ? covered : 0);
}
