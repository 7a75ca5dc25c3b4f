/* SPDX-License-Identifier: MIT
 *
 * hv/event.c: what the next VM entry is asked to deliver, and that no entry is
 * asked for what the processor refuses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/event.h"
#include "hv/vm.h"
#include "tests/fake/machine.h"
#include "tests/fake/reports.h"

static struct vm vm;
static struct vcpu vcpu;

static int set_up(void **state)
{
    (void)state;
    fake_reset(0, 0);
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    vcpu.vm = &vm;
    machine_vmwrite_natural(VMCS_GUEST_CR0, CR0_PE);
    return 0;
}

static uint32_t injected(void)
{
    return machine_vmread_32(VMCS_ENTRY_INTERRUPTION_INFO);
}

static bool window_wanted(void)
{
    return machine_vmread_32(VMCS_PRIMARY_CONTROLS) & PRIMARY_NMI_WINDOW_EXITING;
}

static void a_fault_is_injected_with_its_error_code_and_rf(void **state)
{
    (void)state;
    event_inject_exception(VECTOR_PF, true, 6);
    assert_int_equal(injected(), 0x80000B0E);
    assert_int_equal(machine_vmread_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 6);
    assert_true(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

static void a_fault_without_an_error_code_has_none(void **state)
{
    (void)state;
    event_inject_exception(VECTOR_UD, false, 0);
    assert_int_equal(injected(), 0x80000306);
}

static void in_real_mode_no_exception_has_an_error_code(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CR0, 0);
    event_inject_exception(VECTOR_GP, true, 0);
    assert_int_equal(injected(), 0x8000030D);
}

static void an_nmi_is_injected_at_once_where_nothing_blocks_it(void **state)
{
    (void)state;
    event_inject_nmi(&vcpu);
    assert_int_equal(injected(), 0x80000202);
    assert_false(window_wanted());
}

static void an_nmi_waits_for_whatever_blocks_it(void **state)
{
    static const uint32_t blockers[] = { BLOCKING_BY_NMI, BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blockers[i]);
        event_inject_nmi(&vcpu);
        event_inject_nmi(&vcpu);
        assert_int_equal(injected(), 0);
        assert_true(window_wanted());

        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_STI);
        assert_int_equal(event_nmi_window_exit(&vcpu).kind, VERDICT_RESUME);
        assert_int_equal(injected(), 0x80000202);
        assert_false(window_wanted());
        assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), 0);

        machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
        event_nmi_window_exit(&vcpu);
        assert_int_equal(injected(), 0); /* two were merged into one */
    }
}

static void an_nmi_comes_behind_a_debug_exception_that_is_pending(void **state)
{
    static const uint64_t pending[] = { PENDING_DEBUG_BS, PENDING_DEBUG_ENABLED_BREAKPOINT | 1 };
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        machine_vmwrite_natural(VMCS_GUEST_PENDING_DEBUG_EXCEPTIONS, pending[i]);
        event_inject_nmi(&vcpu);
        assert_int_equal(injected(), 0);
        assert_true(window_wanted());
    }
}

static void an_nmi_does_not_displace_an_event_that_is_on_its_way(void **state)
{
    (void)state;
    event_inject_exception(VECTOR_GP, true, 0);
    event_inject_nmi(&vcpu);
    assert_int_equal(injected(), 0x80000B0D);
    assert_true(window_wanted());
}

static void nothing_is_reinjected_where_no_delivery_was_interrupted(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x00000B0E);
    assert_false(event_reinject(&vcpu));
    assert_int_equal(injected(), 0);
}

static void an_interrupted_delivery_is_repeated_as_it_was(void **state)
{
    (void)state;
    /* bits 12 and 30:13 are undefined and must not be copied */
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000B0E | 0x7FFFF000);
    machine_vmwrite_32(VMCS_IDT_VECTORING_ERROR_CODE, 2);
    assert_true(event_reinject(&vcpu));
    assert_int_equal(injected(), 0x80000B0E);
    assert_int_equal(machine_vmread_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 2);

    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000021); /* interrupt 21h */
    assert_true(event_reinject(&vcpu));
    assert_int_equal(injected(), 0x80000021);

    machine_vmwrite_32(VMCS_EXIT_INSTRUCTION_LENGTH, 2);
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000480); /* INT 80h */
    assert_true(event_reinject(&vcpu));
    assert_int_equal(injected(), 0x80000480);
    assert_int_equal(machine_vmread_32(VMCS_ENTRY_INSTRUCTION_LENGTH), 2);
}

