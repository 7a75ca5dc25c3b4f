/* SPDX-License-Identifier: MIT
 *
 * See cr.h. Only host-owned bits make a MOV to CR0 or CR4 exit. If the new
 * value of those is acceptable, the read shadow takes them and the guest runs
 * its instruction again: now nothing differs from the shadow, and the processor
 * itself does the rest, with all faults, mode changes, PDPTE loads and TLB
 * flushes that belong to it. So no rule about guest-owned bits is repeated here.
 *
 * A guest whose instruction then faults for another reason sees the changed
 * host-owned bits all the same: CD, NW, NE and MCE, which have no effect.
 */
#include "hv/cr.h"

#include "arch/spec/cr.h"
#include "hv/cpuid.h"
#include "hv/machine.h"
#include "hv/vm.h"
#include "hv/vm_life.h"

/*
 * CR0: the cache stays on, because CD would outlast the guest (SDM Vol. 3C,
 * 27.3.2.1 "Loading Guest Control Registers, Debug Registers, and MSRs": entry
 * and exit leave CD and NW alone), and NE stays 1, because VMX fixes it (Vol.
 * 3D, A.7 "VMX-Fixed Bits in CR0"). PE and PG are free in an unrestricted guest.
 */
#define CR0_OWNED (CR0_NE | CR0_CD | CR0_NW)

/* CR4: VMXE is fixed (A.8 "VMX-Fixed Bits in CR4"). With MCE clear, a machine
 * check would shut the whole machine down. */
#define CR4_FORCED (CR4_VMXE | CR4_MCE)

/* What a guest may set and does without us, by what CPUID must offer. */
static const struct {
    uint64_t bits;
    enum cpuid_feature feature;
} cr4_bits[] = {
    { CR4_TSD | CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCE, FEATURE_ALWAYS },
    { CR4_VME | CR4_PVI, FEATURE_VME },
    { CR4_DE, FEATURE_DE },
    { CR4_OSFXSR | CR4_OSXMMEXCPT, FEATURE_FXSR },
    { CR4_UMIP, FEATURE_UMIP },
    { CR4_LA57, FEATURE_LA57 },
    { CR4_FSGSBASE, FEATURE_FSGSBASE },
    { CR4_PCIDE, FEATURE_PCID },
    { CR4_OSXSAVE, FEATURE_XSAVE },
    { CR4_SMEP, FEATURE_SMEP },
    { CR4_SMAP, FEATURE_SMAP },
};

struct cr_policy cr_policy_for(const struct cpuid_table *table)
{
    struct cr_policy policy = { .cr0_mask = CR0_OWNED, .cr4_mask = UINT64_MAX };
    for (unsigned i = 0; i < sizeof cr4_bits / sizeof cr4_bits[0]; i++)
        if (cpuid_has(table, cr4_bits[i].feature))
            policy.cr4_mask &= ~cr4_bits[i].bits;
    return policy;
}

uint64_t cr0_real(uint64_t guest)
{
    return (guest & ~(CR0_CD | CR0_NW)) | CR0_NE | CR0_ET;
}

uint64_t cr4_real(uint64_t guest)
{
    return guest | CR4_FORCED;
}

void cr_set(uint64_t cr0, uint64_t cr4)
{
    machine_vmwrite_natural(VMCS_GUEST_CR0, cr0_real(cr0));
    machine_vmwrite_natural(VMCS_CR0_READ_SHADOW, cr0);
    machine_vmwrite_natural(VMCS_GUEST_CR4, cr4_real(cr4));
    machine_vmwrite_natural(VMCS_CR4_READ_SHADOW, cr4);
}

/* SDM Vol. 3C, 25.6.6 "Guest/Host Masks and Read Shadows for CR0 and CR4". */
static uint64_t seen(uint64_t real, uint64_t shadow, uint64_t mask)
{
    return (real & ~mask) | (shadow & mask);
}

uint64_t cr0_seen(void)
{
    return seen(machine_vmread_natural(VMCS_GUEST_CR0),
                machine_vmread_natural(VMCS_CR0_READ_SHADOW), CR0_OWNED);
}

