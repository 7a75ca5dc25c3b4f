/* SPDX-License-Identifier: MIT
 *
 * See msr.h. One row says for a range of MSRs what a read and a write do, and
 * which feature of CPUID must be offered for the row to exist at all.
 *
 * What passes never exits: it is either in the VMCS, where VM entries and exits
 * exchange it (SDM Vol. 3C, 27.3.2.1 "Loading Guest Control Registers, Debug
 * Registers, and MSRs"), or the CPU's own and unused by the hypervisor, and the
 * CPU is the guest's.
 */
#include "hv/msr.h"

#include "arch/spec/cr.h"
#include "arch/spec/mtrr.h"
#include "hv/check.h"
#include "hv/cpuid.h"
#include "hv/denied.h"
#include "hv/guest_tsc.h"
#include "hv/lapic_level.h"
#include "hv/machine.h"
#include "hv/vm.h"

enum rule {
    GP,     /* #GP(0), as on a CPU without this MSR; reported */
    PROBED, /* the same, but kernels only ask whether it is there: not reported */
    PASS,   /* no exit */
    FIXED,  /* reads: the row's value */
    ZERO,   /* writes: 0 does nothing, anything else is #GP(0) */
    IGNORE, /* writes: nothing happens; reported */
    TSC,    /* hv/guest_tsc.c */
    TSC_ADJUST,   /* reads pass if the hardware's is what the guest's is: 0 */
    TSC_DEADLINE, /* passes as long as the guest's TSC is the machine's */
    MISC_ENABLE,
    ARCH_CAPABILITIES,
    DEBUGCTL,
    MTRR_DEF_TYPE,
    MTRR_FIXED,
    LAPIC,  /* hv/lapic.c */
    LAPIC_LEVEL, /* the same for level-triggered interrupts; else it passes */
};

struct row {
    uint32_t first, last;
    enum rule read, write;
    enum cpuid_feature feature;
    uint64_t value; /* of FIXED */
};


/* Of some models, and what Linux asks for without minding a fault. */
#define MSR_SMI_COUNT 0x34
#define MSR_PPIN_CTL 0x4E
#define MSR_RAPL_POWER_UNIT 0x606
#define MSR_PPERF 0x64E
#define MSR_AMD_FIRST 0xC0010000
#define MSR_AMD_LAST 0xC0011FFF

