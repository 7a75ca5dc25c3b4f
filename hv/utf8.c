/* SPDX-License-Identifier: MIT
 *
 * UTF-8 as RFC 3629 defines it: the shortest form only, no surrogates.
 */
#include "hv/utf8.h"

#include <stdbool.h>

/* Sequences by length: the bits of their first byte and their first code point. */
static const struct form {
    uint8_t mask;
    uint8_t mark;
    uint32_t code_point_min;
} forms[UTF8_BYTES_MAX] = {
    { 0x80, 0x00, 0x0 },
    { 0xe0, 0xc0, 0x80 },
    { 0xf0, 0xe0, 0x800 },
    { 0xf8, 0xf0, 0x10000 },
};

static bool is_character(uint32_t code_point)
{
    return code_point <= UNICODE_MAX && !(code_point >= 0xd800 && code_point <= 0xdfff);
}

/* Length by the first byte alone, or 0. */
static size_t length_by_first(uint8_t first)
{
    for (size_t i = 0; i < UTF8_BYTES_MAX; i++)
        if ((first & forms[i].mask) == forms[i].mark)
            return i + 1;
    return 0;
}

size_t utf8_read(const char *text, size_t length, uint32_t *code_point)
{
    size_t bytes = length > 0 ? length_by_first((uint8_t)text[0]) : 0;

    if (bytes == 0 || bytes > length)
        return 0;
    const struct form *form = &forms[bytes - 1];
    uint32_t value = (uint8_t)text[0] & (uint8_t)~form->mask;
    for (size_t i = 1; i < bytes; i++) {
        uint8_t next = (uint8_t)text[i];
        if ((next & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3f);
    }
    if (value < form->code_point_min || !is_character(value))
        return 0;
    *code_point = value;
    return bytes;
}

size_t utf8_write(char to[static UTF8_BYTES_MAX], uint32_t code_point)
{
    size_t bytes = UTF8_BYTES_MAX;

    if (!is_character(code_point))
        return 0;
    while (code_point < forms[bytes - 1].code_point_min)
        bytes--;
    for (size_t i = bytes - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    to[0] = (char)(forms[bytes - 1].mark | code_point);
    return bytes;
}