uint64_t cr4_seen(void)
{
    return seen(machine_vmread_natural(VMCS_GUEST_CR4),
                machine_vmread_natural(VMCS_CR4_READ_SHADOW),
                machine_vmread_natural(VMCS_CR4_MASK));
}

/* The operand of a MOV: 64 bits in 64-bit mode, 32 otherwise. */
static uint64_t operand(const struct vcpu *vcpu, uint64_t qualification)
{
    enum gpr gpr = qualification >> CR_QUALIFICATION_GPR_SHIFT & CR_QUALIFICATION_GPR_MASK;
    uint64_t value = gpr == GPR_RSP ? machine_vmread_natural(VMCS_GUEST_RSP) : vcpu->gpr[gpr];
    bool long_mode = machine_vmread_64(VMCS_GUEST_IA32_EFER) & EFER_LMA;
    bool code_64 = machine_vmread_32(VMCS_GUEST_CS_ACCESS_RIGHTS) & ACCESS_RIGHTS_L;
    return long_mode && code_64 ? value : (uint32_t)value;
}

/* The guest observes CD, NW and NE as it wrote them, or #GP(0) for a write-
 * through policy of a cache that is on: SDM Vol. 2B, "MOV—Move to/from Control
 * Registers". */
static struct verdict cr0_write(uint64_t value)
{
    if ((value & CR0_NW) && !(value & CR0_CD))
        return INJECT_GP0;
    machine_vmwrite_natural(VMCS_CR0_READ_SHADOW, value & CR0_OWNED);
    vcpu_retry();
    return RESUME;
}

/* The guest observes MCE as it wrote it, or #GP(0) for a bit that its CPUID
 * does not offer, as for any reserved bit. */
static struct verdict cr4_write(uint64_t value)
{
    uint64_t owned = machine_vmread_natural(VMCS_CR4_MASK);
    if (value & owned & ~CR4_MCE)
        return INJECT_GP0;
    machine_vmwrite_natural(VMCS_CR4_READ_SHADOW, value & CR4_MCE);
    vcpu_retry();
    return RESUME;
}

/*
 * CLTS and LMSW change no host-owned bit, CR3 and CR8 exit under no control of
 * ours, and CR0 and CR4 are never read with an exit: SDM Vol. 3C, 26.1.3
 * "Instructions That Cause VM Exits Conditionally".
 */
struct verdict cr_exit(struct vcpu *vcpu)
{
    uint64_t qualification = machine_vmread_natural(VMCS_EXIT_QUALIFICATION);
    enum cr_access_type type =
        qualification >> CR_QUALIFICATION_TYPE_SHIFT & CR_QUALIFICATION_TYPE_MASK;
    unsigned number = qualification & CR_QUALIFICATION_NUMBER_MASK;
    if (type == CR_MOV_TO && number == 0)
        return cr0_write(operand(vcpu, qualification));
    if (type == CR_MOV_TO && number == 4)
        return cr4_write(operand(vcpu, qualification));
    vm_crash(vcpu, "a control-register access that no control intercepts");
    return END;
}

/* SDM Vol. 1, 13.3 "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static bool xcr0_is_valid(uint64_t value, uint64_t offered)
{
    uint64_t avx512 = value & XCR0_AVX512;
    if ((value & ~offered) || !(value & XCR0_X87))
        return false;
    if ((value & XCR0_AVX) && !(value & XCR0_SSE))
        return false;
    return !avx512 || (avx512 == XCR0_AVX512 && (value & XCR0_AVX));
}

/*
 * The guest observes the new XCR0, or #GP(0). That CPL is 0 and CR4.OSXSAVE is
 * set the processor has checked before it exited: SDM Vol. 3C, 26.1.1 "Relative
 * Priority of Faults and VM Exits".
 */
struct verdict xsetbv_exit(struct vcpu *vcpu)
{
    uint64_t value = vcpu->gpr[GPR_RDX] << 32 | (uint32_t)vcpu->gpr[GPR_RAX];
    if ((uint32_t)vcpu->gpr[GPR_RCX] != 0 || !xcr0_is_valid(value, vcpu->vm->cpuid.xcr0))
        return INJECT_GP0;
    vcpu->msr.xcr0 = value;
    machine_xcr0_write(value);
    return ADVANCE;
}
