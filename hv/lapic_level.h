/* SPDX-License-Identifier: MIT
 *
 * Level-triggered interrupts at a vCPU's local APIC, as the emulated IOAPIC sends
 * them.
 *
 * The hardware takes every interrupt of a guest as an edge, and its EOI does not
 * exit. But the IOAPIC wants to hear of the EOI of a level-triggered one, to send
 * it again if the line is still high. So from the moment at which such an
 * interrupt is on its way to a vCPU until its EOI, that vCPU's EOIs exit, by
 * another MSR bitmap; and its trigger mode register shows it. The interrupt is
 * sent by the vCPU's own CPU, which has changed the bitmap before. A guest that
 * has no level-triggered interrupt in service runs as without all this.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/lapic.h"
#include "hv/machine.h"

/* On any CPU. False: the vCPU's APIC takes no interrupt now. */
bool lapic_level_send(struct vcpu *vcpu, uint8_t vector);

/* The rest is for the vCPU's own CPU. */

/* REQUEST_LEVEL: what was sent arrives. */
void lapic_level_take(struct vcpu *vcpu);

/* Nothing is on its way any more, and nothing in service. */
void lapic_level_forget(struct vcpu *vcpu);

/* An EOI that has exited. */
void lapic_level_end(struct vcpu *vcpu);

/* Vectors of the trigger mode register `index`, 0 to 7, a bit each: the hardware's own
 * are those of the machine's lines. */
static inline uint32_t lapic_level_mode(const struct lapic *lapic, unsigned index)
{
    return lapic->level[index] |
           (uint32_t)machine_msr_read((enum msr)(IA32_X2APIC_TMR0 + index));
}

static inline bool lapic_level_in_service(const struct lapic *lapic)
{
    return lapic->level_count != 0;
}
