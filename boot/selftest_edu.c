/* SPDX-License-Identifier: MIT
 *
 * See selftest_edu.h.
 */
#include "boot/selftest_edu.h"

#include "arch/host.h"
#include "arch/layout.h"
#include "arch/paging.h"
#include "arch/spec/pci.h"
#include "drivers/mmio.h"
#include "drivers/pci_config.h"

enum edu_register {
    EDU_RAISE = 0x60,
    EDU_ACKNOWLEDGE = 0x64,
    EDU_DMA_FROM = 0x80,
    EDU_DMA_TO = 0x88,
    EDU_DMA_BYTES = 0x90,
    EDU_DMA_COMMAND = 0x98,
};

#define EDU_BUFFER 0x40000u
#define EDU_DMA_START 1u
#define EDU_DMA_TO_MEMORY 2u
#define EDU_POLLS_MAX 20000000u /* it takes a tenth of a second */

static void write(const struct edu *edu, enum edu_register at, uint32_t value)
{
    mmio_write32(edu->registers + at / sizeof(uint32_t), value);
}

static struct pci_address address_of(const struct edu *edu)
{
    return host.pci.functions[edu->function].address;
}

void edu_master(const struct edu *edu, bool on)
{
    uint32_t bits = PCI_COMMAND_MEMORY | (on ? PCI_COMMAND_BUS_MASTER : 0);
    pci_config_write(address_of(edu), PCI_COMMAND, 2, bits);
}

bool edu_is_master(const struct edu *edu)
{
    return pci_config_read(address_of(edu), PCI_COMMAND, 2) & PCI_COMMAND_BUS_MASTER;
}

bool edu_open(struct edu *edu, unsigned number)
{
    unsigned seen = 0;
    for (unsigned i = 0; i < host.pci.count; i++) {
        const struct pci_function *function = &host.pci.functions[i];
        if (function->vendor_id != EDU_VENDOR || function->device_id != EDU_DEVICE
            || function->bars[0].base == 0 || seen++ != number)
            continue;
        uint64_t virtual = SELFTEST_VIRTUAL + (number + 1) * PAGE_SIZE_2M;
        paging_map(virtual, HPA(function->bars[0].base), 1ull << function->bars[0].size_shift,
                   PAGE_DEVICE);
        *edu = (struct edu){ .function = i, .registers = (volatile uint32_t *)virtual };
        edu_master(edu, true);
        return true;
    }
    return false;
}

static bool transfer(const struct edu *edu, uint32_t from, uint32_t to, uint32_t bytes,
                     uint32_t direction)
{
    write(edu, EDU_DMA_FROM, from);
    write(edu, EDU_DMA_TO, to);
    write(edu, EDU_DMA_BYTES, bytes);
    write(edu, EDU_DMA_COMMAND, EDU_DMA_START | direction);
    for (unsigned i = 0; i < EDU_POLLS_MAX; i++)
        if (!(mmio_read32(edu->registers + EDU_DMA_COMMAND / sizeof(uint32_t)) & EDU_DMA_START))
            return true;
    return false;
}

bool edu_write(const struct edu *edu, uint32_t address, uint32_t bytes)
{
    return transfer(edu, EDU_BUFFER, address, bytes, EDU_DMA_TO_MEMORY);
}

bool edu_read(const struct edu *edu, uint32_t address, uint32_t bytes)
{
    return transfer(edu, address, EDU_BUFFER, bytes, 0);
}

void edu_interrupt(const struct edu *edu, struct vtd_message message)
{
    const struct pci_function *function = &host.pci.functions[edu->function];
    pci_config_write(function->address, function->msi + PCI_MSI_ADDRESS, 4, message.address);
    pci_config_write(function->address, function->msi + PCI_MSI_ADDRESS_HIGH, 4, 0);
    pci_config_write(function->address, function->msi + PCI_MSI_DATA_64, 2, message.data);
    pci_config_write(function->address, function->msi + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE);
    write(edu, EDU_RAISE, 1);
    write(edu, EDU_ACKNOWLEDGE, 1);
}
