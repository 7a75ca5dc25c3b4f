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

void io_bitmap_pass(uint8_t bitmap[static IO_BITMAP_BYTES], uint16_t first, uint16_t last)
{
    for (uint32_t port = first; port <= last; port++)
        bitmap[port / 8] &= (uint8_t)~(1u << port % 8);
}
