/* SPDX-License-Identifier: MIT
 *
 * Rows of boxes, one for each part of the machine of a sort: what it is above, whose
 * it is below.
 */
#pragma once

#include <stdbool.h>

#include "tools/svg_draw.h"

struct svg_grid {
    FILE *to;
    double y; /* of the first row */
    const char *kind;
    unsigned columns;
    bool two_lines; /* what it is takes two */
    unsigned drawn;
};

/* The next box; `owner` is a guest with its name, or SVG_FREE, for which `free` is
 * said. `more` is the second line. */
void svg_grid_box(struct svg_grid *grid, const char *label, const char *more, int owner,
                  const char *name, const char *free);

/* Where the rows end. */
double svg_grid_end(const struct svg_grid *grid);
