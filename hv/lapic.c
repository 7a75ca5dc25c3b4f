/* SPDX-License-Identifier: MIT
 *
 * See lapic.h. SDM Vol. 3A, chapter 11 "Advanced Programmable Interrupt
 * Controller (APIC)", in particular 11.12 "Extended xAPIC (x2APIC)".
 */
#include "hv/lapic.h"

#include "arch/spec/cr.h"
#include "hv/cpuid.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define VECTOR_FIRST_LEGAL 16
#define SIVR_RESET_VALUE 0xFF /* disabled by software */

/* Which LVT bits exist: SDM Vol. 3A, Figure 11-8 "Local Vector Table (LVT)".
 * Bits 12 and 14 are status bits that a write leaves alone. */
#define LVT_STATUS (1u << 12 | 1u << 14)
#define LVT_VECTOR_ONLY 0x000110FFu
#define LVT_WITH_MODE 0x000117FFu
#define LVT_OF_PIN 0x0001F7FFu

static const uint32_t lvt_bits[LAPIC_LVT_COUNT] = {
    [LAPIC_LVT_CMCI] = LVT_WITH_MODE, [LAPIC_LVT_THERMAL] = LVT_WITH_MODE,
    [LAPIC_LVT_PMI] = LVT_WITH_MODE,  [LAPIC_LVT_LINT0] = LVT_OF_PIN,
    [LAPIC_LVT_LINT1] = LVT_OF_PIN,   [LAPIC_LVT_ERROR] = LVT_VECTOR_ONLY,
};

/* Which entry an MSR is; LAPIC_LVT_COUNT: none. */
static enum lapic_lvt lvt_of(uint32_t msr)
{
    switch (msr) {
    case IA32_X2APIC_LVT_CMCI: return LAPIC_LVT_CMCI;
    case IA32_X2APIC_LVT_THERMAL: return LAPIC_LVT_THERMAL;
    case IA32_X2APIC_LVT_PMI: return LAPIC_LVT_PMI;
    case IA32_X2APIC_LVT_LINT0: return LAPIC_LVT_LINT0;
    case IA32_X2APIC_LVT_LINT1: return LAPIC_LVT_LINT1;
    case IA32_X2APIC_LVT_ERROR: return LAPIC_LVT_ERROR;
    }
    return LAPIC_LVT_COUNT;
}

void lapic_reset(struct vcpu *vcpu)
{
    struct lapic *lapic = &vcpu->lapic;
    lapic->icr = 0;
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        lapic->lvt[i] = LVT_RESET_VALUE;

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

/* SDM Vol. 3A, 11.12.10.2 "Deriving Logical x2APIC ID from the Local x2APIC ID". */
static uint32_t logical_id(unsigned index)
{
    return (uint32_t)(index >> 4) << 16 | 1u << (index & 15);
}

static uint64_t apic_base(const struct vcpu *vcpu)
{
    return XAPIC_BASE | APIC_BASE_EN | APIC_BASE_EXTD | (vcpu->index == 0 ? APIC_BASE_BSP : 0);
}

bool lapic_msr_read(const struct vcpu *vcpu, uint32_t msr, uint64_t *value)
{
    enum lapic_lvt lvt = lvt_of(msr);
    if (lvt != LAPIC_LVT_COUNT)
        *value = vcpu->lapic.lvt[lvt];
    else if (msr == IA32_APIC_BASE)
        *value = apic_base(vcpu);
    else if (msr == IA32_X2APIC_APICID)
        *value = vcpu->index;
    else if (msr == IA32_X2APIC_LDR)
        *value = logical_id(vcpu->index);
    else if (msr == IA32_X2APIC_ICR)
        *value = vcpu->lapic.icr;
    else
        return false;
    return true;
}

/* No source of these interrupts is a guest's, except errors of its own APIC.
 * Only that entry reaches the hardware, and it has no delivery mode. The mask
 * is kept as written also while the APIC is disabled by software, where
 * hardware would hold it at 1. */
static bool lvt_write(struct vcpu *vcpu, enum lapic_lvt lvt, uint64_t value)
{
    if (value & ~(uint64_t)lvt_bits[lvt])
        return false;
    vcpu->lapic.lvt[lvt] = (uint32_t)value & ~LVT_STATUS;
    if (lvt == LAPIC_LVT_ERROR)
        machine_msr_write(IA32_X2APIC_LVT_ERROR, vcpu->lapic.lvt[lvt]);
    return true;
}

bool lapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    enum lapic_lvt lvt = lvt_of(msr);
    if (lvt != LAPIC_LVT_COUNT)
        return lvt_write(vcpu, lvt, value);
    if (msr == IA32_X2APIC_ICR)
        return lapic_icr_write(vcpu, value);
    /* Leaving x2APIC mode is a limit of this version. */
    return msr == IA32_APIC_BASE && value == apic_base(vcpu);
}

bool lapic_takes_extint(const struct lapic *lapic)
{
    uint32_t lint0 = atomic_load(&lapic->lvt[LAPIC_LVT_LINT0]);
    enum apic_delivery_mode mode = lint0 >> LVT_DELIVERY_SHIFT & LVT_DELIVERY_MASK;
    return mode == DELIVERY_EXTINT && !(lint0 & LVT_MASKED);
}

