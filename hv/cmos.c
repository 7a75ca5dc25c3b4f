/* SPDX-License-Identifier: MIT
 *
 * See cmos.h. Registers as in the data sheet of the MC146818A, "Registers" and
 * "Time, Calendar, and Alarm Locations"; the century is at 32h, where the guest's
 * FADT says it is.
 */
#include "hv/cmos.h"

#include "hv/guest_ports.h"

enum cmos_register {
    CMOS_SECOND = 0x00,
    CMOS_SECOND_ALARM = 0x01,
    CMOS_MINUTE = 0x02,
    CMOS_MINUTE_ALARM = 0x03,
    CMOS_HOUR = 0x04,
    CMOS_HOUR_ALARM = 0x05,
    CMOS_WEEKDAY = 0x06,
    CMOS_DAY = 0x07,
    CMOS_MONTH = 0x08,
    CMOS_YEAR = 0x09,
    CMOS_A = 0x0A,
    CMOS_B = 0x0B,
    CMOS_C = 0x0C,
    CMOS_D = 0x0D,
    CMOS_SHUTDOWN = 0x0F,
};

enum {
    A_UPDATE_IN_PROGRESS = 1u << 7,
    A_DIVIDER = 0x70,
    A_DIVIDER_32768_HZ = 0x20,
    A_RATE = 0x0F,
    A_RATE_1024_HZ = 0x06,
    B_SET = 1u << 7,
    B_SQUARE_WAVE = 1u << 3,
    B_BINARY = 1u << 2,
    B_24_HOURS = 1u << 1,
    C_REQUEST = 1u << 7,
    D_VALID = 1u << 7,
};

#define INDEX_MASK 0x7F /* bit 7 masks NMIs on a PC */
#define HOUR_PM 0x80
#define ALARM_ANY 0xC0 /* and above */

/* ---- How numbers are written ---- */

static uint8_t encode(const struct cmos *cmos, unsigned value)
{
    if (cmos->bytes[CMOS_B] & B_BINARY)
        return (uint8_t)value;
    return (uint8_t)(value / 10 % 10 << 4 | value % 10);
}

static unsigned decode(const struct cmos *cmos, uint8_t value)
{
    if (cmos->bytes[CMOS_B] & B_BINARY)
        return value;
    return (value >> 4) * 10u + (value & 0xF);
}

static uint8_t encode_hour(const struct cmos *cmos, unsigned hour)
{
    if (cmos->bytes[CMOS_B] & B_24_HOURS)
        return encode(cmos, hour);
    return encode(cmos, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0);
}

static uint8_t decode_hour(const struct cmos *cmos, uint8_t value)
{
    if (cmos->bytes[CMOS_B] & B_24_HOURS)
        return (uint8_t)decode(cmos, value);
    return (uint8_t)(decode(cmos, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0));
}

/* ---- The alarm ---- */

/* The chip compares bytes: one that no time is ever written as matches never. */
static int8_t alarm_field(const struct cmos *cmos, uint8_t value, unsigned end)
{
    unsigned number = decode(cmos, value);

    if (value >= ALARM_ANY)
        return RTC_ANY;
    return number < end && encode(cmos, number) == value ? (int8_t)number : RTC_NONE;
}

static int8_t alarm_hour(const struct cmos *cmos)
{
    uint8_t value = cmos->bytes[CMOS_HOUR_ALARM];
    unsigned hour = decode_hour(cmos, value);

    if (value >= ALARM_ANY)
        return RTC_ANY;
    return hour < 24 && encode_hour(cmos, hour) == value ? (int8_t)hour : RTC_NONE;
}

static void set_alarm(struct cmos *cmos)
{
    cmos->rtc.alarm = (struct guest_rtc_alarm){
        .hour = alarm_hour(cmos),
        .minute = alarm_field(cmos, cmos->bytes[CMOS_MINUTE_ALARM], 60),
        .second = alarm_field(cmos, cmos->bytes[CMOS_SECOND_ALARM], 60),
    };
}

/* ---- Interrupts ---- */

static uint8_t enabled(const struct cmos *cmos)
{
    return cmos->bytes[CMOS_B] & RTC_EVENTS;
}

bool cmos_interrupt(struct cmos *cmos, uint64_t now)
{
    guest_rtc_look(&cmos->rtc, now);
    return cmos->rtc.events & enabled(cmos);
}

uint64_t cmos_next_interrupt(const struct cmos *cmos)
{
    return guest_rtc_next(&cmos->rtc, enabled(cmos));
}

bool cmos_selects_interrupts(const struct cmos *cmos)
{
    return cmos->index <= CMOS_D || cmos->index == GUEST_CMOS_CENTURY;
}

/* Reading it ends the request. */
static uint8_t read_c(struct cmos *cmos, uint64_t now)
{
    bool request = cmos_interrupt(cmos, now);
    uint8_t value = cmos->rtc.events | (request ? C_REQUEST : 0);

    cmos->rtc.events = 0;
    return value;
}

/* "Periodic Interrupt Rate": 1 and 2 are as 8 and 9, and 3 is 8,192 Hz. */
static uint8_t period_shift(unsigned rate)
{
    if (rate == 0)
        return 0;
    return (uint8_t)(rate <= 2 ? rate + 6 : rate - 1);
}

static void write_a(struct cmos *cmos, uint8_t value, uint64_t now)
{
    guest_rtc_look(&cmos->rtc, now);
    cmos->bytes[CMOS_A] = value & (uint8_t)~A_UPDATE_IN_PROGRESS;
    cmos->rtc.period_shift = period_shift(value & A_RATE);
    guest_rtc_hold(&cmos->rtc, (value & A_DIVIDER) != A_DIVIDER_32768_HZ, now);
}

