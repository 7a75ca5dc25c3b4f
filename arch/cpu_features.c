/* SPDX-License-Identifier: MIT
 *
 * See cpu_features.h.
 * SDM Vol. 2A, CPUID, "INPUT EAX = 01H", "07H", "0DH" and "80000001H".
 */
#include "arch/cpu_features.h"

#include "arch/insn.h"
#include "arch/spec/cr.h"

struct cpu_features cpu_features;

void cpu_features_read(void)
{
    uint32_t max_basic = cpuid(0, 0).eax;
    struct cpuid_result leaf1 = cpuid(1, 0);
    cpu_features.x2apic = leaf1.ecx & BIT(21);
    cpu_features.xsave = leaf1.ecx & BIT(26);
    cpu_features.rdrand = leaf1.ecx & BIT(30);
    cpu_features.tsc_deadline = leaf1.ecx & BIT(24);
    uint32_t extended = cpuid(0x80000001, 0).edx;
    cpu_features.nx = extended & BIT(20);
    cpu_features.rdtscp = extended & BIT(27);
    if (max_basic >= 7) {
        struct cpuid_result leaf7 = cpuid(7, 0);
        cpu_features.tsc_adjust = leaf7.ebx & BIT(1);
        cpu_features.smep = leaf7.ebx & BIT(7);
        cpu_features.smap = leaf7.ebx & BIT(20);
        cpu_features.spec_ctrl = leaf7.edx & BIT(26);
    }
    if (cpu_features.xsave && max_basic >= 0xD) {
        struct cpuid_result leaf_d = cpuid(0xD, 0);
        uint32_t variants = cpuid(0xD, 1).eax;
        cpu_features.xsavec = variants & BIT(1);
        cpu_features.xsaves = variants & BIT(3);
        cpu_features.xcr0_supported = (uint64_t)leaf_d.edx << 32 | leaf_d.eax;
    }
}
