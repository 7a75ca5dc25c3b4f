/* SPDX-License-Identifier: MIT
 *
 * The host's CMOS clock, read once at boot: guests' clocks go on from there by
 * the TSC. The clock is taken to be UTC, as firmware and Linux agree on for
 * servers; it is never written.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Registers as they are, BCD or binary, 12 or 24 hours, as status B says. */
struct rtc_registers {
    uint8_t second, minute, hour, day, month, year;
    uint8_t century; /* 0: no such register */
    uint8_t status_b;
};

/* Pure. Seconds since 1970-01-01 00:00:00; false if that is no date. Without a
 * century that gives 1970 to 2299, the year is taken to be 1970 to 2069. */
bool rtc_seconds(const struct rtc_registers *registers, uint64_t *seconds);

/* century_register as the FADT tells it; 0: 32h, if what is there is plausible.
 * False: no clock, one that never stops updating, or no date in it. */
bool rtc_read(uint8_t century_register, uint64_t *seconds);
