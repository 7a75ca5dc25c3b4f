/* SPDX-License-Identifier: MIT
 *
 * See vm_entry.h.
 */
#include "tests/fake/vm_entry.h"

#include "arch/spec/cr.h"
#include "hv/machine.h"

#define PHYSICAL_BITS 39
#define DEBUGCTL_RESERVED (~0xFFC3ull)
#define EFER_RESERVED (~(EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE))
#define CR4_RESERVED (~0x3FFFFFFull)
#define RFLAGS_RESERVED (~0x3FFFFFull | BIT(15) | BIT(5) | BIT(3))
#define PENDING_DEBUG_RESERVED (0xFF0ull | BIT(13) | BIT(15) | ~0x1FFFFull)
#define RIGHTS_RESERVED (0xF00u | ~0x1FFFFu)

#define REFUSE(condition) \
    do { if (condition) return #condition; } while (0)

/* ES, CS, SS, DS, FS, GS, LDTR, TR: the order of their fields. */
enum segment { ES, CS, SS, DS, FS, GS, LDTR, TR };

static uint16_t selector(enum segment s)
{
    return machine_vmread_16((enum vmcs_field_16)(VMCS_GUEST_ES_SELECTOR + 2 * s));
}

static uint32_t limit(enum segment s)
{
    return machine_vmread_32((enum vmcs_field_32)(VMCS_GUEST_ES_LIMIT + 2 * s));
}

static uint32_t rights(enum segment s)
{
    return machine_vmread_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * s));
}

static uint64_t base(enum segment s)
{
    return machine_vmread_natural((enum vmcs_field_natural)(VMCS_GUEST_ES_BASE + 2 * s));
}

static unsigned type(enum segment s)
{
    return rights(s) & ACCESS_RIGHTS_TYPE_MASK;
}

static unsigned privilege(enum segment s)
{
    return (rights(s) & ACCESS_RIGHTS_DPL_MASK) >> ACCESS_RIGHTS_DPL_SHIFT;
}

static bool usable(enum segment s)
{
    return !(rights(s) & ACCESS_RIGHTS_UNUSABLE);
}

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

static bool long_mode(void)
{
    return machine_vmread_32(VMCS_ENTRY_CONTROLS) & ENTRY_IA32E_MODE_GUEST;
}

static bool bad_pat(uint64_t pat)
{
    for (unsigned i = 0; i < 8; i++, pat >>= 8)
        if ((pat & 0xFF) > 7 || (pat & 0xFF) == 2 || (pat & 0xFF) == 3)
            return true;
    return false;
}

/* 27.3.1.1 "Checks on Guest Control Registers, Debug Registers, and MSRs" */
static const char *registers(void)
{
    uint64_t cr0 = machine_vmread_natural(VMCS_GUEST_CR0);
    uint64_t cr4 = machine_vmread_natural(VMCS_GUEST_CR4);
    uint64_t efer = machine_vmread_64(VMCS_GUEST_IA32_EFER);

    REFUSE(!(cr0 & CR0_NE) || cr0 >> 32);
    REFUSE((cr0 & CR0_PG) && !(cr0 & CR0_PE));
    REFUSE(!(cr4 & CR4_VMXE) || (cr4 & CR4_RESERVED));
    REFUSE(long_mode() && (!(cr0 & CR0_PG) || !(cr4 & CR4_PAE)));
    REFUSE(!long_mode() && (cr4 & CR4_PCIDE));
    REFUSE(machine_vmread_natural(VMCS_GUEST_CR3) >> PHYSICAL_BITS);
    REFUSE(machine_vmread_natural(VMCS_GUEST_DR7) >> 32);
    REFUSE(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_RESERVED);
    REFUSE(!canonical(machine_vmread_natural(VMCS_GUEST_SYSENTER_ESP)));
    REFUSE(!canonical(machine_vmread_natural(VMCS_GUEST_SYSENTER_EIP)));
    REFUSE(bad_pat(machine_vmread_64(VMCS_GUEST_IA32_PAT)));
    REFUSE((efer & EFER_RESERVED) != 0);
    REFUSE(!!(efer & EFER_LMA) != long_mode());
    REFUSE((cr0 & CR0_PG) && !(efer & EFER_LME) != !(efer & EFER_LMA));
    return NULL;
}

static const char *segment_shape(enum segment s)
{
    REFUSE((rights(s) & RIGHTS_RESERVED) != 0);
    REFUSE(!(rights(s) & ACCESS_RIGHTS_P));
    REFUSE((limit(s) & 0xFFF) != 0xFFF && (rights(s) & ACCESS_RIGHTS_G));
    REFUSE(limit(s) >> 20 && !(rights(s) & ACCESS_RIGHTS_G));
    return NULL;
}

static const char *code_segment(void)
{
    unsigned t = type(CS);

    REFUSE(t != 3 && t != 9 && t != 11 && t != 13 && t != 15);
    REFUSE(!(rights(CS) & ACCESS_RIGHTS_S));
    REFUSE(t == 3 && privilege(CS) != 0);
    REFUSE((t == 9 || t == 11) && privilege(CS) != privilege(SS));
    REFUSE((t == 13 || t == 15) && privilege(CS) > privilege(SS));
    REFUSE(long_mode() && (rights(CS) & ACCESS_RIGHTS_L) && (rights(CS) & ACCESS_RIGHTS_DB));
    REFUSE(base(CS) >> 32);
    return segment_shape(CS);
}

