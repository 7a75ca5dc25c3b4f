/* SPDX-License-Identifier: MIT
 *
 * The guest's CMOS RAM and real-time clock, an MC146818A behind ports 70h/71h:
 * its registers; hv/guest_rtc.h is the clock behind them.
 *
 * During an update the time reads as before it. The day of the week follows from
 * the date. Daylight saving does nothing, and there is no square wave. The divider
 * runs on a crystal of 32,768 Hz; selecting another one holds it.
 *
 * Times are ticks of RTC_HZ. The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/calendar.h"
#include "hv/guest_rtc.h"

#define CMOS_BYTES 128

struct cmos {
    struct guest_rtc rtc;
    struct calendar set;       /* the time while SET in register B inhibits updates */
    uint8_t index;
    uint8_t bytes[CMOS_BYTES]; /* all but the time, and registers C and D */
};

/* A battery that was never empty: RAM all zero, and it is so many seconds since
 * 1970-01-01 00:00:00 UTC. Once, at boot. */
void cmos_init(struct cmos *cmos, uint64_t seconds, uint64_t now);

/* A guest that restarts finds time and RAM as it left them, but for the shutdown code,
 * which firmware takes. */
void cmos_reset(struct cmos *cmos);

/* Port 70h, which is write-only, and 71h. */
void cmos_select(struct cmos *cmos, uint8_t value);
uint8_t cmos_read(struct cmos *cmos, uint64_t now);
void cmos_write(struct cmos *cmos, uint8_t value, uint64_t now);

/* The byte by which a guest tells its firmware what a reset is for. */
uint8_t cmos_shutdown_code(const struct cmos *cmos);
void cmos_clear_shutdown_code(struct cmos *cmos);

/* Whether a write to 71h now may change when it interrupts. */
bool cmos_selects_interrupts(const struct cmos *cmos);

/* The interrupt request, and behind it the next tick at which it can rise. */
bool cmos_interrupt(struct cmos *cmos, uint64_t now);
uint64_t cmos_next_interrupt(const struct cmos *cmos);
