/* SPDX-License-Identifier: MIT
 *
 * See vmx.h.
 * SDM Vol. 3C, 24.7 "Enabling and Entering VMX Operation", 25.11 "Software Use
 * of the VMCS and Related Structures".
 */
#include "arch/vmx.h"

#include "arch/arena.h"
#include "arch/cpu_features.h"
#include "arch/descriptors.h"
#include "arch/insn.h"
#include "arch/paging.h"
#include "arch/panic.h"
#include "arch/spec/cr.h"
#include "arch/vmcs.h"
#include "arch/xsave.h"
#include "hv/check.h"
#include "hv/event.h"
#include "hv/io_bitmap.h"
#include "hv/machine.h"
#include "hv/vm.h"

#define BASIC_TRUE_CONTROLS (1ull << 55)
#define BASIC_REVISION_MASK 0x7FFFFFFFu

#define MISC_TIMER_SHIFT_MASK 31u

extern const char vmx_exit_entry[], vmx_exit_entry_timed[], vmx_exit_entry_learning[];

static void feature_control_lock(void)
{
    uint64_t value = rdmsr(IA32_FEATURE_CONTROL);
    if (!(value & FEATURE_CONTROL_LOCK))
        wrmsr(IA32_FEATURE_CONTROL, value | FEATURE_CONTROL_VMX_OUTSIDE_SMX | FEATURE_CONTROL_LOCK);
}

static bool may_be_1(uint64_t controls, uint32_t bit)
{
    return controls >> 32 & bit;
}

void vmx_read_capabilities(struct vmx_capabilities *c)
{
    *c = (struct vmx_capabilities){ .x2apic = cpu_features.x2apic };
    c->xsavec = cpu_features.xsave && xsave_compacts();
    c->vmx = cpuid(1, 0).ecx & BIT(5);
    if (!c->vmx)
        return;

    feature_control_lock();
    c->feature_control = rdmsr(IA32_FEATURE_CONTROL);
    c->basic = rdmsr(IA32_VMX_BASIC);
    bool true_controls = c->basic & BASIC_TRUE_CONTROLS;
    c->pin = rdmsr(true_controls ? IA32_VMX_TRUE_PINBASED_CTLS : IA32_VMX_PINBASED_CTLS);
    c->primary = rdmsr(true_controls ? IA32_VMX_TRUE_PROCBASED_CTLS : IA32_VMX_PROCBASED_CTLS);
    c->exit = rdmsr(true_controls ? IA32_VMX_TRUE_EXIT_CTLS : IA32_VMX_EXIT_CTLS);
    c->entry = rdmsr(true_controls ? IA32_VMX_TRUE_ENTRY_CTLS : IA32_VMX_ENTRY_CTLS);
    c->misc = rdmsr(IA32_VMX_MISC);
    c->cr0_fixed0 = rdmsr(IA32_VMX_CR0_FIXED0);
    c->cr0_fixed1 = rdmsr(IA32_VMX_CR0_FIXED1);
    c->cr4_fixed0 = rdmsr(IA32_VMX_CR4_FIXED0);
    c->cr4_fixed1 = rdmsr(IA32_VMX_CR4_FIXED1);
    if (may_be_1(c->primary, PRIMARY_ACTIVATE_SECONDARY_CONTROLS))
        c->secondary = rdmsr(IA32_VMX_PROCBASED_CTLS2);
    if (may_be_1(c->secondary, SECONDARY_ENABLE_EPT | SECONDARY_ENABLE_VPID))
        c->ept_vpid = rdmsr(IA32_VMX_EPT_VPID_CAP);
}

/* A VMXON region or VMCS begins with the revision that the processor names. */
static hpa_t region_with_revision(const struct cpu *cpu, uint32_t *region)
{
    *region = (uint32_t)cpu->capabilities.basic & BASIC_REVISION_MASK;
    return arena_hpa(region);
}

