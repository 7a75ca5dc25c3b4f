/* SPDX-License-Identifier: MIT
 *
 * Interrupt lines of the machine that a guest owns, each behind a pin of the
 * guest's IOAPIC.
 *
 * The guest's redirection entry of such a pin is carried over to the machine's
 * IOAPIC, with the destination replaced by the CPU of the vCPU that it names. So
 * the interrupt arrives without an exit, and so does its EOI, which the processor
 * sends to the IOAPIC itself. Trigger mode and polarity are those of the machine's
 * line, whatever the guest writes.
 *
 * An entry that asks for more than one fixed interrupt at one CPU is not carried
 * over in whole: of several destinations the first gets the interrupt, and a
 * delivery mode other than fixed and lowest priority masks the line, which is
 * said once. Destinations are looked up when the entry is written, and again when
 * a local APIC changes what it takes: none gets an interrupt that it would not take.
 *
 * The caller holds the VM's lock, unless something else is said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/ioapic.h"

struct vcpu;

/* A line as the machine has it. */
struct line {
    uint32_t gsi;
    bool level;
    bool active_low;
};

/* Where it goes now. */
struct line_route {
    bool open;
    uint8_t vector;
    unsigned cpu;
};

struct lines {
    uint32_t pins;      /* a bit each: a line of the machine is behind it */
    uint32_t complained; /* likewise: what its entry asks for was refused, and said */
    struct line line[IOAPIC_PINS];
    struct line_route route[IOAPIC_PINS];
};

/* At boot: gives a line to the guest, behind this pin, which has none. Masked. */
void lines_add(struct vm *vm, unsigned pin, struct line line);

static inline bool lines_has(const struct lines *lines, unsigned pin)
{
    return lines->pins >> pin & 1;
}

/* The entry of a pin with a line was written. */
void lines_changed(struct vm *vm, unsigned pin);

/* The guest begins or ends: none of its lines interrupts anybody. */
void lines_mask_all(struct vm *vm);

/* Without the lock. Another mode, destination or software enable bit of a local
 * APIC of the guest. */
void lines_apic_changed(struct vm *vm);

/* Without the lock, on any vCPU's own CPU: what is pending there is about to be
 * taken away, so no line must bring more of it until lines_apic_changed(). */
void lines_hold(struct vcpu *vcpu);
