/* SPDX-License-Identifier: MIT
 *
 * The guest's I/O APIC: 24 pins, as the Intel 82093AA data sheet describes it.
 *
 * A pin that goes high sends the interrupt that its redirection entry says, as
 * a real inter-processor interrupt that the guest takes without an exit. One that
 * is level-triggered goes the way of hv/lapic_level.h, so that its EOI is heard:
 * Remote IRR is set meanwhile, and a line that is high behind the EOI, or when its
 * entry is unmasked, is sent again. What no APIC takes is sent no more until the
 * entry is written, where the data sheet's part goes on trying.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vm;

#define IOAPIC_PINS 24

struct ioapic {
    uint8_t select; /* IOREGSEL */
    uint8_t id;
    uint32_t lines; /* a bit a pin: asserted */
    union {
        uint64_t entries[IOAPIC_PINS];
        uint32_t halves[2 * IOAPIC_PINS]; /* as they are read and written: low, high */
    };
};

/* As after a hardware reset: all entries masked. */
void ioapic_init(struct ioapic *ioapic, uint8_t id);

/* `offset` from the base of the register page. IOREGSEL takes bytes, words and
 * doublewords, IOWIN doublewords only. Any other access reads as ones and
 * writes nothing. */
uint64_t ioapic_read(const struct ioapic *ioapic, uint64_t offset, size_t bytes);
void ioapic_write(struct vm *vm, uint64_t offset, size_t bytes, uint64_t value);

/* A level-triggered interrupt with this vector has ended. */
void ioapic_end_of_interrupt(struct vm *vm, uint8_t vector);

/* Raising a line that is high already does nothing. */
void ioapic_set_line(struct vm *vm, unsigned pin, bool high);
