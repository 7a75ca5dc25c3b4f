/* SPDX-License-Identifier: MIT
 *
 * See calendar.h. A year is taken to begin on 1 March, so that the leap day is
 * its last one, and years are counted from 1 March of the year -400, so that
 * nothing is ever negative and the 400-year cycle begins with the count.
 */
#include "hv/calendar.h"

#include "hv/check.h"

#define SECONDS_PER_DAY 86400
#define DAYS_PER_YEAR 365
#define DAYS_PER_4_YEARS (4 * DAYS_PER_YEAR + 1)
#define DAYS_PER_CENTURY (25 * DAYS_PER_4_YEARS - 1)
#define DAYS_PER_CYCLE (4 * DAYS_PER_CENTURY + 1)
#define YEARS_PER_CYCLE 400

/* From 1 March of the year -400 to 1 January 1970. */
#define DAYS_TO_1970 (719468 + DAYS_PER_CYCLE)
/* To 1 January of the year 0, and of the year 10000. */
#define DAYS_FIRST (DAYS_PER_CYCLE - 60)
#define DAYS_END (DAYS_FIRST + 25 * DAYS_PER_CYCLE)

#define WEEKDAY_OF_DAY_0 3 /* a Wednesday, counted from Sunday = 0 */

/* Days of the year before each month, March first. */
static const uint16_t days_before[12] = { 0, 31, 61, 92, 122, 153, 184, 214, 245, 275, 306, 337 };

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

int64_t calendar_to_seconds(const struct calendar *date)
{
    int64_t month = clamp(date->month, 1, 12);
    int64_t year = clamp(date->year, 0, CALENDAR_YEAR_MAX) + YEARS_PER_CYCLE - (month < 3);
    int64_t days = year * DAYS_PER_YEAR + year / 4 - year / 100 + year / 400 +
                   days_before[(month + 9) % 12] + clamp(date->day, 1, 31) - 1 - DAYS_TO_1970;

    return days * SECONDS_PER_DAY + clamp(date->hour, 0, 23) * 3600 +
           clamp(date->minute, 0, 59) * 60 + clamp(date->second, 0, 59);
}

/* Splits off how often `part` fits, at most `most` times. */
static int64_t take(int64_t *days, int64_t part, int64_t most)
{
    int64_t times = clamp(*days / part, 0, most);
    *days -= times * part;
    return times;
}

static void set_date(struct calendar *date, int64_t days)
{
    date->weekday = (uint8_t)((days + WEEKDAY_OF_DAY_0) % 7 + 1);

    int64_t year = YEARS_PER_CYCLE * take(&days, DAYS_PER_CYCLE, INT64_MAX);
    year += 100 * take(&days, DAYS_PER_CENTURY, 3);
    year += 4 * take(&days, DAYS_PER_4_YEARS, 24);
    year += take(&days, DAYS_PER_YEAR, 3);

    unsigned month = 11;
    while (month > 0 && days_before[month] > days)
        month--;
    date->day = (uint8_t)(days - days_before[month] + 1);
    date->month = (uint8_t)((month + 2) % 12 + 1);
    date->year = (uint16_t)(year - YEARS_PER_CYCLE + (date->month < 3));
}

struct calendar calendar_from_seconds(int64_t seconds)
{
    struct calendar date;
    int64_t since_day_0 = clamp(seconds, (int64_t)(DAYS_FIRST - DAYS_TO_1970) * SECONDS_PER_DAY,
                                (int64_t)(DAYS_END - DAYS_TO_1970) * SECONDS_PER_DAY - 1) +
                          (int64_t)DAYS_TO_1970 * SECONDS_PER_DAY;
    int64_t of_day = since_day_0 % SECONDS_PER_DAY;

    set_date(&date, since_day_0 / SECONDS_PER_DAY);
    date.hour = (uint8_t)(of_day / 3600);
    date.minute = (uint8_t)(of_day / 60 % 60);
    date.second = (uint8_t)(of_day % 60);
    CHECK(date.year <= CALENDAR_YEAR_MAX);
    return date;
}
