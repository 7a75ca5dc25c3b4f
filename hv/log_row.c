/* SPDX-License-Identifier: MIT
 *
 * See log_row.h.
 */
#include "hv/log_row.h"

#include "hv/text.h"

#define SEPARATOR "  "

void log_row_end(struct log_row *row)
{
    if (row->length > 0)
        log_line(LOG_INFO, "%s", row->text);
    row->length = 0;
}

void log_row_add(struct log_row *row, const char *format, ...)
{
    char item[LOG_ROW_COLUMNS - LOG_ROW_INDENT + 1];
    va_list arguments;

    va_start(arguments, format);
    size_t length = text_format_list(item, sizeof item, format, arguments);
    va_end(arguments);

    if (row->length + sizeof SEPARATOR - 1 + length > LOG_ROW_COLUMNS) {
        log_row_end(row);
        row->length = text_format(row->text, sizeof row->text, "%*s", LOG_ROW_INDENT, "");
    } else if (row->length > 0) {
        row->length += text_format(row->text + row->length, sizeof row->text - row->length,
                                   SEPARATOR);
    }
    row->length += text_format(row->text + row->length, sizeof row->text - row->length, "%s",
                               item);
}
