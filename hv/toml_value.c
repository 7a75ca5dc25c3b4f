/* SPDX-License-Identifier: MIT
 *
 * Integers, booleans, and what people write in their place.
 *
 * A value that has no quotes is first cut out as one word; then it is an
 * integer, a boolean, or it is recognised as something that TOML has and this
 * reader has not, or as a string whose quotes were forgotten.
 */
#include "hv/toml_value.h"

#include "hv/text.h"
#include "hv/toml_string.h"

struct word {
    const char *text;
    size_t length;
};

static bool is_digit(int character)
{
    return character >= '0' && character <= '9';
}

static bool is_letter(int character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

bool toml_is_bare(int character)
{
    return is_digit(character) || is_letter(character) || character == '_' || character == '-';
}

static bool word_is(const struct word *word, const char *text)
{
    return word->length == strlen(text) && memcmp(word->text, text, word->length) == 0;
}

/* Small letters in `text`; any case in the word. */
static bool word_resembles(const struct word *word, const char *text)
{
    if (word->length != strlen(text))
        return false;
    for (size_t i = 0; i < word->length; i++)
        if (word->text[i] != text[i] && (word->text[i] | 0x20) != text[i])
            return false;
    return true;
}

static bool word_begins(const struct word *word, const char *prefix)
{
    size_t length = strlen(prefix);
    return word->length >= length && memcmp(word->text, prefix, length) == 0;
}

/* Up to a blank, a separator, a comment or the line's end. */
static struct word read_word(struct toml_cursor *cursor)
{
    struct word word = { .text = cursor->text + cursor->at };
    size_t start = cursor->at;

    while (!toml_at_line_end(cursor)) {
        int character = toml_peek(cursor, 0);
        if (character == ' ' || character == '\t' || character == ',' || character == ']' ||
            character == '#')
            break;
        toml_advance(cursor);
    }
    word.length = cursor->at - start;
    return word;
}

/* Of the first so many characters, or none. */
static bool all_digits(const struct word *word, size_t from, size_t count)
{
    if (word->length < from + count)
        return false;
    for (size_t i = from; i < from + count; i++)
        if (!is_digit(word->text[i]))
            return false;
    return true;
}

/* 1979-05-27..., 07:32:00... */
static bool is_date_or_time(const struct word *word)
{
    if (all_digits(word, 0, 4) && word->length > 4 && word->text[4] == '-')
        return true;
    return all_digits(word, 0, 2) && word->length > 2 && word->text[2] == ':';
}

/* Digits with a point or an exponent, inf, nan; a sign before each. */
static bool is_float(const struct word *word)
{
    struct word rest = *word;
    bool point_or_exponent = false;

    if (rest.length > 0 && (rest.text[0] == '+' || rest.text[0] == '-')) {
        rest.text++;
        rest.length--;
    }
    if (word_is(&rest, "inf") || word_is(&rest, "nan"))
        return true;
    if (rest.length == 0 || !is_digit(rest.text[0]))
        return false;
    for (size_t i = 0; i < rest.length; i++) {
        char character = rest.text[i];
        bool sign = (character == '+' || character == '-') && (rest.text[i - 1] | 0x20) == 'e';

        if (character == '.' || (character | 0x20) == 'e')
            point_or_exponent = true;
        else if (!is_digit(character) && character != '_' && !sign)
            return false;
    }
    return point_or_exponent;
}

enum number_status { NUMBER_GOOD, NUMBER_MALFORMED, NUMBER_LEADING_ZERO, NUMBER_TOO_LARGE };

/* Digits with single underscores between them; the result is at most `max`. */
static enum number_status read_digits(struct word word, unsigned base, uint64_t max,
                                      uint64_t *result)
{
    uint64_t value = 0;
    bool too_large = false;
    bool after_digit = false;

    for (size_t i = 0; i < word.length; i++) {
        int digit = text_digit(word.text[i], base);

        if (digit < 0 && !(word.text[i] == '_' && after_digit))
            return NUMBER_MALFORMED;
        after_digit = digit >= 0;
        if (!after_digit)
            continue;
        if (value > (max - (uint64_t)digit) / base)
            too_large = true;
        else
            value = value * base + (uint64_t)digit;
    }
    if (!after_digit)
        return NUMBER_MALFORMED;
    if (base == 10 && word.length > 1 && word.text[0] == '0')
        return NUMBER_LEADING_ZERO;
    *result = value;
    return too_large ? NUMBER_TOO_LARGE : NUMBER_GOOD;
}

static enum number_status read_integer(const struct word *word, int64_t *result)
{
    struct word digits = *word;
    bool negative = word->length > 0 && word->text[0] == '-';
    bool sign = negative || (word->length > 0 && word->text[0] == '+');
    bool hexadecimal = word_begins(word, "0x");
    size_t prefix = hexadecimal ? 2 : sign ? 1 : 0;
    uint64_t magnitude = 0;

    digits.text += prefix;
    digits.length -= prefix;
    enum number_status status = read_digits(digits, hexadecimal ? 16 : 10,
                                            (uint64_t)INT64_MAX + negative, &magnitude);
    *result = (int64_t)(negative ? 0 - magnitude : magnitude);
    return status;
}

/* Other files' words for true and false. */
static bool is_answer(const struct word *word)
{
    return word_resembles(word, "yes") || word_resembles(word, "no") ||
           word_resembles(word, "on") || word_resembles(word, "off");
}

/* `word` is no value: says what it probably was meant to be. */
static void report_word(struct toml_cursor *cursor, struct place place, const struct word *word)
{
    struct excerpt shown = excerpt(word->text, word->length);

    if (word_begins(word, "0o") || word_begins(word, "0b"))
        toml_error(cursor, place,
                   "octal and binary numbers are not supported; write a decimal or 0x number");
    else if (is_date_or_time(word))
        toml_error(cursor, place,
                   "dates and times are not supported; write a string, \"%s\"", shown.text);
    else if (is_float(word))
        toml_error(cursor, place,
                   "floating-point numbers are not supported; write a whole number instead of %s",
                   shown.text);
    else if (word_resembles(word, "true") || word_resembles(word, "false"))
        toml_error(cursor, place, "%s is not a value; write true or false, in small letters",
                   shown.text);
    else if (is_answer(word))
        toml_error(cursor, place, "%s is not a value; write true or false, or \"%s\" if it is a "
                   "string", shown.text, shown.text);
    else
        toml_error(cursor, place, "%s is not a value; if it is a string, put it in quotes: \"%s\"",
                   shown.text, shown.text);
}

static void read_number(struct toml_cursor *cursor, struct toml_value *value,
                        const struct word *word)
{
    switch (read_integer(word, &value->integer)) {
    case NUMBER_GOOD:
        value->type = TOML_INTEGER;
        return;
    case NUMBER_MALFORMED:
        report_word(cursor, value->place, word);
        return;
    case NUMBER_LEADING_ZERO:
        toml_error(cursor, value->place, "a number has no leading zeros; remove them from %s",
                   excerpt(word->text, word->length).text);
        return;
    case NUMBER_TOO_LARGE:
        toml_error(cursor, value->place, "the number %s is too large; at most 64 bits are possible",
                   excerpt(word->text, word->length).text);
        return;
    }
}

static void read_unquoted(struct toml_cursor *cursor, struct toml_value *value)
{
    struct word word = read_word(cursor);

    if (word_is(&word, "true") || word_is(&word, "false")) {
        value->type = TOML_BOOLEAN;
        value->boolean = word_is(&word, "true");
    } else if (word.length == 0) {
        toml_error(cursor, value->place, "a value is missing here; write a string in quotes, a "
                   "number, true or false, or [ ]");
    } else if (is_date_or_time(&word) || is_float(&word)) {
        report_word(cursor, value->place, &word);
    } else {
        read_number(cursor, value, &word);
    }
}

/* To behind the bracket that closes the one here, or to the line's end. */
static void skip_brackets(struct toml_cursor *cursor, int open, int close)
{
    size_t depth = 0;

    while (!toml_at_line_end(cursor)) {
        int character = toml_peek(cursor, 0);

        toml_advance(cursor);
        if (character == open)
            depth++;
        else if (character == close)
            depth--;
        if (depth == 0)
            return;
    }
}

void toml_read_value(struct toml_cursor *cursor, struct toml_value *value)
{
    value->type = TOML_BROKEN;
    value->place = cursor->place;
    switch (toml_peek(cursor, 0)) {
    case '"':
    case '\'':
        toml_read_string(cursor, value);
        return;
    case '{':
        toml_error(cursor, value->place,
                   "inline tables are not supported; write a [table] with a key on each line");
        skip_brackets(cursor, '{', '}');
        return;
    case '[':
        toml_error(cursor, value->place,
                   "arrays in arrays are not supported; write one list of values");
        skip_brackets(cursor, '[', ']');
        return;
    default:
        read_unquoted(cursor, value);
        return;
    }
}
