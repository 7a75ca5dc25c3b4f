/* SPDX-License-Identifier: MIT
 *
 * The clock inside of the guest's MC146818: a divider chain of 32,768 Hz, the
 * seconds that it counts, and the three events that come of it. hv/cmos.h has the
 * registers.
 *
 * The guest's time is the machine's plus an offset of its own, which changes when
 * the guest sets its clock or holds the divider; it never touches the host's clock
 * or another guest's. `now` is the machine's time in ticks of RTC_HZ and never goes
 * back. Nothing runs here: events are found when somebody looks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define RTC_HZ 32768u
#define RTC_NEVER UINT64_MAX

/* Events, and the bits that enable them: the same in the registers B and C. */
enum {
    RTC_UPDATED = 1u << 4,
    RTC_ALARM = 1u << 5,
    RTC_PERIODIC = 1u << 6,
    RTC_EVENTS = RTC_UPDATED | RTC_ALARM | RTC_PERIODIC,
};

/* Time of day; a field may be RTC_ANY, or RTC_NONE, which no time is. */
#define RTC_ANY (-1)
#define RTC_NONE (-2)
struct guest_rtc_alarm {
    int8_t hour, minute, second;
};

struct guest_rtc {
    int64_t offset;       /* guest's ticks less the machine's */
    int64_t seen;         /* guest's tick, up to which events are known */
    bool held;            /* the divider is: time stands still at `seen` */
    bool inhibited;       /* SET: no second is counted for anybody to see */
    uint8_t period_shift; /* of the periodic event, in ticks; 0: none */
    uint8_t events;       /* that have happened */
    struct guest_rtc_alarm alarm;
};

/* `seconds` since 1970-01-01 00:00:00 UTC. */
void guest_rtc_init(struct guest_rtc *rtc, int64_t seconds, uint64_t now);

int64_t guest_rtc_seconds(const struct guest_rtc *rtc, uint64_t now);
void guest_rtc_set_seconds(struct guest_rtc *rtc, int64_t seconds, uint64_t now);

/* The second is about to change, within 2,228 us: the time must not be read. */
bool guest_rtc_is_updating(const struct guest_rtc *rtc, uint64_t now);

/* After it the first second comes in half a second. */
void guest_rtc_hold(struct guest_rtc *rtc, bool held, uint64_t now);

/* Puts down which events have happened. */
void guest_rtc_look(struct guest_rtc *rtc, uint64_t now);

/* Behind guest_rtc_look(): the machine's tick of the next one of `wanted`, if none of
 * these has happened. */
uint64_t guest_rtc_next(const struct guest_rtc *rtc, uint8_t wanted);
