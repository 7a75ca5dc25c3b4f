/* SPDX-License-Identifier: MIT
 *
 * So many within a time, and the rest is counted: what keeps a guest that does
 * the same again and again from filling the log.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct quota {
    uint64_t began;  /* this period, by the TSC */
    uint32_t used;   /* in it */
    uint32_t refused; /* since one was granted */
};

/* Whether one more is within `max` for each period. If so, `refused` is what was
 * refused before it, and begins anew. */
static inline bool quota_take(struct quota *quota, uint32_t max, uint64_t tsc,
                              uint64_t period_ticks, uint32_t *refused)
{
    if (quota->used == 0 || tsc - quota->began >= period_ticks) {
        quota->began = tsc;
        quota->used = 0;
    }
    if (quota->used == max) {
        quota->refused++;
        return false;
    }
    quota->used++;
    *refused = quota->refused;
    quota->refused = 0;
    return true;
}
