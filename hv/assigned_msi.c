/* SPDX-License-Identifier: MIT
 *
 * See assigned_msi.h.
 */
#include "hv/assigned_msi.h"

#include "arch/spec/pci.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define CONTROL_SHIFT 16

void assigned_msi_add(struct assigned_msi *msi, const struct pci_function *function)
{
    *msi = (struct assigned_msi){ .shown = false };
    if (function->msi == 0)
        return;
    msi->shown = machine_message_allocate(function, 1, &msi->index);
    msi->wide = machine_pci_read(function->address, function->msi + PCI_MSI_CONTROL, 2) &
                PCI_MSI_WIDE;
}

void assigned_msi_reset(struct assigned_msi *msi)
{
    *msi = (struct assigned_msi){ .shown = msi->shown, .wide = msi->wide, .index = msi->index };
}

static unsigned data_at(const struct assigned_msi *msi)
{
    return msi->wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32;
}

unsigned assigned_msi_bytes(const struct assigned_msi *msi)
{
    return data_at(msi) + sizeof(uint32_t);
}

uint32_t assigned_msi_read(const struct assigned_msi *msi, unsigned at)
{
    if (at == 0)
        return PCI_CAPABILITY_MSI | ((msi->enabled ? PCI_MSI_ENABLE : 0) |
                                     (msi->wide ? PCI_MSI_WIDE : 0)) << CONTROL_SHIFT;
    if (at == PCI_MSI_ADDRESS)
        return msi->message.address;
    return at == data_at(msi) ? msi->message.data : msi->message.address_high;
}

static void write_control(const struct pci_function *function, bool enabled)
{
    unsigned at = function->msi + PCI_MSI_CONTROL;
    uint32_t control = machine_pci_read(function->address, at, 2);

    control &= ~(PCI_MSI_ENABLE | PCI_MSI_MESSAGES);
    machine_pci_write(function->address, at, 2, control | (enabled ? PCI_MSI_ENABLE : 0));
}

/* The function has the entry's name before it is told to use it. */
static void write_message(const struct pci_function *function, const struct assigned_msi *msi,
                          const struct machine_message *message)
{
    machine_pci_write(function->address, function->msi + PCI_MSI_ADDRESS, 4, message->address);
    if (msi->wide)
        machine_pci_write(function->address, function->msi + PCI_MSI_ADDRESS_HIGH, 4, 0);
    machine_pci_write(function->address, function->msi + data_at(msi), 2, message->data);
    if (machine_pci_read(function->address, function->msi + PCI_MSI_CONTROL, 2) & PCI_MSI_MASKABLE)
        machine_pci_write(function->address, function->msi + assigned_msi_bytes(msi), 4, 0);
    write_control(function, true);
}

static void apply(struct vm *vm, const struct pci_function *function,
                  const struct assigned_msi *msi)
{
    const struct vcpu *target =
        msi->enabled ? assigned_message_target(vm, &msi->message) : NULL;
    struct machine_message message;

    if (target != NULL &&
        machine_message_set(msi->index, target->cpu, assigned_message_vector(&msi->message),
                            &message)) {
        write_message(function, msi, &message);
        return;
    }
    write_control(function, false);
    machine_message_clear(msi->index);
}

void assigned_msi_write(struct vm *vm, const struct pci_function *function,
                        struct assigned_msi *msi, unsigned at, uint32_t value, uint32_t mask)
{
    struct assigned_message *message = &msi->message;

    if (at == 0 && mask >> CONTROL_SHIFT & PCI_MSI_ENABLE)
        msi->enabled = value >> CONTROL_SHIFT & PCI_MSI_ENABLE;
    else if (at == PCI_MSI_ADDRESS)
        message->address = ((message->address & ~mask) | (value & mask)) & ~3u;
    else if (at == data_at(msi))
        message->data = (uint16_t)((message->data & ~mask) | (value & mask));
    else if (at != 0)
        message->address_high = (message->address_high & ~mask) | (value & mask);
    apply(vm, function, msi);
}
