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

/* The vCPU that takes what the entry sends, or NULL. */
static const struct vcpu *target_of(struct vm *vm, uint64_t entry)
{
    uint8_t destination = (uint8_t)(entry >> REDIRECTION_DESTINATION_SHIFT);

    return lapic_first_target(vm, lapic_destination_8(destination), entry & REDIRECTION_LOGICAL);
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

void lines_changed(struct vm *vm, unsigned pin)
{
    const struct line *line = &vm->lines.line[pin];
    uint64_t entry = vm->ioapic.entries[pin];
    const struct vcpu *target = target_of(vm, entry);

    CHECK(lines_has(&vm->lines, pin));
    if (entry & REDIRECTION_MASKED) {
        machine_line_mask(line->gsi);
    } else if (target == NULL || !is_possible(entry)) {
        machine_line_mask(line->gsi);
        complain(vm, pin, target == NULL ? "names none of its vCPUs"
                                         : "asks for no fixed interrupt of vector 16 or more");
    } else if (!machine_line_route(line->gsi, &(struct machine_line){
                   .cpu = target->cpu, .vector = entry & REDIRECTION_VECTOR_MASK,
                   .level = line->level, .active_low = line->active_low })) {
        complain(vm, pin, "goes to a CPU that the machine's IOAPIC cannot name");
    }
}

void lines_mask_all(struct vm *vm)
{
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
        if (lines_has(&vm->lines, pin))
            machine_line_mask(vm->lines.line[pin].gsi);
}
