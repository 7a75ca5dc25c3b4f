/* SPDX-License-Identifier: MIT
 *
 * Task switches by the processor's own means: far jumps and calls to a TSS or a
 * task gate, IRET with NT set, and task gates in the IDT. VMX has none of them in
 * guests; each attempt exits, behind the checks of privilege and of the gates.
 *
 * The guest observes the switch, or the fault in the task where it belongs.
 */
#pragma once

struct vcpu;
struct verdict;

struct verdict task_switch_exit(struct vcpu *vcpu);
