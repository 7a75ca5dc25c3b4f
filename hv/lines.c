/* SPDX-License-Identifier: MIT
 *
 * See lines.h.
 */
#include "hv/lines.h"

#include "arch/spec/apic.h"
#include "hv/check.h"
#include "hv/lapic_ipi.h"
#include "hv/log.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define FIRST_FIXED_VECTOR 16

void lines_add(struct vm *vm, unsigned pin, struct line line)
{
    CHECK(pin < IOAPIC_PINS && !lines_has(&vm->lines, pin));
    vm->lines.pins |= 1u << pin;
    vm->lines.line[pin] = line;
    machine_line_mask(line.gsi);
}

static bool is_possible(uint64_t entry)
{
    enum apic_delivery_mode mode =
        (enum apic_delivery_mode)(entry >> REDIRECTION_DELIVERY_SHIFT & REDIRECTION_DELIVERY_MASK);

    return (mode == DELIVERY_FIXED || mode == DELIVERY_LOWEST_PRIORITY) &&
           (entry & REDIRECTION_VECTOR_MASK) >= FIRST_FIXED_VECTOR;
}

static void complain(struct vm *vm, unsigned pin, const char *what)
{
    if (vm->lines.complained >> pin & 1)
        return;
    vm->lines.complained |= 1u << pin;
    log_line(LOG_WARNING, "%s: the entry of IOAPIC pin %u, which is a line of the machine, %s: the "
             "line stays masked", vm->config->name, pin, what);
}

/* What the guest's entry asks for, as far as it can have that. */
static struct line_route wanted(struct vm *vm, unsigned pin)
{
    uint64_t entry = vm->ioapic.entries[pin];
    uint32_t destination = lapic_destination_8((uint8_t)(entry >> REDIRECTION_DESTINATION_SHIFT));
    bool logical = entry & REDIRECTION_LOGICAL;
    const struct vcpu *target = lapic_first_target(vm, destination, logical);

    if (entry & REDIRECTION_MASKED)
        return (struct line_route){ .open = false };
    if (!is_possible(entry))
        complain(vm, pin, "asks for no fixed interrupt of vector 16 or more");
    else if (!lapic_is_named(vm, destination, logical))
        complain(vm, pin, "names none of its vCPUs");
    else if (target != NULL)
        return (struct line_route){ true, entry & REDIRECTION_VECTOR_MASK, target->cpu };
    return (struct line_route){ .open = false };
}

static bool is_same(const struct line_route *a, const struct line_route *b)
{
    return a->open == b->open && a->vector == b->vector && a->cpu == b->cpu;
}

/* An edge on a masked line is lost, so one that stays as it is is left alone. */
static void update(struct vm *vm, unsigned pin)
{
    const struct line *line = &vm->lines.line[pin];
    struct line_route route = wanted(vm, pin);

    if (is_same(&route, &vm->lines.route[pin]))
        return;
    if (!route.open) {
        machine_line_mask(line->gsi);
    } else if (!machine_line_route(line->gsi, &(struct machine_line){
                   .cpu = route.cpu, .vector = route.vector, .level = line->level,
                   .active_low = line->active_low })) {
        complain(vm, pin, "goes to a CPU that the machine's IOAPIC cannot name");
        route = (struct line_route){ .open = false };
    }
    vm->lines.route[pin] = route;
}

void lines_changed(struct vm *vm, unsigned pin)
{
    CHECK(lines_has(&vm->lines, pin));
    update(vm, pin);
}

static void mask(struct vm *vm, unsigned pin)
{
    vm->lines.route[pin] = (struct line_route){ .open = false };
    machine_line_mask(vm->lines.line[pin].gsi);
}

void lines_mask_all(struct vm *vm)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        if (lines_has(&vm->lines, pin))
            mask(vm, pin);
}

void lines_apic_changed(struct vm *vm)
{
    if (vm->lines.pins == 0)
        return;
    lock_acquire(&vm->lock);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        if (lines_has(&vm->lines, pin))
            update(vm, pin);
    lock_release(&vm->lock);
}

void lines_hold(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (vm->lines.pins == 0)
        return;
    lock_acquire(&vm->lock);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        if (vm->lines.route[pin].open && vm->lines.route[pin].cpu == vcpu->cpu)
            mask(vm, pin);
    lock_release(&vm->lock);
}
