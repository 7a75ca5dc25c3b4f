/* SPDX-License-Identifier: MIT
 *
 * The guest's ISA interrupt lines. Each ends at both interrupt controllers: at
 * the IOAPIC, which sends a real interrupt, and at the pair of 8259As, whose
 * INTR is the boot vCPU's LINT0. While that takes external interrupts (virtual
 * wire mode) the boot vCPU's CPU injects them, at the first moment at which the
 * guest can take one: event_offer_external_interrupt().
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* `irq` is 0 to 15, and not 2. Raising a line that is high already does nothing. */
void irq_set_line(struct vm *vm, unsigned irq, bool high);

/* Whether a line that rose now would interrupt anybody. */
bool irq_is_heard(const struct vm *vm, unsigned irq);

/* The ports of hv/pic.h. */
uint8_t irq_pic_read(struct vm *vm, uint16_t port);
void irq_pic_write(struct vm *vm, uint16_t port, uint8_t value);
