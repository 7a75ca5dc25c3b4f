/* SPDX-License-Identifier: MIT
 *
 * See console_wire.h. The wire may take a part of what it is offered, down to
 * one byte of a line break, so every state is that of the last byte taken.
 */
#include "hv/console_wire.h"

#include "hv/machine.h"

#define CHUNK 16 /* a FIFO's worth */

static const uint8_t line_break[2] = { '\r', '\n' };

void console_wire_init(struct console_wire *wire, uint8_t *bytes, size_t size)
{
    *wire = (struct console_wire){ .in_line = false };
    console_ring_init(&wire->lines, bytes, size);
}

bool console_wire_waits(const struct console_wire *wire, const struct console_ring *guest)
{
    return console_ring_count(&wire->lines) != 0 || (guest && console_ring_count(guest) != 0);
}

/* Returns how many bytes of the ring were sent. */
static size_t send_from(struct console_wire *wire, struct console_ring *ring)
{
    uint8_t chunk[CHUNK];
    size_t sent = machine_console_write(chunk, console_ring_peek(ring, chunk, sizeof chunk));

    if (sent != 0)
        wire->in_line = chunk[sent - 1] != '\n';
    console_ring_drop(ring, sent);
    return sent;
}

static size_t send_break(struct console_wire *wire)
{
    size_t done = sizeof line_break - wire->break_bytes;
    size_t sent = machine_console_write(line_break + done, wire->break_bytes);

    wire->break_bytes = (uint8_t)(wire->break_bytes - sent);
    if (wire->break_bytes == 0)
        wire->in_line = false;
    return sent;
}

size_t console_wire_send(struct console_wire *wire, struct console_ring *guest)
{
    bool own = console_ring_count(&wire->lines) != 0;

    if (own && wire->in_line && !wire->in_own_line && wire->break_bytes == 0)
        wire->break_bytes = sizeof line_break;
    if (wire->break_bytes != 0)
        return send_break(wire);
    if (!own && (guest == NULL || console_ring_count(guest) == 0))
        return 0;

    size_t sent = send_from(wire, own ? &wire->lines : guest);
    if (sent != 0)
        wire->in_own_line = own && wire->in_line;
    return sent;
}
