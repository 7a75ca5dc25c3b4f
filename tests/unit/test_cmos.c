/* SPDX-License-Identifier: MIT
 *
 * The guest's clock against the C library's calendar, and its registers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

#include "hv/calendar.h"
#include "hv/cmos.h"

#define HZ (uint64_t)RTC_HZ
#define BOOT_TICK 777ull
#define BOOT_SECONDS 1700000000ull /* 2023-11-14 22:13:20, a Tuesday */

enum { SECOND = 0, MINUTE = 2, HOUR = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9, A, B, C, D,
       CENTURY = 0x32 };
enum { B_24_HOURS = 2, B_BINARY = 4, B_SET = 0x80 };

static struct cmos cmos;
static uint64_t now;

static void begin(uint64_t seconds)
{
    now = BOOT_TICK;
    cmos_init(&cmos, seconds, now);
}

static int fresh(void **state)
{
    (void)state;
    begin(BOOT_SECONDS);
    return 0;
}

static uint8_t get(uint8_t index)
{
    cmos_select(&cmos, index);
    return cmos_read(&cmos, now);
}

static void set(uint8_t index, uint8_t value)
{
    cmos_select(&cmos, index);
    cmos_write(&cmos, value, now);
}

static void the_time_is_the_hosts_in_bcd_and_24_hours(void **state)
{
    (void)state;
    assert_int_equal(get(SECOND), 0x20);
    assert_int_equal(get(MINUTE), 0x13);
    assert_int_equal(get(HOUR), 0x22);
    assert_int_equal(get(WEEKDAY), 3);
    assert_int_equal(get(DAY), 0x14);
    assert_int_equal(get(MONTH), 0x11);
    assert_int_equal(get(YEAR), 0x23);
    assert_int_equal(get(CENTURY), 0x20);
}

static void the_time_runs(void **state)
{
    (void)state;
    now += 39 * HZ + HZ - 1;
    assert_int_equal(get(SECOND), 0x59);
    now += 1;
    assert_int_equal(get(SECOND), 0x00);
    assert_int_equal(get(MINUTE), 0x14);
}

static void binary_and_12_hours_are_as_register_b_says(void **state)
{
    (void)state;
    set(B, B_BINARY | B_24_HOURS);
    assert_int_equal(get(HOUR), 22);
    assert_int_equal(get(YEAR), 23);
    assert_int_equal(get(CENTURY), 20);
    set(B, B_BINARY);
    assert_int_equal(get(HOUR), 0x80 | 10);
    set(B, 0);
    assert_int_equal(get(HOUR), 0x80 | 0x10);
}

static void twelve_hours_have_no_zero(void **state)
{
    (void)state;
    for (unsigned hour = 0; hour < 24; hour++) {
        begin(hour * 3600);
        set(B, B_BINARY);
        unsigned expected = (hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0);
        assert_int_equal(get(HOUR), expected);
        set(HOUR, get(HOUR));
        set(B, B_BINARY | B_24_HOURS);
        assert_int_equal(get(HOUR), hour);
    }
}

static void status_registers_read_as_a_working_clock(void **state)
{
    (void)state;
    assert_int_equal(get(A), 0x26);
    set(A, 0xFF);
    assert_int_equal(get(A), 0x7F); /* UIP is the clock's */
    set(A, 0x26);
    assert_int_equal(get(B), B_24_HOURS);
    set(C, 0xFF);
    assert_int_equal(get(C), 0);
    set(D, 0);
    assert_int_equal(get(D), 0x80);
}

static void all_else_is_ram(void **state)
{
    (void)state;
    for (unsigned i = 0x0E; i < CMOS_BYTES; i++)
        if (i != CENTURY)
            set((uint8_t)i, (uint8_t)(i * 3));
    for (unsigned i = 0x0E; i < CMOS_BYTES; i++)
        if (i != CENTURY)
            assert_int_equal(get((uint8_t)i), (uint8_t)(i * 3));
    assert_int_equal(get(0x80 | 0x20), 0x60); /* bit 7 of the index masks NMIs */
    assert_int_equal(get(MINUTE), 0x13);
}

static void the_alarm_is_kept(void **state)
{
    (void)state;
    set(1, 0x59);
    set(3, 0xC0);
    set(5, 0x12);
    assert_int_equal(get(1), 0x59);
    assert_int_equal(get(3), 0xC0);
    assert_int_equal(get(5), 0x12);
}

