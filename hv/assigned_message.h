/* SPDX-License-Identifier: MIT
 *
 * A message that a guest writes for one of its functions to send, and whom of the guest
 * it reaches. SDM Vol. 3A, "11.11 Message Signalled Interrupts".
 */
#pragma once

#include <stdint.h>

#include "arch/spec/apic.h"

struct vcpu;
struct vm;

struct assigned_message {
    uint32_t address, address_high;
    uint32_t data;
};

/* The vCPU that takes it, or NULL: nobody, or it is no fixed interrupt of a vector from
 * 16 on. */
const struct vcpu *assigned_message_target(const struct vm *vm,
                                           const struct assigned_message *message);

static inline uint8_t assigned_message_vector(const struct assigned_message *message)
{
    return (uint8_t)(message->data & MESSAGE_VECTOR_MASK);
}
