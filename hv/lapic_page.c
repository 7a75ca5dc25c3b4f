/* SPDX-License-Identifier: MIT
 *
 * See lapic_page.h. SDM Vol. 3A, Table 11-1 "Local APIC Register Address Map".
 * Reserved bits are ignored, and read as 0; reserved registers are an error in
 * the ESR; writes of read-only registers do nothing. The local APIC ID is one of
 * them, as on newer processors.
 */
#include "hv/lapic_page.h"

#include "hv/cpuid.h"
#include "hv/denied.h"
#include "hv/lapic.h"
#include "hv/lapic_ipi.h"
#include "hv/lapic_level.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define REGISTER_BYTES 4
#define SLOT_BYTES 16

#define TIMER_BITS 0x000100FFu
#define TIMER_PERIODIC (1u << 17)
#define TIMER_TSC_DEADLINE (1u << 18)
#define DIVIDE_BITS 0xBu
#define ICR_LOW_BITS 0x000CCFFFu /* all but reserved bits and delivery status */
#define ICR_HIGH_BITS (0xFFu << ICR_HIGH_DESTINATION_SHIFT)
#define LDR_BITS (0xFFu << LDR_SHIFT)

/* The same register of the hardware. */
static enum msr msr_of(unsigned offset)
{
    return (enum msr)(X2APIC_MSR_FIRST + (offset >> XAPIC_REGISTER_SHIFT));
}

static enum lapic_lvt lvt_of(unsigned offset)
{
    return (enum lapic_lvt)((offset - XAPIC_LVT_THERMAL) >> XAPIC_REGISTER_SHIFT);
}

/* Those that the hardware has for us. */
static bool is_native(unsigned offset)
{
    return (offset >= XAPIC_SIVR && offset <= XAPIC_IRR7) || offset == XAPIC_TPR ||
           offset == XAPIC_PPR || offset == XAPIC_LVT_TIMER || offset == XAPIC_INIT_COUNT ||
           offset == XAPIC_CUR_COUNT || offset == XAPIC_DIV_CONF;
}

static bool is_trigger_mode(unsigned offset)
{
    return offset >= XAPIC_TMR0 && offset < XAPIC_IRR0;
}

/* ---- Reads ---- */

/* False: reserved. The arbitration priority and the remote read register are not
 * supported since the Pentium 4, and EOI can only be written: they read 0. */
static bool read_kept(const struct vcpu *vcpu, unsigned offset, uint32_t *value)
{
    const struct lapic *lapic = &vcpu->lapic;
    switch (offset) {
    case XAPIC_ID: *value = vcpu->index << XAPIC_ID_SHIFT; return true;
    case XAPIC_VERSION: *value = LAPIC_VERSION; return true;
    case XAPIC_LDR: *value = atomic_load(&lapic->ldr); return true;
    case XAPIC_DFR: *value = atomic_load(&lapic->dfr); return true;
    case XAPIC_ESR: *value = lapic->esr; return true;
    case XAPIC_ICR_LOW: *value = lapic->icr_low; return true;
    case XAPIC_ICR_HIGH: *value = lapic->icr_high; return true;
    case XAPIC_LVT_THERMAL:
    case XAPIC_LVT_PMI:
    case XAPIC_LVT_LINT0:
    case XAPIC_LVT_LINT1:
    case XAPIC_LVT_ERROR: *value = atomic_load(&lapic->lvt[lvt_of(offset)]); return true;
    case XAPIC_APR:
    case XAPIC_RRD:
    case XAPIC_EOI: *value = 0; return true;
    }
    return false;
}

static uint32_t read_register(struct vcpu *vcpu, unsigned offset)
{
    uint32_t value = 0;
    if (is_trigger_mode(offset))
        return lapic_level_mode(&vcpu->lapic, (offset - XAPIC_TMR0) >> XAPIC_REGISTER_SHIFT);
    if (is_native(offset))
        return (uint32_t)machine_msr_read(msr_of(offset));
    if (!read_kept(vcpu, offset, &value))
        lapic_error(vcpu, APIC_ERROR_ILLEGAL_REGISTER);
    return value;
}

