/* SPDX-License-Identifier: MIT
 *
 * See config_owners.h.
 */
#include "hv/config_owners.h"

#include "arch/spec/apic.h"
#include "arch/spec/ept.h"
#include "hv/text.h"

#define CONSOLE_REGISTERS 8

/* A store there is an interrupt, whoever makes it: SDM Vol. 3A, 11.11.1 "Message
 * Address Register Format". The local APICs' page is in it. */
#define MSI_AREA XAPIC_BASE
#define MSI_AREA_BYTES MIB(1)

struct owner_text config_owner_text(const struct vm_config *vm)
{
    struct owner_text owner = { .text = "" };
    bool named = vm->name[0] != '\0';

    text_format(owner.text, sizeof owner.text, "%s%s%s in line %u", named ? "vm \"" : "the guest",
                vm->name, named ? "\"" : "", vm->header.line);
    return owner;
}

const struct vm_config *config_owner_of(const struct config *config, struct pci_address address)
{
    for (uint32_t i = 0; i < config->vm_count; i++) {
        const struct config_parts *parts = &config->vms[i].parts;

        for (uint32_t j = 0; j < parts->device_count; j++)
            if (pci_same_address(parts->devices[j].address, address))
                return &config->vms[i];
    }
    return NULL;
}

bool config_bar_touches(const struct pci_bar *bar, bool io, uint64_t first, uint64_t last)
{
    uint64_t begin = bar->base;
    uint64_t end = bar->base + (1ull << bar->size_shift);

    if (bar->space == PCI_SPACE_NONE || bar->base == 0 || (bar->space == PCI_SPACE_IO) != io)
        return false;
    if (!io) {
        begin = align_down(begin, PAGE_SIZE_4K);
        end = align_up(end, PAGE_SIZE_4K);
    }
    return first < end && last >= begin;
}

bool config_console_touches(const struct console_place *console, bool io, uint64_t first,
                            uint64_t last)
{
    uint64_t begin = io ? console->port : console->address;
    uint64_t bytes = !io && console->doublewords ? CONSOLE_REGISTERS * sizeof(uint32_t)
                                                 : CONSOLE_REGISTERS;

    return console->kind == (io ? CONSOLE_AT_PORT : CONSOLE_AT_MEMORY) && first < begin + bytes &&
           last >= begin;
}

/* EPT of four levels takes no more either. */
static unsigned address_bits(const struct inventory *inventory)
{
    uint32_t bits = inventory->address_bits;

    return bits != 0 && bits < EPT_ADDRESS_BITS ? bits : EPT_ADDRESS_BITS;
}

const char *config_no_registers(const struct inventory *inventory, bool io, uint64_t first,
                                uint64_t last)
{
    if (io)
        return (first | last) > UINT16_MAX ? "ports that no machine has" : NULL;
    if (first < MSI_AREA + MSI_AREA_BYTES && last >= MSI_AREA)
        return "where interrupts are sent to";
    if ((first | last) >> address_bits(inventory) != 0)
        return "addresses that the machine does not have";
    return NULL;
}

const char *config_own_range(const struct inventory_own *own, uint32_t count, uint64_t first,
                             uint64_t last)
{
    for (uint32_t i = 0; i < count; i++)
        if (first <= own[i].last && last >= own[i].first)
            return own[i].what;
    return NULL;
}

void config_check_owners(const struct config *config, const struct inventory *inventory,
                         struct findings *findings)
{
    config_check_raw(config, inventory, findings);
    config_check_devices(config, inventory, findings);
}
