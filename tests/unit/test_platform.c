/* SPDX-License-Identifier: MIT
 *
 * The ways in which a guest turns itself off or resets itself, and that nothing
 * else does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hv/guest_ports.h"
#include "hv/platform.h"

#define S5 (GUEST_S5_SLEEP_TYPE << 10)
#define SLEEP_ENABLE 0x2000u

static struct platform_ports platform;
static uint64_t now;

static int fresh(void **state)
{
    (void)state;
    now = 0x5C0000000;
    platform_init(&platform, now);
    return 0;
}

static uint32_t get(uint16_t port, size_t bytes)
{
    return platform_read(&platform, port, bytes, now);
}

static enum platform_event set(uint16_t port, size_t bytes, uint32_t value)
{
    return platform_write(&platform, port, bytes, value, now);
}

static void s5_powers_off(void **state)
{
    (void)state;
    assert_int_equal(set(GUEST_PORT_PM1A_CONTROL, 2, S5), PLATFORM_NOTHING);
    assert_int_equal(set(GUEST_PORT_PM1A_CONTROL, 2, S5 | SLEEP_ENABLE), PLATFORM_POWER_OFF);
}

static void s5_powers_off_by_bytes_too(void **state)
{
    (void)state;
    assert_int_equal(set(GUEST_PORT_PM1A_CONTROL, 1, 0), PLATFORM_NOTHING);
    assert_int_equal(set(GUEST_PORT_PM1A_CONTROL + 1, 1, (S5 | SLEEP_ENABLE) >> 8),
                     PLATFORM_POWER_OFF);
}

static void other_sleeping_types_do_nothing(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 8; type++)
        if (type != GUEST_S5_SLEEP_TYPE)
            assert_int_equal(set(GUEST_PORT_PM1A_CONTROL, 2, type << 10 | SLEEP_ENABLE),
                             PLATFORM_NOTHING);
}

static void acpi_mode_is_always_on(void **state)
{
    (void)state;
    assert_int_equal(get(GUEST_PORT_PM1A_CONTROL, 2), 1);
    (void)set(GUEST_PORT_PM1A_CONTROL, 2, 0xC002);
    assert_int_equal(get(GUEST_PORT_PM1A_CONTROL, 2), 3);
    (void)set(GUEST_PORT_PM1A_CONTROL, 2, S5 | 4);
    assert_int_equal(get(GUEST_PORT_PM1A_CONTROL, 2), S5 | 1);
}

static void the_pm_timer_is_the_time(void **state)
{
    (void)state;
    now = 0x5C1234567;
    assert_int_equal(get(GUEST_PORT_PM_TIMER, 4), 0xC1234567);
    assert_int_equal(get(GUEST_PORT_PM_TIMER, 2) & 0xFFFF, 0x4567);
    assert_int_equal(get(GUEST_PORT_PM_TIMER + 1, 1) & 0xFF, 0x45);
    assert_int_equal(get(GUEST_PORT_PM_TIMER + 2, 2) & 0xFFFF, 0xC123);
    (void)set(GUEST_PORT_PM_TIMER, 4, 0);
    assert_int_equal(get(GUEST_PORT_PM_TIMER, 4), 0xC1234567);
}

/* A change of its highest bit is an event, and interrupts where it is enabled. */
static void a_carry_of_the_pm_timer_is_an_event(void **state)
{
    (void)state;
    assert_int_equal(platform_next_sci(&platform), PM_TIMER_NEVER);
    (void)set(GUEST_PORT_PM1A_EVENT + 2, 2, 1);
    assert_int_equal(platform_next_sci(&platform), 0x600000000);
    now = 0x5FFFFFFFF;
    assert_false(platform_sci(&platform, now));
    now = 0x600000000;
    assert_true(platform_sci(&platform, now));
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT, 2), 1);
    assert_int_equal(platform_next_sci(&platform), PM_TIMER_NEVER);
    (void)set(GUEST_PORT_PM1A_EVENT, 2, 0xFFFE);
    assert_true(platform_sci(&platform, now));
    (void)set(GUEST_PORT_PM1A_EVENT, 2, 1);
    assert_false(platform_sci(&platform, now));
    assert_int_equal(platform_next_sci(&platform), 0x680000000);
    (void)set(GUEST_PORT_PM1A_EVENT + 2, 2, 0);
    now = 0x800000000; /* nobody was interrupted; the status tells */
    assert_false(platform_sci(&platform, now));
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT, 1), 1);
    (void)set(GUEST_PORT_PM1A_EVENT + 2, 2, 1);
    assert_true(platform_sci(&platform, now));
}

static void other_pm1_events_never_happen_and_can_be_enabled(void **state)
{
    (void)state;
    (void)set(GUEST_PORT_PM1A_EVENT, 4, 0x0120FFFF);
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT, 2), 0);
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT + 2, 2), 0x0120);
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT, 4), 0x01200000);
    (void)set(GUEST_PORT_PM1A_EVENT + 3, 1, 0x02);
    assert_int_equal(get(GUEST_PORT_PM1A_EVENT + 2, 2), 0x0220);
}

static void the_reset_register_resets_by_bit_2_alone(void **state)
{
    (void)state;
    assert_int_equal(set(GUEST_PORT_RESET, 1, 0x02), PLATFORM_NOTHING);
    assert_int_equal(get(GUEST_PORT_RESET, 1), 0x02);
    assert_int_equal(set(GUEST_PORT_RESET, 1, 0xFB), PLATFORM_NOTHING);
    assert_int_equal(set(GUEST_PORT_RESET, 1, GUEST_RESET_VALUE), PLATFORM_RESET_CF9);
    assert_int_equal(set(GUEST_PORT_RESET, 1, 0x0E), PLATFORM_RESET_CF9);
    assert_int_equal(set(GUEST_PORT_RESET, 1, 0x04), PLATFORM_RESET_CF9);
}

static void every_event_has_a_text(void **state)
{
    (void)state;
    for (enum platform_event event = PLATFORM_NOTHING; event <= PLATFORM_RESET_FAST; event++)
        assert_true(strlen(platform_event_text(event)) > 3);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(s5_powers_off),
        TEST(s5_powers_off_by_bytes_too),
        TEST(other_sleeping_types_do_nothing),
        TEST(acpi_mode_is_always_on),
        TEST(the_pm_timer_is_the_time),
        TEST(a_carry_of_the_pm_timer_is_an_event),
        TEST(other_pm1_events_never_happen_and_can_be_enabled),
        TEST(the_reset_register_resets_by_bit_2_alone),
        TEST(every_event_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
