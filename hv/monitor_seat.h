/* SPDX-License-Identifier: MIT
 *
 * Where a monitor is spoken to, and its wire there. Each place has a session of its
 * own (struct monitor), which one CPU alone touches.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "hv/machine.h"
#include "hv/manager.h"

enum monitor_seat {
    MONITOR_AT_CONSOLE, /* the machine's: on the console's CPU */
    MONITOR_AT_MANAGER, /* COM2 of the manager: on the CPU of its boot vCPU */
    MONITOR_SEATS
};

/* Its CPU comes to serve it, from whatever CPU it is called. */
static inline void monitor_seat_call(enum monitor_seat seat)
{
    if (seat == MONITOR_AT_MANAGER)
        manager_call();
    else
        machine_console_call();
}

/* Somebody sits there. */
bool monitor_seat_is_taken(enum monitor_seat seat);

/* Back to where the user came from. */
void monitor_seat_leave(enum monitor_seat seat);

/* What there is no room for is not taken, so whoever writes asks first. */
size_t monitor_seat_room(enum monitor_seat seat);
void monitor_seat_write(enum monitor_seat seat, const char *text, size_t length);
bool monitor_seat_calls_back(enum monitor_seat seat); /* when its wire has taken more */

/* The same for one JSON object as a line. */
size_t monitor_seat_object_room(enum monitor_seat seat);
void monitor_seat_write_object(enum monitor_seat seat, const char *text, size_t length);

int monitor_seat_read(enum monitor_seat seat); /* a byte or -1 */

/* Whether a Ctrl-C was typed; it and what came before it is gone then. */
bool monitor_seat_interrupted(enum monitor_seat seat);