static void an_interrupted_nmi_does_not_block_itself(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_BY_NMI);
    machine_vmwrite_32(VMCS_IDT_VECTORING_INFO, 0x80000202);
    assert_true(event_reinject(&vcpu));
    assert_int_equal(injected(), 0x80000202);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static enum verdict_kind exception(uint32_t information, uint64_t qualification)
{
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION, qualification);
    machine_vmwrite_32(VMCS_EXIT_INSTRUCTION_LENGTH, 1);
    machine_vmwrite_32(VMCS_EXIT_INTERRUPTION_INFO, information);
    return event_exception_exit(&vcpu).kind;
}

static void a_debug_exception_arrives_with_dr6_and_without_gd(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_DR7, 0x2400);
    assert_int_equal(exception(0x80000301, 0x4001), VERDICT_RESUME);
    assert_int_equal(injected(), 0x80000301);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].kind, FAKE_DR6_WRITE);
    assert_int_equal(fake.records[0].value, 0xFFFF4FF1);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_DR7), 0x400);
    assert_false(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

static void general_detect_is_a_fault_and_sets_rf(void **state)
{
    (void)state;
    assert_int_equal(exception(0x80000301, 0x2000), VERDICT_RESUME);
    assert_true(machine_vmread_natural(VMCS_GUEST_RFLAGS) & RFLAGS_RF);
}

static void dr6_keeps_all_but_the_breakpoints_of_earlier_exceptions(void **state)
{
    (void)state;
    fake.dr6 = 0xFFFFEFFF; /* BT, BS, BD and all breakpoints */
    assert_int_equal(exception(0x80000301, 0x0002), VERDICT_RESUME);
    assert_int_equal(fake.dr6, 0xFFFFEFF2);
}

static void the_trap_of_a_task_is_told_in_dr6(void **state)
{
    (void)state;
    fake.dr6 = 0xFFFF4FF1;
    machine_vmwrite_natural(VMCS_GUEST_DR7, 0x2400);
    struct verdict verdict = event_task_trap();
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, VECTOR_DB);
    assert_false(verdict.has_error_code);
    assert_int_equal(fake.dr6, 0xFFFFCFF0);
    assert_int_equal(machine_vmread_natural(VMCS_GUEST_DR7), 0x400);
}

static void int1_keeps_dr6_and_pushes_the_address_behind_itself(void **state)
{
    (void)state;
    assert_int_equal(exception(0x80000501, 0), VERDICT_RESUME);
    assert_int_equal(injected(), 0x80000501);
    assert_int_equal(machine_vmread_32(VMCS_ENTRY_INSTRUCTION_LENGTH), 1);
    assert_int_equal(fake.record_count, 0);
}

static void a_debug_exception_ends_hlt_and_what_blocks_behind_sti_and_mov_ss(void **state)
{
    static const uint32_t types[] = { 0x80000301, 0x80000501 };
    static const uint32_t blockers[] = { BLOCKING_BY_STI, BLOCKING_BY_MOV_SS };
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        machine_vmwrite_32(VMCS_GUEST_INTERRUPTIBILITY, blockers[i % 2] | BLOCKING_BY_NMI);
        machine_vmwrite_32(VMCS_GUEST_ACTIVITY, ACTIVITY_HLT);
        assert_int_equal(exception(types[i / 2], 0x4000), VERDICT_RESUME);
        assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_BY_NMI);
        assert_int_equal(machine_vmread_32(VMCS_GUEST_ACTIVITY), ACTIVITY_ACTIVE);
    }
}

