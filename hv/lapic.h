/* SPDX-License-Identifier: MIT
 *
 * A guest's local APIC.
 *
 * The hardware's own is in x2APIC mode always, and all that stays within one
 * CPU is done there: interrupts pending and in service, priorities, EOI, the
 * timer. What is kept here is the rest: which mode the guest believes in, its
 * identity, the interrupt command register, LVT entries that could deliver more
 * than a fixed interrupt, and the error status.
 *
 *   guest's mode   registers by       what happens
 *   x2APIC         MSRs 802h-83Fh     most pass without an exit (hv/msr.c)
 *   xAPIC          its page           hv/lapic_page.c, on to the same MSRs
 *   disabled       nothing            nothing reaches the vCPU any more
 *
 * APIC ids are vCPU numbers. A destination is looked up among the VM's own vCPUs
 * and cannot name another CPU.
 *
 * Only a vCPU's own CPU writes here; `errors` and `level_sent` alone take bits from
 * senders, too.
 * What is atomic is read by other CPUs when they send something to this vCPU.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/apic.h"

struct vcpu;

enum lapic_mode { LAPIC_XAPIC, LAPIC_X2APIC, LAPIC_DISABLED };

/* LVT entries that are kept here; the timer's is the hardware's. There is no
 * CMCI entry, as there is no bank of machine-check registers. */
enum lapic_lvt {
    LAPIC_LVT_THERMAL,
    LAPIC_LVT_PMI,
    LAPIC_LVT_LINT0,
    LAPIC_LVT_LINT1,
    LAPIC_LVT_ERROR, /* also in the hardware */
    LAPIC_LVT_COUNT
};

/* Version 14h, five entries of the LVT behind the timer's, no suppression of EOI
 * broadcasts: whatever the processor has. */
#define LAPIC_VERSION 0x00050014u

#define LAPIC_VECTOR_WORDS 8 /* of 256 vectors, a bit each */

#define LAPIC_NO_PAGE (1ull << 63) /* more than 4 KiB away from any address */

struct lapic {
    _Atomic enum lapic_mode mode;
    _Atomic uint32_t svr;       /* spurious-interrupt vector register */
    uint64_t base;              /* IA32_APIC_BASE */
    uint64_t page;              /* of the registers in xAPIC mode, or LAPIC_NO_PAGE */
    uint32_t cpuid_1_edx;       /* the bits that CPUID leaf 1 may show in EDX */
    uint32_t icr_low, icr_high; /* as last written */
    _Atomic uint32_t ldr, dfr;  /* of xAPIC mode */
    _Atomic uint32_t errors;    /* since the ESR was last written */
    uint32_t esr;               /* as it reads */
    _Atomic uint32_t lvt[LAPIC_LVT_COUNT];
    unsigned level_count;       /* hv/lapic_level.h: bits in `level` */
    uint32_t level[LAPIC_VECTOR_WORDS]; /* level-triggered: pending or in service */
    _Atomic uint32_t level_sent[LAPIC_VECTOR_WORDS]; /* and on their way here */
};

/*
 * These are for the vCPU's own CPU, behind machine_interrupts_drain(): nothing
 * is pending or in service. They reset the hardware's registers as well.
 */

/* The VM starts: as firmware hands a PC over, in xAPIC mode. */
void lapic_start(struct vcpu *vcpu);

/* SDM Vol. 3A, 11.4.7.3 "Local APIC State After an INIT Reset
 * ("Wait-for-SIPI" State)": the mode and the page stay. */
void lapic_init(struct vcpu *vcpu);

/* The registers that exit. `msr` is one of 802h to 83Fh or IA32_APIC_BASE.
 * False: #GP(0). */
bool lapic_msr_read(const struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* Whether the interrupt line of a pair of 8259s reaches this APIC's processor:
 * LINT0, to which that line goes on the boot vCPU, is open and in ExtINT mode,
 * or the APIC is disabled, and that pin is the processor's INTR again. May be
 * asked of any vCPU's APIC on any CPU. SDM Vol. 3A, 11.5.1 "Local Vector Table"
 * and 11.4.3 "Enabling or Disabling the Local APIC". */
static inline bool lapic_takes_extint(const struct lapic *lapic)
{
    uint32_t lint0 = atomic_load(&lapic->lvt[LAPIC_LVT_LINT0]);
    enum apic_delivery_mode mode = lint0 >> LVT_DELIVERY_SHIFT & LVT_DELIVERY_MASK;
    return atomic_load(&lapic->mode) == LAPIC_DISABLED ||
           (mode == DELIVERY_EXTINT && !(lint0 & LVT_MASKED));
}

/* ---- For the other files of the local APIC ---- */

/* SDM Vol. 3A, 11.4.7.1 "Local APIC State After Power Up or Reset", but for mode
 * and page. */
void lapic_reset_registers(struct vcpu *vcpu);

/* Writes of registers whose reserved bits are 0. */
void lapic_svr_write(struct vcpu *vcpu, uint32_t value);
void lapic_lvt_write(struct vcpu *vcpu, enum lapic_lvt lvt, uint32_t value);

/* Which bits an entry has. */
uint32_t lapic_lvt_bits(enum lapic_lvt lvt);

/* A write of the ESR: what was found since the last one can be read. */
void lapic_esr_latch(struct vcpu *vcpu);

/* The APIC of that vCPU found an error, one of APIC_ERROR_*: on any CPU. */
void lapic_error(struct vcpu *vcpu, uint32_t error);

static inline bool lapic_is_x2apic(const struct lapic *lapic)
{
    return atomic_load_explicit(&lapic->mode, memory_order_relaxed) == LAPIC_X2APIC;
}
