/* SPDX-License-Identifier: MIT
 *
 * See device_memory.h.
 */
#include "hv/device_memory.h"

#include "arch/spec/apic.h"
#include "hv/guest_ports.h"
#include "hv/guest_register.h"
#include "hv/vm.h"

enum device { DEVICE_NONE, DEVICE_IOAPIC, DEVICE_PCI };

static enum device device_at(gpa_t gpa)
{
    if (gpa.value - IOAPIC_BASE < APIC_PAGE_SIZE)
        return DEVICE_IOAPIC;
    if (gpa.value - GUEST_ECAM_BASE < GUEST_ECAM_BYTES)
        return DEVICE_PCI;
    return DEVICE_NONE;
}

bool device_memory_has(const struct vcpu *vcpu, gpa_t gpa)
{
    return gpa.value - vcpu->lapic.page < APIC_PAGE_SIZE || device_at(gpa) != DEVICE_NONE;
}

uint64_t device_memory_read_other(struct vcpu *vcpu, gpa_t gpa, unsigned bytes)
{
    struct vm *vm = vcpu->vm;
    uint64_t value = UINT64_MAX;
    switch (device_at(gpa)) {
    case DEVICE_IOAPIC:
        lock_acquire(&vm->lock);
        value = ioapic_read(&vm->ioapic, gpa.value - IOAPIC_BASE, bytes);
        lock_release(&vm->lock);
        break;
    case DEVICE_PCI:
        lock_acquire(&vm->lock);
        value = pci_memory_read(&vm->pci, gpa.value - GUEST_ECAM_BASE, bytes);
        lock_release(&vm->lock);
        break;
    case DEVICE_NONE: denied_report(vcpu, DENIED_MEMORY_READ, gpa.value); break;
    }
    return value & guest_size_mask(bytes);
}

void device_memory_write_other(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value)
{
    struct vm *vm = vcpu->vm;
    switch (device_at(gpa)) {
    case DEVICE_IOAPIC:
        lock_acquire(&vm->lock);
        ioapic_write(vm, gpa.value - IOAPIC_BASE, bytes, value);
        lock_release(&vm->lock);
        break;
    case DEVICE_PCI:
        lock_acquire(&vm->lock);
        pci_memory_write(&vm->pci, gpa.value - GUEST_ECAM_BASE, bytes, value);
        lock_release(&vm->lock);
        break;
    case DEVICE_NONE: denied_report(vcpu, DENIED_MEMORY_WRITE, gpa.value); break;
    }
}

uint64_t device_memory_read(struct vcpu *vcpu, gpa_t gpa, unsigned bytes)
{
    uint64_t offset = gpa.value - vcpu->lapic.page;
    if (offset < APIC_PAGE_SIZE)
        return lapic_page_read(vcpu, offset, bytes) & guest_size_mask(bytes);
    return device_memory_read_other(vcpu, gpa, bytes);
}

void device_memory_write(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value)
{
    uint64_t offset = gpa.value - vcpu->lapic.page;
    if (offset < APIC_PAGE_SIZE)
        lapic_page_write(vcpu, offset, bytes, value);
    else
        device_memory_write_other(vcpu, gpa, bytes, value);
}
