/* SPDX-License-Identifier: MIT
 *
 * What a user is told of a guest that went wrong: cause, place, registers,
 * the code there, the calls that led there, and the exits before. Reads the current VMCS, so the vCPU's own CPU calls it.
 */
#pragma once

#include "hv/vcpu.h"

void crash_report(struct vcpu *vcpu, const char *reason);
