/* SPDX-License-Identifier: MIT
 *
 * See lapic.h. SDM Vol. 3A, 11.12 "Extended XAPIC (x2APIC)".
 */
#include "arch/lapic.h"

#include "arch/cpu_features.h"
#include "arch/descriptors.h"
#include "arch/insn.h"
#include "arch/spec/cr.h"

#define SPURIOUS_VECTOR 0xFF

/* The vector of lowest priority, while interrupts are drained: Bochs' EOI does
 * not end an interrupt that has the spurious vector's number, and this one can
 * hold back no other. */
#define DRAIN_SPURIOUS_VECTOR 0x10
#define VECTORS 256
#define VECTORS_PER_REGISTER 32

static void mask_sources(void)
{
    wrmsr(IA32_X2APIC_LVT_TIMER, LVT_MASKED);
    wrmsr(IA32_X2APIC_LVT_LINT0, LVT_MASKED);
    wrmsr(IA32_X2APIC_LVT_LINT1, LVT_MASKED);
    wrmsr(IA32_X2APIC_LVT_ERROR, LVT_MASKED);
    unsigned lvt_max = rdmsr(IA32_X2APIC_VERSION) >> 16 & 0xFF;
    if (lvt_max >= 4)
        wrmsr(IA32_X2APIC_LVT_PMI, LVT_MASKED);
    if (lvt_max >= 5)
        wrmsr(IA32_X2APIC_LVT_THERMAL, LVT_MASKED);
    if (lvt_max >= 6)
        wrmsr(IA32_X2APIC_LVT_CMCI, LVT_MASKED);
}

void lapic_host_enable(void)
{
    uint64_t base = rdmsr(IA32_APIC_BASE) | APIC_BASE_EN;
    wrmsr(IA32_APIC_BASE, base); /* not from disabled to x2APIC in one step */
    wrmsr(IA32_APIC_BASE, base | APIC_BASE_EXTD);
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | SPURIOUS_VECTOR);
    wrmsr(IA32_X2APIC_TPR, 0);
    mask_sources();
}

void lapic_host_send(uint32_t apic_id, enum apic_delivery_mode mode, uint8_t vector)
{
    /* SDM Vol. 3A, 11.12.3 "MSR Accesses in x2APIC Mode": the write may come
     * before earlier stores are seen by the CPU that it calls. */
    fence();
    wrmsr(IA32_X2APIC_ICR, (uint64_t)apic_id << 32 | ICR_LEVEL_ASSERT
          | (uint64_t)mode << ICR_DELIVERY_SHIFT | vector);
}

/* Any bit of a 256-bit register: ISR or IRR. */
static bool any_vector(enum msr first)
{
    for (unsigned r = 0; r < VECTORS / VECTORS_PER_REGISTER; r++)
        if (rdmsr(first + r) != 0)
            return true;
    return false;
}

/* An interrupt that was in service when its guest ended would block all of
 * lower priority: one EOI for each bit of the ISR. */
static void end_in_service(void)
{
    for (unsigned i = 0; i < VECTORS && any_vector(IA32_X2APIC_ISR0); i++)
        wrmsr(IA32_X2APIC_EOI, 0);
}

/* Pending ones are delivered to stubs that only end them; one or more each time
 * that interrupts are on. */
static void take_pending(void)
{
    descriptors_load_drain_idt();
    for (unsigned i = 0; i < VECTORS && any_vector(IA32_X2APIC_IRR0); i++) {
        interrupts_on();
        cpu_pause();
        cpu_pause();
        interrupts_off();
    }
    descriptors_load_idt();
}

void lapic_host_drain(void)
{
    if (cpu_features.tsc_deadline)
        wrmsr(IA32_TSC_DEADLINE, 0);
    wrmsr(IA32_X2APIC_INIT_COUNT, 0);
    mask_sources();
    wrmsr(IA32_X2APIC_TPR, 0);
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | DRAIN_SPURIOUS_VECTOR);
    end_in_service();
    take_pending();
    wrmsr(IA32_X2APIC_SIVR, SIVR_ENABLE | SPURIOUS_VECTOR);
    end_in_service();
}