void vmx_enable(struct cpu *cpu)
{
    const struct vmx_capabilities *c = &cpu->capabilities;
    cr0_write((cr0_read() | c->cr0_fixed0) & c->cr0_fixed1);
    cr4_write((cr4_read() | CR4_VMXE | c->cr4_fixed0) & c->cr4_fixed1);
    if (!vmx_on(region_with_revision(cpu, cpu->vmxon_region)))
        panic("VMXON was refused on CPU %u", cpu->number);
}

/* Never 0, which is the hypervisor's own. */
static uint64_t vpid_of(const struct vcpu *vcpu)
{
    return vcpu->vm->index * CONFIG_VCPUS_MAX + vcpu->index + 1;
}

static void write_controls(const struct cpu *cpu, const struct vcpu *vcpu)
{
    struct vmx_controls controls = preflight_controls(&cpu->capabilities);
    if (vcpu->vm->io_bitmap.value != 0)
        controls.primary |= PRIMARY_USE_IO_BITMAPS;
    vmcs_write_32(VMCS_PIN_BASED_CONTROLS, controls.pin);
    vmcs_write_32(VMCS_PRIMARY_CONTROLS, controls.primary);
    vmcs_write_32(VMCS_SECONDARY_CONTROLS, controls.secondary);
    vmcs_write_32(VMCS_EXIT_CONTROLS, controls.exit);
    vmcs_write_32(VMCS_ENTRY_CONTROLS, controls.entry);
    vmcs_write_32(VMCS_EXCEPTION_BITMAP, EVENT_EXCEPTION_BITMAP);
    vmcs_write_32(VMCS_PAGE_FAULT_ERROR_CODE_MASK, 0);
    vmcs_write_32(VMCS_PAGE_FAULT_ERROR_CODE_MATCH, 0);
    vmcs_write_32(VMCS_CR3_TARGET_COUNT, 0);
    vmcs_write_32(VMCS_EXIT_MSR_STORE_COUNT, 0);
    vmcs_write_32(VMCS_EXIT_MSR_LOAD_COUNT, 0);
    vmcs_write_32(VMCS_ENTRY_MSR_LOAD_COUNT, 0);
    vmcs_write_64(VMCS_EPT_POINTER, ept_pointer(&vcpu->vm->ept));
    vmcs_write_64(VMCS_MSR_BITMAP, vcpu->vm->msr_bitmaps[0].value);
    vmcs_write_64(VMCS_IO_BITMAP_A, vcpu->vm->io_bitmap.value);
    vmcs_write_64(VMCS_IO_BITMAP_B, vcpu->vm->io_bitmap.value + IO_BITMAP_BYTES / 2);
    if (controls.secondary & SECONDARY_ENABLE_VPID)
        vmcs_write_16(VMCS_VPID, (uint16_t)vpid_of(vcpu));
    if (controls.secondary & SECONDARY_ENABLE_XSAVES)
        vmcs_write_64(VMCS_XSS_EXITING_BITMAP, 0);
    if (controls.secondary & SECONDARY_ENCLS_EXITING)
        vmcs_write_64(VMCS_ENCLS_EXITING_BITMAP, UINT64_MAX);
    if (controls.secondary & SECONDARY_ENCLV_EXITING)
        vmcs_write_64(VMCS_ENCLV_EXITING_BITMAP, UINT64_MAX);
}

/* Which way exits go: the usual one costs nothing for what is seldom. */
static uint64_t exit_entry(const struct cpu *cpu)
{
    if (cpu->vcpu->vm->learn)
        return (uint64_t)vmx_exit_entry_learning;
    return (uint64_t)(cpu->timer_on ? vmx_exit_entry_timed : vmx_exit_entry);
}

