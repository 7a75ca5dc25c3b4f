/* SPDX-License-Identifier: MIT
 *
 * hv/vcpu.c and hv/vcpu_state.c: the states of a vCPU against the drawing in
 * hv/vcpu.h, what a verdict does to the guest, and that a vCPU begins in a
 * state that owes nothing to what was there before and that the processor takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/guest_tsc.h"
#include "hv/preflight.h"
#include "hv/vcpu_state.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/dies.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"
#include "tests/fake/vm_entry.h"

#define FIELDS 0x8000
#define SIPI_VECTOR 0x9A
#define SIGNATURE 0x000906EAu

static struct vm vm;
static struct vcpu vcpu;
static struct recorder recorder;
static unsigned started, parked;

/* In place of hv/vm_life.c. */
static unsigned begun;

void vm_begin(struct vm *of)
{
    assert_ptr_equal(of, &vm);
    begun++;
}

void vm_vcpu_started(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    started++;
}

void vm_vcpu_parks(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    assert_int_not_equal(of->state, VCPU_OFF);
}

void vm_vcpu_parked(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    assert_int_equal(of->state, VCPU_OFF);
    parked++;
}

/* In place of hv/learn.c. */
static unsigned learned;

void learn_end(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    learned++;
}

static const struct entry_state entry = {
    .mode = ENTRY_LONG, .rip = { 0x1000200 }, .rsi = { 0x90000 }, .rsp = { 0x98000 },
    .cr3 = { 0x9000 }, .gdt_base = { 0x8000 }, .gdt_limit = 31,
};

static int set_up(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(2);
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vm.vcpu_count = 2;
    vm.entry = entry;
    cpuid_table_build(&vm.cpuid, &host, &facts);
    vm.cpuid.basic[1].eax = SIGNATURE;
    vcpu.vm = &vm;
    vcpu.recorder = &recorder;
    vm.vcpus[0] = &vcpu;
    timers_init(&vm.timers, 100000000);
    pic_init(&vm.pic);
    started = parked = 0;
    return 0;
}

/* ---- Fields ---- */

static uint64_t field(unsigned encoding)
{
    return machine_vmread_natural((enum vmcs_field_natural)encoding);
}

static void set_field(unsigned encoding, uint64_t value)
{
    machine_vmwrite_natural((enum vmcs_field_natural)encoding, value);
}

static void snapshot(uint64_t to[static FIELDS])
{
    for (unsigned i = 0; i < FIELDS; i++)
        to[i] = field(i);
}

/* SDM Vol. 3D, Appendix B: bits 11:10 of an encoding, 2 is guest state. */
static bool is_guest_state(unsigned encoding)
{
    return (encoding >> 10 & 3) == 2;
}

/* Whatever a life can leave behind, in every field of the guest-state area. */
static void poison(uint64_t pattern)
{
    for (unsigned i = 0; i < FIELDS; i++)
        if (is_guest_state(i))
            set_field(i, pattern * (i + 1));
    set_field(VMCS_ENTRY_INTERRUPTION_INFO, pattern);
    set_field(VMCS_CR0_MASK, pattern);
    set_field(VMCS_CR4_MASK, pattern);
    set_field(VMCS_CR0_READ_SHADOW, pattern);
    set_field(VMCS_CR4_READ_SHADOW, pattern);
    set_field(VMCS_PRIMARY_CONTROLS, (uint32_t)pattern);
    set_field(VMCS_ENTRY_CONTROLS, (uint32_t)pattern);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        vcpu.gpr[i] = pattern + i;
    vcpu.nmi_pending = pattern & 1;
}

#define POISON_A 0xA5A5A5A5A5A5A5A5ull
#define POISON_B 0x1B1B1B1B1B1B1B1Aull

/* Guest-state fields that exist only together with a control that is off. */
static bool belongs_to_a_control_that_is_off(unsigned encoding)
{
    const uint64_t anything = 0xFFFFFFFFull << 32;
    struct vmx_capabilities everything = {
        .vmx = true, .x2apic = true, .pin = anything, .primary = anything, .secondary = anything,
        .exit = anything, .entry = anything, .ept_vpid = UINT64_MAX,
    };
    struct vmx_controls controls = preflight_controls(&everything);
    switch (encoding) {
    case VMCS_GUEST_INTERRUPT_STATUS:
        return !(controls.secondary & SECONDARY_VIRTUAL_INTERRUPT_DELIVERY);
    case VMCS_PML_INDEX: return !(controls.secondary & SECONDARY_ENABLE_PML);
    case VMCS_GUEST_IA32_PERF_GLOBAL_CTRL:
        return !(controls.entry & ENTRY_LOAD_IA32_PERF_GLOBAL_CTRL);
    case VMCS_PREEMPTION_TIMER: return !(controls.pin & PIN_PREEMPTION_TIMER);
    }
    return false;
}

