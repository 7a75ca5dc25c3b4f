/* SPDX-License-Identifier: MIT
 *
 * hv/exit_report.c: the lines about how often a guest was left, and why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/exit_report.h"
#include "hv/log.h"
#include "hv/vm.h"
#include "tests/fake/terminal.h"

#define LINE "[bulkhead TEST] "

static const struct vm_config config = { .name = "linux1" };
static struct vcpu vcpus[2];
static struct recorder recorders[2];
static struct vm vm = { .config = &config, .vcpu_count = 2, .vcpus = { &vcpus[0], &vcpus[1] } };

/* In place of hv/uart.c. */
void uart_refresh(struct uart *of)
{
    (void)of;
}

static int set_up(void **state)
{
    (void)state;
    fake_terminal_reset();
    memset(vcpus, 0, sizeof vcpus);
    for (unsigned i = 0; i < 2; i++) {
        vcpus[i].vm = &vm;
        vcpus[i].index = i;
        vcpus[i].recorder = &recorders[i];
        recorder_reset(&recorders[i]);
    }
    log_level_set(LOG_DEBUG);
    return 0;
}

static void each_reason_that_occurred_has_a_line(void **state)
{
    (void)state;
    recorders[0].times[10].histogram[7] = 12;
    recorders[0].times[30].histogram[7] = 18446744073709551615ull;
    recorders[1].times[0].histogram[7] = 1;
    exit_report(&vm);
    assert_string_equal(fake_terminal_shown(),
                        LINE "linux1: vCPU 0: 12 exits by CPUID\r\n"
                        LINE "linux1: vCPU 0: 18446744073709551615 exits by I/O instruction\r\n"
                        LINE "linux1: vCPU 1: 1 exits by exception or NMI\r\n");
}

static void a_reason_without_a_name_is_not_left_out(void **state)
{
    (void)state;
    recorders[1].times[35].histogram[7] = 2;
    exit_report(&vm);
    assert_string_equal(fake_terminal_shown(), LINE "linux1: vCPU 1: 2 exits by unknown\r\n");
}

static void at_the_usual_level_nothing_is_shown(void **state)
{
    (void)state;
    log_level_set(LOG_INFO);
    recorders[0].times[10].histogram[7] = 12;
    exit_report(&vm);
    assert_string_equal(fake_terminal_shown(), "");
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_reason_that_occurred_has_a_line),
        TEST(a_reason_without_a_name_is_not_left_out),
        TEST(at_the_usual_level_nothing_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