/* The order in which Linux' mc146818_set_time writes, through a day that
 * February does not have. */
static void setting_the_clock_holds_it_until_all_is_written(void **state)
{
    (void)state;
    begin(1709251200); /* 2024-03-01 */
    set(B, B_SET | B_24_HOURS);
    now += 100 * HZ;
    assert_int_equal(get(SECOND), 0);
    set(MONTH, 0x02);
    set(DAY, 0x31);
    set(YEAR, 0x25);
    set(HOUR, 0x23);
    set(MINUTE, 0x59);
    set(SECOND, 0x58);
    set(MONTH, 0x12);
    assert_int_equal(get(DAY), 0x31);
    set(B, B_24_HOURS);
    assert_int_equal(get(SECOND), 0x58);
    now += 2 * HZ;
    assert_int_equal(get(SECOND), 0x00);
    assert_int_equal(get(HOUR), 0x00);
    assert_int_equal(get(DAY), 0x01);
    assert_int_equal(get(MONTH), 0x01);
    assert_int_equal(get(YEAR), 0x26);
    assert_int_equal(get(WEEKDAY), 5);
}

static void a_running_clock_can_be_set_too(void **state)
{
    (void)state;
    set(MINUTE, 0x00);
    set(CENTURY, 0x19);
    set(YEAR, 0x99);
    now += 60 * HZ;
    assert_int_equal(get(MINUTE), 0x01);
    assert_int_equal(get(SECOND), 0x20);
    assert_int_equal(get(CENTURY), 0x19);
    assert_int_equal(get(YEAR), 0x99);
}

static void a_restart_keeps_time_and_ram(void **state)
{
    (void)state;
    set(HOUR, 0x01);
    set(0x40, 7);
    set(0x0F, 0x0A);
    set(B, 0x72);
    cmos_reset(&cmos);
    assert_int_equal(cmos_shutdown_code(&cmos), 0); /* as a BIOS has taken it */
    assert_int_equal(get(HOUR), 0x01);
    assert_int_equal(get(0x40), 7);
    assert_int_equal(get(B), B_24_HOURS);
}

static void random_writes_never_give_a_time_that_does_not_exist(void **state)
{
    (void)state;
    srand(5);
    for (unsigned i = 0; i < 300000; i++) {
        static const uint8_t fields[] = { SECOND, MINUTE, HOUR, WEEKDAY, DAY, MONTH, YEAR,
                                          CENTURY, A, B };
        set(fields[rand() % 10], (uint8_t)rand());
        now += (uint64_t)rand();
        if (i % 100 != 0)
            continue;
        set(B, B_BINARY | B_24_HOURS);
        assert_in_range(get(SECOND), 0, 59);
        assert_in_range(get(MINUTE), 0, 59);
        assert_in_range(get(HOUR), 0, 23);
        assert_in_range(get(WEEKDAY), 1, 7);
        assert_in_range(get(DAY), 1, 31);
        assert_in_range(get(MONTH), 1, 12);
        assert_in_range(get(YEAR), 0, 99);
        assert_in_range(get(CENTURY), 0, 99);
    }
}

static void the_calendar_agrees_with_the_c_library(void **state)
{
    (void)state;
    int64_t first = -62167219200; /* 0000-01-01 */
    int64_t last = 253402300799;  /* 9999-12-31 23:59:59 */
    for (int64_t seconds = first; seconds <= last; seconds += 86400 * 13 + 12345) {
        struct tm tm;
        time_t time = seconds;
        gmtime_r(&time, &tm);
        struct calendar date = calendar_from_seconds(seconds);
        assert_int_equal(date.year, tm.tm_year + 1900);
        assert_int_equal(date.month, tm.tm_mon + 1);
        assert_int_equal(date.day, tm.tm_mday);
        assert_int_equal(date.hour, tm.tm_hour);
        assert_int_equal(date.minute, tm.tm_min);
        assert_int_equal(date.second, tm.tm_sec);
        assert_int_equal(date.weekday, tm.tm_wday + 1);
        assert_true(calendar_to_seconds(&date) == seconds);
    }
    assert_true(calendar_to_seconds(&(struct calendar){ .year = 9999, .month = 12, .day = 31,
                                                        .hour = 23, .minute = 59,
                                                        .second = 59 }) == last);
}

