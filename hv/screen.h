/* SPDX-License-Identifier: MIT
 *
 * What the screen shows: cells, a cursor, and the part of VT100, ANSI and xterm
 * that the consoles of kernels and shells use. Pure; whoever has pixels asks
 * which cells changed and draws those.
 *
 * The hypervisor's lines have a background that no guest can make. A guest may
 * erase or scroll them off, as on any terminal, but not change them: what it
 * writes over them has its own background, and what it moves, by anything but
 * scrolling the whole screen up, does not take them along.
 *
 * Every byte costs a bounded time, at most a move of all cells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_COLUMNS_MAX 240
#define SCREEN_ROWS_MAX 75
#define SCREEN_COLUMNS_MIN 20
#define SCREEN_ROWS_MIN 4

/* Drawn in one go, or a row's more; and so often at most for all of them. */
#define SCREEN_CELLS_AT_ONCE 128u
#define SCREEN_PARTS_MAX (SCREEN_COLUMNS_MAX * SCREEN_ROWS_MAX / SCREEN_CELLS_AT_ONCE + 1)

/* As in EGA's text memory: a glyph of code page 437, and its colours above it,
 * foreground in four bits, background in the next four. */
typedef uint16_t screen_cell_t;

#define SCREEN_COLOURS_GUEST 0x07u /* before it says otherwise */
#define SCREEN_COLOURS_OWN 0x8Fu
#define SCREEN_BACKGROUND_OWN 0x80u /* in the background of no guest's cell */

static inline uint8_t screen_cell_glyph(screen_cell_t cell)
{
    return (uint8_t)cell;
}

static inline uint8_t screen_cell_colours(screen_cell_t cell)
{
    return (uint8_t)(cell >> 8);
}

/* A row and a column, from 0; column == columns: the next character wraps. */
struct screen_place {
    unsigned row;
    unsigned column;
};

struct screen_pen {
    uint8_t foreground; /* colours in EGA's order, 0 to 15 */
    uint8_t background; /* 0 to 7 */
    bool bold;
    bool reverse;
    bool concealed;
    bool line_drawing; /* DEC's: letters stand for lines */
};

struct screen_saved {
    struct screen_place cursor;
    struct screen_pen pen;
};

#define SCREEN_NUMBERS_MAX 16

/* How far a guest is in an escape sequence or in a character of several bytes. */
enum screen_state {
    SCREEN_TEXT,
    SCREEN_ESCAPE,       /* ESC */
    SCREEN_ESCAPE_SKIP,  /* ESC and intermediates, of no meaning here */
    SCREEN_CHARSET,      /* ESC ( */
    SCREEN_CONTROL,      /* ESC [ */
    SCREEN_CONTROL_SKIP, /* ... with what is not understood, up to its end */
    SCREEN_STRING,       /* titles and the like, up to BEL or ESC \ */
};

struct screen_parser {
    enum screen_state state;
    bool question; /* ESC [ ? */
    unsigned number_count;
    unsigned numbers[SCREEN_NUMBERS_MAX];
    uint8_t character[4]; /* of UTF-8, not complete */
    unsigned character_bytes;
};

struct screen {
    unsigned columns;
    unsigned rows;
    struct screen_place cursor;
    bool cursor_hidden;
    bool no_wrap;
    unsigned top;    /* the rows that scroll: top to bottom - 1 */
    unsigned bottom;
    struct screen_pen pen;
    struct screen_saved saved;
    struct screen_parser parser;
    bool in_own_line;

    bool changed[SCREEN_ROWS_MAX]; /* rows that may have to be drawn */
    unsigned first_changed;        /* none above it has; from next_column on */
    unsigned next_column;
    struct screen_place drawn_cursor;
    bool drawn_cursor_hidden;
    screen_cell_t cells[SCREEN_ROWS_MAX * SCREEN_COLUMNS_MAX]; /* row by row, `columns` each */
    screen_cell_t drawn[SCREEN_ROWS_MAX * SCREEN_COLUMNS_MAX];
};

/* Blank. Sizes are cut to the limits above. */
void screen_init(struct screen *screen, unsigned columns, unsigned rows);

/* Output of the guest in focus; text of the hypervisor. Whoever goes on after
 * the other finds his own state as he left it. */
void screen_guest_text(struct screen *screen, const uint8_t *bytes, size_t count);
void screen_own_text(struct screen *screen, const uint8_t *bytes, size_t count);

/* What follows is another guest's: nothing of the last one's colours, modes and
 * half sequences is left, only what it wrote. */
void screen_guest_new(struct screen *screen);

/* Whether cells look different from how they were drawn last: so many from this
 * place on, in one row, and as what to draw them now. Until it returns false. */
struct screen_change {
    struct screen_place place;
    unsigned count;
    const screen_cell_t *cells;
};
bool screen_next_change(struct screen *screen, struct screen_change *change);

/* All of it is to be drawn again. */
void screen_redraw(struct screen *screen);

/* What holds between calls, whatever the guest wrote. */
bool screen_is_valid(const struct screen *screen);
