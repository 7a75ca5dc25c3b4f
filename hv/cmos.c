/* SPDX-License-Identifier: MIT
 *
 * See cmos.h. Registers as in the data sheet of the MC146818, "Registers" and
 * Table 3 "Time, Calendar, and Alarm Data Modes"; the century is at 32h, where
 * the guest's FADT says it is.
 */
#include "hv/cmos.h"

#include "hv/check.h"
#include "hv/guest_ports.h"
#include "hv/machine.h"

enum cmos_register {
    CMOS_SECOND = 0x00,
    CMOS_MINUTE = 0x02,
    CMOS_HOUR = 0x04,
    CMOS_WEEKDAY = 0x06,
    CMOS_DAY = 0x07,
    CMOS_MONTH = 0x08,
    CMOS_YEAR = 0x09,
    CMOS_A = 0x0A,
    CMOS_B = 0x0B,
    CMOS_C = 0x0C,
    CMOS_D = 0x0D,
    CMOS_CENTURY = 0x32,
};

enum {
    A_UPDATE_IN_PROGRESS = 1u << 7,
    A_32768_HZ_1024_HZ = 0x26, /* time base, and the rate of the periodic interrupt */
    B_SET = 1u << 7,
    B_INTERRUPTS_AND_SQUARE_WAVE = 0x78,
    B_BINARY = 1u << 2,
    B_24_HOURS = 1u << 1,
    D_VALID = 1u << 7,
};

#define INDEX_MASK 0x7F /* bit 7 masks NMIs on a PC */
#define HOUR_PM 0x80

void cmos_init(struct cmos *cmos, const struct cmos_clock *clock)
{
    CHECK(clock->tsc_hz != 0);
    *cmos = (struct cmos){ .clock = *clock };
    cmos->bytes[CMOS_A] = A_32768_HZ_1024_HZ;
    cmos->bytes[CMOS_B] = B_24_HOURS;
}

void cmos_reset(struct cmos *cmos)
{
    cmos->index = 0;
    cmos->bytes[CMOS_B] &= (uint8_t)~B_INTERRUPTS_AND_SQUARE_WAVE;
}

/* A CPU whose TSC lags behind sees the time of the reference point. */
static int64_t host_seconds(const struct cmos_clock *clock)
{
    uint64_t tsc = machine_tsc();
    uint64_t elapsed = tsc > clock->tsc ? tsc - clock->tsc : 0;

    return (int64_t)(clock->seconds + elapsed / clock->tsc_hz);
}

static struct calendar guest_time(const struct cmos *cmos)
{
    if (cmos->stopped)
        return cmos->held;
    return calendar_from_seconds(host_seconds(&cmos->clock) + cmos->offset_seconds);
}

static void set_guest_time(struct cmos *cmos, const struct calendar *date)
{
    cmos->offset_seconds = calendar_to_seconds(date) - host_seconds(&cmos->clock);
}

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

uint8_t cmos_read(const struct cmos *cmos, uint16_t port)
{
    if (port != GUEST_PORT_RTC_DATA)
        return 0xFF; /* the index is write-only */

    switch (cmos->index) {
    case CMOS_SECOND:
        return encode(cmos, guest_time(cmos).second);
    case CMOS_MINUTE:
        return encode(cmos, guest_time(cmos).minute);
    case CMOS_HOUR:
        return encode_hour(cmos, guest_time(cmos).hour);
    case CMOS_WEEKDAY:
        return encode(cmos, guest_time(cmos).weekday);
    case CMOS_DAY:
        return encode(cmos, guest_time(cmos).day);
    case CMOS_MONTH:
        return encode(cmos, guest_time(cmos).month);
    case CMOS_YEAR:
        return encode(cmos, guest_time(cmos).year % 100u);
    case CMOS_CENTURY:
        return encode(cmos, guest_time(cmos).year / 100u);
    case CMOS_C:
        return 0;
    case CMOS_D:
        return D_VALID;
    default:
        return cmos->bytes[cmos->index];
    }
}

/* False: `index` is no field of the time. */
static bool set_field(const struct cmos *cmos, struct calendar *date, uint8_t index, uint8_t value)
{
    uint8_t number = (uint8_t)decode(cmos, value);

    switch (index) {
    case CMOS_SECOND:
        date->second = number;
        return true;
    case CMOS_MINUTE:
        date->minute = number;
        return true;
    case CMOS_HOUR:
        date->hour = decode_hour(cmos, value);
        return true;
    case CMOS_WEEKDAY:
        return true;
    case CMOS_DAY:
        date->day = number;
        return true;
    case CMOS_MONTH:
        date->month = number;
        return true;
    case CMOS_YEAR:
        date->year = (uint16_t)(date->year / 100 * 100 + number % 100);
        return true;
    case CMOS_CENTURY:
        date->year = (uint16_t)(number % 100 * 100 + date->year % 100);
        return true;
    default:
        return false;
    }
}

/* With SET the fields are held as they are written, and are the time once it
 * is cleared: a date may pass through days that do not exist. */
static void write_b(struct cmos *cmos, uint8_t value)
{
    bool stop = value & B_SET;

    if (stop && !cmos->stopped)
        cmos->held = guest_time(cmos);
    if (!stop && cmos->stopped)
        set_guest_time(cmos, &cmos->held);
    cmos->stopped = stop;
    cmos->bytes[CMOS_B] = value;
}

static void write_data(struct cmos *cmos, uint8_t value)
{
    struct calendar date = guest_time(cmos);

    if (set_field(cmos, &date, cmos->index, value)) {
        if (cmos->stopped)
            cmos->held = date;
        else
            set_guest_time(cmos, &date);
    } else if (cmos->index == CMOS_A) {
        cmos->bytes[CMOS_A] = value & (uint8_t)~A_UPDATE_IN_PROGRESS;
    } else if (cmos->index == CMOS_B) {
        write_b(cmos, value);
    } else if (cmos->index != CMOS_C && cmos->index != CMOS_D) {
        cmos->bytes[cmos->index] = value;
    }
}

void cmos_write(struct cmos *cmos, uint16_t port, uint8_t value)
{
    if (port == GUEST_PORT_RTC_DATA)
        write_data(cmos, value);
    else
        cmos->index = value & INDEX_MASK;
}