static void every_day_around_leap_days_is_there(void **state)
{
    (void)state;
    static const int64_t starts[] = { 1582934400 /* 2020-02-29 */, 951782400 /* 2000-02-29 */,
                                      4107456000 /* 2100-02-28 */, -2203977600 /* 1900-02-28 */ };
    for (unsigned i = 0; i < 4; i++)
        for (int day = -800; day < 800; day++) {
            int64_t seconds = starts[i] + day * 86400;
            struct tm tm;
            time_t time = seconds;
            gmtime_r(&time, &tm);
            struct calendar date = calendar_from_seconds(seconds);
            assert_int_equal(date.day, tm.tm_mday);
            assert_int_equal(date.month, tm.tm_mon + 1);
            assert_true(calendar_to_seconds(&date) == seconds);
        }
}

static void times_outside_the_calendar_are_its_ends(void **state)
{
    (void)state;
    struct calendar first = calendar_from_seconds(INT64_MIN);
    struct calendar last = calendar_from_seconds(INT64_MAX);
    assert_int_equal(first.year, 0);
    assert_int_equal(first.day, 1);
    assert_int_equal(last.year, 9999);
    assert_int_equal(last.second, 59);
    struct calendar wild = { 65535, 255, 255, 255, 255, 255, 0 };
    assert_true(calendar_to_seconds(&wild) == 253402300799);
    assert_true(calendar_to_seconds(&(struct calendar){ 0 }) == -62167219200);
}

/* ---- Events ---- */

enum { PERIODIC = 0x40, ALARM = 0x20, UPDATED = 0x10, REQUEST = 0x80 };

static bool interrupt(void) { return cmos_interrupt(&cmos, now); }
static uint64_t next_interrupt(void) { return cmos_next_interrupt(&cmos); }

/* From 22:13:20 on. */
static uint64_t second_from_now(uint64_t seconds) { return BOOT_TICK + seconds * HZ; }

static void an_update_is_announced(void **state)
{
    (void)state;
    now = second_from_now(1) - 74;
    assert_int_equal(get(A), 0x26);
    now++;
    assert_int_equal(get(A), 0xA6);
    assert_int_equal(get(SECOND), 0x20);
    set(B, B_SET | B_24_HOURS); /* which ends an update */
    assert_int_equal(get(A), 0x26);
    set(B, B_24_HOURS);
    now = second_from_now(1) - 1;
    assert_int_equal(get(A), 0xA6);
    now++;
    assert_int_equal(get(A), 0x26);
    assert_int_equal(get(SECOND), 0x21);
}

/* "Periodic Interrupt Rate and Square Wave Output Frequency" */
static void the_periodic_event_has_the_rate_of_register_a(void **state)
{
    (void)state;
    static const unsigned hz[16] = { 0, 256, 128, 8192, 4096, 2048, 1024, 512,
                                     256, 128, 64, 32, 16, 8, 4, 2 };
    for (unsigned rate = 0; rate < 16; rate++) {
        begin(BOOT_SECONDS);
        set(A, (uint8_t)(0x20 | rate));
        set(B, PERIODIC | B_24_HOURS);
        assert_false(interrupt());
        if (rate == 0) {
            assert_int_equal(next_interrupt(), RTC_NEVER);
            now += 100 * HZ;
            assert_false(interrupt());
            continue;
        }
        for (unsigned i = 1; i <= 3 * hz[rate]; i++) {
            uint64_t expected = BOOT_TICK + (uint64_t)i * HZ / hz[rate];
            assert_int_equal(next_interrupt(), expected);
            now = expected - 1;
            assert_false(interrupt());
            now = expected;
            assert_true(interrupt());
            assert_int_equal(next_interrupt(), RTC_NEVER); /* until it is read */
            assert_int_equal(get(C) & (REQUEST | PERIODIC), REQUEST | PERIODIC);
            assert_false(interrupt());
        }
    }
}

static void reading_register_c_ends_every_event(void **state)
{
    (void)state;
    set(B, UPDATED | PERIODIC | ALARM | B_24_HOURS);
    set(1, 0xFF);
    set(3, 0xFF);
    set(5, 0xFF);
    now += 10 * HZ;
    assert_true(interrupt());
    assert_int_equal(get(C), REQUEST | PERIODIC | ALARM | UPDATED);
    assert_int_equal(get(C), 0);
    assert_false(interrupt());
    now += HZ;
    set(B, B_24_HOURS); /* events happen also where they interrupt nobody */
    assert_false(interrupt());
    assert_int_equal(get(C), PERIODIC | ALARM | UPDATED);
    now += HZ;
    assert_false(interrupt());
    set(B, UPDATED | B_24_HOURS); /* one that has happened interrupts when enabled */
    assert_true(interrupt());
}

