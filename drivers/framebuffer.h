/* SPDX-License-Identifier: MIT
 *
 * Draws cells into a framebuffer as the boot loader left it: pixels of any RGB
 * layout, or EGA's text memory. Nothing is ever read from it, and every store is
 * within the sizes that framebuffer_problem() approved.
 *
 * A cell is as in EGA's text memory: a glyph of code page 437, and its colours
 * in the high byte.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum framebuffer_kind { FRAMEBUFFER_PIXELS, FRAMEBUFFER_TEXT };

/* Position and width of a colour in a pixel, in bits. */
struct framebuffer_colour {
    uint8_t position;
    uint8_t bits;
};

struct framebuffer_layout {
    enum framebuffer_kind kind;
    uint64_t address; /* physical */
    uint32_t pitch_bytes;
    uint32_t width; /* pixels, or characters of a text screen */
    uint32_t height;
    uint8_t bits_per_pixel;
    struct framebuffer_colour red, green, blue; /* of pixels */
};

struct framebuffer {
    struct framebuffer_layout layout;
    volatile uint8_t *base; /* mapped there, for framebuffer_bytes() */
    unsigned columns; /* in cells */
    unsigned rows;
    unsigned scale;   /* a point of a glyph is a square of so many pixels */
    uint32_t palette[16];
};

/* Why it cannot be drawn to, or NULL. */
const char *framebuffer_problem(const struct framebuffer_layout *layout);

/* Of a layout without a problem. */
uint64_t framebuffer_bytes(const struct framebuffer_layout *layout);

/* Decides how many cells there are: at most these, with glyphs that are the
 * larger the more pixels there are. */
void framebuffer_init(struct framebuffer *framebuffer, const struct framebuffer_layout *layout,
                      volatile uint8_t *base, unsigned columns_max, unsigned rows_max);

/* Cells of one row, from this column on, inside the columns and rows. */
void framebuffer_draw(const struct framebuffer *framebuffer, unsigned row, unsigned column,
                      const uint16_t *cells, unsigned count);

/* What no cell covers, at the right and at the bottom, becomes black; the cursor
 * of a text screen is put away and its bright backgrounds do not blink. */
void framebuffer_clear_rest(const struct framebuffer *framebuffer);
