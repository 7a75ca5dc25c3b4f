/* SPDX-License-Identifier: MIT
 *
 * See console_wire.h. The wire may take a part of what it is offered, down to
 * one byte of a line break, so every state is that of the last byte taken.
 */
#include "hv/console_wire.h"

#include "hv/machine.h"

#define CHUNK 16 /* a FIFO's worth */
#define GONE_FIRST_MAX 256

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

static size_t up_to_line_end(const uint8_t *chunk, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (chunk[i] == '\n')
            return i + 1;
    return count;
}

/* Returns how many bytes of the ring were sent. */
static size_t send_from(struct console_wire *wire, struct console_ring *ring, bool line_only)
{
    uint8_t chunk[CHUNK];
    enum machine_author author = ring == &wire->lines ? MACHINE_HYPERVISOR : MACHINE_GUEST;
    size_t there = console_ring_peek(ring, chunk, sizeof chunk);
    size_t sent = machine_console_write(author, chunk,
                                        line_only ? up_to_line_end(chunk, there) : there);

    if (sent != 0)
        wire->in_line = chunk[sent - 1] != '\n';
    console_ring_drop(ring, sent);
    return sent;
}

static size_t send_break(struct console_wire *wire)
{
    size_t done = sizeof line_break - wire->break_bytes;
    size_t sent = machine_console_write(MACHINE_GUEST, line_break + done, wire->break_bytes);

    wire->break_bytes = (uint8_t)(wire->break_bytes - sent);
    if (wire->break_bytes == 0)
        wire->in_line = false;
    return sent;
}

/* The guest's line goes on before the hypervisor's. */
static bool guest_goes_first(const struct console_wire *wire, const struct console_ring *guest)
{
    return wire->in_line && !wire->in_own_line && !wire->line_ended && wire->break_bytes == 0 &&
           wire->gone_first < GONE_FIRST_MAX && guest != NULL && console_ring_count(guest) != 0;
}

size_t console_wire_send(struct console_wire *wire, struct console_ring *guest)
{
    bool own = console_ring_count(&wire->lines) != 0;

    if (own && guest_goes_first(wire, guest)) {
        size_t passed = send_from(wire, guest, true);
        wire->gone_first = (uint16_t)(wire->gone_first + passed);
        return passed;
    }
    if (own && wire->in_line && !wire->in_own_line && wire->break_bytes == 0)
        wire->break_bytes = sizeof line_break;
    if (wire->break_bytes != 0)
        return send_break(wire);
    if (!own && (guest == NULL || console_ring_count(guest) == 0))
        return 0;

    size_t sent = send_from(wire, own ? &wire->lines : guest, false);
    if (sent != 0)
        wire->in_own_line = own && wire->in_line;
    if (own) {
        wire->gone_first = 0;
        wire->line_ended = false;
    }
    return sent;
}

void console_wire_end_line(struct console_wire *wire)
{
    wire->line_ended = true;
}
