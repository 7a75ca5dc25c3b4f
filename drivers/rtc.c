/* SPDX-License-Identifier: MIT
 *
 * The MC146818 clock of every PC: Motorola MC146818A data sheet, "Time,
 * Calendar, and Alarm Locations" and "Registers"; the century's register is the
 * firmware's convention.
 */
#include "drivers/rtc.h"

#include "arch/insn.h"
#include "hv/calendar.h"

enum {
    RTC_INDEX = 0x70, /* bit 7 clear: NMIs stay enabled */
    RTC_DATA = 0x71,
};

enum {
    RTC_SECOND = 0x00,
    RTC_MINUTE = 0x02,
    RTC_HOUR = 0x04,
    RTC_DAY = 0x07,
    RTC_MONTH = 0x08,
    RTC_YEAR = 0x09,
    RTC_STATUS_A = 0x0A,
    RTC_STATUS_B = 0x0B,
    RTC_CENTURY = 0x32,
    RTC_REGISTERS = 0x80,
};

enum {
    STATUS_A_UPDATING = 1u << 7,
    STATUS_B_24_HOURS = 1u << 1,
    STATUS_B_BINARY = 1u << 2,
    HOUR_PM = 1u << 7,
};

#define ABSENT 0xFF
/* An update takes 2 ms; a port read takes about a microsecond at least on a
 * PC, and some ten nanoseconds in an emulator. */
#define UPDATE_LOOPS_MAX 1000000
#define READ_ATTEMPTS_MAX 4

static bool is_bcd(uint8_t value)
{
    return (value & 0xF) <= 9 && value >> 4 <= 9;
}

/* False: not a number in the clock's format. */
static bool decode(uint8_t raw, uint8_t status_b, unsigned *value)
{
    if ((status_b & STATUS_B_BINARY) != 0) {
        *value = raw;
        return true;
    }
    *value = (raw >> 4) * 10u + (raw & 0xF);
    return is_bcd(raw);
}

/* 12 hours: 12 AM is 0, 12 PM is 12. */
static bool decode_hour(uint8_t raw, uint8_t status_b, unsigned *hour)
{
    if ((status_b & STATUS_B_24_HOURS) != 0)
        return decode(raw, status_b, hour) && *hour < 24;
    if (!decode(raw & (uint8_t)~HOUR_PM, status_b, hour) || *hour < 1 || *hour > 12)
        return false;
    *hour = *hour % 12 + ((raw & HOUR_PM) != 0 ? 12 : 0);
    return true;
}

static bool decode_year(const struct rtc_registers *registers, unsigned *year)
{
    unsigned century;
    if (!decode(registers->year, registers->status_b, year) || *year > 99)
        return false;
    bool plausible = decode(registers->century, registers->status_b, &century) &&
                     century <= 22 && century * 100 + *year >= 1970;
    if (!plausible)
        century = *year < 70 ? 20 : 19;
    *year += century * 100;
    return true;
}

bool rtc_seconds(const struct rtc_registers *registers, uint64_t *seconds)
{
    unsigned second, minute, hour, day, month, year;
    uint8_t format = registers->status_b;
    if (!decode(registers->second, format, &second) || second > 59 ||
        !decode(registers->minute, format, &minute) || minute > 59 ||
        !decode_hour(registers->hour, format, &hour) ||
        !decode(registers->day, format, &day) || day < 1 || day > 31 ||
        !decode(registers->month, format, &month) || month < 1 || month > 12 ||
        !decode_year(registers, &year))
        return false;

    struct calendar date = {
        .year = (uint16_t)year,
        .month = (uint8_t)month,
        .day = (uint8_t)day,
        .hour = (uint8_t)hour,
        .minute = (uint8_t)minute,
        .second = (uint8_t)second,
    };
    int64_t since_1970 = calendar_to_seconds(&date);
    if (calendar_from_seconds(since_1970).day != date.day)
        return false; /* a day that this month does not have */
    *seconds = (uint64_t)since_1970;
    return true;
}

static uint8_t cmos_read(uint8_t index)
{
    out8(RTC_INDEX, index);
    return in8(RTC_DATA);
}

static bool wait_for_update_to_end(void)
{
    for (unsigned i = 0; i < UPDATE_LOOPS_MAX; i++) {
        uint8_t status_a = cmos_read(RTC_STATUS_A);
        if (status_a == ABSENT)
            return false;
        if ((status_a & STATUS_A_UPDATING) == 0)
            return true;
    }
    return false;
}

static void read_registers(uint8_t century_register, struct rtc_registers *out)
{
    *out = (struct rtc_registers){
        .second = cmos_read(RTC_SECOND),
        .minute = cmos_read(RTC_MINUTE),
        .hour = cmos_read(RTC_HOUR),
        .day = cmos_read(RTC_DAY),
        .month = cmos_read(RTC_MONTH),
        .year = cmos_read(RTC_YEAR),
        .century = cmos_read(century_register),
        .status_b = cmos_read(RTC_STATUS_B),
    };
}

static bool same(const struct rtc_registers *a, const struct rtc_registers *b)
{
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
           a->day == b->day && a->month == b->month && a->year == b->year &&
           a->century == b->century && a->status_b == b->status_b;
}

/* Two equal readings in a row: an update that began in the middle of one shows. */
bool rtc_read(uint8_t century_register, uint64_t *seconds)
{
    if (century_register == 0 || century_register >= RTC_REGISTERS)
        century_register = RTC_CENTURY;

    struct rtc_registers last, now;
    if (!wait_for_update_to_end())
        return false;
    read_registers(century_register, &last);
    for (unsigned i = 0; i < READ_ATTEMPTS_MAX; i++) {
        if (!wait_for_update_to_end())
            return false;
        read_registers(century_register, &now);
        if (same(&last, &now))
            return rtc_seconds(&now, seconds);
        last = now;
    }
    return false;
}
