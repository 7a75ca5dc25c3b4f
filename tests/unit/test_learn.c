/* SPDX-License-Identifier: MIT
 *
 * hv/learn.c: what a learning guest touches is listed as it was handled, and a
 * guest that touches everything makes neither the list nor the log grow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "arch/spec/exit_reason.h"
#include "hv/device_memory.h"
#include "hv/event.h"
#include "hv/exit.h"
#include "hv/learn.h"
#include "hv/log.h"
#include "hv/mmio.h"
#include "hv/ports.h"
#include "hv/vm.h"
#include "tests/fake/cpuid_host.h"
#include "tests/fake/reports.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "
#define RIP 0xFFFFFFFF81000123ull

static const struct vm_config config = { .name = "linux1" };
static struct learn learn;
static struct vm vm;
static struct vcpu vcpu;

/* In place of hv/vcpu.c. */
void vcpu_retry(void)
{
}

/* In place of hv/uart.c. */
void uart_refresh(struct uart *uart)
{
    (void)uart;
}

/* In place of hv/ports.c, hv/mmio.c and hv/device_memory.c. */
struct verdict ports_exit(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    return ADVANCE;
}

bool ports_has(const struct vm *of, uint16_t port, size_t bytes)
{
    return of == &vm && port == 0xCF8 && bytes == 4;
}

struct verdict mmio_exit(struct vcpu *of)
{
    assert_ptr_equal(of, &vcpu);
    return ADVANCE;
}

bool device_memory_has(const struct vcpu *of, gpa_t gpa)
{
    return of == &vcpu && gpa.value - 0xFEC00000 < 0x1000;
}

static int set_up(void **state)
{
    struct cpuid_host host = fake_cpuid_host_full();
    struct cpuid_guest_facts facts = fake_cpuid_facts(1);
    (void)state;
    fake_terminal_reset();
    fake_reports_reset();
    memset(&learn, 0, sizeof learn);
    learn_init(&learn);
    memset(&vm, 0, sizeof vm);
    memset(&vcpu, 0, sizeof vcpu);
    vm.config = &config;
    vm.learn = &learn;
    vm.vcpu_count = 1;
    vm.vcpus[0] = &vcpu;
    vcpu.vm = &vm;
    vcpu.lapic.page = LAPIC_NO_PAGE;
    cpuid_table_build(&vm.cpuid, &host, &facts);
    msr_state_reset(&vcpu.msr);
    machine_vmwrite_natural(VMCS_GUEST_RIP, RIP);
    log_level_set(LOG_ERROR);
    return 0;
}

/* As arch/vmx_entry.asm does it. */
static struct verdict take_exit(enum exit_reason reason)
{
    machine_vmwrite_32(VMCS_EXIT_REASON, reason);
    machine_vmwrite_32(VMCS_ENTRY_INTERRUPTION_INFO, 0);
    learn_begin(&vcpu);
    struct verdict verdict = exit_dispatch(&vcpu, reason);
    if (verdict.kind == VERDICT_INJECT)
        event_inject_exception(verdict.vector, verdict.has_error_code, verdict.error_code);
    learn_end(&vcpu);
    return verdict;
}

static struct verdict rdmsr(uint32_t msr)
{
    vcpu.gpr[GPR_RCX] = msr;
    return take_exit(EXIT_RDMSR);
}

static struct verdict wrmsr(uint32_t msr, uint32_t value)
{
    vcpu.gpr[GPR_RCX] = msr;
    vcpu.gpr[GPR_RAX] = value;
    vcpu.gpr[GPR_RDX] = 0;
    return take_exit(EXIT_WRMSR);
}

static void io(uint16_t port, unsigned bytes, bool in)
{
    machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                            (uint64_t)port << IO_QUALIFICATION_PORT_SHIFT |
                                (in ? IO_QUALIFICATION_IN : 0) | (bytes - 1));
    take_exit(EXIT_IO_INSTRUCTION);
}

static void cpuid(uint32_t leaf, uint32_t subleaf)
{
    vcpu.gpr[GPR_RAX] = leaf;
    vcpu.gpr[GPR_RCX] = subleaf;
    take_exit(EXIT_CPUID);
}

static const char *listed(void)
{
    learn_report(&vm, false);
    return fake_terminal_shown();
}

