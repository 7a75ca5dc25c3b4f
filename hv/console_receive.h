/* SPDX-License-Identifier: MIT
 *
 * The console's way in: from the wire to the guest in focus, or to the keys.
 */
#pragma once

#include "hv/console_state.h"

/* Reads what has come, as long as there is room for it. */
void console_receive(struct console *console);

/* The guest has taken a byte of its input. */
void console_receive_taken(struct console *console, struct console_guest *guest);

/* Reads the wire again, if it was paused. */
void console_receive_resume(struct console *console);
