/* SPDX-License-Identifier: MIT
 *
 * See irq.h.
 */
#include "hv/irq.h"

#include "arch/spec/apic.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"
#include "hv/timers.h"
#include "hv/vm.h"

static unsigned pin_of(unsigned irq)
{
    return irq == GUEST_IRQ_PIT ? GUEST_PIN_PIT : irq;
}

/* Where the local APIC keeps INTR out nobody is called: when it opens, its CPU
 * asks for itself. */
static void tell_boot_vcpu(const struct vm *vm)
{
    const struct vcpu *boot = vm->vcpus[0];

    if (pic_requests(&vm->pic) && lapic_takes_extint(&boot->lapic))
        machine_request(boot->cpu, REQUEST_DEVICES);
}

void irq_set_line(struct vm *vm, unsigned irq, bool high)
{
    unsigned pin = pin_of(irq);

    if (high == (vm->ioapic.lines >> pin & 1))
        return;
    ioapic_set_line(vm, pin, high);
    pic_set_line(&vm->pic, irq, high);
    if (high)
        tell_boot_vcpu(vm);
}

bool irq_is_heard(const struct vm *vm, unsigned irq)
{
    if (!(vm->ioapic.entries[pin_of(irq)] & REDIRECTION_MASKED))
        return true;
    return !pic_is_masked(&vm->pic, irq) && lapic_takes_extint(&vm->vcpus[0]->lapic);
}

uint8_t irq_pic_read(struct vm *vm, uint16_t port)
{
    if (!(port & 1))
        timers_look(vm); /* IRR shows also what nobody hears */
    return pic_read(&vm->pic, port);
}

/* The lines of timers that nobody heard are not up to date: the interval timer's at
 * the master, the clock's and the SCI at the slave. */
static inline unsigned masks_of_timers(const struct pic *pic)
{
    return (pic->master.mask & (1u << GUEST_IRQ_PIT | 1u << PIC_CASCADE)) |
           (unsigned)(pic->slave.mask & (1u << (GUEST_IRQ_RTC - 8) | 1u << (GUEST_IRQ_SCI - 8))) << 8;
}

void irq_pic_write(struct vm *vm, uint16_t port, uint8_t value)
{
    unsigned masked = masks_of_timers(&vm->pic);

    pic_write(&vm->pic, port, value);
    if (masks_of_timers(&vm->pic) != masked)
        timers_changed(vm);
    tell_boot_vcpu(vm);
}
