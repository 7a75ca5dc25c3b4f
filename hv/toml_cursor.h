/* SPDX-License-Identifier: MIT
 *
 * A place in a TOML text: what stands there, and errors about it.
 *
 * Each line is checked when the cursor enters it: bad UTF-8 and control
 * characters are reported there, whatever they stand in. A line gets one error
 * at most: what follows a first one is rarely more than its echo.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/findings.h"

#define TOML_AT_END (-1)

struct toml_cursor {
    const char *text;
    size_t length;
    size_t at;
    struct place place;
    uint32_t faulty_line; /* the last line that got an error, or 0 */
    struct findings *findings;
};

void toml_cursor_start(struct toml_cursor *cursor, const char *text, size_t length,
                       struct findings *findings);

/* The byte that `offset` bytes ahead stands, or TOML_AT_END. */
int toml_peek(const struct toml_cursor *cursor, size_t offset);
bool toml_at_line_end(const struct toml_cursor *cursor); /* end of text included */

/* Over one byte that is not the line's end. */
void toml_advance(struct toml_cursor *cursor);

/* Over the line's end, if it stands there. */
void toml_next_line(struct toml_cursor *cursor);

/* Over spaces and tabs. */
void toml_skip_blanks(struct toml_cursor *cursor);

/* To the line's end. */
void toml_skip_line(struct toml_cursor *cursor);

/* An error, unless its line has one already. */
void toml_error(struct toml_cursor *cursor, struct place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
