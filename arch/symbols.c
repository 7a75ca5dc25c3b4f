/* SPDX-License-Identifier: MIT
 *
 * See symbols.h. The table is walked from its beginning: it is small, and read
 * only when there is nothing else left to do.
 */
#include "arch/symbols.h"

#include <stddef.h>

#include "hv/bytes.h"
#include "hv/text.h"

/* Of each function, ascending: 16 bits that say how far it is from the one
 * before, the first one from image_start; then its name with a terminator. */
extern const uint8_t symbol_table[], symbol_table_end[];
extern const char image_start[], image_rodata[];

const char *symbol_name_offset(uint64_t address, uint64_t *offset)
{
    const char *name = "?";
    *offset = 0;
    if (address < (uint64_t)image_start || address >= (uint64_t)image_rodata)
        return name;
    uint64_t left = address - (uint64_t)image_start;
    for (const uint8_t *at = symbol_table; at < symbol_table_end && left >= little_16(at);) {
        left -= little_16(at);
        name = (const char *)at + 2;
        at += 2 + strlen(name) + 1;
        *offset = left;
    }
    return name;
}

const char *symbol_name(uint64_t address)
{
    uint64_t offset;
    if (address < (uint64_t)image_start || address >= (uint64_t)image_rodata)
        return NULL;
    return symbol_name_offset(address, &offset);
}
