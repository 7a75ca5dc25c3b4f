/* SPDX-License-Identifier: MIT
 *
 * hv/task_switch.c and what belongs to it: tasks in a guest's memory, switched
 * between in all ways; each fault in the task where it belongs; and random tables,
 * behind which the processor must accept the state, whatever they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "arch/spec/exit_reason.h"
#include "arch/spec/segment.h"
#include "hv/event.h"
#include "hv/segment.h"
#include "hv/task_switch.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"
#include "tests/fake/vm_entry.h"

#define RAM MIB(2)
#define RAM_BASE GIB(1)

#define GDT 0x1000u
#define OLD_TSS 0x2000u
#define NEW_TSS 0x3000u
#define LDT 0x4000u

/* Selectors. */
enum {
    CODE_0 = 0x08, DATA_0 = 0x10, CODE_3 = 0x18 | 3, DATA_3 = 0x20 | 3,
    OLD = 0x28, NEW = 0x30, LOCAL = 0x38, GONE = 0x40, READ_ONLY = 0x48, CONFORMING = 0x50 | 3,
    EXECUTE_ONLY = 0x58, GONE_CODE = 0x60, GDT_BYTES = 0x68,
};

#define FLAT(access) (0x00CF00000000FFFFull | (uint64_t)(access) << 40)
#define SYSTEM(type, base, limit) \
    ((uint64_t)((limit) & 0xFFFF) | (uint64_t)((base) & 0xFFFFFF) << 16 | \
     (uint64_t)(0x80 | (type)) << 40 | (uint64_t)((base) >> 24) << 56)

static struct vm vm;
static struct vcpu vcpu;

static uint8_t *memory(uint32_t at)
{
    return fake.memory + at;
}

static uint64_t get(uint32_t at, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, memory(at), bytes);
    return value;
}

static void put(uint32_t at, uint64_t value, unsigned bytes)
{
    memcpy(memory(at), &value, bytes);
}

static void descriptor(uint16_t selector, uint64_t value)
{
    put(GDT + (selector & SELECTOR_INDEX), value, 8);
}

static unsigned type_of(uint16_t selector)
{
    return (unsigned)get(GDT + (selector & SELECTOR_INDEX) + 5, 1) & 0xF;
}

static void segment(unsigned which, uint16_t selector, uint64_t base, uint32_t limit,
                    uint32_t rights)
{
    machine_vmwrite_16((enum vmcs_field_16)(VMCS_GUEST_ES_SELECTOR + 2 * which), selector);
    machine_vmwrite_natural((enum vmcs_field_natural)(VMCS_GUEST_ES_BASE + 2 * which), base);
    machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_LIMIT + 2 * which), limit);
    machine_vmwrite_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * which), rights);
}

static uint16_t selector_in(unsigned which)
{
    return machine_vmread_16((enum vmcs_field_16)(VMCS_GUEST_ES_SELECTOR + 2 * which));
}

static uint32_t rights_in(unsigned which)
{
    return machine_vmread_32((enum vmcs_field_32)(VMCS_GUEST_ES_ACCESS_RIGHTS + 2 * which));
}

/* A guest in 32-bit protected mode at ring 0 without paging, in the old task. */
static void put_guest(void)
{
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_NE | CR0_ET);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_VMXE | CR4_MCE);
    machine_vmwrite_64(VMCS_GUEST_IA32_PAT, 0x0007040600070406);
    machine_vmwrite_64(VMCS_LINK_POINTER, UINT64_MAX);
    machine_vmwrite_natural(VMCS_GUEST_GDTR_BASE, GDT);
    machine_vmwrite_32(VMCS_GUEST_GDTR_LIMIT, GDT_BYTES - 1);
    for (unsigned i = 0; i < 6; i++)
        segment(i, i == SEGMENT_CS ? CODE_0 : DATA_0, 0, UINT32_MAX,
                i == SEGMENT_CS ? 0xC09B : 0xC093);
    segment(SEGMENT_LDTR, 0, 0, 0, ACCESS_RIGHTS_UNUSABLE);
    segment(SEGMENT_TR, OLD, OLD_TSS, 0x67, 0x8B);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x7000);
    machine_vmwrite_natural(VMCS_GUEST_RSP, 0x8000);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_CF | RFLAGS_NT);
    machine_vmwrite_natural(VMCS_GUEST_DR7, 0x7FF);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        vcpu.gpr[i] = 0xA0000000 + i;
}