/* Ascending. */
static const struct row rows[] = {
    { IA32_TSC, IA32_TSC, PASS, TSC, FEATURE_ALWAYS, 0 },
    { IA32_PLATFORM_ID, IA32_PLATFORM_ID, FIXED, GP, FEATURE_ALWAYS, 0 },
    { IA32_APIC_BASE, IA32_APIC_BASE, LAPIC, LAPIC, FEATURE_ALWAYS, 0 },
    /* Every processor of this family has it; nothing in it means anything here. */
    { MSR_EBL_CR_POWERON, MSR_EBL_CR_POWERON, FIXED, ZERO, FEATURE_ALWAYS, 0 },
    { MSR_SMI_COUNT, MSR_SMI_COUNT, PROBED, GP, FEATURE_ALWAYS, 0 },
    /* Locked, with VMX, SMX and SGX off. */
    { IA32_FEATURE_CONTROL, IA32_FEATURE_CONTROL, FIXED, GP, FEATURE_ALWAYS,
      FEATURE_CONTROL_LOCK },

    { IA32_TSC_ADJUST, IA32_TSC_ADJUST, TSC_ADJUST, TSC_ADJUST, FEATURE_ALWAYS, 0 },

    /* Mitigations of the guest's own CPU. Write-only ones fault by themselves. */
    { IA32_SPEC_CTRL, IA32_SPEC_CTRL, PASS, PASS, FEATURE_SPEC_CTRL, 0 },
    { IA32_PRED_CMD, IA32_PRED_CMD, PASS, PASS, FEATURE_PRED_CMD, 0 },
    { MSR_PPIN_CTL, MSR_PPIN_CTL, PROBED, GP, FEATURE_ALWAYS, 0 },

    /* Microcode is the machine's: no update was loaded, and none will be. */
    { IA32_BIOS_UPDT_TRIG, IA32_BIOS_UPDT_TRIG, GP, IGNORE, FEATURE_ALWAYS, 0 },
    { IA32_BIOS_SIGN_ID, IA32_BIOS_SIGN_ID, FIXED, ZERO, FEATURE_ALWAYS, 0 },

    /* No CPUID faulting, no turbo ratios to choose. */
    { MSR_PLATFORM_INFO, MSR_PLATFORM_INFO, FIXED, GP, FEATURE_ALWAYS, 0 },
    /* Memory types are those of the EPT and the PAT, and MTRRs have no effect. There
     * is no variable one; the fixed ones are remembered, because NetBSD reads and
     * writes them whatever this says. */
    { IA32_MTRRCAP, IA32_MTRRCAP, FIXED, GP, FEATURE_ALWAYS, MTRRCAP_FIX | MTRRCAP_WC },
    { IA32_ARCH_CAPABILITIES, IA32_ARCH_CAPABILITIES, ARCH_CAPABILITIES, GP,
      FEATURE_ARCH_CAPABILITIES, 0 },
    { IA32_FLUSH_CMD, IA32_FLUSH_CMD, PASS, PASS, FEATURE_FLUSH_CMD, 0 },
    { MSR_MISC_FEATURE_ENABLES, MSR_MISC_FEATURE_ENABLES, FIXED, ZERO, FEATURE_ALWAYS, 0 },

    /* In the VMCS. */
    { IA32_SYSENTER_CS, IA32_SYSENTER_EIP, PASS, PASS, FEATURE_ALWAYS, 0 },

    /* Machine checks end the guest, so no bank is there to report one. */
    { IA32_MCG_CAP, IA32_MCG_CAP, FIXED, GP, FEATURE_ALWAYS, 0 },
    { IA32_MCG_STATUS, IA32_MCG_STATUS, FIXED, ZERO, FEATURE_ALWAYS, 0 },

    { IA32_MISC_ENABLE, IA32_MISC_ENABLE, MISC_ENABLE, MISC_ENABLE, FEATURE_ALWAYS, 0 },
    { IA32_DEBUGCTL, IA32_DEBUGCTL, DEBUGCTL, DEBUGCTL, FEATURE_ALWAYS, 0 },
    { IA32_MTRR_FIX64K_00000, IA32_MTRR_FIX64K_00000, MTRR_FIXED, MTRR_FIXED, FEATURE_ALWAYS, 0 },
    { IA32_MTRR_FIX16K_80000, IA32_MTRR_FIX16K_A0000, MTRR_FIXED, MTRR_FIXED, FEATURE_ALWAYS, 0 },
    { IA32_MTRR_FIX4K_C0000, IA32_MTRR_FIX4K_F8000, MTRR_FIXED, MTRR_FIXED, FEATURE_ALWAYS, 0 },
    { IA32_PAT, IA32_PAT, PASS, PASS, FEATURE_ALWAYS, 0 }, /* in the VMCS */
    { IA32_MTRR_DEF_TYPE, IA32_MTRR_DEF_TYPE, MTRR_DEF_TYPE, MTRR_DEF_TYPE, FEATURE_ALWAYS, 0 },
    { MSR_RAPL_POWER_UNIT, MSR_RAPL_POWER_UNIT, PROBED, GP, FEATURE_ALWAYS, 0 },
    { MSR_PPERF, MSR_PPERF, PROBED, GP, FEATURE_ALWAYS, 0 },
    { IA32_TSC_DEADLINE, IA32_TSC_DEADLINE, TSC_DEADLINE, TSC_DEADLINE, FEATURE_TSC_DEADLINE, 0 },

    /* The local APIC in x2APIC mode; in other modes nothing of it passes, and each
     * exit is #GP(0). What passes can reach no other CPU: accesses in the wrong
     * direction and reserved bits fault by themselves. SDM Vol. 3A, Table 11-6
     * "Local APIC Register Address Map Supported by x2APIC". */
    { IA32_X2APIC_APICID, IA32_X2APIC_VERSION, LAPIC, GP, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_TPR, IA32_X2APIC_TPR, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_PPR, IA32_X2APIC_PPR, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_EOI, IA32_X2APIC_EOI, PASS, LAPIC_LEVEL, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_LDR, IA32_X2APIC_LDR, LAPIC, GP, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_SIVR, IA32_X2APIC_SIVR, PASS, LAPIC, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_ISR0, IA32_X2APIC_ISR0 + 7, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_TMR0, IA32_X2APIC_TMR0 + 7, LAPIC_LEVEL, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_IRR0, IA32_X2APIC_IRR0 + 7, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_ESR, IA32_X2APIC_ESR, LAPIC, LAPIC, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_ICR, IA32_X2APIC_ICR, LAPIC, LAPIC, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_LVT_TIMER, IA32_X2APIC_LVT_TIMER, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_LVT_THERMAL, IA32_X2APIC_LVT_ERROR, LAPIC, LAPIC, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_INIT_COUNT, IA32_X2APIC_CUR_COUNT, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_X2APIC_DIV_CONF, IA32_X2APIC_SELF_IPI, PASS, PASS, FEATURE_ALWAYS, 0 },

    /* No supervisor state component is offered. */
    { IA32_XSS, IA32_XSS, FIXED, ZERO, FEATURE_XSAVES, 0 },

    /* EFER is in the VMCS; a guest that is unrestricted changes its mode without
     * an exit: SDM Vol. 3C, 26.3 "Changes to Instruction Behavior in VMX Non-Root
     * Operation", and 28.3.1 "Saving Control Registers, Debug Registers, and MSRs". */
    { IA32_EFER, IA32_FMASK, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_FS_BASE, IA32_KERNEL_GS_BASE, PASS, PASS, FEATURE_ALWAYS, 0 },
    { IA32_TSC_AUX, IA32_TSC_AUX, PASS, PASS, FEATURE_RDTSCP, 0 },
    { MSR_AMD_FIRST, MSR_AMD_LAST, PROBED, GP, FEATURE_ALWAYS, 0 },
};

