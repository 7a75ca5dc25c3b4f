/* SPDX-License-Identifier: MIT
 *
 * See assigned_message.h.
 */
#include "hv/assigned_message.h"

#include <stddef.h>

#include "hv/lapic_ipi.h"
#include "hv/vm.h"

#define FIRST_FIXED_VECTOR 16

const struct vcpu *assigned_message_target(const struct vm *vm,
                                           const struct assigned_message *message)
{
    enum apic_delivery_mode mode = (enum apic_delivery_mode)(
        message->data >> MESSAGE_DELIVERY_SHIFT & MESSAGE_DELIVERY_MASK);

    if ((message->address & MESSAGE_ADDRESS_MASK) != MESSAGE_ADDRESS ||
        message->address_high != 0 ||
        (mode != DELIVERY_FIXED && mode != DELIVERY_LOWEST_PRIORITY) ||
        assigned_message_vector(message) < FIRST_FIXED_VECTOR)
        return NULL;
    uint8_t destination = (uint8_t)(message->address >> MESSAGE_DESTINATION_SHIFT);
    return lapic_first_target(vm, lapic_destination_8(destination),
                              message->address & MESSAGE_LOGICAL);
}