static void put_tables(void)
{
    descriptor(CODE_0, FLAT(0x9A));
    descriptor(DATA_0, FLAT(0x92));
    descriptor(CODE_3, FLAT(0xFA));
    descriptor(DATA_3, FLAT(0xF2));
    descriptor(OLD, SYSTEM(TYPE_TSS_32 | TYPE_TSS_BUSY, OLD_TSS, 0x67));
    descriptor(NEW, SYSTEM(TYPE_TSS_32, NEW_TSS, 0x67));
    descriptor(LOCAL, SYSTEM(TYPE_LDT, LDT, 0x0F));
    descriptor(GONE, FLAT(0x12));
    descriptor(READ_ONLY, FLAT(0x90));
    descriptor(CONFORMING, FLAT(0x9E));
    descriptor(EXECUTE_ONLY, FLAT(0x98));
    descriptor(GONE_CODE, FLAT(0x1A));
    put(LDT + 8, FLAT(0x92), 8); /* selector 0Ch */
}

static void put_new_task(void)
{
    static const uint16_t selectors[] = { DATA_0, CODE_0, DATA_0, DATA_0, 0, DATA_3 };
    put(NEW_TSS + TSS_32_CR3, 0x9000, 4);
    put(NEW_TSS + TSS_32_EIP, 0x5000, 4);
    put(NEW_TSS + TSS_32_EFLAGS, 0xFFC0802A | RFLAGS_DF, 4); /* and bits that do not exist */
    for (unsigned i = 0; i < 8; i++)
        put(NEW_TSS + TSS_32_GPR + 4 * i, 0xB0000000 + i, 4);
    put(NEW_TSS + TSS_32_GPR + 4 * GPR_RSP, 0x6000, 4);
    for (unsigned i = 0; i < 6; i++)
        put(NEW_TSS + TSS_32_SEGMENTS + 4 * i, selectors[i] | 0xDEAD0000, 4);
    put(NEW_TSS + TSS_32_LDT, LOCAL, 2);
}

static int set_up(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    fake_reset(RAM_BASE, RAM);
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(RAM_BASE, RAM);
    cpuid_table_build(&vm.cpuid, &host, &facts);
    put_guest();
    put_tables();
    put_new_task();
    assert_null(fake_vm_entry_refusal());
    return 0;
}

static struct verdict exit_by(enum task_switch_source source, uint16_t selector)
{
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                            (uint64_t)source << TASK_QUALIFICATION_SOURCE_SHIFT | selector);
    machine_vmwrite_32(VMCS_EXIT_INSTRUCTION_LENGTH, 7);
    struct verdict verdict = task_switch_exit(&vcpu);
    if (verdict.kind == VERDICT_INJECT)
        event_inject_exception(verdict.vector, verdict.has_error_code, verdict.error_code);
    return verdict;
}

static void event(uint32_t information, uint32_t error_code)
{
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, information);
    machine_vmwrite_32(VMCS_IDT_VECTORING_ERROR_CODE, error_code);
}

static void switches(enum task_switch_source source)
{
    assert_int_equal(exit_by(source, NEW).kind, VERDICT_RESUME);
    assert_null(fake_vm_entry_refusal());
    assert_int_equal(selector_in(SEGMENT_TR), NEW);
}

/* The fault, in which task, and the state that the processor would refuse. */
static void faults(enum task_switch_source source, uint8_t vector, uint16_t error_code,
                   uint16_t task)
{
    struct verdict verdict = exit_by(source, NEW);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, vector);
    assert_true(verdict.has_error_code);
    assert_int_equal(verdict.error_code, error_code);
    assert_int_equal(selector_in(SEGMENT_TR), task);
    assert_null(fake_vm_entry_refusal());
}

static void back(void)
{
    descriptor(NEW, SYSTEM(TYPE_TSS_32 | TYPE_TSS_BUSY, NEW_TSS, 0x67));
}

/* ---- What a switch does ---- */