static const char *stack_segment(void)
{
    bool real_mode = !(machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PE);

    REFUSE((type(CS) == 3 || real_mode) && privilege(SS) != 0);
    if (!usable(SS))
        return NULL;
    REFUSE(type(SS) != 3 && type(SS) != 7);
    REFUSE(!(rights(SS) & ACCESS_RIGHTS_S));
    REFUSE(base(SS) >> 32);
    return segment_shape(SS);
}

static const char *data_segment(enum segment s)
{
    REFUSE((s == FS || s == GS) && !canonical(base(s)));
    if (!usable(s))
        return NULL;
    REFUSE(!(type(s) & 1));
    REFUSE((type(s) & 8) && !(type(s) & 2));
    REFUSE(!(rights(s) & ACCESS_RIGHTS_S));
    REFUSE((s == DS || s == ES) && base(s) >> 32);
    return segment_shape(s);
}

static const char *system_segments(void)
{
    REFUSE(selector(TR) & 4);
    REFUSE(!usable(TR) || (rights(TR) & ACCESS_RIGHTS_S));
    REFUSE(type(TR) != 11 && (long_mode() || type(TR) != 3));
    REFUSE(!canonical(base(TR)));
    if (usable(LDTR)) {
        REFUSE(selector(LDTR) & 4);
        REFUSE(type(LDTR) != 2 || (rights(LDTR) & ACCESS_RIGHTS_S));
        REFUSE(!canonical(base(LDTR)));
        const char *shape = segment_shape(LDTR);
        if (shape)
            return shape;
    }
    return segment_shape(TR);
}

static bool virtual_8086(void)
{
    return machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_VM;
}

static const char *virtual_8086_segment(enum segment s)
{
    REFUSE(base(s) != (uint64_t)selector(s) << 4);
    REFUSE(limit(s) != 0xFFFF);
    REFUSE(rights(s) != 0xF3);
    return NULL;
}

/* 27.3.1.2 "Checks on Guest Segment Registers" */
static const char *segments(void)
{
    static const enum segment data[] = { ES, DS, FS, GS };
    const char *wrong = NULL;

    for (enum segment s = ES; !wrong && virtual_8086() && s <= GS; s++)
        wrong = virtual_8086_segment(s);
    if (wrong || virtual_8086())
        return wrong ? wrong : system_segments();
    wrong = code_segment();
    for (unsigned i = 0; !wrong && i < 4; i++)
        wrong = data_segment(data[i]);
    if (!wrong)
        wrong = stack_segment();
    return wrong ? wrong : system_segments();
}

/* 27.3.1.3 "Checks on Guest Descriptor-Table Registers" */
static const char *tables(void)
{
    REFUSE(!canonical(machine_vmread_natural(VMCS_GUEST_GDTR_BASE)));
    REFUSE(!canonical(machine_vmread_natural(VMCS_GUEST_IDTR_BASE)));
    REFUSE(machine_vmread_32(VMCS_GUEST_GDTR_LIMIT) >> 16);
    REFUSE(machine_vmread_32(VMCS_GUEST_IDTR_LIMIT) >> 16);
    return NULL;
}

/* 27.3.1.4 "Checks on Guest RIP, RFLAGS, and SSP" */
static const char *flow(void)
{
    uint64_t rip = machine_vmread_natural(VMCS_GUEST_RIP);
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    bool code_64 = long_mode() && (rights(CS) & ACCESS_RIGHTS_L);

    REFUSE(!code_64 && rip >> 32);
    REFUSE(code_64 && !canonical(rip));
    REFUSE((rflags & RFLAGS_RESERVED) || !(rflags & RFLAGS_FIXED));
    REFUSE((rflags & RFLAGS_VM) && (long_mode() || !(machine_vmread_natural(VMCS_GUEST_CR0) & CR0_PE)));
    return NULL;
}

/* 27.3.1.5 "Checks on Guest Non-Register State" */
static const char *other(void)
{
    uint32_t activity = machine_vmread_32(VMCS_GUEST_ACTIVITY);
    uint32_t blocking = machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY);
    uint32_t event = machine_vmread_32(VMCS_ENTRY_INTERRUPTION_INFO);
    uint64_t rflags = machine_vmread_natural(VMCS_GUEST_RFLAGS);
    uint64_t pending = machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);
    bool shadow = blocking & (BLOCKING_BY_STI | BLOCKING_BY_MOV_SS);
    bool steps = (rflags & RFLAGS_TF) &&
                 !(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF);
    bool nmi = (event & EVENT_VALID) &&
               (event & EVENT_TYPE_MASK) >> EVENT_TYPE_SHIFT == EVENT_NMI;

    REFUSE(activity > ACTIVITY_WAIT_FOR_SIPI);
    REFUSE(activity == ACTIVITY_HLT && privilege(SS) != 0);
    REFUSE(activity != ACTIVITY_ACTIVE && shadow);
    REFUSE(blocking >> 5);
    REFUSE((blocking & BLOCKING_BY_STI) && (blocking & BLOCKING_BY_MOV_SS));
    REFUSE((blocking & BLOCKING_BY_STI) && !(rflags & RFLAGS_IF));
    REFUSE(nmi && shadow);
    REFUSE(nmi && (blocking & BLOCKING_BY_NMI));
    REFUSE((pending & PENDING_DEBUG_RESERVED) != 0);
    REFUSE((shadow || activity == ACTIVITY_HLT) && !!(pending & PENDING_DEBUG_BS) != steps);
    REFUSE(machine_vmread_64(VMCS_LINK_POINTER) != UINT64_MAX);
    return NULL;
}

const char *fake_vm_entry_refusal(void)
{
    static const char *(*const checks[])(void) = { registers, segments, tables, flow, other };

    for (unsigned i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        const char *wrong = checks[i]();
        if (wrong)
            return wrong;
    }
    return NULL;
}
