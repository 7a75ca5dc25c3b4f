/* SPDX-License-Identifier: MIT
 *
 * What firmware does with a processor that was reset while memory was kept: a
 * guest leaves an order in CMOS RAM, the shutdown code, and an address at 40:67,
 * and goes on there in real mode. This is the way back from protected mode on an
 * 80286, and of self-tests that send INIT to the boot processor.
 *
 * Codes 05h and 0Ah are known. All others are resets of the machine: the caller
 * starts the guest again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct vm;

struct real_address {
    uint16_t segment, offset;
};

/* Whether a reset of the processors now would go on somewhere. If so all vCPUs of
 * the VM get an INIT. For the ways to reset a PC's processors without its RAM. The
 * VM's lock is free. */
bool warm_reset_begin(struct vm *vm);

/* By the boot vCPU at INIT: takes the order. The VM's lock is free. */
bool warm_reset_take(struct vm *vm, struct real_address *to);