static void a_jump_saves_the_old_task_and_loads_the_new_one(void **state)
{
    (void)state;
    put(OLD_TSS + TSS_32_SEGMENTS + 2, 0x5555, 2);
    switches(TASK_BY_JMP);
    assert_int_equal(get(OLD_TSS + TSS_32_EIP, 4), 0x7007);
    assert_int_equal(get(OLD_TSS + TSS_32_EFLAGS, 4), RFLAGS_FIXED | RFLAGS_CF | RFLAGS_NT);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(get(OLD_TSS + TSS_32_GPR + 4 * i, 4),
                         i == GPR_RSP ? 0x8000 : 0xA0000000 + i);
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(get(OLD_TSS + TSS_32_SEGMENTS + 4 * i, 2),
                         i == SEGMENT_CS ? CODE_0 : DATA_0);
    assert_int_equal(get(OLD_TSS + TSS_32_SEGMENTS + 2, 2), 0x5555);
    assert_int_equal(get(OLD_TSS + TSS_32_LDT, 4), 0);

    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x5000);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0x6000);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS), RFLAGS_FIXED | RFLAGS_DF);
    for (unsigned i = 0; i < 8; i++)
        if (i != GPR_RSP)
            assert_int_equal(vcpu.gpr[i], 0xB0000000 + i);
    assert_int_equal(selector_in(SEGMENT_ES), DATA_0);
    assert_int_equal(rights_in(SEGMENT_ES), 0xC093);
    assert_int_equal(rights_in(SEGMENT_CS), 0xC09B);
    assert_int_equal(rights_in(SEGMENT_GS), 0xC0F3);
    assert_true(rights_in(SEGMENT_FS) & ACCESS_RIGHTS_UNUSABLE);
    assert_int_equal(selector_in(SEGMENT_LDTR), LOCAL);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_LDTR_BASE), LDT);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_TR_BASE), NEW_TSS);
}

static void busy_nested_and_linked_are_as_the_manual_says(void **state)
{
    static const struct {
        enum task_switch_source source;
        bool old_is_busy, old_nt, new_nt, linked;
    } table[] = { /* SDM Vol. 3A, Table 8-2 */
        { TASK_BY_JMP, false, true, false, false },
        { TASK_BY_CALL, true, true, true, true },
        { TASK_BY_GATE, true, true, true, true },
        { TASK_BY_IRET, false, false, false, false },
    };
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_up(state);
        put(NEW_TSS, 0x7777, 2);
        if (table[i].source == TASK_BY_IRET)
            back();
        if (table[i].source == TASK_BY_GATE)
            event(0x80000030, 0);
        switches(table[i].source);
        assert_int_equal(type_of(OLD), table[i].old_is_busy ? 11 : 9);
        assert_int_equal(type_of(NEW), 11);
        assert_int_equal(!!(get(OLD_TSS + TSS_32_EFLAGS, 4) & RFLAGS_NT), table[i].old_nt);
        assert_int_equal(!!(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_NT),
                         table[i].new_nt);
        assert_int_equal(get(NEW_TSS, 2), table[i].linked ? OLD : 0x7777);
        assert_int_equal(get(OLD_TSS, 2), 0);
    }
}

static void ts_is_set_and_local_breakpoints_are_off(void **state)
{
    (void)state;
    switches(TASK_BY_JMP);
    assert_true(machine_vmread_natural(VMCS_GUEST_CR0) & CR0_TS);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_DR7), 0x6AA);
}

static void shadows_and_traps_of_the_old_task_end(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_MOV_SS | BLOCKING_BY_NMI);
    machine_vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, PENDING_DEBUG_BS);
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
    switches(TASK_BY_JMP);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_BY_NMI);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 0);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_ACTIVITY), ACTIVITY_ACTIVE);
}

static void an_nmi_by_a_gate_blocks_nmis_until_iret(void **state)
{
    (void)state;
    event(0x80000202, 0);
    switches(TASK_BY_GATE);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_BY_NMI);
    event(0, 0);
    assert_int_equal(exit_by(TASK_BY_IRET, OLD).kind, VERDICT_RESUME);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), 0);
    assert_int_equal(selector_in(SEGMENT_TR), OLD);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x7000);
}