#define ROW_COUNT (sizeof rows / sizeof rows[0])

/* The row of an MSR, or NULL: binary search for the last row that begins at or
 * before it, written out because each read of an MSR pays for it. */
static inline __attribute__((always_inline)) const struct row *row_find(uint32_t msr)
{
    _Static_assert(ROW_COUNT > 32 && ROW_COUNT <= 64, "six steps find the row");
    const struct row *at = rows;
    if (at[ROW_COUNT - 32].first <= msr)
        at += ROW_COUNT - 32;
    if (at[16].first <= msr)
        at += 16;
    if (at[8].first <= msr)
        at += 8;
    if (at[4].first <= msr)
        at += 4;
    if (at[2].first <= msr)
        at += 2;
    if (at[1].first <= msr)
        at += 1;
    return msr >= at->first && msr <= at->last ? at : NULL;
}

/*
 * SDM Vol. 3C, 25.6.9 "MSR-Bitmap Address": four bitmaps of 1 KiB, for reads of
 * MSRs 0 to 1FFFh, reads of C0000000h to C0001FFFh, and writes of either. A set
 * bit makes the access exit; all other MSRs always do.
 */
#define BITMAP_HIGH 0xC0000000u
#define BITMAP_MSRS 0x2000u
#define BITMAP_BYTES (BITMAP_MSRS / 8)

static void bitmap_pass(uint8_t *bitmap, uint32_t msr, bool write)
{
    uint32_t offset = (write ? 2 * BITMAP_BYTES : 0) + (msr >= BITMAP_HIGH ? BITMAP_BYTES : 0);
    uint32_t bit = msr >= BITMAP_HIGH ? msr - BITMAP_HIGH : msr;
    CHECK(bit < BITMAP_MSRS);
    bitmap[offset + bit / 8] &= (uint8_t)~(1u << bit % 8);
}

static bool is_x2apic_msr(const struct row *row)
{
    return row->first >= X2APIC_MSR_FIRST && row->last <= X2APIC_MSR_LAST;
}

