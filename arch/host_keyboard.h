/* SPDX-License-Identifier: MIT
 *
 * The host's keyboard as bytes: drivers/i8042.h read through hv/keyboard.h. The
 * caller serialises, as the console's lock does.
 */
#pragma once

#include <stdbool.h>

/* A byte of what was typed, or -1. */
int host_keyboard_read(void);

/* Something was typed that was not read; not all of that has bytes. */
bool host_keyboard_waits(void);

/* Says if keys were lost since the last call. Without the console's lock. */
void host_keyboard_report(void);