static void the_old_task_goes_on_behind_an_instruction_and_at_a_fault(void **state)
{
    static const struct { uint32_t event; uint32_t eip; } table[] = {
        { 0x80000030, 0x7000 }, { 0x80000202, 0x7000 }, { 0x80000306, 0x7000 },
        { 0x80000430, 0x7007 }, { 0x80000501, 0x7007 }, { 0x80000603, 0x7007 },
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        set_up(state);
        event(table[i].event, 0);
        switches(TASK_BY_GATE);
        assert_int_equal(get(OLD_TSS + TSS_32_EIP, 4), table[i].eip);
    }
}

static void an_error_code_is_on_the_new_stack(void **state)
{
    (void)state;
    event(0x80000B0D, 0x1234);
    switches(TASK_BY_GATE);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0x5FFC);
    assert_int_equal(get(0x5FFC, 4), 0x1234);
}

static void the_trap_bit_raises_a_debug_exception(void **state)
{
    (void)state;
    put(NEW_TSS + TSS_32_TRAP, 1, 1);
    struct verdict verdict = exit_by(TASK_BY_JMP, NEW);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_DB);
    assert_int_equal(fake.dr6, 0xFFFF8FF0);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x5000);
    assert_null(fake_vm_entry_refusal());
}

static void a_task_may_be_in_virtual_8086_mode(void **state)
{
    (void)state;
    put(NEW_TSS + TSS_32_EFLAGS, RFLAGS_VM | RFLAGS_IOPL, 4);
    for (unsigned i = 0; i < 6; i++)
        put(NEW_TSS + TSS_32_SEGMENTS + 4 * i, 0x1110 * (i + 1), 2);
    event(0x80000B0D, 0x99);
    put(NEW_TSS + TSS_32_GPR + 4 * GPR_RSP, 0x12340000, 4);
    switches(TASK_BY_GATE);
    assert_int_equal(selector_in(SEGMENT_CS), 0x2220);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_CS_BASE), 0x22200);
    assert_int_equal(rights_in(SEGMENT_CS), 0xF3);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0x1234FFFC);
    assert_int_equal(get(0x33300 + 0xFFFC, 4), 0x99);
}

static void tasks_of_16_bits_switch_as_well(void **state)
{
    (void)state;
    descriptor(OLD, SYSTEM(TYPE_TSS_16 | TYPE_TSS_BUSY, OLD_TSS, 0x2B));
    segment(SEGMENT_TR, OLD, OLD_TSS, 0x2B, 0x83);
    descriptor(NEW, SYSTEM(TYPE_TSS_16, NEW_TSS, 0x2B));
    memset(memory(NEW_TSS), 0, 0x80);
    put(NEW_TSS + TSS_16_IP, 0x5000, 2);
    put(NEW_TSS + TSS_16_FLAGS, 0x0402, 2);
    put(NEW_TSS + TSS_16_GPR + 2 * GPR_RBX, 0x1234, 2);
    put(NEW_TSS + TSS_16_GPR + 2 * GPR_RSP, 0x6000, 2);
    put(NEW_TSS + TSS_16_SEGMENTS + 2, CODE_0, 2);
    put(NEW_TSS + TSS_16_SEGMENTS + 4, DATA_0, 2);
    put(NEW_TSS + TSS_16_SEGMENTS + 6, DATA_3, 2);
    memset(memory(OLD_TSS), 0xEE, 0x80);
    event(0x80000B0D, 0x1234);
    switches(TASK_BY_GATE);
    assert_int_equal(get(OLD_TSS + TSS_16_IP, 2), 0x7000);
    assert_int_equal(get(OLD_TSS + TSS_16_GPR + 2 * GPR_RDI, 2), 7);
    assert_int_equal(get(OLD_TSS + TSS_16_SEGMENTS + 6, 2), DATA_0);
    assert_int_equal(get(OLD_TSS + TSS_16_LDT, 2), 0xEEEE); /* that is not saved */
    assert_int_equal(get(OLD_TSS, 8), 0xEEEEEEEEEEEEEEEE);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x5000);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS), 0x4402);
    assert_int_equal(vcpu.gpr[GPR_RBX], 0xFFFF1234);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0xFFFF5FFE);
    assert_int_equal(selector_in(SEGMENT_DS), DATA_3);
    assert_true(rights_in(SEGMENT_FS) & ACCESS_RIGHTS_UNUSABLE);
    assert_int_equal(type_of(NEW), 3);
}