/* Encodings that arch/spec/vmcs.h names, read from the file itself so that none
 * can be added and forgotten. */
static unsigned encodings_in_the_header(unsigned to[static 512])
{
    char line[256];
    unsigned count = 0;
    FILE *header = fopen("arch/spec/vmcs.h", "r");
    assert_non_null(header); /* tests run in the root of the tree */
    while (fgets(line, sizeof line, header)) {
        unsigned encoding;
        if (sscanf(line, " VMCS_%*[A-Z0-9_] = 0x%x,", &encoding) == 1 && count < 512)
            to[count++] = encoding;
    }
    fclose(header);
    return count;
}

static void a_beginning_writes_every_field_of_the_guest_state(void **state)
{
    static uint64_t first[FIELDS], second[FIELDS];
    unsigned encodings[512], guest_state = 0;
    (void)state;
    poison(POISON_A);
    vcpu_state_init(&vcpu);
    snapshot(first);
    poison(POISON_B);
    vcpu_state_init(&vcpu);
    snapshot(second);

    unsigned count = encodings_in_the_header(encodings);
    for (unsigned i = 0; i < count; i++) {
        if (!is_guest_state(encodings[i]) || belongs_to_a_control_that_is_off(encodings[i]))
            continue;
        if (first[encodings[i]] != second[encodings[i]])
            fail_msg("field %04x keeps what was there before", encodings[i]);
        guest_state++;
    }
    assert_int_equal(guest_state, 8 + 8 + 22 + 20);
}

static void a_beginning_takes_back_what_a_life_asked_of_the_next_entry(void **state)
{
    (void)state;
    poison(POISON_A);
    set_field(VMCS_PRIMARY_CONTROLS, UINT32_MAX);
    set_field(VMCS_ENTRY_CONTROLS, UINT32_MAX);
    vcpu_state_init(&vcpu);
    assert_int_equal(field(VMCS_ENTRY_INTERRUPTION_INFO), 0);
    /* NMI-window and interrupt-window exiting */
    assert_int_equal(field(VMCS_PRIMARY_CONTROLS), ~(1u << 22 | 1u << 2));
    assert_int_equal(field(VMCS_ENTRY_CONTROLS), ~(1u << 9));    /* IA-32e mode guest */
    assert_false(vcpu.nmi_pending);
    assert_int_equal(field(VMCS_CR0_READ_SHADOW), 0x10);
    assert_int_equal(field(VMCS_CR4_READ_SHADOW), 0);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        assert_int_equal(vcpu.gpr[i], i == GPR_RDX ? SIGNATURE : 0);
}

/* ---- States that the processor takes ---- */

static void assert_enters(void)
{
    const char *wrong = fake_vm_entry_refusal();
    if (wrong)
        fail_msg("the processor refuses to enter: %s", wrong);
}

static void the_reset_state_can_be_entered(void **state)
{
    (void)state;
    poison(POISON_B);
    vcpu_state_init(&vcpu);
    assert_enters();
    assert_int_equal(field(VMCS_GUEST_CS_BASE) + field(VMCS_GUEST_RIP), 0xFFFFFFF0);
    assert_int_equal(field(VMCS_GUEST_RFLAGS), 2);
}

static void each_sipi_vector_is_the_page_where_real_mode_begins(void **state)
{
    (void)state;
    for (unsigned vector = 0; vector < 256; vector++) {
        poison(POISON_A);
        vcpu_state_init(&vcpu);
        vcpu_state_sipi((uint8_t)vector);
        assert_enters();
        assert_int_equal(field(VMCS_GUEST_CS_SELECTOR), vector * 256);
        assert_int_equal(field(VMCS_GUEST_CS_BASE), vector * 4096);
        assert_int_equal(field(VMCS_GUEST_RIP), 0);
        assert_int_equal(field(VMCS_GUEST_CR0) & (CR0_PE | CR0_PG), 0);
        assert_int_equal(field(VMCS_GUEST_IA32_EFER), 0);
    }
}

static void assert_registers(const struct entry_state *expected)
{
    assert_int_equal(field(VMCS_GUEST_RIP), expected->rip.value);
    assert_int_equal(field(VMCS_GUEST_RSP), expected->rsp.value);
    assert_int_equal(field(VMCS_GUEST_RFLAGS), 2);
    for (unsigned i = 0; i < GPR_COUNT; i++)
        assert_int_equal(vcpu.gpr[i], i == GPR_RAX   ? expected->rax
                                      : i == GPR_RBX ? expected->rbx
                                      : i == GPR_RDX ? expected->rdx
                                      : i == GPR_RSI ? expected->rsi.value
                                                     : 0);
}

