/* SPDX-License-Identifier: MIT
 *
 * The life of VMs: start, end, and what follows. hv/vcpu.h draws the states of
 * a vCPU.
 *
 *       vm_start_all(), vm_release(), the user    whoever ends it first
 *     STOPPED ----------------------> RUNNING ----------------------> ENDING
 *        ^                               ^                               |
 *        |                               | the last vCPU to park: starts |
 *        +-- ... or leaves it stopped ---+-------------------------------+
 *
 * `state` has one writer at each time: the CPU of the boot vCPU while it is
 * STOPPED (at boot, the boot CPU), whoever wins the mark `end` while it is
 * RUNNING, and the last vCPU to park while it is ENDING.
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

#include "hv/machine.h"
#include "hv/vm.h"

/* All VMs of the machine, by index. Filled once, before the first start. */
extern struct vm *vms[CONFIG_VMS_MAX];
extern unsigned vm_count;

/* At boot, before any CPU runs guests. */
void vm_life_init(enum when_all_stopped policy);
void vm_start(struct vm *vm);

/* All that wait neither for the user nor for another guest; returns how many those
 * are. */
unsigned vm_start_all(void);

/* The user's commands, from any CPU. They ask and return; false: nothing to do in
 * this state. A stopped VM starts on its own CPU, in vm_begin(). */
bool vm_command_start(struct vm *vm);
bool vm_command_stop(struct vm *vm); /* if it is ending, it does not start again */
bool vm_command_restart(struct vm *vm);
bool vm_command_pause(struct vm *vm, bool paused);
void vm_begin(struct vm *vm);

/* By a guest that runs, or the user: it waits for none of `guests`, a bit each, any
 * more. True: for nobody now, and it starts. */
bool vm_release(struct vm *vm, uint32_t guests);

/* By a vCPU of the VM, in its exit handler, which then returns END. Only the
 * first end of a life counts. `reason` is a literal, for the report. */
void vm_end(struct vm *vm, enum vm_end end, const char *reason);

/* The same for a guest that ends with a status. If it stays stopped, one other than
 * 0 is told at the end of the run. */
void vm_exit(struct vm *vm, uint32_t status);

/* The same for a guest that went wrong, with a full report of the vCPU. */
__attribute__((cold)) void vm_crash(struct vcpu *vcpu, const char *reason);

/* The user ends the run, or a VM's restart rule does: every VM stops, then the
 * machine ends so. */
void vm_stop_all(enum machine_end machine_end);

/* The vCPU's part, on its own CPU. */
void vm_vcpu_started(struct vcpu *vcpu);
void vm_vcpu_parked(struct vcpu *vcpu);

/* Before it parks: where a guest that hangs is, if that is why. */
void vm_vcpu_parks(struct vcpu *vcpu);