static void an_update_ends_with_an_event(void **state)
{
    (void)state;
    set(B, UPDATED | B_24_HOURS);
    for (uint64_t i = 1; i < 100; i++) {
        assert_int_equal(next_interrupt(), second_from_now(i));
        now = second_from_now(i) - 1;
        assert_false(interrupt());
        now++;
        assert_true(interrupt());
        assert_true(get(C) & UPDATED);
    }
    set(B, B_SET | UPDATED | B_24_HOURS);
    assert_int_equal(get(B), B_SET | B_24_HOURS); /* SET clears the enable bit */
    set(B, B_SET | UPDATED | B_24_HOURS);
    now += 10 * HZ;
    assert_false(interrupt());
    assert_int_equal(next_interrupt(), RTC_NEVER);
}

/* From 22:13:20, Tuesday. */
static void the_alarm_goes_off_when_all_three_match(void **state)
{
    (void)state;
    static const struct { uint8_t hour, minute, second; uint64_t after; } alarms[] = {
        { 0x22, 0x13, 0x21, 1 }, { 0x22, 0x14, 0x00, 40 }, { 0x23, 0x00, 0x00, 2800 },
        { 0x22, 0x13, 0x20, 86400 }, { 0x00, 0x00, 0x00, 6400 }, { 0x22, 0x13, 0x19, 86399 },
        { 0xFF, 0xFF, 0xFF, 1 }, { 0xFF, 0xFF, 0x20, 60 }, { 0xC0, 0xFF, 0x00, 40 },
        { 0xFF, 0x13, 0xFF, 1 }, { 0xFF, 0x13, 0x00, 3580 }, { 0xFF, 0x00, 0x00, 2800 },
        { 0x00, 0xFF, 0xFF, 6400 }, { 0x22, 0xFF, 0x10, 50 }, { 0x21, 0xFF, 0xFF, 82000 },
    };
    for (unsigned i = 0; i < sizeof alarms / sizeof alarms[0]; i++) {
        begin(BOOT_SECONDS);
        set(5, alarms[i].hour);
        set(3, alarms[i].minute);
        set(1, alarms[i].second);
        set(B, ALARM | B_24_HOURS);
        assert_false(interrupt());
        assert_int_equal(next_interrupt(), second_from_now(alarms[i].after));
        now = second_from_now(alarms[i].after) - 1;
        assert_false(interrupt());
        now++;
        assert_true(interrupt());
        assert_int_equal(get(C) & (REQUEST | ALARM), REQUEST | ALARM);
        assert_int_equal(get(HOUR) == alarms[i].hour || alarms[i].hour >= 0xC0, 1);
    }
}

static void an_alarm_that_is_no_time_never_goes_off(void **state)
{
    (void)state;
    static const uint8_t bad[][3] = { { 0x24, 0, 0 }, { 0, 0x60, 0 }, { 0, 0, 0x5A }, { 0x1F, 0, 0 } };
    for (unsigned i = 0; i < 4; i++) {
        begin(BOOT_SECONDS);
        set(5, bad[i][0]);
        set(3, bad[i][1]);
        set(1, bad[i][2]);
        set(B, ALARM | B_24_HOURS);
        assert_int_equal(next_interrupt(), RTC_NEVER);
        now += 100 * 86400 * HZ;
        assert_false(interrupt());
    }
}

static void the_alarm_is_compared_as_register_b_says(void **state)
{
    (void)state;
    set(B, ALARM | B_BINARY);
    set(5, 0x80 | 10); /* 10 p.m. */
    set(3, 14);
    set(1, 0);
    assert_int_equal(next_interrupt(), second_from_now(40));
    set(B, ALARM); /* BCD: 0Eh is no minute */
    assert_int_equal(next_interrupt(), RTC_NEVER);
}

static void an_alarm_is_not_missed_however_long_nobody_looks(void **state)
{
    (void)state;
    set(5, 0x22);
    set(3, 0x13);
    set(1, 0x19);
    set(B, ALARM | B_24_HOURS);
    now += 86398 * HZ;
    assert_false(interrupt());
    now += 1000 * 86400 * HZ;
    assert_true(interrupt());
}

