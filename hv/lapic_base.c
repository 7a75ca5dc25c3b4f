/* SPDX-License-Identifier: MIT
 *
 * See lapic_base.h. SDM Vol. 3A, 11.4.4 "Local APIC Status and Location", 11.4.3
 * "Enabling or Disabling the Local APIC", and 11.12.5 "x2APIC State Transitions".
 */
#include "hv/lapic_base.h"

#include "arch/spec/cpuid.h"
#include "arch/spec/cr.h"
#include "hv/lapic.h"
#include "hv/machine.h"
#include "hv/msr.h"
#include "hv/vm.h"

#define APIC_BASE_MODE ((uint64_t)(APIC_BASE_EN | APIC_BASE_EXTD))
#define APIC_BASE_FLAGS (APIC_BASE_MODE | APIC_BASE_BSP)

static enum lapic_mode mode_of(uint64_t base)
{
    if (!(base & APIC_BASE_EN))
        return LAPIC_DISABLED;
    return base & APIC_BASE_EXTD ? LAPIC_X2APIC : LAPIC_XAPIC;
}

static uint64_t page_of(uint64_t base)
{
    return align_down(base, APIC_PAGE_SIZE);
}

/* In x2APIC mode the registers' MSRs pass, in the others all of them exit. That
 * there is an APIC is shown while it is enabled: SDM Vol. 3A, 11.4.3. */
void lapic_base_set(struct vcpu *vcpu, uint64_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    enum lapic_mode mode = mode_of(value);
    lapic->base = value;
    lapic->cpuid_1_edx = mode == LAPIC_DISABLED ? ~(uint32_t)CPUID_1_EDX_APIC : UINT32_MAX;
    lapic->page = mode == LAPIC_XAPIC ? page_of(value) : LAPIC_NO_PAGE;
    atomic_store(&lapic->mode, mode);
    msr_bitmap_choose(vcpu);
}

static bool has_reserved_bits(const struct vcpu *vcpu, uint64_t value)
{
    uint64_t address = BIT(cpuid_physical_address_bits(&vcpu->vm->cpuid)) - APIC_PAGE_SIZE;
    return value & ~(address | APIC_BASE_FLAGS);
}

/* SDM Vol. 3A, Figure 11-27 "Local x2APIC State Transitions with IA32_APIC_BASE,
 * INIT, and Reset". */
static bool may_follow(enum lapic_mode before, enum lapic_mode after)
{
    if (before == LAPIC_DISABLED)
        return after != LAPIC_X2APIC;
    return before != LAPIC_X2APIC || after != LAPIC_XAPIC;
}

/*
 * A processor would see its registers in place of the memory at that address, and
 * the other processors the memory. All vCPUs share one EPT, where a page of memory
 * stays what it is; so the APIC cannot be put there, which is a limit of this
 * version. In place of a device it can.
 */
static bool hides_memory(const struct vcpu *vcpu, uint64_t value)
{
    hpa_t hpa;
    uint64_t rights;
    return ept_lookup(&vcpu->vm->ept, GPA(page_of(value)), &hpa, &rights);
}

/* Nobody sends here any more; what was sent before is taken away. What comes in
 * between, because its sender had looked before, the guest still gets. */
static void disable(struct vcpu *vcpu, uint64_t value)
{
    lapic_base_set(vcpu, value);
    atomic_store(&vcpu->lapic.svr, SIVR_RESET_VALUE);
    lines_apic_changed(vcpu->vm);
    machine_interrupts_drain();
    lapic_reset_registers(vcpu);
    machine_request(vcpu->cpu, REQUEST_DEVICES); /* the 8259s are heard now */
}

/* The guest observes the new mode, or #GP(0). */
bool lapic_base_write(struct vcpu *vcpu, uint64_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    enum lapic_mode before = mode_of(lapic->base);
    enum lapic_mode after = mode_of(value);
    if (has_reserved_bits(vcpu, value) || (value & APIC_BASE_MODE) == APIC_BASE_EXTD)
        return false;
    if (!may_follow(before, after) || hides_memory(vcpu, value))
        return false;
    if (after == LAPIC_DISABLED && before != LAPIC_DISABLED) {
        disable(vcpu, value);
        return true;
    }
    if (after == LAPIC_X2APIC && before == LAPIC_XAPIC)
        lapic->icr_high = 0; /* is not preserved */
    lapic_base_set(vcpu, value);
    lines_apic_changed(vcpu->vm);
    return true;
}