static bool passes(const struct row *row, bool write, const struct cpuid_table *table,
                   unsigned kind)
{
    enum rule rule = write ? row->write : row->read;
    unsigned mode = kind % MSR_BITMAP_TSC_MOVED;
    bool moved = kind >= MSR_BITMAP_TSC_MOVED;
    if (is_x2apic_msr(row) && mode == MSR_BITMAP_OTHER)
        return false;
    return rule == PASS || (rule == LAPIC_LEVEL && mode == MSR_BITMAP_X2APIC) ||
           (rule == TSC_DEADLINE && !moved) ||
           (rule == TSC_ADJUST && !write && !moved && table->tsc_adjust_is_zero);
}

void msr_bitmap_build(uint8_t bitmap[static MSR_BITMAP_SIZE], const struct cpuid_table *table,
                      unsigned kind)
{
    for (unsigned i = 0; i < MSR_BITMAP_SIZE; i++)
        bitmap[i] = 0xFF;
    for (unsigned i = 0; i < ROW_COUNT; i++) {
        const struct row *row = &rows[i];
        if (!cpuid_has(table, row->feature))
            continue;
        for (uint32_t msr = row->first; msr <= row->last; msr++) {
            if (passes(row, false, table, kind))
                bitmap_pass(bitmap, msr, false);
            if (passes(row, true, table, kind))
                bitmap_pass(bitmap, msr, true);
        }
    }
}

void msr_bitmap_choose(const struct vcpu *vcpu)
{
    unsigned kind = MSR_BITMAP_OTHER;
    if (lapic_is_x2apic(&vcpu->lapic))
        kind = lapic_level_in_service(&vcpu->lapic) ? MSR_BITMAP_LEVEL : MSR_BITMAP_X2APIC;
    if (vcpu->msr.tsc_offset)
        kind += MSR_BITMAP_TSC_MOVED;
    machine_vmwrite_64(VMCS_MSR_BITMAP, vcpu->vm->msr_bitmaps[kind].value);
}

#define MISC_ENABLE_FAST_STRINGS BIT(0)
#define MISC_ENABLE_NO_BTS BIT(11)
#define MISC_ENABLE_NO_PEBS BIT(12)

#define EIGHT_RANGES 0x0101010101010101ull
#define MTRR_DEF_TYPE_BITS 0xCFFull

/* Where a fixed-range register is kept, in the order of their addresses. */
static unsigned mtrr_fixed_index(uint32_t msr)
{
    if (msr >= IA32_MTRR_FIX4K_C0000)
        return 3 + msr - IA32_MTRR_FIX4K_C0000;
    return msr >= IA32_MTRR_FIX16K_80000 ? 1 + msr - IA32_MTRR_FIX16K_80000 : 0;
}

_Static_assert(3 + IA32_MTRR_FIX4K_F8000 - IA32_MTRR_FIX4K_C0000 == MSR_MTRR_FIXED_COUNT - 1,
               "a place for each");

/* As firmware leaves them: Linux takes the PAT for usable only with MTRRs on. */
void msr_state_reset(struct msr_state *state)
{
    *state = (struct msr_state){
        .mtrr_def_type = MTRR_ENABLE | MTRR_FIXED_ENABLE | MTRR_WRITE_BACK,
        .misc_enable = MISC_ENABLE_FAST_STRINGS | MISC_ENABLE_NO_BTS | MISC_ENABLE_NO_PEBS,
        .xcr0 = XCR0_X87,
    };
    for (unsigned i = 0; i < MSR_MTRR_FIXED_COUNT; i++)
        state->mtrr_fixed[i] = EIGHT_RANGES * MTRR_WRITE_BACK;
    state->mtrr_fixed[mtrr_fixed_index(IA32_MTRR_FIX16K_A0000)] = EIGHT_RANGES * MTRR_UNCACHEABLE;
}

/* Only bits that say what the processor is immune to or how it is mitigated;
 * none that announces another MSR. SDM Vol. 4, Table 2-2 "IA-32 Architectural
 * MSRs", 10AH. */