/* With SET the fields are held as they are written, and are the time once it
 * is cleared: a date may pass through days that do not exist. */
static void write_b(struct cmos *cmos, uint8_t value, uint64_t now)
{
    bool set = value & B_SET;

    guest_rtc_look(&cmos->rtc, now);
    if (set && !cmos->rtc.inhibited) {
        cmos->set = calendar_from_seconds(guest_rtc_seconds(&cmos->rtc, now));
        value &= (uint8_t)~RTC_UPDATED;
    }
    if (!set && cmos->rtc.inhibited)
        guest_rtc_set_seconds(&cmos->rtc, calendar_to_seconds(&cmos->set), now);
    cmos->rtc.inhibited = set;
    cmos->bytes[CMOS_B] = value;
    set_alarm(cmos);
}

/* ---- Registers ---- */

void cmos_init(struct cmos *cmos, uint64_t seconds, uint64_t now)
{
    *cmos = (struct cmos){ .index = 0 };
    guest_rtc_init(&cmos->rtc, (int64_t)seconds, now);
    cmos->bytes[CMOS_A] = A_DIVIDER_32768_HZ | A_RATE_1024_HZ;
    cmos->bytes[CMOS_B] = B_24_HOURS;
    cmos->rtc.period_shift = period_shift(A_RATE_1024_HZ);
    set_alarm(cmos);
}

void cmos_reset(struct cmos *cmos)
{
    cmos->index = 0;
    cmos->rtc.events = 0;
    cmos->bytes[CMOS_B] &= (uint8_t)~(RTC_EVENTS | B_SQUARE_WAVE);
    cmos_clear_shutdown_code(cmos); /* an order of an earlier life is none of this one */
}

static struct calendar date(const struct cmos *cmos, uint64_t now)
{
    if (cmos->rtc.inhibited)
        return cmos->set;
    return calendar_from_seconds(guest_rtc_seconds(&cmos->rtc, now));
}

void cmos_select(struct cmos *cmos, uint8_t value)
{
    cmos->index = value & INDEX_MASK;
}

uint8_t cmos_read(struct cmos *cmos, uint64_t now)
{
    switch (cmos->index) {
    case CMOS_SECOND:
        return encode(cmos, date(cmos, now).second);
    case CMOS_MINUTE:
        return encode(cmos, date(cmos, now).minute);
    case CMOS_HOUR:
        return encode_hour(cmos, date(cmos, now).hour);
    case CMOS_WEEKDAY:
        return encode(cmos, date(cmos, now).weekday);
    case CMOS_DAY:
        return encode(cmos, date(cmos, now).day);
    case CMOS_MONTH:
        return encode(cmos, date(cmos, now).month);
    case CMOS_YEAR:
        return encode(cmos, date(cmos, now).year % 100u);
    case GUEST_CMOS_CENTURY:
        return encode(cmos, date(cmos, now).year / 100u);
    case CMOS_A:
        return cmos->bytes[CMOS_A] |
               (guest_rtc_is_updating(&cmos->rtc, now) ? A_UPDATE_IN_PROGRESS : 0);
    case CMOS_C:
        return read_c(cmos, now);
    case CMOS_D:
        return D_VALID;
    default:
        return cmos->bytes[cmos->index];
    }
}

/* False: `index` is no field of the time. */
static bool set_field(const struct cmos *cmos, struct calendar *to, uint8_t index, uint8_t value)
{
    uint8_t number = (uint8_t)decode(cmos, value);

    switch (index) {
    case CMOS_SECOND:
        to->second = number;
        return true;
    case CMOS_MINUTE:
        to->minute = number;
        return true;
    case CMOS_HOUR:
        to->hour = decode_hour(cmos, value);
        return true;
    case CMOS_WEEKDAY:
        return true;
    case CMOS_DAY:
        to->day = number;
        return true;
    case CMOS_MONTH:
        to->month = number;
        return true;
    case CMOS_YEAR:
        to->year = (uint16_t)(to->year / 100 * 100 + number % 100);
        return true;
    case GUEST_CMOS_CENTURY:
        to->year = (uint16_t)(number % 100 * 100 + to->year % 100);
        return true;
    default:
        return false;
    }
}

/* Any byte but a field of the time. */
static void write_byte(struct cmos *cmos, uint8_t value, uint64_t now)
{
    switch (cmos->index) {
    case CMOS_A:
        write_a(cmos, value, now);
        return;
    case CMOS_B:
        write_b(cmos, value, now);
        return;
    case CMOS_C:
    case CMOS_D:
        return;
    case CMOS_SECOND_ALARM:
    case CMOS_MINUTE_ALARM:
    case CMOS_HOUR_ALARM:
        guest_rtc_look(&cmos->rtc, now);
        cmos->bytes[cmos->index] = value;
        set_alarm(cmos);
        return;
    default:
        cmos->bytes[cmos->index] = value;
    }
}

void cmos_write(struct cmos *cmos, uint8_t value, uint64_t now)
{
    struct calendar time = date(cmos, now);

    if (!set_field(cmos, &time, cmos->index, value))
        write_byte(cmos, value, now);
    else if (cmos->rtc.inhibited)
        cmos->set = time;
    else
        guest_rtc_set_seconds(&cmos->rtc, calendar_to_seconds(&time), now);
}

uint8_t cmos_shutdown_code(const struct cmos *cmos)
{
    return cmos->bytes[CMOS_SHUTDOWN];
}

void cmos_clear_shutdown_code(struct cmos *cmos)
{
    cmos->bytes[CMOS_SHUTDOWN] = 0;
}
