/* SPDX-License-Identifier: MIT
 *
 * The parts of the picture, from above to below. Each one draws itself from `y` on
 * and returns where the next one may begin.
 */
#pragma once

#include "tools/check_svg.h"

/* What the guests' names need in a table, and "not for guests". */
double svg_name_width(const struct svg_subject *subject);

double svg_draw_cpus(FILE *to, const struct svg_subject *subject, double y);
double svg_draw_devices(FILE *to, const struct svg_subject *subject, double y);
double svg_draw_memory(FILE *to, const struct svg_subject *subject, double y);
double svg_draw_guests(FILE *to, const struct svg_subject *subject, double y);
