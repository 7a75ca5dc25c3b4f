/* SPDX-License-Identifier: MIT
 *
 * VMX on the calling CPU: what it can do, and entering VMX root operation.
 */
#pragma once

#include "arch/cpu.h"

/* Reads the capability MSRs; locks IA32_FEATURE_CONTROL with VMX on if the
 * firmware left it unlocked. */
void vmx_read_capabilities(struct vmx_capabilities *capabilities);

/* Enters VMX root operation. The capabilities pass preflight. */
void vmx_enable(struct cpu *cpu);

/* Makes and loads the VMCS of the vCPU that this CPU owns. */
void vmx_prepare_vcpu(struct cpu *cpu);

/* Forgets all cached translations of the calling CPU's vCPU. */
void vmx_flush_translations(const struct cpu *cpu);

/* machine_timer_set() for the calling CPU. */
void vmx_timer_set(struct cpu *cpu, uint64_t tsc);

/* arch/vmx_entry.asm: runs the calling CPU's vCPU, whose VMCS is current, and
 * serves requests first. Uses the stack from its top. */
_Noreturn void vmx_loop(void);

/* arch/vmx_entry.asm: until an NMI, unless the mailbox has something. */
void cpu_sleep(void);

/* Called by arch/vmx_entry.asm. */
void vmx_entry_failed(void);
_Noreturn void vmcs_access_refused(uint64_t encoding, const char *instruction);
void cpu_service(void);
_Noreturn void cpu_main(void);
