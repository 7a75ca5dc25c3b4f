/* SPDX-License-Identifier: MIT
 *
 * drivers/rtc.c: the conversion against the C library's calendar, and the
 * reading against a clock of which the test turns the hands.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "arch/insn.h"
#include "drivers/rtc.h"

#define HOURS_24 2
#define BINARY 4
#define UPDATING 0x80

static uint8_t cmos[128];
static uint8_t selected;
static unsigned reads;
static unsigned update_ends_at; /* status A shows an update until so many reads */
static unsigned tick_at;        /* the year ends before this read; 0: never */

static void set_clock(uint8_t year, uint8_t month, uint8_t day, uint8_t hour, uint8_t minute,
                      uint8_t second)
{
    cmos[0x00] = second;
    cmos[0x02] = minute;
    cmos[0x04] = hour;
    cmos[0x07] = day;
    cmos[0x08] = month;
    cmos[0x09] = year;
}

uint8_t in8(uint16_t port)
{
    assert_int_equal(port, 0x71);
    reads++;
    if (tick_at != 0 && reads == tick_at)
        set_clock(0x24, 0x01, 0x01, 0x00, 0x00, 0x00);
    if (selected == 0x0A && cmos[0x0A] != 0xFF)
        return reads < update_ends_at ? UPDATING : 0;
    return cmos[selected];
}

void out8(uint16_t port, uint8_t value)
{
    assert_int_equal(port, 0x70);
    assert_in_range(value, 0, 127); /* bit 7 would block NMIs */
    selected = value;
}

static uint8_t bcd(unsigned value)
{
    return (uint8_t)(value / 10 << 4 | value % 10);
}

static struct rtc_registers registers_for(const struct tm *time, uint8_t format, bool century)
{
    unsigned year = (unsigned)time->tm_year + 1900;
    unsigned hour = (unsigned)time->tm_hour;
    bool pm = hour >= 12;
    if ((format & HOURS_24) == 0)
        hour = (hour + 11) % 12 + 1;
    struct rtc_registers registers = {
        .second = (uint8_t)time->tm_sec,
        .minute = (uint8_t)time->tm_min,
        .hour = (uint8_t)hour,
        .day = (uint8_t)time->tm_mday,
        .month = (uint8_t)(time->tm_mon + 1),
        .year = (uint8_t)(year % 100),
        .century = century ? (uint8_t)(year / 100) : 0,
        .status_b = format,
    };
    if ((format & BINARY) == 0)
        registers = (struct rtc_registers){
            bcd(registers.second), bcd(registers.minute), bcd(registers.hour),
            bcd(registers.day),    bcd(registers.month),  bcd(registers.year),
            bcd(registers.century), format,
        };
    if ((format & HOURS_24) == 0 && pm)
        registers.hour |= 0x80;
    return registers;
}

static void every_format_gives_the_calendars_seconds(void **state)
{
    (void)state;
    for (uint64_t expected = 0; expected < 10413792000; expected += 86400 * 3 + 5 * 3600 + 61) {
        time_t seconds = (time_t)expected;
        struct tm time;
        gmtime_r(&seconds, &time);
        for (uint8_t format = 0; format <= 6; format += 2) {
            struct rtc_registers registers = registers_for(&time, format, true);
            uint64_t result = 0;
            assert_true(rtc_seconds(&registers, &result));
            assert_int_equal(result, expected);
        }
    }
}

static void without_a_century_the_year_is_1970_to_2069(void **state)
{
    (void)state;
    for (uint64_t expected = 0; expected < 3155760000; expected += 86400 * 11 + 7) {
        time_t seconds = (time_t)expected;
        struct tm time;
        gmtime_r(&seconds, &time);
        struct rtc_registers registers = registers_for(&time, HOURS_24, false);
        uint64_t result = 0;
        assert_true(rtc_seconds(&registers, &result));
        assert_int_equal(result, expected);

        registers.century = 0xFE; /* not even BCD */
        assert_true(rtc_seconds(&registers, &result));
        assert_int_equal(result, expected);
    }
}

static void a_century_that_was_never_turned_over_is_not_believed(void **state)
{
    (void)state;
    struct rtc_registers registers = { 0, 0, 0, 1, 1, 0x24, 0x19, HOURS_24 };
    uint64_t result;
    assert_true(rtc_seconds(&registers, &result));
    assert_int_equal(result, 1704067200); /* 2024, not 1924 */
}

static void noon_and_midnight_are_told_apart(void **state)
{
    (void)state;
    struct rtc_registers registers = { 0, 0, 0x12, 1, 1, 0x70, 0x19, 0 };
    uint64_t result;
    assert_true(rtc_seconds(&registers, &result));
    assert_int_equal(result, 0);
    registers.hour = 0x92;
    assert_true(rtc_seconds(&registers, &result));
    assert_int_equal(result, 12 * 3600);
}