/* What the processor loads at an exit: SDM Vol. 3C, 25.5 "Host-State Area". */
static void write_host_state(const struct cpu *cpu)
{
    vmcs_write_16(VMCS_HOST_CS_SELECTOR, GDT_CODE);
    vmcs_write_16(VMCS_HOST_SS_SELECTOR, GDT_DATA);
    vmcs_write_16(VMCS_HOST_DS_SELECTOR, GDT_DATA);
    vmcs_write_16(VMCS_HOST_ES_SELECTOR, GDT_DATA);
    vmcs_write_16(VMCS_HOST_FS_SELECTOR, 0);
    vmcs_write_16(VMCS_HOST_GS_SELECTOR, 0);
    vmcs_write_16(VMCS_HOST_TR_SELECTOR, GDT_TSS);
    vmcs_write_64(VMCS_HOST_IA32_PAT, rdmsr(IA32_PAT));
    vmcs_write_64(VMCS_HOST_IA32_EFER, rdmsr(IA32_EFER));
    vmcs_write_natural(VMCS_HOST_CR0, cr0_read());
    vmcs_write_natural(VMCS_HOST_CR3, paging_root());
    vmcs_write_natural(VMCS_HOST_CR4, cr4_read());
    vmcs_write_natural(VMCS_HOST_FS_BASE, 0);
    vmcs_write_natural(VMCS_HOST_GS_BASE, (uint64_t)cpu);
    vmcs_write_natural(VMCS_HOST_TR_BASE, (uint64_t)&cpu->tss);
    vmcs_write_natural(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->gdt);
    vmcs_write_natural(VMCS_HOST_IDTR_BASE, descriptors_idt_base());
    vmcs_write_32(VMCS_HOST_SYSENTER_CS, 0);
    vmcs_write_natural(VMCS_HOST_SYSENTER_ESP, 0);
    vmcs_write_natural(VMCS_HOST_SYSENTER_EIP, 0);
    vmcs_write_natural(VMCS_HOST_RSP, cpu->stack_top);
    vmcs_write_natural(VMCS_HOST_RIP, exit_entry(cpu));
}

void vmx_prepare_vcpu(struct cpu *cpu)
{
    CHECK(cpu->vcpu && cpu == this_cpu());
    hpa_t vmcs = region_with_revision(cpu, cpu->vmcs);
    if (!vmx_clear(vmcs) || !vmx_load(vmcs))
        panic("the VMCS of CPU %u was refused", cpu->number);
    write_controls(cpu, cpu->vcpu);
    write_host_state(cpu);
}

static void turn_timer(struct cpu *cpu, bool on)
{
    uint32_t pin = vmcs_read_32(VMCS_PIN_BASED_CONTROLS);
    uint32_t timer = PIN_PREEMPTION_TIMER;
    vmcs_write_32(VMCS_PIN_BASED_CONTROLS, on ? pin | timer : pin & ~timer);
    cpu->timer_on = on;
    vmcs_write_natural(VMCS_HOST_RIP, exit_entry(cpu));
}

/* SDM Vol. 3C, 26.5.1 "VMX-Preemption Timer": it counts the changes of one bit of
 * the TSC, which IA32_VMX_MISC names. */
static uint32_t timer_value(const struct cpu *cpu, uint64_t tsc)
{
    unsigned shift = cpu->capabilities.misc & MISC_TIMER_SHIFT_MASK;
    uint64_t now = rdtsc() >> shift;
    uint64_t end = (tsc + (1ull << shift) - 1) >> shift;
    uint64_t left = end > now ? end - now : 0;
    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

void vmx_timer_set(struct cpu *cpu, uint64_t tsc)
{
    bool on = tsc != MACHINE_TIMER_OFF;
    if (on != cpu->timer_on)
        turn_timer(cpu, on);
    if (on)
        vmcs_write_32(VMCS_PREEMPTION_TIMER, timer_value(cpu, tsc));
}

void vmx_flush_translations(const struct cpu *cpu)
{
    const struct vcpu *vcpu = cpu->vcpu;
    if (!vmx_invept(INVEPT_SINGLE_CONTEXT, ept_pointer(&vcpu->vm->ept)))
        panic("INVEPT was refused on CPU %u", cpu->number);
    if (preflight_has_vpid(&cpu->capabilities)
        && !vmx_invvpid(INVVPID_SINGLE_CONTEXT, (uint16_t)vpid_of(vcpu)))
        panic("INVVPID was refused on CPU %u", cpu->number);
}
