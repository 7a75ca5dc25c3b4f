/* SPDX-License-Identifier: MIT
 *
 * A guest's time-stamp counter: the machine's and an offset, which a vCPU sets
 * by writing IA32_TSC or IA32_TSC_ADJUST. RESET leaves it 0, so that it is at
 * the same time the value of IA32_TSC_ADJUST.
 *
 * The hardware compares IA32_TSC_DEADLINE with the machine's TSC, whatever the
 * offset. While that is 0 the MSR is the guest's without an exit; else it exits
 * (msr_bitmap_choose) and is translated here.
 *
 * All of this is for the vCPU's own CPU.
 */
#pragma once

#include <stdint.h>

struct vcpu;

/* As after RESET. INIT leaves all of it as it is: SDM Vol. 3A, 10.1.1 "Processor
 * State After Reset". */
void guest_tsc_reset(struct vcpu *vcpu);

/* Writes of IA32_TSC and of IA32_TSC_ADJUST. */
void guest_tsc_write(struct vcpu *vcpu, uint64_t value);
void guest_tsc_adjust_write(struct vcpu *vcpu, uint64_t value);

/* IA32_TSC_DEADLINE, of a guest that has it. */
uint64_t guest_tsc_deadline_read(const struct vcpu *vcpu);
void guest_tsc_deadline_write(struct vcpu *vcpu, uint64_t value);