/* ---- Paging ---- */

#define PDPT 0xA000u
#define DIRECTORY 0xB000u

/* One page of 4 MiB one to one, at two places. */
static void turn_paging_on(void)
{
    put(0x9000, 0x83 | 0x04, 4);
    put(0xC000, 0x83, 4);
    machine_vmwrite_natural(VMCS_GUEST_CR3, 0xC000);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_VMXE | CR4_MCE | CR4_PSE);
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_NE | CR0_ET | CR0_PG | CR0_WP);
}

static bool flushed(void)
{
    for (unsigned i = 0; i < fake.record_count; i++)
        if (fake.records[i].kind == FAKE_FLUSH)
            return true;
    return false;
}

static void cr3_is_loaded_with_paging_only_and_if_it_differs(void **state)
{
    (void)state;
    switches(TASK_BY_JMP);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_CR3), 0);
    assert_false(flushed());

    set_up(state);
    turn_paging_on();
    switches(TASK_BY_JMP);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_CR3), 0x9000);
    assert_true(flushed());

    set_up(state);
    turn_paging_on();
    put(NEW_TSS + TSS_32_CR3, 0xC000, 4);
    switches(TASK_BY_JMP);
    assert_false(flushed());
}

static void with_pae_the_pdptes_go_with_cr3(void **state)
{
    (void)state;
    turn_paging_on();
    put(DIRECTORY, 0x83, 8);
    put(PDPT, DIRECTORY | 1, 8);
    put(PDPT + 0x20, DIRECTORY | 1, 8);
    put(PDPT + 0x28, 0x1E6, 8); /* not present: anything */
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_VMXE | CR4_MCE | CR4_PAE);
    machine_vmwrite_natural(VMCS_GUEST_CR3, PDPT);
    machine_vmwrite_64(VMCS_GUEST_PDPTE0, DIRECTORY | 1);
    put(NEW_TSS + TSS_32_CR3, PDPT + 0x20, 4);
    switches(TASK_BY_JMP);
    assert_int_equal(machine_vmread_64(VMCS_GUEST_PDPTE1), 0x1E6);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_CR3), PDPT + 0x20);
}

static void a_reserved_bit_in_a_pdpte_is_gp_in_the_new_task(void **state)
{
    (void)state;
    turn_paging_on();
    put(DIRECTORY, 0x83, 8);
    put(PDPT + 0x20, DIRECTORY | 3, 8);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_VMXE | CR4_MCE | CR4_PAE);
    machine_vmwrite_64(VMCS_GUEST_PDPTE0, DIRECTORY | 1);
    put(NEW_TSS + TSS_32_CR3, PDPT + 0x20, 4);
    faults(TASK_BY_JMP, VECTOR_GP, 0, NEW);
    assert_int_equal(machine_vmread_64(VMCS_GUEST_PDPTE0), DIRECTORY | 1);

    put(NEW_TSS + TSS_32_CR3, 0xF0000000, 4); /* no memory: ones */
    back();
    faults(TASK_BY_IRET, VECTOR_GP, 0, NEW);
}

static void a_tss_that_is_not_mapped_leaves_the_old_task_alone(void **state)
{
    (void)state;
    turn_paging_on();
    put(0xC000, 0xD003, 4); /* pages of 4 KiB but one */
    for (uint32_t i = 0; i < 512; i++)
        put(0xD000 + 4 * i, i << 12 | 3, 4);
    put(0xD000 + 4 * (NEW_TSS >> 12), 0, 4);
    put(OLD_TSS + TSS_32_EIP, 0x1111, 4);
    faults(TASK_BY_CALL, VECTOR_PF, 0, OLD);
    assert_int_equal(get(OLD_TSS + TSS_32_EIP, 4), 0x1111);
    assert_int_equal(type_of(NEW), 9);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x7000);

    /* Only the link is written to the new one, and of JMP not even that. */
    put(0xD000 + 4 * (NEW_TSS >> 12), NEW_TSS | 1, 4);
    faults(TASK_BY_CALL, VECTOR_PF, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE, OLD);
    assert_int_equal(type_of(NEW), 9);
    put(0xD000 + 4 * (OLD_TSS >> 12), OLD_TSS | 1, 4);
    faults(TASK_BY_JMP, VECTOR_PF, PAGE_FAULT_PRESENT | PAGE_FAULT_WRITE, OLD);
    put(0xD000 + 4 * (OLD_TSS >> 12), OLD_TSS | 3, 4);
    switches(TASK_BY_JMP);
}