static void setting_the_clock_moves_the_alarm_and_is_none(void **state)
{
    (void)state;
    set(5, 0x22);
    set(3, 0x30);
    set(1, 0x00);
    set(B, ALARM | B_24_HOURS);
    (void)interrupt();
    set(MINUTE, 0x45); /* over it */
    assert_false(interrupt());
    assert_int_equal(get(C), 0);
    set(MINUTE, 0x29);
    assert_int_equal(next_interrupt(), second_from_now(40));
    now = second_from_now(40);
    assert_true(interrupt());
}

/* "The first update cycle begins one-half second" after the divider runs. */
static void a_divider_that_is_held_stops_the_time(void **state)
{
    (void)state;
    set(B, UPDATED | PERIODIC | B_24_HOURS);
    now += HZ / 3;
    set(A, 0x76);
    (void)get(C);
    now += 100 * HZ;
    assert_false(interrupt());
    assert_int_equal(next_interrupt(), RTC_NEVER);
    assert_int_equal(get(SECOND), 0x20);
    assert_int_equal(get(A), 0x76);
    set(A, 0x20);
    assert_int_equal(next_interrupt(), now + HZ / 2);
    now += HZ / 2 - 1;
    assert_int_equal(get(SECOND), 0x20);
    now++;
    assert_int_equal(get(SECOND), 0x21);
    assert_true(interrupt());
}

static void a_restart_enables_no_interrupt(void **state)
{
    (void)state;
    set(B, UPDATED | PERIODIC | ALARM | B_24_HOURS);
    now += HZ;
    assert_true(interrupt());
    cmos_reset(&cmos);
    assert_false(interrupt());
    assert_int_equal(next_interrupt(), RTC_NEVER);
    assert_int_equal(get(C), 0);
}

/* Looked at each tick, or seldom: the same events, at the ticks foretold. */
static void random_use_agrees_with_looking_at_every_tick(void **state)
{
    (void)state;
    srand(146818);
    begin(BOOT_SECONDS + 86400 - 6400 - 3);
    for (unsigned i = 0; i < 200; i++) {
        set(A, (uint8_t)(0x20 | (8 + rand() % 8)));
        set(B, (uint8_t)((rand() & 0x70) | B_24_HOURS));
        set(5, rand() % 2 ? 0xFF : 0x00);
        set(3, rand() % 2 ? 0xFF : 0x00);
        set(1, rand() % 2 ? 0xFF : (uint8_t)(rand() % 6));
        (void)get(C);
        (void)interrupt();
        uint64_t next = next_interrupt();
        uint64_t until = now + 4 * HZ;
        while (!interrupt() && now < until)
            now++;
        if (next < until)
            assert_int_equal(now, next);
        else
            assert_int_equal(now, until);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_time_is_the_hosts_in_bcd_and_24_hours),
        TEST(the_time_runs),
        TEST(binary_and_12_hours_are_as_register_b_says),
        TEST(twelve_hours_have_no_zero),
        TEST(status_registers_read_as_a_working_clock),
        TEST(all_else_is_ram),
        TEST(the_alarm_is_kept),
        TEST(setting_the_clock_holds_it_until_all_is_written),
        TEST(a_running_clock_can_be_set_too),
        TEST(a_restart_keeps_time_and_ram),
        TEST(random_writes_never_give_a_time_that_does_not_exist),
        TEST(the_calendar_agrees_with_the_c_library),
        TEST(every_day_around_leap_days_is_there),
        TEST(times_outside_the_calendar_are_its_ends),
        TEST(an_update_is_announced),
        TEST(the_periodic_event_has_the_rate_of_register_a),
        TEST(reading_register_c_ends_every_event),
        TEST(an_update_ends_with_an_event),
        TEST(the_alarm_goes_off_when_all_three_match),
        TEST(an_alarm_that_is_no_time_never_goes_off),
        TEST(the_alarm_is_compared_as_register_b_says),
        TEST(an_alarm_is_not_missed_however_long_nobody_looks),
        TEST(setting_the_clock_moves_the_alarm_and_is_none),
        TEST(a_divider_that_is_held_stops_the_time),
        TEST(a_restart_enables_no_interrupt),
        TEST(random_use_agrees_with_looking_at_every_tick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
