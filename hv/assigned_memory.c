/* SPDX-License-Identifier: MIT
 *
 * See assigned_memory.h.
 */
#include "hv/assigned_memory.h"

#include "hv/assigned.h"
#include "hv/machine.h"

#define DOUBLEWORD 4u

/* One access: which function's, and where in the BAR with its table. */
struct spot {
    unsigned function;
    uint64_t offset;
};

static bool find(const struct assigned *assigned, gpa_t gpa, struct spot *spot)
{
    for (unsigned i = 0; i < assigned->count; i++) {
        const struct assigned_function *function = &assigned->functions[i];
        const struct assigned_msix *msix = &function->msix;
        if (msix->count == 0) /* nor is `bar` one, perhaps */
            continue;
        uint64_t first, mapped_at = function->mapped_at[msix->bar];
        uint64_t bytes = assigned_msix_pages(msix, function->function, &first);
        if (mapped_at == 0 || gpa.value - mapped_at - first >= bytes)
            continue;
        *spot = (struct spot){ i, gpa.value - mapped_at };
        return true;
    }
    return false;
}

bool assigned_memory_has(const struct assigned *assigned, gpa_t gpa)
{
    struct spot spot;

    return find(assigned, gpa, &spot);
}

/* From where in its table an access is; beyond its end: it is before or behind it. */
static uint64_t in_table(const struct assigned_function *function, uint64_t offset)
{
    return offset - function->msix.offset;
}

static bool is_in_table(const struct assigned_function *function, uint64_t offset)
{
    return in_table(function, offset) < assigned_msix_table_bytes(function->function);
}

/* A BAR may be less than a page. The table's ends are multiples of 8 bytes, so what is
 * naturally aligned does not lie across them. */
static bool may_be(const struct assigned_function *function, uint64_t offset, unsigned bytes)
{
    const struct pci_bar *bar = &function->function->bars[function->msix.bar];

    return offset % bytes == 0 && offset + bytes <= 1ull << bar->size_shift &&
           (bytes >= DOUBLEWORD || !is_in_table(function, offset));
}

static hpa_t register_at(const struct assigned_function *function, uint64_t offset)
{
    return HPA(function->function->bars[function->msix.bar].base + offset);
}

bool assigned_memory_read(const struct assigned *assigned, gpa_t gpa, unsigned bytes,
                          uint64_t *value)
{
    struct spot spot;

    if (!find(assigned, gpa, &spot))
        return false;
    const struct assigned_function *function = &assigned->functions[spot.function];
    if (!may_be(function, spot.offset, bytes))
        return false;
    if (!is_in_table(function, spot.offset)) {
        *value = machine_register_read(register_at(function, spot.offset), bytes);
        return true;
    }
    uint32_t at = (uint32_t)in_table(function, spot.offset);
    *value = assigned_msix_table_read(&function->msix, at);
    if (bytes > DOUBLEWORD)
        *value |= (uint64_t)assigned_msix_table_read(&function->msix, at + DOUBLEWORD) << 32;
    return true;
}

bool assigned_memory_write(struct assigned *assigned, gpa_t gpa, unsigned bytes, uint64_t value)
{
    struct spot spot;

    if (!find(assigned, gpa, &spot))
        return false;
    struct assigned_function *function = &assigned->functions[spot.function];
    if (!may_be(function, spot.offset, bytes))
        return false;
    if (!is_in_table(function, spot.offset)) {
        machine_register_write(register_at(function, spot.offset), bytes, value);
        return true;
    }
    for (unsigned i = 0; i < bytes; i += DOUBLEWORD)
        assigned_msix_table_write(assigned->vm, function->function, &function->msix,
                                  (uint32_t)in_table(function, spot.offset) + i,
                                  (uint32_t)(value >> 8 * i));
    return true;
}