static void the_supervisor_accesses_tables_whatever_the_cpl_is(void **state)
{
    (void)state;
    turn_paging_on(); /* the page is the supervisor's */
    for (unsigned i = 0; i < 6; i++)
        segment(i, i == SEGMENT_CS ? CODE_3 : DATA_3, 0, UINT32_MAX,
                i == SEGMENT_CS ? 0xC0FB : 0xC0F3);
    put(NEW_TSS + TSS_32_CR3, 0xC000, 4);
    switches(TASK_BY_JMP);

    /* And not through pages of the user, if those are kept from it. */
    set_up(state);
    turn_paging_on();
    put(0xC000, 0x87, 4);
    machine_vmwrite_natural(VMCS_GUEST_CR4, CR4_VMXE | CR4_MCE | CR4_PSE | CR4_SMAP);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_AC);
    faults(TASK_BY_JMP, VECTOR_PF, PAGE_FAULT_PRESENT, OLD);
}

/* ---- Faults in the old task ---- */

static void a_tss_that_does_not_fit_is_a_fault_of_the_old_task(void **state)
{
    static const struct {
        uint64_t descriptor;
        uint8_t vector;
    } table[] = {
        { SYSTEM(TYPE_TSS_32 | TYPE_TSS_BUSY, NEW_TSS, 0x67), VECTOR_GP },
        { SYSTEM(TYPE_LDT, NEW_TSS, 0x67), VECTOR_GP },
        { FLAT(0x99), VECTOR_GP },
        { SYSTEM(TYPE_TSS_32, NEW_TSS, 0x67) & ~BIT(47), VECTOR_NP },
        { SYSTEM(TYPE_TSS_32, NEW_TSS, 0x66), VECTOR_TS },
        { SYSTEM(TYPE_TSS_16, NEW_TSS, 0x2A), VECTOR_TS },
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        set_up(state);
        descriptor(NEW, table[i].descriptor);
        faults(TASK_BY_JMP, table[i].vector, NEW, OLD);
        assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x7000);
    }
    set_up(state);
    faults(TASK_BY_IRET, VECTOR_TS, NEW, OLD); /* not busy */
    machine_vmwrite_32(VMCS_GUEST_GDTR_LIMIT, NEW + 6);
    faults(TASK_BY_CALL, VECTOR_GP, NEW, OLD);
}

static void an_old_tss_that_is_too_short_is_ts(void **state)
{
    (void)state;
    segment(SEGMENT_TR, OLD, OLD_TSS, 0x5E, 0x8B);
    faults(TASK_BY_JMP, VECTOR_TS, OLD, OLD);
    segment(SEGMENT_TR, OLD, OLD_TSS, 0x5F, 0x8B);
    switches(TASK_BY_JMP);
}

static void a_fault_while_an_event_is_delivered_is_told_so(void **state)
{
    (void)state;
    descriptor(NEW, SYSTEM(TYPE_TSS_32, NEW_TSS, 0x66));
    event(0x80000030, 0);
    faults(TASK_BY_GATE, VECTOR_TS, NEW | 1, OLD);
    event(0x80000430, 0);
    faults(TASK_BY_GATE, VECTOR_TS, NEW, OLD);
    event(0x80000B0D, 0);
    faults(TASK_BY_GATE, VECTOR_DF, 0, OLD);
    event(0x80000B08, 0);
    assert_int_equal(exit_by(TASK_BY_GATE, NEW).kind, VERDICT_END);
    assert_string_equal(fake_reports.crash, "triple fault");
}

/* The interrupt has ended HLT, in which an entry injects no #TS. */
static void a_fault_of_an_event_that_wakes_finds_the_guest_awake(void **state)
{
    (void)state;
    descriptor(NEW, SYSTEM(TYPE_TSS_32, NEW_TSS, 0x66));
    event(0x80000030, 0);
    machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
    faults(TASK_BY_GATE, VECTOR_TS, NEW | 1, OLD);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_ACTIVITY), ACTIVITY_ACTIVE);
    assert_null(fake_vm_entry_refusal());
}

