/* SPDX-License-Identifier: MIT
 *
 * Names of the image's functions, for backtraces. The table is made from the
 * first link of the image (tools/symbols.py) and linked in by the second.
 */
#pragma once

#include <stdint.h>

/* The function that holds an address; NULL outside the image's text. */
const char *symbol_name(uint64_t address);

/* The same, never NULL ("?"), and how far into the function. */
const char *symbol_name_offset(uint64_t address, uint64_t *offset);
