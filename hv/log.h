/* SPDX-License-Identifier: MIT
 *
 * The hypervisor's own lines on the console.
 *
 * A line is "[bulkhead CODE] text". CODE is made anew at each boot and shown
 * before any guest runs; no guest can learn it, so none can forge a line.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

/* Least important last; `log = "warning"` shows errors and warnings only. */
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

#define LOG_LINE_MAX 400

/* Prefix, text, line end and terminator. */
#define LOG_PREFIX_SIZE 24
#define LOG_WHOLE_LINE_SIZE (LOG_LINE_MAX + LOG_PREFIX_SIZE)

/* Until it is set: LOG_INFO. */
void log_level_set(enum log_level level);
bool log_level_shown(enum log_level level);
void log_code_set(const char code[static 5]);

/* One whole line, without prefix and line end. Longer text is cut. */
void log_line(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* "[bulkhead CODE] "; returns its length. */
size_t log_prefix(char to[static LOG_PREFIX_SIZE]);

/* The whole line as it goes to the console, whose own lines come this way;
 * returns its length. Control characters in it become '?'. */
size_t log_compose(char to[static LOG_WHOLE_LINE_SIZE], const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));