static void assert_flat(const struct entry_state *expected)
{
    static const unsigned data[] = { 0, 4, 6 }; /* ES, SS, DS: offsets from ES */

    assert_int_equal(field(VMCS_GUEST_CS_SELECTOR), 0x10);
    assert_int_equal(field(VMCS_GUEST_CS_BASE), 0);
    assert_int_equal(field(VMCS_GUEST_CS_LIMIT), UINT32_MAX);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(field(VMCS_GUEST_ES_SELECTOR + data[i]), 0x18);
        assert_int_equal(field(VMCS_GUEST_ES_BASE + data[i]), 0);
        assert_int_equal(field(VMCS_GUEST_ES_LIMIT + data[i]), UINT32_MAX);
        assert_int_equal(field(VMCS_GUEST_ES_ACCESS_RIGHTS + data[i]), 0xC093);
    }
    assert_int_equal(field(VMCS_GUEST_TR_LIMIT), 0x67);
    assert_int_equal(field(VMCS_GUEST_GDTR_BASE), expected->gdt_base.value);
    assert_int_equal(field(VMCS_GUEST_GDTR_LIMIT), expected->gdt_limit);
}

static void enter(const struct entry_state *at)
{
    poison(POISON_A);
    vcpu_state_init(&vcpu);
    vcpu_state_enter(&vcpu, at);
    assert_enters();
}

static void a_guest_can_begin_in_64_bit_mode(void **state)
{
    (void)state;
    enter(&entry);
    assert_flat(&entry);
    assert_registers(&entry);
    assert_true(field(VMCS_ENTRY_CONTROLS) & 1u << 9);
    assert_int_equal(field(VMCS_GUEST_IA32_EFER), EFER_LME | EFER_LMA);
    assert_int_equal(field(VMCS_GUEST_CS_ACCESS_RIGHTS), 0xA09B);
    assert_int_equal(field(VMCS_GUEST_CR3), entry.cr3.value);
    assert_int_equal(field(VMCS_CR0_READ_SHADOW), CR0_PG | CR0_PE | CR0_ET);
    assert_int_equal(field(VMCS_CR4_READ_SHADOW), CR4_PAE);
}

static void a_guest_can_begin_in_32_bit_mode_without_paging(void **state)
{
    const struct entry_state protected = {
        .mode = ENTRY_PROTECTED, .rip = { 0x100010 }, .rsp = { 0x11000 },
        .gdt_base = { 0x12000 }, .gdt_limit = 31, .rax = 0x2BADB002, .rbx = 0x10000,
        .rdx = 3, .rsi = { 4 },
    };

    (void)state;
    enter(&protected);
    assert_flat(&protected);
    assert_registers(&protected);
    assert_false(field(VMCS_ENTRY_CONTROLS) & 1u << 9);
    assert_int_equal(field(VMCS_GUEST_IA32_EFER), 0);
    assert_int_equal(field(VMCS_GUEST_CS_ACCESS_RIGHTS), 0xC09B);
    assert_int_equal(field(VMCS_CR0_READ_SHADOW), CR0_PE | CR0_ET);
    assert_int_equal(field(VMCS_CR4_READ_SHADOW), 0);
}

static void a_guest_can_begin_in_real_mode(void **state)
{
    const struct entry_state real = {
        .mode = ENTRY_REAL, .cs = 0x1000, .rip = { 0x7C00 }, .ss = 0x2000, .rsp = { 0x1000 },
        .rdx = 0x80,
    };

    (void)state;
    enter(&real);
    assert_registers(&real);
    assert_int_equal(field(VMCS_GUEST_CS_SELECTOR), 0x1000);
    assert_int_equal(field(VMCS_GUEST_CS_BASE), 0x10000);
    assert_int_equal(field(VMCS_GUEST_CS_LIMIT), 0xFFFF);
    assert_int_equal(field(VMCS_GUEST_SS_SELECTOR), 0x2000);
    assert_int_equal(field(VMCS_GUEST_SS_BASE), 0x20000);
    assert_int_equal(field(VMCS_GUEST_DS_SELECTOR), 0);
    assert_int_equal(field(VMCS_GUEST_DS_BASE), 0);
    assert_int_equal(field(VMCS_CR0_READ_SHADOW), CR0_ET);
    assert_int_equal(field(VMCS_GUEST_IDTR_BASE), 0);
    assert_int_equal(field(VMCS_GUEST_IDTR_LIMIT), 0xFFFF);
}

