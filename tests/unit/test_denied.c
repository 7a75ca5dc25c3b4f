/* SPDX-License-Identifier: MIT
 *
 * What a guest is refused is said once, in words, and never as a flood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/denied.h"
#include "hv/log.h"
#include "hv/vm.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "

static const struct vm_config config = { .name = "linux1" };
static struct vm vm = { .config = &config };
static struct vcpu vcpu = { .vm = &vm, .index = 1 };

void uart_refresh(struct uart *of)
{
    (void)of;
}

static int fresh(void **state)
{
    (void)state;
    fake_terminal_reset();
    denied_init(&vm.denied);
    return 0;
}

static unsigned lines(const char *shown)
{
    unsigned count = 0;
    for (; (shown = strstr(shown, LINE)); shown++)
        count++;
    return count;
}

static void assert_says(enum denied_kind kind, uint64_t where, const char *expected)
{
    machine_vmwrite_natural(VMCS_GUEST_RIP, 0xFFFFFFFF81000123);
    denied_report(&vcpu, kind, where);
    assert_string_equal(fake_terminal_shown(), expected);
}

static void every_kind_has_its_words(void **state)
{
    (void)state;
    assert_says(DENIED_PORT_READ, 0x3E9, LINE "linux1: vCPU 1 read port 0x3e9, which it does not "
                "own (reads all ones); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_PORT_WRITE, 0x3E9, LINE "linux1: vCPU 1 wrote port 0x3e9, which it does "
                "not own (ignored); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_MSR_READ, 0xC0010015, LINE "linux1: vCPU 1 read MSR 0xc0010015, which it "
                "does not have (#GP); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_MSR_WRITE, 0x8B, LINE "linux1: vCPU 1 wrote MSR 0x8b, which it cannot "
                "change so (refused); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_IPI, 0x200, LINE "linux1: vCPU 1 sent an IPI that nothing here receives "
                "(ICR 0x200; ignored); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_APIC_WRITE, 0xFEE000B1, LINE "linux1: vCPU 1 wrote its local APIC at "
                "0xfee000b1, not as an aligned doubleword (ignored); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_MEMORY_READ, 0xFED00010, LINE "linux1: vCPU 1 read address 0xfed00010, "
                "where it has no memory (reads all ones); RIP 0xffffffff81000123\r\n");
    assert_says(DENIED_MEMORY_WRITE, 0xFED00010, LINE "linux1: vCPU 1 wrote address 0xfed00010, "
                "where it has no memory (ignored); RIP 0xffffffff81000123\r\n");
}

static void a_cause_is_said_once(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        machine_vmwrite_natural(VMCS_GUEST_RIP, i);
        denied_report(&vcpu, DENIED_PORT_READ, 0x3E9);
    }
    assert_int_equal(lines(fake_terminal_shown()), 1);
}

static void port_0_and_msr_0_are_causes_like_others(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        denied_report(&vcpu, DENIED_PORT_READ, 0);
        denied_report(&vcpu, DENIED_PORT_WRITE, 0);
        denied_report(&vcpu, DENIED_MSR_READ, 0);
        denied_report(&vcpu, DENIED_MEMORY_READ, 0);
    }
    assert_int_equal(lines(fake_terminal_shown()), 4);
}

static void memory_counts_by_the_page(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4096; i += 4)
        denied_report(&vcpu, DENIED_MEMORY_READ, 0xFED00000 + i);
    assert_int_equal(lines(fake_terminal_shown()), 1);
    denied_report(&vcpu, DENIED_MEMORY_READ, 0xFED01000);
    assert_int_equal(lines(fake_terminal_shown()), 1);
}

static void a_sweep_costs_a_bounded_number_of_lines(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 2; round++)
        for (uint64_t port = 0; port < 0x10000; port++)
            denied_report(&vcpu, DENIED_PORT_READ, port);
    for (uint64_t page = 0; page < 0x10000; page++)
        denied_report(&vcpu, DENIED_MEMORY_WRITE, page << 36 | page << 12);
    const char *shown = fake_terminal_shown();
    assert_int_equal(lines(shown), DENIED_MAX + 1);
    assert_non_null(strstr(shown, "linux1: 64 refused accesses are listed above; further ones are "
                                  "not\r\n"));
}

static void expected_causes_are_for_the_debug_level(void **state)
{
    (void)state;
    for (uint64_t port = 0; port < 0x10000; port++)
        denied_report_expected(&vcpu, DENIED_PORT_WRITE, port);
    assert_string_equal(fake_terminal_shown(), "");
    denied_report(&vcpu, DENIED_PORT_WRITE, 0x80); /* and take no place in the set */
    assert_int_equal(lines(fake_terminal_shown()), 1);
    log_level_set(LOG_DEBUG);
    denied_report_expected(&vcpu, DENIED_PORT_READ, 0x80);
    denied_report_expected(&vcpu, DENIED_PORT_READ, 0x80);
    assert_int_equal(lines(fake_terminal_shown()), 1);
}

/* Every one of DENIED_MAX causes is said once, in any order, whatever they
 * hash to. */
static void random_causes_are_each_said_once(void **state)
{
    (void)state;
    srand(6);
    for (unsigned round = 0; round < 50; round++) {
        uint64_t causes[DENIED_MAX];
        fresh(NULL);
        for (unsigned i = 0; i < DENIED_MAX; i++)
            causes[i] = (uint64_t)i << 16 | ((uint64_t)rand() & 0xFFFF);
        for (unsigned i = 0; i < DENIED_MAX; i++)
            denied_report(&vcpu, DENIED_MSR_READ, causes[i]);
        for (unsigned i = 0; i < 1000; i++)
            denied_report(&vcpu, DENIED_MSR_READ, causes[rand() % DENIED_MAX]);
        assert_int_equal(lines(fake_terminal_shown()), DENIED_MAX);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_has_its_words),
        TEST(a_cause_is_said_once),
        TEST(port_0_and_msr_0_are_causes_like_others),
        TEST(memory_counts_by_the_page),
        TEST(a_sweep_costs_a_bounded_number_of_lines),
        TEST(expected_causes_are_for_the_debug_level),
        TEST(random_causes_are_each_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
