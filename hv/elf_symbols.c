/* SPDX-License-Identifier: MIT
 *
 * See elf_symbols.h.
 */
#include "hv/elf_symbols.h"

#include "arch/spec/elf.h"
#include "hv/bytes.h"

struct elf_symbol_layout {
    uint8_t bytes;
    uint8_t address_bytes;
    uint8_t st_value, st_size, st_info, st_shndx;
};

static const struct elf_symbol_layout layout_32 = {
    ELF32_SYMBOL_BYTES, 4, ELF32_ST_VALUE, ELF32_ST_SIZE, ELF32_ST_INFO, ELF32_ST_SHNDX,
};

static const struct elf_symbol_layout layout_64 = {
    ELF64_SYMBOL_BYTES, 8, ELF64_ST_VALUE, ELF64_ST_SIZE, ELF64_ST_INFO, ELF64_ST_SHNDX,
};

/* ---- The tables ---- */

static bool content(const struct elf *elf, const struct elf_section *section, struct span *span)
{
    if (!span_has(elf->file, section->offset, section->bytes))
        return false;
    *span = (struct span){ elf->file.bytes + section->offset, section->bytes };
    return true;
}

static bool is_symbols(const struct elf *elf, const struct elf_section *section,
                       struct elf_symbols *symbols)
{
    if (section->type != ELF_SHT_SYMTAB || section->entry_bytes != symbols->layout->bytes ||
        section->link >= elf->section_count)
        return false;
    struct elf_section names = elf_section(elf, section->link);
    return names.type == ELF_SHT_STRTAB && content(elf, &names, &symbols->names) &&
           content(elf, section, &symbols->table);
}

bool elf_symbols_open(const struct elf *elf, struct elf_symbols *symbols)
{
    symbols->layout = elf_address_bytes(elf) == 8 ? &layout_64 : &layout_32;
    for (uint32_t i = 0; i < elf->section_count; i++) {
        struct elf_section section = elf_section(elf, i);

        if (is_symbols(elf, &section, symbols))
            return true;
    }
    return false;
}

/* ---- Looking for addresses ---- */

struct entry {
    uint64_t value, bytes;
    uint32_t name;
};

static uint64_t word(const struct elf_symbol_layout *layout, const uint8_t *at)
{
    return layout->address_bytes == 8 ? little_64(at) : little_32(at);
}

/* False: it names no code. Assemblers give their labels no type. */
static bool read_entry(const struct elf_symbol_layout *layout, const uint8_t *at,
                       struct entry *entry)
{
    unsigned type = at[layout->st_info] & ELF_ST_TYPE_MASK;
    uint16_t section = little_16(at + layout->st_shndx);

    entry->name = little_32(at + ELF_ST_NAME);
    entry->value = word(layout, at + layout->st_value);
    entry->bytes = word(layout, at + layout->st_size);
    return entry->name != 0 && (type == ELF_STT_FUNC || type == ELF_STT_NOTYPE) &&
           section != ELF_SHN_UNDEF && section < ELF_SHN_LORESERVE;
}

/* A function that has the address within it is better than a label before it; of two
 * of a sort, the nearer one; of two at one place, the first. */
static bool is_better(const struct elf_symbol *symbol, const struct elf_symbol *best)
{
    if (best->name == 0)
        return true;
    if (symbol->is_sized != best->is_sized)
        return symbol->is_sized;
    return symbol->value > best->value;
}

static void consider(const struct entry *entry, uint64_t address, struct elf_symbol *best)
{
    struct elf_symbol symbol = { entry->value, entry->name, entry->bytes != 0 };

    if (entry->value > address || (symbol.is_sized && address - entry->value >= entry->bytes))
        return;
    if (is_better(&symbol, best))
        *best = symbol;
}

void elf_symbols_find(const struct elf_symbols *symbols, const uint64_t *addresses,
                      unsigned count, struct elf_symbol *found)
{
    size_t bytes = symbols->layout->bytes;
    struct entry entry;

    for (unsigned i = 0; i < count; i++)
        found[i] = (struct elf_symbol){ .name = 0 };
    for (size_t i = 0; i < symbols->table.size / bytes && i < ELF_SYMBOLS_MAX; i++)
        if (read_entry(symbols->layout, symbols->table.bytes + i * bytes, &entry))
            for (unsigned j = 0; j < count; j++)
                consider(&entry, addresses[j], &found[j]);
}

void elf_symbol_name(const struct elf_symbols *symbols, const struct elf_symbol *symbol,
                     char name[static ELF_SYMBOL_NAME_SIZE])
{
    size_t length = 0;

    while (length < ELF_SYMBOL_NAME_SIZE - 1 &&
           span_has(symbols->names, (uint64_t)symbol->name + length, 1) &&
           symbols->names.bytes[symbol->name + length] != '\0') {
        name[length] = (char)symbols->names.bytes[symbol->name + length];
        length++;
    }
    name[length] = '\0';
}
