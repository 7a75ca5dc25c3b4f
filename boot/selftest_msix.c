/* SPDX-License-Identifier: MIT
 *
 * See selftest.h. A VM with the boot CPU as its vCPU plays the guest: it writes the
 * table by hv/assigned_msix.h, and the card raises the interrupt that it is told to.
 * Intel 82574 GbE Controller Family Datasheet, 10.2.4 "Interrupt Register Descriptions".
 */
#include "arch/host.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "arch/spec/apic.h"
#include "arch/spec/pci.h"
#include "arch/vtd.h"
#include "boot/selftest.h"
#include "boot/selftest_edu.h"
#include "drivers/mmio.h"
#include "drivers/pci_config.h"
#include "hv/assigned_msix.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define CARD_VENDOR 0x8086
#define CARD_DEVICE 0x10D3
#define CARD_VIRTUAL (SELFTEST_VIRTUAL + 3 * PAGE_SIZE_2M) /* behind the edu devices' */

enum card_register { CARD_ICR = 0xC0, CARD_ICS = 0xC8, CARD_IMS = 0xD0, CARD_IVAR = 0xE4 };
#define CAUSE_OTHER (1u << 24)
#define IVAR_OTHER_SHIFT 16
#define IVAR_VALID 8u

#define ENTRY 2u
#define ENABLE ((uint32_t)PCI_MSIX_ENABLE << 16)

static struct {
    struct vm vm;
    struct vcpu vcpu;
    const struct pci_function *function;
    volatile uint32_t *registers;
    struct assigned_msix msix;
} card;

static const struct pci_function *find_card(void)
{
    for (unsigned i = 0; i < host.pci.count; i++) {
        const struct pci_function *function = &host.pci.functions[i];
        if (function->vendor_id == CARD_VENDOR && function->device_id == CARD_DEVICE
            && function->bars[0].base != 0)
            return function;
    }
    return NULL;
}

static void open_card(void)
{
    const struct pci_bar *bar = &card.function->bars[0];
    unsigned budget = ASSIGNED_MSIX_BUDGET;

    paging_map(CARD_VIRTUAL, HPA(bar->base), 1ull << bar->size_shift, PAGE_DEVICE);
    card.registers = (volatile uint32_t *)CARD_VIRTUAL;
    pci_config_write(card.function->address, PCI_COMMAND, 2,
                     PCI_COMMAND_MEMORY | PCI_COMMAND_BUS_MASTER);
    card.vm.vcpu_count = 1;
    card.vm.vcpus[0] = &card.vcpu;
    atomic_store(&card.vcpu.lapic.svr, SIVR_ENABLE);
    assigned_msix_add(&card.msix, card.function, &budget);
    assigned_msix_reset(&card.msix, card.function);
    assigned_msix_write(&card.vm, card.function, &card.msix, ENABLE, UINT32_MAX);
}

static void write_register(enum card_register at, uint32_t value)
{
    mmio_write32(card.registers + at / sizeof(uint32_t), value);
}

static bool card_raises(uint8_t vector)
{
    write_register(CARD_ICR, UINT32_MAX); /* forgets the one before */
    write_register(CARD_IVAR, (IVAR_VALID | ENTRY) << IVAR_OTHER_SHIFT);
    write_register(CARD_IMS, CAUSE_OTHER);
    write_register(CARD_ICS, CAUSE_OTHER);
    return becomes_pending(vector);
}

static void write_entry(unsigned part, uint32_t value)
{
    assigned_msix_table_write(&card.vm, card.function, &card.msix,
                              ENTRY * PCI_MSIX_ENTRY_BYTES + part, value);
}

static uint8_t set_entry(bool masked)
{
    uint8_t vector = next_vector();

    write_entry(PCI_MSIX_ENTRY_CONTROL, PCI_MSIX_ENTRY_MASKED);
    write_entry(PCI_MSIX_ENTRY_ADDRESS, MESSAGE_ADDRESS);
    write_entry(PCI_MSIX_ENTRY_DATA, vector);
    write_entry(PCI_MSIX_ENTRY_CONTROL, masked ? PCI_MSIX_ENTRY_MASKED : 0);
    return vector;
}

static void a_masked_one_waits(void)
{
    uint8_t vector = set_entry(true);
    bool came = card_raises(vector);

    write_entry(PCI_MSIX_ENTRY_CONTROL, 0);
    expect(!came && becomes_pending(vector), "a masked one waits until it is not");
}

/* As if the guest had reached the table itself. */
static void names_another(uint32_t index, uint8_t vector)
{
    uint64_t table = card.function->bars[card.msix.bar].base + card.msix.offset;

    set_entry(false);
    machine_register_write(HPA(table + ENTRY * PCI_MSIX_ENTRY_BYTES + PCI_MSIX_ENTRY_ADDRESS),
                           sizeof(uint32_t), irte_message(index, false).address);
    expect(vector != 0 && !card_raises(vector), "with another's name in its table it is blocked");
}

bool selftest_msix(const struct edu *other, uint32_t index)
{
    card.function = find_card();
    if (card.function == NULL)
        return false;
    open_card();
    expect(card.msix.count > ENTRY, "a card's MSI-X is shown");
    if (card.msix.count <= ENTRY)
        return true;
    expect(card_raises(set_entry(false)), "its interrupt comes as its guest has set it");
    expect(card_raises(set_entry(false)), "and set anew, there");
    a_masked_one_waits();
    uint8_t vector = set_entry(false);
    expect(!raises(other, card.msix.index + ENTRY, vector), "another that names it is blocked");
    expect(card_raises(vector), "which the card raises");
    names_another(index, lead(index));
    vector = set_entry(false);
    assigned_msix_reset(&card.msix, card.function);
    expect(!card_raises(vector), "when its guest has ended nothing comes");
    return true;
}
