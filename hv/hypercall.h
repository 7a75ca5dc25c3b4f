/* SPDX-License-Identifier: MIT
 *
 * VMCALL from a guest. Bulkhead offers no hypercall yet; the answer is the one
 * of the interface that CPUID leaf 40000100h announces without any feature.
 */
#pragma once

#include "hv/vcpu.h"

struct verdict hypercall_exit(struct vcpu *vcpu);
