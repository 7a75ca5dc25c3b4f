/* SPDX-License-Identifier: MIT
 *
 * How often each vCPU of a VM left its guest, and why: one line a reason, at
 * log level debug, when the VM ends.
 */
#pragma once

struct vm;

/* No vCPU of the VM runs. Counting begins anew. */
void exit_report(struct vm *vm);
