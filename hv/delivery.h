/* SPDX-License-Identifier: MIT
 *
 * The event that the processor was delivering to the guest when this exit came,
 * and what becomes of it: SDM Vol. 3C, 28.2.4 "Information for VM Exits During
 * Event Delivery". Read from the current VMCS.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arch/spec/vmcs.h"
#include "hv/vcpu.h"

struct delivery {
    bool exists; /* false: the exit has another cause, and the rest means nothing */
    enum event_type type;
    uint8_t vector;
    bool has_error_code;
    uint32_t error_code;
};

struct delivery delivery_read(void);

/* INT n, INT3, INTO and INT1: the address pushed is the one behind them, by the
 * exit's instruction length. */
bool delivery_is_by_instruction(const struct delivery *delivery);

/* What a fault becomes that was met during the delivery: itself, and the event is
 * lost, as its instruction or its cause comes again; a double fault; or the guest's
 * end. Without a delivery the fault is itself. */
struct verdict delivery_fault(struct vcpu *vcpu, const struct delivery *delivery,
                              struct verdict fault);
