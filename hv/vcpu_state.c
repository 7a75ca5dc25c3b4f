/* SPDX-License-Identifier: MIT
 *
 * See vcpu_state.h. States are rows of data; a field that no row names is
 * written by nobody else either and would be left over from an earlier life,
 * so the first table names every guest-state field there is.
 *
 * SDM Vol. 3C, 25.4 "Guest-State Area".
 */
#include "hv/vcpu_state.h"

#include "arch/spec/cr.h"
#include "hv/cr.h"
#include "hv/machine.h"
#include "hv/vm.h"

struct row_16 { enum vmcs_field_16 field; uint16_t value; };
struct row_32 { enum vmcs_field_32 field; uint32_t value; };
struct row_64 { enum vmcs_field_64 field; uint64_t value; };
struct row_natural { enum vmcs_field_natural field; uint64_t value; };

#define RIGHTS_DATA_16 0x93u /* read, write, accessed */
#define RIGHTS_CODE_16 0x9Bu /* execute, read, accessed */
#define RIGHTS_LDT 0x82u
#define RIGHTS_TSS 0x8Bu /* busy, 32 or 64 bits */
#define RIGHTS_DATA_FLAT (RIGHTS_DATA_16 | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define RIGHTS_CODE_32 (RIGHTS_CODE_16 | ACCESS_RIGHTS_DB | ACCESS_RIGHTS_G)
#define RIGHTS_CODE_64 (RIGHTS_CODE_16 | ACCESS_RIGHTS_L | ACCESS_RIGHTS_G)

#define TSS_LIMIT 0x67u /* SDM Vol. 3A, 8.2.1 "Task-State Segment (TSS)": 104 bytes */
#define PAT_RESET 0x0007040600070406ull
#define DR7_RESET 0x400ull
#define RESET_VECTOR_CS 0xF000
#define RESET_VECTOR_BASE 0xFFFF0000ull

static const struct row_16 init_16[] = {
    { VMCS_GUEST_ES_SELECTOR, 0 },
    { VMCS_GUEST_CS_SELECTOR, RESET_VECTOR_CS },
    { VMCS_GUEST_SS_SELECTOR, 0 },
    { VMCS_GUEST_DS_SELECTOR, 0 },
    { VMCS_GUEST_FS_SELECTOR, 0 },
    { VMCS_GUEST_GS_SELECTOR, 0 },
    { VMCS_GUEST_LDTR_SELECTOR, 0 },
    { VMCS_GUEST_TR_SELECTOR, 0 },
};

static const struct row_32 init_32[] = {
    { VMCS_GUEST_ES_LIMIT, 0xFFFF },
    { VMCS_GUEST_CS_LIMIT, 0xFFFF },
    { VMCS_GUEST_SS_LIMIT, 0xFFFF },
    { VMCS_GUEST_DS_LIMIT, 0xFFFF },
    { VMCS_GUEST_FS_LIMIT, 0xFFFF },
    { VMCS_GUEST_GS_LIMIT, 0xFFFF },
    { VMCS_GUEST_LDTR_LIMIT, 0xFFFF },
    { VMCS_GUEST_TR_LIMIT, 0xFFFF },
    { VMCS_GUEST_GDTR_LIMIT, 0xFFFF },
    { VMCS_GUEST_IDTR_LIMIT, 0xFFFF },
    { VMCS_GUEST_ES_ACCESS_RIGHTS, RIGHTS_DATA_16 },
    { VMCS_GUEST_CS_ACCESS_RIGHTS, RIGHTS_CODE_16 },
    { VMCS_GUEST_SS_ACCESS_RIGHTS, RIGHTS_DATA_16 },
    { VMCS_GUEST_DS_ACCESS_RIGHTS, RIGHTS_DATA_16 },
    { VMCS_GUEST_FS_ACCESS_RIGHTS, RIGHTS_DATA_16 },
    { VMCS_GUEST_GS_ACCESS_RIGHTS, RIGHTS_DATA_16 },
    { VMCS_GUEST_LDTR_ACCESS_RIGHTS, RIGHTS_LDT },
    { VMCS_GUEST_TR_ACCESS_RIGHTS, RIGHTS_TSS },
    { VMCS_GUEST_INTERRUPTIBILITY, 0 },
    { VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE },
    { VMCS_GUEST_SMBASE, 0 },
    { VMCS_GUEST_SYSENTER_CS, 0 },
    { VMCS_ENTRY_INTERRUPTION_INFO, 0 },
};

