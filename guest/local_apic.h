/* SPDX-License-Identifier: MIT
 *
 * The local APIC of the vCPU that calls, in whichever mode it is: by its page or
 * by MSRs. Registers are named by their offset in the page.
 */
#pragma once

#include "arch/spec/apic.h"
#include "guest/lib.h"

/* Which vCPU this is, in every mode. */
static inline unsigned apic_id(void)
{
    return cpuid(1, 0).ebx >> 24;
}

static inline bool apic_is_x2apic(void)
{
    return rdmsr(IA32_APIC_BASE) & APIC_BASE_EXTD;
}

static inline uint64_t apic_page(void)
{
    return align_down(rdmsr(IA32_APIC_BASE), APIC_PAGE_SIZE);
}

static inline enum msr apic_msr(unsigned offset)
{
    return (enum msr)(X2APIC_MSR_FIRST + (offset >> XAPIC_REGISTER_SHIFT));
}

static inline uint32_t apic_read(unsigned offset)
{
    return apic_is_x2apic() ? (uint32_t)rdmsr(apic_msr(offset)) : load32(apic_page() + offset);
}

static inline void apic_write(unsigned offset, uint32_t value)
{
    if (apic_is_x2apic())
        wrmsr(apic_msr(offset), value);
    else
        store32(apic_page() + offset, value);
}

/* `destination` is as wide as the mode has it. */
static inline void apic_send(uint32_t destination, uint32_t command)
{
    if (apic_is_x2apic()) {
        wrmsr(IA32_X2APIC_ICR, (uint64_t)destination << 32 | command);
        return;
    }
    store32(apic_page() + XAPIC_ICR_HIGH, destination << ICR_HIGH_DESTINATION_SHIFT);
    store32(apic_page() + XAPIC_ICR_LOW, command);
}

static inline void apic_set_base(uint64_t flags)
{
    wrmsr(IA32_APIC_BASE, XAPIC_BASE | (rdmsr(IA32_APIC_BASE) & APIC_BASE_BSP) | flags);
}

/* On the one way that the manual allows: by way of a disabled APIC. */
static inline void apic_enter_xapic(void)
{
    apic_set_base(0);
    apic_set_base(APIC_BASE_EN);
}

static inline void apic_enter_x2apic(void)
{
    apic_set_base(APIC_BASE_EN);
    apic_set_base(APIC_BASE_EN | APIC_BASE_EXTD);
}

#define APIC_COMMAND(mode) ((uint32_t)(mode) << ICR_DELIVERY_SHIFT | (uint32_t)ICR_LEVEL_ASSERT)
