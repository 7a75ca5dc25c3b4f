/* SPDX-License-Identifier: MIT
 *
 * See svg_grid.h.
 */
#include "tools/svg_grid.h"

#define OWNER_HEIGHT 38
#define HEAD_HEIGHT 24 /* of one line */
#define LINE_HEIGHT 15 /* what another takes */
#define SPACE 10

static double head_height(const struct svg_grid *grid)
{
    return grid->two_lines ? HEAD_HEIGHT + LINE_HEIGHT : HEAD_HEIGHT;
}

static double row_height(const struct svg_grid *grid)
{
    return head_height(grid) + OWNER_HEIGHT + SPACE;
}

void svg_grid_box(struct svg_grid *grid, const char *label, const char *more, int owner,
                  const char *name, const char *free)
{
    double step = (SVG_RIGHT - SVG_MARGIN + SPACE) / (double)grid->columns;
    double head = head_height(grid);
    struct svg_rectangle at = {
        .x = SVG_MARGIN + grid->drawn % grid->columns * step,
        .y = grid->y + grid->drawn / grid->columns * row_height(grid),
        .width = step - SPACE,
        .height = head + OWNER_HEIGHT,
    };
    struct svg_rectangle lower = { at.x, at.y + head, at.width, OWNER_HEIGHT };
    double middle = at.x + at.width / 2;

    svg_begin(grid->to, grid->kind, owner == SVG_FREE ? "" : name);
    svg_tooltip(grid->to, "%s%s%s: %s", label, more[0] != '\0' ? " " : "", more,
                owner == SVG_FREE ? free : name);
    svg_box(grid->to, at, SVG_WHITE);
    svg_box(grid->to, lower, owner);
    svg_text(grid->to, SVG_CELL, SVG_MIDDLE, middle, at.y + 16, "%s", label);
    if (grid->two_lines)
        svg_text(grid->to, SVG_FAINT, SVG_MIDDLE, middle, at.y + 16 + LINE_HEIGHT, "%s", more);
    if (owner == SVG_FREE)
        svg_text(grid->to, SVG_FAINT, SVG_MIDDLE, middle, lower.y + lower.height / 2 + 4, "%s",
                 free);
    else
        svg_tag(grid->to, lower, owner, name);
    svg_end(grid->to);
    grid->drawn++;
}

double svg_grid_end(const struct svg_grid *grid)
{
    return grid->y + (grid->drawn + grid->columns - 1) / grid->columns * row_height(grid);
}