/* ---- Faults in the new task ---- */

static void a_segment_that_does_not_fit_is_a_fault_of_the_new_task(void **state)
{
    enum { LDTR = 6 };
    static const struct {
        unsigned which;
        uint16_t selector;
        uint8_t vector;
    } table[] = {
        { LDTR, 0x0C, VECTOR_TS }, { LDTR, DATA_0, VECTOR_TS }, { LDTR, 0x70, VECTOR_TS },
        { SEGMENT_SS, 0, VECTOR_TS }, { SEGMENT_SS, CODE_0, VECTOR_TS },
        { SEGMENT_SS, READ_ONLY, VECTOR_TS }, { SEGMENT_SS, GONE, VECTOR_SS },
        { SEGMENT_SS, DATA_3, VECTOR_TS }, { SEGMENT_SS, DATA_0 | 3, VECTOR_TS },
        { SEGMENT_SS, 0x68, VECTOR_TS }, { SEGMENT_SS, 0x14, VECTOR_TS },
        { SEGMENT_CS, 0, VECTOR_TS }, { SEGMENT_CS, DATA_0, VECTOR_TS },
        { SEGMENT_CS, GONE_CODE, VECTOR_NP }, { SEGMENT_CS, OLD, VECTOR_TS },
        { SEGMENT_CS, CODE_3 & ~3, VECTOR_TS },
        { SEGMENT_DS, EXECUTE_ONLY, VECTOR_TS }, { SEGMENT_ES, GONE, VECTOR_NP },
        { SEGMENT_FS, DATA_0 | 3, VECTOR_TS }, { SEGMENT_GS, NEW, VECTOR_TS },
        { SEGMENT_DS, 0x6C, VECTOR_TS },
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        set_up(state);
        put(table[i].which == LDTR ? NEW_TSS + TSS_32_LDT
                                   : NEW_TSS + TSS_32_SEGMENTS + 4 * table[i].which,
            table[i].selector, 2);
        faults(TASK_BY_JMP, table[i].vector, table[i].selector & SELECTOR_IN_ERROR_CODE, NEW);
        assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x5000);
        assert_int_equal(selector_in(table[i].which), table[i].which == LDTR
                         ? table[i].selector & ~4 : table[i].selector);
    }
}

static void segments_that_fit_are_loaded(void **state)
{
    static const struct { unsigned which; uint16_t selector; } table[] = {
        { SEGMENT_SS, 0x0C }, { SEGMENT_CS, CONFORMING & ~3 }, { SEGMENT_DS, READ_ONLY },
        { SEGMENT_DS, CODE_0 }, { SEGMENT_ES, CONFORMING }, { SEGMENT_FS, 3 },
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        set_up(state);
        put(NEW_TSS + TSS_32_SEGMENTS + 4 * table[i].which, table[i].selector, 2);
        switches(TASK_BY_JMP);
        assert_int_equal(selector_in(table[i].which), table[i].selector);
    }
    assert_true(rights_in(SEGMENT_FS) & ACCESS_RIGHTS_UNUSABLE);
    assert_true(get(GDT + DATA_0 + 5, 1) & TYPE_ACCESSED);
}

static void an_error_code_that_finds_no_room_is_ss(void **state)
{
    (void)state;
    descriptor(DATA_0, 0x0040920000000FFF); /* bytes 0 to FFF */
    event(0x80000B0E, 0x1234);
    faults(TASK_BY_GATE, VECTOR_DF, 0, NEW);
    set_up(state);
    descriptor(DATA_0, 0x0040920000000FFF);
    event(0x80000B11, 0x1234); /* #AC, which is benign */
    faults(TASK_BY_GATE, VECTOR_SS, 1, NEW);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RSP), 0x6000);
}

/* ---- Where there is no memory ---- */

static void tables_without_memory_read_as_ones(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_GDTR_BASE, 0xF0000000);
    faults(TASK_BY_JMP, VECTOR_GP, NEW, OLD);
    assert_true(fake_reports.denied_count > 0);

    set_up(state);
    descriptor(NEW, SYSTEM(TYPE_TSS_32, 0xF0000000, 0x67));
    struct verdict verdict = exit_by(TASK_BY_CALL, NEW); /* virtual-8086 mode, and a bad LDT */
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_TS);
    assert_null(fake_vm_entry_refusal());

    set_up(state);
    segment(SEGMENT_TR, OLD, 0xF0000000, 0x67, 0x8B);
    switches(TASK_BY_JMP);
}

