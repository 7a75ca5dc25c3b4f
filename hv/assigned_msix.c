/* SPDX-License-Identifier: MIT
 *
 * See assigned_msix.h. PCI Express Base Specification 5.0, 7.7.2 "MSI-X Capability and
 * Table Structure".
 */
#include "hv/assigned_msix.h"

#include <stddef.h>

#include "arch/spec/pci.h"
#include "hv/check.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define DOUBLEWORD sizeof(uint32_t)
#define CONTROL_SHIFT 16
#define LEADS_SHIFT 8 /* the CPU, behind the vector */

/* ---- Where the table is ---- */

static uint32_t place_of(const struct pci_function *function, unsigned at, uint8_t *bar)
{
    uint32_t value = machine_pci_read(function->address, function->msix + at, DOUBLEWORD);

    *bar = value & PCI_MSIX_BAR;
    return value & ~PCI_MSIX_BAR;
}

static bool fits(const struct pci_function *function, uint8_t bar, uint64_t offset, uint64_t bytes)
{
    const struct pci_bar *in = &function->bars[bar];

    return bar < PCI_BAR_ROM && in->base != 0 &&
           (in->space == PCI_SPACE_MEMORY_32 || in->space == PCI_SPACE_MEMORY_64) &&
           offset + bytes <= 1ull << in->size_shift;
}

uint32_t assigned_msix_table_bytes(const struct pci_function *function)
{
    return function->msix_vectors * PCI_MSIX_ENTRY_BYTES;
}

/* False: what the function says of it cannot be. */
static bool find_table(struct assigned_msix *msix, const struct pci_function *function)
{
    uint8_t pending_bar;
    uint64_t pending = place_of(function, PCI_MSIX_PENDING, &pending_bar);
    uint64_t pending_bytes = (function->msix_vectors + 63u) / 64 * 8;
    uint64_t bytes = assigned_msix_table_bytes(function);

    msix->offset = place_of(function, PCI_MSIX_TABLE, &msix->bar);
    return fits(function, msix->bar, msix->offset, bytes) &&
           fits(function, pending_bar, pending, pending_bytes) &&
           (pending_bar != msix->bar || pending >= msix->offset + bytes ||
            msix->offset >= pending + pending_bytes);
}

uint64_t assigned_msix_pages(const struct assigned_msix *msix,
                             const struct pci_function *function, uint64_t *first)
{
    uint64_t end = (uint64_t)msix->offset + assigned_msix_table_bytes(function);

    *first = align_down(msix->offset, PAGE_SIZE_4K);
    return align_up(end, PAGE_SIZE_4K) - *first;
}

void assigned_msix_add(struct assigned_msix *msix, const struct pci_function *function,
                       unsigned *budget)
{
    unsigned count = function->msix_vectors;

    *msix = (struct assigned_msix){ .absence = NULL };
    if (function->msix == 0)
        return;
    if (count > ASSIGNED_MSIX_ENTRIES)
        count = ASSIGNED_MSIX_ENTRIES;
    if (count > *budget)
        count = *budget;
    if (!find_table(msix, function))
        msix->absence = "its table or its pending bits are not in its memory BARs";
    else if (count == 0)
        msix->absence = "the guest's other functions have all entries that a guest can have";
    else if (!machine_message_allocate(function, count, &msix->index))
        msix->absence = "interrupts are not remapped, or too few entries are left for it";
    if (msix->absence != NULL)
        return;
    msix->count = (uint16_t)count;
    *budget -= count;
}

/* ---- The machine's entries ---- */

/* Where in the machine a part of an entry is. */
static hpa_t register_of(const struct assigned_msix *msix, const struct pci_function *function,
                         unsigned number, unsigned part)
{
    return HPA(function->bars[msix->bar].base + msix->offset + number * PCI_MSIX_ENTRY_BYTES +
               part);
}

static void write_register(const struct assigned_msix *msix, const struct pci_function *function,
                           unsigned number, unsigned part, uint32_t value)
{
    machine_register_write(register_of(msix, function, number, part), DOUBLEWORD, value);
}

static void mask_entry(const struct assigned_msix *msix, const struct pci_function *function,
                       unsigned number)
{
    write_register(msix, function, number, PCI_MSIX_ENTRY_CONTROL, PCI_MSIX_ENTRY_MASKED);
}

void assigned_msix_reset(struct assigned_msix *msix, const struct pci_function *function)
{
    if (msix->count == 0)
        return;
    msix->enabled = msix->masked = false;
    for (unsigned i = 0; i < msix->count; i++)
        msix->entries[i] = (struct assigned_msix_entry){ .masked = true };
    for (unsigned i = 0; i < function->msix_vectors; i++) {
        mask_entry(msix, function, i);
        write_register(msix, function, i, PCI_MSIX_ENTRY_ADDRESS, 0);
        write_register(msix, function, i, PCI_MSIX_ENTRY_ADDRESS_HIGH, 0);
        write_register(msix, function, i, PCI_MSIX_ENTRY_DATA, 0);
    }
}

