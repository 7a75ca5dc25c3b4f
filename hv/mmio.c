/* SPDX-License-Identifier: MIT
 *
 * See mmio.h. The processor says which guest-physical address was touched; the
 * instruction says what with. Nothing is skipped: an access that is not done
 * here as the processor would have done it ends the guest with a report.
 *
 * SDM Vol. 3C, 28.2.1 "Basic VM-Exit Information", Table 28-7 "Exit
 * Qualification for EPT Violations".
 */
#include "hv/mmio.h"

#include "arch/spec/apic.h"
#include "arch/spec/cr.h"
#include "hv/decode.h"
#include "hv/guest_paging.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

static struct verdict crash(struct vcpu *vcpu, const char *reason)
{
    vm_crash(vcpu, reason);
    return END;
}

static uint64_t size_mask(unsigned bytes)
{
    return bytes == 8 ? UINT64_MAX : BIT(8 * bytes) - 1;
}

/* RSP is the VMCS's. */
static uint64_t register_read(const struct vcpu *vcpu, unsigned reg)
{
    return reg == GPR_RSP ? machine_vmread_natural(VMCS_GUEST_RSP) : vcpu->gpr[reg];
}

static void register_write(struct vcpu *vcpu, unsigned reg, uint64_t value)
{
    if (reg == GPR_RSP)
        machine_vmwrite_natural(VMCS_GUEST_RSP, value);
    else
        vcpu->gpr[reg] = value;
}

static uint64_t value_to_store(const struct vcpu *vcpu, const struct decoded *decoded)
{
    if (decoded->kind == DECODE_STORE_IMMEDIATE)
        return decoded->immediate;
    uint64_t value = register_read(vcpu, decoded->reg) >> (decoded->high_byte ? 8 : 0);
    return value & size_mask(decoded->memory_size);
}

static uint64_t extended(const struct decoded *decoded, uint64_t value)
{
    unsigned unused = 64 - 8 * decoded->memory_size;
    if (decoded->sign_extend)
        value = (uint64_t)((int64_t)(value << unused) >> unused);
    return value & size_mask(decoded->register_size);
}

/* SDM Vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode": 32-bit results
 * clear the upper half, smaller ones leave the rest of the register. */
static void store_loaded(struct vcpu *vcpu, const struct decoded *decoded, uint64_t value)
{
    unsigned shift = decoded->high_byte ? 8 : 0;
    uint64_t mask = size_mask(decoded->register_size) << shift;
    uint64_t old = decoded->register_size >= 4 ? 0 : register_read(vcpu, decoded->reg) & ~mask;
    register_write(vcpu, decoded->reg, old | extended(decoded, value) << shift);
}

enum device { DEVICE_NONE, DEVICE_IOAPIC, DEVICE_PCI };

static enum device device_at(gpa_t gpa)
{
    if (gpa.value - IOAPIC_BASE < APIC_PAGE_SIZE)
        return DEVICE_IOAPIC;
    if (gpa.value - GUEST_ECAM_BASE < GUEST_ECAM_BYTES)
        return DEVICE_PCI;
    return DEVICE_NONE;
}

static uint64_t load(struct vcpu *vcpu, gpa_t gpa, unsigned bytes)
{
    struct vm *vm = vcpu->vm;
    uint64_t value = UINT64_MAX;
    switch (device_at(gpa)) {
    case DEVICE_IOAPIC:
        lock_acquire(&vm->lock);
        value = ioapic_read(&vm->ioapic, gpa.value - IOAPIC_BASE, bytes);
        lock_release(&vm->lock);
        break;
    case DEVICE_PCI: value = pci_memory_read(gpa.value - GUEST_ECAM_BASE, bytes); break;
    case DEVICE_NONE: denied_report(vcpu, DENIED_MEMORY_READ, gpa.value); break;
    }
    return value & size_mask(bytes);
}

