/* SPDX-License-Identifier: MIT
 *
 * See console_receive.h. Input that fills the ring of a slow guest stays in the
 * wire until the guest has read half of it. That would also keep the console's
 * keys in the wire, so a guest that takes nothing at all for a while loses its
 * input instead, counted, until it reads again.
 */
#include "hv/console_receive.h"

#include "hv/console_drain.h"
#include "hv/console_focus.h"
#include "hv/machine.h"
#include "hv/vm.h"

/* At most this many bytes are read at a time. */
#define READ_MAX 65536

/* TSC ticks: one to four seconds on processors of 4 to 1 GHz. */
#define PATIENCE_TICKS (1ull << 32)

static bool is_full(const struct console_guest *guest)
{
    return console_ring_room(&guest->input) == 0;
}

static bool is_half_empty(const struct console_guest *guest)
{
    return console_ring_count(&guest->input) <= guest->input.size / 2;
}

void console_receive_resume(struct console *console)
{
    if (!console->paused)
        return;
    console->paused = false;
    machine_console_want_receive(true);
}

static void pause_receiving(struct console *console)
{
    console->paused = true;
    console->paused_tsc = machine_tsc();
    machine_console_want_receive(false);
}

/* The guest in focus has not read for too long. */
static void give_up_on(struct console *console, struct console_guest *guest)
{
    guest->deaf = true;
    console_say(console, "%s does not read its input; what is typed is dropped until it does",
                guest->vm->config->name);
    console_receive_resume(console);
}

static void guest_input(struct console *console, uint8_t byte)
{
    struct console_guest *guest = console_focused(console);

    if (console->monitor && console_ring_room(&console->monitor_input) != 0)
        console_ring_put(&console->monitor_input, byte);
    if (guest == NULL)
        return;
    if (guest->stopped) {
        if (!guest->stopped_was_said)
            console_say(console, "%s has stopped and reads nothing. %s", guest->vm->config->name,
                        CONSOLE_KEYS_HELP);
        guest->stopped_was_said = true;
        return;
    }
    if (guest->deaf) {
        guest->dropped++;
        return;
    }
    console_ring_put(&guest->input, byte);
    console->attention |= 1u << console->focus;
}

static void quit(struct console *console)
{
    console_say(console, "the user ends the run");
    console->ending = true;
    console->quit = true;
}

static void key(struct console *console, uint8_t byte)
{
    struct console_key key = console_keys_take(&console->keys, byte);

    switch (key.action) {
    case CONSOLE_NOTHING:
        return;
    case CONSOLE_INPUT:
        guest_input(console, key.value);
        return;
    case CONSOLE_NEXT:
        console_focus_next(console);
        return;
    case CONSOLE_GUEST:
        if (console->guests[key.value].vm != NULL)
            console_focus_set(console, key.value);
        else
            console_say(console, "there is no guest %u with a console. %s", key.value + 1u,
                        CONSOLE_KEYS_HELP);
        return;
    case CONSOLE_MONITOR:
        console_focus_monitor(console);
        return;
    case CONSOLE_QUIT:
        quit(console);
        return;
    case CONSOLE_HELP:
        console_say(console, CONSOLE_KEYS_HELP);
        return;
    }
}

/* Whether the next byte has a place to go, and if not, what follows. */
static bool may_read(struct console *console)
{
    struct console_guest *guest = console_focused(console);

    if (console->paused && machine_tsc() - console->paused_tsc > PATIENCE_TICKS)
        give_up_on(console, guest);
    if (console->paused)
        return false;
    if (guest == NULL || guest->stopped || guest->deaf || !is_full(guest))
        return true;
    pause_receiving(console);
    return false;
}

void console_receive(struct console *console)
{
    for (unsigned i = 0; i < READ_MAX && may_read(console); i++) {
        int byte = machine_console_read();
        if (byte < 0)
            return;
        key(console, (uint8_t)byte);
    }
}

void console_receive_taken(struct console *console, struct console_guest *guest)
{
    if (console->paused && guest == console_focused(console))
        console->paused_tsc = machine_tsc();
    if (!is_half_empty(guest))
        return;
    if (guest->deaf) {
        guest->deaf = false;
        console_say(console, "%s reads its input again; %llu bytes were dropped",
                    guest->vm->config->name, (unsigned long long)guest->dropped);
        guest->dropped = 0;
        console_drain(console);
    }
    if (guest == console_focused(console))
        console_receive_resume(console);
}
