/* SPDX-License-Identifier: MIT
 *
 * Basic strings ("with \"escapes\"") and literal strings ('as they stand'), each
 * on one line. Strings over several lines are found and refused as a whole.
 * A string never holds NUL, so that the rest of the program can use it as text.
 */
#include "hv/toml_string.h"

#include "hv/text.h"
#include "hv/utf8.h"

struct string_writer {
    struct toml_value *value;
    size_t length;
    bool too_long;
};

static void append(struct string_writer *writer, char byte)
{
    if (writer->length + 1 >= sizeof(writer->value->string)) {
        writer->too_long = true;
        return;
    }
    writer->value->string[writer->length++] = byte;
}

/* The digits behind \u or \U. False after an error. */
static bool read_code_point(struct toml_cursor *cursor, struct string_writer *writer,
                            struct place place, unsigned digits)
{
    char bytes[UTF8_BYTES_MAX];
    uint32_t code_point = 0;

    for (unsigned i = 0; i < digits; i++) {
        int digit = text_digit((char)toml_peek(cursor, 0), 16);
        if (digit < 0) {
            toml_error(cursor, place, "\\%c needs %u hexadecimal digits, as in \"\\%c%0*X\"",
                       digits == 4 ? 'u' : 'U', digits, digits == 4 ? 'u' : 'U', (int)digits,
                       0xe9u);
            return false;
        }
        code_point = code_point << 4 | (uint32_t)digit;
        toml_advance(cursor);
    }
    size_t count = utf8_write(bytes, code_point);
    if (count == 0 || code_point == 0) {
        toml_error(cursor, place, "U+%04X is not a character that a string can hold", code_point);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        append(writer, bytes[i]);
    return true;
}

/* What \character stands for, or 0. */
static char simple_escape(int character)
{
    switch (character) {
    case 'b':
        return '\b';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    case 'r':
        return '\r';
    case '"':
        return '"';
    case '\\':
        return '\\';
    default:
        return 0;
    }
}

/* The cursor stands on the backslash. False after an error. */
static bool read_escape(struct toml_cursor *cursor, struct string_writer *writer)
{
    struct place place = cursor->place;

    toml_advance(cursor);
    if (toml_at_line_end(cursor))
        return true; /* the string has no end; its reader says so */
    int character = toml_peek(cursor, 0);
    char plain = simple_escape(character);
    if (plain != 0) {
        append(writer, plain);
    } else if (character != 'u' && character != 'U') {
        toml_error(cursor, place,
                   "\"\\%s\" is not an escape; write \\\\ for a backslash, or the string in "
                   "single quotes",
                   excerpt(cursor->text + cursor->at, 1).text);
        return false;
    }
    toml_advance(cursor);
    return plain != 0 || read_code_point(cursor, writer, place, character == 'u' ? 4 : 8);
}

static bool at_triple(const struct toml_cursor *cursor, int quote)
{
    return toml_peek(cursor, 0) == quote && toml_peek(cursor, 1) == quote &&
           toml_peek(cursor, 2) == quote;
}

/* To behind the closing quotes, or to the end of the text. */
static void skip_multi_line(struct toml_cursor *cursor, int quote)
{
    for (int i = 0; i < 3; i++)
        toml_advance(cursor);
    while (!at_triple(cursor, quote) && toml_peek(cursor, 0) != TOML_AT_END) {
        bool escape = quote == '"' && toml_peek(cursor, 0) == '\\';

        if (toml_at_line_end(cursor))
            toml_next_line(cursor);
        else
            toml_advance(cursor);
        if (escape && !toml_at_line_end(cursor))
            toml_advance(cursor);
    }
    while (toml_peek(cursor, 0) == quote)
        toml_advance(cursor);
}

/* The text between the quotes and the closing one. False after an error. */
static bool read_body(struct toml_cursor *cursor, struct string_writer *writer, int quote)
{
    bool good = true;

    while (!toml_at_line_end(cursor)) {
        int character = toml_peek(cursor, 0);

        if (character == quote) {
            toml_advance(cursor);
            return good;
        }
        if (character == '\\' && quote == '"') {
            good = read_escape(cursor, writer) && good;
        } else {
            append(writer, (char)character);
            toml_advance(cursor);
        }
    }
    toml_error(cursor, writer->value->place, "the string that begins here has no end; write %c "
               "behind it, on the same line", quote);
    return false;
}

void toml_read_string(struct toml_cursor *cursor, struct toml_value *value)
{
    struct string_writer writer = { .value = value };
    int quote = toml_peek(cursor, 0);

    value->place = cursor->place;
    value->type = TOML_BROKEN;
    value->string[0] = '\0';
    if (at_triple(cursor, quote)) {
        toml_error(cursor, value->place,
                   "strings over several lines are not supported; write one line, with one %c on "
                   "each side", quote);
        skip_multi_line(cursor, quote);
        return;
    }
    toml_advance(cursor);
    bool good = read_body(cursor, &writer, quote);
    value->string[writer.length] = '\0';
    if (writer.too_long) {
        toml_error(cursor, value->place, "the string is too long; at most %u bytes are possible",
                   TOML_STRING_SIZE - 1);
        good = false;
    }
    if (good && cursor->faulty_line != value->place.line)
        value->type = TOML_STRING;
}
