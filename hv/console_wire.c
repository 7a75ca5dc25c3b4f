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

void console_wire_init(struct console_wire *wire)
{
    *wire = (struct console_wire){ .in_line = false };
}

void console_wire_end_boot(struct console_wire *wire)
{
    wire->before_all = console_ring_count(&wire->lines);
}

size_t console_wire_own_count(const struct console_wire *wire)
{
    return console_ring_count(&wire->answers) + console_ring_count(&wire->lines);
}

static bool waits(const struct console_ring *shown)
{
    return shown != NULL && console_ring_count(shown) != 0;
}

bool console_wire_waits(const struct console_wire *wire, const struct console_ring *shown)
{
    return console_wire_own_count(wire) != 0 || waits(shown);
}

static size_t up_to_line_end(const uint8_t *chunk, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (chunk[i] == '\n')
            return i + 1;
    return count;
}

/* Returns how many bytes of the ring were sent. */
static size_t send_from(struct console_wire *wire, struct console_ring *ring,
                        enum machine_author author, bool line_only)
{
    uint8_t chunk[CHUNK];
    size_t there = console_ring_peek(ring, chunk, sizeof chunk);
    size_t sent = machine_console_write(author, chunk,
                                        line_only ? up_to_line_end(chunk, there) : there);

    if (sent != 0) {
        wire->in_line = chunk[sent - 1] != '\n';
        wire->in_own_line = wire->in_line && author == MACHINE_HYPERVISOR;
    }
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

static void count_line(struct console_wire *wire, size_t sent)
{
    size_t before_all = sent < wire->before_all ? sent : wire->before_all;

    wire->before_all -= before_all;
    wire->in_a_row += (uint32_t)(sent - before_all);
}

static size_t send_own(struct console_wire *wire)
{
    if (!wire->in_own_line)
        wire->answering = console_ring_count(&wire->answers) != 0;
    size_t sent = send_from(wire, wire->answering ? &wire->answers : &wire->lines,
                            MACHINE_HYPERVISOR, true);

    if (!wire->answering)
        count_line(wire, sent);
    wire->gone_first = 0;
    wire->line_ended = false;
    return sent;
}

/* Its line goes on before the hypervisor's. */
static bool guest_goes_first(const struct console_wire *wire)
{
    return wire->in_line && !wire->in_own_line && !wire->line_ended && wire->break_bytes == 0 &&
           wire->gone_first < GONE_FIRST_MAX;
}

static size_t send_first(struct console_wire *wire, struct console_ring *shown)
{
    size_t sent = send_from(wire, shown, MACHINE_GUEST, true);

    wire->gone_first = (uint16_t)(wire->gone_first + sent);
    return sent;
}

/* Lines wait, too. */
static bool is_turn_of_output(struct console_wire *wire, uint32_t in_a_row_max)
{
    if (wire->in_own_line || wire->line_ended || wire->break_bytes != 0 ||
        console_ring_count(&wire->answers) != 0)
        return false;
    if (wire->in_a_row >= in_a_row_max) {
        wire->in_a_row = 0;
        wire->turn = in_a_row_max;
    }
    return wire->turn != 0;
}

static size_t send_turn(struct console_wire *wire, struct console_ring *shown)
{
    size_t sent = send_from(wire, shown, MACHINE_GUEST, false);

    wire->turn -= sent < wire->turn ? (uint32_t)sent : wire->turn;
    return sent;
}

static void end_turns(struct console_wire *wire)
{
    wire->in_a_row = 0;
    wire->turn = 0;
}

size_t console_wire_send(struct console_wire *wire, struct console_ring *shown,
                         uint32_t in_a_row_max)
{
    bool own = console_wire_own_count(wire) != 0;
    bool both = own && waits(shown);

    if (!both)
        end_turns(wire);
    if (both && is_turn_of_output(wire, in_a_row_max))
        return send_turn(wire, shown);
    if (both && guest_goes_first(wire))
        return send_first(wire, shown);
    if (own && wire->in_line && !wire->in_own_line && wire->break_bytes == 0)
        wire->break_bytes = sizeof line_break;
    if (wire->break_bytes != 0)
        return send_break(wire);
    if (own)
        return send_own(wire);
    return waits(shown) ? send_from(wire, shown, MACHINE_GUEST, false) : 0;
}

void console_wire_end_line(struct console_wire *wire)
{
    wire->line_ended = true;
    end_turns(wire);
}
