/* SPDX-License-Identifier: MIT
 *
 * The processor's checks of guest state at a VM entry, for an unrestricted guest:
 * SDM Vol. 3C, 27.3.1 "Checks on the Guest State Area". PDPTEs are not looked at.
 */
#pragma once

/* What the processor would find wrong with the current VMCS; NULL: it enters. */
const char *fake_vm_entry_refusal(void);
