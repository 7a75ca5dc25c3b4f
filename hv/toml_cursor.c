/* SPDX-License-Identifier: MIT
 *
 * Walking over a TOML text, counting lines and characters.
 */
#include "hv/toml_cursor.h"

#include "hv/check.h"
#include "hv/text.h"
#include "hv/utf8.h"

#define BYTE_ORDER_MARK 0xfeff
#define DELETE 0x7f

static bool is_line_end(const struct toml_cursor *cursor, size_t at)
{
    if (at >= cursor->length || cursor->text[at] == '\n')
        return true;
    return cursor->text[at] == '\r' && at + 1 < cursor->length && cursor->text[at + 1] == '\n';
}

static bool is_allowed(uint32_t code_point)
{
    return code_point == '\t' || (code_point >= ' ' && code_point != DELETE);
}

/* The line that begins where the cursor is. */
static void check_line(struct toml_cursor *cursor)
{
    struct place place = cursor->place;
    uint32_t code_point = 0;

    for (size_t at = cursor->at; !is_line_end(cursor, at); place.column++) {
        size_t bytes = utf8_read(cursor->text + at, cursor->length - at, &code_point);

        if (bytes == 0) {
            toml_error(cursor, place, "byte %02Xh is not UTF-8; save the file as UTF-8",
                       (unsigned)(uint8_t)cursor->text[at]);
            return;
        }
        if (at == 0 && code_point == BYTE_ORDER_MARK) {
            toml_error(cursor, place,
                       "the file begins with a byte order mark; save it as UTF-8 without one");
            return;
        }
        if (!is_allowed(code_point)) {
            toml_error(cursor, place, "control character %02Xh is not allowed here; remove it",
                       (unsigned)code_point);
            return;
        }
        at += bytes;
    }
}

void toml_cursor_start(struct toml_cursor *cursor, const char *text, size_t length,
                       struct findings *findings)
{
    *cursor = (struct toml_cursor){
        .text = text,
        .length = length,
        .place = { .line = 1, .column = 1 },
        .findings = findings,
    };
    check_line(cursor);
}

int toml_peek(const struct toml_cursor *cursor, size_t offset)
{
    CHECK(cursor->at <= cursor->length);
    if (offset >= cursor->length - cursor->at)
        return TOML_AT_END;
    return (uint8_t)cursor->text[cursor->at + offset];
}

bool toml_at_line_end(const struct toml_cursor *cursor)
{
    return is_line_end(cursor, cursor->at);
}

void toml_advance(struct toml_cursor *cursor)
{
    CHECK(!toml_at_line_end(cursor));
    cursor->at++;

    int next = toml_peek(cursor, 0);
    bool inside_character = next != TOML_AT_END && (next & 0xc0) == 0x80;
    if (!inside_character)
        cursor->place.column++;
}

void toml_next_line(struct toml_cursor *cursor)
{
    if (!toml_at_line_end(cursor) || cursor->at == cursor->length)
        return;
    cursor->at += cursor->text[cursor->at] == '\r' ? 2 : 1;
    cursor->place.line++;
    cursor->place.column = 1;
    check_line(cursor);
}

void toml_skip_blanks(struct toml_cursor *cursor)
{
    while (toml_peek(cursor, 0) == ' ' || toml_peek(cursor, 0) == '\t')
        toml_advance(cursor);
}

void toml_skip_line(struct toml_cursor *cursor)
{
    while (!toml_at_line_end(cursor))
        toml_advance(cursor);
}

void toml_error(struct toml_cursor *cursor, struct place place, const char *format, ...)
{
    char text[FINDING_TEXT_SIZE];
    va_list arguments;

    if (cursor->faulty_line == place.line)
        return;
    if (cursor->faulty_line < place.line)
        cursor->faulty_line = place.line;
    va_start(arguments, format);
    text_format_list(text, sizeof(text), format, arguments);
    va_end(arguments);
    findings_add(cursor->findings, SEVERITY_ERROR, place, "", "%s", text);
}
