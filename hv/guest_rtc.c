/* SPDX-License-Identifier: MIT
 *
 * See guest_rtc.h. Motorola MC146818A data sheet, "Interrupts", "Divider Stages" and
 * "Update Cycle". A second ends with its update cycle: then the new time is there
 * and the update-ended and alarm events happen.
 */
#include "hv/guest_rtc.h"

#define TICK_SHIFT 15 /* of a second */
#define TICK_MASK (RTC_HZ - 1)
#define HALF_A_SECOND (RTC_HZ / 2)

/* 244 us of warning, 1984 us of update. */
#define UPDATE_TICKS 73

#define DAY_SECONDS 86400
#define HOUR_SECONDS 3600
#define HOURS 24
#define MINUTES 60
#define SECONDS 60

void guest_rtc_init(struct guest_rtc *rtc, int64_t seconds, uint64_t now)
{
    *rtc = (struct guest_rtc){ .seen = seconds << TICK_SHIFT };
    rtc->offset = rtc->seen - (int64_t)now;
}

static int64_t tick(const struct guest_rtc *rtc, uint64_t now)
{
    return rtc->held ? rtc->seen : (int64_t)now + rtc->offset;
}

int64_t guest_rtc_seconds(const struct guest_rtc *rtc, uint64_t now)
{
    return tick(rtc, now) >> TICK_SHIFT;
}

void guest_rtc_set_seconds(struct guest_rtc *rtc, int64_t seconds, uint64_t now)
{
    guest_rtc_look(rtc, now);
    int64_t change = (seconds - (rtc->seen >> TICK_SHIFT)) * RTC_HZ;
    rtc->offset += change;
    rtc->seen += change;
}

bool guest_rtc_is_updating(const struct guest_rtc *rtc, uint64_t now)
{
    return !rtc->held && !rtc->inhibited &&
           (tick(rtc, now) & TICK_MASK) >= RTC_HZ - UPDATE_TICKS;
}

void guest_rtc_hold(struct guest_rtc *rtc, bool held, uint64_t now)
{
    if (held == rtc->held)
        return;
    guest_rtc_look(rtc, now);
    rtc->held = held;
    if (held)
        return;
    rtc->seen = (rtc->seen & ~(int64_t)TICK_MASK) | HALF_A_SECOND;
    rtc->offset = rtc->seen - (int64_t)now;
}

/* ---- The alarm ---- */

/* The first value from `from` on that the alarm's field takes, or `end`. */
static int first_match(int field, int from, int end)
{
    if (field == RTC_ANY)
        return from;
    return field >= from && field < end ? field : end;
}

/* Seconds since the hour from `from` on, of this hour, or HOUR_SECONDS. At most
 * two minutes are looked at, and below at most two hours: what comes later begins
 * with 0, from where each field has a match. */
static int match_in_hour(const struct guest_rtc_alarm *alarm, int from)
{
    int begin = from % SECONDS;

    for (int minute = first_match(alarm->minute, from / SECONDS, MINUTES); minute < MINUTES;
         minute = first_match(alarm->minute, minute + 1, MINUTES)) {
        int second = first_match(alarm->second, minute == from / SECONDS ? begin : 0, SECONDS);
        if (second < SECONDS)
            return minute * SECONDS + second;
    }
    return HOUR_SECONDS;
}

/* The same for the day. */
static int match_in_day(const struct guest_rtc_alarm *alarm, int from)
{
    int begin = from % HOUR_SECONDS;

    for (int hour = first_match(alarm->hour, from / HOUR_SECONDS, HOURS); hour < HOURS;
         hour = first_match(alarm->hour, hour + 1, HOURS)) {
        int match = match_in_hour(alarm, hour == from / HOUR_SECONDS ? begin : 0);
        if (match < HOUR_SECONDS)
            return hour * HOUR_SECONDS + match;
    }
    return DAY_SECONDS;
}

/* The second after `seconds` at which the alarm goes off; INT64_MAX: it never does. */
static int64_t next_alarm(const struct guest_rtc_alarm *alarm, int64_t seconds)
{
    if (alarm->hour == RTC_NONE || alarm->minute == RTC_NONE || alarm->second == RTC_NONE)
        return INT64_MAX;

    int64_t from = seconds + 1;
    int64_t of_day = from % DAY_SECONDS;
    if (of_day < 0)
        of_day += DAY_SECONDS;

    int match = match_in_day(alarm, (int)of_day);
    if (match < DAY_SECONDS)
        return from - of_day + match;
    match = match_in_day(alarm, 0);
    return match < DAY_SECONDS ? from - of_day + DAY_SECONDS + match : INT64_MAX;
}

/* ---- Events ---- */

void guest_rtc_look(struct guest_rtc *rtc, uint64_t now)
{
    int64_t until = tick(rtc, now);
    int64_t before = rtc->seen >> TICK_SHIFT;
    int64_t second = until >> TICK_SHIFT;

    if (rtc->period_shift != 0 &&
        until >> rtc->period_shift != rtc->seen >> rtc->period_shift)
        rtc->events |= RTC_PERIODIC;
    if (second != before && !rtc->inhibited) {
        rtc->events |= RTC_UPDATED;
        if (!(rtc->events & RTC_ALARM) && next_alarm(&rtc->alarm, before) <= second)
            rtc->events |= RTC_ALARM;
    }
    rtc->seen = until;
}

static int64_t next_multiple(int64_t ticks, unsigned shift)
{
    return ((ticks >> shift) + 1) << shift;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

uint64_t guest_rtc_next(const struct guest_rtc *rtc, uint8_t wanted)
{
    int64_t next = INT64_MAX;

    if (rtc->held || (rtc->events & wanted))
        return RTC_NEVER;
    if ((wanted & RTC_PERIODIC) && rtc->period_shift != 0)
        next = next_multiple(rtc->seen, rtc->period_shift);
    if ((wanted & RTC_UPDATED) && !rtc->inhibited)
        next = earlier(next, next_multiple(rtc->seen, TICK_SHIFT));
    if ((wanted & RTC_ALARM) && !rtc->inhibited) {
        int64_t second = next_alarm(&rtc->alarm, rtc->seen >> TICK_SHIFT);
        if (second != INT64_MAX)
            next = earlier(next, second * RTC_HZ);
    }
    return next == INT64_MAX ? RTC_NEVER : (uint64_t)(next - rtc->offset);
}