/* The machine's entry has been masked. False: it leads nowhere. */
static bool lead(const struct pci_function *function, const struct assigned_msix *msix,
                 unsigned number, const struct vcpu *target)
{
    const struct assigned_message *message = &msix->entries[number].message;
    struct machine_message named;

    if (!machine_message_set(msix->index + number, target->cpu, assigned_message_vector(message),
                             &named))
        return false;
    write_register(msix, function, number, PCI_MSIX_ENTRY_ADDRESS, named.address);
    write_register(msix, function, number, PCI_MSIX_ENTRY_ADDRESS_HIGH, 0);
    write_register(msix, function, number, PCI_MSIX_ENTRY_DATA, named.data);
    return true;
}

/* An entry that the guest masks goes on leading where it did: guests mask and unmask
 * more often than they move an interrupt. */
static void apply(const struct vm *vm, const struct pci_function *function,
                  struct assigned_msix *msix, unsigned number)
{
    struct assigned_msix_entry *entry = &msix->entries[number];
    const struct vcpu *target =
        entry->masked ? NULL : assigned_message_target(vm, &entry->message);
    uint32_t leads = target == NULL ? 0 : target->cpu << LEADS_SHIFT |
                                              assigned_message_vector(&entry->message);

    if (leads != entry->leads)
        mask_entry(msix, function, number);
    if (leads != entry->leads && leads != 0)
        entry->leads = lead(function, msix, number, target) ? leads : 0;
    if (leads == entry->leads && leads != 0)
        write_register(msix, function, number, PCI_MSIX_ENTRY_CONTROL, 0);
}

/* ---- The guest's ---- */

uint32_t assigned_msix_read(const struct assigned_msix *msix)
{
    uint32_t control = msix->count - 1u;

    control |= msix->enabled ? PCI_MSIX_ENABLE : 0;
    control |= msix->masked ? PCI_MSIX_MASK_ALL : 0;
    return PCI_CAPABILITY_MSIX | control << CONTROL_SHIFT;
}

static void write_control(const struct pci_function *function, const struct assigned_msix *msix)
{
    unsigned at = function->msix + PCI_MSIX_CONTROL;
    uint32_t control = machine_pci_read(function->address, at, 2);

    control &= ~(PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
    control |= msix->enabled ? PCI_MSIX_ENABLE : 0;
    control |= msix->masked ? PCI_MSIX_MASK_ALL : 0;
    machine_pci_write(function->address, at, 2, control);
}

/* A vCPU whose APIC took nothing when its entry was written may take it now. */
void assigned_msix_write(const struct vm *vm, const struct pci_function *function,
                         struct assigned_msix *msix, uint32_t value, uint32_t mask)
{
    if (mask >> CONTROL_SHIFT & PCI_MSIX_ENABLE) { /* both bits are in one byte */
        msix->enabled = value >> CONTROL_SHIFT & PCI_MSIX_ENABLE;
        msix->masked = value >> CONTROL_SHIFT & PCI_MSIX_MASK_ALL;
        for (unsigned i = 0; i < msix->count; i++)
            apply(vm, function, msix, i);
        write_control(function, msix);
    }
}

static const struct assigned_msix_entry *entry_at(const struct assigned_msix *msix, uint32_t at)
{
    uint32_t number = at / PCI_MSIX_ENTRY_BYTES;

    return number < msix->count ? &msix->entries[number] : NULL;
}

/* An entry that is not shown reads as one that nobody has set. */
uint32_t assigned_msix_table_read(const struct assigned_msix *msix, uint32_t at)
{
    const struct assigned_msix_entry *entry = entry_at(msix, at);

    CHECK(at % DOUBLEWORD == 0);
    switch (at % PCI_MSIX_ENTRY_BYTES) {
    case PCI_MSIX_ENTRY_ADDRESS:
        return entry != NULL ? entry->message.address : 0;
    case PCI_MSIX_ENTRY_ADDRESS_HIGH:
        return entry != NULL ? entry->message.address_high : 0;
    case PCI_MSIX_ENTRY_DATA:
        return entry != NULL ? entry->message.data : 0;
    default:
        return entry == NULL || entry->masked ? PCI_MSIX_ENTRY_MASKED : 0;
    }
}

void assigned_msix_table_write(const struct vm *vm, const struct pci_function *function,
                               struct assigned_msix *msix, uint32_t at, uint32_t value)
{
    uint32_t number = at / PCI_MSIX_ENTRY_BYTES;

    CHECK(at % DOUBLEWORD == 0);
    if (number >= msix->count)
        return;
    struct assigned_msix_entry *entry = &msix->entries[number];
    switch (at % PCI_MSIX_ENTRY_BYTES) {
    case PCI_MSIX_ENTRY_ADDRESS:
        entry->message.address = value & ~3u;
        break;
    case PCI_MSIX_ENTRY_ADDRESS_HIGH:
        entry->message.address_high = value;
        break;
    case PCI_MSIX_ENTRY_DATA:
        entry->message.data = value;
        break;
    default:
        entry->masked = value & PCI_MSIX_ENTRY_MASKED;
    }
    apply(vm, function, msix, number);
}
