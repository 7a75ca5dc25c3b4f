/* SPDX-License-Identifier: MIT
 *
 * Bounded text: what the log, the findings and the reports are formatted with.
 *
 * Every result is terminated and never longer than its buffer. A conversion
 * that is not documented in hv/text.h is printed as it stands, so that it is
 * seen; the compiler's format check keeps it from being written at all.
 */
#include "hv/text.h"

#include "hv/addr.h"
#include "hv/check.h"

#define DIGITS_MAX 20 /* of 2^64 - 1 in decimal */

struct sink {
    char *to;
    size_t size;
    size_t used;
};

enum length { LENGTH_INT, LENGTH_LONG, LENGTH_LONG_LONG, LENGTH_SIZE };

struct conversion {
    bool left;
    bool zeros;
    size_t width;
    bool has_precision;
    size_t precision;
    enum length length;
    char letter;
};

/* A va_list that functions can advance for their caller. */
struct arguments {
    va_list list;
};

static void put(struct sink *sink, char character)
{
    if (sink->used + 1 < sink->size)
        sink->to[sink->used++] = character;
}

/* Stops early when nothing more fits: a width may be any number. */
static void put_repeated(struct sink *sink, char character, size_t count)
{
    for (size_t i = 0; i < count && sink->used + 1 < sink->size; i++)
        put(sink, character);
}

static void put_text(struct sink *sink, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        put(sink, text[i]);
}

static void put_padded(struct sink *sink, const struct conversion *conversion, const char *text,
                       size_t length)
{
    size_t padding = conversion->width > length ? conversion->width - length : 0;

    if (!conversion->left)
        put_repeated(sink, ' ', padding);
    put_text(sink, text, length);
    if (conversion->left)
        put_repeated(sink, ' ', padding);
}

static void put_number(struct sink *sink, const struct conversion *conversion, const char *prefix,
                       uint64_t value, unsigned base)
{
    const char *digits = conversion->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    char reversed[DIGITS_MAX];
    size_t count = 0;

    do {
        CHECK(count < sizeof(reversed));
        reversed[count++] = digits[value % base];
        value /= base;
    } while (value != 0);

    size_t length = strlen(prefix) + count;
    size_t padding = conversion->width > length ? conversion->width - length : 0;
    bool zeros = conversion->zeros && !conversion->left;

    if (!zeros && !conversion->left)
        put_repeated(sink, ' ', padding);
    put_text(sink, prefix, strlen(prefix));
    if (zeros)
        put_repeated(sink, '0', padding);
    for (size_t i = count; i > 0; i--)
        put(sink, reversed[i - 1]);
    if (conversion->left)
        put_repeated(sink, ' ', padding);
}

static uint64_t next_unsigned(struct arguments *arguments, enum length length)
{
    switch (length) {
    case LENGTH_INT:
        return va_arg(arguments->list, unsigned);
    case LENGTH_LONG:
        return va_arg(arguments->list, unsigned long);
    case LENGTH_LONG_LONG:
        return va_arg(arguments->list, unsigned long long);
    case LENGTH_SIZE:
        return va_arg(arguments->list, size_t);
    }
    return 0;
}

static int64_t next_signed(struct arguments *arguments, enum length length)
{
    if (length == LENGTH_INT)
        return va_arg(arguments->list, int);
    return (int64_t)next_unsigned(arguments, length);
}

static void put_signed(struct sink *sink, const struct conversion *conversion, int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    put_number(sink, conversion, value < 0 ? "-" : "", magnitude, 10);
}

static void put_string(struct sink *sink, const struct conversion *conversion, const char *text)
{
    size_t length = 0;

    if (text == NULL)
        text = "(null)";
    while ((!conversion->has_precision || length < conversion->precision) && text[length] != '\0')
        length++;
    put_padded(sink, conversion, text, length);
}

/* Reads digits or '*'; a negative '*' counts as none. */
static const char *scan_count(const char *format, struct arguments *arguments, size_t *count)
{
    if (*format == '*') {
        int value = va_arg(arguments->list, int);
        *count = value > 0 ? (size_t)value : 0;
        return format + 1;
    }
    *count = 0;
    while (*format >= '0' && *format <= '9')
        *count = *count * 10 + (size_t)(*format++ - '0');
    return format;
}

