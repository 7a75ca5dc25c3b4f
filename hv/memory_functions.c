/* SPDX-License-Identifier: MIT
 *
 * memcpy, memmove, memset, memcmp and strlen for the image, where there is no C
 * library; on the build host the library's own are linked instead.
 *
 * Compilers like to replace such loops by a call of the very function that they
 * implement. PLAIN_LOOPS forbids that to each compiler in its own words.
 */
#include "hv/text.h"

#if defined(__clang__)
#define PLAIN_LOOPS __attribute__((no_builtin("memcpy", "memmove", "memset", "strlen")))
#else
#define PLAIN_LOOPS __attribute__((optimize("no-tree-loop-distribute-patterns")))
#endif

/* Eight bytes anywhere, whatever they were declared as. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word_t;

PLAIN_LOOPS void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    for (; bytes >= sizeof(word_t); bytes -= sizeof(word_t)) {
        *(word_t *)target = *(const word_t *)source;
        target += sizeof(word_t);
        source += sizeof(word_t);
    }
    for (; bytes > 0; bytes--)
        *target++ = *source++;
    return to;
}

PLAIN_LOOPS void *memmove(void *to, const void *from, size_t bytes)
{
    unsigned char *target = to;
    const unsigned char *source = from;

    if ((uintptr_t)target <= (uintptr_t)source) {
        for (size_t i = 0; i < bytes; i++)
            target[i] = source[i];
    } else {
        for (size_t i = bytes; i > 0; i--)
            target[i - 1] = source[i - 1];
    }
    return to;
}

PLAIN_LOOPS void *memset(void *to, int value, size_t bytes)
{
    unsigned char *target = to;
    uint64_t word = (uint64_t)(unsigned char)value * 0x0101010101010101;

    for (; bytes >= sizeof(word_t); bytes -= sizeof(word_t)) {
        *(word_t *)target = word;
        target += sizeof(word_t);
    }
    for (; bytes > 0; bytes--)
        *target++ = (unsigned char)value;
    return to;
}

PLAIN_LOOPS int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *left = a;
    const unsigned char *right = b;

    for (size_t i = 0; i < bytes; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}

PLAIN_LOOPS size_t strlen(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}
