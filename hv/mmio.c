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
#include "hv/lapic_page.h"
#include "hv/machine.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

__attribute__((noinline, cold))
static struct verdict crash(struct vcpu *vcpu, const char *reason)
{
    vm_crash(vcpu, reason);
    return END;
}

static uint64_t size_mask(unsigned bytes)
{
    static const uint64_t masks[] = { [1] = UINT8_MAX, [2] = UINT16_MAX, [4] = UINT32_MAX,
                                      [8] = UINT64_MAX };
    return masks[bytes];
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

static uint64_t sign_extended(const struct decoded *decoded, uint64_t value)
{
    unsigned unused = 64 - 8 * decoded->memory_size;
    value = (uint64_t)((int64_t)(value << unused) >> unused);
    return value & size_mask(decoded->register_size);
}

/* The other bytes of the register stay. */
static void store_part(struct vcpu *vcpu, const struct decoded *decoded, uint64_t value)
{
    unsigned shift = decoded->high_byte ? 8 : 0;
    uint64_t mask = size_mask(decoded->register_size) << shift;
    uint64_t old = register_read(vcpu, decoded->reg);
    register_write(vcpu, decoded->reg, (old & ~mask) | value << shift);
}

/* SDM Vol. 1, 3.4.1.1 "General-Purpose Registers in 64-Bit Mode": 32-bit results
 * clear the upper half, smaller ones leave the rest of the register. */
static void store_loaded(struct vcpu *vcpu, const struct decoded *decoded, uint64_t value)
{
    if (decoded->sign_extend)
        value = sign_extended(decoded, value);
    if (decoded->register_size >= 4)
        register_write(vcpu, decoded->reg, value);
    else
        store_part(vcpu, decoded, value);
}

enum device { DEVICE_NONE, DEVICE_LAPIC, DEVICE_IOAPIC, DEVICE_PCI };

/* A vCPU's own local APIC lies in front of whatever else is there. */
static enum device device_at(const struct vcpu *vcpu, gpa_t gpa)
{
    if (gpa.value - vcpu->lapic.page < APIC_PAGE_SIZE)
        return DEVICE_LAPIC;
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
    switch (device_at(vcpu, gpa)) {
    case DEVICE_LAPIC: value = lapic_page_read(vcpu, gpa.value - vcpu->lapic.page, bytes); break;
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
    switch (device_at(vcpu, gpa)) {
    case DEVICE_LAPIC:
        lapic_page_write(vcpu, gpa.value - vcpu->lapic.page, bytes, value);
        break;
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
static struct verdict execute(struct vcpu *vcpu, uint64_t qualification,
                              const struct decoded *decoded)
{
    gpa_t gpa = GPA(machine_vmread_64(VMCS_GUEST_PHYSICAL_ADDRESS));
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

__attribute__((always_inline))
static inline struct verdict emulate_as(struct vcpu *vcpu, uint64_t qualification,
                                        const struct guest_mode *mode,
                                        enum decode_mode decode_mode, uint64_t code_base)
{
    gla_t from = GLA(code_base + machine_vmread_natural(VMCS_GUEST_RIP));
    struct code code;
    struct decoded decoded;
    struct guest_fault fault;
    switch (guest_linear_fetch(vcpu, mode, from, code.bytes, &code.count, &fault)) {
    case GUEST_LINEAR_OK: break;
    case GUEST_LINEAR_FAULT: return fault.verdict; /* unmapped by another vCPU meanwhile */
    case GUEST_LINEAR_NOT_RAM:
        return crash(vcpu, "it executes from an address without memory");
    }
    switch (decode(&code, decode_mode, &decoded)) {
    case DECODE_OK: return execute(vcpu, qualification, &decoded);
    case DECODE_TRUNCATED:
    case DECODE_UNSUPPORTED: break;
    }
    return crash(vcpu,
                 "an access to an address without memory by an instruction that is not a move");
}

/* CS has a base outside 64-bit mode only, and addresses wrap there. */
__attribute__((noinline))
static struct verdict emulate_16_or_32(struct vcpu *vcpu, uint64_t qualification)
{
    struct guest_mode mode = guest_mode_read();
    return emulate_as(vcpu, qualification, &mode,
                      mode.cs_rights & ACCESS_RIGHTS_DB ? DECODE_32 : DECODE_16,
                      machine_vmread_natural(VMCS_GUEST_CS_BASE));
}

/* Flattened, as it is one path that nearly all accesses go. */
__attribute__((flatten))
static struct verdict emulate(struct vcpu *vcpu, uint64_t qualification)
{
    struct guest_mode mode = guest_mode_read();
    if (!guest_mode_is_64_bit(&mode))
        return emulate_16_or_32(vcpu, qualification);
    return emulate_as(vcpu, qualification, &mode, DECODE_64, 0);
}

/*
 * Three accesses have no instruction that could be finished here. On a real
 * machine all of them read ones and end in a triple fault sooner or later; here
 * the guest ends at once, with a report that names the cause.
 */
__attribute__((noinline)) /* other exits shall not pay for its registers */
struct verdict mmio_exit(struct vcpu *vcpu)
{
    const uint64_t access = EPT_QUALIFICATION_LINEAR_VALID | EPT_QUALIFICATION_FINAL_ACCESS;
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    if (machine_vmread_32(VMCS_IDT_VECTORING_INFO) & EVENT_VALID)
        return crash(vcpu, "the delivery of an event touched an address without memory");
    if (qualification & EPT_QUALIFICATION_FETCH)
        return crash(vcpu, "it executes from an address without memory");
    if ((qualification & access) != access)
        return crash(vcpu, "its paging structures are at an address without memory");
    return emulate(vcpu, qualification);
}
