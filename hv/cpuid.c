/* SPDX-License-Identifier: MIT
 *
 * See cpuid.h: the exit, and what other handlers ask of the table. A leaf beyond
 * the maximum returns zeros; a real processor repeats its highest basic leaf
 * there, which no software can use.
 */
#include "hv/cpuid.h"

#include "arch/spec/cpuid.h"
#include "arch/spec/cr.h"
#include "hv/cpuid_table.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* Leaves of which not only subleaf 0 counts, or that depend on the vCPU. */
#define BASIC_SPECIAL                                                                       \
    (CPUID_BIT(CPUID_FEATURES) | CPUID_BIT(CPUID_CACHE_PARAMETERS) |                        \
     CPUID_BIT(CPUID_EXTENDED_FEATURES) | CPUID_BIT(CPUID_TOPOLOGY) | CPUID_BIT(CPUID_XSTATE))

bool cpuid_has(const struct cpuid_table *table, enum cpuid_feature feature)
{
    const struct cpuid_registers *basic = &table->basic[CPUID_FEATURES];
    const struct cpuid_registers *extended = &table->extended[1];
    const struct cpuid_registers *seven = &table->feature[0];
    switch (feature) {
    case FEATURE_ALWAYS: return true;
    case FEATURE_VME: return basic->edx & CPUID_1_EDX_VME;
    case FEATURE_DE: return basic->edx & CPUID_1_EDX_DE;
    case FEATURE_FXSR: return basic->edx & CPUID_1_EDX_FXSR;
    case FEATURE_PCID: return basic->ecx & CPUID_1_ECX_PCID;
    case FEATURE_XSAVE: return basic->ecx & CPUID_1_ECX_XSAVE;
    case FEATURE_TSC_DEADLINE: return basic->ecx & CPUID_1_ECX_TSC_DEADLINE;
    case FEATURE_FSGSBASE: return seven->ebx & CPUID_7_EBX_FSGSBASE;
    case FEATURE_SMEP: return seven->ebx & CPUID_7_EBX_SMEP;
    case FEATURE_SMAP: return seven->ebx & CPUID_7_EBX_SMAP;
    case FEATURE_UMIP: return seven->ecx & CPUID_7_ECX_UMIP;
    case FEATURE_SPEC_CTRL:
        return seven->edx & (CPUID_7_EDX_IBRS_IBPB | CPUID_7_EDX_STIBP | CPUID_7_EDX_SSBD);
    case FEATURE_PRED_CMD: return seven->edx & CPUID_7_EDX_IBRS_IBPB;
    case FEATURE_FLUSH_CMD: return seven->edx & CPUID_7_EDX_L1D_FLUSH;
    case FEATURE_ARCH_CAPABILITIES: return seven->edx & CPUID_7_EDX_ARCH_CAPABILITIES;
    case FEATURE_XSAVES: return table->component[1].eax & CPUID_D_1_EAX_XSAVES;
    case FEATURE_RDTSCP: return extended->edx & CPUID_EXT_1_EDX_RDTSCP;
    case FEATURE_LONG_MODE: return extended->edx & CPUID_EXT_1_EDX_LM;
    case FEATURE_PAGE_1G: return extended->edx & CPUID_EXT_1_EDX_PAGE_1G;
    }
    return false;
}

unsigned cpuid_physical_address_bits(const struct cpuid_table *table)
{
    unsigned bits = table->extended[CPUID_ADDRESS_SIZES - CPUID_EXTENDED_MAXIMUM].eax & 0xFF;
    return bits >= 36 && bits <= 52 ? bits : 36;
}

/* The guest observes the four registers, with zeros in their upper halves. */
static void put(struct vcpu *vcpu, const struct cpuid_registers *result)
{
    vcpu->gpr[GPR_RAX] = result->eax;
    vcpu->gpr[GPR_RBX] = result->ebx;
    vcpu->gpr[GPR_RCX] = result->ecx;
    vcpu->gpr[GPR_RDX] = result->edx;
}

/* The leaves of BASIC_SPECIAL, and those that are seldom asked for. Not inlined,
 * so that the others do not pay for its registers. */
__attribute__((noinline))
static void answer(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_table *table = &vcpu->vm->cpuid;
    struct cpuid_registers result = { 0, 0, 0, 0 };
    const struct cpuid_registers *found = cpuid_find(table, leaf, subleaf);
    if (found)
        result = *found;
    if (leaf == CPUID_FEATURES) {
        result.ebx |= vcpu->index << 24;
        if (machine_vmread_natural(VMCS_GUEST_CR4) & CR4_OSXSAVE)
            result.ecx |= CPUID_1_ECX_OSXSAVE;
    } else if (leaf == CPUID_TOPOLOGY) {
        result.ecx |= subleaf & 0xFF;
        result.edx = vcpu->index;
    } else if (leaf == CPUID_XSTATE && table->xcr0 && subleaf == 0) {
        result.ebx = cpuid_xsave_size(table, vcpu->msr.xcr0, false);
    } else if (leaf == CPUID_XSTATE && subleaf == 1) {
        if (result.eax & (CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XSAVES))
            result.ebx = cpuid_xsave_size(table, vcpu->msr.xcr0, true);
    }
    put(vcpu, &result);
}

struct verdict cpuid_exit(struct vcpu *vcpu, const struct exit *exit)
{
    (void)exit;
    uint32_t leaf = (uint32_t)vcpu->gpr[GPR_RAX];
    if (leaf < CPUID_BASIC_COUNT && !(BASIC_SPECIAL >> leaf & 1))
        put(vcpu, &vcpu->vm->cpuid.basic[leaf]);
    else
        answer(vcpu, leaf, (uint32_t)vcpu->gpr[GPR_RCX]);
    return ADVANCE;
}
