/* SPDX-License-Identifier: MIT
 *
 * Who gets the focus, and what the console itself says.
 */
#pragma once

#include "hv/console_state.h"

void console_focus_set(struct console *console, unsigned vm);
/* The monitor instead of the guest in focus. */
void console_focus_monitor(struct console *console);

void console_focus_next(struct console *console);

/* Goes from a stopped guest to one that still runs, if any does. */
void console_focus_leave(struct console *console);

/* A line of the hypervisor, before those of the log that wait, except at boot, where
 * nobody has typed anything; counted as lost if there is no room for it. */
void console_say(struct console *console, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
