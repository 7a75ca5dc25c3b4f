/* SPDX-License-Identifier: MIT
 *
 * The host's keyboard controller, and the keyboard at its first port. (hv/i8042.h
 * is the guests' emulated one.) What a mouse sends is thrown away. A machine
 * without a controller reads as ones there; one whose firmware imitates it for a
 * USB keyboard answers as far as that firmware goes.
 */
#pragma once

#include <stdbool.h>

enum host_i8042_status {
    HOST_I8042_ABSENT,      /* nothing that works as one */
    HOST_I8042_NO_KEYBOARD, /* no keyboard answered; one that is plugged in later may work */
    HOST_I8042_READY,
};

/* Throws away what was typed before. Scan codes will be of set 1; each raises
 * IRQ 1. Every wait is bounded, the longest takes about 0.2 s. */
enum host_i8042_status host_i8042_init(void);

/* A scan code waits. */
bool host_i8042_waits(void);

/* A scan code, or -1. */
int host_i8042_read(void);
