/* SPDX-License-Identifier: MIT
 *
 * See host_keyboard.h.
 */
#include "arch/host_keyboard.h"

#include "drivers/i8042.h"
#include "hv/keyboard.h"
#include "hv/log.h"

/* Keys without bytes that are passed over at a time. */
#define CODES_MAX 64

static struct keyboard keyboard;

int host_keyboard_read(void)
{
    for (unsigned i = 0; i < CODES_MAX; i++) {
        int byte = keyboard_take(&keyboard);
        if (byte >= 0)
            return byte;
        int code = host_i8042_read();
        if (code < 0)
            return -1;
        keyboard_code(&keyboard, (uint8_t)code);
    }
    return -1;
}

bool host_keyboard_waits(void)
{
    return keyboard.taken < keyboard.count || host_i8042_waits();
}

void host_keyboard_report(void)
{
    static unsigned told;

    if (keyboard.overruns == told)
        return;
    told = keyboard.overruns;
    log_line(LOG_WARNING, "the keyboard lost keys, because nobody read them in time");
}
