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
#include "tests/fake/dies.h"
#include "tests/fake/machine.h"

#define INDEX 0x70
#define DATA 0x71
#define HZ 1000000ull
#define BOOT_TSC 777ull
#define BOOT_SECONDS 1700000000ull /* 2023-11-14 22:13:20, a Tuesday */

enum { SECOND = 0, MINUTE = 2, HOUR = 4, WEEKDAY = 6, DAY = 7, MONTH = 8, YEAR = 9, A, B, C, D,
       CENTURY = 0x32 };
enum { B_24_HOURS = 2, B_BINARY = 4, B_SET = 0x80 };

static struct cmos cmos;

static void begin(uint64_t seconds)
{
    fake_reset(0, 0);
    fake.tsc = BOOT_TSC;
    struct cmos_clock clock = { .seconds = seconds, .tsc = BOOT_TSC, .tsc_hz = HZ };
    cmos_init(&cmos, &clock);
}

static int fresh(void **state)
{
    (void)state;
    begin(BOOT_SECONDS);
    return 0;
}

static uint8_t get(uint8_t index)
{
    cmos_write(&cmos, INDEX, index);
    return cmos_read(&cmos, DATA);
}

static void set(uint8_t index, uint8_t value)
{
    cmos_write(&cmos, INDEX, index);
    cmos_write(&cmos, DATA, value);
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

static void the_time_runs_with_the_tsc(void **state)
{
    (void)state;
    fake.tsc += 39 * HZ + HZ - 1;
    assert_int_equal(get(SECOND), 0x59);
    fake.tsc += 1;
    assert_int_equal(get(SECOND), 0x00);
    assert_int_equal(get(MINUTE), 0x14);
    fake.tsc = 0; /* a CPU whose TSC lags behind */
    assert_int_equal(get(SECOND), 0x20);
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
    assert_int_equal(get(B), B_24_HOURS);
    set(C, 0xFF);
    assert_int_equal(get(C), 0);
    set(D, 0);
    assert_int_equal(get(D), 0x80);
    assert_int_equal(cmos_read(&cmos, INDEX), 0xFF);
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
    fake.tsc += 100 * HZ;
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
    fake.tsc += 2 * HZ;
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
    fake.tsc += 60 * HZ;
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
    set(B, 0x72);
    cmos_reset(&cmos);
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
        fake.tsc += (uint64_t)rand();
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

static void init_without_frequency(void *argument)
{
    (void)argument;
    cmos_init(&cmos, &(struct cmos_clock){ .seconds = 1 });
}

static void a_clock_without_a_frequency_is_our_bug(void **state)
{
    (void)state;
    assert_true(dies(init_without_frequency, NULL));
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_time_is_the_hosts_in_bcd_and_24_hours),
        TEST(the_time_runs_with_the_tsc),
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
        TEST(a_clock_without_a_frequency_is_our_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