/* The checks can fail: each change of the good state is refused. */
static void a_broken_state_is_refused(void **state)
{
    static const struct { unsigned field; uint64_t value; } broken[] = {
        { VMCS_GUEST_CR0, CR0_PG }, { VMCS_GUEST_CR4, 0 }, { VMCS_GUEST_RFLAGS, 0 },
        { VMCS_GUEST_RIP, 0x100000000 }, { VMCS_GUEST_IA32_EFER, EFER_LMA },
        { VMCS_GUEST_CS_ACCESS_RIGHTS, 0x92 }, { VMCS_GUEST_TR_ACCESS_RIGHTS, 0x10000 },
        { VMCS_GUEST_SS_LIMIT, 0xFFFFFFFF }, { VMCS_GUEST_IDTR_LIMIT, 0x10000 },
        { VMCS_GUEST_ACTIVITY, 4 }, { VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_STI },
        { VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0x10 }, { VMCS_LINK_POINTER, 0 },
        { VMCS_GUEST_IA32_PAT, 2 }, { VMCS_GUEST_DR7, 0x100000000 },
        { VMCS_ENTRY_CONTROLS, ENTRY_IA32E_MODE_GUEST },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        vcpu_state_init(&vcpu);
        set_field(broken[i].field, broken[i].value);
        assert_non_null(fake_vm_entry_refusal());
    }
}

/* ---- What a verdict does ---- */

#define RIGHTS_32 0xC09B
#define RIGHTS_64 0xA09B

static void in_mode(uint32_t cs_rights, uint64_t rip)
{
    vcpu_state_init(&vcpu);
    set_field(VMCS_GUEST_CS_ACCESS_RIGHTS, cs_rights);
    set_field(VMCS_GUEST_RIP, rip);
}

static void apply(struct verdict verdict, uint32_t length)
{
    set_field(VMCS_EXIT_INSTRUCTION_LENGTH, length);
    if (verdict.kind == VERDICT_ADVANCE)
        vcpu_done(machine_vmread_natural(VMCS_GUEST_RIP));
    else
        vcpu_apply(verdict);
}

/* Every field as before, but for those that the test says. */
static void assert_only_changed(const uint64_t before[static FIELDS], unsigned a, unsigned b)
{
    for (unsigned i = 0; i < FIELDS; i++)
        if (i != a && i != b && i != VMCS_EXIT_INSTRUCTION_LENGTH)
            assert_int_equal(field(i), before[i]);
}

static void advance_goes_behind_the_instruction_and_changes_nothing_else(void **state)
{
    static uint64_t before[FIELDS];
    struct vcpu kept;
    (void)state;
    in_mode(RIGHTS_64, 0xFFFFFFFF81000000);
    set_field(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_NMI);
    snapshot(before);
    memcpy(&kept, &vcpu, sizeof kept);
    apply(ADVANCE, 2);
    assert_int_equal(field(VMCS_GUEST_RIP), 0xFFFFFFFF81000002);
    assert_only_changed(before, VMCS_GUEST_RIP, VMCS_GUEST_RIP);
    assert_memory_equal(&kept, &vcpu, sizeof kept);
    assert_int_equal(fake.record_count, 0);
}

/* CS.L means nothing outside of IA-32e mode, and compatibility mode has it clear. */
static void rip_wraps_at_4_gib_but_in_64_bit_code(void **state)
{
    static const struct { uint32_t cs; uint64_t efer, rip, next; } cases[] = {
        { RIGHTS_32, 0, 0xFFFFFFFE, 1 },
        { RIGHTS_32, EFER_LME | EFER_LMA, 0xFFFFFFFE, 1 },
        { RIGHTS_64, 0, 0xFFFFFFFE, 1 },
        { RIGHTS_64, EFER_LME | EFER_LMA, 0xFFFFFFFE, 0x100000001 },
        { RIGHTS_64, EFER_LME | EFER_LMA, 0xFFFFFFFFFFFFFFFE, 1 },
        { RIGHTS_64, EFER_LME | EFER_LMA, 0x1FFFFFFFE, 0x200000001 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        in_mode(cases[i].cs, cases[i].rip);
        set_field(VMCS_GUEST_IA32_EFER, cases[i].efer);
        apply(ADVANCE, 3);
        assert_int_equal(field(VMCS_GUEST_RIP), cases[i].next);
    }
}

static void advance_ends_the_shadow_of_sti_and_mov_ss_alone(void **state)
{
    static const uint32_t shadows[] = { BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
    static uint64_t before[FIELDS];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        in_mode(RIGHTS_64, 0x1000);
        set_field(VMCS_GUEST_INTERRUPTIBILITY, shadows[i] | BLOCKING_BY_SMI | BLOCKING_BY_NMI);
        snapshot(before);
        apply(ADVANCE, 1);
        assert_int_equal(field(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_BY_SMI | BLOCKING_BY_NMI);
        assert_only_changed(before, VMCS_GUEST_RIP, VMCS_GUEST_INTERRUPTIBILITY);
    }
}

static void a_single_stepped_instruction_is_followed_by_its_trap(void **state)
{
    static uint64_t before[FIELDS];
    (void)state;
    in_mode(RIGHTS_64, 0x1000);
    set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
    snapshot(before);
    apply(ADVANCE, 1);
    assert_int_equal(field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 1u << 14);
    assert_only_changed(before, VMCS_GUEST_RIP, VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS);
}

static void the_resume_flag_is_for_one_instruction(void **state)
{
    (void)state;
    set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_RF | RFLAGS_IF);
    vcpu_advance(2);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS), RFLAGS_FIXED | RFLAGS_IF);
}

