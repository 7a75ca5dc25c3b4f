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

/* Leaves of which not only subleaf 0 counts. */
#define BASIC_WITH_SUBLEAVES                                                                \
    (CPUID_BIT(CPUID_CACHE_PARAMETERS) | CPUID_BIT(CPUID_EXTENDED_FEATURES) |               \
     CPUID_BIT(CPUID_TOPOLOGY) | CPUID_BIT(CPUID_XSTATE))

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

/* Kernels ask leaf 1 often, as a barrier. */
static void put_features(struct vcpu *vcpu)
{
    struct cpuid_registers result = vcpu->vm->cpuid.basic[CPUID_FEATURES];
    uint64_t cr4 = machine_vmread_natural(VMCS_GUEST_CR4);
    result.ebx |= vcpu->index << CPUID_1_EBX_APIC_ID_SHIFT;
    result.ecx |= (uint32_t)(cr4 & CR4_OSXSAVE) * (CPUID_1_ECX_OSXSAVE / CR4_OSXSAVE);
    result.edx &= vcpu->lapic.cpuid_1_edx;
    put(vcpu, &result);
}

/* The leaves of BASIC_WITH_SUBLEAVES, and those that are seldom asked for. Not inlined,
 * so that the others do not pay for its registers. */
__attribute__((noinline))
static struct verdict answer(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf)
{
    const struct cpuid_table *table = &vcpu->vm->cpuid;
    struct cpuid_registers result = { 0, 0, 0, 0 };
    const struct cpuid_registers *found = cpuid_find(table, leaf, subleaf);
    if (found)
        result = *found;
    if (leaf == CPUID_TOPOLOGY) {
        result.ecx |= subleaf & 0xFF;
        result.edx = vcpu->index;
    } else if (leaf == CPUID_XSTATE && table->xcr0 && subleaf == 0) {
        result.ebx = cpuid_xsave_size(table, vcpu->msr.xcr0, false);
    } else if (leaf == CPUID_XSTATE && subleaf == 1) {
        if (result.eax & (CPUID_D_1_EAX_XSAVEC | CPUID_D_1_EAX_XSAVES))
            result.ebx = cpuid_xsave_size(table, vcpu->msr.xcr0, true);
    }
    put(vcpu, &result);
    return ADVANCE;
}

__attribute__((noinline)) /* for the reason that exit_dispatch() is not */
struct verdict cpuid_exit(struct vcpu *vcpu)
{
    uint32_t leaf = (uint32_t)vcpu->gpr[GPR_RAX];
    if (leaf == CPUID_FEATURES)
        put_features(vcpu);
    else if (leaf < CPUID_BASIC_COUNT && !(BASIC_WITH_SUBLEAVES >> leaf & 1))
        put(vcpu, &vcpu->vm->cpuid.basic[leaf]);
    else
        return answer(vcpu, leaf, (uint32_t)vcpu->gpr[GPR_RCX]);
    return ADVANCE;
}
