/* SPDX-License-Identifier: MIT
 *
 * ESC [ sequences by their final byte; see screen_text.h. A number that is not
 * given is 0, and 0 means 1 where something is counted. What asks for an answer
 * gets none: a screen has no way back to the guest.
 */
#include "hv/screen_cells.h"
#include "hv/screen_text.h"

enum { PRIVATE_WRAP = 7, PRIVATE_CURSOR = 25 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned number(const struct screen *screen, unsigned index)
{
    return index < screen->parser.number_count ? screen->parser.numbers[index] : 0;
}

static unsigned count(const struct screen *screen, unsigned index)
{
    unsigned given = number(screen, index);
    return given != 0 ? given : 1;
}

/* Erased cells have the pen's background. */
static uint8_t blank_colours(const struct screen *screen)
{
    return screen_pen_colours(&screen->pen) & 0xF7;
}

static unsigned cursor_column(const struct screen *screen)
{
    return least(screen->cursor.column, screen->columns - 1);
}

static void move_vertically(struct screen *screen, int direction)
{
    unsigned row = screen->cursor.row;
    unsigned first = row >= screen->top ? screen->top : 0;
    unsigned end = row < screen->bottom ? screen->bottom : screen->rows;
    unsigned rows = count(screen, 0);

    if (direction < 0)
        row -= least(rows, row - first);
    else
        row += least(rows, end - 1 - row);
    screen_cursor_set(screen, row, cursor_column(screen));
}

static void erase_rows(struct screen *screen, unsigned first, unsigned end)
{
    for (unsigned row = first; row < end; row++)
        screen_row_fill(screen, row, 0, screen->columns, blank_colours(screen));
}

/* From the cursor on, up to it, or all. */
static void erase_in_row(struct screen *screen)
{
    unsigned column = cursor_column(screen);
    unsigned what = number(screen, 0);

    if (what <= 2)
        screen_row_fill(screen, screen->cursor.row, what == 0 ? column : 0,
                        what == 1 ? column + 1 : screen->columns, blank_colours(screen));
}

static void erase_in_screen(struct screen *screen)
{
    unsigned what = number(screen, 0);

    if (what <= 1)
        erase_in_row(screen);
    if (what == 0)
        erase_rows(screen, screen->cursor.row + 1, screen->rows);
    else if (what == 1)
        erase_rows(screen, 0, screen->cursor.row);
    else if (what <= 3)
        erase_rows(screen, 0, screen->rows);
}

static void erase_cells(struct screen *screen)
{
    unsigned column = cursor_column(screen);
    unsigned end = column + least(count(screen, 0), screen->columns - column);

    screen_row_fill(screen, screen->cursor.row, column, end, blank_colours(screen));
}

/* From the cursor's row on if `from_cursor`, else all rows that scroll. */
static void move_rows(struct screen *screen, bool from_cursor, bool up)
{
    struct screen_rows rows = { from_cursor ? screen->cursor.row : screen->top, screen->bottom };

    if (rows.first < screen->top || rows.first >= screen->bottom)
        return;
    unsigned by = least(count(screen, 0), rows.end - rows.first);
    if (up)
        screen_rows_up(screen, rows, by, blank_colours(screen));
    else
        screen_rows_down(screen, rows, by, blank_colours(screen));
}

static void move_cells(struct screen *screen, bool left)
{
    struct screen_place place = { screen->cursor.row, cursor_column(screen) };
    unsigned by = least(count(screen, 0), screen->columns - place.column);

    if (left)
        screen_cells_left(screen, place, by, blank_colours(screen));
    else
        screen_cells_right(screen, place, by, blank_colours(screen));
}

static void set_region(struct screen *screen)
{
    unsigned top = count(screen, 0) - 1;
    unsigned bottom = number(screen, 1);

    if (bottom == 0 || bottom > screen->rows)
        bottom = screen->rows;
    if (top + 1 >= bottom) /* one row does not scroll */
        return;
    screen->top = top;
    screen->bottom = bottom;
    screen_cursor_set(screen, 0, 0);
}

static void set_private_modes(struct screen *screen, bool on)
{
    for (unsigned i = 0; i < screen->parser.number_count; i++) {
        if (screen->parser.numbers[i] == PRIVATE_WRAP)
            screen->no_wrap = !on;
        if (screen->parser.numbers[i] == PRIVATE_CURSOR)
            screen->cursor_hidden = !on;
    }
}

static void move_cursor(struct screen *screen, uint8_t final)
{
    unsigned row = screen->cursor.row;
    unsigned column = cursor_column(screen);
    unsigned by = count(screen, 0);

    switch (final) {
    case 'C':
    case 'a':
        screen_cursor_set(screen, row, column + by);
        return;
    case 'D':
        screen_cursor_set(screen, row, column - least(by, column));
        return;
    case 'G':
    case '`':
        screen_cursor_set(screen, row, by - 1);
        return;
    case 'd':
        screen_cursor_set(screen, by - 1, column);
        return;
    default: /* H and f */
        screen_cursor_set(screen, by - 1, count(screen, 1) - 1);
        return;
    }
}

void screen_control(struct screen *screen, uint8_t final)
{
    if (screen->parser.question) {
        if (final == 'h' || final == 'l')
            set_private_modes(screen, final == 'h');
        return;
    }
    switch (final) {
    case 'A': move_vertically(screen, -1); return;
    case 'B': case 'e': move_vertically(screen, 1); return;
    case 'E': move_vertically(screen, 1); screen->cursor.column = 0; return;
    case 'F': move_vertically(screen, -1); screen->cursor.column = 0; return;
    case 'C': case 'a': case 'D': case 'G': case '`': case 'd': case 'H': case 'f':
        move_cursor(screen, final);
        return;
    case 'J': erase_in_screen(screen); return;
    case 'K': erase_in_row(screen); return;
    case 'X': erase_cells(screen); return;
    case 'L': move_rows(screen, true, false); return;
    case 'M': move_rows(screen, true, true); return;
    case 'S': move_rows(screen, false, true); return;
    case 'T': move_rows(screen, false, false); return;
    case '@': move_cells(screen, false); return;
    case 'P': move_cells(screen, true); return;
    case 'm':
        screen_pen_set(&screen->pen, screen->parser.numbers, screen->parser.number_count);
        return;
    case 'r': set_region(screen); return;
    case 's': screen_cursor_save(screen); return;
    case 'u': screen_cursor_restore(screen); return;
    default: return;
    }
}