static void an_instruction_that_runs_again_traps_once(void **state)
{
    static const uint32_t blockers[] = { 0, BLOCKING_BY_NMI, BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        set_field(VMCS_GUEST_INTERRUPTIBILITY, blockers[i]);
        set_field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, PENDING_DEBUG_BS | 1);
        vcpu_retry();
        assert_int_equal(field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS),
                         i < 2 ? 1 : PENDING_DEBUG_BS | 1);
    }
}

static void a_string_that_goes_on_traps_and_is_not_at_its_end(void **state)
{
    (void)state;
    set_field(VMCS_GUEST_RIP, 0x1000);
    set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
    set_field(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_STI | BLOCKING_BY_NMI);
    vcpu_end_iteration();
    assert_int_equal(field(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_BY_NMI);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RFLAGS), RFLAGS_FIXED | RFLAGS_RF);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 0);
    set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
    vcpu_end_iteration();
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS),
                     PENDING_DEBUG_BS);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_RIP), 0x1000);
}

/* Other pending exceptions stay, and BTF asks for traps behind branches alone. */
static void the_trap_displaces_nothing_and_follows_btf(void **state)
{
    (void)state;
    in_mode(RIGHTS_64, 0x1000);
    set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | RFLAGS_TF);
    set_field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 1u << 12 | 1);
    apply(ADVANCE, 1);
    assert_int_equal(field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 1u << 14 | 1u << 12 | 1);

    set_field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, 0);
    set_field(VMCS_GUEST_IA32_DEBUGCTL, 2);
    apply(ADVANCE, 1);
    assert_int_equal(field(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS), 0);
}

static void what_is_advanced_over_can_always_be_entered(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 8; flags++) {
        for (unsigned blocking = 0; blocking < 16; blocking++) {
            vcpu_state_init(&vcpu);
            set_field(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | (flags & 1 ? RFLAGS_TF : 0) |
                                         (flags & 2 ? RFLAGS_IF : 0));
            set_field(VMCS_GUEST_IA32_DEBUGCTL, flags & 4 ? 2 : 0);
            set_field(VMCS_GUEST_INTERRUPTIBILITY, blocking);
            set_field(VMCS_GUEST_RIP, 0xFFFFFFFF);
            apply(ADVANCE, 15);
            assert_enters();
        }
    }
}

static void resume_and_end_change_nothing(void **state)
{
    static uint64_t before[FIELDS];
    (void)state;
    poison(POISON_B);
    snapshot(before);
    apply(RESUME, 2);
    apply(END, 2);
    assert_only_changed(before, FIELDS, FIELDS);
    assert_int_equal(fake.record_count, 0);
}

static void inject_asks_the_next_entry_for_the_exception_at_the_instruction(void **state)
{
    (void)state;
    in_mode(RIGHTS_64, 0x1000);
    vcpu_state_enter(&vcpu, &entry);
    set_field(VMCS_GUEST_RIP, 0x1000);
    apply(INJECT_GP0, 2);
    assert_int_equal(field(VMCS_ENTRY_INTERRUPTION_INFO), 0x80000B0D);
    assert_int_equal(field(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 0);
    assert_int_equal(field(VMCS_GUEST_RIP), 0x1000);
    apply(INJECT_UD, 2);
    assert_int_equal(field(VMCS_ENTRY_INTERRUPTION_INFO), 0x80000306);
    assert_int_equal(field(VMCS_GUEST_RIP), 0x1000);
    assert_enters();
}

static void an_init_with_an_order_goes_on_in_real_mode(void **state)
{
    static const uint8_t address[] = { 0x21, 0x43, 0x00, 0x20 };
    (void)state;
    fake_reset(GIB(1), MIB(2));
    vm.memory = (struct guest_memory)GUEST_MEMORY_COMPACT(GIB(1), MIB(2));
    memcpy(fake.memory + 0x467, address, sizeof address);
    vm.cmos.bytes[0x0F] = 0x0A;
    vcpu_state_init(&vcpu);
    vcpu.state = VCPU_RUNNING;
    vcpu.index = 0;
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE | CR0_NE);
    vcpu_serve(&vcpu, REQUEST_INIT);
    assert_int_equal(vm.end, VM_END_NONE);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
    assert_int_equal(field(VMCS_GUEST_CS_SELECTOR), 0x2000);
    assert_int_equal(field(VMCS_GUEST_CS_BASE), 0x20000);
    assert_int_equal(field(VMCS_GUEST_RIP), 0x4321);
    assert_int_equal(field(VMCS_GUEST_CR0) & CR0_PE, 0);
    assert_enters();
    vcpu_serve(&vcpu, REQUEST_INIT);
    assert_int_equal(vm.end, VM_END_REBOOT);
}

