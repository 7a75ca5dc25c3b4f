/* SPDX-License-Identifier: MIT
 *
 * UTF-8: is this sequence well-formed, and how is a code point written.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4
#define UNICODE_MAX 0x10ffff

/*
 * Bytes of the character that `text` begins with, 1 to 4, and its code point.
 * 0: it is not well-formed (overlong, a surrogate, too large, cut off).
 */
size_t utf8_read(const char *text, size_t length, uint32_t *code_point);

/* Writes 1 to 4 bytes and returns their number; 0 for what is no character. */
size_t utf8_write(char to[static UTF8_BYTES_MAX], uint32_t code_point);
