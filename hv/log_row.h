/* SPDX-License-Identifier: MIT
 *
 * Lines of the log that are made of items: when the next item does not fit, a
 * new line goes on, indented. What one item says is never split.
 */
#pragma once

#include "hv/log.h"

/* With the prefix of the hypervisor's lines they have 110 columns at most. */
#define LOG_ROW_COLUMNS 94
#define LOG_ROW_INDENT 10

struct log_row {
    size_t length; /* 0: nothing was said yet */
    char text[LOG_ROW_COLUMNS + 1];
};

/* The first item of a row says its own indentation; the others come behind two
 * spaces. An item longer than a line is cut. */
void log_row_add(struct log_row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Shows what is left and empties the row. */
void log_row_end(struct log_row *row);
