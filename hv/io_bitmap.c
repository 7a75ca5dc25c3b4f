/* SPDX-License-Identifier: MIT
 *
 * See io_bitmap.h.
 */
#include "hv/io_bitmap.h"

#include "hv/text.h"

void io_bitmap_init(uint8_t bitmap[static IO_BITMAP_BYTES])
{
    memset(bitmap, 0xFF, IO_BITMAP_BYTES);
}

void io_bitmap_set(uint8_t bitmap[static IO_BITMAP_BYTES], uint16_t first, uint16_t last,
                   bool exits)
{
    for (uint32_t port = first; port <= last; port++) {
        uint8_t bit = (uint8_t)(1u << port % 8);
        bitmap[port / 8] = exits ? bitmap[port / 8] | bit : bitmap[port / 8] & (uint8_t)~bit;
    }
}
