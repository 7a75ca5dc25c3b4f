/* SPDX-License-Identifier: MIT
 *
 * The console's way out: from the rings to the wire.
 */
#pragma once

#include "hv/console_state.h"

/* Sends what the wire takes now, up to a bound, and asks for an interrupt if
 * more waits. Returns how many bytes were sent. */
size_t console_drain(struct console *console);