static void the_guest_observes_the_same_as_another(void **state)
{
    (void)state;
    assert_int_equal(rdmsr(0x1A0).kind, VERDICT_ADVANCE);
    assert_int_equal(vcpu.gpr[GPR_RAX], 0x1801);
    struct verdict verdict = rdmsr(0x480);
    assert_int_equal(verdict.kind, VERDICT_INJECT);
    assert_int_equal(verdict.vector, 13);
}

static void each_place_has_a_line_with_how_often_and_from_where_first(void **state)
{
    (void)state;
    rdmsr(0x480);
    rdmsr(0x1A0);
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0x1000);
    rdmsr(0x1A0);
    wrmsr(0x8B, 0);
    wrmsr(0x8B, 1);
    io(0x5000, 1, false);
    io(0xCF8, 4, true);
    assert_string_equal(listed(),
        LINE "linux1: it touched 5 places:\r\n"
        LINE "linux1: rdmsr      0x1a0        times 2, refused 0, first from 0xffffffff81000123\r\n"
        LINE "linux1: rdmsr      0x480        times 1, refused 1, first from 0xffffffff81000123\r\n"
        LINE "linux1: wrmsr      0x8b         times 2, refused 1, first from 0x1000\r\n"
        LINE "linux1: in         0xcf8        times 1, refused 0, first from 0x1000\r\n"
        LINE "linux1: out        0x5000       times 1, refused 1, first from 0x1000\r\n");
}

static void leaves_count_by_subleaf_where_ecx_is_looked_at(void **state)
{
    (void)state;
    cpuid(1, 0);
    cpuid(1, 77);
    cpuid(7, 0);
    cpuid(7, 2);
    cpuid(0x80000000, 5);
    cpuid(0x8FFFFFFF, 0);
    assert_string_equal(listed(),
        LINE "linux1: it touched 5 places:\r\n"
        LINE "linux1: cpuid      0x1          times 2, refused 0, first from 0xffffffff81000123\r\n"
        LINE "linux1: cpuid      0x7          times 1, refused 0, first from 0xffffffff81000123\r\n"
        LINE "linux1: cpuid      0x80000000   times 1, refused 0, first from 0xffffffff81000123\r\n"
        LINE "linux1: cpuid      0x8fffffff   times 1, refused 1, first from 0xffffffff81000123\r\n"
        LINE "linux1: cpuid      0x7/2        times 1, refused 0, first from 0xffffffff81000123\r\n");
}

static void pages_count_as_wholes(void **state)
{
    static const uint64_t addresses[] = { 0xFED00010, 0xFED00FFF, 0xFEC00010 };
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        machine_vmwrite_64(VMCS_GUEST_PHYSICAL_ADDRESS, addresses[i]);
        machine_vmwrite_natural(VMCS_EXIT_QUALIFICATION,
                                i ? EPT_QUALIFICATION_WRITE : EPT_QUALIFICATION_READ);
        take_exit(EXIT_EPT_VIOLATION);
    }
    assert_string_equal(listed(),
        LINE "linux1: it touched 3 places:\r\n"
        LINE "linux1: read-page  0xfed00000   times 1, refused 1, first from 0xffffffff81000123\r\n"
        LINE "linux1: write-page 0xfec00000   times 1, refused 0, first from 0xffffffff81000123\r\n"
        LINE "linux1: write-page 0xfed00000   times 1, refused 1, first from 0xffffffff81000123\r\n");
}

static void exits_that_touch_nothing_of_these_are_not_listed(void **state)
{
    (void)state;
    take_exit(EXIT_WBINVD);
    take_exit(EXIT_VMCALL);
    take_exit(EXIT_RDPMC);
    assert_string_equal(listed(), LINE "linux1: it touched 0 places:\r\n");
}

/* Anywhere in the list, in any order. */
static void places_are_told_apart_and_sorted(void **state)
{
    static uint64_t times[LEARN_PLACES_MAX];
    (void)state;
    srand(3);
    memset(times, 0, sizeof times);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned number = (unsigned)rand() % LEARN_PLACES_MAX;
        times[number]++;
        io((uint16_t)(0x5000 + number * 7), 1, true);
    }
    assert_int_equal(learn.count, LEARN_PLACES_MAX);
    for (unsigned i = 0; i < LEARN_PLACES_MAX; i++) {
        assert_int_equal(learn.places[i].where, 0x5000 + i * 7);
        assert_int_equal(learn.places[i].times, times[i]);
    }
    assert_int_equal(learn.lost[LEARN_PORT_READ], 0);
}

