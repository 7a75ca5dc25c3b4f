/* SPDX-License-Identifier: MIT
 *
 * Names of a kernel's functions, out of the symbol table of its ELF file, for
 * whoever reads where a guest was. The file is looked through from beginning to
 * end, once for all addresses: no order is expected in it, and no memory is needed.
 *
 * A file is trusted to be run, not to be well-formed: no byte outside of it is read,
 * and of a table at most ELF_SYMBOLS_MAX entries.
 */
#pragma once

#include "hv/elf.h"
#include "hv/span.h"

#define ELF_SYMBOLS_MAX (1u << 20)

struct elf_symbol_layout; /* offsets of a class: elf_symbols.c */

struct elf_symbols {
    struct span table, names;
    const struct elf_symbol_layout *layout;
};

/* False: the file has none, or they are damaged. */
bool elf_symbols_open(const struct elf *elf, struct elf_symbols *symbols);

/* What an address has for a name: that of the function around it or, where none says
 * that it reaches so far, of the last label of unknown size before it. */
struct elf_symbol {
    uint64_t value; /* where the symbol is */
    uint32_t name;  /* in the table of names; 0: there is none */
    bool is_sized;
};

/* Addresses as they were linked: elf_linked_address(). */
void elf_symbols_find(const struct elf_symbols *symbols, const uint64_t *addresses,
                      unsigned count, struct elf_symbol *found);

/* A longer one is cut. */
#define ELF_SYMBOL_NAME_SIZE 64u
void elf_symbol_name(const struct elf_symbols *symbols, const struct elf_symbol *symbol,
                     char name[static ELF_SYMBOL_NAME_SIZE]);
