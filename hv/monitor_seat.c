/* SPDX-License-Identifier: MIT
 *
 * See monitor_seat.h.
 */
#include "hv/monitor_seat.h"

#include "hv/console.h"

static bool is_manager(enum monitor_seat seat)
{
    return seat == MONITOR_AT_MANAGER;
}

bool monitor_seat_is_taken(enum monitor_seat seat)
{
    return is_manager(seat) || console_monitor_is_open();
}

void monitor_seat_leave(enum monitor_seat seat)
{
    if (!is_manager(seat))
        console_monitor_close();
}

size_t monitor_seat_room(enum monitor_seat seat)
{
    return is_manager(seat) ? manager_room() : console_monitor_room();
}

void monitor_seat_write(enum monitor_seat seat, const char *text, size_t length)
{
    if (is_manager(seat))
        manager_write(text, length);
    else
        console_monitor_write(text, length);
}

bool monitor_seat_calls_back(enum monitor_seat seat)
{
    return is_manager(seat) ? manager_calls_back() : !console_monitor_is_idle();
}

size_t monitor_seat_object_room(enum monitor_seat seat)
{
    return is_manager(seat) ? manager_room() : console_monitor_line_room();
}

/* For a shell that reads lines on a raw terminal. */
void monitor_seat_write_object(enum monitor_seat seat, const char *text, size_t length)
{
    if (is_manager(seat)) {
        manager_write(text, length);
        manager_write("\n", 1);
    } else {
        console_monitor_line(text, length);
    }
}

int monitor_seat_read(enum monitor_seat seat)
{
    return is_manager(seat) ? manager_read() : console_monitor_take();
}

bool monitor_seat_interrupted(enum monitor_seat seat)
{
    return is_manager(seat) ? manager_interrupted() : console_monitor_interrupted();
}