#define ARCH_CAPABILITIES_SHOWN                                                         \
    (BIT(0) | BIT(1) | BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(6) | BIT(8) | BIT(13) |  \
     BIT(14) | BIT(15) | BIT(17) | BIT(19) | BIT(20) | BIT(24) | BIT(26) | BIT(27) | BIT(28))

static bool misc_enable_write(struct msr_state *state, uint64_t value)
{
    if ((value ^ state->misc_enable) & ~MISC_ENABLE_FAST_STRINGS)
        return false;
    state->misc_enable = value;
    return true;
}

static bool is_memory_type(uint8_t type)
{
    return type <= MTRR_WRITE_BACK && type != 2 && type != 3;
}

/* SDM Vol. 3A, 12.11.2.1 "IA32_MTRR_DEF_TYPE MSR". The value is remembered and
 * has no effect. */
static bool mtrr_def_type_write(struct msr_state *state, uint64_t value)
{
    if ((value & ~MTRR_DEF_TYPE_BITS) || !is_memory_type((uint8_t)value))
        return false;
    state->mtrr_def_type = value;
    return true;
}

/* 12.11.2.2 "Fixed Range MTRRs": a memory type for each of eight ranges. */
static bool mtrr_fixed_write(struct vcpu *vcpu, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        if (!is_memory_type((uint8_t)(value >> 8 * i)))
            return false;
    vcpu->msr.mtrr_fixed[mtrr_fixed_index((uint32_t)vcpu->gpr[GPR_RCX])] = value;
    return true;
}

/* SDM Vol. 3B, 18.4.1 "IA32_DEBUGCTL MSR". Every processor has LBR, so a write of
 * it is taken; but as there are no records here to be read, it has no effect, reads
 * 0, and is reported. Other bits need MSRs or features that are not offered. */
static bool debugctl_write(struct vcpu *vcpu, uint64_t value)
{
    if (value & ~(DEBUGCTL_BTF | DEBUGCTL_LBR))
        return false;
    if (value & DEBUGCTL_LBR)
        denied_report(vcpu, DENIED_MSR_WRITE, IA32_DEBUGCTL);
    machine_vmwrite_64(VMCS_GUEST_IA32_DEBUGCTL, value & DEBUGCTL_BTF);
    return true;
}

/* Not inlined, and looks for itself, so that what is allowed does not pay for its
 * registers. So are the two below. */
__attribute__((noinline))
static struct verdict deny(struct vcpu *vcpu, enum denied_kind kind)
{
    uint32_t msr = (uint32_t)vcpu->gpr[GPR_RCX];
    const struct row *row = row_find(msr);
    if (kind == DENIED_MSR_READ && row && row->read == PROBED)
        denied_report_expected(vcpu, kind, msr);
    else
        denied_report(vcpu, kind, msr);
    return INJECT_GP0;
}

static struct verdict give(struct vcpu *vcpu, uint64_t value)
{
    vcpu->gpr[GPR_RAX] = (uint32_t)value;
    vcpu->gpr[GPR_RDX] = value >> 32;
    return ADVANCE;
}

__attribute__((noinline))
static struct verdict give_lapic(struct vcpu *vcpu, uint32_t msr)
{
    uint64_t value;
    return lapic_msr_read(vcpu, msr, &value) ? give(vcpu, value) : deny(vcpu, DENIED_MSR_READ);
}

__attribute__((noinline))
static struct verdict give_arch_capabilities(struct vcpu *vcpu)
{
    return give(vcpu, machine_msr_read(IA32_ARCH_CAPABILITIES) & ARCH_CAPABILITIES_SHOWN);
}

__attribute__((noinline))
static struct verdict write_lapic(struct vcpu *vcpu, uint32_t msr, uint64_t value)
{
    return lapic_msr_write(vcpu, msr, value) ? ADVANCE : deny(vcpu, DENIED_MSR_WRITE);
}

__attribute__((noinline))
static struct verdict give_tsc_deadline(struct vcpu *vcpu)
{
    return give(vcpu, guest_tsc_deadline_read(vcpu));
}

