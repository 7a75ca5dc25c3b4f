/* SPDX-License-Identifier: MIT
 *
 * What a user reads of hv/guest_trace.h: a line for each call, with the name of its
 * function where the kernel's file has symbols.
 */
#pragma once

#include "hv/vcpu.h"

/* Of the vCPU whose VMCS is current. */
void trace_report(const struct vcpu *vcpu);
