/* SPDX-License-Identifier: MIT
 *
 * What goes over the wire next: the hypervisor's lines before the output that is
 * shown, each line whole and at the start of a line. If the guest is in the
 * middle of a line, what it has already written of it goes first, within a
 * bound, so that a guest cannot hold the hypervisor's lines back; then the wire
 * breaks the line if it is not at its end.
 *
 * Guests cause lines, too, and could keep the wire busy with them. So the answers to
 * the user's keys go before all others, and behind so many bytes of others in a row
 * it is the turn of the output that waits, for as many. Not before boot's lines are
 * through: nothing comes between those.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hv/console_ring.h"

struct console_wire {
    struct console_ring answers, lines; /* of the hypervisor; whole lines only */
    bool in_line;        /* the last byte did not end a line */
    bool in_own_line;    /* ... and it was the hypervisor's */
    uint8_t break_bytes; /* of the line break, still to be sent */
    uint16_t gone_first; /* guest's bytes that a waiting own line let pass */
    bool line_ended;     /* nothing more of the guest's line will come */
    bool answering;      /* the own line on the wire is an answer */
    size_t before_all;   /* bytes of lines that go before all output */
    uint32_t in_a_row;   /* bytes of the others that went before output that waits */
    uint32_t turn;       /* bytes that go before lines that wait */
};

/* Bytes of lines in a row while output waits. A guest's is held back for longer, so
 * that a report about it is not cut in two by its next life. */
#define CONSOLE_WIRE_BEFORE_GUEST 4096u
#define CONSOLE_WIRE_BEFORE_MONITOR 256u

void console_wire_init(struct console_wire *wire);

/* Sends what the machine takes at once, of the hypervisor's lines or else of
 * `shown`, which may be NULL; returns how many bytes that was. */
size_t console_wire_send(struct console_wire *wire, struct console_ring *shown,
                         uint32_t in_a_row_max);

/* Boot is over: the lines that wait now go before all output. */
void console_wire_end_boot(struct console_wire *wire);

/* Bytes of the hypervisor's that wait. */
size_t console_wire_own_count(const struct console_wire *wire);

/* Another guest's output follows: the line on the wire will not go on. */
void console_wire_end_line(struct console_wire *wire);

/* Whether there is anything to send. */
bool console_wire_waits(const struct console_wire *wire, const struct console_ring *guest);
