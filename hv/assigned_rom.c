/* SPDX-License-Identifier: MIT
 *
 * See assigned_rom.h.
 */
#include "hv/assigned_rom.h"

#include "hv/config_owners.h"
#include "hv/pci_address.h"
#include "hv/text.h"

/* The first other BAR or ROM in these pages; false: there is none. */
static bool find_bar(const struct pci_inventory *pci, const struct pci_bar *rom, uint64_t first,
                     uint64_t last, struct pci_address *whose)
{
    for (unsigned i = 0; i < pci->count; i++)
        for (unsigned j = 0; j < PCI_BARS; j++) {
            const struct pci_bar *bar = &pci->functions[i].bars[j];
            if (bar == rom || !config_bar_touches(bar, false, first, last))
                continue;
            *whose = pci->functions[i].address;
            return true;
        }
    return false;
}

bool assigned_rom_is_usable(const struct inventory *inventory,
                            const struct pci_function *function,
                            char reason[static ASSIGNED_ROM_REASON_SIZE])
{
    const struct pci_bar *rom = &function->bars[PCI_BAR_ROM];
    uint64_t last = (rom->base + (1ull << rom->size_shift) - 1) | (PAGE_SIZE_4K - 1);
    const char *none = config_no_registers(inventory, false, rom->base, last);
    const char *own = config_own_range(inventory->own_memory, inventory->own_memory_count,
                                       rom->base, last);
    struct pci_address whose;
    char address[PCI_ADDRESS_SIZE];

    reason[0] = '\0';
    if (rom->space == PCI_SPACE_NONE)
        return false;
    if (rom->base == 0) {
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "the firmware gave it no address");
    } else if (rom->base % PAGE_SIZE_4K != 0) {
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "it begins inside a page of 4 KiB, at %llx",
                    (unsigned long long)rom->base);
    } else if (rom->base % (1ull << rom->size_shift) != 0) {
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "%llx is no multiple of its size",
                    (unsigned long long)rom->base);
    } else if (none != NULL) {
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "from %llx on it holds %s",
                    (unsigned long long)rom->base, none);
    } else if (own != NULL) {
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "at its address %llx is %s",
                    (unsigned long long)rom->base, own);
    } else if (find_bar(inventory->pci, rom, rom->base, last, &whose)) {
        pci_address_format(address, whose);
        text_format(reason, ASSIGNED_ROM_REASON_SIZE, "in its pages from %llx on is also a BAR of %s",
                    (unsigned long long)rom->base, address);
    } else {
        return true;
    }
    return false;
}
