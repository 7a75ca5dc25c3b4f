/* SPDX-License-Identifier: MIT
 *
 * hv/restart.c against the table in its header, and its limit against a list of
 * all starts; hv/quota.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/quota.h"
#include "hv/restart.h"

#define HZ 1000u

static enum restart_decision decide(enum restart_policy policy, enum vm_end end)
{
    struct restart_rule rule = { .policy = policy };
    struct restart_history history = { .count = 0 };
    return restart_decide(&rule, &history, end, 5, HZ);
}

static void who_starts_again_is_the_table(void **state)
{
    static const struct {
        enum vm_end end;
        int never, on_reset, on_crash, always;
    } rows[] = {
        { VM_END_REBOOT, 0, 1, 1, 1 },   { VM_END_WATCHDOG, 0, 1, 1, 1 },
        { VM_END_CRASH, 0, 0, 1, 1 },    { VM_END_POWEROFF, 0, 0, 0, 1 },
        { VM_END_EXIT, 0, 0, 0, 1 },     { VM_END_STOP, 0, 0, 0, 0 },
        { VM_END_RESTART, 1, 1, 1, 1 },  { VM_END_NONE, 0, 0, 0, 0 },
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(decide(RESTART_NEVER, rows[i].end), rows[i].never);
        assert_int_equal(decide(RESTART_ON_RESET, rows[i].end), rows[i].on_reset);
        assert_int_equal(decide(RESTART_ON_CRASH, rows[i].end), rows[i].on_crash);
        assert_int_equal(decide(RESTART_ALWAYS, rows[i].end), rows[i].always);
    }
}

static void a_limit_holds_in_any_window(void **state)
{
    static uint64_t granted[20000];
    (void)state;
    for (unsigned seed = 1; seed < 100; seed++) {
        srand(seed);
        struct restart_rule rule = { .policy = RESTART_ALWAYS,
                                     .limit = 1 + (unsigned)rand() % RESTART_LIMIT_MAX,
                                     .seconds = 1 + (unsigned)rand() % 100 };
        struct restart_history history = { .count = 0 };
        uint64_t tsc = (uint64_t)rand();
        unsigned count = 0;
        for (unsigned i = 0; i < 2000; i++) {
            unsigned within = 0;
            tsc += (unsigned)rand() % (2 * rule.seconds * HZ / rule.limit + 1);
            for (unsigned j = count; j-- > 0 && tsc - granted[j] < rule.seconds * HZ;)
                within++;
            enum restart_decision is = restart_decide(&rule, &history, VM_END_CRASH, tsc, HZ);
            assert_int_equal(is, within < rule.limit ? RESTART_YES : RESTART_TOO_OFTEN);
            if (is == RESTART_YES)
                granted[count++] = tsc;
        }
    }
}

static unsigned yes_of(const struct restart_rule *rule, enum vm_end end)
{
    struct restart_history history = { .count = 0 };
    unsigned yes = 0;
    for (unsigned i = 0; i < 200; i++)
        yes += restart_decide(rule, &history, end, i, HZ) == RESTART_YES;
    return yes;
}

static void where_crashes_restart_a_guest_there_always_is_a_limit(void **state)
{
    struct restart_rule rule = { .policy = RESTART_ON_CRASH };
    (void)state;
    assert_int_equal(yes_of(&rule, VM_END_CRASH), 5);
    rule.policy = RESTART_ALWAYS;
    assert_int_equal(yes_of(&rule, VM_END_POWEROFF), 5);
    rule.policy = RESTART_ON_RESET;
    assert_int_equal(yes_of(&rule, VM_END_REBOOT), 200);
    rule.limit = 7;
    rule.seconds = 60;
    assert_int_equal(yes_of(&rule, VM_END_REBOOT), 7);
}

static void where_a_watchdog_restarts_a_guest_there_always_is_a_limit(void **state)
{
    struct restart_rule rule = { .policy = RESTART_ON_RESET, .watched = true };
    (void)state;
    assert_int_equal(yes_of(&rule, VM_END_WATCHDOG), 5);
    assert_int_equal(restart_rule_in_force(&rule).seconds, 60);
    rule.limit = 7;
    rule.seconds = 60;
    assert_int_equal(yes_of(&rule, VM_END_WATCHDOG), 7);
    rule = (struct restart_rule){ .policy = RESTART_NEVER, .watched = true };
    assert_int_equal(restart_rule_in_force(&rule).limit, 0);
    assert_int_equal(yes_of(&rule, VM_END_WATCHDOG), 0);
}

static void the_user_is_not_limited_and_not_counted(void **state)
{
    struct restart_rule rule = { .policy = RESTART_ON_CRASH, .limit = 2, .seconds = 60 };
    struct restart_history history = { .count = 0 };
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(restart_decide(&rule, &history, VM_END_RESTART, i, HZ), RESTART_YES);
    assert_int_equal(restart_decide(&rule, &history, VM_END_CRASH, 11, HZ), RESTART_YES);
    assert_int_equal(restart_decide(&rule, &history, VM_END_CRASH, 12, HZ), RESTART_YES);
    assert_int_equal(restart_decide(&rule, &history, VM_END_CRASH, 13, HZ), RESTART_TOO_OFTEN);
    assert_int_equal(restart_decide(&rule, &history, VM_END_RESTART, 14, HZ), RESTART_YES);
}

static void a_quota_counts_what_it_refuses(void **state)
{
    struct quota quota = { .used = 0 };
    uint32_t refused = 99;
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(quota_take(&quota, 3, 100 + i, 50, &refused));
        assert_int_equal(refused, 0);
    }
    for (unsigned i = 0; i < 7; i++)
        assert_false(quota_take(&quota, 3, 110 + i, 50, &refused));
    assert_false(quota_take(&quota, 3, 149, 50, &refused));
    assert_true(quota_take(&quota, 3, 150, 50, &refused));
    assert_int_equal(refused, 8);
    assert_true(quota_take(&quota, 3, 151, 50, &refused));
    assert_int_equal(refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_starts_again_is_the_table),
        cmocka_unit_test(a_limit_holds_in_any_window),
        cmocka_unit_test(where_crashes_restart_a_guest_there_always_is_a_limit),
        cmocka_unit_test(where_a_watchdog_restarts_a_guest_there_always_is_a_limit),
        cmocka_unit_test(the_user_is_not_limited_and_not_counted),
        cmocka_unit_test(a_quota_counts_what_it_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