__attribute__((noinline))
static struct verdict ignore(struct vcpu *vcpu, uint32_t msr)
{
    denied_report(vcpu, DENIED_MSR_WRITE, msr);
    return ADVANCE;
}

__attribute__((noinline))
static bool tsc_write(struct vcpu *vcpu, enum rule rule, uint64_t value)
{
    if (rule == TSC)
        guest_tsc_write(vcpu, value);
    else if (rule == TSC_ADJUST)
        guest_tsc_adjust_write(vcpu, value);
    else
        guest_tsc_deadline_write(vcpu, value);
    return true;
}

/* The rules that need no more than the value. False: #GP(0). */
static bool row_accepts(struct vcpu *vcpu, const struct row *row, uint64_t value)
{
    switch (row->write) {
    case ZERO: return value == 0;
    case MISC_ENABLE: return misc_enable_write(&vcpu->msr, value);
    case MTRR_DEF_TYPE: return mtrr_def_type_write(&vcpu->msr, value);
    case MTRR_FIXED: return mtrr_fixed_write(vcpu, value);
    case DEBUGCTL: return debugctl_write(vcpu, value);
    case TSC:
    case TSC_ADJUST:
    case TSC_DEADLINE: return tsc_write(vcpu, row->write, value);
    case LAPIC:
    case LAPIC_LEVEL:
    case IGNORE: /* not asked here */
    case PASS:   /* exits outside x2APIC mode only: else its bit is clear */
    case FIXED:
    case ARCH_CAPABILITIES:
    case PROBED: /* rules of reads only */
    case GP: return false;
    }
    return false;
}

/* The guest observes the value in EDX:EAX, or #GP(0). */
__attribute__((noinline))
struct verdict msr_read_exit(struct vcpu *vcpu)
{
    uint32_t msr = (uint32_t)vcpu->gpr[GPR_RCX];
    const struct row *row = row_find(msr);
    if (!row || !cpuid_has(&vcpu->vm->cpuid, row->feature))
        return deny(vcpu, DENIED_MSR_READ);
    switch (row->read) {
    case FIXED: return give(vcpu, row->value);
    case LAPIC:
    case LAPIC_LEVEL: return give_lapic(vcpu, msr);
    case MISC_ENABLE: return give(vcpu, vcpu->msr.misc_enable);
    case MTRR_DEF_TYPE: return give(vcpu, vcpu->msr.mtrr_def_type);
    case MTRR_FIXED: return give(vcpu, vcpu->msr.mtrr_fixed[mtrr_fixed_index(msr)]);
    case DEBUGCTL: return give(vcpu, machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL));
    case ARCH_CAPABILITIES: return give_arch_capabilities(vcpu);
    case TSC_ADJUST: return give(vcpu, vcpu->msr.tsc_offset);
    case TSC_DEADLINE: return give_tsc_deadline(vcpu);
    case PASS: /* as above */
    case TSC:
    case ZERO:
    case IGNORE: /* rules of writes only */
    case PROBED:
    case GP: break;
    }
    return deny(vcpu, DENIED_MSR_READ);
}

/* The guest observes the effect that the row names, or #GP(0). */
__attribute__((noinline))
struct verdict msr_write_exit(struct vcpu *vcpu)
{
    uint32_t msr = (uint32_t)vcpu->gpr[GPR_RCX];
    uint64_t value = vcpu->gpr[GPR_RDX] << 32 | (uint32_t)vcpu->gpr[GPR_RAX];
    if (msr == IA32_X2APIC_ICR) /* the one that is frequent */
        return write_lapic(vcpu, msr, value);
    const struct row *row = row_find(msr);
    if (!row || !cpuid_has(&vcpu->vm->cpuid, row->feature))
        return deny(vcpu, DENIED_MSR_WRITE);
    if (row->write >= LAPIC) /* or LAPIC_LEVEL, the last one */
        return write_lapic(vcpu, msr, value);
    if (row->write == IGNORE)
        return ignore(vcpu, msr);
    return row_accepts(vcpu, row, value) ? ADVANCE : deny(vcpu, DENIED_MSR_WRITE);
}
