/* SPDX-License-Identifier: MIT
 *
 * See lapic.h. SDM Vol. 3A, chapter 11 "Advanced Programmable Interrupt
 * Controller (APIC)".
 */
#include "hv/lapic.h"

#include "hv/cpuid.h"
#include "hv/lapic_base.h"
#include "hv/lapic_ipi.h"
#include "hv/lapic_level.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define SIVR_FIRMWARE_VALUE (SIVR_ENABLE | 0xFF)

/* Which LVT bits exist: SDM Vol. 3A, Figure 11-8 "Local Vector Table (LVT)".
 * Bits 12 and 14 are status bits that a write leaves alone. */
#define LVT_STATUS (1u << 12 | 1u << 14)
#define LVT_VECTOR_ONLY 0x000110FFu
#define LVT_WITH_MODE 0x000117FFu
#define LVT_OF_PIN 0x0001F7FFu

uint32_t lapic_lvt_bits(enum lapic_lvt lvt)
{
    static const uint32_t bits[LAPIC_LVT_COUNT] = {
        [LAPIC_LVT_THERMAL] = LVT_WITH_MODE, [LAPIC_LVT_PMI] = LVT_WITH_MODE,
        [LAPIC_LVT_LINT0] = LVT_OF_PIN,      [LAPIC_LVT_LINT1] = LVT_OF_PIN,
        [LAPIC_LVT_ERROR] = LVT_VECTOR_ONLY,
    };
    return bits[lvt];
}

/* ---- Begin ---- */

static void reset_hardware(const struct vcpu *vcpu)
{
    if (cpuid_has(&vcpu->vm->cpuid, FEATURE_TSC_DEADLINE))
        machine_msr_write(IA32_TSC_DEADLINE, 0);
    machine_msr_write(IA32_X2APIC_LVT_TIMER, LVT_RESET_VALUE);
    machine_msr_write(IA32_X2APIC_INIT_COUNT, 0);
    machine_msr_write(IA32_X2APIC_DIV_CONF, 0);
    machine_msr_write(IA32_X2APIC_LVT_ERROR, LVT_RESET_VALUE);
    machine_msr_write(IA32_X2APIC_TPR, 0);
    machine_msr_write(IA32_X2APIC_ESR, 0);
    machine_msr_write(IA32_X2APIC_SIVR, SIVR_RESET_VALUE);
}

void lapic_reset_registers(struct vcpu *vcpu)
{
    struct lapic *lapic = &vcpu->lapic;
    atomic_store(&lapic->svr, SIVR_RESET_VALUE);
    lapic->icr_low = lapic->icr_high = 0;
    atomic_store(&lapic->ldr, 0);
    atomic_store(&lapic->dfr, DFR_FLAT);
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        atomic_store(&lapic->lvt[i], LVT_RESET_VALUE);
    atomic_store(&lapic->errors, 0);
    lapic->esr = 0;
    lapic_level_forget(vcpu);
    reset_hardware(vcpu);
}

/* What firmware leaves on the boot vCPU, for kernels that use no APIC: MP
 * Specification 1.4, 3.6.2.2 "Virtual Wire Mode". */
static void firmware_handover(struct vcpu *vcpu)
{
    lapic_svr_write(vcpu, SIVR_FIRMWARE_VALUE);
    lapic_lvt_write(vcpu, LAPIC_LVT_LINT0, DELIVERY_EXTINT << LVT_DELIVERY_SHIFT);
    lapic_lvt_write(vcpu, LAPIC_LVT_LINT1, DELIVERY_NMI << LVT_DELIVERY_SHIFT);
}

void lapic_start(struct vcpu *vcpu)
{
    bool boot = vcpu->index == 0;
    lapic_reset_registers(vcpu);
    lapic_base_set(vcpu, XAPIC_BASE | APIC_BASE_EN | (boot ? APIC_BASE_BSP : 0));
    if (boot)
        firmware_handover(vcpu);
}

void lapic_init(struct vcpu *vcpu)
{
    lapic_reset_registers(vcpu);
    if (vcpu->index == 0 && atomic_load(&vcpu->lapic.mode) != LAPIC_DISABLED)
        firmware_handover(vcpu);
    lines_apic_changed(vcpu->vm);
}

/* ---- Registers ---- */

/*
 * While the APIC is disabled by software every entry is masked, and no write
 * opens one; the hardware sees to its own. It accepts no fixed interrupt then,
 * but what is pending already stays. SDM Vol. 3A, 11.4.7.2 "Local APIC State
 * After It Has Been Software Disabled".
 */
void lapic_svr_write(struct vcpu *vcpu, uint32_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    atomic_store(&lapic->svr, value);
    machine_msr_write(IA32_X2APIC_SIVR, value);
    for (unsigned i = 0; i < LAPIC_LVT_COUNT && !(value & SIVR_ENABLE); i++)
        atomic_store(&lapic->lvt[i], atomic_load(&lapic->lvt[i]) | LVT_MASKED);
    lines_apic_changed(vcpu->vm);
}

/* No source of these interrupts is a guest's but the pair of 8259s at LINT0 and
 * errors of its own APIC. Only the latter's entry reaches the hardware, and it
 * has no delivery mode. */
