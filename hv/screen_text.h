/* SPDX-License-Identifier: MIT
 *
 * Between the files hv/screen*.c: what bytes mean.
 */
#pragma once

#include "hv/screen.h"

/* The colours of a guest's cell. */
uint8_t screen_pen_colours(const struct screen_pen *pen);

/* ESC [ numbers m: SGR. */
void screen_pen_set(struct screen_pen *pen, const unsigned *numbers, unsigned count);

/* ESC [ numbers and a final byte: moves, erases, and so on. */
void screen_control(struct screen *screen, uint8_t final);

/* A glyph of code page 437 that looks like the character, or '?'. */
uint8_t screen_glyph(uint32_t code_point);
/* ... of DEC's line drawing characters, which have the codes of letters. */
uint8_t screen_line_glyph(uint8_t byte);

/* The cursor goes down a row, or the rows that scroll go up. */
void screen_line_feed(struct screen *screen);
void screen_cursor_set(struct screen *screen, unsigned row, unsigned column);
void screen_cursor_save(struct screen *screen);
void screen_cursor_restore(struct screen *screen);
