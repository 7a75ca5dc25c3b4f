/* SPDX-License-Identifier: MIT
 *
 * Which ports of the machine a guest reaches without an exit: SDM Vol. 3C,
 * 25.6.4 "I/O-Bitmap Addresses". A set bit makes the port exit. A guest that owns
 * no port has no bitmap, and all its ports exit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Bitmap A, for ports up to 7FFFh, and B behind it: a page each. */
#define IO_BITMAP_BYTES 0x2000

/* Every port exits. */
void io_bitmap_init(uint8_t bitmap[static IO_BITMAP_BYTES]);

void io_bitmap_set(uint8_t bitmap[static IO_BITMAP_BYTES], uint16_t first, uint16_t last,
                   bool exits);
