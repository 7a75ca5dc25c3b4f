/* SPDX-License-Identifier: MIT
 *
 * See console_ring.h. Invariant: head - tail is at most size.
 */
#include "hv/console_ring.h"

void console_ring_init(struct console_ring *ring, uint8_t *bytes, size_t size)
{
    CHECK(size != 0 && size <= 1u << 30 && (size & (size - 1)) == 0);
    *ring = (struct console_ring){ .bytes = bytes, .size = (uint32_t)size };
}

bool console_ring_put_over(struct console_ring *ring, uint8_t byte)
{
    bool full = console_ring_room(ring) == 0;

    if (full)
        ring->tail++;
    console_ring_put(ring, byte);
    return full;
}

size_t console_ring_peek(const struct console_ring *ring, uint8_t *to, size_t count)
{
    size_t there = console_ring_count(ring);
    size_t copied = count < there ? count : there;

    for (size_t i = 0; i < copied; i++)
        to[i] = ring->bytes[(ring->tail + i) & (ring->size - 1)];
    return copied;
}

void console_ring_drop(struct console_ring *ring, size_t count)
{
    CHECK(count <= console_ring_count(ring));
    ring->tail += (uint32_t)count;
}

bool console_ring_drop_through(struct console_ring *ring, uint8_t byte)
{
    for (size_t i = console_ring_count(ring); i > 0; i--)
        if (ring->bytes[(ring->tail + i - 1) & (ring->size - 1)] == byte) {
            console_ring_drop(ring, i);
            return true;
        }
    return false;
}
