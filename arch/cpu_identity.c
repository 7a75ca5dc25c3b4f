/* SPDX-License-Identifier: MIT
 *
 * See cpu_identity.h.
 */
#include "arch/cpu_identity.h"

#include "arch/insn.h"
#include "arch/spec/cpuid.h"
#include "hv/text.h"

#define INTEL_EBX 0x756E6547 /* "Genu" */
#define CORE_TYPE_SHIFT 24

/* SDM Vol. 3A, 10.11.7.1 "Determining the Signature": CPUID leaves the revision
 * in the upper half of the register, or nothing. */
static uint32_t microcode(void)
{
    if (cpuid(CPUID_VENDOR, 0).ebx != INTEL_EBX)
        return 0;
    wrmsr(IA32_BIOS_SIGN_ID, 0);
    (void)cpuid(CPUID_FEATURES, 0);
    return (uint32_t)(rdmsr(IA32_BIOS_SIGN_ID) >> 32);
}

static void read_brand(char brand[static CPU_BRAND_SIZE])
{
    if (cpuid(CPUID_EXTENDED_MAXIMUM, 0).eax < CPUID_BRAND_3)
        return;
    for (unsigned i = 0; i < 3; i++) {
        struct cpuid_result part = cpuid(CPUID_BRAND_1 + i, 0);
        memcpy(brand + sizeof part * i, &part, sizeof part);
    }
}

void cpu_identity_read(struct cpu_identity *identity)
{
    uint32_t leaf_max = cpuid(CPUID_VENDOR, 0).eax;
    identity->signature = cpuid(CPUID_FEATURES, 0).eax;
    identity->microcode = microcode();
    read_brand(identity->brand);
    if (leaf_max < CPUID_EXTENDED_FEATURES)
        return;
    identity->features = cpuid(CPUID_EXTENDED_FEATURES, 0).edx;
    if (identity->features & CPUID_7_EDX_ARCH_CAPABILITIES)
        identity->arch_capabilities = rdmsr(IA32_ARCH_CAPABILITIES);
    if (identity->features & CPUID_7_EDX_HYBRID && leaf_max >= CPUID_NATIVE_MODEL)
        identity->core_type = (uint8_t)(cpuid(CPUID_NATIVE_MODEL, 0).eax >> CORE_TYPE_SHIFT);
}