/* ---- Anything ---- */

static uint64_t random_state = 1;

static uint64_t chance(unsigned of)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (random_state >> 16) % of;
}

static void shake(void)
{
    for (unsigned i = 0; i < 4; i++)
        *memory((uint32_t)(GDT + chance(GDT_BYTES))) = (uint8_t)chance(256);
    for (unsigned i = 0; i < 3; i++)
        *memory((uint32_t)(NEW_TSS + chance(TSS_32_BYTES))) = (uint8_t)chance(256);
    for (unsigned i = 0; i < chance(4); i++)
        put((uint32_t)(NEW_TSS + TSS_32_SEGMENTS + 4 * chance(7)), 8 * chance(14) + chance(8), 2);
    machine_vmwrite_natural(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_IF);
    if (chance(2))
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, 1u << chance(4));
    if (chance(4) == 0)
        turn_paging_on();
    machine_vmwrite_32(VMCS_GUEST_GDTR_LIMIT, (uint32_t)(GDT_BYTES - 1 + chance(0x20)));
}

static void whatever_the_tables_say_the_processor_accepts_what_comes_out(void **state)
{
    unsigned switched = 0, faulted = 0, ended = 0;
    for (unsigned i = 0; i < 20000; i++) {
        set_up(state);
        shake();
        enum task_switch_source source = chance(4);
        if (source == TASK_BY_GATE)
            event(EVENT_VALID | (uint32_t)chance(7) << EVENT_TYPE_SHIFT | (uint32_t)chance(20) |
                      (chance(2) ? EVENT_HAS_ERROR_CODE : 0), (uint32_t)chance(0x10000));
        if (chance(2) && source == TASK_BY_IRET)
            back();
        switch (exit_by(source, (uint16_t)(chance(8) ? NEW : chance(0x10000))).kind) {
        case VERDICT_RESUME: switched++; break;
        case VERDICT_INJECT: faulted++; break;
        case VERDICT_END: ended++; continue;
        case VERDICT_ADVANCE: fail();
        }
        const char *wrong = fake_vm_entry_refusal();
        if (wrong)
            fail_msg("%u: %s", i, wrong);
    }
    assert_true(switched > 2000 && faulted > 2000 && ended > 0);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_jump_saves_the_old_task_and_loads_the_new_one),
        TEST(busy_nested_and_linked_are_as_the_manual_says),
        TEST(ts_is_set_and_local_breakpoints_are_off),
        TEST(shadows_and_traps_of_the_old_task_end),
        TEST(an_nmi_by_a_gate_blocks_nmis_until_iret),
        TEST(the_old_task_goes_on_behind_an_instruction_and_at_a_fault),
        TEST(an_error_code_is_on_the_new_stack),
        TEST(the_trap_bit_raises_a_debug_exception),
        TEST(a_task_may_be_in_virtual_8086_mode),
        TEST(tasks_of_16_bits_switch_as_well),
        TEST(cr3_is_loaded_with_paging_only_and_if_it_differs),
        TEST(with_pae_the_pdptes_go_with_cr3),
        TEST(a_reserved_bit_in_a_pdpte_is_gp_in_the_new_task),
        TEST(a_tss_that_is_not_mapped_leaves_the_old_task_alone),
        TEST(the_supervisor_accesses_tables_whatever_the_cpl_is),
        TEST(a_tss_that_does_not_fit_is_a_fault_of_the_old_task),
        TEST(an_old_tss_that_is_too_short_is_ts),
        TEST(a_fault_while_an_event_is_delivered_is_told_so),
        TEST(a_fault_of_an_event_that_wakes_finds_the_guest_awake),
        TEST(a_segment_that_does_not_fit_is_a_fault_of_the_new_task),
        TEST(segments_that_fit_are_loaded),
        TEST(an_error_code_that_finds_no_room_is_ss),
        TEST(tables_without_memory_read_as_ones),
        TEST(whatever_the_tables_say_the_processor_accepts_what_comes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
