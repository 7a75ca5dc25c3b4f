/* SPDX-License-Identifier: MIT
 *
 * The register states in which a vCPU begins, written into the current VMCS.
 */
#pragma once

#include "hv/entry_state.h"
#include "hv/vcpu.h"

/* Guest-state fields, CR masks and event fields as after INIT: SDM Vol. 3A,
 * Table 10-1 "IA-32 and Intel 64 Processor States Following Power-up, Reset,
 * or INIT". General registers, too. */
void vcpu_state_init(struct vcpu *vcpu);

/* After vcpu_state_init: real mode at vector * 4096, as a SIPI has it. */
void vcpu_state_sipi(uint8_t vector);

/* After vcpu_state_init: where a loader says that the guest begins. */
void vcpu_state_enter(struct vcpu *vcpu, const struct entry_state *entry);