static void a_debug_exception_clears_btf_and_int1_does_not(void **state)
{
    (void)state;
    machine_vmwrite_64(VMCS_GUEST_IA32_DEBUGCTL, 2);
    assert_int_equal(exception(0x80000501, 0), VERDICT_RESUME);
    assert_int_equal(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL), 2);
    assert_int_equal(exception(0x80000301, 0x4000), VERDICT_RESUME);
    assert_int_equal(machine_vmread_64(VMCS_GUEST_IA32_DEBUGCTL), 0);
}

static void an_alignment_check_arrives_as_it_came(void **state)
{
    (void)state;
    machine_vmwrite_32(VMCS_EXIT_INTERRUPTION_ERROR_CODE, 7);
    assert_int_equal(exception(0x80000B11, 0), VERDICT_RESUME);
    assert_int_equal(injected(), 0x80000B11);
    assert_int_equal(machine_vmread_32(VMCS_ENTRY_EXCEPTION_ERROR_CODE), 7);
}

static void an_iret_that_faulted_has_unblocked_nmis(void **state)
{
    (void)state;
    assert_int_equal(exception(0x80000B11 | EVENT_NMI_UNBLOCKED_BY_IRET, 0), VERDICT_RESUME);
    assert_int_equal(injected(), 0x80000B11);
    assert_int_equal(machine_vmread_32(VMCS_GUEST_INTERRUPTIBILITY), 0);
}

static void an_alignment_check_in_real_mode_has_no_error_code(void **state)
{
    (void)state;
    machine_vmwrite_natural(VMCS_GUEST_CR0, 0);
    assert_int_equal(exception(0x80000311, 0), VERDICT_RESUME);
    assert_int_equal(injected(), 0x80000311);
}

static void an_nmi_is_told_to_the_machine_and_not_to_the_guest(void **state)
{
    (void)state;
    assert_int_equal(exception(0x80000202, 0), VERDICT_RESUME);
    assert_int_equal(injected(), 0);
    assert_int_equal(fake.record_count, 1);
    assert_int_equal(fake.records[0].kind, FAKE_NMI_TAKEN);
}

static void a_machine_check_ends_the_guest(void **state)
{
    (void)state;
    assert_int_equal(exception(0x80000312, 0), VERDICT_END);
    assert_non_null(fake_reports.crash);
    assert_int_equal(fake.record_count, 1); /* and a second one can come */
    assert_int_equal(fake.records[0].kind, FAKE_MSR_WRITE);
    assert_int_equal(fake.records[0].where, IA32_MCG_STATUS);
    assert_int_equal(fake.records[0].value, 0);
    fake_reports_reset();
    assert_int_equal(exception(0x80000B0D, 0), VERDICT_END); /* not intercepted */
    assert_non_null(fake_reports.crash);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_fault_is_injected_with_its_error_code_and_rf),
        TEST(a_fault_without_an_error_code_has_none),
        TEST(in_real_mode_no_exception_has_an_error_code),
        TEST(an_nmi_is_injected_at_once_where_nothing_blocks_it),
        TEST(an_nmi_waits_for_whatever_blocks_it),
        TEST(an_nmi_comes_behind_a_debug_exception_that_is_pending),
        TEST(an_nmi_does_not_displace_an_event_that_is_on_its_way),
        TEST(nothing_is_reinjected_where_no_delivery_was_interrupted),
        TEST(an_interrupted_delivery_is_repeated_as_it_was),
        TEST(an_interrupted_nmi_does_not_block_itself),
        TEST(an_iret_that_faulted_has_unblocked_nmis),
        TEST(a_debug_exception_arrives_with_dr6_and_without_gd),
        TEST(general_detect_is_a_fault_and_sets_rf),
        TEST(dr6_keeps_all_but_the_breakpoints_of_earlier_exceptions),
        TEST(the_trap_of_a_task_is_told_in_dr6),
        TEST(int1_keeps_dr6_and_pushes_the_address_behind_itself),
        TEST(a_debug_exception_ends_hlt_and_what_blocks_behind_sti_and_mov_ss),
        TEST(a_debug_exception_clears_btf_and_int1_does_not),
        TEST(an_alignment_check_arrives_as_it_came),
        TEST(an_alignment_check_in_real_mode_has_no_error_code),
        TEST(an_nmi_is_told_to_the_machine_and_not_to_the_guest),
        TEST(a_machine_check_ends_the_guest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
