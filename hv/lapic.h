/* SPDX-License-Identifier: MIT
 *
 * The part of a guest's local APIC that is not the hardware's own: its
 * identity, the interrupt command register, and the LVT entries that could
 * deliver more than a fixed interrupt. Everything else of the x2APIC is used
 * by the guest directly, without exits.
 *
 * Guests run in x2APIC mode from their first instruction; APIC ids are vCPU
 * numbers. A destination is looked up among the VM's own vCPUs and cannot name
 * another CPU.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/apic.h"

struct vcpu;
struct verdict;
struct vm;

/* LVT entries that are kept here; the timer's is the hardware's. */
enum lapic_lvt {
    LAPIC_LVT_CMCI,
    LAPIC_LVT_THERMAL,
    LAPIC_LVT_PMI,
    LAPIC_LVT_LINT0,
    LAPIC_LVT_LINT1,
    LAPIC_LVT_ERROR, /* also in the hardware */
    LAPIC_LVT_COUNT
};

struct lapic {
    uint64_t icr; /* as last written */
    _Atomic uint32_t lvt[LAPIC_LVT_COUNT]; /* others look, too */
};

/* As after INIT: SDM Vol. 3A, 11.4.7.1 "Local APIC State After Power Up or
 * Reset". Also the calling CPU's own hardware registers, so the vCPU's CPU
 * calls it, behind machine_interrupts_drain(): nothing is pending or in service. */
void lapic_reset(struct vcpu *vcpu);

/* The registers that exit. `msr` is one of 802h to 83Fh or IA32_APIC_BASE.
 * False: #GP(0). */
bool lapic_msr_read(const struct vcpu *vcpu, uint32_t msr, uint64_t *value);
bool lapic_msr_write(struct vcpu *vcpu, uint32_t msr, uint64_t value);

/* The ICR alone, for the handler that wants no detour. False: #GP(0). */
bool lapic_icr_write(struct vcpu *vcpu, uint64_t value);

/*
 * Sends an interrupt to vCPUs of `vm`. `destination` is an x2APIC destination:
 * physical, an APIC id or X2APIC_BROADCAST; logical, cluster and set of that
 * cluster. An 8-bit destination goes through lapic_destination_8 first.
 * What no vCPU answers to is lost, as on the APIC bus; so are SMIs, modes that
 * are reserved, and fixed interrupts with vectors 0 to 15, for which no error
 * status is set.
 */
void lapic_deliver(struct vm *vm, uint32_t destination, bool logical,
                   enum apic_delivery_mode mode, uint8_t vector);

/* Whether the interrupt line of a pair of 8259s reaches this APIC's processor:
 * LINT0, to which that line goes on the boot vCPU, is open and in ExtINT mode.
 * May be asked of any vCPU's APIC on any CPU. SDM Vol. 3A, 11.5.1 "Local Vector
 * Table". */
bool lapic_takes_extint(const struct lapic *lapic);

/* FFh is the broadcast of IOAPIC entries and MSI addresses. */
static inline uint32_t lapic_destination_8(uint8_t destination)
{
    return destination == 0xFF ? X2APIC_BROADCAST : destination;
}