static void what_is_no_date_is_refused(void **state)
{
    (void)state;
    const struct rtc_registers good = { 0x59, 0x59, 0x23, 0x29, 0x02, 0x24, 0x20, HOURS_24 };
    uint64_t result;
    assert_true(rtc_seconds(&good, &result));
    static const struct { size_t field; uint8_t value; } bad[] = {
        { offsetof(struct rtc_registers, second), 0x60 },
        { offsetof(struct rtc_registers, second), 0x5A },
        { offsetof(struct rtc_registers, minute), 0x60 },
        { offsetof(struct rtc_registers, minute), 0xFF },
        { offsetof(struct rtc_registers, hour), 0x24 },
        { offsetof(struct rtc_registers, hour), 0x92 },
        { offsetof(struct rtc_registers, day), 0x00 },
        { offsetof(struct rtc_registers, day), 0x30 },
        { offsetof(struct rtc_registers, month), 0x00 },
        { offsetof(struct rtc_registers, month), 0x13 },
        { offsetof(struct rtc_registers, year), 0x23 }, /* no February 29th */
        { offsetof(struct rtc_registers, year), 0xA0 },
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct rtc_registers registers = good;
        ((uint8_t *)&registers)[bad[i].field] = bad[i].value;
        assert_false(rtc_seconds(&registers, &result));
    }
    for (unsigned hour = 0; hour < 256; hour++) {
        struct rtc_registers registers = good;
        registers.status_b = 0;
        registers.hour = (uint8_t)hour;
        bool valid = ((hour & 0x7F) >= 1 && (hour & 0x7F) <= 9) ||
                     ((hour & 0x7F) >= 0x10 && (hour & 0x7F) <= 0x12);
        assert_int_equal(rtc_seconds(&registers, &result), valid);
    }
}

static int setup(void **state)
{
    (void)state;
    memset(cmos, 0, sizeof cmos);
    set_clock(0x24, 0x01, 0x01, 0x00, 0x00, 0x30);
    cmos[0x0B] = HOURS_24;
    cmos[0x32] = 0x20;
    reads = 0;
    update_ends_at = 0;
    tick_at = 0;
    return 0;
}

static void the_clock_is_read(void **state)
{
    (void)state;
    uint64_t result;
    assert_true(rtc_read(0, &result));
    assert_int_equal(result, 1704067230);
}

static void the_century_is_where_the_firmware_says(void **state)
{
    (void)state;
    uint64_t result;
    cmos[0x32] = 0x55;
    cmos[0x37] = 0x21;
    assert_true(rtc_read(0x37, &result));
    assert_int_equal(result, 4859740830);
    cmos[0x32] = 0x20;
    assert_true(rtc_read(0xFF, &result)); /* no such register */
    assert_int_equal(result, 1704067230);
}

static void a_running_update_is_waited_for(void **state)
{
    (void)state;
    uint64_t result;
    update_ends_at = 5000;
    assert_true(rtc_read(0, &result));
    assert_true(reads > 5000);
}

static void a_tick_between_two_reads_is_noticed_wherever_it_falls(void **state)
{
    (void)state;
    for (unsigned at = 1; at < 40; at++) {
        setup(state);
        set_clock(0x23, 0x12, 0x31, 0x23, 0x59, 0x59);
        tick_at = at;
        uint64_t result;
        assert_true(rtc_read(0, &result));
        assert_in_range(result, 1704067199, 1704067200);
    }
}

static void a_clock_that_never_stops_updating_is_given_up(void **state)
{
    (void)state;
    uint64_t result;
    update_ends_at = UINT32_MAX;
    assert_false(rtc_read(0, &result));
}

static void no_clock_is_noticed_at_once(void **state)
{
    (void)state;
    uint64_t result;
    memset(cmos, 0xFF, sizeof cmos);
    assert_false(rtc_read(0, &result));
    assert_true(reads < 10);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_format_gives_the_calendars_seconds),
        TEST(without_a_century_the_year_is_1970_to_2069),
        TEST(a_century_that_was_never_turned_over_is_not_believed),
        TEST(noon_and_midnight_are_told_apart),
        TEST(what_is_no_date_is_refused),
        TEST(the_clock_is_read),
        TEST(the_century_is_where_the_firmware_says),
        TEST(a_running_update_is_waited_for),
        TEST(a_tick_between_two_reads_is_noticed_wherever_it_falls),
        TEST(a_clock_that_never_stops_updating_is_given_up),
        TEST(no_clock_is_noticed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