static unsigned lines(const char *shown)
{
    unsigned count = 0;
    for (; (shown = strstr(shown, LINE)); shown++)
        count++;
    return count;
}

static void a_flood_is_bounded_and_what_does_not_fit_is_counted(void **state)
{
    (void)state;
    for (unsigned port = 0x1000; port <= 0xFFFF; port++)
        io((uint16_t)port, 1, true);
    for (uint32_t msr = 0; msr < 1000; msr++)
        rdmsr(0x40000000 + msr);
    io(0x1000, 1, true); /* is in the list already */
    const char *shown = listed();
    assert_int_equal(lines(shown), 1 + LEARN_PLACES_MAX + 2);
    assert_non_null(strstr(shown, "linux1: it touched 512 places:"));
    assert_non_null(strstr(shown, "in         0x1000       times 2, refused 2"));
    assert_non_null(strstr(shown, "linux1: in         60928 accesses more, to places that the list "
                                  "has no room for\r\n"));
    assert_non_null(strstr(shown, "linux1: rdmsr      1000 accesses more"));
}

static void the_next_life_begins_with_an_empty_list(void **state)
{
    (void)state;
    for (unsigned port = 0x1000; port <= 0x2000; port++)
        io((uint16_t)port, 1, true);
    (void)listed();
    assert_string_equal(listed(), LINE "linux1: it touched 0 places:\r\n");
}

static void a_guest_that_restarts_again_and_again_shows_one_list_a_minute(void **state)
{
    (void)state;
    vm.timers.tsc_hz = 1000;
    fake.tsc = 5;
    for (unsigned i = 0; i < 300; i++) {
        rdmsr(0x1A0);
        learn_report(&vm, true);
        assert_int_equal(learn.count, 0);
    }
    assert_int_equal(lines(fake_terminal_shown()), 2);
    fake.tsc += 60 * 1000;
    learn_report(&vm, true);
    assert_non_null(strstr(fake_terminal_shown(),
                           LINE "linux1: 299 lists before this one are not shown\r\n"));
    rdmsr(0x1A0);
    assert_int_equal(lines(listed()), 2); /* its end is always told */
}

static void an_end_without_a_begin_adds_nothing(void **state)
{
    (void)state;
    learn_end(&vcpu);
    rdmsr(0x1A0);
    learn_end(&vcpu);
    assert_int_equal(learn.count, 1);
    assert_int_equal(learn.places[0].times, 1);
}

static void vcpus_are_in_exits_at_the_same_time(void **state)
{
    static struct vcpu other;
    (void)state;
    other = vcpu;
    other.index = 1;
    vcpu.gpr[GPR_RCX] = 0x1A0;
    other.gpr[GPR_RCX] = 0x8B;
    machine_vmwrite_32(VMCS_EXIT_REASON, EXIT_RDMSR);
    learn_begin(&vcpu);
    learn_begin(&other);
    learn_end(&vcpu);
    learn_end(&other);
    assert_int_equal(learn.count, 2);
    assert_int_equal(learn.places[0].where, 0x8B);
    assert_int_equal(learn.places[1].where, 0x1A0);
}

static void a_guest_that_does_not_learn_has_no_list(void **state)
{
    (void)state;
    vm.learn = NULL;
    assert_string_equal(listed(), "");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_guest_observes_the_same_as_another),
        TEST(each_place_has_a_line_with_how_often_and_from_where_first),
        TEST(leaves_count_by_subleaf_where_ecx_is_looked_at),
        TEST(pages_count_as_wholes),
        TEST(exits_that_touch_nothing_of_these_are_not_listed),
        TEST(places_are_told_apart_and_sorted),
        TEST(a_flood_is_bounded_and_what_does_not_fit_is_counted),
        TEST(the_next_life_begins_with_an_empty_list),
        TEST(a_guest_that_restarts_again_and_again_shows_one_list_a_minute),
        TEST(an_end_without_a_begin_adds_nothing),
        TEST(vcpus_are_in_exits_at_the_same_time),
        TEST(a_guest_that_does_not_learn_has_no_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
