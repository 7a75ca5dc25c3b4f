/* SPDX-License-Identifier: MIT
 *
 * The life of VMs: start, end, and what follows. hv/vcpu.h draws the states of
 * a vCPU; a VM goes STOPPED -> RUNNING -> ENDING -> (RUNNING or STOPPED).
 *
 * Whoever ends a VM only marks it and asks its vCPUs to park. The last one to
 * park does the rest on its own CPU, while no vCPU of this VM runs: so nothing
 * here needs a lock, and no other VM's CPU spends time on it.
 *
 * A start is in two steps for the same reason: the APs go to wait for a SIPI
 * first, and the last one there starts the boot vCPU. An INIT, SIPI or NMI
 * that arrives together with START is then left over from an earlier life.
 */
#pragma once

#include "hv/vm.h"

/* All VMs of the machine, by index. Filled once, before the first start. */
extern struct vm *vms[CONFIG_VMS_MAX];
extern unsigned vm_count;

/* At boot, before any CPU runs guests. */
void vm_life_init(enum when_all_stopped policy);
void vm_start(struct vm *vm);

/* By a vCPU of the VM, in its exit handler, which then returns END. Only the
 * first end of a life counts. `reason` is a literal, for the report. */
void vm_end(struct vm *vm, enum vm_end end, const char *reason);

/* The same for a guest that ends with a status: it does not start again. A status
 * other than 0 is told at the end of the run. */
void vm_exit(struct vm *vm, uint32_t status);

/* The same for a guest that went wrong, with a full report of the vCPU. */
__attribute__((cold)) void vm_crash(struct vcpu *vcpu, const char *reason);

/* The user ends the run: every VM stops, then the machine powers off. */
void vm_stop_all(void);

/* The vCPU's part, on its own CPU. */
void vm_vcpu_started(struct vcpu *vcpu);
void vm_vcpu_parked(struct vcpu *vcpu);
