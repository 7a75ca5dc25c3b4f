/* SPDX-License-Identifier: MIT
 *
 * See guest_ports.h. The rows of hv/ports.c in short, for a configuration that is
 * checked without the devices; tests/unit/test_ports.c holds the two together.
 */
#include "hv/guest_ports.h"

#include <stddef.h>

static const struct { uint16_t first, last; } taken[] = {
    { 0x20, 0x21 },   { 0x40, 0x43 },   { 0x60, 0x61 },   { 0x64, 0x64 },   { 0x70, 0x71 },
    { 0x80, 0x80 },   { 0x92, 0x92 },   { 0xA0, 0xA1 },   { 0xED, 0xED },   { 0x2E8, 0x2EF },
    { 0x2F8, 0x2FF }, { 0x3B0, 0x3DF }, { 0x3E8, 0x3EF }, { 0x3F8, 0x3FF }, { 0x4D0, 0x4D1 },
    { 0x600, 0x605 }, { 0x608, 0x60B }, { 0xCF8, 0xCFF },
};

bool guest_port_is_taken(uint16_t port)
{
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (port >= taken[i].first && port <= taken[i].last)
            return true;
    return false;
}
