/* SPDX-License-Identifier: MIT
 *
 * What the picture of a configuration is drawn with: text, boxes, and the fills
 * by which guests are told apart.
 *
 * All text is of one width a character, so that what fits is known without a font.
 * It is escaped here, and what XML cannot hold is replaced: names in it are whatever
 * the user wrote.
 */
#pragma once

#include <stdio.h>

#define SVG_WIDTH 1130
#define SVG_MARGIN 40
#define SVG_RIGHT (SVG_WIDTH - SVG_MARGIN)
#define SVG_ROW 20        /* from one line of text to the next */
#define SVG_CHARACTER 7.3 /* width at most, of all but headings */

enum svg_style { SVG_TITLE, SVG_HEADING, SVG_CELL, SVG_BOLD, SVG_FAINT };
enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

struct svg_rectangle {
    double x, y, width, height;
};

/* Fills: of guest 0 to 7, and these. */
enum svg_fill { SVG_FREE = -1, SVG_GAP = -2, SVG_WHITE = -3 };

void svg_definitions(FILE *to);

/* Text on a base line. What is wider than the page is cut, and says so by a "…". */
void svg_text(FILE *to, enum svg_style style, enum svg_anchor anchor, double x, double y,
              const char *format, ...) __attribute__((format(printf, 6, 7)));

/* What a viewer shows for the group or box that was just begun. */
void svg_tooltip(FILE *to, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A box that is a part of the machine: `kind` and the owner's name, "" for nobody,
 * stand in it for programs that read the picture. Ended by svg_end. */
void svg_begin(FILE *to, const char *kind, const char *owner);
void svg_end(FILE *to);

void svg_box(FILE *to, struct svg_rectangle at, int fill);

/* The small box that stands for a guest in a table, with its letter behind it. */
void svg_swatch(FILE *to, double x, double y, int fill);

/* A guest's letter, and its name if that fits, in the middle of a box with its fill. */
void svg_tag(FILE *to, struct svg_rectangle in, int guest, const char *name);
