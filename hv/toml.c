/* SPDX-License-Identifier: MIT
 *
 * The statements of a TOML text: headers, keys, and the elements of arrays.
 *
 * Every round of a loop here consumes at least one byte, or ends the item.
 */
#include "hv/toml.h"

#include "hv/text.h"
#include "hv/toml_value.h"

static void read_name(struct toml_cursor *cursor, char name[static TOML_NAME_SIZE])
{
    size_t length = 0;

    while (toml_is_bare(toml_peek(cursor, 0))) {
        if (length + 1 < TOML_NAME_SIZE)
            name[length++] = (char)toml_peek(cursor, 0);
        toml_advance(cursor);
    }
    name[length] = '\0';
}

/* Over blanks, a comment and the line's end; anything else there is an error. */
static void end_line(struct toml_cursor *cursor, const char *after)
{
    toml_skip_blanks(cursor);
    if (!toml_at_line_end(cursor) && toml_peek(cursor, 0) != '#')
        toml_error(cursor, cursor->place,
                   "unexpected text after %s; begin a new line, or a comment with #", after);
    toml_skip_line(cursor);
    toml_next_line(cursor);
}

/* Over the name in a header; says what is wrong with it. */
static void read_header_name(struct toml_cursor *cursor, struct toml_item *item)
{
    toml_skip_blanks(cursor);
    item->place = cursor->place;
    read_name(cursor, item->name);
    if (item->name[0] == '\0') {
        toml_error(cursor, cursor->place,
                   "a table's name is missing; write letters, digits, _ and -, without quotes");
        return;
    }
    toml_skip_blanks(cursor);
    if (toml_peek(cursor, 0) == '.')
        toml_error(cursor, cursor->place,
                   "tables in tables are not supported; write one name without a dot");
}

static void read_header(struct toml_cursor *cursor, struct toml_item *item)
{
    bool array = toml_peek(cursor, 1) == '[';
    struct place start = cursor->place;
    size_t brackets = array ? 2 : 1;

    item->kind = array ? TOML_TABLE_ARRAY : TOML_TABLE;
    for (size_t i = 0; i < brackets; i++)
        toml_advance(cursor);
    read_header_name(cursor, item);
    bool closed = toml_peek(cursor, 0) == ']' && (!array || toml_peek(cursor, 1) == ']');
    if (closed) {
        for (size_t i = 0; i < brackets; i++)
            toml_advance(cursor);
    } else {
        toml_error(cursor, cursor->place, "%s is missing after the table's name; write %s%s%s",
                   array ? "]]" : "]", array ? "[[" : "[", item->name, array ? "]]" : "]");
        toml_skip_line(cursor);
    }
    end_line(cursor, "the table's name");
    item->place = start;
    item->faulty = cursor->faulty_line == start.line;
}

/* What stands at a line's beginning is no key. */
static void report_no_key(struct toml_cursor *cursor)
{
    int character = toml_peek(cursor, 0);

    if (character == '"' || character == '\'')
        toml_error(cursor, cursor->place,
                   "keys in quotes are not supported; write the key without quotes");
    else if (character == '=')
        toml_error(cursor, cursor->place, "a key is missing before =; write key = value");
    else
        toml_error(cursor, cursor->place,
                   "unexpected %s; write key = value, [table], [[table]] or a # comment",
                   excerpt(cursor->text + cursor->at, 1).text);
    toml_skip_line(cursor);
    toml_next_line(cursor);
}

/* Over "=". False after an error. */
static bool read_equals(struct toml_cursor *cursor, const char *key)
{
    toml_skip_blanks(cursor);
    int character = toml_peek(cursor, 0);
    if (character == '=') {
        toml_advance(cursor);
        toml_skip_blanks(cursor);
        return true;
    }
    if (character == '.')
        toml_error(cursor, cursor->place,
                   "keys with dots are not supported; write a [table] and the key in it");
    else
        toml_error(cursor, cursor->place, "= is missing after \"%s\"; write %s = value", key, key);
    return false;
}

static void read_key(struct toml *toml, struct toml_item *item)
{
    struct toml_cursor *cursor = &toml->cursor;

    item->kind = TOML_KEY;
    item->place = cursor->place;
    item->value.type = TOML_BROKEN;
    read_name(cursor, item->name);
    bool good = read_equals(cursor, item->name);
    item->value.place = good ? cursor->place : item->place;
    if (good && toml_peek(cursor, 0) == '[') {
        item->value.type = TOML_ARRAY;
        toml->in_array = true;
        toml->array_unclosed = false;
        toml->array_place = cursor->place;
        toml_advance(cursor);
        return;
    }
    if (good)
        toml_read_value(cursor, &item->value);
    else
        toml_skip_line(cursor);
    end_line(cursor, "the value");
}

