/* SPDX-License-Identifier: MIT
 *
 * Dates of the Gregorian calendar and seconds since 1970-01-01 00:00:00 UTC,
 * both ways, for the years 0 to 9999. Leap seconds do not exist here, as in
 * POSIX time.
 */
#pragma once

#include <stdint.h>

#define CALENDAR_YEAR_MAX 9999

struct calendar {
    uint16_t year;   /* 0 to CALENDAR_YEAR_MAX */
    uint8_t month;   /* 1 to 12 */
    uint8_t day;     /* 1 to 31 */
    uint8_t hour;    /* 0 to 23 */
    uint8_t minute;  /* 0 to 59 */
    uint8_t second;  /* 0 to 59 */
    uint8_t weekday; /* 1 is Sunday; not looked at by calendar_to_seconds */
};

/* Fields outside their range count as its nearest end; a day that the month
 * does not have is one of the next month. */
int64_t calendar_to_seconds(const struct calendar *date);

/* Seconds outside the years 0 to 9999 count as the nearest end. */
struct calendar calendar_from_seconds(int64_t seconds);