void lapic_lvt_write(struct vcpu *vcpu, enum lapic_lvt lvt, uint32_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    uint32_t kept = value & ~LVT_STATUS;
    if (!(atomic_load(&lapic->svr) & SIVR_ENABLE))
        kept |= LVT_MASKED;
    atomic_store(&lapic->lvt[lvt], kept);
    if (lvt == LAPIC_LVT_ERROR)
        machine_msr_write(IA32_X2APIC_LVT_ERROR, kept);
    if (lvt == LAPIC_LVT_LINT0) /* the 8259s may be waiting */
        machine_request(vcpu->cpu, REQUEST_DEVICES);
}

/* ---- Errors ---- */

/* The error's interrupt comes once, until the ESR is written: SDM Vol. 3A, 11.5.3
 * "Error Handling". A vector below 16 in its own entry is one more error. */
void lapic_error(struct vcpu *vcpu, uint32_t error)
{
    struct lapic *lapic = &vcpu->lapic;
    uint32_t before = atomic_fetch_or(&lapic->errors, error);
    uint32_t entry = atomic_load(&lapic->lvt[LAPIC_LVT_ERROR]);
    uint8_t vector = (uint8_t)entry;
    if (before || (entry & LVT_MASKED))
        return;
    if (vector >= VECTOR_FIRST_LEGAL)
        machine_interrupt(vcpu->cpu, vector);
    else
        atomic_fetch_or(&lapic->errors, APIC_ERROR_RECEIVE_ILLEGAL_VECTOR);
}

/* The hardware finds some itself: illegal vectors of the timer and of SELF IPI. */
void lapic_esr_latch(struct vcpu *vcpu)
{
    struct lapic *lapic = &vcpu->lapic;
    machine_msr_write(IA32_X2APIC_ESR, 0);
    lapic->esr = atomic_exchange(&lapic->errors, 0) | (uint8_t)machine_msr_read(IA32_X2APIC_ESR);
}

/* ---- As MSRs ---- */

/* Which entry an MSR is; LAPIC_LVT_COUNT: none. */
static enum lapic_lvt lvt_of(uint32_t msr)
{
    return msr >= IA32_X2APIC_LVT_THERMAL && msr <= IA32_X2APIC_LVT_ERROR
        ? (enum lapic_lvt)(msr - IA32_X2APIC_LVT_THERMAL) : LAPIC_LVT_COUNT;
}

_Static_assert(IA32_X2APIC_LVT_ERROR - IA32_X2APIC_LVT_THERMAL == LAPIC_LVT_ERROR, "in order");

static bool x2apic_read(const struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    enum lapic_lvt lvt = lvt_of(msr);
    if (lvt != LAPIC_LVT_COUNT)
        *value = atomic_load(&vcpu->lapic.lvt[lvt]);
    else if (msr == IA32_X2APIC_APICID)
        *value = vcpu->index;
    else if (msr == IA32_X2APIC_VERSION)
        *value = LAPIC_VERSION;
    else if (msr == IA32_X2APIC_LDR)
        *value = x2apic_logical_id(vcpu->index);
    else if (msr == IA32_X2APIC_ICR)
        *value = (uint64_t)vcpu->lapic.icr_high << 32 | vcpu->lapic.icr_low;
    else if (msr == IA32_X2APIC_ESR)
        *value = vcpu->lapic.esr;
    else if (msr >= IA32_X2APIC_TMR0 && msr < IA32_X2APIC_TMR0 + LAPIC_VECTOR_WORDS)
        *value = lapic_level_mode(&vcpu->lapic, msr - IA32_X2APIC_TMR0);
    else
        return false;
    return true;
}

bool lapic_msr_read(const struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    if (msr == IA32_APIC_BASE) {
        *value = vcpu->lapic.base;
        return true;
    }
    return lapic_is_x2apic(&vcpu->lapic) && x2apic_read(vcpu, msr, value);
}

static bool x2apic_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    enum lapic_lvt lvt = lvt_of(msr);
    if (lvt != LAPIC_LVT_COUNT) {
        if (value & ~(uint64_t)lapic_lvt_bits(lvt))
            return false;
        lapic_lvt_write(vcpu, lvt, (uint32_t)value);
        return true;
    }
    switch (msr) {
    case IA32_X2APIC_SIVR:
        if (value & ~(uint64_t)SIVR_BITS)
            return false;
        lapic_svr_write(vcpu, (uint32_t)value);
        return true;
    case IA32_X2APIC_ESR:
        if (value)
            return false;
        lapic_esr_latch(vcpu);
        return true;
    case IA32_X2APIC_EOI:
        if (value)
            return false;
        lapic_level_end(vcpu);
        return true;
    }
    return false;
}

bool lapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    if (msr == IA32_X2APIC_ICR) /* the one that is frequent */
        return lapic_icr_write(vcpu, value);
    if (msr == IA32_APIC_BASE)
        return lapic_base_write(vcpu, value);
    return lapic_is_x2apic(&vcpu->lapic) && x2apic_write(vcpu, msr, value);
}
