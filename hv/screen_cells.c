/* SPDX-License-Identifier: MIT
 *
 * See screen_cells.h. Also which cells have to be drawn: each row remembers
 * whether it was touched, and cells are compared with what was drawn last, so a
 * screen that scrolled costs only the cells that look different.
 */
#include "hv/screen_cells.h"

#include "hv/check.h"
#include "hv/text.h"

static screen_cell_t *row_at(struct screen *screen, unsigned row)
{
    CHECK(row < screen->rows);
    return screen->cells + (size_t)row * screen->columns;
}

static void touch(struct screen *screen, unsigned row)
{
    screen->changed[row] = true;
    if (row <= screen->first_changed) {
        screen->first_changed = row;
        screen->next_column = 0;
    }
}

static screen_cell_t blank(uint8_t colours)
{
    return (screen_cell_t)(colours << 8 | ' ');
}

static bool is_own(screen_cell_t cell)
{
    return (screen_cell_colours(cell) & SCREEN_BACKGROUND_OWN) != 0;
}

void screen_cell_put(struct screen *screen, struct screen_place place, screen_cell_t cell)
{
    CHECK(place.column < screen->columns);
    row_at(screen, place.row)[place.column] = cell;
    touch(screen, place.row);
}

void screen_row_fill(struct screen *screen, unsigned row, unsigned first, unsigned end,
                     uint8_t colours)
{
    screen_cell_t *cells = row_at(screen, row);
    CHECK(end <= screen->columns);
    for (unsigned i = first; i < end; i++)
        cells[i] = blank(colours);
    touch(screen, row);
}

static void erase_own(struct screen *screen, unsigned row)
{
    screen_cell_t *cells = row_at(screen, row);
    for (unsigned i = 0; i < screen->columns; i++)
        if (is_own(cells[i]))
            cells[i] = blank(SCREEN_COLOURS_GUEST);
}

static void prepare_move(struct screen *screen, struct screen_rows rows, bool keeps_own)
{
    CHECK(rows.first < rows.end && rows.end <= screen->rows);
    for (unsigned row = rows.first; row < rows.end; row++) {
        if (!keeps_own)
            erase_own(screen, row);
        touch(screen, row);
    }
}

static void copy_row(struct screen *screen, unsigned to, unsigned from)
{
    memcpy(row_at(screen, to), row_at(screen, from), screen->columns * sizeof(screen_cell_t));
}

void screen_rows_up(struct screen *screen, struct screen_rows rows, unsigned count,
                    uint8_t colours)
{
    unsigned kept = rows.end - rows.first - count;
    bool whole = rows.first == 0 && rows.end == screen->rows;

    prepare_move(screen, rows, whole);
    for (unsigned row = rows.first; row < rows.first + kept; row++)
        copy_row(screen, row, row + count);
    for (unsigned row = rows.first + kept; row < rows.end; row++)
        screen_row_fill(screen, row, 0, screen->columns, colours);
}

void screen_rows_down(struct screen *screen, struct screen_rows rows, unsigned count,
                      uint8_t colours)
{
    unsigned kept = rows.end - rows.first - count;

    prepare_move(screen, rows, false);
    for (unsigned row = rows.end; row > rows.end - kept; row--)
        copy_row(screen, row - 1, row - 1 - count);
    for (unsigned row = rows.first; row < rows.first + count; row++)
        screen_row_fill(screen, row, 0, screen->columns, colours);
}

void screen_cells_left(struct screen *screen, struct screen_place place, unsigned count,
                       uint8_t colours)
{
    screen_cell_t *cells = row_at(screen, place.row);
    unsigned kept = screen->columns - place.column - count;

    erase_own(screen, place.row);
    memmove(cells + place.column, cells + place.column + count, kept * sizeof *cells);
    screen_row_fill(screen, place.row, place.column + kept, screen->columns, colours);
}

void screen_cells_right(struct screen *screen, struct screen_place place, unsigned count,
                        uint8_t colours)
{
    screen_cell_t *cells = row_at(screen, place.row);
    unsigned kept = screen->columns - place.column - count;

    erase_own(screen, place.row);
    memmove(cells + place.column + count, cells + place.column, kept * sizeof *cells);
    screen_row_fill(screen, place.row, place.column, place.column + count, colours);
}

/* Where the cursor is drawn in this row; no column, if it is not there. */
static unsigned cursor_column(const struct screen *screen, unsigned row)
{
    if (screen->cursor_hidden || row != screen->cursor.row)
        return screen->columns;
    return screen->cursor.column < screen->columns ? screen->cursor.column : screen->columns - 1;
}

/* The cursor swaps the colours of its cell. */
static screen_cell_t looks(const screen_cell_t *cells, unsigned column, unsigned cursor)
{
    screen_cell_t cell = cells[column];
    uint8_t colours = screen_cell_colours(cell);
    if (column != cursor)
        return cell;
    return (screen_cell_t)((colours & 7) << 12 | (colours >> 4 & 7) << 8 | screen_cell_glyph(cell));
}

static bool next_in_row(struct screen *screen, unsigned row, struct screen_change *change)
{
    const screen_cell_t *cells = screen->cells + (size_t)row * screen->columns;
    screen_cell_t *drawn = screen->drawn + (size_t)row * screen->columns;
    unsigned cursor = cursor_column(screen, row);
    unsigned first = screen->next_column, end;

    while (first < screen->columns && looks(cells, first, cursor) == drawn[first])
        first++;
    for (end = first; end < screen->columns; end++) {
        screen_cell_t cell = looks(cells, end, cursor);
        if (cell == drawn[end])
            break;
        drawn[end] = cell;
    }
    screen->next_column = first < screen->columns ? end : 0;
    *change = (struct screen_change){ { row, first }, end - first, drawn + first };
    return first < screen->columns;
}

static void touch_cursor(struct screen *screen)
{
    if (screen->drawn_cursor.row == screen->cursor.row
        && screen->drawn_cursor.column == screen->cursor.column
        && screen->drawn_cursor_hidden == screen->cursor_hidden)
        return;
    touch(screen, screen->drawn_cursor.row);
    touch(screen, screen->cursor.row);
    screen->drawn_cursor = screen->cursor;
    screen->drawn_cursor_hidden = screen->cursor_hidden;
}

bool screen_next_change(struct screen *screen, struct screen_change *change)
{
    touch_cursor(screen);
    for (; screen->first_changed < screen->rows; screen->first_changed++) {
        unsigned row = screen->first_changed;
        if (screen->changed[row] && next_in_row(screen, row, change))
            return true;
        screen->changed[row] = false;
    }
    return false;
}

void screen_redraw(struct screen *screen)
{
    memset(screen->drawn, 0, sizeof screen->drawn); /* no cell looks so */
    for (unsigned row = 0; row < screen->rows; row++)
        touch(screen, row);
}