/* ---- The states ---- */

enum event { START, INIT, SIPI, NMI, END_SEEN, EVENTS };

#define SAME (-1)
#define BUG (-2)

/* The drawing in hv/vcpu.h, a row a state. START is the boot vCPU's here, and INIT
 * an AP's: to the boot vCPU it is the end of this life. */
static const int next_state[3][EVENTS] = {
    [VCPU_OFF] = { VCPU_RUNNING, SAME, SAME, SAME, SAME },
    [VCPU_RUNNING] = { BUG, VCPU_WAIT_FOR_SIPI, SAME, SAME, VCPU_OFF },
    [VCPU_WAIT_FOR_SIPI] = { BUG, SAME, VCPU_RUNNING, SAME, VCPU_OFF },
};

/* In this order requests that wait together are served; those of the guest are
 * from an earlier life if there is a START among them. */
static const struct { enum event event; uint32_t request; } order[] = {
    { START, REQUEST_START }, { INIT, REQUEST_INIT }, { SIPI, REQUEST_SIPI },
    { NMI, REQUEST_GUEST_NMI },
};

struct expected {
    int state;
    bool nmi;  /* was given to the guest */
    bool sipi; /* it began at the vector */
    bool init; /* it was reset as by INIT */
};

static struct expected model(int state, unsigned index, uint32_t requests, bool ended)
{
    struct expected e = { .state = state };
    if (requests & REQUEST_START)
        requests &= ~(uint32_t)(REQUEST_INIT | REQUEST_SIPI | REQUEST_GUEST_NMI);
    for (unsigned i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (!(requests & order[i].request))
            continue;
        int next = next_state[e.state][order[i].event];
        if (order[i].event == INIT && e.state != VCPU_OFF)
            requests &= ~(uint32_t)REQUEST_GUEST_NMI; /* of before it */
        if (order[i].event == INIT && index == 0 && e.state != VCPU_OFF) {
            ended = true;
            continue;
        }
        if (order[i].event == START && index != 0 && next == VCPU_RUNNING)
            next = VCPU_WAIT_FOR_SIPI;
        e.init |= order[i].event == INIT && e.state != VCPU_OFF;
        e.sipi |= order[i].event == SIPI && next == VCPU_RUNNING;
        e.nmi |= order[i].event == NMI && e.state == VCPU_RUNNING;
        e.state = next == SAME ? e.state : next;
        if (e.state == BUG)
            return e;
    }
    if (ended && next_state[e.state][END_SEEN] != SAME)
        e.state = next_state[e.state][END_SEEN];
    return e;
}

static unsigned records_of(enum fake_record_kind kind)
{
    unsigned count = 0;
    for (unsigned i = 0; i < fake.record_count; i++)
        count += fake.records[i].kind == kind;
    return count;
}

#define INSIDE 0x7777 /* an RIP somewhere in the guest */

static void prepare(int state, unsigned index, bool ended)
{
    set_up(NULL);
    vcpu_state_init(&vcpu);
    set_field(VMCS_GUEST_RIP, INSIDE);
    vcpu.state = (enum vcpu_state)state;
    vcpu.index = index;
    atomic_store(&vcpu.sipi, VCPU_SIPI | SIPI_VECTOR);
    vm.end = ended ? VM_END_REBOOT : VM_END_NONE;
}

static void serve(void *requests)
{
    vcpu_serve(&vcpu, *(uint32_t *)requests);
}

static void assert_began_right(const struct expected *e, unsigned index, bool was_started)
{
    if (e->sipi) {
        assert_int_equal(field(VMCS_GUEST_CS_BASE), SIPI_VECTOR << 12);
        assert_int_equal(field(VMCS_GUEST_RIP), 0);
    } else if (was_started && index == 0) {
        assert_int_equal(field(VMCS_GUEST_RIP), entry.rip.value);
    } else if (was_started || e->init) {
        assert_int_equal(field(VMCS_GUEST_RIP), 0xFFF0);
    } else {
        assert_int_equal(field(VMCS_GUEST_RIP), INSIDE);
    }
}

static void assert_as_modelled(int state, unsigned index, uint32_t requests, bool ended)
{
    struct expected e = model(state, index, requests, ended);
    prepare(state, index, ended);
    if (e.state == BUG) {
        assert_true(dies(serve, &requests));
        return;
    }
    bool was_started = requests & REQUEST_START;
    vcpu_serve(&vcpu, requests);
    assert_int_equal(vcpu.state, e.state);
    assert_int_equal(started, was_started);
    assert_int_equal(parked, e.state == VCPU_OFF && (state != VCPU_OFF || was_started));
    assert_int_equal(field(VMCS_ENTRY_INTERRUPTION_INFO), e.nmi ? 0x80000202 : 0);
    assert_int_equal(records_of(FAKE_GUEST_RESET), was_started);
    assert_int_equal(records_of(FAKE_DRAIN), e.init);
    assert_int_equal(records_of(FAKE_FLUSH), e.init);
    assert_began_right(&e, index, was_started);
    assert_enters();
}