static const struct row_64 init_64[] = {
    { VMCS_LINK_POINTER, UINT64_MAX },
    { VMCS_GUEST_IA32_DEBUGCTL, 0 },
    { VMCS_GUEST_IA32_PAT, PAT_RESET },
    { VMCS_GUEST_IA32_EFER, 0 },
    { VMCS_GUEST_PDPTE0, 0 },
    { VMCS_GUEST_PDPTE1, 0 },
    { VMCS_GUEST_PDPTE2, 0 },
    { VMCS_GUEST_PDPTE3, 0 },
};

static const struct row_natural init_natural[] = {
    { VMCS_GUEST_CR3, 0 },
    { VMCS_GUEST_ES_BASE, 0 },
    { VMCS_GUEST_CS_BASE, RESET_VECTOR_BASE },
    { VMCS_GUEST_SS_BASE, 0 },
    { VMCS_GUEST_DS_BASE, 0 },
    { VMCS_GUEST_FS_BASE, 0 },
    { VMCS_GUEST_GS_BASE, 0 },
    { VMCS_GUEST_LDTR_BASE, 0 },
    { VMCS_GUEST_TR_BASE, 0 },
    { VMCS_GUEST_GDTR_BASE, 0 },
    { VMCS_GUEST_IDTR_BASE, 0 },
    { VMCS_GUEST_DR7, DR7_RESET },
    { VMCS_GUEST_RSP, 0 },
    { VMCS_GUEST_RIP, 0xFFF0 },
    { VMCS_GUEST_RFLAGS, RFLAGS_FIXED },
    { VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0 },
    { VMCS_GUEST_SYSENTER_ESP, 0 },
    { VMCS_GUEST_SYSENTER_EIP, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void write_16(const struct row_16 *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        machine_vmwrite_16(rows[i].field, rows[i].value);
}

static void write_32(const struct row_32 *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        machine_vmwrite_32(rows[i].field, rows[i].value);
}

static void write_64(const struct row_64 *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        machine_vmwrite_64(rows[i].field, rows[i].value);
}

static void write_natural(const struct row_natural *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        machine_vmwrite_natural(rows[i].field, rows[i].value);
}

static void set_entry_control(uint32_t bit, bool on)
{
    uint32_t controls = machine_vmread_32(VMCS_ENTRY_CONTROLS);
    machine_vmwrite_32(VMCS_ENTRY_CONTROLS, on ? controls | bit : controls & ~bit);
}

void vcpu_state_init(struct vcpu *vcpu)
{
    write_16(init_16, COUNT(init_16));
    write_32(init_32, COUNT(init_32));
    write_64(init_64, COUNT(init_64));
    write_natural(init_natural, COUNT(init_natural));

    struct cr_policy policy = cr_policy_for(&vcpu->vm->cpuid);
    machine_vmwrite_natural(VMCS_CR0_MASK, policy.cr0_mask);
    machine_vmwrite_natural(VMCS_CR4_MASK, policy.cr4_mask);
    cr_set(CR0_ET, 0);
    set_entry_control(ENTRY_IA32E_MODE_GUEST, false);

    uint32_t primary = machine_vmread_32(VMCS_PRIMARY_CONTROLS);
    uint32_t windows = PRIMARY_NMI_WINDOW_EXITING | PRIMARY_INTERRUPT_WINDOW_EXITING;
    machine_vmwrite_32(VMCS_PRIMARY_CONTROLS, primary & ~windows);
    vcpu->nmi_pending = false;

    for (unsigned i = 0; i < GPR_COUNT; i++)
        vcpu->gpr[i] = 0;
    vcpu->gpr[GPR_RDX] = vcpu->vm->cpuid.basic[1].eax; /* the processor's signature */
}

void vcpu_state_sipi(uint8_t vector)
{
    machine_vmwrite_16(VMCS_GUEST_CS_SELECTOR, (uint16_t)(vector << 8));
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, (uint64_t)vector << 12);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0);
}

