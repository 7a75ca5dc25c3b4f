/* SPDX-License-Identifier: MIT
 *
 * A ring of bytes, first in, first out. Positions count all bytes ever put in
 * and taken out, and wrap with their type; the size is a power of two, so the
 * place of a byte follows from its position.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/check.h"

struct console_ring {
    uint8_t *bytes;
    uint32_t size;
    uint32_t head; /* put in so far */
    uint32_t tail; /* taken out so far */
};

void console_ring_init(struct console_ring *ring, uint8_t *bytes, size_t size);

static inline uint32_t console_ring_count(const struct console_ring *ring)
{
    return ring->head - ring->tail;
}

static inline uint32_t console_ring_room(const struct console_ring *ring)
{
    return ring->size - console_ring_count(ring);
}

/* There is room. */
static inline void console_ring_put(struct console_ring *ring, uint8_t byte)
{
    CHECK(console_ring_room(ring) != 0);
    ring->bytes[ring->head++ & (ring->size - 1)] = byte;
}

/* Makes room by dropping the oldest byte; true if it had to. */
bool console_ring_put_over(struct console_ring *ring, uint8_t byte);

/* Copies up to `count` of the oldest bytes, which stay; returns how many. */
size_t console_ring_peek(const struct console_ring *ring, uint8_t *to, size_t count);

/* Takes out that many bytes, which are there. */
void console_ring_drop(struct console_ring *ring, size_t count);

/* Takes out all up to the last such byte. False: there is none. */
bool console_ring_drop_through(struct console_ring *ring, uint8_t byte);
