/* SPDX-License-Identifier: MIT
 *
 * See interrupts.h.
 */
#include "tests/fake/interrupts.h"

#include "hv/vm.h"

struct fake_interrupts fake_interrupts;

void fake_interrupts_reset(void)
{
    fake_interrupts = (struct fake_interrupts){ .count = 0 };
}

bool lapic_is_named(const struct vm *vm, uint32_t destination, bool logical)
{
    return lapic_first_target(vm, destination, logical) != NULL;
}

struct vcpu *lapic_first_target(const struct vm *vm, uint32_t destination, bool logical)
{
    return destination < vm->vcpu_count && !logical ? vm->vcpus[destination] : NULL;
}

static void count(uint32_t destination, bool logical, enum apic_delivery_mode mode,
                  uint8_t vector, bool level)
{
    fake_interrupts.count++;
    fake_interrupts.destination = destination;
    fake_interrupts.logical = logical;
    fake_interrupts.mode = mode;
    fake_interrupts.vector = vector;
    fake_interrupts.level = level;
}

void lapic_deliver(struct vm *vm, uint32_t destination, bool logical,
                   enum apic_delivery_mode mode, uint8_t vector)
{
    (void)vm;
    count(destination, logical, mode, vector, false);
}

bool lapic_deliver_level(struct vm *vm, uint32_t destination, bool logical,
                         enum apic_delivery_mode mode, uint8_t vector)
{
    (void)vm;
    if (fake_interrupts.nobody)
        return false;
    count(destination, logical, mode, vector, true);
    return true;
}