static void each_state_serves_each_set_of_requests_as_drawn(void **state)
{
    (void)state;
    for (int from = VCPU_OFF; from <= VCPU_WAIT_FOR_SIPI; from++)
        for (unsigned index = 0; index < 2; index++)
            for (uint32_t requests = 0; requests < 64; requests++)
                for (unsigned ended = 0; ended < 2; ended++)
                    assert_as_modelled(from, index, requests, ended);
}

/* An INIT or SIPI that arrives with START was sent in an earlier life: the AP
 * must wait for one of this life. */
static void what_waits_together_with_start_is_dropped(void **state)
{
    (void)state;
    prepare(VCPU_OFF, 1, false);
    vcpu_serve(&vcpu, REQUEST_START | REQUEST_INIT | REQUEST_SIPI | REQUEST_GUEST_NMI);
    assert_int_equal(vcpu.state, VCPU_WAIT_FOR_SIPI);
    vcpu_serve(&vcpu, REQUEST_SIPI); /* of the earlier life, too */
    assert_int_equal(vcpu.state, VCPU_WAIT_FOR_SIPI);
    atomic_store(&vcpu.sipi, VCPU_SIPI | SIPI_VECTOR);
    vcpu_serve(&vcpu, REQUEST_SIPI);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
}

static void a_sipi_that_nobody_waited_for_is_not_kept(void **state)
{
    (void)state;
    prepare(VCPU_RUNNING, 1, false);
    vcpu_serve(&vcpu, REQUEST_SIPI);
    vcpu_serve(&vcpu, REQUEST_INIT);
    vcpu_serve(&vcpu, REQUEST_SIPI);
    assert_int_equal(vcpu.state, VCPU_WAIT_FOR_SIPI);
}

static void an_init_on_its_way_to_a_disabled_apic_is_lost(void **state)
{
    (void)state;
    prepare(VCPU_RUNNING, 1, false);
    vcpu.lapic.mode = LAPIC_DISABLED;
    vcpu_serve(&vcpu, REQUEST_INIT);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
    assert_int_equal(field(VMCS_GUEST_RIP), INSIDE);
}

static void an_init_to_the_boot_vcpu_starts_the_guest_again(void **state)
{
    (void)state;
    prepare(VCPU_RUNNING, 0, false);
    vcpu_serve(&vcpu, REQUEST_INIT);
    assert_int_equal(vm.end, VM_END_REBOOT);
    assert_string_equal(fake_reports.crash, "INIT to its boot CPU");
    assert_int_equal(vcpu.state, VCPU_OFF);
}

static void a_stop_that_comes_before_start_is_not_forgotten(void **state)
{
    (void)state;
    for (unsigned index = 0; index < 2; index++) {
        prepare(VCPU_OFF, index, true);
        vcpu_serve(&vcpu, REQUEST_STOP);
        assert_int_equal(parked, 0);
        vcpu_serve(&vcpu, REQUEST_START);
        assert_int_equal(vcpu.state, VCPU_OFF);
        assert_int_equal(started, 1);
        assert_int_equal(parked, 1);
    }
}

static void a_stop_of_an_earlier_life_stops_nobody(void **state)
{
    (void)state;
    prepare(VCPU_OFF, 0, false);
    vcpu_serve(&vcpu, REQUEST_START | REQUEST_STOP);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
    vcpu_serve(&vcpu, REQUEST_STOP);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
    assert_int_equal(parked, 0);
}

static void a_start_resets_what_earlier_lives_left_in_the_vcpu(void **state)
{
    (void)state;
    prepare(VCPU_OFF, 1, false);
    poison(POISON_A);
    vcpu.lapic.icr_low = (uint32_t)POISON_A;
    vcpu.lapic.base = POISON_A;
    vcpu.lapic.mode = LAPIC_DISABLED;
    vcpu.msr.xcr0 = POISON_A;
    vcpu_serve(&vcpu, REQUEST_START);
    assert_int_equal(vcpu.lapic.icr_low, 0);
    assert_int_equal(vcpu.lapic.base, 0xFEE00800);
    assert_int_equal(vcpu.lapic.mode, LAPIC_XAPIC);
    for (unsigned i = 0; i < LAPIC_LVT_COUNT; i++)
        assert_int_equal(vcpu.lapic.lvt[i], 1u << 16);
    assert_int_equal(vcpu.msr.xcr0, 1);
    assert_int_equal(fake.records[0].kind, FAKE_GUEST_RESET); /* before anything is set */
}

