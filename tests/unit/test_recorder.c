/* SPDX-License-Identifier: MIT
 *
 * hv/recorder.c, with what arch/vmx_entry.asm does at each exit written here
 * again in C: what a summary says is what happened, whatever the times were, and
 * the last exits are the last ones in their order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/vcpu.h"

static _Alignas(RECORDER_RING_BYTES) uint8_t ring[RECORDER_RING_BYTES];
static struct recorder recorder;
static struct vcpu vcpu;

static int set_up(void **state)
{
    (void)state;
    memset(ring, 0, sizeof ring);
    recorder_reset(&recorder);
    vcpu = (struct vcpu){ .exit = (struct exit_record *)ring, .recorder = &recorder };
    return 0;
}

static void exit_of(uint32_t reason, uint32_t cycles, uint64_t tsc)
{
    uintptr_t at = (uintptr_t)vcpu.exit;
    at = (at & ~(uintptr_t)0xFFFF) | ((at + sizeof(struct exit_record)) & 0xFFFF);
    vcpu.exit = (struct exit_record *)at;
    *vcpu.exit = (struct exit_record){ .rip = tsc + 1, .qualification = tsc + 2, .reason = reason,
                                       .cycles = cycles, .tsc = tsc };
    struct exit_times *times = &recorder.times[reason];
    uint32_t excess = cycles - times->shortest;
    if (excess > times->span) {
        recorder_extreme(times, vcpu.exit);
        excess = vcpu.exit->cycles - times->shortest;
        assert_true(excess <= times->span);
    }
    assert_int_not_equal(vcpu.exit->cycles, 0); /* BSR of it is defined */
    times->histogram[31 - __builtin_clz(vcpu.exit->cycles)]++;
    times->excess += excess;
}

static void no_exit_has_an_empty_summary(void **state)
{
    (void)state;
    for (unsigned i = 0; i < RECORDER_ROWS; i++) {
        struct exit_summary summary = recorder_summary(&recorder.times[i]);
        assert_int_equal(summary.count, 0);
        assert_int_equal(summary.sum, 0);
        assert_int_equal(summary.longest, 0);
    }
    assert_int_equal(recorder_exits(&recorder), 0);
}

static uint32_t any_cycles(void)
{
    return (uint32_t)(((uint64_t)rand() << 31 | (uint64_t)rand()) >> rand() % 31);
}

static void a_summary_is_what_happened(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 300; seed++) {
        struct exit_summary expected = { .shortest = UINT32_MAX };
        uint64_t buckets[32] = { 0 };
        srand(seed);
        set_up(NULL);
        for (unsigned i = 0; i < 500; i++) {
            uint32_t cycles = any_cycles();
            exit_of(10, cycles, i + 1);
            cycles = cycles ? cycles : 1;
            expected.count++;
            expected.sum += cycles;
            expected.shortest = cycles < expected.shortest ? cycles : expected.shortest;
            expected.longest = cycles > expected.longest ? cycles : expected.longest;
            buckets[31 - __builtin_clz(cycles)]++;
            struct exit_summary summary = recorder_summary(&recorder.times[10]);
            assert_memory_equal(&summary, &expected, sizeof expected);
        }
        assert_memory_equal(recorder.times[10].histogram, buckets, sizeof buckets);
        assert_int_equal(recorder_exits(&recorder), 500);
    }
}

static void the_extremes_of_what_a_counter_holds_are_told(void **state)
{
    static const uint32_t orders[][4] = {
        { UINT32_MAX, 0, 1, UINT32_MAX }, { 0, UINT32_MAX, 5, 0 }, { 7, 7, UINT32_MAX, 1 } };
    (void)state;
    for (unsigned o = 0; o < 3; o++) {
        uint64_t sum = 0;
        set_up(NULL);
        for (unsigned i = 0; i < 4; i++) {
            exit_of(30, orders[o][i], 1);
            sum += orders[o][i] ? orders[o][i] : 1;
        }
        struct exit_summary summary = recorder_summary(&recorder.times[30]);
        assert_int_equal(summary.sum, sum);
        assert_int_equal(summary.shortest, 1);
        assert_int_equal(summary.longest, UINT32_MAX);
    }
}

static void reasons_are_apart_and_all_count(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason <= RECORDER_UNKNOWN; reason++)
        for (unsigned i = 0; i <= reason; i++)
            exit_of(reason, 100 + reason, 1);
    for (unsigned reason = 0; reason <= RECORDER_UNKNOWN; reason++) {
        struct exit_summary summary = recorder_summary(&recorder.times[reason]);
        assert_int_equal(summary.count, reason + 1);
        assert_int_equal(summary.shortest, 100 + reason);
        assert_int_equal(summary.longest, 100 + reason);
    }
    assert_int_equal(recorder_exits(&recorder), (RECORDER_UNKNOWN + 1) * (RECORDER_UNKNOWN + 2) / 2);
}

static void visits_to_the_mailbox_are_no_exits(void **state)
{
    (void)state;
    recorder_count(&recorder.times[RECORDER_SERVICE], 1ull << 40);
    recorder_count(&recorder.times[RECORDER_SERVICE], 3);
    recorder_count(&recorder.times[RECORDER_SERVICE], 0);
    struct exit_summary summary = recorder_summary(&recorder.times[RECORDER_SERVICE]);
    assert_int_equal(summary.count, 3);
    assert_int_equal(summary.sum, 4ull + UINT32_MAX);
    assert_int_equal(recorder_exits(&recorder), 0);
}

static void the_last_exits_are_told_newest_first(void **state)
{
    struct exit_record record;
    (void)state;
    assert_false(recorder_look(recorder_last(&vcpu), 0, &record));
    for (uint64_t tsc = 1; tsc < 3 * RECORDER_RECORDS; tsc++) {
        exit_of(10, 50, tsc);
        for (unsigned back = 0; back < RECORDER_SHOWN_MAX; back += 51) {
            bool there = recorder_look(recorder_last(&vcpu), back, &record);
            assert_int_equal(there, tsc > back);
            assert_true(!there || (record.tsc == tsc - back && record.rip == tsc - back + 1 &&
                                   record.qualification == tsc - back + 2));
        }
    }
}

static void a_reset_forgets_the_times_and_keeps_the_records(void **state)
{
    struct exit_record record;
    (void)state;
    exit_of(10, 50, 1);
    recorder_reset(&recorder);
    assert_int_equal(recorder_exits(&recorder), 0);
    assert_true(recorder_look(recorder_last(&vcpu), 0, &record));
    exit_of(10, 70, 2);
    assert_int_equal(recorder_summary(&recorder.times[10]).shortest, 70);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_exit_has_an_empty_summary),
        TEST(a_summary_is_what_happened),
        TEST(the_extremes_of_what_a_counter_holds_are_told),
        TEST(reasons_are_apart_and_all_count),
        TEST(visits_to_the_mailbox_are_no_exits),
        TEST(the_last_exits_are_told_newest_first),
        TEST(a_reset_forgets_the_times_and_keeps_the_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