static const char *scan_length(const char *format, enum length *length)
{
    *length = LENGTH_INT;
    if (*format == 'z') {
        *length = LENGTH_SIZE;
        return format + 1;
    }
    if (format[0] != 'l')
        return format;
    *length = format[1] == 'l' ? LENGTH_LONG_LONG : LENGTH_LONG;
    return format + (format[1] == 'l' ? 2 : 1);
}

/* From behind the '%' to the conversion's letter, and returns where that is. */
static const char *scan_conversion(const char *format, struct arguments *arguments,
                                   struct conversion *conversion)
{
    *conversion = (struct conversion){ .left = false };
    for (; *format == '-' || *format == '0'; format++) {
        if (*format == '-')
            conversion->left = true;
        else
            conversion->zeros = true;
    }
    format = scan_count(format, arguments, &conversion->width);
    if (*format == '.') {
        conversion->has_precision = true;
        format = scan_count(format + 1, arguments, &conversion->precision);
    }
    format = scan_length(format, &conversion->length);
    conversion->letter = *format;
    return format;
}

/* False: there is no such conversion, and nothing was put. */
static bool put_conversion(struct sink *sink, const struct conversion *conversion,
                           struct arguments *arguments)
{
    char character;

    switch (conversion->letter) {
    case 's':
        put_string(sink, conversion, va_arg(arguments->list, const char *));
        return true;
    case 'c':
        character = (char)va_arg(arguments->list, int);
        put_padded(sink, conversion, &character, 1);
        return true;
    case 'd':
        put_signed(sink, conversion, next_signed(arguments, conversion->length));
        return true;
    case 'u':
        put_number(sink, conversion, "", next_unsigned(arguments, conversion->length), 10);
        return true;
    case 'x':
    case 'X':
        put_number(sink, conversion, "", next_unsigned(arguments, conversion->length), 16);
        return true;
    case 'p':
        put_number(sink, conversion, "0x", (uintptr_t)va_arg(arguments->list, void *), 16);
        return true;
    case '%':
        put(sink, '%');
        return true;
    default:
        return false;
    }
}

static void put_format(struct sink *sink, const char *format, struct arguments *arguments)
{
    while (*format != '\0') {
        struct conversion conversion;

        if (*format != '%') {
            put(sink, *format++);
            continue;
        }
        const char *letter = scan_conversion(format + 1, arguments, &conversion);
        if (put_conversion(sink, &conversion, arguments))
            format = letter + 1;
        else
            put(sink, *format++);
    }
}

size_t text_format_list(char *to, size_t size, const char *format, va_list list)
{
    struct sink sink = { .to = to, .size = size };
    struct arguments arguments;

    CHECK(size > 0);
    va_copy(arguments.list, list);
    put_format(&sink, format, &arguments);
    va_end(arguments.list);
    to[sink.used] = '\0';
    return sink.used;
}

size_t text_format(char *to, size_t size, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    size_t length = text_format_list(to, size, format, list);
    va_end(list);
    return length;
}

bool text_equal(const char *a, const char *b)
{
    size_t i = 0;

    while (a[i] != '\0' && a[i] == b[i])
        i++;
    return a[i] == b[i];
}

int text_digit(char character, unsigned base)
{
    int value = -1;

    if (character >= '0' && character <= '9')
        value = character - '0';
    else if ((character | 0x20) >= 'a' && (character | 0x20) <= 'f')
        value = (character | 0x20) - 'a' + 10;
    return value < (int)base ? value : -1;
}

bool text_copy(char *to, size_t size, const char *from)
{
    size_t i = 0;

    CHECK(size > 0);
    for (; i + 1 < size && from[i] != '\0'; i++)
        to[i] = from[i];
    to[i] = '\0';
    return from[i] == '\0';
}

size_t text_bytes(char *to, size_t size, uint64_t bytes)
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;

    while (unit + 1 < sizeof(units) / sizeof(units[0]) && bytes != 0 && bytes % KIB(1) == 0) {
        bytes /= KIB(1);
        unit++;
    }
    if (unit == 0 && bytes == 1)
        return text_format(to, size, "1 byte");
    return text_format(to, size, "%llu %s", (unsigned long long)bytes, units[unit]);
}