static void skip_comment(struct toml_cursor *cursor)
{
    toml_skip_blanks(cursor);
    if (toml_peek(cursor, 0) == '#')
        toml_skip_line(cursor);
}

static void next_statement(struct toml *toml, struct toml_item *item)
{
    struct toml_cursor *cursor = &toml->cursor;

    for (;;) {
        skip_comment(cursor);
        int character = toml_peek(cursor, 0);
        if (character == TOML_AT_END)
            return;
        if (character == '[') {
            read_header(cursor, item);
            return;
        }
        if (toml_is_bare(character)) {
            read_key(toml, item);
            return;
        }
        if (toml_at_line_end(cursor))
            toml_next_line(cursor);
        else
            report_no_key(cursor);
    }
}

/*
 * Does a statement stand here, at a line's beginning? Then the array that we
 * are in was never closed. No element looks like `key =` or `[name`.
 */
static bool at_statement(struct toml_cursor cursor)
{
    if (toml_peek(&cursor, 0) == '[') {
        int next = toml_peek(&cursor, toml_peek(&cursor, 1) == '[' ? 2 : 1);
        return toml_is_bare(next) && !(next >= '0' && next <= '9') && next != '-';
    }
    if (!toml_is_bare(toml_peek(&cursor, 0)))
        return false;
    while (toml_is_bare(toml_peek(&cursor, 0)))
        toml_advance(&cursor);
    toml_skip_blanks(&cursor);
    return toml_peek(&cursor, 0) == '=';
}

/* Over lines and comments; finds out when the array has no end. */
static void skip_to_element(struct toml *toml)
{
    struct toml_cursor *cursor = &toml->cursor;

    skip_comment(cursor);
    while (toml_at_line_end(cursor) && !toml->array_unclosed) {
        toml->array_unclosed = toml_peek(cursor, 0) == TOML_AT_END;
        toml_next_line(cursor);
        toml_skip_blanks(cursor);
        if (at_statement(*cursor))
            toml->array_unclosed = true;
        else
            skip_comment(cursor);
    }
}

static void end_array(struct toml *toml, struct toml_item *item)
{
    item->kind = TOML_ARRAY_END;
    toml->in_array = false;
    if (toml->array_unclosed) {
        item->faulty = true;
        toml_error(&toml->cursor, toml->array_place,
                   "the list that begins here has no end; write ] behind its last element");
        return;
    }
    toml_advance(&toml->cursor);
    end_line(&toml->cursor, "the list");
}

/* Over the comma behind an element, if it is not the last. */
static void read_separator(struct toml *toml)
{
    struct toml_cursor *cursor = &toml->cursor;

    skip_to_element(toml);
    if (toml->array_unclosed)
        return; /* the next item says so */
    if (toml_peek(cursor, 0) == ',')
        toml_advance(cursor);
    else if (toml_peek(cursor, 0) != ']')
        toml_error(cursor, cursor->place, "a comma is missing before this element; write a, b");
}

static void next_element(struct toml *toml, struct toml_item *item)
{
    if (!toml->array_unclosed)
        skip_to_element(toml);
    item->place = toml->cursor.place;
    if (toml->array_unclosed || toml_peek(&toml->cursor, 0) == ']') {
        end_array(toml, item);
        return;
    }
    item->kind = TOML_ELEMENT;
    toml_read_value(&toml->cursor, &item->value);
    read_separator(toml);
}

void toml_start(struct toml *toml, const char *text, size_t length, struct findings *findings)
{
    toml->in_array = false;
    toml->array_unclosed = false;
    toml->array_place = (struct place){ .line = 0 };
    toml_cursor_start(&toml->cursor, text, length, findings);
}

void toml_next(struct toml *toml, struct toml_item *item)
{
    item->kind = TOML_END;
    item->place = toml->cursor.place;
    item->faulty = false;
    item->name[0] = '\0';
    item->value.type = TOML_BROKEN;
    if (toml->in_array)
        next_element(toml, item);
    else
        next_statement(toml, item);
}
