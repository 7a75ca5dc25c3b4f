/* SPDX-License-Identifier: MIT
 *
 * hv/exit.c: every exit reason has the outcome that the policy says, and a
 * number that nobody knows ends the VM. The table below was written from the
 * manual: SDM Vol. 3D, Appendix C "VMX Basic Exit Reasons". All handlers are
 * replaced, so the dispatch is alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/cr.h"
#include "hv/cpuid.h"
#include "hv/cr.h"
#include "hv/event.h"
#include "hv/exit.h"
#include "hv/hypercall.h"
#include "hv/mmio.h"
#include "hv/msr.h"
#include "hv/ports.h"
#include "hv/preflight.h"
#include "hv/task_switch.h"
#include "hv/vm.h"
#include "tests/fake/reports.h"

#define MANUAL_REASONS 86

enum outcome {
    UNKNOWN, /* no such reason: the VM ends */
    CALLED,  /* a handler decides */
    UD,
    GP0,
    NEXT,    /* the instruction does nothing */
    AGAIN,
    ENDS,    /* the VM ends: its own doing */
    NEVER    /* no control asks for it: the VM ends */
};

static const struct {
    const char *name;
    enum outcome outcome;
    const char *handler; /* of CALLED */
} policy[MANUAL_REASONS] = {
    [0] = { "exception or NMI", CALLED, "event_exception_exit" },
    [1] = { "external interrupt", NEVER, NULL },
    [2] = { "triple fault", ENDS, NULL },
    [3] = { "INIT signal", ENDS, NULL },
    [4] = { "start-up IPI", ENDS, NULL },
    [5] = { "I/O SMI", NEVER, NULL },
    [6] = { "other SMI", NEVER, NULL },
    [7] = { "interrupt window", CALLED, "event_interrupt_window_exit" },
    [8] = { "NMI window", CALLED, "event_nmi_window_exit" },
    [9] = { "task switch", CALLED, "task_switch_exit" },
    [10] = { "CPUID", CALLED, "cpuid_exit" },
    [11] = { "GETSEC", UD, NULL },
    [12] = { "HLT", NEVER, NULL },
    [13] = { "INVD", NEXT, NULL },
    [14] = { "INVLPG", NEVER, NULL },
    [15] = { "RDPMC", GP0, NULL },
    [16] = { "RDTSC", NEVER, NULL },
    [17] = { "RSM", NEVER, NULL },
    [18] = { "VMCALL", CALLED, "hypercall_exit" },
    [19] = { "VMCLEAR", UD, NULL },
    [20] = { "VMLAUNCH", UD, NULL },
    [21] = { "VMPTRLD", UD, NULL },
    [22] = { "VMPTRST", UD, NULL },
    [23] = { "VMREAD", UD, NULL },
    [24] = { "VMRESUME", UD, NULL },
    [25] = { "VMWRITE", UD, NULL },
    [26] = { "VMXOFF", UD, NULL },
    [27] = { "VMXON", UD, NULL },
    [28] = { "control-register access", CALLED, "cr_exit" },
    [29] = { "MOV DR", NEVER, NULL },
    [30] = { "I/O instruction", CALLED, "ports_exit" },
    [31] = { "RDMSR", CALLED, "msr_read_exit" },
    [32] = { "WRMSR", CALLED, "msr_write_exit" },
    [33] = { "VM-entry failure: invalid guest state", NEVER, NULL }, /* without bit 31 */
    [34] = { "VM-entry failure: MSR loading", NEVER, NULL },
    [36] = { "MWAIT", UD, NULL },
    [37] = { "monitor trap flag", NEVER, NULL },
    [39] = { "MONITOR", UD, NULL },
    [40] = { "PAUSE", NEVER, NULL },
    [41] = { "VM-entry failure: machine check", NEVER, NULL },
    [43] = { "TPR below threshold", NEVER, NULL },
    [44] = { "APIC access", NEVER, NULL },
    [45] = { "virtualized EOI", NEVER, NULL },
    [46] = { "access to GDTR or IDTR", NEVER, NULL },
    [47] = { "access to LDTR or TR", NEVER, NULL },
    [48] = { "EPT violation", CALLED, "mmio_exit" },
    [49] = { "EPT misconfiguration", ENDS, NULL },
    [50] = { "INVEPT", UD, NULL },
    [51] = { "RDTSCP", NEVER, NULL },
    [52] = { "VMX-preemption timer", AGAIN, NULL },
    [53] = { "INVVPID", UD, NULL },
    [54] = { "WBINVD", NEXT, NULL },
    [55] = { "XSETBV", CALLED, "xsetbv_exit" },
    [56] = { "APIC write", NEVER, NULL },
    [57] = { "RDRAND", NEVER, NULL },
    [58] = { "INVPCID", NEVER, NULL },
    [59] = { "VMFUNC", NEVER, NULL },
    [60] = { "ENCLS", UD, NULL },
    [61] = { "RDSEED", NEVER, NULL },
    [62] = { "page-modification log full", NEVER, NULL },
    [63] = { "XSAVES", NEVER, NULL },
    [64] = { "XRSTORS", NEVER, NULL },
    [65] = { "PCONFIG", NEVER, NULL },
    [66] = { "SPP-related event", NEVER, NULL },
    [67] = { "UMWAIT", NEVER, NULL },
    [68] = { "TPAUSE", NEVER, NULL },
    [69] = { "LOADIWKEY", NEVER, NULL },
    [70] = { "ENCLV", UD, NULL },
    [72] = { "ENQCMD PASID translation failure", NEVER, NULL },
    [73] = { "ENQCMDS PASID translation failure", NEVER, NULL },
    [74] = { "bus lock", NEVER, NULL },
    [75] = { "instruction timeout", NEVER, NULL },
    [76] = { "SEAMCALL", UD, NULL },
    [77] = { "TDCALL", UD, NULL },
    [78] = { "RDMSRLIST", NEVER, NULL },
    [79] = { "WRMSRLIST", NEVER, NULL },
    [80] = { "URDMSR", NEVER, NULL },
    [81] = { "UWRMSR", NEVER, NULL },
    [84] = { "RDMSR with an immediate", UD, NULL },
    [85] = { "WRMSRNS with an immediate", UD, NULL },
};

