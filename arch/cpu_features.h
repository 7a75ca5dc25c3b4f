/* SPDX-License-Identifier: MIT
 *
 * What the boot CPU can do that the hypervisor itself makes use of. The
 * features of VMX are hv/preflight.h's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cpu_features {
    bool nx;
    bool smep;
    bool smap;
    bool xsave;
    bool x2apic;
    bool rdrand;
    bool rdtscp;
    bool tsc_deadline;
    bool spec_ctrl;
    bool tsc_adjust;
    bool xsavec;
    bool xsaves;
    uint64_t xcr0_supported;
};

extern struct cpu_features cpu_features;

void cpu_features_read(void);