uint64_t lapic_page_read(struct vcpu *vcpu, uint64_t offset, size_t bytes)
{
    unsigned inside = (unsigned)(offset % SLOT_BYTES);
    (void)bytes; /* the caller takes as many as it wants */
    if (inside >= REGISTER_BYTES)
        return 0;
    return read_register(vcpu, (unsigned)(offset - inside)) >> 8 * inside;
}

/* ---- Writes ---- */

/* A mode that is reserved, or that CPUID does not offer, would be refused by the
 * hardware: what is left of it is taken. */
static uint32_t timer_entry(const struct vcpu *vcpu, uint32_t value)
{
    bool deadline = (value & TIMER_TSC_DEADLINE) &&
                    cpuid_has(&vcpu->vm->cpuid, FEATURE_TSC_DEADLINE);
    if (deadline)
        return (value & TIMER_BITS) | TIMER_TSC_DEADLINE;
    return value & (TIMER_BITS | TIMER_PERIODIC);
}

static void write_icr_low(struct vcpu *vcpu, uint32_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    lapic->icr_low = value & ICR_LOW_BITS;
    lapic_send(vcpu, lapic_destination_8((uint8_t)(lapic->icr_high >> ICR_HIGH_DESTINATION_SHIFT)),
               lapic->icr_low);
}

static bool is_read_only(unsigned offset)
{
    return (offset >= XAPIC_ISR0 && offset <= XAPIC_IRR7) || offset == XAPIC_ID ||
           offset == XAPIC_VERSION || offset == XAPIC_APR || offset == XAPIC_PPR ||
           offset == XAPIC_RRD || offset == XAPIC_CUR_COUNT;
}

/* Not inlined, so that the two that are frequent do not pay for its registers. */
__attribute__((noinline))
static void write_register(struct vcpu *vcpu, unsigned offset, uint32_t value)
{
    struct lapic *lapic = &vcpu->lapic;
    switch (offset) {
    case XAPIC_TPR: machine_msr_write(IA32_X2APIC_TPR, (uint8_t)value); return;
    case XAPIC_LDR:
        atomic_store(&lapic->ldr, value & LDR_BITS);
        lines_apic_changed(vcpu->vm);
        return;
    case XAPIC_DFR:
        atomic_store(&lapic->dfr, value | DFR_ONES);
        lines_apic_changed(vcpu->vm);
        return;
    case XAPIC_SIVR: lapic_svr_write(vcpu, value & SIVR_BITS); return;
    case XAPIC_ESR: lapic_esr_latch(vcpu); return;
    case XAPIC_ICR_HIGH: lapic->icr_high = value & ICR_HIGH_BITS; return;
    case XAPIC_LVT_TIMER:
        machine_msr_write(IA32_X2APIC_LVT_TIMER, timer_entry(vcpu, value));
        return;
    case XAPIC_LVT_THERMAL:
    case XAPIC_LVT_PMI:
    case XAPIC_LVT_LINT0:
    case XAPIC_LVT_LINT1:
    case XAPIC_LVT_ERROR:
        lapic_lvt_write(vcpu, lvt_of(offset), value & lapic_lvt_bits(lvt_of(offset)));
        return;
    case XAPIC_INIT_COUNT: machine_msr_write(IA32_X2APIC_INIT_COUNT, value); return;
    case XAPIC_DIV_CONF: machine_msr_write(IA32_X2APIC_DIV_CONF, value & DIVIDE_BITS); return;
    }
    if (!is_read_only(offset))
        lapic_error(vcpu, APIC_ERROR_ILLEGAL_REGISTER);
}

static void end_of_interrupt(struct vcpu *vcpu)
{
    if (lapic_level_in_service(&vcpu->lapic))
        lapic_level_end(vcpu);
    else
        machine_msr_write(IA32_X2APIC_EOI, 0);
}

void lapic_page_write(struct vcpu *vcpu, uint64_t offset, size_t bytes, uint64_t value)
{
    if (bytes != REGISTER_BYTES || offset % SLOT_BYTES)
        denied_report(vcpu, DENIED_APIC_WRITE, vcpu->lapic.page + offset);
    else if (offset == XAPIC_ICR_LOW)
        write_icr_low(vcpu, (uint32_t)value);
    else if (offset == XAPIC_EOI)
        end_of_interrupt(vcpu);
    else
        write_register(vcpu, (unsigned)offset, (uint32_t)value);
}
