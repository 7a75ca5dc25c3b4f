/* SPDX-License-Identifier: MIT
 *
 * See tick.h. Intel 8254 data sheet, "Mode 2: Rate Generator" and "Counter Latch
 * Command".
 */
#include "drivers/tick.h"

#include <stdint.h>

#include "arch/insn.h"

#define CLOCK_HZ 1193182u
#define PERIOD (CLOCK_HZ / TICK_HZ)

enum { CHANNEL_0 = 0x40, CONTROL = 0x43, LATCH_0 = 0x00, RATE_GENERATOR_0 = 0x34 };

/* Each reads three ports, some microseconds: the counter moves within one. */
#define LOOKS_MAX 1000

static unsigned count(void)
{
    out8(CONTROL, LATCH_0);
    unsigned low = in8(CHANNEL_0);
    return low | (unsigned)in8(CHANNEL_0) << 8;
}

bool tick_start(void)
{
    out8(CONTROL, RATE_GENERATOR_0);
    out8(CHANNEL_0, (uint8_t)PERIOD);
    out8(CHANNEL_0, (uint8_t)(PERIOD >> 8));

    unsigned first = count();
    for (unsigned i = 0; i < LOOKS_MAX; i++)
        if (count() != first)
            return true;
    return false;
}
