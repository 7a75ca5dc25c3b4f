/* SPDX-License-Identifier: MIT
 *
 * The console's one object, for the files hv/console*.c alone. Everything in it
 * is guarded by its lock; every function that is given a struct console is
 * called with that lock held.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/config.h"
#include "hv/console_keys.h"
#include "hv/console_ring.h"
#include "hv/console_wire.h"
#include "hv/lock.h"

struct vm;

#define CONSOLE_NO_FOCUS CONFIG_VMS_MAX

struct console_guest {
    struct vm *vm; /* NULL: it has no console */
    struct console_ring output; /* not shown yet */
    struct console_ring input;  /* not read yet */
    bool stopped;               /* for good */
    bool stopped_was_said;      /* to somebody who typed all the same */
    bool wants_room;            /* its transmitter waits */
    uint64_t overwritten;       /* output bytes not kept since it had the focus */
    uint64_t lost;              /* output bytes that a dead wire did not take */
    bool deaf;                  /* it reads nothing and its input is full */
    uint64_t dropped;           /* input bytes since */
};

struct console {
    struct lock lock;
    struct console_wire wire;
    struct console_keys keys;
    struct console_guest guests[CONFIG_VMS_MAX];
    unsigned focus;
    bool monitor; /* open: it has the input and is shown, instead of the guest in focus */
    struct console_ring monitor_output, monitor_input;
    bool leaving; /* the guest in focus has stopped; its last output first */
    bool ending;  /* the user ended the run */
    bool quit;    /* ... and vm_stop_all() is still to be called */

    bool interrupts;
    bool transmit_wanted;
    bool eager;   /* the wire took all that it was offered, and there was more */
    bool stalled; /* the wire took nothing for CONSOLE_WAIT_POLLS */
    uint64_t lines_lost;
    bool unshown; /* the screen is behind what was written, since shown_tsc at most */
    uint64_t shown_tsc;
    bool draws; /* who holds the lock draws the screen when it gives that back */

    bool paused; /* nothing is read: the input of the guest in focus is full */
    uint64_t paused_tsc; /* since then, or since the guest last read */

    uint32_t attention; /* a bit a VM: its UART has news */
};

/* The guest in focus, or NULL. While the monitor is open no guest is. */
static inline struct console_guest *console_focused(struct console *console)
{
    bool none = console->monitor || console->focus == CONSOLE_NO_FOCUS;
    return none ? NULL : &console->guests[console->focus];
}

/* Whose output is shown, or NULL. */
static inline struct console_ring *console_shown(struct console *console)
{
    struct console_guest *guest = console_focused(console);
    return console->monitor ? &console->monitor_output : guest != NULL ? &guest->output : NULL;
}
