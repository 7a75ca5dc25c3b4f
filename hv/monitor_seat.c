/* SPDX-License-Identifier: MIT
 *
 * See monitor_seat.h.
 */
#include "hv/monitor_seat.h"

#include "hv/console.h"

bool monitor_seat_is_taken(enum monitor_seat seat)
{
    (void)seat;
    return console_monitor_is_open();
}

void monitor_seat_leave(enum monitor_seat seat)
{
    (void)seat;
    console_monitor_close();
}

size_t monitor_seat_room(enum monitor_seat seat)
{
    (void)seat;
    return console_monitor_room();
}

void monitor_seat_write(enum monitor_seat seat, const char *text, size_t length)
{
    (void)seat;
    console_monitor_write(text, length);
}

bool monitor_seat_is_idle(enum monitor_seat seat)
{
    (void)seat;
    return console_monitor_is_idle();
}

int monitor_seat_read(enum monitor_seat seat)
{
    (void)seat;
    return console_monitor_take();
}

bool monitor_seat_interrupted(enum monitor_seat seat)
{
    (void)seat;
    return console_monitor_interrupted();
}