static struct vm vm;
static struct vcpu vcpu;
static struct exit_record record;

/* What the last handler was given. Its verdict must arrive as it is. */
static const char *called;
static const struct verdict answer = { .kind = VERDICT_INJECT, .vector = 0x42,
                                       .has_error_code = true, .error_code = 0x1234 };

static struct verdict handler(const char *name, const struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    assert_null(called);
    called = name;
    return answer;
}

#define HANDLER(name)                                               \
    struct verdict name(struct vcpu *of)                            \
    {                                                               \
        return handler(#name, of);                                  \
    }

HANDLER(cpuid_exit)
HANDLER(ports_exit)
HANDLER(msr_read_exit)
HANDLER(msr_write_exit)
HANDLER(cr_exit)
HANDLER(xsetbv_exit)
HANDLER(mmio_exit)
HANDLER(event_exception_exit)
HANDLER(event_nmi_window_exit)
HANDLER(event_interrupt_window_exit)
HANDLER(task_switch_exit)
HANDLER(hypercall_exit)

static int set_up(void **state)
{
    (void)state;
    fake_reports_reset();
    memset(&vcpu, 0, sizeof vcpu);
    memset(&record, 0xFF, sizeof record);
    vcpu.vm = &vm;
    vcpu.exit = &record;
    vm.end = VM_END_NONE;
    called = NULL;
    return 0;
}

static void assert_verdict(struct verdict is, struct verdict expected)
{
    assert_int_equal(is.kind, expected.kind);
    if (expected.kind != VERDICT_INJECT)
        return;
    assert_int_equal(is.vector, expected.vector);
    assert_int_equal(is.has_error_code, expected.has_error_code);
    assert_int_equal(is.error_code, expected.error_code);
}

static struct verdict dispatch(uint32_t reason)
{
    set_up(NULL);
    record.reason = reason;
    return exit_dispatch(&vcpu, reason);
}

static void assert_ends_with(uint32_t reason, const char *words)
{
    assert_int_equal(dispatch(reason).kind, VERDICT_END);
    assert_null(called);
    assert_int_equal(vm.end, VM_END_CRASH);
    assert_non_null(fake_reports.crash);
    assert_non_null(strstr(fake_reports.crash, words));
}

static void assert_decided(uint32_t reason, struct verdict expected)
{
    assert_verdict(dispatch(reason), expected);
    assert_int_equal(vm.end, VM_END_NONE);
    assert_null(fake_reports.crash);
    assert_int_equal(fake_reports.denied_count, 0);
}

static void assert_policy(uint32_t reason, unsigned number)
{
    const struct verdict ud = { .kind = VERDICT_INJECT, .vector = 6 };
    const struct verdict gp0 = { .kind = VERDICT_INJECT, .vector = 13, .has_error_code = true };

    switch (policy[number].outcome) {
    case UNKNOWN: assert_ends_with(reason, "does not know"); return;
    case NEVER: assert_ends_with(reason, "no control asks for"); return;
    case ENDS: assert_ends_with(reason, ""); return;
    case CALLED:
        assert_decided(reason, answer);
        assert_non_null(called);
        assert_string_equal(called, policy[number].handler);
        return;
    case UD: assert_decided(reason, ud); break;
    case GP0: assert_decided(reason, gp0); break;
    case NEXT: assert_decided(reason, (struct verdict){ .kind = VERDICT_ADVANCE }); break;
    case AGAIN: assert_decided(reason, (struct verdict){ .kind = VERDICT_RESUME }); break;
    }
    assert_null(called);
}

static void every_reason_has_its_outcome(void **state)
{
    (void)state;
    for (unsigned number = 0; number < MANUAL_REASONS; number++)
        assert_policy(number, number);
}

static void a_number_that_no_manual_names_ends_the_vm(void **state)
{
    (void)state;
    for (uint32_t number = MANUAL_REASONS; number <= 0xFFFF; number++)
        assert_ends_with(number, "does not know");
}

/* Bits 16 to 30 say how the exit came about: bus lock, pending MTF, enclave. */
static void bits_above_the_number_change_nothing(void **state)
{
    (void)state;
    for (unsigned bit = 16; bit < 31; bit++)
        for (unsigned number = 0; number < MANUAL_REASONS; number++)
            assert_policy(1u << bit | number, number);
}

static void a_refused_entry_ends_the_vm_whatever_the_number(void **state)
{
    (void)state;
    for (uint32_t number = 0; number < 2 * MANUAL_REASONS; number++)
        assert_ends_with(1u << 31 | number, "VM entry");
}

/* Where arch/vmx_entry.asm counts the exit, without a look at what it is. */
static void the_record_names_a_row_of_the_recorder(void **state)
{
    (void)state;
    for (unsigned number = 0; number < MANUAL_REASONS; number++) {
        dispatch(number);
        assert_int_equal(record.reason, number);
        dispatch(1u << 26 | number);
        assert_int_equal(record.reason, number);
        dispatch(1u << 31 | number);
        assert_int_equal(record.reason, number);
    }
    for (uint32_t number = MANUAL_REASONS; number <= 0xFFFF; number++) {
        dispatch(number);
        assert_int_equal(record.reason, RECORDER_UNKNOWN);
        dispatch(1u << 31 | number);
        assert_int_equal(record.reason, RECORDER_UNKNOWN);
    }
}

static void nothing_else_of_the_record_changes(void **state)
{
    struct exit_record before;
    (void)state;
    for (unsigned number = 0; number <= MANUAL_REASONS; number++) {
        set_up(NULL);
        record.reason = number;
        before = record;
        exit_dispatch(&vcpu, number);
        assert_memory_equal(&before, &record, sizeof before);
    }
}

/* An entry that failed leaves the VMCS as it was; every other exit comes from one
 * that was launched: SDM Vol. 3C, 27.8 "VM-Entry Failures During or After Loading
 * Guest State". */
static void an_exit_tells_that_the_vmcs_is_launched(void **state)
{
    static const uint32_t reasons[] = { 0, 10, 48, 85, 86, 0xFFFF, 1u << 26 | 10 };
    (void)state;
    for (unsigned i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        dispatch(reasons[i]);
        assert_true(vcpu.launched);
    }
    dispatch(1u << 31 | 33);
    assert_false(vcpu.launched);
}

static void every_reason_has_its_name(void **state)
{
    (void)state;
    for (unsigned number = 0; number < MANUAL_REASONS; number++)
        assert_string_equal(exit_reason_name(number),
                            policy[number].name ? policy[number].name : "unknown");
    assert_string_equal(exit_reason_name(MANUAL_REASONS), "unknown");
    assert_string_equal(exit_reason_name(UINT32_MAX), "unknown");
}

/* ---- Why a reason cannot occur ---- */

enum word { PIN, PRIMARY, SECONDARY, NO_CONTROL };

/* Bits as SDM Vol. 3C, 25.6.1 and 25.6.2 number them. A second one does the same. */
static const struct why {
    unsigned reason;
    enum word word;
    unsigned bit;
} whys[] = {
    { 1, PIN, 0 },
    { 12, PRIMARY, 7 },
    { 14, PRIMARY, 9 },
    { 58, PRIMARY, 9 },
    { 16, PRIMARY, 12 },
    { 51, PRIMARY, 12 },
    { 29, PRIMARY, 23 },
    { 37, PRIMARY, 27 },
    { 40, PRIMARY, 30 },
    { 40, SECONDARY, 10 },
    { 43, PRIMARY, 21 },
    { 44, SECONDARY, 0 },
    { 56, SECONDARY, 8 },
    { 45, SECONDARY, 9 },
    { 46, SECONDARY, 2 },
    { 47, SECONDARY, 2 },
    { 57, SECONDARY, 11 },
    { 59, SECONDARY, 13 },
    { 61, SECONDARY, 16 },
    { 62, SECONDARY, 17 },
    { 65, SECONDARY, 27 },
    { 66, SECONDARY, 23 },
    { 67, SECONDARY, 26 },
    { 68, SECONDARY, 26 },
    { 72, SECONDARY, 21 },
    { 73, SECONDARY, 21 },
    { 74, SECONDARY, 30 },
    { 75, SECONDARY, 31 },
    { 69, PRIMARY, 17 }, /* no tertiary control is on */
    { 78, PRIMARY, 17 },
    { 79, PRIMARY, 17 },
    /* XSAVES and XRSTORS: by their bitmap alone, which is 0 (arch/vmx.c). */
    { 63, NO_CONTROL, 0 },
    { 64, NO_CONTROL, 0 },
    /* User MSRs: by IA32_USER_MSR_CTL, which guests do not have. */
    { 80, NO_CONTROL, 0 },
    { 81, NO_CONTROL, 0 },
    /* The dual-monitor treatment. */
    { 5, NO_CONTROL, 0 },
    { 6, NO_CONTROL, 0 },
    { 17, NO_CONTROL, 0 },
    /* Failed entries, which are told by bit 31. */
    { 33, NO_CONTROL, 0 },
    { 34, NO_CONTROL, 0 },
    { 41, NO_CONTROL, 0 },
};
#define WHYS (sizeof whys / sizeof whys[0])

static void each_impossible_reason_says_why_and_no_other(void **state)
{
    (void)state;
    for (unsigned number = 0; number < MANUAL_REASONS; number++) {
        unsigned found = 0;
        for (unsigned i = 0; i < WHYS; i++)
            found += whys[i].reason == number;
        assert_int_equal(found > 0, policy[number].outcome == NEVER);
    }
}

/* Of a processor on which every control may be on and may be off. */
static struct vmx_capabilities anything_goes(void)
{
    const uint64_t may = 0xFFFFFFFFull << 32;
    return (struct vmx_capabilities){
        .vmx = true, .x2apic = true, .feature_control = 5, .basic = 3ull << 54, .pin = may,
        .primary = may, .secondary = may, .exit = may, .entry = may, .ept_vpid = UINT64_MAX,
    };
}

static uint32_t controls_of(const struct vmx_controls *controls, enum word word)
{
    return word == PIN ? controls->pin : word == PRIMARY ? controls->primary : controls->secondary;
}

static uint64_t *capability_of(struct vmx_capabilities *c, enum word word)
{
    return word == PIN ? &c->pin : word == PRIMARY ? &c->primary : &c->secondary;
}

static void no_control_that_would_cause_one_is_ever_asked_for(void **state)
{
    struct vmx_capabilities c = anything_goes();
    struct vmx_controls controls = preflight_controls(&c);
    (void)state;
    assert_true(preflight_passes(&c));
    for (unsigned i = 0; i < WHYS; i++)
        if (whys[i].word != NO_CONTROL)
            assert_false(controls_of(&controls, whys[i].word) >> whys[i].bit & 1);
}

static void a_machine_that_demands_such_a_control_is_refused(void **state)
{
    (void)state;
    for (unsigned i = 0; i < WHYS; i++) {
        struct vmx_capabilities c = anything_goes();
        if (whys[i].word == NO_CONTROL)
            continue;
        *capability_of(&c, whys[i].word) |= 1ull << whys[i].bit;
        assert_false(preflight_passes(&c));
    }
}

/* Exits of hv/cr.c: CR3 and CR8. */
static void a_machine_that_demands_exits_for_cr3_or_cr8_is_refused(void **state)
{
    static const unsigned bits[] = { 15, 16, 19, 20 };
    (void)state;
    for (unsigned i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        struct vmx_capabilities c = anything_goes();
        assert_false(preflight_controls(&c).primary >> bits[i] & 1);
        c.primary |= 1ull << bits[i];
        assert_false(preflight_passes(&c));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_reason_has_its_outcome),
        TEST(a_number_that_no_manual_names_ends_the_vm),
        TEST(bits_above_the_number_change_nothing),
        TEST(a_refused_entry_ends_the_vm_whatever_the_number),
        TEST(the_record_names_a_row_of_the_recorder),
        TEST(nothing_else_of_the_record_changes),
        TEST(an_exit_tells_that_the_vmcs_is_launched),
        TEST(every_reason_has_its_name),
        TEST(each_impossible_reason_says_why_and_no_other),
        TEST(no_control_that_would_cause_one_is_ever_asked_for),
        TEST(a_machine_that_demands_such_a_control_is_refused),
        TEST(a_machine_that_demands_exits_for_cr3_or_cr8_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
