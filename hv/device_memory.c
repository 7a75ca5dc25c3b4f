/* SPDX-License-Identifier: MIT
 *
 * See device_memory.h.
 */
#include "hv/device_memory.h"

#include "arch/spec/apic.h"
#include "hv/assigned_memory.h"
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

static bool assigned_has(struct vm *vm, gpa_t gpa)
{
    if (vm->pci.assigned == NULL)
        return false;
    lock_acquire(&vm->lock);
    bool has = assigned_memory_has(vm->pci.assigned, gpa);
    lock_release(&vm->lock);
    return has;
}

bool device_memory_has(const struct vcpu *vcpu, gpa_t gpa)
{
    return gpa.value - vcpu->lapic.page < APIC_PAGE_SIZE || device_at(gpa) != DEVICE_NONE ||
           assigned_has(vcpu->vm, gpa);
}

/* Behind all that is emulated, of a guest that owns functions of the machine. Not
 * inlined, so that what is asked for all the time pays for nothing of it. */
__attribute__((noinline))
static uint64_t read_assigned(struct vcpu *vcpu, gpa_t gpa, unsigned bytes)
{
    struct vm *vm = vcpu->vm;
    uint64_t value = UINT64_MAX;

    lock_acquire(&vm->lock);
    bool answers = assigned_memory_read(vm->pci.assigned, gpa, bytes, &value);
    lock_release(&vm->lock);
    if (!answers)
        denied_report(vcpu, DENIED_MEMORY_READ, gpa.value);
    return value & guest_size_mask(bytes);
}

__attribute__((noinline))
static void write_assigned(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value)
{
    struct vm *vm = vcpu->vm;

    lock_acquire(&vm->lock);
    bool answers = assigned_memory_write(vm->pci.assigned, gpa, bytes, value);
    lock_release(&vm->lock);
    if (!answers)
        denied_report(vcpu, DENIED_MEMORY_WRITE, gpa.value);
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
    case DEVICE_NONE:
        if (vm->pci.assigned != NULL)
            return read_assigned(vcpu, gpa, bytes);
        denied_report(vcpu, DENIED_MEMORY_READ, gpa.value);
        break;
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
    case DEVICE_NONE:
        if (vm->pci.assigned != NULL)
            write_assigned(vcpu, gpa, bytes, value);
        else
            denied_report(vcpu, DENIED_MEMORY_WRITE, gpa.value);
        break;
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
