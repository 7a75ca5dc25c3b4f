/* SPDX-License-Identifier: MIT
 *
 * hv/dma_faults.c: records as a unit writes them, and how long a device is suffered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hv/dma_faults.h"

#define WINDOW 1000

static void assert_text(uint64_t low, uint64_t high, const char *expected)
{
    char text[DMA_FAULT_TEXT_SIZE];
    struct dma_fault fault = dma_fault_decode(low, high);
    dma_fault_format(text, &fault);
    assert_string_equal(text, expected);
}

static void a_record_says_who_what_where_and_why(void **state)
{
    (void)state;
    struct dma_fault fault = dma_fault_decode(0x123456789000, 0x8000000500000318);
    assert_int_equal(fault.source, 0x0318);
    assert_int_equal(fault.kind, DMA_FAULT_WRITE);
    assert_int_equal(fault.reason, 5);
    assert_int_equal(fault.address, 0x123456789000);
    assert_text(0x1FABC, 0xC000000600000318, "read of 1f000: not its memory to read (reason 6)");
    assert_text(0x0007000000000000, 0x8000002600000318,
                "interrupt 7: another function's (reason 26)");
    assert_text(0, 0x8000000100000000,
                "write to 0: nothing on that bus is assigned (reason 1)");
}

static void reasons_that_are_not_known_are_numbers(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 256; reason++) {
        char text[DMA_FAULT_TEXT_SIZE];
        struct dma_fault fault =
            dma_fault_decode(UINT64_MAX, (uint64_t)reason << 32 | 0xC000000000000000);
        dma_fault_format(text, &fault);
        assert_true(strlen(text) < DMA_FAULT_TEXT_SIZE - 1);
    }
    assert_text(0, 0x800000F100000000, "write to 0: an unknown reason (reason f1)");
    assert_text(0, 0x8000001F00000000, "write to 0: an unknown reason (reason 1f)");
}

static void a_few_are_told_then_the_device_is_taken_off(void **state)
{
    (void)state;
    struct dma_fault_history history = { 0 };
    for (unsigned i = 1; i <= 100; i++) {
        enum dma_fault_verdict expected = i <= DMA_FAULTS_TOLD ? DMA_FAULT_TELL
            : i == DMA_FAULTS_MAX ? DMA_FAULT_QUARANTINE : DMA_FAULT_FORGIVE;
        assert_int_equal(dma_fault_judge(&history, 5000 + i, WINDOW), expected);
    }
    /* And not again after a while. */
    assert_int_equal(dma_fault_judge(&history, 5000 + 10 * WINDOW, WINDOW), DMA_FAULT_FORGIVE);
}

static void slow_faults_are_told_and_never_quarantine(void **state)
{
    (void)state;
    struct dma_fault_history history = { 0 };
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(dma_fault_judge(&history, (uint64_t)i * WINDOW, WINDOW), DMA_FAULT_TELL);
    for (unsigned i = 0; i < 50; i++)
        assert_int_not_equal(dma_fault_judge(&history, 500000 + i * (WINDOW / 6), WINDOW),
                             DMA_FAULT_QUARANTINE);
}

/* A guest that starts again and again with a device that faults. */
static void a_new_life_has_no_new_budget(void **state)
{
    (void)state;
    struct dma_fault_history history = { 0 };
    for (unsigned i = 0; i < DMA_FAULTS_MAX; i++)
        (void)dma_fault_judge(&history, 1, WINDOW);
    for (unsigned life = 2; life < 100; life++) {
        dma_fault_reopen(&history);
        assert_int_equal(dma_fault_judge(&history, life, WINDOW), DMA_FAULT_QUARANTINE_AGAIN);
        assert_int_equal(dma_fault_judge(&history, life, WINDOW), DMA_FAULT_FORGIVE);
    }
    dma_fault_reopen(&history);
    assert_int_equal(dma_fault_judge(&history, WINDOW + 1, WINDOW), DMA_FAULT_TELL);
    dma_fault_reopen(&history);
    assert_int_equal(dma_fault_judge(&history, WINDOW + 2, WINDOW), DMA_FAULT_TELL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_says_who_what_where_and_why),
        cmocka_unit_test(reasons_that_are_not_known_are_numbers),
        cmocka_unit_test(a_few_are_told_then_the_device_is_taken_off),
        cmocka_unit_test(slow_faults_are_told_and_never_quarantine),
        cmocka_unit_test(a_new_life_has_no_new_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
