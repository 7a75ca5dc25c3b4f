/* SPDX-License-Identifier: MIT
 *
 * What goes over the wire next: the hypervisor's lines before the guest's
 * output, each line whole and at the start of a line. If the guest is in the
 * middle of a line, what it has already written of it goes first, within a
 * bound, so that a guest cannot hold the hypervisor's lines back; then the wire
 * breaks the line if it is not at its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/console_ring.h"

struct console_wire {
    struct console_ring lines; /* of the hypervisor; whole lines only */
    bool in_line;        /* the last byte did not end a line */
    bool in_own_line;    /* ... and it was the hypervisor's */
    uint8_t break_bytes; /* of the line break, still to be sent */
    uint16_t gone_first; /* guest's bytes that a waiting own line let pass */
    bool line_ended;     /* nothing more of the guest's line will come */
};

void console_wire_init(struct console_wire *wire, uint8_t *bytes, size_t size);

/* Sends what the machine takes at once, of the hypervisor's lines or else of
 * `guest`, which may be NULL; returns how many bytes that was. */
size_t console_wire_send(struct console_wire *wire, struct console_ring *guest);

/* Another guest's output follows: the line on the wire will not go on. */
void console_wire_end_line(struct console_wire *wire);

/* Whether there is anything to send. */
bool console_wire_waits(const struct console_wire *wire, const struct console_ring *guest);
