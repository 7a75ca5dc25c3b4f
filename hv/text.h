/* SPDX-License-Identifier: MIT
 *
 * Text without a C library: bounded formatting and the memory functions that
 * the compiler itself may call.
 *
 * text_format understands %s %c %d %u %x %X %llu %llx %lld %lu %lx %ld %zu %zx
 * %p %%, with '-' and '0' flags, a width, and a precision for %s (also '*').
 * The result is always terminated; a result that did not fit is cut.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns the length written, without the terminator; at most size - 1. */
size_t text_format(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t text_format_list(char *to, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

bool text_equal(const char *a, const char *b);

/* What a digit of base 2 to 16 stands for, or -1. */
int text_digit(char character, unsigned base);

/* Copies at most size - 1 characters and terminates. False if it was cut. */
bool text_copy(char *to, size_t size, const char *from);

/* "256 MiB", "1 GiB", "640 KiB": exact, in the largest unit that divides it. */
size_t text_bytes(char *to, size_t size, uint64_t bytes);

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int value, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);
size_t strlen(const char *text);
