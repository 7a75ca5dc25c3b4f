/* SPDX-License-Identifier: MIT
 *
 * Lines of the hypervisor: level, prefix, text, line end.
 *
 * Text may contain what came from outside; whatever could move the cursor or
 * start a line is replaced, so that a line stays one line.
 */
#include "hv/log.h"

#include <stdint.h>

#include "hv/console.h"
#include "hv/log_ring.h"
#include "hv/text.h"

#define CODE_SIZE 5

/* Written at boot, by one CPU, before others log. */
static enum log_level level_shown = LOG_INFO;
static char line_code[CODE_SIZE];

void log_level_set(enum log_level level)
{
    level_shown = level;
}

bool log_level_shown(enum log_level level)
{
    return level <= level_shown;
}

void log_code_set(const char code[static CODE_SIZE])
{
    text_copy(line_code, sizeof line_code, code);
}

static bool moves_the_cursor(char character)
{
    return (unsigned char)character < ' ' || character == 0x7F;
}

size_t log_prefix(char to[static LOG_PREFIX_SIZE])
{
    return text_format(to, LOG_PREFIX_SIZE, "[bulkhead%s%s] ", line_code[0] ? " " : "", line_code);
}

size_t log_compose(char to[static LOG_WHOLE_LINE_SIZE], const char *format, va_list arguments)
{
    size_t length = log_prefix(to);
    size_t end = length + text_format_list(to + length, LOG_LINE_MAX + 1, format, arguments);

    for (; length < end; length++)
        if (moves_the_cursor(to[length]))
            to[length] = '?';
    return end + text_format(to + end, LOG_WHOLE_LINE_SIZE - end, "\r\n");
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LOG_WHOLE_LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    size_t length = log_compose(line, format, arguments);
    va_end(arguments);
    size_t prefix = strlen("[bulkhead] ") + (line_code[0] ? strlen(line_code) + 1 : 0);
    log_ring_add(line + prefix, length - prefix - 2);
    if (log_level_shown(level))
        console_line(line, length);
}
