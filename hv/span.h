/* SPDX-License-Identifier: MIT
 *
 * Bytes of a file in memory: what loaders read. Nobody reads beyond them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    const uint8_t *bytes; /* may be NULL if size is 0 */
    size_t size;
};

/* Whether all of [offset, offset + bytes) is there. */
static inline bool span_has(struct span span, uint64_t offset, uint64_t bytes)
{
    return offset <= span.size && bytes <= span.size - offset;
}
