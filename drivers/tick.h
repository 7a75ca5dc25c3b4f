/* SPDX-License-Identifier: MIT
 *
 * A periodic interrupt, IRQ 0, for what has none of its own: channel 0 of the
 * PC's timer.
 */
#pragma once

#include <stdbool.h>

#define TICK_HZ 200

/* False: the timer does not count, as where firmware has turned it off. */
bool tick_start(void);
