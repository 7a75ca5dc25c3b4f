/* SPDX-License-Identifier: MIT
 *
 * See symbols.h.
 */
#include "arch/symbols.h"

#include <stddef.h>

struct symbol { uint32_t address; uint32_t name; }; /* offsets from image_start and symbol_names */

extern const struct symbol symbol_table[], symbol_table_end[];
extern const char symbol_names[];
extern const char image_start[], image_rodata[];

/* The last symbol at or below the offset; the table ascends. */
static const struct symbol *find(uint64_t offset)
{
    size_t low = 0;
    size_t high = (size_t)(symbol_table_end - symbol_table);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (symbol_table[middle].address <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &symbol_table[low - 1] : NULL;
}

const char *symbol_name_offset(uint64_t address, uint64_t *offset)
{
    *offset = 0;
    if (address < (uint64_t)image_start || address >= (uint64_t)image_rodata)
        return "?";
    uint64_t in_image = address - (uint64_t)image_start;
    const struct symbol *symbol = find(in_image);
    if (!symbol)
        return "?";
    *offset = in_image - symbol->address;
    return symbol_names + symbol->name;
}

const char *symbol_name(uint64_t address)
{
    uint64_t offset;
    if (address < (uint64_t)image_start || address >= (uint64_t)image_rodata)
        return NULL;
    return symbol_name_offset(address, &offset);
}
