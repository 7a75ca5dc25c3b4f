/* SPDX-License-Identifier: MIT
 *
 * From Unicode to the glyphs that a screen has: ASCII, and of code page 437 the
 * shades, lines and blocks, with every weight of a line as a single one. What
 * has a likeness in ASCII is that.
 */
#include "hv/screen_text.h"

struct likeness {
    uint16_t code_point;
    uint8_t glyph;
};

static const struct likeness likenesses[] = {
    { 0x00A0, ' ' },  { 0x00AD, '-' },  { 0x00B7, '.' },  { 0x00D7, 'x' },
    { 0x2010, '-' },  { 0x2011, '-' },  { 0x2012, '-' },  { 0x2013, '-' },
    { 0x2014, '-' },  { 0x2018, '\'' }, { 0x2019, '\'' }, { 0x201C, '"' },
    { 0x201D, '"' },  { 0x2022, '*' },  { 0x2026, '.' },  { 0x2190, '<' },
    { 0x2191, '^' },  { 0x2192, '>' },  { 0x2193, 'v' },  { 0x25CF, '*' },
    { 0x2580, 0xDF }, { 0x2584, 0xDC }, { 0x2588, 0xDB }, { 0x258C, 0xDD },
    { 0x2590, 0xDE }, { 0x2591, 0xB0 }, { 0x2592, 0xB1 }, { 0x2593, 0xB2 },
};

/* The arms of a glyph out of lines, as bits: up, down, left, right. */
enum { UP = 1, DOWN = 2, LEFT = 4, RIGHT = 8 };
static const uint8_t by_arms[16] = {
    [UP] = 0xB3, [DOWN] = 0xB3, [UP | DOWN] = 0xB3,
    [LEFT] = 0xC4, [RIGHT] = 0xC4, [LEFT | RIGHT] = 0xC4,
    [DOWN | RIGHT] = 0xDA, [DOWN | LEFT] = 0xBF, [UP | RIGHT] = 0xC0, [UP | LEFT] = 0xD9,
    [UP | DOWN | RIGHT] = 0xC3, [UP | DOWN | LEFT] = 0xB4, [DOWN | LEFT | RIGHT] = 0xC2,
    [UP | LEFT | RIGHT] = 0xC1, [UP | DOWN | LEFT | RIGHT] = 0xC5,
};

/* The block of Unicode from 2500h on: which arms, whatever their weight. */
#define LINES_FIRST 0x2500u
static const struct { uint8_t first, last, arms; } lines[] = {
    { 0x00, 0x01, LEFT | RIGHT }, { 0x02, 0x03, UP | DOWN },
    { 0x04, 0x05, LEFT | RIGHT }, { 0x06, 0x07, UP | DOWN },
    { 0x08, 0x09, LEFT | RIGHT }, { 0x0A, 0x0B, UP | DOWN },
    { 0x0C, 0x0F, DOWN | RIGHT }, { 0x10, 0x13, DOWN | LEFT },
    { 0x14, 0x17, UP | RIGHT }, { 0x18, 0x1B, UP | LEFT },
    { 0x1C, 0x23, UP | DOWN | RIGHT }, { 0x24, 0x2B, UP | DOWN | LEFT },
    { 0x2C, 0x33, DOWN | LEFT | RIGHT }, { 0x34, 0x3B, UP | LEFT | RIGHT },
    { 0x3C, 0x4B, UP | DOWN | LEFT | RIGHT }, { 0x50, 0x50, LEFT | RIGHT },
    { 0x51, 0x51, UP | DOWN }, { 0x52, 0x54, DOWN | RIGHT }, { 0x55, 0x57, DOWN | LEFT },
    { 0x58, 0x5A, UP | RIGHT }, { 0x5B, 0x5D, UP | LEFT }, { 0x5E, 0x60, UP | DOWN | RIGHT },
    { 0x61, 0x63, UP | DOWN | LEFT }, { 0x64, 0x66, DOWN | LEFT | RIGHT },
    { 0x67, 0x69, UP | LEFT | RIGHT }, { 0x6A, 0x6C, UP | DOWN | LEFT | RIGHT },
    { 0x6D, 0x6D, DOWN | RIGHT }, { 0x6E, 0x6E, DOWN | LEFT }, { 0x6F, 0x6F, UP | LEFT },
    { 0x70, 0x70, UP | RIGHT },
};

uint8_t screen_glyph(uint32_t code_point)
{
    if (code_point >= ' ' && code_point <= '~')
        return (uint8_t)code_point;
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (code_point >= LINES_FIRST + lines[i].first && code_point <= LINES_FIRST + lines[i].last)
            return by_arms[lines[i].arms];
    for (unsigned i = 0; i < sizeof likenesses / sizeof likenesses[0]; i++)
        if (likenesses[i].code_point == code_point)
            return likenesses[i].glyph;
    return '?';
}

uint8_t screen_line_glyph(uint8_t byte)
{
    static const char letters[] = "jklmnqtuvwx";
    static const uint8_t glyphs[] = { 0xD9, 0xBF, 0xDA, 0xC0, 0xC5, 0xC4, 0xC3, 0xB4, 0xC1, 0xC2,
                                      0xB3 };

    for (unsigned i = 0; i < sizeof glyphs; i++)
        if (letters[i] == (char)byte)
            return glyphs[i];
    return byte == 'a' ? 0xB1 : byte == '~' ? '.' : byte;
}
