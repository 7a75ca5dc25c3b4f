/* SPDX-License-Identifier: MIT
 *
 * The glyphs of code page 437 that the screen's cells use: ASCII, lines, blocks.
 */
#pragma once

#include <stdint.h>

#define FONT_COLUMNS 8
#define FONT_ROWS 16

/* The pixels of one row, from 0 at the top; bit 7 is the leftmost. */
uint8_t font_row(uint8_t glyph, unsigned row);
