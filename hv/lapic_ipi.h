/* SPDX-License-Identifier: MIT
 *
 * Interrupts on their way to a guest's local APICs: from another of its vCPUs,
 * or from its IOAPIC.
 *
 * What no vCPU answers to is lost, as on the APIC bus. So are SMIs, ExtINT and
 * reserved modes, which nothing here could receive: those that a vCPU sends are
 * reported.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/apic.h"

struct vcpu;
struct vm;

/*
 * Sends an interrupt to vCPUs of `vm`; on any CPU. `destination` is an x2APIC
 * destination: physical, an APIC id or X2APIC_BROADCAST; logical, a set of vCPUs
 * as each one's own mode has it. An 8-bit destination goes through
 * lapic_destination_8 first.
 */
void lapic_deliver(struct vm *vm, uint32_t destination, bool logical,
                   enum apic_delivery_mode mode, uint8_t vector);

/* The same for a fixed or lowest-priority interrupt that is level-triggered, with a
 * vector that exists. False: no APIC takes it. */
bool lapic_deliver_level(struct vm *vm, uint32_t destination, bool logical,
                         enum apic_delivery_mode mode, uint8_t vector);

/* Whether a destination names any vCPU now; and the one with the lowest number of
 * those whose APIC takes fixed interrupts, or NULL. */
bool lapic_is_named(const struct vm *vm, uint32_t destination, bool logical);
struct vcpu *lapic_first_target(const struct vm *vm, uint32_t destination, bool logical);

/* FFh is the broadcast of xAPIC mode, IOAPIC entries and MSI addresses. */
static inline uint32_t lapic_destination_8(uint8_t destination)
{
    return destination == 0xFF ? X2APIC_BROADCAST : destination;
}

/* A write of the ICR in x2APIC mode. False: #GP(0). */
bool lapic_icr_write(struct vcpu *vcpu, uint64_t value);

/* Sends what the low half of an ICR says to the destination of its high half. */
void lapic_send(struct vcpu *vcpu, uint32_t destination, uint32_t command);
