/* SPDX-License-Identifier: MIT
 *
 * See guest_put.h.
 */
#include "hv/guest_put.h"

#include "hv/check.h"

void guest_put(const struct guest_memory *memory, uint64_t at, const void *bytes, size_t size)
{
    if (size > 0) /* nothing may also lie behind the end of RAM */
        CHECK(guest_memory_write(memory, GPA(at), bytes, size));
}

void guest_put_64(const struct guest_memory *memory, uint64_t at, uint64_t value)
{
    guest_put(memory, at, &value, sizeof value);
}

/* The seam zeroes whole quadwords; the ragged ends are written. */
void guest_put_zeros(const struct guest_memory *memory, uint64_t at, uint64_t bytes)
{
    static const uint8_t zeros[8];
    uint64_t head = align_up(at, sizeof zeros) - at;

    if (head > bytes)
        head = bytes;
    uint64_t middle = align_down(bytes - head, sizeof zeros);
    guest_put(memory, at, zeros, head);
    if (middle > 0)
        CHECK(guest_memory_zero(memory, GPA(at + head), middle));
    guest_put(memory, at + head + middle, zeros, bytes - head - middle);
}
