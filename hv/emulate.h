/* SPDX-License-Identifier: MIT
 *
 * Executes the instruction at RIP, which touched an address without RAM, as the
 * processor would have: with all its operands, flags and faults.
 *
 * Nothing is skipped. An instruction that is not understood ends the guest with
 * a report; one that needs no RAM-less address after all, because another vCPU
 * has changed the tables or the code meanwhile, is left to the processor.
 */
#pragma once

struct code;
struct vcpu;
struct verdict;

/* The code is what stands at RIP, as it was fetched: at least one byte. */
struct verdict emulate(struct vcpu *vcpu, const struct code *code);
