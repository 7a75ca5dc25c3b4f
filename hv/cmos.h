/* SPDX-License-Identifier: MIT
 *
 * The guest's CMOS RAM and real-time clock, an MC146818 behind ports 70h/71h.
 *
 * The time is the host's plus an offset of the guest's own, which changes when
 * the guest sets its clock; it never touches the host's clock or another
 * guest's. UIP always reads 0: a reading takes place between two updates.
 * Limits: the clock raises no interrupt (periodic, alarm, update-ended); the
 * enable bits and the alarm are stored, and register C reads 0. The day of the
 * week follows from the date. Daylight saving does nothing.
 *
 * The caller holds the VM's lock.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hv/calendar.h"

#define CMOS_BYTES 128

/* Time of day as a line through one point: at `tsc` it was `seconds` since
 * 1970-01-01 00:00:00 UTC, and the TSC runs at `tsc_hz`, which is not 0. */
struct cmos_clock {
    uint64_t seconds;
    uint64_t tsc;
    uint64_t tsc_hz;
};

struct cmos {
    struct cmos_clock clock;
    int64_t offset_seconds;    /* guest's time less host's */
    bool stopped;              /* SET in register B: the time stands still */
    struct calendar held;      /* while it does */
    uint8_t index;
    uint8_t bytes[CMOS_BYTES]; /* all but the time, and registers C and D */
};

/* A battery that was never empty: host's time, RAM all zero. Once, at boot. */
void cmos_init(struct cmos *cmos, const struct cmos_clock *clock);

/* A guest that restarts finds time and RAM as it left them. */
void cmos_reset(struct cmos *cmos);

uint8_t cmos_read(const struct cmos *cmos, uint16_t port);
void cmos_write(struct cmos *cmos, uint16_t port, uint8_t value);
