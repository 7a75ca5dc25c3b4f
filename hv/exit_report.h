/* SPDX-License-Identifier: MIT
 *
 * How often each vCPU of a VM left its guest, and why: one line a reason, at
 * log level debug, when the VM ends.
 */
#pragma once

struct vm;

/* Of the life that ended; no vCPU of the VM runs. */
void exit_report(const struct vm *vm);