static void deliver_to(const struct vm *vm, unsigned index, enum apic_delivery_mode mode,
                       uint8_t vector)
{
    struct vcpu *target = vm->vcpus[index];
    switch (mode) {
    case DELIVERY_FIXED:
    case DELIVERY_LOWEST_PRIORITY:
        if (vector >= VECTOR_FIRST_LEGAL)
            machine_interrupt(target->cpu, vector);
        return;
    case DELIVERY_NMI: machine_request(target->cpu, REQUEST_GUEST_NMI); return;
    case DELIVERY_INIT: machine_request(target->cpu, REQUEST_INIT); return;
    case DELIVERY_STARTUP:
        atomic_store(&target->sipi_vector, vector);
        machine_request(target->cpu, REQUEST_SIPI);
        return;
    case DELIVERY_SMI: /* there is no SMM */
    case DELIVERY_EXTINT: return;
    }
}

/* The vCPUs that a destination names, a bit each. */
static uint32_t targets(const struct vm *vm, uint32_t destination, bool logical)
{
    uint32_t all = (uint32_t)(BIT(vm->vcpu_count) - 1);
    if (destination == X2APIC_BROADCAST)
        return all;
    if (!logical)
        return destination < vm->vcpu_count ? 1u << destination : 0;
    /* Sixteen ids in a cluster; no VM has vCPUs of a second one. */
    _Static_assert(CONFIG_VCPUS_MAX <= 16, "one cluster");
    return destination >> 16 == 0 ? destination & all : 0;
}

static void deliver_to_all(const struct vm *vm, uint32_t set, enum apic_delivery_mode mode,
                           uint8_t vector)
{
    if (mode == DELIVERY_LOWEST_PRIORITY && set)
        set = 1u << __builtin_ctz(set); /* all run at equal priority: the first */
    for (; set; set &= set - 1) /* at most CONFIG_VCPUS_MAX bits */
        deliver_to(vm, (unsigned)__builtin_ctz(set), mode, vector);
}

void lapic_deliver(struct vm *vm, uint32_t destination, bool logical,
                   enum apic_delivery_mode mode, uint8_t vector)
{
    deliver_to_all(vm, targets(vm, destination, logical), mode, vector);
}

/* Nobody's mode of delivery here, or nobody's to oneself. */
static bool is_lost(uint64_t icr)
{
    enum icr_shorthand shorthand = icr >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK;
    enum apic_delivery_mode mode = icr >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
    bool to_self = shorthand == SHORTHAND_SELF || shorthand == SHORTHAND_ALL;
    switch (mode) {
    case DELIVERY_FIXED: return (uint8_t)icr < VECTOR_FIRST_LEGAL;
    case DELIVERY_LOWEST_PRIORITY:
    case DELIVERY_NMI:
    case DELIVERY_INIT:
    case DELIVERY_STARTUP: return to_self;
    case DELIVERY_SMI:
    case DELIVERY_EXTINT: return true;
    }
    return true;
}

/* SDM Vol. 3A, Table 11-3 "Valid Combinations for the Pentium 4 and Intel Xeon
 * Processors' Local xAPIC Interrupt Command Register": oneself can be sent a
 * fixed interrupt only; another combination is lost, and reported. */
static void send(struct vcpu *vcpu, uint64_t icr)
{
    struct vm *vm = vcpu->vm;
    uint32_t others = (uint32_t)(BIT(vm->vcpu_count) - 1) & ~(1u << vcpu->index);
    uint32_t self = 1u << vcpu->index;
    enum apic_delivery_mode mode = icr >> ICR_DELIVERY_SHIFT & ICR_DELIVERY_MASK;
    uint32_t set = 0;
    switch ((enum icr_shorthand)(icr >> ICR_SHORTHAND_SHIFT & ICR_SHORTHAND_MASK)) {
    case SHORTHAND_NONE: set = targets(vm, (uint32_t)(icr >> 32), icr & ICR_LOGICAL); break;
    case SHORTHAND_SELF: set = mode == DELIVERY_FIXED ? self : 0; break;
    case SHORTHAND_ALL: set = mode == DELIVERY_FIXED ? self | others : 0; break;
    case SHORTHAND_ALL_BUT_SELF: set = others; break;
    }
    if (is_lost(icr))
        denied_report(vcpu, DENIED_MSR_WRITE, IA32_X2APIC_ICR);
    /* The de-assert message of INIT only ever set arbitration ids. */
    if (mode == DELIVERY_INIT && (icr & ICR_TRIGGER_LEVEL) && !(icr & ICR_LEVEL_ASSERT))
        return;
    deliver_to_all(vm, set, mode, (uint8_t)icr);
}

#define ICR_PLAIN_MASK 0xCFF00ull /* shorthand, level, destination and delivery mode */

/* The guest observes the interrupt at its target, or #GP(0) for reserved bits. */
bool lapic_icr_write(struct vcpu *vcpu, uint64_t value)
{
    const struct vm *vm = vcpu->vm;
    if (value & ICR_X2APIC_RESERVED)
        return false;
    vcpu->lapic.icr = value & ~ICR_PENDING;
    uint64_t destination = value >> 32;
    bool plain = !(value & (ICR_PLAIN_MASK & ~(ICR_PENDING | ICR_LEVEL_ASSERT)));
    if (plain && destination < vm->vcpu_count && (uint8_t)value >= VECTOR_FIRST_LEGAL)
        machine_interrupt(vm->vcpus[destination]->cpu, (uint8_t)value);
    else
        send(vcpu, value);
    return true;
}