static void store(struct vcpu *vcpu, gpa_t gpa, unsigned bytes, uint64_t value)
{
    struct vm *vm = vcpu->vm;
    switch (device_at(gpa)) {
    case DEVICE_IOAPIC:
        lock_acquire(&vm->lock);
        ioapic_write(vm, gpa.value - IOAPIC_BASE, bytes, value);
        lock_release(&vm->lock);
        break;
    case DEVICE_PCI: break; /* no function has a register that takes a write */
    case DEVICE_NONE: denied_report(vcpu, DENIED_MEMORY_WRITE, gpa.value); break;
    }
}

/*
 * The guest observes the device's register, or an empty bus: ones, and writes
 * that vanish. Of an access that begins in RAM and ends behind it no part
 * reaches the RAM.
 */
static struct verdict execute(struct vcpu *vcpu, const struct decoded *decoded)
{
    gpa_t gpa = GPA(machine_vmread_64(VMCS_GUEST_PHYSICAL_ADDRESS));
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    bool stores = decoded->kind != DECODE_LOAD;
    /* Another vCPU may have changed the instruction since it was executed; the
     * guest then executes what is there now. */
    if (stores != !!(qualification & EPT_QUALIFICATION_WRITE))
        return RESUME;
    if (stores)
        store(vcpu, gpa, decoded->memory_size, value_to_store(vcpu, decoded));
    else
        store_loaded(vcpu, decoded, load(vcpu, gpa, decoded->memory_size));

    /* For EPT violations the manual leaves the exit's instruction length
     * undefined: SDM Vol. 3C, 28.2.5 "Information for VM Exits Due to
     * Instruction Execution". */
    vcpu_advance(decoded->length);
    return RESUME;
}

static enum decode_mode mode_of(void)
{
    uint32_t cs = machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS);
    if ((cs & ACCESS_RIGHTS_L) && (machine_vmread_64(VMCS_GUEST_IA32_EFER) & EFER_LMA))
        return DECODE_64;
    return cs & ACCESS_RIGHTS_DB ? DECODE_32 : DECODE_16;
}

static struct verdict emulate(struct vcpu *vcpu)
{
    enum decode_mode mode = mode_of();
    /* CS has a base outside 64-bit mode only, and addresses wrap there. */
    uint64_t base = mode == DECODE_64 ? 0 : machine_vmread_natural(VMCS_GUEST_CS_BASE);
    gla_t rip = GLA(base + machine_vmread_natural(VMCS_GUEST_RIP));
    uint8_t bytes[DECODE_BYTES_MAX];
    size_t count;
    struct guest_fault fault;
    switch (guest_linear_fetch(vcpu, rip, bytes, sizeof bytes, &count, &fault)) {
    case GUEST_LINEAR_OK: break;
    case GUEST_LINEAR_FAULT: return fault.verdict; /* unmapped by another vCPU meanwhile */
    case GUEST_LINEAR_NOT_RAM:
        return crash(vcpu, "it executes from an address without memory");
    }
    struct decoded decoded;
    switch (decode(bytes, count, mode, &decoded)) {
    case DECODE_OK: return execute(vcpu, &decoded);
    case DECODE_TRUNCATED:
    case DECODE_UNSUPPORTED: break;
    }
    return crash(vcpu,
                 "an access to an address without memory by an instruction that is not a move");
}

/*
 * Three accesses have no instruction that could be finished here. On a real
 * machine all of them read ones and end in a triple fault sooner or later; here
 * the guest ends at once, with a report that names the cause.
 */
struct verdict mmio_exit(struct vcpu *vcpu)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    if (machine_vmread_32(VMCS_IDT_VECTORING_INFO) & EVENT_VALID)
        return crash(vcpu, "the delivery of an event touched an address without memory");
    if (qualification & EPT_QUALIFICATION_FETCH)
        return crash(vcpu, "it executes from an address without memory");
    if (!(qualification & EPT_QUALIFICATION_LINEAR_VALID) ||
        !(qualification & EPT_QUALIFICATION_FINAL_ACCESS))
        return crash(vcpu, "its paging structures are at an address without memory");
    return emulate(vcpu);
}