/* CS:IP and SS:SP; the other segments are as after INIT. */
static void enter_real(const struct entry_state *entry)
{
    machine_vmwrite_16(VMCS_GUEST_CS_SELECTOR, entry->cs);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, (uint64_t)entry->cs << 4);
    machine_vmwrite_16(VMCS_GUEST_SS_SELECTOR, entry->ss);
    machine_vmwrite_natural(VMCS_GUEST_SS_BASE, (uint64_t)entry->ss << 4);
}

/* The limit of TR is that of a TSS, as the PVH boot ABI wants it. */
static void enter_flat(const struct entry_state *entry)
{
    static const struct row_16 selectors[] = {
        { VMCS_GUEST_CS_SELECTOR, ENTRY_CODE_SELECTOR },
        { VMCS_GUEST_DS_SELECTOR, ENTRY_DATA_SELECTOR },
        { VMCS_GUEST_ES_SELECTOR, ENTRY_DATA_SELECTOR },
        { VMCS_GUEST_SS_SELECTOR, ENTRY_DATA_SELECTOR },
    };
    static const struct row_32 segments[] = {
        { VMCS_GUEST_CS_LIMIT, UINT32_MAX },
        { VMCS_GUEST_DS_LIMIT, UINT32_MAX },
        { VMCS_GUEST_ES_LIMIT, UINT32_MAX },
        { VMCS_GUEST_SS_LIMIT, UINT32_MAX },
        { VMCS_GUEST_TR_LIMIT, TSS_LIMIT },
        { VMCS_GUEST_DS_ACCESS_RIGHTS, RIGHTS_DATA_FLAT },
        { VMCS_GUEST_ES_ACCESS_RIGHTS, RIGHTS_DATA_FLAT },
        { VMCS_GUEST_SS_ACCESS_RIGHTS, RIGHTS_DATA_FLAT },
    };
    bool long_mode = entry->mode == ENTRY_LONG;

    write_16(selectors, COUNT(selectors));
    write_32(segments, COUNT(segments));
    machine_vmwrite_32(VMCS_GUEST_CS_ACCESS_RIGHTS, long_mode ? RIGHTS_CODE_64 : RIGHTS_CODE_32);
    machine_vmwrite_natural(VMCS_GUEST_CS_BASE, 0);
    machine_vmwrite_natural(VMCS_GUEST_GDTR_BASE, entry->gdt_base.value);
    machine_vmwrite_32(VMCS_GUEST_GDTR_LIMIT, entry->gdt_limit);
    if (!long_mode) {
        cr_set(CR0_PE | CR0_ET, 0);
        return;
    }
    machine_vmwrite_natural(VMCS_GUEST_CR3, entry->cr3.value);
    machine_vmwrite_64(VMCS_GUEST_IA32_EFER, EFER_LME | EFER_LMA);
    cr_set(CR0_PE | CR0_PG | CR0_ET, CR4_PAE);
    set_entry_control(ENTRY_IA32E_MODE_GUEST, true);
}

void vcpu_state_enter(struct vcpu *vcpu, const struct entry_state *entry)
{
    if (entry->mode == ENTRY_REAL)
        enter_real(entry);
    else
        enter_flat(entry);
    machine_vmwrite_natural(VMCS_GUEST_RIP, entry->rip.value);
    machine_vmwrite_natural(VMCS_GUEST_RSP, entry->rsp.value);
    vcpu->gpr[GPR_RAX] = entry->rax;
    vcpu->gpr[GPR_RBX] = entry->rbx;
    vcpu->gpr[GPR_RDX] = entry->rdx;
    vcpu->gpr[GPR_RSI] = entry->rsi.value;
}
