/* SPDX-License-Identifier: MIT
 *
 * Cells of the screen, for the files hv/screen*.c alone: writing, erasing,
 * moving. Places and ranges are inside the screen; the callers cut them.
 */
#pragma once

#include "hv/screen.h"

/* Rows `first` to `end - 1`, and so on. */
struct screen_rows {
    unsigned first;
    unsigned end;
};

void screen_cell_put(struct screen *screen, struct screen_place place, screen_cell_t cell);
void screen_row_fill(struct screen *screen, unsigned row, unsigned first, unsigned end,
                     uint8_t colours);

/* The rows move up or down by `count`, at most as many as there are; what comes
 * in is blank. Of the hypervisor's cells only those go along that move up with
 * the whole screen; the others are erased. */
void screen_rows_up(struct screen *screen, struct screen_rows rows, unsigned count,
                    uint8_t colours);
void screen_rows_down(struct screen *screen, struct screen_rows rows, unsigned count,
                      uint8_t colours);

/* The rest of the row moves left (cells are deleted) or right (inserted). */
void screen_cells_left(struct screen *screen, struct screen_place place, unsigned count,
                       uint8_t colours);
void screen_cells_right(struct screen *screen, struct screen_place place, unsigned count,
                        uint8_t colours);