/* Before anything else, so that the registers are those that the exit has left. */
static void a_learning_guests_exit_is_looked_at_first(void **state)
{
    static struct learn learn;
    (void)state;
    prepare(VCPU_RUNNING, 1, false);
    learned = 0;
    vcpu_serve(&vcpu, REQUEST_TIMER);
    assert_int_equal(learned, 0);
    vm.learn = &learn;
    vcpu_serve(&vcpu, REQUEST_TIMER);
    assert_int_equal(learned, 1);
}

static void a_start_resets_the_tsc_and_an_init_keeps_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MSR_BITMAP_COUNT; i++)
        vm.msr_bitmaps[i] = HPA(0x1000 * (i + 1));
    prepare(VCPU_RUNNING, 1, false);
    guest_tsc_adjust_write(&vcpu, POISON_A);
    vcpu_serve(&vcpu, REQUEST_INIT);
    assert_int_equal(vcpu.msr.tsc_offset, POISON_A);
    assert_int_equal(field(VMCS_TSC_OFFSET), POISON_A);
    assert_int_equal(field(VMCS_MSR_BITMAP), vm.msr_bitmaps[MSR_BITMAP_TSC_MOVED].value);

    vcpu.state = VCPU_OFF;
    vcpu_serve(&vcpu, REQUEST_START);
    assert_int_equal(vcpu.msr.tsc_offset, 0);
    assert_int_equal(field(VMCS_TSC_OFFSET), 0);
    assert_int_equal(field(VMCS_MSR_BITMAP), vm.msr_bitmaps[0].value);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

static void a_paused_vm_keeps_its_states_and_does_not_run(void **state)
{
    (void)state;
    vcpu_serve(&vcpu, REQUEST_START);
    assert_true(vcpu_may_run(&vcpu));
    atomic_store(&vm.paused, true);
    vcpu_serve(&vcpu, REQUEST_LOOK);
    assert_int_equal(vcpu.state, VCPU_RUNNING);
    assert_false(vcpu_may_run(&vcpu));
    atomic_store(&vm.end, VM_END_STOP); /* and it can be stopped all the same */
    vcpu_serve(&vcpu, REQUEST_STOP);
    assert_int_equal(vcpu.state, VCPU_OFF);
    assert_int_equal(parked, 1);
    atomic_store(&vm.paused, false);
    assert_false(vcpu_may_run(&vcpu));
}

static void the_users_start_is_the_vms(void **state)
{
    (void)state;
    begun = 0;
    vcpu_serve(&vcpu, REQUEST_BEGIN);
    assert_int_equal(begun, 1);
    assert_int_equal(vcpu.state, VCPU_OFF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_beginning_writes_every_field_of_the_guest_state),
        TEST(a_beginning_takes_back_what_a_life_asked_of_the_next_entry),
        TEST(the_reset_state_can_be_entered),
        TEST(each_sipi_vector_is_the_page_where_real_mode_begins),
        TEST(a_guest_can_begin_in_64_bit_mode),
        TEST(a_guest_can_begin_in_32_bit_mode_without_paging),
        TEST(a_guest_can_begin_in_real_mode),
        TEST(a_broken_state_is_refused),
        TEST(advance_goes_behind_the_instruction_and_changes_nothing_else),
        TEST(rip_wraps_at_4_gib_but_in_64_bit_code),
        TEST(advance_ends_the_shadow_of_sti_and_mov_ss_alone),
        TEST(a_single_stepped_instruction_is_followed_by_its_trap),
        TEST(the_resume_flag_is_for_one_instruction),
        TEST(an_instruction_that_runs_again_traps_once),
        TEST(a_string_that_goes_on_traps_and_is_not_at_its_end),
        TEST(the_trap_displaces_nothing_and_follows_btf),
        TEST(what_is_advanced_over_can_always_be_entered),
        TEST(resume_and_end_change_nothing),
        TEST(inject_asks_the_next_entry_for_the_exception_at_the_instruction),
        TEST(an_init_with_an_order_goes_on_in_real_mode),
        TEST(each_state_serves_each_set_of_requests_as_drawn),
        TEST(what_waits_together_with_start_is_dropped),
        TEST(a_sipi_that_nobody_waited_for_is_not_kept),
        TEST(an_init_on_its_way_to_a_disabled_apic_is_lost),
        TEST(an_init_to_the_boot_vcpu_starts_the_guest_again),
        TEST(a_stop_that_comes_before_start_is_not_forgotten),
        TEST(a_stop_of_an_earlier_life_stops_nobody),
        TEST(a_start_resets_what_earlier_lives_left_in_the_vcpu),
        TEST(a_paused_vm_keeps_its_states_and_does_not_run),
        TEST(the_users_start_is_the_vms),
        TEST(a_learning_guests_exit_is_looked_at_first),
        TEST(a_start_resets_the_tsc_and_an_init_keeps_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
