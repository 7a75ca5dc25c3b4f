/* SPDX-License-Identifier: MIT
 *
 * SGR, see screen_text.h: ECMA-48 5th edition, "8.3.117 SGR - SELECT GRAPHIC
 * RENDITION", and what xterm adds, 16, 256 and all colours. A screen has 16
 * colours for characters and 8 behind them; the nearest by what its bits are.
 */
#include "hv/screen_text.h"

#define COLOUR_BRIGHT 8u
#define CUBE_FIRST 16u
#define GREY_FIRST 232u

/* ANSI counts red, green, blue from the lowest bit; EGA the other way. */
static uint8_t ega_colour(unsigned ansi)
{
    return (uint8_t)((ansi & 10) | (ansi & 1) << 2 | (ansi >> 2 & 1));
}

/* The nearest of 16; channels from 0 to 255. */
static uint8_t nearest(unsigned red, unsigned green, unsigned blue)
{
    unsigned strongest = red > green ? red : green;
    strongest = strongest > blue ? strongest : blue;
    if (strongest < 64)
        return 0;
    unsigned half = strongest / 2;
    unsigned ansi = (red > half ? 1 : 0) | (green > half ? 2 : 0) | (blue > half ? 4 : 0);
    return ega_colour(strongest >= 192 ? ansi | COLOUR_BRIGHT : ansi);
}

static uint8_t indexed(unsigned index)
{
    static const uint8_t levels[6] = { 0, 95, 135, 175, 215, 255 };

    if (index < CUBE_FIRST)
        return ega_colour(index);
    if (index < GREY_FIRST) {
        unsigned cube = index - CUBE_FIRST;
        return nearest(levels[cube / 36], levels[cube / 6 % 6], levels[cube % 6]);
    }
    unsigned grey = 8 + 10 * ((index < 255 ? index : 255) - GREY_FIRST);
    return nearest(grey, grey, grey);
}

/* 38 or 48, then 5 and an index, or 2 and three channels: returns how many
 * numbers behind the first one that takes. */
static unsigned extended(uint8_t *colour, const unsigned *numbers, unsigned count)
{
    if (count >= 3 && numbers[1] == 5) {
        *colour = indexed(numbers[2]);
        return 2;
    }
    if (count >= 5 && numbers[1] == 2) {
        *colour = nearest(numbers[2], numbers[3], numbers[4]);
        return 4;
    }
    return count - 1;
}

static void set_simple(struct screen_pen *pen, unsigned number)
{
    switch (number) {
    case 0:
        pen->bold = pen->reverse = pen->concealed = false;
        pen->foreground = SCREEN_COLOURS_GUEST & 0xF;
        pen->background = SCREEN_COLOURS_GUEST >> 4;
        return;
    case 1: pen->bold = true; return;
    case 7: pen->reverse = true; return;
    case 8: pen->concealed = true; return;
    case 21: case 22: pen->bold = false; return;
    case 27: pen->reverse = false; return;
    case 28: pen->concealed = false; return;
    case 39: pen->foreground = SCREEN_COLOURS_GUEST & 0xF; return;
    case 49: pen->background = SCREEN_COLOURS_GUEST >> 4; return;
    default: break;
    }
    if (number >= 30 && number <= 37)
        pen->foreground = ega_colour(number - 30);
    else if (number >= 40 && number <= 47)
        pen->background = ega_colour(number - 40);
    else if (number >= 90 && number <= 97)
        pen->foreground = ega_colour(number - 90) | COLOUR_BRIGHT;
    else if (number >= 100 && number <= 107)
        pen->background = ega_colour(number - 100);
}

void screen_pen_set(struct screen_pen *pen, const unsigned *numbers, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint8_t colour = 0;
        if (numbers[i] == 38) {
            colour = pen->foreground;
            i += extended(&colour, numbers + i, count - i);
            pen->foreground = colour;
        } else if (numbers[i] == 48) {
            colour = pen->background;
            i += extended(&colour, numbers + i, count - i);
            pen->background = colour & 7;
        } else {
            set_simple(pen, numbers[i]);
        }
    }
}

uint8_t screen_pen_colours(const struct screen_pen *pen)
{
    unsigned foreground = pen->foreground | (pen->bold ? COLOUR_BRIGHT : 0);
    unsigned background = pen->background;

    if (pen->reverse) {
        background = foreground & 7;
        foreground = pen->background;
    }
    if (pen->concealed)
        foreground = background;
    return (uint8_t)(background << 4 | foreground);
}
